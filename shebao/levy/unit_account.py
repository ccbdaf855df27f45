"""单位缴费账户: what a unit owed and paid, month by month: dues of its bills by month of issue, money by the day it came."""

from dataclasses import dataclass

from django.db import connection

from shebao.base.months import Month


@dataclass(frozen=True, slots=True)
class UnitMonth:
    """One 费款所属期 of a unit with all its bills (核定单 and 欠费补缴单 made in it), fen.

    due_fen: unit_fen + person_fen + late_fee_fen, less what moved onto orders (those are bills of their own) and was written off.
    received_fen: money that came in this calendar month, whichever bill it was for. bills: (number, kind, state) by id.
    """

    month: Month
    unit_fen: int
    person_fen: int
    late_fee_fen: int
    moved_fen: int
    written_off_fen: int
    paid_fen: int
    received_fen: int
    bills: tuple[tuple[str, str, str], ...]

    @property
    def due_fen(self) -> int:
        return self.unit_fen + self.person_fen + self.late_fee_fen - self.moved_fen - self.written_off_fen

    @property
    def open_fen(self) -> int:
        return self.due_fen - self.paid_fen


def unit_account(unit_id: int, *, months: int = 24) -> list[UnitMonth]:
    """The last months of a unit that have bills or money, oldest first. Within the actor's reach."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS, {"unit": unit_id, "months": months})
        rows = cursor.fetchall()
    return [
        UnitMonth(
            month, unit, person, late, moved, off, paid, received, tuple((number, kind, state) for number, kind, state in bills or ())
        )
        for month, unit, person, late, moved, off, paid, received, bills in reversed(rows)
    ]


_MONTHS = """
with billed as (
  select month, sum(unit_fen)::bigint as unit_fen, sum(person_fen)::bigint as person_fen, sum(late_fee_fen)::bigint as late_fee_fen,
         sum(moved_fen)::bigint as moved_fen, sum(written_off_fen)::bigint as written_off_fen, sum(paid_fen)::bigint as paid_fen,
         json_agg(json_build_array(number, kind, state) order by id) as bills
  from levy_bill where unit_id = %(unit)s and kind <> 'person' and state <> 'cancelled' group by 1),
received as (
  select extract(year from r.paid_on)::int * 100 + extract(month from r.paid_on)::int as month, sum(r.amount_fen)::bigint as fen
  from levy_receipt r join levy_bill b on b.id = r.bill_id
  where b.unit_id = %(unit)s and b.kind <> 'person' and r.state in ('allocated', 'suspense') group by 1)
select month, coalesce(unit_fen, 0), coalesce(person_fen, 0), coalesce(late_fee_fen, 0), coalesce(moved_fen, 0),
       coalesce(written_off_fen, 0), coalesce(paid_fen, 0), coalesce(fen, 0), bills
from billed full join received using (month) order by month desc limit %(months)s
"""
