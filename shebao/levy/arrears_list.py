"""单位欠费查询: what a unit's people owe, by person and month; what is on orders that wait for payment, or is registered for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from shebao.base.terms import Insurance
from shebao.levy.arrears import overdue_bills, overdue_sums
from shebao.levy.late_fees import late_fees
from shebao.levy.models import BackPayment, BackPaymentState, Bill, BillKind, TakenDue, TakenState
from shebao.levy.owing import Owed, owed_on
from shebao.policy.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Debt:
    """One due that is overdue: on its 核定单, or on an order that waits for payment (order_number). fee_fen: up to the day asked for,
    or as the order says."""

    due: Owed
    fee_fen: int
    order_number: str = ""

    @property
    def total_fen(self) -> int:
        return self.due.open_fen + self.fee_fen


@dataclass(frozen=True, slots=True)
class Debtor:
    """A person with everything that is overdue in this unit, by month and type. registered: waits for the next order."""

    person_id: int
    number: str
    name: str
    id_number: str
    registered: bool
    debts: tuple[Debt, ...]

    @property
    def total_fen(self) -> int:
        return sum(debt.total_fen for debt in self.debts)


_PEOPLE = """
select p.id, p.number, p.name, p.id_number from (
  select a.person_id, a.month from levy_assessment a
  join levy_bill b on b.unit_id = a.unit_id and b.month = a.month and b.id = any(%(bills)s)
  where not exists (select 1 from levy_takendue t where t.unit_id = a.unit_id and t.person_id = a.person_id and t.month = a.month
                    and t.origin = 'normal' and t.state <> 'rolled_back')
  union
  select l.person_id, l.month from levy_line l where l.bill_id = any(%(bills)s)
    and not exists (select 1 from levy_takendue t where t.unit_id = l.unit_id and t.person_id = l.person_id and t.month = l.month
                    and t.insurance = l.insurance and t.origin = l.origin and t.state <> 'rolled_back'
                    and l.bill_id = (select x.bill_id from levy_billline x where x.id = t.line_id))
  union
  select t.person_id, t.month from levy_takendue t where t.unit_id = %(unit)s and t.state = 'ordered') x
join parties_person p on p.id = x.person_id
where (%(month)s = 0 or x.month = %(month)s) and (%(search)s = '' or p.name like %(like)s or p.id_number like %(starts)s)
  and (%(only)s::bigint is null or p.id = %(only)s)
"""


def _values(unit_id: int, on: date, search: str, month: int, only: int | None) -> dict[str, Any]:
    return {
        "bills": overdue_bills(unit_id, on),
        "unit": unit_id,
        "month": month,
        "search": search,
        "like": f"%{search}%",
        "starts": f"{search}%",
        "only": only,
    }


def debtors(
    unit_id: int,
    *,
    on: date,
    place: str,
    rulebook: Rulebook,
    search: str = "",
    month: int = 0,
    only: int | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[Debtor]:
    """People of a unit with overdue dues, by id from after one id on. month: only their dues of that month (0: all).

    Raises: RuleMissing for days without a late-fee rule.
    """
    values = _values(unit_id, on, search, month, only) | {"after": after, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(f"{_PEOPLE} and p.id > %(after)s group by p.id order by p.id limit %(limit)s", values)
        people = cursor.fetchall()
    ids = [row[0] for row in people]
    dues = owed_on(values["bills"], ids)
    debts = [Debt(due, fee) for due, fee in zip(dues, late_fees(dues, unit_id, on, place, rulebook), strict=True)]
    debts += on_orders(unit_id, ids)
    registered = set(
        BackPayment.objects.filter(unit_id=unit_id, person_id__in=ids, state=BackPaymentState.REGISTERED).values_list(
            "person_id", flat=True
        )
    )
    by_person: dict[int, list[Debt]] = {}
    for debt in debts:
        if not month or debt.due.month == month:
            by_person.setdefault(debt.due.person_id, []).append(debt)
    return [
        Debtor(person_id, number, name, id_number, person_id in registered, tuple(sorted(by_person.get(person_id, ()), key=_order)))
        for person_id, number, name, id_number in people
    ]


def _order(debt: Debt) -> tuple[int, str, int]:
    return debt.due.month, debt.order_number, debt.due.insurance.bit


def on_orders(unit_id: int, people: Sequence[int]) -> list[Debt]:
    """The dues of these people on orders that wait for payment."""
    taken = TakenDue.objects.filter(unit_id=unit_id, person_id__in=people, state=TakenState.ORDERED).select_related("order", "line__bill")
    return [Debt(owed_of(t), t.late_fee_fen, t.order.number if t.order else "") for t in taken]


def owed_of(taken: TakenDue) -> Owed:
    """A taken due as it was when it was taken."""
    return Owed(
        taken.person_id,
        taken.month,
        Insurance(taken.insurance),
        taken.origin,
        taken.base_fen,
        taken.unit_fen,
        taken.person_fen,
        taken.line_id,
        taken.line.bill_id,
        taken.line.bill.number,
        taken.due_date,
        taken.unit_id,
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures over the whole list: people, open 核定单 and what is open of them, orders that wait and what is open of them; fen."""

    people: int
    bills: int
    bills_fen: int
    orders: int
    orders_fen: int
    months: tuple[int, ...]


def summary(unit_id: int, on: date) -> Summary:
    """欠费 of a unit at a glance."""
    values = _values(unit_id, on, "", 0, None)
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from ({_PEOPLE} group by p.id) d", values)
        people = cursor.fetchone()[0]
        cursor.execute(
            "select distinct month from (select month from levy_bill where id = any(%(bills)s) union"
            " select month from levy_takendue where unit_id = %(unit)s and state = 'ordered') m order by month",
            values,
        )
        months = tuple(row[0] for row in cursor.fetchall())
    waiting = [b.open_fen for b in Bill.objects.filter(unit_id=unit_id, kind=BillKind.ARREARS, state__in=("issued", "part_paid"))]
    bills, fen = overdue_sums(on, unit_id=unit_id, kind=BillKind.MONTHLY)
    return Summary(people, bills, fen, len(waiting), sum(waiting), months)
