"""What the tax office tells us: docs/partners/tax.md. A message is verified, kept and applied in one transaction, or refused whole."""

import logging
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.channels.guards import partner
from shebao.channels.partners.signature import answer, refused
from shebao.gateways import signed
from shebao.gateways import tax as wire
from shebao.gateways.strict_json import MessageRefused
from shebao.levy import tax_hearing

log = logging.getLogger("shebao.partners")


@csrf_exempt
@partner(tax_hearing.SENDER)
@require_POST
def payments(request: HttpRequest) -> HttpResponse:
    """缴费信息: payments taken at the tax office."""
    return _heard(request, wire.PAYMENTS)


@csrf_exempt
@partner(tax_hearing.SENDER)
@require_POST
def reversals(request: HttpRequest) -> HttpResponse:
    """冲正: payments that were none."""
    return _heard(request, wire.REVERSALS)


def _heard(request: HttpRequest, path: str) -> HttpResponse:
    message: UUID | None = None
    try:
        envelope = signed.read_envelope(request.body)
        message = envelope.message
        if envelope.sender != tax_hearing.SENDER:
            raise MessageRefused("TAX-12", "报文的发送方不是签名密钥的所有者，没有处理", 403)
        key_id = str(request.partner_key)  # type: ignore[attr-defined]
        with acting(ENGINE):
            told = tax_hearing.hear(envelope, path, request.body, key_id, place=settings.PLACE, at=now())
    except MessageRefused as error:  # what was done so far is rolled back with the block above
        return refused(request, error, message)
    except ShebaoError as error:  # it is we who cannot just now: the same message shall come again, nothing of it is lost
        log.error("message %s of the tax office waits: %s %s", message, error.code, error.text)
        return refused(request, MessageRefused(error.code, error.text, 503), message)
    return answer(200, told, message)
