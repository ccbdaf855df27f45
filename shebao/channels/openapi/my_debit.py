"""The open API of one's own 批扣: what is signed and what the next debit takes; sign or change (PUT), end (DELETE)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.money import yuan
from shebao.channels.guards import person_api
from shebao.channels.openapi.body import json_body
from shebao.channels.openapi.contact import json_answer
from shebao.channels.personal.pages import actor_of, engine_of, live_of
from shebao.levy import debit_queries, debit_signing
from shebao.levy.bank_models import Scheme
from shebao.levy.debit_signing import NewAgreement
from shebao.policy.rulebook import standard
from shebao.surfaces.api import BadBodyError

NAMES = frozenset({"bank", "account"})
ONLINE_END = "本人网上解约"


@csrf_exempt
@person_api
@require_http_methods(["GET", "PUT", "DELETE"])
def debit(request: HttpRequest) -> HttpResponse:
    """GET: the agreement (null when there is none), the next debit and the past ones. PUT: the agreement shall be this one: it is signed,
    changed, or left as it is; the same request again changes nothing. DELETE: it ends."""
    actor = actor_of(request)
    if request.method == "PUT":
        new = _wanted(request)
        with acting(engine_of(actor)):
            debit_signing.sign_or_change(new, at=now())
    elif request.method == "DELETE":
        with acting(engine_of(actor)):
            debit_signing.end(actor.person_id, ONLINE_END, at=now())
    return json_answer(_told(actor.person_id))


def _wanted(request: HttpRequest) -> NewAgreement:
    body = json_body(request, NAMES, optional=frozenset({"scheme"}))
    for name, value in body.items():
        if not isinstance(value, str):
            raise BadBodyError(f"{name} 应为文字，请改正后重新发送")
    scheme = body.get("scheme", Scheme.CITY.value)
    if scheme not in Scheme.values:
        raise BadBodyError(f"scheme 只能是 {'、'.join(Scheme.values)}")
    actor = actor_of(request)
    return NewAgreement(actor.person_id, actor.agency_id, live_of(request).place, body["bank"], body["account"], Scheme(scheme))


def _told(person_id: int) -> dict[str, Any]:
    live = debit_signing.live_agreement(person_id)
    body: dict[str, Any] = {"agreement": None, "next": None, "past": [_past(p) for p in debit_queries.debits_of(person_id)]}
    if live is None:
        return body
    following = debit_queries.next_debit(live, now().date(), standard())
    return body | {
        "agreement": {
            "number": live.number,
            "bank": live.bank,
            "account": debit_signing.masked(live.account),
            "scheme": live.scheme,
            "signed_at": live.signed_at.isoformat(),
        },
        "next": {
            "day": following.day.day.isoformat() if following.day else None,
            "amount": yuan(following.amount_fen),
            "from_month": following.first_month or None,
            "to_month": following.last_month or None,
            "months": following.months,
            "why": following.unknown or following.why,
        },
    }


def _past(p: debit_queries.Past) -> dict[str, Any]:
    return {
        "batch": p.batch,
        "bank": p.bank,
        "day": p.planned_on.isoformat(),
        "amount": yuan(p.amount_fen),
        "from_month": p.first_month,
        "to_month": p.last_month,
        "months": p.months,
        "result": p.result,
        "label": p.words,
    }
