"""预约设置: halls, what they handle, hours, slots, closed days."""

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.casework.item import items
from shebao.channels import errors
from shebao.channels.desk.bookings import COUNTER_POSTS
from shebao.channels.desk.pages import clean, number_of, show
from shebao.channels.guards import agency
from shebao.contact import offices, queries
from shebao.contact.models import Hours, Office
from shebao.contact.times import WEEKDAYS, clock_shown, day_shown, read_clock, span_shown
from shebao.policy.calendar import last_day

TITLE = "预约设置"
OTHER = ("other", "其他业务咨询")
WEEKS_AHEAD = 4
DAY_MAX = 50


def bookable() -> list[tuple[str, str]]:
    """What an office may offer: every item, and one word for the rest."""
    return [*((i.code, i.title) for i in items()), OTHER]


@agency(*COUNTER_POSTS)
@require_http_methods(["GET", "POST"])
def listed(request: HttpRequest) -> HttpResponse:
    """All halls, and the form of a new one."""
    if request.method == "GET":
        return _listed(request, {"unit_day_max": "3", "open": "1", "items": [code for code, _ in bookable()]})
    given = _given(request)
    problem = _problem(given)
    if problem is None:
        try:
            made = offices.save_office(None, _data(given), _chosen(given), at=now())
            return HttpResponseRedirect(f"/w/offices/{made}?saved=1")
        except ShebaoError as error:
            problem = ("name", error.text)
    return _listed(request, given, problem, status=422)


def _listed(request: HttpRequest, given: dict[str, object], problem: tuple[str, str] | None = None, *, status: int = 200) -> HttpResponse:
    moment = now()
    context = {
        "offices": [_line(o, moment.date()) for o in queries.offices()],
        "fields": _fields(given, problem),
        "errors": [problem] if problem else [],
        "has_errors": bool(problem),
    }
    return show(request, "offices", TITLE, context, crumbs=(("预约取号", "/w/bookings"), (TITLE, None)), status=status)


def _line(office: Office, today: date) -> dict[str, object]:
    days = queries.grid(office.pk, today, 31, at=now())
    open_days = [d for d in days if d.slots]
    return {
        "office": office,
        "items": len(office.items.all()),
        "until": open_days[-1].day if open_days else None,
        "left": sum(d.left for d in days),
    }


def _given(request: HttpRequest) -> dict[str, object]:
    given: dict[str, object] = {name: clean(request.POST.get(name), 120) for name in ("name", "address", "phone", "unit_day_max", "open")}
    return given | {"items": request.POST.getlist("items")}


def _problem(given: dict[str, object]) -> tuple[str, str] | None:
    name = str(given["name"])
    if not name or len(name) > 60:
        return "name", "请填写大厅名称，最多 60 字"
    if not 1 <= number_of(str(given["unit_day_max"]), 0) <= DAY_MAX:
        return "unit_day_max", f"请填写 1 至 {DAY_MAX} 之间的数"
    if not _chosen(given):
        return "items", "请至少选择一项受理的业务"
    return None


def _chosen(given: dict[str, object]) -> list[tuple[str, str]]:
    chosen = given["items"]
    return [(code, title) for code, title in bookable() if isinstance(chosen, list) and code in chosen]


def _data(given: dict[str, object]) -> offices.OfficeData:
    return offices.OfficeData(
        str(given["name"]), str(given["address"]), str(given["phone"])[:20], bool(given["open"]), number_of(str(given["unit_day_max"]))
    )


def _fields(given: dict[str, object], problem: tuple[str, str] | None) -> list[dict[str, object]]:
    wrong = dict([problem]) if problem else {}
    found: list[dict[str, object]] = [
        {"name": "name", "label": "大厅名称", "kind": "text", "most": 60},
        {"name": "address", "label": "地址", "kind": "text", "most": 120, "required": False},
        {"name": "phone", "label": "咨询电话", "kind": "text", "most": 20, "required": False},
        {"name": "unit_day_max", "label": "一个单位同一天最多预约", "kind": "number", "unit": "个", "most": 2},
        {"name": "items", "label": "受理的业务", "kind": "many", "choices": bookable()},
        {"name": "open", "label": "开放预约", "kind": "checkbox", "hint": "不勾选时，单位看到“暂停预约”"},
    ]
    return [f | {"value": given.get(str(f["name"]), ""), "error": wrong.get(str(f["name"]), "")} for f in found]


@agency(*COUNTER_POSTS)
@require_GET
def office(request: HttpRequest, office_id: int) -> HttpResponse:
    """One hall with its hours and days."""
    return _office(request, office_id)


def _office(request: HttpRequest, office_id: int, *, problem: tuple[str, str] | None = None, status: int = 200) -> HttpResponse:
    found = queries.find_office(office_id)
    if found is None:
        return errors.page(request, 404)
    moment = now()
    today = moment.date()
    shown: dict[str, object] = {"name": found.name, "address": found.address, "phone": found.phone, "unit_day_max": str(found.unit_day_max)}
    shown |= {"open": found.open, "items": list(found.items.filter(offered=True).values_list("code", flat=True))}
    if problem and request.POST.get("form") == "office":
        shown = _given(request)
    until = min(today + timedelta(weeks=WEEKS_AHEAD), last_day())
    context = {
        "office": found,
        "fields": _fields(shown, problem),
        "hours": [_hours(h) for h in queries.hours_of(office_id)],
        **_forms(request, today, until, problem),
        "closed": [{"day": c.day, "words": day_shown(c.day), "reason": c.reason} for c in queries.closed_days(office_id, today)],
        "days": [_day_line(d) for d in queries.grid(office_id, today, 31, at=moment)],
        "saved": request.GET.get("saved") == "1",
        "made": request.GET.get("made", "")[:20].split("-") if request.GET.get("made") else [],
        "cancelled": clean(request.GET.get("cancelled"), 6),
        "errors": [problem] if problem else [],
        "has_errors": bool(problem),
        "last_day": last_day(),
    }
    crumbs = (("预约取号", "/w/bookings"), (TITLE, "/w/offices"), (found.name, None))
    return show(request, "office", found.name, context, crumbs=crumbs, status=status)


def _forms(request: HttpRequest, today: date, until: date, problem: tuple[str, str] | None) -> dict[str, object]:
    """The three small forms, with what was typed when one of them came back."""
    typed, wrong = request.POST, dict([problem]) if problem else {}
    new_hours: list[dict[str, object]] = [
        {"name": "weekdays", "label": "星期", "kind": "many", "choices": list(enumerate(WEEKDAYS))},
        {"name": "from", "label": "开始时间", "kind": "text", "value": typed.get("from", "09:00")[:8], "most": 5, "example": "09:00"},
        {"name": "to", "label": "结束时间", "kind": "text", "value": typed.get("to", "11:30")[:8], "most": 5, "example": "11:30"},
        {"name": "minutes", "label": "每段时长", "kind": "number", "unit": "分钟", "value": typed.get("minutes", "30")[:3], "most": 3},
        {"name": "capacity", "label": "每段名额", "kind": "number", "unit": "个", "value": typed.get("capacity", "4")[:3], "most": 3},
    ]
    new_hours[0]["value"] = typed.getlist("weekdays") or list("01234")
    make: list[dict[str, object]] = [
        {"name": "from_day", "label": "从", "kind": "date", "value": typed.get("from_day", today.isoformat())[:10]},
        {"name": "to_day", "label": "到", "kind": "date", "value": typed.get("to_day", until.isoformat())[:10]},
    ]
    close: list[dict[str, object]] = [
        {"name": "day", "label": "停办日期", "kind": "date", "value": typed.get("day", "")[:10], "example": until.isoformat()},
        {
            "name": "reason",
            "label": "原因",
            "kind": "text",
            "value": clean(typed.get("reason"), 60),
            "most": 60,
            "hint": "会告知已预约的单位",
        },
    ]
    lists = {"new_hours": new_hours, "make": make, "close": close}
    return {name: [f | {"error": wrong.get(str(f["name"]), "")} for f in fields] for name, fields in lists.items()}


def _day_line(day: queries.DayView) -> dict[str, object]:
    places = sum(s.slot.capacity for s in day.slots)
    told = {"words": day_shown(day.day), "day": day.day, "slots": len(day.slots), "left": day.left}
    return told | {"places": places, "closed": day.closed}


def _hours(h: Hours) -> dict[str, object]:
    slots = (h.to_minute - h.from_minute) // h.slot_minutes
    return {
        "id": h.pk,
        "weekday": WEEKDAYS[h.weekday],
        "span": span_shown(h.from_minute, h.to_minute),
        "from": clock_shown(h.from_minute),
        "minutes": h.slot_minutes,
        "capacity": h.capacity,
        "places": slots * h.capacity,
    }


@agency(*COUNTER_POSTS)
@require_POST
def save(request: HttpRequest, office_id: int) -> HttpResponse:
    """Change what the hall is."""
    given = _given(request)
    problem = _problem(given)
    if problem is None:
        try:
            offices.save_office(office_id, _data(given), _chosen(given), at=now())
            return HttpResponseRedirect(f"/w/offices/{office_id}?saved=1")
        except ShebaoError as error:
            problem = ("name", error.text)
    return _office(request, office_id, problem=problem, status=422)


@agency(*COUNTER_POSTS)
@require_POST
def hours(request: HttpRequest, office_id: int) -> HttpResponse:
    """Add hours, or take some out (remove)."""
    if queries.find_office(office_id) is None:
        return errors.page(request, 404)
    try:
        if remove := request.POST.get("remove"):
            offices.remove_hours(number_of(remove, 0), at=now())
        else:
            first, last = (read_clock(request.POST.get(name, "")[:8]) for name in ("from", "to"))
            if first is None or last is None:
                return _office(request, office_id, problem=("from", "时间请写成 09:00 的样子"), status=422)
            weekdays = tuple(d for text in request.POST.getlist("weekdays") if (d := number_of(text, 9)) < len(WEEKDAYS))
            wanted = offices.NewHours(
                weekdays, first, last, number_of(request.POST.get("minutes"), 0), number_of(request.POST.get("capacity"), 0)
            )
            offices.add_hours(office_id, wanted, at=now())
    except ShebaoError as error:
        return _office(request, office_id, problem=("from", error.text), status=error.status)
    return HttpResponseRedirect(f"/w/offices/{office_id}?saved=1#h-hours")


@agency(*COUNTER_POSTS)
@require_POST
def slots(request: HttpRequest, office_id: int) -> HttpResponse:
    """生成号源."""
    if queries.find_office(office_id) is None:
        return errors.page(request, 404)
    first, last = (_day(request.POST.get(name, "")) for name in ("from_day", "to_day"))
    if first is None or last is None:
        return _office(request, office_id, problem=("from_day", "日期请写成 2026-11-23 的样子"), status=422)
    try:
        made = offices.make_slots(office_id, first, last, at=now())
    except ShebaoError as error:
        return _office(request, office_id, problem=("from_day", error.text), status=error.status)
    return HttpResponseRedirect(f"/w/offices/{office_id}?made={made.days}-{made.made}-{made.closed}")


@agency(*COUNTER_POSTS)
@require_POST
def close(request: HttpRequest, office_id: int) -> HttpResponse:
    """停办 a day, or take it back (reopen)."""
    if queries.find_office(office_id) is None:
        return errors.page(request, 404)
    day = _day(request.POST.get("reopen") or request.POST.get("day", ""))
    if day is None:
        return _office(request, office_id, problem=("day", "日期请写成 2026-11-23 的样子"), status=422)
    try:
        if request.POST.get("reopen"):
            offices.reopen_day(office_id, day, at=now())
            return HttpResponseRedirect(f"/w/offices/{office_id}?saved=1")
        cancelled = offices.close_day(office_id, day, clean(request.POST.get("reason"), 60), at=now())
    except ShebaoError as error:
        return _office(request, office_id, problem=("day", error.text), status=error.status)
    return HttpResponseRedirect(f"/w/offices/{office_id}?cancelled={cancelled}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
