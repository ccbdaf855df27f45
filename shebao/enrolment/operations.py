"""Starting and stopping spells, declaring wages. Sets of rows at a time; the database settles every race by its constraints."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from shebao.base.errors import ShebaoError


class OverlapError(ShebaoError):
    """Someone was insured elsewhere in the same instant: the constraint refused the later one. Check again, then tell."""

    code = "ENR-90"


class NothingOpenError(ShebaoError):
    """A stop or a new wage for somebody who is not (any more) insured through the unit."""

    code = "ENR-91"


@dataclass(frozen=True, slots=True)
class NewSpell:
    """A person to insure through a unit, in the types of the mask, from a month on, at a declared wage (fen a month)."""

    person_id: int
    unit_id: int
    agency_id: int
    insurance_mask: int
    from_month: int
    wage_fen: int
    case_id: int | None


def start(spells: Sequence[NewSpell], *, at: datetime) -> None:
    """参保: open spells and declared wages.

    Raises: OverlapError when one of the people is already insured in one of the types in one of the months.
    """
    columns: list[list[Any]] = [
        [s.person_id for s in spells],
        [s.unit_id for s in spells],
        [s.agency_id for s in spells],
        [s.insurance_mask for s in spells],
        [s.from_month for s in spells],
        [s.wage_fen for s in spells],
        [s.case_id for s in spells],
    ]
    unnest = (
        "unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], %s::bigint[], %s::bigint[])"
        " as n (person_id, unit_id, agency_id, mask, from_month, wage_fen, case_id)"
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"""
                insert into enrolment_spell (person_id, unit_id, agency_id, insurance_mask, from_month, stop_reason, known_from, case_id)
                select person_id, unit_id, agency_id, mask, from_month, '', %s, case_id from {unnest} order by person_id
                """,
                [at, *columns],
            )
            # A wage that ended with an earlier spell may reach into the new one's months: the later declaration holds from then on.
            _end_wages(cursor, columns[0], columns[1], columns[4], at)
            cursor.execute(
                f"""
                insert into enrolment_wage (person_id, unit_id, agency_id, wage_fen, from_month, known_from, case_id)
                select person_id, unit_id, agency_id, wage_fen, from_month, %s, case_id from {unnest} order by person_id
                """,
                [at, *columns],
            )
    except IntegrityError as error:
        raise OverlapError("此人在同一时间被另一单位办理了参保，请重新核对后再提交") from error


@dataclass(frozen=True, slots=True)
class Stop:
    """A person whose cover through a unit ends: `to_month` is the first month without it."""

    person_id: int
    unit_id: int
    to_month: int
    reason: str
    case_id: int | None


def stop(stops: Sequence[Stop], *, at: datetime) -> None:
    """暂停缴费: close the open spells and wages of people at a unit from a month on.

    Raises: NothingOpenError when one of them has no open spell there.
    """
    columns: list[list[Any]] = [
        [s.person_id for s in stops],
        [s.unit_id for s in stops],
        [s.to_month for s in stops],
        [s.reason for s in stops],
        [s.case_id for s in stops],
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            with n as (select * from unnest(%s::bigint[], %s::int[], %s::int[], %s::text[], %s::bigint[])
                       as n (person_id, unit_id, to_month, reason, case_id)),
            closed as (
                update enrolment_spell s set known_to = %s from n
                where s.person_id = n.person_id and s.unit_id = n.unit_id and s.known_to is null and s.to_month is null
                returning s.*, n.to_month as ends, n.reason as why, n.case_id as by_case)
            select person_id, unit_id, agency_id, insurance_mask, from_month, ends, why, by_case from closed
            """,
            [*columns, at],
        )
        closed = cursor.fetchall()
        if {(row[0], row[1]) for row in closed} != {(s.person_id, s.unit_id) for s in stops}:
            raise NothingOpenError("此人已不在本单位参保，请刷新后核对")
        kept = [row for row in closed if row[4] < row[5]]
        cursor.execute(
            """
            insert into enrolment_spell
              (person_id, unit_id, agency_id, insurance_mask, from_month, to_month, stop_reason, known_from, case_id)
            select person_id, unit_id, agency_id, mask, from_month, to_month, reason, %s, case_id
            from unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::text[], %s::bigint[])
                 as n (person_id, unit_id, agency_id, mask, from_month, to_month, reason, case_id)
            """,
            [at, *([row[i] for row in kept] for i in range(8))],
        )
        _end_wages(cursor, columns[0], columns[1], columns[2], at)


@dataclass(frozen=True, slots=True)
class NewWage:
    """申报工资 of a person at a unit from a month on, fen a month."""

    person_id: int
    unit_id: int
    agency_id: int
    from_month: int
    wage_fen: int
    case_id: int | None


def declare_wages(wages: Sequence[NewWage], *, at: datetime) -> None:
    """个人工资变更: the new wage holds from its month on, what was declared before stays as it was.

    Raises: NothingOpenError when one of them has no open spell at the unit.
    """
    people, units = [w.person_id for w in wages], [w.unit_id for w in wages]
    # The spells are held, so that a stop in the same second comes before or after and never leaves an open wage behind.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            select count(distinct (person_id, unit_id)) from (
              select s.person_id, s.unit_id from unnest(%s::bigint[], %s::int[]) as n (person_id, unit_id)
              join enrolment_spell s on s.person_id = n.person_id and s.unit_id = n.unit_id and s.known_to is null and s.to_month is null
              order by s.person_id for share of s) held
            """,
            [people, units],
        )
        if cursor.fetchone()[0] != len(wages):
            raise NothingOpenError("此人已不在本单位参保，请刷新后核对")
        _end_wages(cursor, people, units, [w.from_month for w in wages], at)
        cursor.execute(
            """
            insert into enrolment_wage (person_id, unit_id, agency_id, wage_fen, from_month, known_from, case_id)
            select person_id, unit_id, agency_id, wage_fen, from_month, %s, case_id
            from unnest(%s::bigint[], %s::int[], %s::int[], %s::bigint[], %s::int[], %s::bigint[])
                 as n (person_id, unit_id, agency_id, wage_fen, from_month, case_id)
            """,
            [
                at,
                people,
                units,
                [w.agency_id for w in wages],
                [w.wage_fen for w in wages],
                [w.from_month for w in wages],
                [w.case_id for w in wages],
            ],
        )


def _end_wages(cursor: CursorWrapper, people: Sequence[int], units: Sequence[int], ends: Sequence[int], at: datetime) -> None:
    """Let declared wages end before the given months: close what is known, keep the part before."""
    cursor.execute(
        """
        with n as (select * from unnest(%s::bigint[], %s::int[], %s::int[]) as n (person_id, unit_id, ends)),
        closed as (
            update enrolment_wage w set known_to = %s from n
            where w.person_id = n.person_id and w.unit_id = n.unit_id and w.known_to is null and (w.to_month is null or w.to_month > n.ends)
            returning w.*, n.ends)
        select person_id, unit_id, agency_id, wage_fen, from_month, ends, case_id from closed where from_month < ends
        """,
        [list(people), list(units), list(ends), at],
    )
    kept = cursor.fetchall()
    cursor.execute(
        """
        insert into enrolment_wage (person_id, unit_id, agency_id, wage_fen, from_month, to_month, known_from, case_id)
        select person_id, unit_id, agency_id, wage_fen, from_month, to_month, %s, case_id
        from unnest(%s::bigint[], %s::int[], %s::int[], %s::bigint[], %s::int[], %s::int[], %s::bigint[])
             as n (person_id, unit_id, agency_id, wage_fen, from_month, to_month, case_id)
        """,
        [at, *([row[i] for row in kept] for i in range(7))],
    )
