"""Reading offices, slots, bookings and questions. What the actor may not see is as if it were not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Count, F, Prefetch, Q, QuerySet

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.contact.models import (
    Booking,
    BookingState,
    ClosedDay,
    Hours,
    Office,
    OfficeItem,
    Question,
    QuestionLine,
    QuestionState,
    Slot,
)
from shebao.contact.times import instant, span_shown


def offices(*, only_open: bool = False) -> list[Office]:
    """Offices that the actor may see, with what may be booked at each."""
    found = Office.objects.prefetch_related(Prefetch("items", OfficeItem.objects.filter(offered=True).order_by("id"))).order_by("id")
    return list(found.filter(open=True) if only_open else found)


def find_office(office_id: int) -> Office | None:
    """An office by id."""
    return Office.objects.filter(pk=office_id).first()


def hours_of(office_id: int) -> list[Hours]:
    """The template of an office, by weekday."""
    return list(Hours.objects.filter(office_id=office_id, kept=True).order_by("weekday", "from_minute"))


def closed_days(office_id: int, from_day: date) -> list[ClosedDay]:
    """Days on which an office is closed, from one day on."""
    return list(ClosedDay.objects.filter(office_id=office_id, day__gte=from_day, in_force=True).order_by("day"))


@dataclass(frozen=True, slots=True)
class SlotView:
    """One field of the grid. `word` says why it cannot be booked; empty when it can."""

    slot: Slot
    span: str
    left: int
    word: str


@dataclass(frozen=True, slots=True)
class DayView:
    """One day of the grid. `closed`: why the office does not work, or empty."""

    day: date
    slots: list[SlotView]
    closed: str

    @property
    def left(self) -> int:
        return sum(s.left for s in self.slots if not s.word)


def grid(office_id: int, from_day: date, days: int, *, at: datetime) -> list[DayView]:
    """The days of an office that have slots or are closed, with what remains of each slot."""
    to_day = from_day + timedelta(days=days - 1)
    slots = Slot.objects.filter(office_id=office_id, day__range=(from_day, to_day), closed=False).order_by("day", "from_minute")
    reasons = dict(ClosedDay.objects.filter(office_id=office_id, day__range=(from_day, to_day), in_force=True).values_list("day", "reason"))
    by_day: dict[date, list[SlotView]] = {day: [] for day in reasons}
    for slot in slots:
        word = "已过" if instant(slot.day, slot.from_minute) <= at else "约满" if slot.left < 1 else ""
        by_day.setdefault(slot.day, []).append(SlotView(slot, span_shown(slot.from_minute, slot.to_minute), slot.left, word))
    return [DayView(day, by_day[day], reasons.get(day, "")) for day in sorted(by_day)]


def waiting_now(office_ids: Sequence[int], day: date) -> dict[int, int]:
    """现在排队人数 by office: figures only, so the engine counts for units that see no booking but their own."""
    with acting(ENGINE):
        rows = Booking.objects.filter(office_id__in=office_ids, day=day, state=BookingState.WAITING)
        found = dict(rows.values_list("office_id").annotate(n=Count("id")).order_by())
    return {office_id: found.get(office_id, 0) for office_id in office_ids}


def ahead_of(booking: Booking) -> int:
    """How many wait before this one."""
    if booking.state != BookingState.WAITING or booking.ticket is None:
        return 0
    with acting(ENGINE):
        same = Booking.objects.filter(office_id=booking.office_id, day=booking.day, state=BookingState.WAITING)
        return same.filter(ticket__lt=booking.ticket).count()


def find_booking(number: str) -> Booking | None:
    """A booking by its number."""
    return Booking.objects.select_related("slot", "office").filter(number=number).first()


def bookings_of_unit(unit_id: int, limit: int = 30) -> list[Booking]:
    """A unit's bookings, the coming ones first."""
    found = Booking.objects.filter(unit_id=unit_id).select_related("slot", "office")
    return list(found.order_by("-day", "-slot__from_minute", "-id")[:limit])


def day_list(office_id: int, day: date) -> list[Booking]:
    """Everybody booked at an office for a day, by time."""
    found = Booking.objects.filter(office_id=office_id, day=day).select_related("slot").exclude(state=BookingState.CANCELLED)
    return list(found.order_by("slot__from_minute", "id"))


def ticket_shown(ticket: int | None) -> str:
    """7 -> A007."""
    return f"A{ticket:03d}" if ticket else ""


def slot_shown(booking: Booking) -> str:
    """09:00–09:30 of a booking."""
    return span_shown(booking.slot.from_minute, booking.slot.to_minute)


# --- questions ---

WAITING_STATES = (QuestionState.OPEN, QuestionState.CLAIMED)


def questions_of_unit(unit_id: int, limit: int = 50) -> list[Question]:
    """What a unit asked, the last moved first."""
    return list(Question.objects.filter(unit_id=unit_id).order_by("-changed_at", "-id")[:limit])


def find_question(number: str) -> Question | None:
    """A question by number."""
    return Question.objects.filter(number=number).first()


def lines_of(question: Question) -> list[QuestionLine]:
    """The talk, oldest first."""
    return list(QuestionLine.objects.filter(question=question).order_by("id"))


def question_queue(state: str = "", *, mine: int = 0, limit: int = 50) -> list[Question]:
    """The agency's questions; those that wait, the oldest first, when no state is named."""
    found: QuerySet[Question] = Question.objects.all()
    if state in QuestionState.values:
        found = found.filter(state=state)
    elif not state:
        found = found.filter(state__in=WAITING_STATES)
    if mine:
        found = found.filter(claimed_by=mine)
    order = ("waiting_since", "id") if not state or state in WAITING_STATES else ("-changed_at", "-id")
    return list(found.order_by(*order)[:limit])


def question_counts() -> dict[str, int]:
    """How many questions are in each state, for the desk."""
    return dict(Question.objects.values_list("state").annotate(n=Count("id")).order_by())


def desk_counts(day: date) -> dict[str, int]:
    """What waits at the desk of the acting agency, for its menu: people in the line, questions, drafts of notices."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select (select count(*) from contact_booking where day = %s and state = 'waiting'),
                   (select count(*) from contact_question where state in ('open', 'claimed')),
                   (select count(*) from contact_notice where state = 'draft')
            """,
            [day],
        )
        return dict(zip(("queue", "questions", "drafts"), cursor.fetchone(), strict=True))


def find_questions(unit_id: int | None, text: str, limit: int) -> list[Question]:
    """Questions by number or words of their subject; of one unit, or of all that the actor sees."""
    found = Question.objects.filter(Q(number__iexact=text) | Q(subject__icontains=text))
    if unit_id is not None:
        found = found.filter(unit_id=unit_id)
    return list(found.order_by(F("changed_at").desc())[:limit])
