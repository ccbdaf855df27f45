"""预约设置 by the agency: offices, what they handle, hours, the slots made from them, days on which they are closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, connection, transaction

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.contact import refusals
from shebao.contact.messages import tell
from shebao.contact.models import BookingState, ClosedDay, Hours, Office, OfficeItem
from shebao.contact.times import WEEKDAYS, day_shown, span_shown
from shebao.policy.calendar import is_working_day

SLOT_MINUTES_MIN, SLOT_MINUTES_MAX = 5, 480
CAPACITY_MAX = 500
DAYS_AHEAD_MAX = 92  # slots are made for at most a quarter ahead


@dataclass(frozen=True, slots=True)
class OfficeData:
    """What an office is."""

    name: str
    address: str = ""
    phone: str = ""
    open: bool = True
    unit_day_max: int = 3


def save_office(office_id: int | None, data: OfficeData, items: Sequence[tuple[str, str]], *, at: datetime) -> int:
    """Enter or change an office of the acting agency, with the (code, title) of what may be booked there.

    Raises: NameTakenError, NoSlotError when there is no such office.
    """
    agency_id = current().agency_id
    if Office.objects.filter(agency_id=agency_id, name=data.name).exclude(pk=office_id or 0).exists():
        raise refusals.NameTakenError(data.name)
    given = {"name": data.name, "address": data.address, "phone": data.phone, "open": data.open, "unit_day_max": data.unit_day_max}
    if office_id is None:
        office_id = Office.objects.create(agency_id=agency_id, **given).pk
    elif not Office.objects.filter(pk=office_id).update(**given):
        raise refusals.NoSlotError
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into contact_officeitem (office_id, agency_id, code, title, offered)
            select %s, %s, code, title, true from unnest(%s::text[], %s::text[]) as n (code, title)
            on conflict (office_id, code) do update set title = excluded.title, offered = true
            """,
            [office_id, agency_id, [code for code, _ in items], [title[:60] for _, title in items]],
        )
    OfficeItem.objects.filter(office_id=office_id).exclude(code__in=[code for code, _ in items]).update(offered=False)
    record([Trace("contact.office_saved", data.name, after={**given, "items": [code for code, _ in items]})], at=at)
    return office_id


@dataclass(frozen=True, slots=True)
class NewHours:
    """Opening hours on some weekdays (0 = Monday), minutes of the day; `capacity`: places in each slot."""

    weekdays: tuple[int, ...]
    from_minute: int
    to_minute: int
    slot_minutes: int
    capacity: int


def add_hours(office_id: int, hours: NewHours, *, at: datetime) -> None:
    """Raises: BadHoursError."""
    if not hours.weekdays:
        raise refusals.BadHoursError("请至少选择一个星期几")
    if not 0 <= hours.from_minute < hours.to_minute:
        raise refusals.BadHoursError("结束时间要晚于开始时间，请核对")
    if not SLOT_MINUTES_MIN <= hours.slot_minutes <= SLOT_MINUTES_MAX or (hours.to_minute - hours.from_minute) % hours.slot_minutes:
        raise refusals.BadHoursError(f"每段时长为 {SLOT_MINUTES_MIN} 至 {SLOT_MINUTES_MAX} 分钟，并且要能整除办公时间，请核对")
    if not 1 <= hours.capacity <= CAPACITY_MAX:
        raise refusals.BadHoursError(f"每段名额为 1 至 {CAPACITY_MAX} 个，请核对")
    agency_id = current().agency_id
    rows = [
        Hours(
            office_id=office_id,
            agency_id=agency_id,
            weekday=weekday,
            from_minute=hours.from_minute,
            to_minute=hours.to_minute,
            slot_minutes=hours.slot_minutes,
            capacity=hours.capacity,
        )
        for weekday in sorted(set(hours.weekdays))
    ]
    try:
        with transaction.atomic():
            Hours.objects.bulk_create(rows)
    except IntegrityError:
        raise refusals.BadHoursError("与已有的办公时段重叠，请先移除原来的，或改用其他时间") from None
    record([Trace("contact.hours_added", _told(hours), after={"office": office_id, "capacity": hours.capacity})], at=at)


def _told(hours: NewHours) -> str:
    return f"{'、'.join(WEEKDAYS[d] for d in sorted(set(hours.weekdays)))} {span_shown(hours.from_minute, hours.to_minute)}"


def remove_hours(hours_id: int, *, at: datetime) -> None:
    """Take hours out of the template; slots made before stay until they are made again. Raises: NoSlotError."""
    found = Hours.objects.filter(pk=hours_id, kept=True).first()
    if found is None:
        raise refusals.NoSlotError
    Hours.objects.filter(pk=hours_id).update(kept=False)
    told = f"{WEEKDAYS[found.weekday]} {span_shown(found.from_minute, found.to_minute)}"
    record([Trace("contact.hours_removed", told, before={"office": found.office_id})], at=at)


@dataclass(frozen=True, slots=True)
class Made:
    """What making slots did: new ones, old ones closed because the template has them no more, working days covered."""

    made: int
    closed: int
    days: int


def make_slots(office_id: int, from_day: date, to_day: date, *, at: datetime) -> Made:
    """Make the slots of the working days from one day to another (both included) as the template has them now.

    Slots with bookings stay as they are (a larger capacity is taken over, a smaller one as far as it is free); empty ones that the
    template no longer has are closed. Doing it again changes nothing. Raises: BadHoursError, CalendarMissing.
    """
    if not from_day <= to_day <= from_day + timedelta(days=DAYS_AHEAD_MAX):
        raise refusals.BadHoursError(f"生成范围最多 {DAYS_AHEAD_MAX} 天，结束日期不能早于开始日期，请核对")
    if from_day < at.astimezone(ZONE).date():
        raise refusals.BadHoursError("不能为过去的日期生成时段，请从今天或之后开始")
    closed_days = set(ClosedDay.objects.filter(office_id=office_id, in_force=True).values_list("day", flat=True))
    hours = list(Hours.objects.filter(office_id=office_id, kept=True))
    if not hours:
        raise refusals.BadHoursError("还没有办公时段，请先添加星期几和时间，再生成预约号源")
    every = [from_day + timedelta(days=i) for i in range((to_day - from_day).days + 1)]
    days = [d for d in every if is_working_day(d) and d not in closed_days]
    wanted = [
        (day, start, start + h.slot_minutes, h.capacity)
        for day in days
        for h in hours
        if h.weekday == day.weekday()
        for start in range(h.from_minute, h.to_minute, h.slot_minutes)
    ]
    columns = [list(column) for column in zip(*wanted, strict=True)] if wanted else [[], [], [], []]
    with connection.cursor() as cursor:
        template = "unnest(%s::date[], %s::int[], %s::int[], %s::int[]) as n (day, start, stop, capacity)"
        cursor.execute(
            f"""
            update contact_slot s set closed = true where s.office_id = %s and s.day between %s and %s and not s.closed and s.booked = 0
              and not exists (select 1 from {template} where n.day = s.day and n.start = s.from_minute and n.stop = s.to_minute)
            """,
            [office_id, from_day, to_day, *columns],
        )
        closed = cursor.rowcount
        cursor.execute(
            f"""
            update contact_slot s set capacity = greatest(n.capacity, s.booked) from {template}
            where s.office_id = %s and n.day = s.day and n.start = s.from_minute and n.stop = s.to_minute and not s.closed
              and s.capacity <> greatest(n.capacity, s.booked)
            """,
            [*columns, office_id],
        )
        cursor.execute(
            f"""
            insert into contact_slot (office_id, agency_id, day, from_minute, to_minute, capacity, booked, closed)
            select %s, %s, n.day, n.start, n.stop, n.capacity, 0, false from {template} on conflict do nothing
            """,
            [office_id, current().agency_id, *columns],
        )
        made = cursor.rowcount
    told = f"{from_day} 至 {to_day}"
    record([Trace("contact.slots_made", told, after={"office": office_id, "made": made, "closed": closed})], at=at)
    return Made(made, closed, len(days))


def close_day(office_id: int, day: date, reason: str, *, at: datetime) -> int:
    """Close an office for a day: its slots are closed, bookings are cancelled, and their units are told. Returns how many were.

    Raises: DayClosedError, NoSlotError.
    """
    office = Office.objects.filter(pk=office_id).first()
    if office is None:
        raise refusals.NoSlotError
    if day < at.astimezone(ZONE).date():
        raise refusals.DayClosedError("这一天已经过去，请选择今天或之后的日期")
    if not reason.strip():
        raise refusals.DayClosedError("请写明停办的原因，会告知已预约的单位")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into contact_closedday (office_id, agency_id, day, reason, in_force) values (%s, %s, %s, %s, true)
            on conflict (office_id, day) do update set reason = excluded.reason, in_force = true where not contact_closedday.in_force
            returning id
            """,
            [office_id, office.agency_id, day, reason.strip()[:60]],
        )
        if cursor.fetchone() is None:
            raise refusals.DayClosedError(f"{day_shown(day)}已经设为停办")
        cursor.execute("update contact_slot set closed = true where office_id = %s and day = %s and not closed", [office_id, day])
        cursor.execute(
            "update contact_booking set state = %s, changed_at = %s, reason = %s where office_id = %s and day = %s and state = %s"
            " returning unit_id",
            [BookingState.CANCELLED, at, f"停办：{reason.strip()[:60]}", office_id, day, BookingState.BOOKED],
        )
        units = [unit_id for (unit_id,) in cursor.fetchall()]
    text = f"{office.name} {day_shown(day)}停办（{reason.strip()[:60]}），您当天的预约已取消，请改约其他日期。"
    tell(units, "预约已取消，请改约", text, at=at, url="/u/bookings")
    record([Trace("contact.day_closed", f"{office.name} {day}"[:80], after={"reason": reason[:60], "cancelled": len(units)})], at=at)
    return len(units)


def reopen_day(office_id: int, day: date, *, at: datetime) -> None:
    """Take back a closed day; its slots come back when they are made again. Raises: DayClosedError."""
    if not ClosedDay.objects.filter(office_id=office_id, day=day, in_force=True).update(in_force=False):
        raise refusals.DayClosedError(f"{day_shown(day)}没有设为停办")
    record([Trace("contact.day_reopened", f"{day}", after={"office": office_id})], at=at)
