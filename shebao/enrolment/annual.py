"""年度申报: the wages of a 社保年度 and the register of retirees outside the city's pension pool. Sets of rows; nothing is edited.

What was declared to begin later stays as it was: a yearly wage holds until then and no longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from shebao.base.errors import ShebaoError
from shebao.enrolment.operations import NothingOpenError


class OtherUnitError(ShebaoError):
    """A retiree stands on another unit's register in the same months: the constraint refused the later one."""

    code = "ANN-90"


@dataclass(frozen=True, slots=True)
class YearWage:
    """上年度月平均工资 of a person at a unit, fen, for a 社保年度; its base holds from `from_month` on."""

    person_id: int
    unit_id: int
    agency_id: int
    year: int
    from_month: int
    wage_fen: int
    case_id: int | None


_GIVEN = """
with n as (select * from unnest(%(people)s::bigint[], %(units)s::int[], %(agencies)s::int[], %(years)s::int[], %(months)s::int[],
                                %(wages)s::bigint[], %(cases)s::bigint[])
                    as n (person_id, unit_id, agency_id, year, from_month, wage_fen, case_id))
"""

_HOLD = """
select count(distinct (person_id, unit_id)) from (
  select s.person_id, s.unit_id from unnest(%(people)s::bigint[], %(units)s::int[]) as n (person_id, unit_id)
  join enrolment_spell s on s.person_id = n.person_id and s.unit_id = n.unit_id and s.known_to is null and s.to_month is null
  order by s.person_id for share of s) held
"""

# The wage that covers the month is closed; its part before the month stays, and the yearly wage takes the rest of its months, at most
# up to where the next declared wage begins.
_CLOSE = (
    _GIVEN
    + """
update enrolment_wage w set known_to = %(at)s from n
where w.person_id = n.person_id and w.unit_id = n.unit_id and w.known_to is null
  and w.from_month <= n.from_month and (w.to_month is null or w.to_month > n.from_month)
returning w.person_id, w.unit_id, w.agency_id, w.wage_fen, w.from_month, w.to_month, w.case_id
"""
)
_NEXT = (
    _GIVEN
    + """
select n.person_id, n.unit_id, (select min(l.from_month) from enrolment_wage l
                                where l.person_id = n.person_id and l.unit_id = n.unit_id and l.known_to is null
                                  and l.from_month > n.from_month)
from n
"""
)

_INSERT_WAGES = """
insert into enrolment_wage (person_id, unit_id, agency_id, wage_fen, from_month, to_month, known_from, case_id)
select person_id, unit_id, agency_id, wage_fen, from_month, to_month, %s, case_id
from unnest(%s::bigint[], %s::int[], %s::int[], %s::bigint[], %s::int[], %s::int[], %s::bigint[])
     as n (person_id, unit_id, agency_id, wage_fen, from_month, to_month, case_id) order by person_id
"""

_YEAR_CLOSED = (
    _GIVEN
    + """
update enrolment_annualwage a set known_to = %(at)s from n
where a.person_id = n.person_id and a.unit_id = n.unit_id and a.year = n.year and a.known_to is null
"""
)
_YEAR_ENTERED = (
    _GIVEN
    + """
insert into enrolment_annualwage (person_id, unit_id, agency_id, year, wage_fen, from_month, known_from, case_id)
select person_id, unit_id, agency_id, year, wage_fen, from_month, %(at)s, case_id from n order by person_id
"""
)


def declare_year(wages: Sequence[YearWage], *, at: datetime) -> None:
    """年度申报 takes effect: the wage holds from its month on, up to where another one was declared to begin. A person stands there once.

    Raises: NothingOpenError when one of them has no open spell at the unit (any more); nothing is changed then.
    """
    given: dict[str, Any] = {
        "people": [w.person_id for w in wages],
        "units": [w.unit_id for w in wages],
        "agencies": [w.agency_id for w in wages],
        "years": [w.year for w in wages],
        "months": [w.from_month for w in wages],
        "wages": [w.wage_fen for w in wages],
        "cases": [w.case_id for w in wages],
        "at": at,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_HOLD, given)
        if cursor.fetchone()[0] != len(wages):
            raise NothingOpenError("此人已不在本单位参保，请刷新后核对")
        cursor.execute(_CLOSE, given)
        closed = {(row[0], row[1]): row for row in cursor.fetchall()}
        cursor.execute(_NEXT, given)
        following = {(person, unit): month for person, unit, month in cursor.fetchall()}
        kept, new = [], []
        for w in wages:
            former = closed.get((w.person_id, w.unit_id))
            if former is not None and former[4] < w.from_month:
                kept.append((*former[:5], w.from_month, former[6]))
            ends = [month for month in (former[5] if former else None, following[w.person_id, w.unit_id]) if month is not None]
            new.append((w.person_id, w.unit_id, w.agency_id, w.wage_fen, w.from_month, min(ends, default=None), w.case_id))
        for rows in (kept, new):
            cursor.execute(_INSERT_WAGES, [at, *_columns(rows)])
        cursor.execute(_YEAR_CLOSED, given)
        cursor.execute(_YEAR_ENTERED, given)


@dataclass(frozen=True, slots=True)
class NewRetiree:
    """A retiree of a unit whose pension another pool pays: the pension, fen a month, declared from a month on."""

    person_id: int
    unit_id: int
    agency_id: int
    kind: str
    pension_fen: int
    from_month: int
    case_id: int | None


def declare_retirees(retirees: Sequence[NewRetiree], *, at: datetime) -> None:
    """Enter retirees or their new pensions: what was declared before stays for its months, what begins later stays too.

    Raises: OtherUnitError when another unit has one of them on its register.
    """
    columns: list[list[Any]] = [
        [r.person_id for r in retirees],
        [r.unit_id for r in retirees],
        [r.from_month for r in retirees],
    ]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            given = "with n as (select * from unnest(%s::bigint[], %s::int[], %s::int[]) as n (person_id, unit_id, from_month))"
            cursor.execute(
                f"""
                {given} update enrolment_outsideretiree r set known_to = %s from n
                where r.person_id = n.person_id and r.unit_id = n.unit_id and r.known_to is null
                  and r.from_month <= n.from_month and (r.to_month is null or r.to_month > n.from_month)
                returning r.person_id, r.unit_id, r.agency_id, r.kind, r.pension_fen, r.from_month, r.to_month, r.case_id
                """,
                [*columns, at],
            )
            closed = {(row[0], row[1]): row for row in cursor.fetchall()}
            cursor.execute(
                f"""
                {given} select n.person_id, n.unit_id, (select min(l.from_month) from enrolment_outsideretiree l
                  where l.person_id = n.person_id and l.unit_id = n.unit_id and l.known_to is null and l.from_month > n.from_month) from n
                """,
                columns,
            )
            following = {(person, unit): month for person, unit, month in cursor.fetchall()}
            kept, new = [], []
            for r in retirees:
                former = closed.get((r.person_id, r.unit_id))
                if former is not None and former[5] < r.from_month:
                    kept.append((*former[:6], r.from_month, former[7]))
                ends = [month for month in (former[6] if former else None, following[r.person_id, r.unit_id]) if month is not None]
                row = (r.person_id, r.unit_id, r.agency_id, r.kind, r.pension_fen, r.from_month, min(ends, default=None), r.case_id)
                new.append(row)
            for rows in (kept, new):
                _enter_retirees(rows, at)
    except IntegrityError as error:
        raise OtherUnitError("此人已在另一单位登记为非统筹退休人员，请先由原单位停止申报") from error


def end_retirees(people: Sequence[int], unit_id: int, to_month: int, *, case_id: int | None, at: datetime) -> None:
    """停止申报: the retirees leave the unit's register from a month on. Who is not on it is left as is."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            update enrolment_outsideretiree set known_to = %s
            where unit_id = %s and person_id = any(%s) and known_to is null and (to_month is null or to_month > %s)
            returning person_id, unit_id, agency_id, kind, pension_fen, from_month
            """,
            [at, unit_id, list(people), to_month],
        )
        _enter_retirees([(*row, to_month, case_id) for row in cursor.fetchall() if row[5] < to_month], at)


def _enter_retirees(rows: Sequence[Sequence[Any]], at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into enrolment_outsideretiree
              (person_id, unit_id, agency_id, kind, pension_fen, from_month, to_month, known_from, case_id)
            select person_id, unit_id, agency_id, kind, pension_fen, from_month, to_month, %s, case_id
            from unnest(%s::bigint[], %s::int[], %s::int[], %s::text[], %s::bigint[], %s::int[], %s::int[], %s::bigint[])
                 as n (person_id, unit_id, agency_id, kind, pension_fen, from_month, to_month, case_id) order by person_id
            """,
            [at, *_columns(rows, 8)],
        )


def _columns(rows: Sequence[Sequence[Any]], width: int = 7) -> list[list[Any]]:
    return [[row[i] for row in rows] for i in range(width)]
