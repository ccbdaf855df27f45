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
    + """,
closed as (
  update enrolment_wage w set known_to = %(at)s from n
  where w.person_id = n.person_id and w.unit_id = n.unit_id and w.known_to is null
    and w.from_month <= n.from_month and (w.to_month is null or w.to_month > n.from_month)
  returning w.person_id, w.unit_id, w.agency_id, w.wage_fen, w.from_month, w.to_month, w.case_id)
select n.person_id, n.unit_id, n.agency_id, n.wage_fen, n.from_month,
       least(c.to_month, (select min(l.from_month) from enrolment_wage l
                          where l.person_id = n.person_id and l.unit_id = n.unit_id and l.known_to is null
                            and l.from_month > n.from_month)), n.case_id,
       c.agency_id, c.wage_fen, c.from_month, c.case_id
from n left join closed c on c.person_id = n.person_id and c.unit_id = n.unit_id
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
        found = cursor.fetchall()
        kept = [(p, u, c_agency, c_wage, c_from, month, c_case) for p, u, _, _, month, _, _, c_agency, c_wage, c_from, c_case in found
                if c_from is not None and c_from < month]  # fmt: skip
        for rows in (kept, [row[:7] for row in found]):
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
        [r.agency_id for r in retirees],
        [r.kind for r in retirees],
        [r.pension_fen for r in retirees],
        [r.from_month for r in retirees],
        [r.case_id for r in retirees],
    ]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """
                with n as (select * from unnest(%s::bigint[], %s::int[], %s::int[], %s::text[], %s::bigint[], %s::int[], %s::bigint[])
                           as n (person_id, unit_id, agency_id, kind, pension_fen, from_month, case_id)),
                closed as (
                  update enrolment_outsideretiree r set known_to = %s from n
                  where r.person_id = n.person_id and r.unit_id = n.unit_id and r.known_to is null
                    and r.from_month <= n.from_month and (r.to_month is null or r.to_month > n.from_month)
                  returning r.*)
                select n.person_id, n.unit_id, n.agency_id, n.kind, n.pension_fen, n.from_month,
                       least(c.to_month, (select min(l.from_month) from enrolment_outsideretiree l
                                          where l.person_id = n.person_id and l.unit_id = n.unit_id and l.known_to is null
                                            and l.from_month > n.from_month)), n.case_id,
                       c.agency_id, c.kind, c.pension_fen, c.from_month, c.case_id
                from n left join closed c on c.person_id = n.person_id and c.unit_id = n.unit_id
                """,
                [*columns, at],
            )
            found = cursor.fetchall()
            kept = [(r[0], r[1], r[8], r[9], r[10], r[11], r[5], r[12]) for r in found if r[11] is not None and r[11] < r[5]]
            for rows in (kept, [row[:8] for row in found]):
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
