"""核定缴费 of a flexible worker: choose, see what it costs and why, make the bill, follow it; 欠费 and what can still be done about it."""

from datetime import date, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE, now
from shebao.base.errors import ShebaoError
from shebao.base.months import month_shown
from shebao.channels import errors
from shebao.channels.explaining import month_reasons
from shebao.channels.guards import individuals
from shebao.channels.paying import pay_url
from shebao.channels.personal.pages import actor_of, engine_of, live_of, show
from shebao.levy import cancelling, flexible_billing
from shebao.levy.flexible_billing import Draft, Wanted
from shebao.levy.flexible_choices import arrears_of, choices
from shebao.levy.models import OPEN_STATES, Bill, BillState, DueOrigin
from shebao.levy.tax_standing import standing
from shebao.levy.timeline import timeline
from shebao.policy.arrival import days_shown
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason

PAY = ("核定缴费", "/p/pay")


def wanted_of(request: HttpRequest, sent: "dict[str, str]") -> Wanted | str:
    """What was chosen, or a sentence when something is missing."""
    names = {"agency": "经办机构", "registered_at": "登记所在地", "tier": "缴费档次", "first": "所属期起", "last": "所属期止"}
    if missing := [label for name, label in names.items() if not sent.get(name)]:
        return f"请选择{'、'.join(missing)}"
    if not all(sent[name].isascii() and sent[name].isdigit() and len(sent[name]) <= 6 for name in ("agency", "tier", "first", "last")):
        return "选择的内容不正确，请重新选择"
    months = int(sent["first"]), int(sent["last"])
    if any(not (190001 <= month <= 299912 and 1 <= month % 100 <= 12) for month in months):
        return "所属期应为年月，例如 202601"
    return Wanted(actor_of(request).person_id, int(sent["agency"]), int(sent["tier"]), *months, registered_at=sent["registered_at"])


@individuals
@require_GET
def pay(request: HttpRequest) -> HttpResponse:
    """选择 → 核定信息. Nothing is written."""
    sent = {name: request.GET.get(name, "")[:40] for name in ("how", "agency", "registered_at", "tier", "first", "last", "number", "show")}
    if sent["how"] == "number" and sent["number"]:
        try:
            bill = flexible_billing.find_own(sent["number"], actor_of(request).person_id)
        except ShebaoError as error:
            return _page(request, sent, problem=error.text, field="number", status=error.status)
        return HttpResponseRedirect(f"/p/bills/{bill.number}")
    if not sent["show"]:
        return _page(request, sent)
    if sent["how"] == "number":
        return _page(request, sent, problem="请填写核定流水号", field="number", status=422)
    wanted = wanted_of(request, sent)
    if isinstance(wanted, str):
        return _page(request, sent, problem=wanted, field="first", status=422)
    try:
        found = flexible_billing.draft(wanted, place=live_of(request).place, rulebook=standard(), at=now())
    except ShebaoError as error:
        return _page(request, sent, problem=error.text, field="first", status=error.status)
    return _page(request, sent, draft=found)


def _page(
    request: HttpRequest, sent: "dict[str, str]", *, draft: Draft | None = None, problem: str = "", field: str = "", status: int = 200
) -> HttpResponse:
    person_id, moment = actor_of(request).person_id, now()
    can = choices(person_id, place=live_of(request).place, rulebook=standard(), at=moment)
    open_bills = [bill for bill in flexible_billing.bills_of(person_id, 20) if bill.state in OPEN_STATES]
    default = {
        "agency": str(can.agencies[0][0]) if can.agencies else "",
        "registered_at": can.place,
        "tier": str(can.tier or ""),
        "first": str(can.first or ""),
        "last": str(can.months[-1].month) if can.months else "",
        "how": "self",
    }
    context = {
        "can": can,
        "typed": default | {name: value for name, value in sent.items() if value},
        "months": [(one.month, f"{month_shown(one.month)}　{one.word}") for one in can.months],
        "places": [(label, label) for label in can.places],
        "tiers": [(percent, f"{percent}%") for percent in can.tiers],
        "draft": _draft(draft) if draft else None,
        "raw": draft,
        "bills": [(bill, standing([bill])[bill.pk]) for bill in open_bills],
        "errors": [(field, problem)] if problem else [],
        "has_errors": bool(problem),
    }
    return show(request, "pay", "核定缴费", context, status=status)


def _draft(draft: Draft) -> list[dict[str, object]]:
    rows = []
    for one in draft.months:
        former = one.former
        note = "" if former is None else f"原 {former.tier}% 改档" if one.changes else "应缴不变"
        why = reason(one.explained.to_dict()) if one.explained else None
        rows.append({"month": one.month, "due": one.due, "total_fen": one.total_fen, "note": note or "新核定", "why": why})
    return rows


@individuals
@require_POST
def issue(request: HttpRequest) -> HttpResponse:
    """确认 → the bill. The form's key makes it happen once."""
    sent = {name: request.POST.get(name, "")[:40] for name in ("agency", "registered_at", "tier", "first", "last", "key")}
    moment = now()
    wanted = wanted_of(request, sent)
    try:
        key = UUID(sent["key"])
    except ValueError:
        wanted = "页面内容不完整，请重新核定"
    if isinstance(wanted, str):
        return _page(request, sent, problem=wanted, field="first", status=422)
    try:
        with acting(engine_of(actor_of(request))):
            bill = flexible_billing.issue(wanted, place=live_of(request).place, rulebook=standard(), on=moment.date(), at=moment, key=key)
    except ShebaoError as error:
        return _page(request, sent, problem=error.text, field="first", status=error.status)
    return HttpResponseRedirect(f"/p/bills/{bill.number}")


@individuals
@require_GET
def bills(request: HttpRequest) -> HttpResponse:
    """缴费记录: all bills of the person."""
    found = flexible_billing.bills_of(actor_of(request).person_id)
    stand = standing(found)
    return show(request, "bills", "核定单", {"bills": [(bill, stand[bill.pk]) for bill in found]}, crumbs=(PAY, ("核定单", None)))


@individuals
@require_GET
def bill(request: HttpRequest, number: str) -> HttpResponse:
    """One bill: its months with their reasons, where to pay, its course."""
    return _bill(request, number)


def _bill(request: HttpRequest, number: str, *, problem: str = "", status: int = 200) -> HttpResponse:
    person_id = actor_of(request).person_id
    try:
        found = flexible_billing.find_own(number, person_id)
    except ShebaoError:
        return errors.page(request, 404)
    dues = flexible_billing.dues_on(found)
    why = flexible_billing.explanations(dues, live_of(request).place, standard())
    with acting(ENGINE):  # its unit, and what stands at the tax office, are no rows of a person's own
        whole = Bill.objects.select_related("unit").get(pk=found.pk, person_id=person_id)
        steps = timeline(whole, on=now().date())
        refused = cancelling.why_not(whole)
    context = {
        "bill": found,
        "pay_url": pay_url(found),
        "stand": standing([found])[found.pk],
        "rows": [
            {
                "due": due,
                "why": reason(why[due.month].to_dict()) if due.month in why else None,
                "origin": DueOrigin(due.origin).label if due.origin != DueOrigin.NORMAL else "",
            }
            for due in dues
        ],
        "steps": [{"at": _moment(s.at), "who": s.who, "what": s.what, "note": s.note, "tone": s.tone} for s in steps],
        "cancelled": found.state == BillState.CANCELLED,
        "arrival": {way: days_shown(way, now().date(), live_of(request).place, standard()) for way in ("app", "bank")},
        "open": found.state in OPEN_STATES,
        "may_cancel": not refused and all(due.origin == DueOrigin.NORMAL for due in dues),
        "errors": [(None, problem)] if problem else [],
        "has_errors": bool(problem),
    }
    return show(
        request, "bill", f"核定单 {found.number}", context, crumbs=(PAY, ("核定单", "/p/bills"), (found.number, None)), status=status
    )


def _moment(at: "date | datetime | None") -> str:
    if isinstance(at, datetime):
        return at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
    return at.isoformat() if at else ""


@individuals
@require_POST
def cancel(request: HttpRequest, number: str) -> HttpResponse:
    """作废: at once, or when the tax office has given the bill back. What the agency made is given up at the counter only."""
    actor, moment = actor_of(request), now()
    try:
        found = flexible_billing.find_own(number, actor.person_id)
    except ShebaoError:
        return errors.page(request, 404)
    if any(due.origin != DueOrigin.NORMAL for due in flexible_billing.dues_on(found)):
        return _bill(request, number, problem="这张核定单由经办机构出具，要作废请到窗口办理", status=409)
    try:
        with acting(engine_of(actor)):
            cancelling.cancel(found, case_id=None, on=moment.date(), at=moment)
    except ShebaoError as error:
        return _bill(request, number, problem=error.text, status=error.status)
    return HttpResponseRedirect(f"/p/bills/{number}")


@individuals
@require_GET
def arrears(request: HttpRequest) -> HttpResponse:
    """欠费与注销: what is owed, what can no longer be paid, and by which rule."""
    person_id, place = actor_of(request).person_id, live_of(request).place
    found = arrears_of(person_id, place=place, rulebook=standard(), at=now())
    why = month_reasons(person_id, place, [one.month for one in found.history])
    return show(request, "arrears", "欠费查询", {"found": found, "why": why})


urls: list[URLPattern] = [
    path("pay", pay, name="personal-pay"),
    path("pay/issue", issue, name="personal-issue"),
    path("bills", bills, name="personal-bills"),
    path("bills/<str:number>", bill, name="personal-bill"),
    path("bills/<str:number>/cancel", cancel, name="personal-bill-cancel"),
    path("arrears", arrears, name="personal-arrears"),
]
