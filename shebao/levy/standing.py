"""How a billed month stands, for a unit and for each of its people: paid, overdue, not yet due, written off. For pages and certificates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from django.db import connection

from shebao.base.months import Month
from shebao.base.terms import Insurance
from shebao.levy.deferring import bill_word, deferred_types
from shebao.levy.models import Bill, BillKind


class Standing(Enum):
    """The word that people see."""

    PAID = "已缴清"
    OVERDUE = "欠费"
    ORDERED = "欠费（补缴单待缴费）"
    DEFERRED = "缓缴"
    NOT_DUE = "未到缴费截止日"
    WRITTEN_OFF = "已注销"

    @property
    def tone(self) -> str:
        return {"PAID": "ok", "OVERDUE": "err", "ORDERED": "warn", "DEFERRED": "info", "NOT_DUE": "info", "WRITTEN_OFF": "mute"}[self.name]

    @property
    def counts(self) -> bool:
        """Whether the month counts as paid. 缓缴 leaves rights unharmed (seed 001, 问 11)."""
        return self in (Standing.PAID, Standing.DEFERRED)


@dataclass(frozen=True, slots=True)
class BilledMonth:
    """A 核定单 by month, and how it stands."""

    month: Month
    bill_number: str
    standing: Standing
    deferred: tuple[Insurance, ...] = ()  # of a month that is 缓缴: what is deferred; everything else of it is paid


def _of_bill(state: str, due_date: date, on: date) -> Standing:
    if state in ("issued", "part_paid"):
        return Standing.OVERDUE if due_date < on else Standing.NOT_DUE
    return Standing.WRITTEN_OFF if state == "written_off" else Standing.PAID


def unit_months(unit_id: int, on: date) -> dict[Month, BilledMonth]:
    """Every billed month of a unit. A month whose rest waits on an order is overdue still."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select b.month, b.number, b.state, b.due_date, b.moved_fen > 0 and exists (
              select 1 from levy_takendue t join levy_billline l on l.id = t.line_id where l.bill_id = b.id and t.state = 'ordered')
            from levy_bill b where b.unit_id = %s and b.kind = 'monthly' order by b.month
            """,
            [unit_id],
        )
        rows = cursor.fetchall()
    found = {}
    for month, number, state, due_date, waiting in rows:
        standing = _of_bill(state, due_date, on)
        found[month] = BilledMonth(month, number, Standing.ORDERED if waiting and standing is Standing.PAID else standing)
    return _with_deferred(found, unit_id, on)


def _with_deferred(found: dict[Month, BilledMonth], unit_id: int, on: date) -> dict[Month, BilledMonth]:
    """Months of which nothing but a deferred part is open are 缓缴."""
    months = [m for m, told in found.items() if told.standing in (Standing.OVERDUE, Standing.NOT_DUE)]
    types = deferred_types(unit_id, (min(months), max(months)), on) if months else {}
    for bill in Bill.objects.filter(unit_id=unit_id, month__in=[m for m in types if m in months], kind=BillKind.MONTHLY):
        if bill_word(bill, on)[0] == "缓缴中":
            found[bill.month] = replace(found[bill.month], standing=Standing.DEFERRED, deferred=types[bill.month])
    return found


def person_months(unit_id: int, person_id: int, on: date) -> dict[Month, BilledMonth]:
    """Every billed month of a unit as it stands for one of its people."""
    return people_months(unit_id, [person_id], on)[person_id]


def people_months(unit_id: int, person_ids: Sequence[int], on: date) -> dict[int, dict[Month, BilledMonth]]:
    """The same for many people, in two queries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select month, number, state, due_date from levy_bill where unit_id = %s and kind = 'monthly' order by month", [unit_id]
        )
        bills = cursor.fetchall()
        cursor.execute(
            """
            select person_id, month, max(state) from levy_takendue
            where unit_id = %s and person_id = any(%s) and origin = 'normal' and state <> 'rolled_back' group by 1, 2
            """,
            [unit_id, list(person_ids)],
        )
        taken = {(person_id, month): _TAKEN[state] for person_id, month, state in cursor.fetchall()}
    plain = {month: BilledMonth(month, number, _of_bill(state, due_date, on)) for month, number, state, due_date in bills}
    plain = _with_deferred(plain, unit_id, on)
    found = {person_id: dict(plain) for person_id in person_ids}
    for (person_id, month), standing in taken.items():
        if month in plain:
            found[person_id][month] = replace(plain[month], standing=standing)
    return found


_TAKEN = {"ordered": Standing.ORDERED, "paid": Standing.PAID, "written_off": Standing.WRITTEN_OFF}
