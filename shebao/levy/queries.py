"""Questions about bills, dues and receipts."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from shebao.base.terms import Insurance, Payer, insurances_in
from shebao.levy.arrears import overdue_sums
from shebao.levy.bulk import AMOUNT_COLUMNS, INJURY_CLASS_SHIFT
from shebao.levy.models import Bill, BillLine, Line, Origin, Receipt, Run, TakenDue, TakenState

_AMOUNTS = ", ".join(f"a.{name}" for name in AMOUNT_COLUMNS.values())


@dataclass(frozen=True, slots=True)
class PersonDue:
    """What one person and the unit owe for a month, fen, by type and payer."""

    person_id: int
    number: str
    name: str
    id_number: str
    unit_id: int
    month: int
    pension_base_fen: int
    medical_base_fen: int
    mask: int
    injury_class: int
    amounts_fen: dict[tuple[Insurance, Payer], int]

    @property
    def unit_fen(self) -> int:
        return sum(v for (_, payer), v in self.amounts_fen.items() if payer is Payer.UNIT)

    @property
    def person_fen(self) -> int:
        return sum(v for (_, payer), v in self.amounts_fen.items() if payer is Payer.PERSON)

    @property
    def insurances(self) -> tuple[Insurance, ...]:
        return insurances_in(self.mask)


def bill_people(unit_id: int, month: int, *, search: str = "", after: int = 0, limit: int = 50) -> list[PersonDue]:
    """The people of a bill, by id from after one id on."""
    return _dues(
        "a.unit_id = %s and a.month = %s and a.person_id > %s"
        " and (%s = '' or p.name like %s or p.id_number like %s) order by a.person_id limit %s",
        [unit_id, month, after, search, f"%{search}%", f"{search}%", limit],
    )


def person_months(person_id: int, unit_ids: list[int], *, first: int = 0, last: int = 999999) -> list[PersonDue]:
    """All assessed months of a person through the given units, oldest first."""
    return _dues(
        "a.person_id = %s and a.unit_id = any(%s) and a.month between %s and %s order by a.month", [person_id, unit_ids, first, last]
    )


def people_months(person_ids: list[int], unit_id: int) -> dict[int, dict[int, PersonDue]]:
    """All assessed months of many people through one unit, by person and month."""
    found: dict[int, dict[int, PersonDue]] = {}
    for due in _dues("a.unit_id = %s and a.person_id = any(%s)", [unit_id, person_ids]):
        found.setdefault(due.person_id, {})[due.month] = due
    return found


def find_due(unit_id: int, person_id: int, month: int) -> PersonDue | None:
    """One person's month, or None."""
    found = _dues("a.unit_id = %s and a.person_id = %s and a.month = %s", [unit_id, person_id, month])
    return found[0] if found else None


def _dues(where: str, values: list[Any]) -> list[PersonDue]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.person_id, p.number, p.name, p.id_number, a.unit_id, a.month,"
            f" a.pension_base_fen, a.medical_base_fen, a.profile, {_AMOUNTS}"
            f" from levy_assessment a join parties_person p on p.id = a.person_id where {where}",
            values,
        )
        return [
            PersonDue(*(*row[:8], row[8] & 63, row[8] >> INJURY_CLASS_SHIFT, dict(zip(AMOUNT_COLUMNS, row[9:], strict=True))))
            for row in cursor.fetchall()
        ]


@dataclass(frozen=True, slots=True)
class Declared:
    """The declared wage behind a month's base, fen, as the register knew it when the month was assessed."""

    wage_fen: int
    known_from: datetime
    case_id: int | None


def declared_for(unit_id: int, person_id: int, month: int) -> Declared | None:
    """The declared wage a month was assessed on."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select w.wage_fen, w.known_from, w.case_id from enrolment_wage w
            where w.unit_id = %s and w.person_id = %s and w.from_month <= %s and (w.to_month is null or w.to_month > %s)
              and w.known_from <= coalesce((select r.finished_at from levy_bill b join levy_run r on r.id = b.run_id
                                            where b.unit_id = %s and b.month = %s and b.kind = 'monthly'), 'infinity')
              and (w.known_to is null or w.known_to > coalesce((select r.finished_at from levy_bill b join levy_run r on r.id = b.run_id
                                            where b.unit_id = %s and b.month = %s and b.kind = 'monthly'), w.known_from))
            order by w.known_from desc limit 1
            """,
            [unit_id, person_id, month, month, unit_id, month, unit_id, month],
        )
        row = cursor.fetchone()
    return Declared(*row) if row else None


def bills_of(unit_id: int, limit: int = 36) -> list[Bill]:
    """A unit's bills of both kinds, newest first."""
    return list(Bill.objects.filter(unit_id=unit_id).order_by("-month", "-id")[:limit])


def bills_found(text: str, unit_id: int | None, limit: int) -> list[Bill]:
    """Bills by number, or (of one unit) by 费款所属期 such as 202610; newest first. Whole numbers only: see contact.finding."""
    found = Bill.objects.filter(number=text.upper())
    if unit_id is not None:
        found = Bill.objects.filter(unit_id=unit_id).filter(Q(number=text.upper()) | Q(month=int(text) if _is_month(text) else 0))
    return list(found.order_by("-month", "-id")[:limit])


def _is_month(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) == 6


def find_bill(number: str) -> Bill | None:
    """A bill by number, if it is the actor's to see."""
    return Bill.objects.select_related("unit").filter(number=number).first()


def bill_lines(bill: Bill) -> list[BillLine]:
    """The lines of a bill, in the order of every table."""
    order = {insurance.value: insurance.bit for insurance in Insurance}
    origins = list(Origin)
    return sorted(BillLine.objects.filter(bill=bill), key=lambda line: (origins.index(Origin(line.origin)), order[line.insurance]))


def back_lines(bill: Bill, limit: int) -> list[Line]:
    """补缴 and 补差 on a bill, by person, month and type."""
    return list(Line.objects.filter(bill=bill).select_related("person").order_by("person_id", "month", "insurance")[:limit])


@dataclass(frozen=True, slots=True)
class TakenSum:
    """What was taken out of a bill of one type and origin, by what became of it; fen.."""

    insurance: Insurance
    origin: str
    state: TakenState
    people: int
    base_fen: int
    unit_fen: int
    person_fen: int

    @property
    def fen(self) -> int:
        return self.unit_fen + self.person_fen


def taken_sums(bill: Bill) -> list[TakenSum]:
    """What was taken out of a monthly bill, rolled-back orders apart."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select t.insurance, t.origin, t.state, count(distinct t.person_id), sum(t.base_fen)::bigint, sum(t.unit_fen)::bigint,
                   sum(t.person_fen)::bigint
            from levy_takendue t join levy_billline l on l.id = t.line_id where l.bill_id = %s and t.state <> 'rolled_back' group by 1, 2, 3
            """,
            [bill.pk],
        )
        return [TakenSum(Insurance(row[0]), row[1], TakenState(row[2]), *row[3:]) for row in cursor.fetchall()]


def taken_people(bill: Bill, person_ids: list[int]) -> dict[int, tuple[TakenState, str]]:
    """(state, order number) of people whose month was taken out of a bill: ordered or paid by an order, or written off."""
    rows = TakenDue.objects.filter(line__bill=bill, person_id__in=person_ids, month=bill.month, origin=Origin.NORMAL)
    told = rows.exclude(state=TakenState.ROLLED_BACK).values_list("person_id", "state", "order__number").distinct()
    return {person_id: (TakenState(state), number or "") for person_id, state, number in told}


def written_off_people(bill: Bill) -> int:
    """How many people's month was written off on a bill."""
    rows = TakenDue.objects.filter(line__bill=bill, state=TakenState.WRITTEN_OFF)
    return rows.values("person_id").distinct().count()


def order_dues(order: Bill, *, after: int = 0, limit: int | None = None) -> list[TakenDue]:
    """The dues on an order, by person, month and type; of people from after one id on, whole people only.

    limit: how many people.
    """
    rows = TakenDue.objects.filter(order=order, person_id__gt=after).select_related("person", "line__bill")
    if limit is not None:
        people = list(rows.order_by("person_id").values_list("person_id", flat=True).distinct()[:limit])
        rows = rows.filter(person_id__in=people)
    bits = {insurance.value: insurance.bit for insurance in Insurance}
    return sorted(rows, key=lambda due: (due.person_id, due.month, bits[due.insurance], due.origin))


def orders_of_bill(bill: Bill) -> list[tuple[str, int]]:
    """(number, fen) of the live or paid orders that dues of a monthly bill went onto."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select o.number, sum(t.unit_fen + t.person_fen)::bigint
            from levy_takendue t join levy_billline l on l.id = t.line_id join levy_bill o on o.id = t.order_id
            where l.bill_id = %s and t.state in ('ordered', 'paid') group by 1 order by 1
            """,
            [bill.pk],
        )
        return list(cursor.fetchall())


def receipts_of(bill: Bill) -> list[Receipt]:
    """What arrived for a bill, oldest first."""
    return list(Receipt.objects.filter(bill=bill).order_by("id"))


def receipts_of_unit(unit_id: int, limit: int = 12) -> list[Receipt]:
    """What arrived for a unit's bills, newest first, with the bills."""
    return list(Receipt.objects.filter(bill__unit_id=unit_id).select_related("bill").order_by("-paid_on", "-id")[:limit])


def runs(place: str, limit: int = 30) -> list[Run]:
    """Runs of a place, newest month first."""
    return list(Run.objects.filter(place=place).order_by("-month", "-id")[:limit])


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    chunks_done: int
    rows: int


def progress(run_id: int) -> Progress:
    """Chunks on record and people in them."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*), coalesce(sum(rows), 0)::bigint from levy_runchunk where run_id = %s", [run_id])
        return Progress(*cursor.fetchone())


def unit_totals(unit_id: int, first: int) -> list[tuple[int, int, int, int]]:
    """(month, owed, paid, people) of a unit's 核定单 from a month on, oldest first; fen. What was paid by 欠费补缴单 counts as paid,
    what was written off is owed no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select b.month, b.unit_fen + b.person_fen - b.written_off_fen, b.paid_fen + coalesce((
                     select sum(t.unit_fen + t.person_fen) from levy_takendue t join levy_billline l on l.id = t.line_id
                     where l.bill_id = b.id and t.state = 'paid'), 0)::bigint, b.headcount
            from levy_bill b where b.unit_id = %s and b.month >= %s and b.kind = 'monthly' order by b.month
            """,
            [unit_id, first],
        )
        return list(cursor.fetchall())


def open_of_unit(unit_id: int, on: date) -> tuple[int, int]:
    """(bills, fen) overdue of a unit."""
    return overdue_sums(on, unit_id=unit_id)


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """缴费记录: one arrival for a bill of the unit, fen."""

    id: int
    paid_on: date
    serial: str
    bill_number: str
    month: int
    amount_fen: int
    allocated_fen: int
    state: str


def payments(
    unit_id: int,
    *,
    from_day: date | None = None,
    to_day: date | None = None,
    state: str = "",
    text: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[PaymentLine]:
    """What arrived for a unit's bills, the last one registered first, from before one on. Days: of payment, both included.

    text: a serial, a bill's number, or a month like 202610.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select r.id, r.paid_on, r.serial, b.number, b.month, r.amount_fen, r.allocated_fen, r.state
            from levy_receipt r join levy_bill b on b.id = r.bill_id
            where b.unit_id = %(unit)s and r.state <> 'void' and (%(before)s::bigint is null or r.id < %(before)s)
              and (%(from)s::date is null or r.paid_on >= %(from)s) and (%(to)s::date is null or r.paid_on <= %(to)s)
              and (%(state)s = '' or r.state = %(state)s)
              and (%(text)s = '' or r.serial = %(text)s or b.number = upper(%(text)s) or b.month::text = %(text)s)
            order by r.id desc limit %(limit)s
            """,
            {"unit": unit_id, "before": before, "from": from_day, "to": to_day, "state": state, "text": text, "limit": limit},
        )
        return [PaymentLine(*row) for row in cursor.fetchall()]
