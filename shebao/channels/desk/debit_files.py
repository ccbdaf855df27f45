"""批扣 files by hand, where the bank shares no folder and answers no call: take ours away, bring its result. One reader for all ways."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.casework.jobs import defer
from shebao.channels import errors
from shebao.channels.desk.debits import own_batch, page
from shebao.channels.desk.pages import actor_of, engine_of
from shebao.channels.guards import agency
from shebao.gateways.bank import BankFileRefused, peek
from shebao.gateways.bank_client import BYTES_MAX
from shebao.gateways.partner_keys import keys_of
from shebao.levy import debit_answers
from shebao.levy.bank_models import BatchState

AWAY = (BatchState.SENT, BatchState.ANSWERED, BatchState.POSTED)


@agency(Post.FINANCE)
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """A result file: kept whole and booked by the job process, or refused whole; which batch it answers it says itself."""
    given, moment = request.FILES.get("file"), now()
    if given is None:
        return page(request, BankFileRefused("BNK-01", "请选择银行给出的结果文件"))
    try:
        if (given.size or 0) > BYTES_MAX:
            raise BankFileRefused("BNK-13", f"文件超过 {BYTES_MAX // 1024 // 1024} 兆，没有入账，请与银行核对")
        content = given.read()
        number = peek(content).batch
        if own_batch(request, number) is None:
            raise BankFileRefused("BNK-24", f"没有批次 {number}；没有入账，请与对方核对批次号")
        keys = [key.raw for key in keys_of(Path(settings.PARTNERS), "bank")]
        with acting(engine_of(actor_of(request))):
            debit_answers.receive(content, keys, at=moment, on=moment.date())
            defer("bank_finish")
    except ShebaoError as error:
        return page(request, error)
    return HttpResponseRedirect(f"/w/debits/{number}")


@agency(Post.FINANCE)
@require_GET
def sent_file(request: HttpRequest, number: str) -> HttpResponse:
    """Our file of a batch that a second person has sent, byte for byte as it was confirmed."""
    batch = own_batch(request, number)
    if batch is None or batch.state not in AWAY:
        return errors.page(request, 404)
    name = f"DK_{batch.number}_01.txt"
    path = Path(settings.DATA) / "debits" / name
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).digest() != bytes(batch.file_sha256 or b""):
        return errors.page(request, 404)
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
