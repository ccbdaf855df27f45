"""The day of the appointments: who comes when, 取号, 叫号, 未到场."""

import re
from datetime import date

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.channels import errors
from shebao.channels.desk.pages import clean, number_of, show
from shebao.channels.desk.words import age
from shebao.channels.guards import agency
from shebao.contact import bookings, queries
from shebao.contact.models import Booking, BookingState
from shebao.contact.times import day_shown
from shebao.levy.desk_queries import unit_names

COUNTER_POSTS = (Post.REVIEWER, Post.CLERK)
NUMBER = re.compile(r"(?<![0-9])([0-9]{12})(?![0-9])", re.ASCII)
TONES = {
    BookingState.BOOKED: "info",
    BookingState.WAITING: "warn",
    BookingState.CALLED: "ok",
    BookingState.SERVED: "mute",
    BookingState.MISSED: "err",
}
STEPS = {"serve": bookings.serve, "miss": bookings.miss}


def number_in(text: str) -> str:
    """The 预约号 in what was scanned (an address) or typed (with or without spaces)."""
    found = NUMBER.search(text) or NUMBER.search(re.sub(r"[\s-]", "", text))
    return found.group(1) if found else ""


@agency(*COUNTER_POSTS)
@require_GET
def day(request: HttpRequest) -> HttpResponse:
    """The list of a day."""
    return _day(request)


def _day(request: HttpRequest, *, wrong: tuple[str, str] | None = None, status: int = 200) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    moment, found = now(), queries.offices()
    code = number_in(asked.get("code", "")[:200])
    scanned = queries.find_booking(code) if code else None
    wanted = scanned.office_id if scanned and not asked.get("office") else number_of(asked.get("office"), 0)
    office = next((o for o in found if o.pk == wanted), found[0] if found else None)
    shown = _date(asked.get("day", "")) or moment.date()
    rows = queries.day_list(office.pk, shown) if office else []
    units = unit_names([b.unit_id for b in rows])
    today = shown == moment.date()
    done = next((b for b in rows if b.number == clean(request.GET.get("done"), 14)), None)
    context = {
        "office": office,
        "offices": [(o.pk, o.name) for o in found],
        "day": shown,
        "day_words": day_shown(shown),
        "today": today,
        "code": code,
        "counter": clean(asked.get("counter") or request.COOKIES.get("counter"), bookings.COUNTER_MAX),
        "rows": [_row(b, units) | {"age": age(b.arrived_at, moment) if b.state == BookingState.WAITING else None} for b in rows],
        "counts": {state.value: sum(b.state == state for b in rows) for state in BookingState},
        "done": _row(done, units) if done else None,
        "nobody": request.GET.get("nobody") == "1",
        "missed": number_of(request.GET.get("missed"), 0),
        "errors": [wrong] if wrong else [],
        "has_errors": bool(wrong),
    }
    return show(request, "bookings", "预约取号", context, status=status)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _row(booking: Booking, units: dict[int, tuple[str, str]]) -> dict[str, object]:
    state = BookingState(booking.state)
    return {
        "booking": booking,
        "unit": units.get(booking.unit_id, ("", ""))[1],
        "unit_number": units.get(booking.unit_id, ("", ""))[0],
        "span": queries.slot_shown(booking),
        "ticket": queries.ticket_shown(booking.ticket),
        "state": (state.label, TONES.get(state, "mute")),
    }


@agency(*COUNTER_POSTS)
@require_POST
def check_in(request: HttpRequest) -> HttpResponse:
    """取号 by scan or by number."""
    code = number_in(request.POST.get("code", "")[:200])
    if not code:
        return _day(request, wrong=("code", "请扫描回执上的二维码，或输入 12 位预约号"), status=422)
    try:
        booking = bookings.check_in(code, at=now())
    except ShebaoError as error:
        return _day(request, wrong=("code", error.text), status=error.status)
    return HttpResponseRedirect(f"/w/bookings?office={booking.office_id}&done={booking.number}")


@agency(*COUNTER_POSTS)
@require_POST
def call(request: HttpRequest) -> HttpResponse:
    """叫号: the next one to this counter."""
    office_id, counter = number_of(request.POST.get("office"), 0), clean(request.POST.get("counter"), bookings.COUNTER_MAX)
    if not counter:
        return _day(request, wrong=("counter", "请填写窗口号，单位据此找到您的窗口"), status=422)
    booking = bookings.call_next(office_id, counter, at=now())
    told = f"done={booking.number}" if booking else "nobody=1"
    response = HttpResponseRedirect(f"/w/bookings?office={office_id}&{told}")
    response.set_cookie("counter", counter, samesite="Lax", secure=request.is_secure(), httponly=True)
    return response


@agency(*COUNTER_POSTS)
@require_POST
def step(request: HttpRequest, number: str) -> HttpResponse:
    """已办理, 未到场."""
    if queries.find_booking(number) is None:
        return errors.page(request, 404)
    act = STEPS.get(request.POST.get("act", ""))
    if act is None:
        return _day(request, wrong=("code", "请选择要做的操作"), status=422)
    try:
        booking = act(number, at=now())
    except ShebaoError as error:
        return _day(request, wrong=("code", error.text), status=error.status)
    return HttpResponseRedirect(f"/w/bookings?office={booking.office_id}&day={booking.day}&done={number}")


@agency(*COUNTER_POSTS)
@require_POST
def miss_overdue(request: HttpRequest) -> HttpResponse:
    """未到场 for all whose slot is over."""
    office_id = number_of(request.POST.get("office"), 0)
    missed = bookings.miss_overdue(office_id, at=now())
    return HttpResponseRedirect(f"/w/bookings?office={office_id}&missed={missed}")
