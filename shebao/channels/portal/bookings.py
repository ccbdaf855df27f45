"""申报业务预约: choose office, item, day and slot; one's bookings; the ticket."""

from datetime import date, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.channels import errors
from shebao.channels.guards import unit_operators
from shebao.channels.portal.batch import download
from shebao.channels.portal.bills import PDF_TYPE
from shebao.channels.portal.pages import HOME, actor_of, live_of, number_of, show
from shebao.channels.ticket import ticket_pdf
from shebao.contact import bookings, queries
from shebao.contact.models import Booking, BookingState, Office
from shebao.contact.refusals import NoBookingError
from shebao.contact.times import day_shown, instant

DAYS_SHOWN = 14
TITLE = "申报业务预约"
TONES = {
    BookingState.BOOKED: "info",
    BookingState.WAITING: "warn",
    BookingState.CALLED: "warn",
    BookingState.SERVED: "ok",
    BookingState.MISSED: "err",
    BookingState.CANCELLED: "mute",
}


@unit_operators
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The grid of what remains, and what is booked."""
    if request.method == "GET":
        return _page(request)
    slot, item, case = (request.POST.get(name, "").strip() for name in ("slot", "item", "case"))
    if not slot:
        return _page(request, wrong=("slot", "请选择一个还有名额的时段"), status=422)
    try:
        if old := request.POST.get("rebook", "")[:14]:
            made = bookings.rebook(old, number_of(slot), at=now())
        else:
            made = bookings.book(number_of(slot), item, case_number=case, at=now())
    except ShebaoError as error:
        return _page(request, wrong=("slot", error.text), status=error.status)
    return HttpResponseRedirect(f"/u/bookings/{made.number}?made=1")


def _page(request: HttpRequest, *, wrong: tuple[str, str] | None = None, status: int = 200) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    moment = now()
    found = queries.offices()
    old = queries.find_booking(asked.get("rebook", "")[:14])
    wanted = old.office_id if old and not asked.get("office") else number_of(asked.get("office"))
    office = next((o for o in found if o.pk == wanted), found[0] if found else None)
    item = old.item_code if old else asked.get("item", "")[:60]
    items = [(i.code, i.title) for i in office.items.all()] if office else []
    days = queries.grid(office.pk, moment.date(), DAYS_SHOWN, at=moment) if office else []
    chosen = _day(asked.get("day", ""))
    day = next((d for d in days if d.day == chosen), next((d for d in days if d.left), days[0] if days else None))
    keep: dict[str, object] = {"office": office.pk if office else "", "item": item, "rebook": old.number if old else ""}
    keep["case"] = asked.get("case", "")[:24]
    context = {
        "offices": [(o.pk, o.name) for o in found],
        "office": office,
        "waiting": queries.waiting_now([office.pk], moment.date())[office.pk] if office else 0,
        "items": items,
        "item": item if item in dict(items) else "",
        "case": keep["case"],
        "old": old,
        "old_when": bookings.when(old.slot) if old else "",
        "days": [_tab(d.day, d.left, d.closed, keep, current=day is not None and d.day == day.day) for d in days],
        "day": day,
        "day_words": day_shown(day.day) if day else "",
        "picked": asked.get("slot", ""),
        "errors": [wrong] if wrong else [],
        "has_errors": bool(wrong),
        "mine": [line(b, moment.date()) for b in queries.bookings_of_unit(actor_of(request).unit_id)],
    }
    return show(request, "bookings", TITLE, context, crumbs=(HOME, (TITLE, None)), status=status)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _tab(day: date, left: int, closed: str, keep: dict[str, object], *, current: bool) -> dict[str, object]:
    query = urlencode({k: v for k, v in keep.items() if v} | {"day": day.isoformat()})
    note = "停办" if closed else f"余 {left}" if left else "约满"
    return {"label": f"{day_shown(day)} {note}", "url": f"?{query}#slots", "current": current}


def line(booking: Booking, today: date) -> dict[str, object]:
    """A booking as lists show it."""
    state = BookingState(booking.state)
    return {
        "number": booking.number,
        "when": f"{day_shown(booking.day)} {queries.slot_shown(booking)}",
        "today": booking.day == today,
        "office": booking.office.name,
        "title": booking.item_title,
        "state": (state.label, TONES[state]),
        "ticket": queries.ticket_shown(booking.ticket),
        "reason": booking.reason,
        "open": state is BookingState.BOOKED,
    }


@unit_operators
@require_GET
def booking(request: HttpRequest, number: str) -> HttpResponse:
    """One booking: when and where, the number, how many wait before."""
    return _booking(request, number)


def _booking(request: HttpRequest, number: str, *, problem: str = "", status: int = 200) -> HttpResponse:
    found, moment = queries.find_booking(number), now()
    if found is None:
        return errors.page(request, 404)
    live = live_of(request)
    context = {
        "booking": found,
        "line": line(found, moment.date()),
        "facts": facts_of(found, found.office, live.unit_name),
        "ahead": queries.ahead_of(found),
        "waiting": queries.waiting_now([found.office_id], moment.date())[found.office_id],
        "open": found.state == BookingState.BOOKED and instant(found.day, found.slot.from_minute) > moment,
        "made": request.GET.get("made") == "1",
        "errors": [(None, problem)] if problem else [],
        "has_errors": bool(problem),
    }
    return show(request, "booking", f"预约 {number}", context, crumbs=(HOME, (TITLE, "/u/bookings"), (number, None)), status=status)


def facts_of(found: Booking, office: Office, unit_name: str) -> list[tuple[str, str]]:
    """What stands on page and paper."""
    facts = [
        ("预约号", found.number),
        ("预约单位", unit_name),
        ("办理业务", found.item_title),
        ("预约时间", f"{found.day.year} 年 {day_shown(found.day)} {queries.slot_shown(found)}"),
        ("办事大厅", office.name),
        ("地址", office.address or "—"),
        ("咨询电话", office.phone or "12333"),
    ]
    return [*facts, ("业务顺序号", found.case_number)] if found.case_number else facts


@unit_operators
@require_POST
def cancel(request: HttpRequest, number: str) -> HttpResponse:
    """取消."""
    try:
        bookings.cancel(number, at=now())
    except NoBookingError:
        return errors.page(request, 404)
    except ShebaoError as error:
        return _booking(request, number, problem=error.text, status=error.status)
    return HttpResponseRedirect(f"/u/bookings/{number}")


@unit_operators
@require_GET
def ticket(request: HttpRequest, number: str) -> HttpResponse:
    """预约回执 as PDF."""
    found = queries.find_booking(number)
    if found is None:
        return errors.page(request, 404)
    content = ticket_pdf(found, facts_of(found, found.office, live_of(request).unit_name), base_url=settings.BASE_URL, at=now())
    return download(content, f"预约回执-{number}.pdf", PDF_TYPE, inline=True)


def coming(unit_id: int, today: date) -> list[dict[str, object]]:
    """The unit's bookings of the next days, for its home page."""
    until = today + timedelta(days=DAYS_SHOWN)
    held = (BookingState.BOOKED, BookingState.WAITING, BookingState.CALLED)
    found = [b for b in queries.bookings_of_unit(unit_id) if today <= b.day <= until and b.state in held]
    return [line(b, today) for b in reversed(found)]
