"""欠费: what is billed, due (缓缴 counted), and not paid. A unit pays a bill as a whole: its people are in arrears until it is cleared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection

from shebao.levy.deferring import DUE_SINCE, OVERDUE_FEN


@dataclass(frozen=True, slots=True)
class UnitArrears:
    """One overdue bill."""

    unit_id: int
    unit_number: str
    unit_name: str
    bill_id: int
    bill_number: str
    month: int
    due_date: date
    open_fen: int
    headcount: int


def people_in_arrears(unit_id: int, person_ids: Sequence[int], on: date) -> dict[int, list[int]]:
    """Months in which people of a unit are in arrears there, by person, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select person_id, array_agg(distinct month order by month) from (
              select a.person_id, a.month from levy_bill b
              join levy_assessment a on a.unit_id = b.unit_id and a.month = b.month and a.person_id = any(%(people)s)
              where b.unit_id = %(unit)s and b.state <> 'paid' and {OVERDUE_FEN} > 0
              union all
              select l.person_id, l.month from levy_bill b join levy_line l on l.bill_id = b.id and l.person_id = any(%(people)s)
              where b.unit_id = %(unit)s and b.state <> 'paid' and {OVERDUE_FEN} > 0) x group by 1
            """,
            {"people": list(person_ids), "unit": unit_id, "on": on},
        )
        return dict(cursor.fetchall())


def overdue(on: date, *, agency_id: int | None = None, unit_id: int | None = None, limit: int = 200) -> list[UnitArrears]:
    """Overdue bills, oldest first, of an agency's units or of one unit."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select b.unit_id, u.number, u.name, b.id, b.number, b.month, {DUE_SINCE}, {OVERDUE_FEN}, b.headcount
            from levy_bill b join parties_unit u on u.id = b.unit_id
            where b.state <> 'paid' and b.due_date < %(on)s and {OVERDUE_FEN} > 0
              and (%(agency)s::int is null or b.agency_id = %(agency)s) and (%(unit)s::int is null or b.unit_id = %(unit)s)
            order by 7, b.id limit %(limit)s
            """,
            {"on": on, "agency": agency_id, "unit": unit_id, "limit": limit},
        )
        return [UnitArrears(*row) for row in cursor.fetchall()]
