"""The open API of one's own flexible months: 核定信息, 核定单, by the person's own account."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.money import yuan
from shebao.channels.guards import person_api
from shebao.channels.openapi.body import json_body, uuid_of
from shebao.channels.openapi.contact import json_answer
from shebao.channels.personal.pages import actor_of, engine_of, live_of
from shebao.levy import flexible_billing
from shebao.levy.flexible_billing import DraftMonth, Wanted
from shebao.levy.models import Bill, FlexDue
from shebao.policy.rulebook import standard
from shebao.surfaces.api import BadBodyError

NAMES = frozenset({"agency_id", "tier", "from_month", "to_month"})


def _wanted(request: HttpRequest, body: Mapping[str, Any]) -> Wanted:
    for name in NAMES:
        if type(body[name]) is not int:
            raise BadBodyError(f"{name} 应为整数，请改正后重新发送")
    for name in ("from_month", "to_month"):
        if not (190001 <= body[name] <= 299912 and 1 <= body[name] % 100 <= 12):
            raise BadBodyError(f"{name} 应为年月，例如 202601")
    if not (0 < body["agency_id"] < 32_768 and 0 < body["tier"] <= 1_000):
        raise BadBodyError("agency_id 或 tier 超出范围，请核对")
    place = body.get("registered_at")
    if place is not None and not isinstance(place, str):
        raise BadBodyError("registered_at 应为登记所在地的名称，例如 武汉市")
    return Wanted(actor_of(request).person_id, body["agency_id"], body["tier"], body["from_month"], body["to_month"], place)


def _month(one: DraftMonth) -> dict[str, Any]:
    return {
        "month": one.month,
        "tier": one.due.tier,
        "base": yuan(one.due.base_fen),
        "total": yuan(one.due.total_fen),
        "interest": yuan(one.due.interest_fen),
        "account": yuan(one.due.account_fen),
        "pool": yuan(one.due.total_fen - one.due.account_fen),
        "explain": one.explained.to_dict() if one.explained else None,
    }


def _due(due: FlexDue) -> dict[str, Any]:
    return {
        "month": due.month,
        "tier": due.tier,
        "base": yuan(due.base_fen),
        "total": yuan(due.total_fen),
        "interest": yuan(due.interest_fen),
        "account": yuan(due.account_fen),
        "state": due.state,
    }


def _bill(bill: Bill, *, whole: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "number": bill.number,
        "from_month": bill.first_month,
        "to_month": bill.last_month,
        "issued_on": bill.issued_on.isoformat(),
        "due_date": bill.due_date.isoformat(),
        "total": yuan(bill.total_fen),
        "open": yuan(bill.open_fen),
        "state": bill.state,
    }
    return body | {"months": [_due(due) for due in flexible_billing.dues_on(bill)]} if whole else body


@csrf_exempt
@person_api
@require_POST
def assess(request: HttpRequest) -> HttpResponse:
    """核定信息: what the months would cost, and why. Nothing is written."""
    wanted = _wanted(request, json_body(request, NAMES, optional=frozenset({"registered_at"})))
    found = flexible_billing.draft(wanted, place=live_of(request).place, rulebook=standard(), at=now())
    months = [_month(one) for one in found.months]
    return json_answer({"total": yuan(found.total_fen), "payable_until": found.payable_until.isoformat(), "months": months})


@csrf_exempt
@person_api
@require_http_methods(["GET", "POST"])
def bills(request: HttpRequest) -> HttpResponse:
    """GET: one's 核定单. POST: make one; the same submission_key gives the same bill."""
    person_id = actor_of(request).person_id
    if request.method == "GET":
        return json_answer({"bills": [_bill(bill, whole=False) for bill in flexible_billing.bills_of(person_id)]})
    body = json_body(request, NAMES | {"submission_key"}, optional=frozenset({"registered_at"}))
    wanted, key, moment = _wanted(request, body), uuid_of(body["submission_key"]), now()
    with acting(engine_of(actor_of(request))):
        made = flexible_billing.issue(wanted, place=live_of(request).place, rulebook=standard(), on=moment.date(), at=moment, key=key)
        return json_answer(_bill(made, whole=True), 201)


@person_api
@require_GET
def bill(request: HttpRequest, number: str) -> HttpResponse:
    """One 核定单 by its number (核定流水号提取)."""
    found = flexible_billing.find_own(number, actor_of(request).person_id)
    return json_answer(_bill(found, whole=True))
