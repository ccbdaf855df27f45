"""What became of every month of a person or of a unit, type by type: paid, owed, not yet due, deferred, written off, or a gap.

A bill is paid by the unit for all its people, so a person's month of a type stands as the bill's line of that type does, unless it
was taken out of the bill for this person alone (欠费补缴, 注销).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from django.db import connection

from shebao.base.months import Month, month_of, shift, span
from shebao.base.terms import INSURANCES, Insurance, Payer, insurances_in
from shebao.levy.bulk import AMOUNT_COLUMNS
from shebao.levy.suspension import suspended


class Mark(str, Enum):
    """What a month of a type shows, the most urgent first: several units or dues in one cell show the first of them."""

    OWED = "owed"
    PART = "part"
    DEFERRED = "deferred"
    DUE = "due"
    PENDING = "pending"
    WRITTEN_OFF = "written_off"
    PAID = "paid"
    GAP = "gap"

    @property
    def label(self) -> str:
        return _WORDS[self][0]

    @property
    def sign(self) -> str:
        """One character for the grid: the mark is never told by its colour alone."""
        return _WORDS[self][1]


_WORDS = {
    Mark.OWED: ("欠费", "✕"),
    Mark.PART: ("部分到账", "◐"),
    Mark.DEFERRED: ("缓缴", "缓"),
    Mark.DUE: ("待缴费", "○"),
    Mark.PENDING: ("未核定", "·"),
    Mark.WRITTEN_OFF: ("已注销", "销"),
    Mark.PAID: ("已到账", "●"),
    Mark.GAP: ("未参保", "—"),
}
_ORDER = list(Mark)


@dataclass(frozen=True, slots=True)
class Cell:
    """One month of one type. Amounts in fen; they are those of the person (or of the whole unit), whatever was paid of them."""

    mark: Mark
    unit_fen: int = 0
    person_fen: int = 0

    @property
    def total_fen(self) -> int:
        return self.unit_fen + self.person_fen


Marks = dict[tuple[Month, Insurance], Cell]

_STANDING = "l.unit_fen, l.unit_fen + l.person_fen, l.paid_fen, l.moved_fen, l.written_off_fen, b.due_date"
_TYPES = ", ".join(
    f"({insurance.value}, {columns.get(Payer.UNIT, '0')}::bigint, {columns.get(Payer.PERSON, '0')}::bigint)"
    for insurance, columns in {
        i: {payer: f"a.{name}" for (type_, payer), name in AMOUNT_COLUMNS.items() if type_ is i} for i in Insurance
    }.items()
    if columns
)
_PERSON = f"""
with due as (
  select a.unit_id, a.month, v.insurance, 'normal' origin, v.unit_fen, v.person_fen, null::bigint bill_id
  from levy_assessment a cross join lateral (values {_TYPES}) v (insurance, unit_fen, person_fen)
  where a.person_id = %(person)s and a.unit_id = any(%(units)s) and a.month >= %(first)s and v.unit_fen + v.person_fen > 0
  union all
  select unit_id, month, insurance, origin, unit_fen, person_fen, bill_id from levy_line
  where person_id = %(person)s and unit_id = any(%(units)s) and month >= %(first)s
)
select d.unit_id, d.month, d.insurance, d.unit_fen, d.person_fen, {_STANDING}
from due d
left join levy_bill b on case when d.bill_id is null and d.origin = 'normal'
                              then b.unit_id = d.unit_id and b.month = d.month and b.kind = 'monthly'
                              else b.id = d.bill_id end
left join levy_billline l on l.bill_id = b.id and l.insurance = d.insurance and l.origin = d.origin
"""
_UNIT = f"""
select b.unit_id, b.month, l.insurance, l.unit_fen, l.person_fen, {_STANDING}
from levy_bill b join levy_billline l on l.bill_id = b.id
where b.unit_id = %(unit)s and b.month >= %(first)s and b.kind = 'monthly'
  and l.unit_fen + l.person_fen > 0
"""


def person_marks(person_id: int, unit_ids: Sequence[int], on: date, *, first: Month = 0, until_now: bool = True) -> Marks:
    """The months of a person through the given units, from their first cover until this month; what no unit covers is a gap.

    Four queries, whatever the number of months.
    Args: first: months before it are left out.  until_now: gaps are told until this month, not only until the last cover ended.
    """
    if not unit_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_PERSON, {"person": person_id, "units": list(unit_ids), "first": first})
        marks = _marks(cursor.fetchall(), on, suspended(unit_ids, on))
        for month, insurance, mark in _taken(person_id, list(unit_ids)):
            if (known := marks.get((month, insurance))) is not None:
                marks[month, insurance] = Cell(mark, known.unit_fen, known.person_fen)
        cursor.execute(
            "select from_month, to_month, insurance_mask from enrolment_spell"
            " where person_id = %s and unit_id = any(%s) and known_to is null",
            [person_id, list(unit_ids)],
        )
        covers = cursor.fetchall()
    return _with_gaps(marks, covers, month_of(on), first, until_now)


def unit_marks(unit_id: int, on: date, *, first: Month = 0) -> Marks:
    """The months of a unit by type, from its bills; months in which it had the type and no bill yet are pending."""
    with connection.cursor() as cursor:
        cursor.execute(_UNIT, {"unit": unit_id, "first": first})
        marks = _marks(cursor.fetchall(), on, suspended([unit_id], on))
        # What was taken onto an order is gone from its bill, and still owed until the order is paid.
        cursor.execute("select distinct month, insurance from levy_takendue where unit_id = %s and state = 'ordered'", [unit_id])
        for month, insurance in cursor.fetchall():
            if (known := marks.get((month, Insurance(insurance)))) is not None:
                marks[month, Insurance(insurance)] = Cell(Mark.OWED, known.unit_fen, known.person_fen)
    this = month_of(on)
    billed = {month for month, _ in marks}
    if billed and this not in billed:
        newest = max(billed)
        for insurance in {i for month, i in marks if month == newest}:
            marks[this, insurance] = Cell(Mark.PENDING)
    return marks


def _marks(rows: Iterable[tuple[Any, ...]], on: date, deferred: Mapping[tuple[int, int, int], date]) -> Marks:
    """deferred: until when the unit part of a (unit, month, type) is put off."""
    marks: Marks = {}
    for unit_id, month, insurance, unit_fen, person_fen, *standing in rows:
        key = (month, Insurance(insurance))
        cell = Cell(_mark(on, deferred.get((unit_id, month, insurance)), *standing), unit_fen, person_fen)
        known = marks.get(key)
        if known is not None:
            first = min(cell.mark, known.mark, key=_ORDER.index)
            cell = Cell(first, cell.unit_fen + known.unit_fen, cell.person_fen + known.person_fen)
        marks[key] = cell
    return marks


def _mark(
    on: date,
    deferred_until: date | None,
    unit_fen: int | None,
    total_fen: int | None,
    paid_fen: int | None,
    moved_fen: int | None,
    written_off_fen: int | None,
    due_date: date | None,
) -> Mark:
    """How a due stands, by its bill's line. No line: it waits for the next bill. Money counts for what is not deferred first."""
    if total_fen is None or paid_fen is None or due_date is None:
        return Mark.PENDING
    open_fen = total_fen - paid_fen - (moved_fen or 0) - (written_off_fen or 0)
    if open_fen <= 0:
        return Mark.WRITTEN_OFF if written_off_fen and not paid_fen and not moved_fen else Mark.PAID
    if deferred_until is not None and open_fen <= (unit_fen or 0):
        if deferred_until >= on:
            return Mark.DEFERRED
        due_date = max(due_date, deferred_until)
    if due_date < on:
        return Mark.PART if paid_fen else Mark.OWED
    return Mark.DUE


def _taken(person_id: int, unit_ids: list[int]) -> list[tuple[Month, Insurance, Mark]]:
    """Dues taken out of their bills for this person alone: paid later, waiting on an order, or written off."""
    words = {"paid": Mark.PAID, "ordered": Mark.OWED, "written_off": Mark.WRITTEN_OFF}
    with connection.cursor() as cursor:
        cursor.execute(
            "select month, insurance, state from levy_takendue where person_id = %s and unit_id = any(%s) order by id",
            [person_id, unit_ids],
        )
        return [(month, Insurance(insurance), words[state]) for month, insurance, state in cursor.fetchall() if state in words]


def _with_gaps(marks: Marks, covers: Sequence[tuple[Month, Month | None, int]], this: Month, first: Month, until_now: bool) -> Marks:
    """Covered months without a due are not assessed yet; months between the first cover and this month that nothing covers are gaps."""
    if not covers:
        return marks
    covered: dict[Insurance, set[Month]] = {}
    for start, end, mask in covers:
        last = min(end, shift(this, 1)) if end else shift(this, 1)
        for insurance in insurances_in(mask):
            covered.setdefault(insurance, set()).update(span(max(start, first or start), last))
    for insurance, months in covered.items():
        if not months:
            continue
        for month in span(min(months), shift(this if until_now else max(months), 1)):
            if (month, insurance) not in marks:
                marks[month, insurance] = Cell(Mark.PENDING if month in months else Mark.GAP)
    return marks


@dataclass(frozen=True, slots=True)
class Year:
    """One year of the grid: for each type twelve cells, None where there is nothing to tell."""

    year: int
    rows: list[tuple[Insurance, list[Cell | None]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One month of the data table beside the grid; cells in the order of Grid.types."""

    month: Month
    cells: list[Cell | None]

    @property
    def unit_fen(self) -> int:
        return sum(cell.unit_fen for cell in self.cells if cell)

    @property
    def person_fen(self) -> int:
        return sum(cell.person_fen for cell in self.cells if cell)


@dataclass(frozen=True, slots=True)
class Grid:
    """Marks as ui/months.html draws them: the newest first. legend: how many months stand so, in any type."""

    years: list[Year]
    types: list[Insurance]
    table: list[Row]
    legend: list[tuple[Mark, int]]


def grid_of(marks: Marks) -> Grid:
    """The marks as a grid, its legend and its data table."""
    types = [i for i in INSURANCES if any(insurance is i for _, insurance in marks)]
    months = sorted({month for month, _ in marks}, reverse=True)
    years = [
        Year(year, [(i, cells) for i in types if any(cells := [marks.get((year * 100 + m, i)) for m in range(1, 13)])])
        for year in sorted({month // 100 for month in months}, reverse=True)
    ]
    found: dict[Mark, set[Month]] = {}
    for (month, _), cell in marks.items():
        found.setdefault(cell.mark, set()).add(month)
    table = [Row(month, [marks.get((month, i)) for i in types]) for month in months]
    return Grid(years, types, table, [(mark, len(found[mark])) for mark in Mark if mark in found])
