"""The open API of appointments, messages and (for everybody) the guides of items."""

from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from shebao.base.actor import Actor
from shebao.base.clock import now, today
from shebao.casework.item import ServiceItem, item_by_slug, items
from shebao.channels import errors
from shebao.channels.guards import everyone, unit_api
from shebao.channels.openapi.bearer import bearer_missing
from shebao.channels.openapi.body import json_body
from shebao.contact import bookings as operations
from shebao.contact import queries
from shebao.contact.messages import messages_of
from shebao.contact.models import Booking, BookingState
from shebao.contact.refusals import NoBookingError, NoSlotError
from shebao.contact.times import clock_shown
from shebao.surfaces.api import BadBodyError
from shebao.surfaces.guide import guide_of, matching

DAYS_MAX = 31
QUERY_MAX = 40
MESSAGES = 100


def json_answer(body: dict[str, Any], status: int = 200) -> JsonResponse:
    return JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})


def _guide(item: ServiceItem, *, whole: bool) -> dict[str, Any]:
    told = guide_of(item, today())
    body: dict[str, Any] = {
        "slug": item.slug,
        "code": item.code,
        "version": item.version,
        "title": item.title,
        "group": item.group,
        "summary": item.guide.summary,
        "also_called": list(item.guide.words),
        "guide_url": f"{settings.BASE_URL}/items/{item.slug}",
    }
    if whole:
        body |= {
            "who": item.guide.who,
            "when": item.guide.when,
            "after": item.guide.after,
            "materials": list(item.materials),
            "law": list(item.guide.law),
            "channels": [{"name": c.name, "text": c.text} for c in told.channels],
            "paths": [
                {"name": p.name, "automatic": p.automatic, "steps": [{"title": s.title, "text": s.text} for s in p.steps]}
                for p in told.paths
            ],
            "fields": [{"label": label, "required": need == "必填", "how": how} for label, need, how in told.fields],
            "refusals": [{"code": code, "text": text} for code, text in told.refusals],
            "batch_rows_max": told.batch_rows_max,
        }
    return body


@everyone
@require_GET
def items_list(request: HttpRequest) -> HttpResponse:
    """事项, all or those that fit a word (q): by name, synonym or initials."""
    query = request.GET.get("q", "").strip()[:QUERY_MAX]
    return json_answer({"items": [_guide(item, whole=False) for item in (matching(query) if query else items())]})


@everyone
@require_GET
def item_guide(request: HttpRequest, slug: str) -> HttpResponse:
    """办事指南 of one item."""
    item = item_by_slug(slug)
    if item is None:
        return errors.problem(request, 404, "API-01", "没有这个事项；全部事项见 GET /api/v1/items")
    return json_answer(_guide(item, whole=True))


@unit_api
@require_GET
def offices(request: HttpRequest) -> HttpResponse:
    """Halls of the unit's agency, what may be booked there, and how many wait now."""
    found = queries.offices()
    waiting = queries.waiting_now([o.pk for o in found], today())
    told = [
        {
            "id": o.pk,
            "name": o.name,
            "address": o.address,
            "phone": o.phone,
            "open": o.open,
            "waiting": waiting[o.pk],
            "items": [{"code": i.code, "title": i.title} for i in o.items.all()],
        }
        for o in found
    ]
    return json_answer({"offices": told})


@unit_api
@require_GET
def slots(request: HttpRequest, office_id: int) -> HttpResponse:
    """What remains at a hall, day by day. from: a day (today); days: how many (14)."""
    if queries.find_office(office_id) is None:
        raise NoSlotError
    days = request.GET.get("days", "14")
    if not (days.isascii() and days.isdigit() and len(days) < 3 and 1 <= int(days) <= DAYS_MAX):
        raise BadBodyError(f"days 应为 1 至 {DAYS_MAX} 的整数，请改正后重新发送")
    try:
        first = date.fromisoformat(request.GET["from"]) if request.GET.get("from") else today()
    except ValueError:
        raise BadBodyError("from 应为日期，例如 2026-11-23，请改正后重新发送") from None
    told = [
        {
            "day": d.day.isoformat(),
            "closed": d.closed,
            "slots": [
                {
                    "id": s.slot.pk,
                    "from": clock_shown(s.slot.from_minute),
                    "to": clock_shown(s.slot.to_minute),
                    "left": 0 if s.word else s.left,
                    "bookable": not s.word,
                }
                for s in d.slots
            ],
        }
        for d in queries.grid(office_id, first, int(days), at=now())
    ]
    return json_answer({"days": told})


def _booking(found: Booking) -> dict[str, Any]:
    return {
        "number": found.number,
        "office": found.office.name,
        "day": found.day.isoformat(),
        "from": clock_shown(found.slot.from_minute),
        "to": clock_shown(found.slot.to_minute),
        "item": found.item_code,
        "item_title": found.item_title,
        "case_number": found.case_number,
        "state": found.state,
        "state_label": BookingState(found.state).label,
        "ticket": queries.ticket_shown(found.ticket) or None,
        "reason": found.reason,
    }


@csrf_exempt
@unit_api
@require_http_methods(["GET", "POST"])
def bookings(request: HttpRequest) -> HttpResponse:
    """The unit's bookings; POST books a slot."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if request.method == "GET":
        return json_answer({"bookings": [_booking(b) for b in queries.bookings_of_unit(actor.unit_id, 100)]})
    if (refused := bearer_missing(request)) is not None:
        return refused
    body = json_body(request, frozenset({"slot", "item"}), optional=frozenset({"case_number"}))
    if not isinstance(body["slot"], int) or isinstance(body["slot"], bool) or abs(body["slot"]) >= 2**62:
        raise BadBodyError("slot 应为整数，请取自号源列表的 id")
    made = operations.book(body["slot"], str(body["item"])[:60], case_number=str(body.get("case_number") or "")[:24], at=now())
    return json_answer(_booking(_found(made.number)), 201)


def _found(number: str) -> Booking:
    booking = queries.find_booking(number)
    if booking is None:
        raise NoBookingError
    return booking


@csrf_exempt
@unit_api
@require_POST
def cancel(request: HttpRequest, number: str) -> HttpResponse:
    """取消."""
    if (refused := bearer_missing(request)) is not None:
        return refused
    _found(number[:14])
    json_body(request, frozenset())
    operations.cancel(number[:14], at=now())
    return json_answer(_booking(_found(number[:14])))


@unit_api
@require_GET
def messages(request: HttpRequest) -> HttpResponse:
    """消息 to the unit, newest first; reading them here does not mark them as read."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    told = [
        {"id": m.pk, "title": m.title, "text": m.text, "case_id": m.case_id, "at": m.at.isoformat(), "read": m.read_at is not None}
        for m in messages_of(actor.unit_id, limit=MESSAGES)
    ]
    return json_answer({"messages": told})
