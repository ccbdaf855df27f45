"""Booking by the unit, and the day at the counter. Places are counted by the database: the last one is given once."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection

from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.actor import Actor, Role, current
from shebao.base.clock import ZONE
from shebao.contact import refusals
from shebao.contact.models import Booking, BookingState, ClosedDay, Office, OfficeItem, Slot
from shebao.contact.times import clock_shown, day_shown, instant

HELD = (BookingState.BOOKED, BookingState.WAITING, BookingState.CALLED, BookingState.SERVED, BookingState.MISSED)
COUNTER_MAX = 10


def _engine() -> Actor:
    """Who writes a booking: the engine, in the name of the acting account. A unit cannot count the places of others."""
    actor = current()
    return Actor(Role.ENGINE, actor.account_id, actor.name, actor.unit_id, actor.agency_id)


def when(slot: Slot) -> str:
    """11 月 23 日（周一）09:00."""
    return f"{day_shown(slot.day)}{clock_shown(slot.from_minute)}"


def book(slot_id: int, item_code: str, *, at: datetime, case_number: str = "") -> Booking:
    """预约 a place for the acting unit.

    Raises: NoSlotError, OfficeClosedError, NotOfferedError, PastSlotError, SlotClosedError, SlotFullError, BookedTwiceError, DayLimitError.
    """
    slot, item = _asked(slot_id, item_code, at)
    with acting(_engine()):
        _one_at_a_time(current().unit_id)
        made = _take(_locked([slot.pk])[slot.pk], item, at, case_number)
        record([Trace("contact.booked", made.number, after={"slot": when(slot), "item": item.title})], at=at)
    return made


def rebook(number: str, slot_id: int, *, at: datetime) -> Booking:
    """改约: the old place is given back and the new one taken, both or neither. Raises: as book and cancel."""
    old = _own(number)
    slot, item = _asked(slot_id, old.item_code, at)
    with acting(_engine()):
        _one_at_a_time(old.unit_id)
        slots = _locked([old.slot_id, slot.pk])  # both at once, in the order of ids: two units that swap do not wait for each other
        _give_back(old.pk, slots[old.slot_id], f"改约至{when(slot)}", at)
        made = _take(slots[slot.pk], item, at, old.case_number)
        record([Trace("contact.rebooked", made.number, before={"number": old.number}, after={"slot": when(slot)})], at=at)
    return made


def cancel(number: str, *, at: datetime) -> None:
    """取消; the place is free at once. Raises: NoBookingError, BookingMovedError, TooLateError."""
    booking = _own(number)
    with acting(_engine()):
        _give_back(booking.pk, _locked([booking.slot_id])[booking.slot_id], "单位取消", at)
        record([Trace("contact.cancelled", number)], at=at)


def _asked(slot_id: int, item_code: str, at: datetime) -> tuple[Slot, OfficeItem]:
    """What the unit asks for, as the unit may see it."""
    slot = Slot.objects.select_related("office").filter(pk=slot_id).first()
    if slot is None:
        raise refusals.NoSlotError
    if not slot.office.open:
        raise refusals.OfficeClosedError(slot.office.name)
    item = OfficeItem.objects.filter(office_id=slot.office_id, code=item_code, offered=True).first()
    if item is None:
        raise refusals.NotOfferedError(slot.office.name)
    if instant(slot.day, slot.from_minute) <= at:
        raise refusals.PastSlotError(when(slot))
    return slot, item


def _own(number: str) -> Booking:
    booking = Booking.objects.filter(number=number).first()
    if booking is None:
        raise refusals.NoBookingError
    return booking


def _one_at_a_time(unit_id: int) -> None:
    """What a unit holds in a day is counted before it books: its own requests wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(7315002, %s)", [unit_id])


def _locked(ids: Sequence[int]) -> dict[int, Slot]:
    return {s.pk: s for s in Slot.objects.select_for_update().filter(pk__in=ids).order_by("id")}


def _take(slot: Slot, item: OfficeItem, at: datetime, case_number: str) -> Booking:
    actor = current()
    if slot.closed:
        closed = ClosedDay.objects.filter(office_id=slot.office_id, day=slot.day, in_force=True).first()
        raise refusals.SlotClosedError(day_shown(slot.day), closed.reason if closed else "")
    held = list(Booking.objects.filter(unit_id=actor.unit_id, office_id=slot.office_id, day=slot.day, state__in=HELD))
    twin = next((b for b in held if b.slot_id == slot.pk and b.item_code == item.code), None)
    if twin is not None:
        raise refusals.BookedTwiceError(twin, when(slot))
    most = Office.objects.values_list("unit_day_max", flat=True).get(pk=slot.office_id)
    if len(held) >= most:
        raise refusals.DayLimitError(day_shown(slot.day), most)
    # Read again: giving back another place of the same slot has changed it meanwhile.
    if Slot.objects.get(pk=slot.pk).left < 1:
        raise refusals.SlotFullError(when(slot))
    return Booking.objects.create(
        number=_next_number(slot.day),
        slot=slot,
        office_id=slot.office_id,
        day=slot.day,
        unit_id=actor.unit_id,
        agency_id=slot.agency_id,
        item_code=item.code,
        item_title=item.title,
        case_number=case_number[:24],
        booked_by=actor.account_id,
        booked_by_name=actor.name[:50],
        booked_at=at,
        changed_at=at,
    )


def _next_number(day: date) -> str:
    """预约号, 12 digits: the day and a running number, easy to type at the counter."""
    with connection.cursor() as cursor:
        cursor.execute("select nextval('contact_booking_number')")
        return f"{day:%y%m%d}{int(cursor.fetchone()[0]) % 1_000_000:06d}"


def _give_back(booking_id: int, slot: Slot, reason: str, at: datetime) -> None:
    booking = Booking.objects.select_for_update().get(pk=booking_id)
    if booking.state != BookingState.BOOKED:
        raise refusals.BookingMovedError(booking, "取消或改约")
    if instant(slot.day, slot.from_minute) <= at:
        raise refusals.TooLateError
    booking.state, booking.changed_at, booking.reason = BookingState.CANCELLED, at, reason[:120]
    booking.save(update_fields=["state", "changed_at", "reason"])


# --- the counter; in the agency's own role, which sees its own offices only ---


def check_in(number: str, *, at: datetime) -> Booking:
    """取号: the unit is here. Returns the booking with its waiting number, which is the next of the office's day.

    Raises: NoBookingError, NotTodayError, BookingMovedError.
    """
    booking = _own(number)
    Office.objects.select_for_update().get(pk=booking.office_id)  # numbers of a day are given one after the other
    booking = Booking.objects.select_for_update().get(pk=booking.pk)
    if booking.day != at.astimezone(ZONE).date():
        raise refusals.NotTodayError(day_shown(booking.day))
    if booking.state not in (BookingState.BOOKED, BookingState.MISSED):
        raise refusals.BookingMovedError(booking, "取号")
    given = Booking.objects.filter(office_id=booking.office_id, day=booking.day, ticket__isnull=False).order_by("-ticket").first()
    booking.ticket = (given.ticket or 0) + 1 if given else 1
    booking.arrived_at = at
    _to(booking, BookingState.WAITING, at)
    record([Trace("contact.checked_in", number, after={"ticket": booking.ticket}, unit_id=booking.unit_id)], at=at)
    return booking


def call_next(office_id: int, counter: str, *, at: datetime) -> Booking | None:
    """叫号: who has waited longest comes to a counter; two counters never call the same. None when nobody waits."""
    day = at.astimezone(ZONE).date()
    waiting = Booking.objects.select_for_update(skip_locked=True).filter(office_id=office_id, day=day, state=BookingState.WAITING)
    booking = waiting.order_by("ticket").first()
    if booking is None:
        return None
    booking.called_at, booking.counter = at, counter.strip()[:COUNTER_MAX]
    _to(booking, BookingState.CALLED, at)
    record([Trace("contact.called", booking.number, after={"counter": booking.counter}, unit_id=booking.unit_id)], at=at)
    return booking


def serve(number: str, *, at: datetime) -> Booking:
    """办结. Raises: NoBookingError, BookingMovedError."""
    return _step(number, BookingState.SERVED, (BookingState.CALLED,), "标记为已办理", at)


def miss(number: str, *, at: datetime) -> Booking:
    """未到场, also of somebody who does not come when called. Raises: NoBookingError, BookingMovedError."""
    return _step(number, BookingState.MISSED, (BookingState.BOOKED, BookingState.WAITING, BookingState.CALLED), "标记为未到场", at)


def _step(number: str, to: BookingState, since: tuple[BookingState, ...], act: str, at: datetime) -> Booking:
    booking = Booking.objects.select_for_update().filter(number=number).first()
    if booking is None:
        raise refusals.NoBookingError
    if booking.state not in since:
        raise refusals.BookingMovedError(booking, act)
    _to(booking, to, at)
    if to is BookingState.SERVED:
        record([Trace("contact.served", number, unit_id=booking.unit_id)], at=at)
    else:
        record([Trace("contact.missed", number, unit_id=booking.unit_id)], at=at)
    return booking


def _to(booking: Booking, state: BookingState, at: datetime) -> None:
    booking.state, booking.changed_at = state, at
    booking.save(update_fields=["state", "changed_at", "ticket", "arrived_at", "called_at", "counter"])


def miss_overdue(office_id: int, *, at: datetime) -> int:
    """未到场 for everybody whose slot has ended without a check-in, of that day and before. Returns how many."""
    moment = at.astimezone(ZONE)
    minute = moment.hour * 60 + moment.minute
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update contact_booking b set state = 'missed', changed_at = %s from contact_slot s
            where s.id = b.slot_id and b.office_id = %s and b.state = 'booked'
              and (b.day < %s or (b.day = %s and s.to_minute <= %s)) returning b.number, b.unit_id
            """,
            [at, office_id, moment.date(), moment.date(), minute],
        )
        found = cursor.fetchall()
    record([Trace("contact.missed", number, unit_id=unit_id) for number, unit_id in found], at=at)
    return len(found)
