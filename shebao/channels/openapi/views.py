"""The open API: sign-in, filings of every item, cases, staff, bills. Answers in JSON; refusals as problem+json."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from shebao.access import operations as access
from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.actor import Actor
from shebao.base.clock import now, today
from shebao.base.money import yuan
from shebao.casework import operations as casework
from shebao.casework.attachments import against
from shebao.casework.cases import NoSuchCaseError
from shebao.casework.item import Audience, ServiceItem, item_by_slug
from shebao.casework.item import Filing as Row
from shebao.casework.models import Case, Channel
from shebao.channels import due_changes, errors
from shebao.channels.contexts import of_request
from shebao.channels.explaining import explain_due
from shebao.channels.frame import frame
from shebao.channels.guards import everyone, unit_api
from shebao.channels.middleware import sign_in_cookie
from shebao.channels.openapi.bearer import bearer_missing
from shebao.channels.openapi.body import json_body, uuid_of
from shebao.levy import queries as levy
from shebao.levy.models import Bill
from shebao.levy.tax_standing import Standing, standing
from shebao.levy.timeline import timeline
from shebao.surfaces.api import FILINGS_MAX, BadBodyError, effect_json, openapi, refusal_json, typed_filing

PAGE = 100
BACK_MAX = 1000  # 补缴 and 补差 told with one bill


def _json(body: dict[str, Any], status: int = 200) -> JsonResponse:
    return JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})


def _item(slug: str) -> ServiceItem:
    item = item_by_slug(slug, Audience.UNIT)
    if item is None:
        raise NoSuchCaseError
    return item


@everyone
@require_GET
def document(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    return _json(openapi(settings.BASE_URL))


@everyone
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The same document for people."""
    return render(request, "public/openapi.html", frame(request, "开放接口") | {"document": openapi(settings.BASE_URL)})


@csrf_exempt
@everyone
@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """A token for programs: the same sign-in as in the browser, with the same lock and time-out."""
    body = json_body(request, frozenset({"username", "password"}))
    try:
        done = access.sign_in(
            str(body["username"])[:60], str(body["password"])[:200], at=now(), address=request.META.get("REMOTE_ADDR", ""), agent="api"
        )
    except access.SignInRefused as error:
        return errors.told(request, error)  # answered here, not raised: the count of failures has to stay
    with acting(done.actor):
        record([Trace("access.signed_in", str(body["username"])[:60])], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    if done.must_change_password:
        return errors.problem(request, 403, "ACC-04", "请先在网页登录并修改初始密码，再调用接口")
    return _json({"token": sign_in_cookie(done.actor, done.signin_id, done.token)})


@csrf_exempt
@unit_api
@require_POST
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """校验 one filing; nothing is stored."""
    item, context = _item(slug), of_request(request)
    typed = typed_filing(item, json_body(request, frozenset({"filing"}))["filing"])
    found = casework.examine_one(item, context, typed)
    found.refusals += against(item, context, [found.values])[0]
    body: dict[str, Any] = {
        "accepted": not found.refusals,
        "errors": [refusal_json(r) for r in found.refusals],
        "warnings": [refusal_json(r) for r in found.warnings],
    }
    if not found.refusals:
        body["effect"] = effect_json(casework.effect_of(item, context, [found]))
        changes = casework.changes_of(item, context, Row(found.values))
        body["changes"] = [{"label": c.label, "before": c.before, "after": c.after} for c in changes]
    return _json(body)


@csrf_exempt
@unit_api
@require_POST
def file(request: HttpRequest, slug: str) -> HttpResponse:
    """保存并提交审批: all filings of the request, or none of them."""
    if (refused := bearer_missing(request)) is not None:
        return refused
    item, context = _item(slug), of_request(request)
    body = json_body(request, frozenset({"submission_key", "filings"}))
    given = body["filings"]
    if not isinstance(given, list) or not 1 <= len(given) <= FILINGS_MAX:
        raise BadBodyError(f"filings 应为 1 至 {FILINGS_MAX} 项的数组；更多的请用批量上传")
    typed = [typed_filing(item, one) for one in given]
    try:
        case_id = casework.file_many(item, context, typed, key=uuid_of(body["submission_key"]), channel=Channel.API)
    except casework.RowsRefusedError as error:
        told = [refusal_json(r, row) for row, refusals in error.rows.items() for r in refusals]
        return errors.problem(request, 422, error.code, error.text, told)
    return _json(_case(Case.objects.get(pk=case_id)), 201)


def _case(case: Case, *, whole: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = {
        "number": case.number,
        "item": case.item_code,
        "item_version": case.item_version,
        "subject": case.subject,
        "state": case.state,
        "state_label": case.get_state_display(),
        "returned": case.returned,
        "return_reason": case.return_reason,
        "round": case.round,
        "version": case.version,
        "created_at": case.created_at.isoformat(),
        "submitted_at": case.submitted_at.isoformat() if case.submitted_at else None,
        "ended_at": case.ended_at.isoformat() if case.ended_at else None,
    }
    if whole:
        rows = case.filings.order_by("row")[:FILINGS_MAX]
        body["filings"] = [
            {
                "row": f.row,
                "state": f.state,
                "name": f.name,
                "values": f.values,
                "errors": f.refusals or [],
                "return_reason": f.return_reason,
            }
            for f in rows
        ]
        body["events"] = [{"at": e.at.isoformat(), "kind": e.kind, "text": e.text} for e in case.events.order_by("id")]
    return body


@unit_api
@require_GET
def cases(request: HttpRequest) -> HttpResponse:
    """The unit's cases, newest first, a hundred at a time."""
    found = Case.objects.order_by("-id")
    if state := request.GET.get("state"):
        found = found.filter(state=state)
    if before := request.GET.get("before"):
        found = found.filter(number__lt=before)
    return _json({"cases": [_case(case) for case in found[:PAGE]]})


def _case_of(number: str) -> Case:
    case = Case.objects.filter(number=number).first()
    if case is None:
        raise NoSuchCaseError
    return case


@unit_api
@require_GET
def case(request: HttpRequest, number: str) -> HttpResponse:
    """One case with its filings and timeline."""
    return _json(_case(_case_of(number), whole=True))


@csrf_exempt
@unit_api
@require_POST
def withdraw(request: HttpRequest, number: str) -> HttpResponse:
    """退单."""
    if (refused := bearer_missing(request)) is not None:
        return refused
    version = json_body(request, frozenset({"version"}))["version"]
    if not isinstance(version, int):
        raise BadBodyError("version 应为整数，取自办件的 version")
    found = _case_of(number)
    casework.withdraw(found.pk, version, at=now())
    return _json(_case(_case_of(number)))


def _bill(found: Bill, at_tax: Standing) -> dict[str, Any]:
    return {
        "number": found.number,
        "month": found.month,
        "issued_on": found.issued_on.isoformat(),
        "due_date": found.due_date.isoformat(),
        "headcount": found.headcount,
        "unit": yuan(found.unit_fen),
        "person": yuan(found.person_fen),
        "late_fee": yuan(found.late_fee_fen),
        "total": yuan(found.total_fen),
        "paid": yuan(found.paid_fen),
        "moved": yuan(found.moved_fen),
        "written_off": yuan(found.written_off_fen),
        "open": yuan(found.open_fen),
        "kind": found.kind,
        "state": found.state,
        "state_label": found.get_state_display(),
        "tax_state": at_tax.code,
        "tax_state_label": at_tax.word,
        "tax_reason": at_tax.reason,
    }


@unit_api
@require_GET
def bills(request: HttpRequest) -> HttpResponse:
    """核定单 of the unit, newest first."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    found = levy.bills_of(actor.unit_id)
    at_tax = standing(found)
    return _json({"bills": [_bill(each, at_tax[each.pk]) for each in found]})


@unit_api
@require_GET
def bill(request: HttpRequest, number: str) -> HttpResponse:
    """One 核定单 with its lines."""
    found = levy.find_bill(number)
    if found is None:
        return errors.problem(request, 404, "LVY-10", "没有找到这张核定单，或者不属于您所在的单位")
    lines = [
        {
            "insurance": line.insurance,
            "origin": line.origin,
            "headcount": line.headcount,
            "base": yuan(line.base_fen),
            "unit": yuan(line.unit_fen),
            "person": yuan(line.person_fen),
            "paid": yuan(line.paid_fen),
        }
        for line in levy.bill_lines(found)
    ]
    back = levy.back_lines(found, BACK_MAX)
    behind = due_changes.behind_lines(back)
    differences = [
        {
            "person": line.person.number,
            "name": line.person.name,
            "month": line.month,
            "insurance": str(line.insurance),
            "origin": line.origin,
            "base": yuan(line.base_fen),
            "unit": yuan(line.unit_fen),
            "person_part": yuan(line.person_fen),
            "changes": due_changes.in_json(behind.get(line.pk, [])),
        }
        for line in back
    ]
    settled = [{"insurance": str(row["estimate"].insurance), "explain": row["explained"].to_dict()} for row in due_changes.settled(found)]
    steps = [{"step": s.key, "what": s.what, "at": s.at.isoformat() if s.at else None, "note": s.note} for s in timeline(found, on=today())]
    return _json(
        _bill(found, standing([found])[found.pk]) | {"lines": lines, "differences": differences, "settled": settled, "timeline": steps}
    )


@unit_api
@require_GET
def due(request: HttpRequest, number: str, person: str) -> HttpResponse:
    """What one person and the unit owe on a bill, and how every amount came about."""
    found = levy.find_bill(number)
    explained = explain_due(found, person) if found else None
    if found is None or explained is None:
        return errors.problem(request, 404, "LVY-10", "没有找到，或者不属于您所在的单位")
    return _json(explained)
