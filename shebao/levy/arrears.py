"""欠费: what is billed, due, and not paid. A unit pays a bill as a whole, so its people are in arrears until the bill is cleared, or,
when they were taken onto a 欠费补缴单, until that one is paid. What is deferred (缓缴) is not overdue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from shebao.levy.suspension import suspended

# The one definition of an overdue bill: open, past its due date, by more than what is deferred. Money counts for the rest first, so at
# most the deferred unit parts are still put off; when they alone are open, they fall due with the end of the deferral.
OVERDUE = """
select b.id, b.kind, b.number, b.unit_id, b.agency_id, b.month,
       case when o.fen <= d.ended_fen then greatest(b.due_date, d.ended_on) else b.due_date end as due_date,
       b.headcount, o.fen - d.running_fen as open_fen
from levy_bill b
cross join lateral (
  select b.unit_fen + b.person_fen + b.late_fee_fen - b.paid_fen - b.moved_fen - b.written_off_fen as fen) o
cross join lateral (
  select coalesce(sum(p.fen) filter (where p.last_day >= %(on)s), 0)::bigint as running_fen,
         coalesce(sum(p.fen) filter (where p.last_day < %(on)s), 0)::bigint as ended_fen,
         max(p.last_day) filter (where p.last_day < %(on)s) as ended_on
  from (select d.last_day, least(l.unit_fen + l.person_fen - l.paid_fen - l.moved_fen - l.written_off_fen,
               l.unit_fen - coalesce((select sum(t.unit_fen) from levy_takendue t
                                      where t.line_id = l.id and t.state <> 'rolled_back'), 0)) as fen
        from unnest(%(d_units)s::int[], %(d_months)s::int[], %(d_types)s::int[], %(d_last)s::date[])
             as d (unit_id, month, insurance, last_day)
        join levy_billline l on l.bill_id = b.id and l.insurance = d.insurance and l.origin in ('normal', 'estimate')
        where d.unit_id = b.unit_id and d.month = b.month and b.kind = 'monthly') p) d
where b.state in ('issued', 'part_paid') and b.kind <> 'person' and b.due_date < %(on)s
  and (%(unit)s::int is null or b.unit_id = %(unit)s) and (%(agency)s::int is null or b.agency_id = %(agency)s)
  and o.fen > d.running_fen
"""


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
    kind: str


def _values(on: date, *, unit_id: int | None = None, agency_id: int | None = None) -> dict[str, Any]:
    found = suspended(_units(on, agency_id) if unit_id is None else [unit_id], on)
    deferred = list(found)
    return {
        "d_last": [found[key] for key in deferred],
        "on": on,
        "unit": unit_id,
        "agency": agency_id,
        "d_units": [key[0] for key in deferred],
        "d_months": [key[1] for key in deferred],
        "d_types": [key[2] for key in deferred],
    }


def _units(on: date, agency_id: int | None) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct unit_id from levy_bill where state in ('issued', 'part_paid') and due_date < %s"
            " and (%s::int is null or agency_id = %s)",
            [on, agency_id, agency_id],
        )
        return [row[0] for row in cursor.fetchall()]


def people_in_arrears(unit_id: int, person_ids: Sequence[int], on: date) -> dict[int, list[int]]:
    """Months in which people of a unit are in arrears there, by person, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            with overdue as ({OVERDUE}),
            live as (select person_id, month, origin, state from levy_takendue
                     where unit_id = %(unit)s and person_id = any(%(people)s) and state <> 'rolled_back')
            select person_id, array_agg(distinct month order by month) from (
              select a.person_id, a.month from overdue b
              join levy_assessment a on a.unit_id = %(unit)s and a.month = b.month and a.person_id = any(%(people)s)
              where b.kind = 'monthly' and not exists (select 1 from live where live.person_id = a.person_id and live.month = a.month
                                                       and live.origin = 'normal')
              union all
              select l.person_id, l.month from overdue b join levy_line l on l.bill_id = b.id and l.person_id = any(%(people)s)
              where not exists (select 1 from live where live.person_id = l.person_id and live.month = l.month and live.origin = l.origin)
              union all
              select person_id, month from live where state = 'ordered') x group by 1
            """,
            {"people": list(person_ids), **_values(on, unit_id=unit_id)},
        )
        return dict(cursor.fetchall())


def undeclared_months(unit_id: int) -> list[int]:
    """Months of a unit that stand at 110 % for want of a declaration: nobody's own dues can be paid before they are declared."""
    with connection.cursor() as cursor:
        cursor.execute("select distinct month from levy_estimate where unit_id = %s and settled_at is null order by month", [unit_id])
        return [row[0] for row in cursor.fetchall()]


def overdue_bills(unit_id: int, on: date) -> list[int]:
    """Overdue 核定单 of a unit, oldest first: what its people can be taken out of.

    Not those of undeclared months: what they are determined at is no person's until the late declaration settles it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select id from ({OVERDUE}) b where kind = 'monthly' and not exists (
              select 1 from levy_estimate e where e.unit_id = b.unit_id and e.month = b.month and e.settled_at is null)
            order by month, id
            """,
            _values(on, unit_id=unit_id),
        )
        return [row[0] for row in cursor.fetchall()]


def overdue(on: date, *, agency_id: int | None = None, unit_id: int | None = None, limit: int = 200) -> list[UnitArrears]:
    """Overdue bills, oldest first, of an agency's units or of one unit."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select b.unit_id, u.number, u.name, b.id, b.number, b.month, b.due_date, b.open_fen, b.headcount, b.kind
            from ({OVERDUE}) b join parties_unit u on u.id = b.unit_id order by b.due_date, b.id limit %(limit)s
            """,
            {"limit": limit, **_values(on, unit_id=unit_id, agency_id=agency_id)},
        )
        return [UnitArrears(*row) for row in cursor.fetchall()]


def overdue_sums(on: date, *, agency_id: int | None = None, unit_id: int | None = None, kind: str = "") -> tuple[int, int]:
    """(bills, fen) overdue of an agency's units or of one unit; of one kind of bills when it is named."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select count(*), coalesce(sum(open_fen), 0)::bigint from ({OVERDUE}) b where %(kind)s = '' or kind = %(kind)s",
            {"kind": str(kind), **_values(on, unit_id=unit_id, agency_id=agency_id)},
        )
        bills, fen = cursor.fetchone()
        return bills, fen
