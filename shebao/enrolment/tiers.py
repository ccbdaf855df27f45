"""灵活就业: insured by oneself through the 个人流动窗口 of an agency, at a 缴费档次 (percent of the average wage).

A spell without a wage, and beside it the tier by month on the same two axes. Whoever files (a clerk now, the person later) the
operations are the same. Sets of people at a time; the database refuses overlaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from shebao.base.months import Month
from shebao.base.terms import Insurance
from shebao.enrolment import operations as enrolment
from shebao.enrolment.operations import NothingOpenError, OverlapError

MASK = Insurance.PENSION.flag  # the medical type has no published rate, so nobody is insured in it here
NOT_HERE = "此人没有在个人流动窗口参保（或已暂停），请刷新后核对"


@dataclass(frozen=True, slots=True)
class NewFlexible:
    """Somebody to insure through a window from a month on, at a tier (percent)."""

    person_id: int
    unit_id: int
    agency_id: int
    percent: int
    from_month: Month
    case_id: int | None


def start(people: Sequence[NewFlexible], *, at: datetime) -> None:
    """灵活就业参保（新参保/续保）.

    Raises: OverlapError when one of them is insured in the pension elsewhere in one of the months.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """
                insert into enrolment_spell (person_id, unit_id, agency_id, insurance_mask, from_month, stop_reason, known_from, case_id)
                select n.person_id, n.unit_id, n.agency_id, %s, n.from_month, '', %s, n.case_id
                from unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::bigint[])
                     as n (person_id, unit_id, agency_id, from_month, case_id) order by n.person_id
                """,
                [
                    MASK,
                    at,
                    [p.person_id for p in people],
                    [p.unit_id for p in people],
                    [p.agency_id for p in people],
                    [p.from_month for p in people],
                    [p.case_id for p in people],
                ],
            )
            _put_tiers(people, at)
    except IntegrityError as error:
        raise OverlapError("此人在同一时间已由单位或另一窗口办理了养老保险参保，请重新核对后再提交") from error


def change(people: Sequence[NewFlexible], *, at: datetime) -> None:
    """缴费档次变更 from a month on; months before it keep theirs. For somebody without a tier yet it is the first choice.

    Raises: NothingOpenError when one of them has no open spell through the window; OverlapError when another one changed it just now.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # The spells are held, so that a stop in the same second comes before or after and leaves no open tier behind.
        cursor.execute(
            """
            select s.person_id from unnest(%s::bigint[], %s::int[]) as n (person_id, unit_id)
            join enrolment_spell s on s.person_id = n.person_id and s.unit_id = n.unit_id and s.known_to is null and s.to_month is null
              and s.insurance_mask & %s <> 0
            order by s.person_id for share of s
            """,
            [[p.person_id for p in people], [p.unit_id for p in people], MASK],
        )
        if {row[0] for row in cursor.fetchall()} != {p.person_id for p in people}:
            raise NothingOpenError(NOT_HERE)
        try:
            with transaction.atomic():
                end_tiers([(p.person_id, p.from_month) for p in people], at=at)
                _put_tiers(people, at)
        except IntegrityError as error:
            raise OverlapError("此人的缴费档次刚刚由他人变更，请刷新后核对") from error


def stop(stops: Sequence[enrolment.Stop], *, at: datetime) -> None:
    """灵活就业暂停: spells and tiers end before the given months.  Raises: NothingOpenError."""
    with transaction.atomic():
        try:
            enrolment.stop(stops, at=at)
        except NothingOpenError as error:
            raise NothingOpenError(NOT_HERE) from error
        end_tiers([(s.person_id, s.to_month) for s in stops], at=at)


def end_tiers(ends: Sequence[tuple[int, Month]], *, at: datetime) -> None:
    """Let the tiers of people end before the given months: close what is known, keep the part before."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with n as (select * from unnest(%s::bigint[], %s::int[]) as n (person_id, ends)),
            closed as (
                update enrolment_tier t set known_to = %s from n
                where t.person_id = n.person_id and t.known_to is null and (t.to_month is null or t.to_month > n.ends)
                returning t.*, n.ends)
            select person_id, unit_id, agency_id, percent, from_month, ends, case_id from closed where from_month < ends
            """,
            [[person_id for person_id, _ in ends], [month for _, month in ends], at],
        )
        kept = cursor.fetchall()
        cursor.execute(
            """
            insert into enrolment_tier (person_id, unit_id, agency_id, percent, from_month, to_month, known_from, case_id)
            select n.person_id, n.unit_id, n.agency_id, n.percent, n.from_month, n.to_month, %s, n.case_id
            from unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::bigint[])
                 as n (person_id, unit_id, agency_id, percent, from_month, to_month, case_id)
            """,
            [at, *([row[i] for row in kept] for i in range(7))],
        )


def _put_tiers(people: Sequence[NewFlexible], at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into enrolment_tier (person_id, unit_id, agency_id, percent, from_month, known_from, case_id)
            select n.person_id, n.unit_id, n.agency_id, n.percent, n.from_month, %s, n.case_id
            from unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], %s::bigint[])
                 as n (person_id, unit_id, agency_id, percent, from_month, case_id) order by n.person_id
            """,
            [
                at,
                [p.person_id for p in people],
                [p.unit_id for p in people],
                [p.agency_id for p in people],
                [p.percent for p in people],
                [p.from_month for p in people],
                [p.case_id for p in people],
            ],
        )


@dataclass(frozen=True, slots=True)
class FlexSpell:
    """One stretch of a flexible worker's pension cover through a window: from a month until before another (None: open)."""

    unit_id: int
    agency_id: int
    unit_name: str
    from_month: Month
    to_month: Month | None


@dataclass(frozen=True, slots=True)
class ChosenTier:
    """缴费档次 in a stretch of months, as held true now."""

    percent: int
    from_month: Month
    to_month: Month | None
    known_from: datetime


def flexible_spells(person_id: int) -> list[FlexSpell]:
    """A person's pension cover through windows, oldest first, within the actor's reach."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select s.unit_id, s.agency_id, u.name, s.from_month, s.to_month from enrolment_spell s
            join parties_unit u on u.id = s.unit_id and u.kind = 'window'
            where s.person_id = %s and s.known_to is null and s.insurance_mask & %s <> 0 order by s.from_month
            """,
            [person_id, MASK],
        )
        return [FlexSpell(*row) for row in cursor.fetchall()]


def tiers_of(person_id: int) -> list[ChosenTier]:
    """A person's tiers as held true now, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select percent, from_month, to_month, known_from from enrolment_tier"
            " where person_id = %s and known_to is null order by from_month",
            [person_id],
        )
        return [ChosenTier(*row) for row in cursor.fetchall()]


def tier_in(tiers: Sequence[ChosenTier], month: Month) -> int | None:
    """The percent that holds in a month."""
    return next((t.percent for t in tiers if t.from_month <= month and (t.to_month is None or month < t.to_month)), None)
