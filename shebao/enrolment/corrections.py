"""信息订正 of what took effect: a new fact beside the old one. Rows are closed at the instant of the correction, never edited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from shebao.base.errors import ShebaoError
from shebao.base.months import month_shown, shift
from shebao.enrolment.models import Spell, Wage
from shebao.enrolment.operations import OverlapError

OPEN = 999912  # stands for “no end” while intervals are compared


class SpellGoneError(ShebaoError):
    """The spell was changed meanwhile, or is not the register's any more."""

    code = "ENR-92"


class NotCoveredError(ShebaoError):
    """A wage is to be corrected for months in which the person was not insured through the unit."""

    code = "ENR-93"


@dataclass(frozen=True, slots=True)
class Period:
    """A declared wage (fen a month) from a month until before another one; OPEN: no end."""

    from_month: int
    to_month: int
    wage_fen: int


@dataclass(frozen=True, slots=True)
class SpellCorrection:
    """What a spell should have been. to_month: first month without cover, None: runs on. cancelled: it should never have been."""

    spell_id: int
    insurance_mask: int
    from_month: int
    to_month: int | None
    stop_reason: str
    case_id: int | None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class WageCorrection:
    """The declared wage of a person at a unit in past months: from a month until before another one; None: from then on."""

    person_id: int
    unit_id: int
    from_month: int
    to_month: int | None
    wage_fen: int
    case_id: int | None


def find_spell(person_id: int, unit_id: int, from_month: int) -> Spell | None:
    """The spell of a person through a unit that begins in a month, as the register holds it now."""
    return Spell.objects.filter(person_id=person_id, unit_id=unit_id, from_month=from_month, known_to=None).first()


def wages_of(person_id: int, unit_id: int) -> list[Wage]:
    """Declared wages of a person at a unit, as the register holds them now, oldest first."""
    return list(Wage.objects.filter(person_id=person_id, unit_id=unit_id, known_to=None).order_by("from_month"))


def correct_spells(corrections: Sequence[SpellCorrection], *, at: datetime) -> None:
    """Close spells and put the right ones beside them; declared wages follow, so that every covered month has one and no other has.

    Raises: SpellGoneError; OverlapError when another unit insures the person in one of the months and types.
    """
    for correction in sorted(corrections, key=lambda c: c.spell_id):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                _correct_spell(cursor, correction, at)
        except IntegrityError as error:
            raise OverlapError("更正后的参保时间与此人的另一段参保重叠，请先核对那一段") from error


def _correct_spell(cursor: CursorWrapper, correction: SpellCorrection, at: datetime) -> None:
    cursor.execute(
        "update enrolment_spell set known_to = %s where id = %s and known_to is null returning person_id, unit_id, agency_id",
        [at, correction.spell_id],
    )
    row = cursor.fetchone()
    if row is None:
        raise SpellGoneError("这段参保关系刚刚有了变动，请重新查询后再订正")
    person_id, unit_id, agency_id = row
    if not correction.cancelled:
        cursor.execute(
            """
            insert into enrolment_spell
              (person_id, unit_id, agency_id, insurance_mask, from_month, to_month, stop_reason, known_from, case_id)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                *(person_id, unit_id, agency_id, correction.insurance_mask),
                *(correction.from_month, correction.to_month, correction.stop_reason, at, correction.case_id),
            ],
        )
    cursor.execute(
        "select from_month, coalesce(to_month, %s) from enrolment_spell where person_id = %s and unit_id = %s and known_to is null",
        [OPEN, person_id, unit_id],
    )
    known = wages_of(person_id, unit_id)
    wanted = covering(cursor.fetchall(), [Period(w.from_month, w.to_month or OPEN, w.wage_fen) for w in known])
    _replace_wages(cursor, known, wanted, (person_id, unit_id, agency_id), correction.case_id, at)


def correct_wages(corrections: Sequence[WageCorrection], *, at: datetime) -> None:
    """Put another declared wage in the place of what stood for some months.

    Raises: NotCoveredError when one of the months is not covered through the unit.
    """
    for correction in sorted(corrections, key=lambda c: (c.person_id, c.unit_id)):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "select agency_id from enrolment_spell where person_id = %s and unit_id = %s and known_to is null order by id for share",
                [correction.person_id, correction.unit_id],
            )
            held = cursor.fetchone()
            known = wages_of(correction.person_id, correction.unit_id)
            periods = [Period(w.from_month, w.to_month or OPEN, w.wage_fen) for w in known]
            new = Period(correction.from_month, correction.to_month or OPEN, correction.wage_fen)
            gap = new.from_month if held is None else _first_uncovered(periods, new)
            if gap is not None:
                raise NotCoveredError(f"此人{month_shown(gap)}不在本单位参保，不能订正该月的申报工资；请核对起止月")
            whose = (correction.person_id, correction.unit_id, held[0])
            _replace_wages(cursor, known, overlaid(periods, new), whose, correction.case_id, at)


def _first_uncovered(periods: Sequence[Period], wanted: Period) -> int | None:
    month = wanted.from_month
    for period in sorted(periods, key=lambda p: p.from_month):
        if period.from_month <= month < period.to_month:
            month = period.to_month
        if month >= wanted.to_month:
            return None
    return month


def overlaid(periods: Sequence[Period], new: Period) -> list[Period]:
    """Periods with a new one in the place of what it covers; neighbours with the same wage stay apart, as they were declared."""
    kept: list[Period] = [new]
    for old in periods:
        if old.from_month < min(old.to_month, new.from_month):
            kept.append(Period(old.from_month, min(old.to_month, new.from_month), old.wage_fen))
        if max(old.from_month, new.to_month) < old.to_month:
            kept.append(Period(max(old.from_month, new.to_month), old.to_month, old.wage_fen))
    return sorted(kept, key=lambda p: p.from_month)


def covering(spells: Sequence[tuple[int, int]], wages: Sequence[Period]) -> list[Period]:
    """Declared wages cut and stretched to the months of spells (from, to; OPEN: no end): in a gap the wage before it goes on, before the
    first one the first one holds. Spells without any wage at all stay without."""
    if not wages:
        return []
    found: list[Period] = []
    for first, end in _merged(spells):
        inside = [w for w in wages if w.from_month < end and w.to_month > first]
        before = [w for w in wages if w.to_month <= first]
        if not inside:
            inside = [before[-1] if before else wages[0]]
        starts = [first, *(w.from_month for w in inside[1:])]
        ends = [*starts[1:], end]
        found += [Period(s, e, w.wage_fen) for s, e, w in zip(starts, ends, inside, strict=True)]
    return found


def _merged(spells: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, end in sorted(spells):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((first, end))
    return merged


def _replace_wages(
    cursor: CursorWrapper, known: Sequence[Wage], wanted: Sequence[Period], whose: tuple[int, int, int], case_id: int | None, at: datetime
) -> None:
    """Close what does not stand any more and insert what is missing; rows that stay right are left as they are."""
    standing = {Period(w.from_month, w.to_month or OPEN, w.wage_fen): w.pk for w in known}
    gone = [pk for period, pk in standing.items() if period not in wanted]
    new = [period for period in wanted if period not in standing]
    cursor.execute("update enrolment_wage set known_to = %s where id = any(%s)", [at, gone])
    person_id, unit_id, agency_id = whose
    cursor.execute(
        """
        insert into enrolment_wage (person_id, unit_id, agency_id, wage_fen, from_month, to_month, known_from, case_id)
        select %s, %s, %s, n.wage_fen, n.from_month, nullif(n.to_month, %s), %s, %s
        from unnest(%s::bigint[], %s::int[], %s::int[]) as n (wage_fen, from_month, to_month)
        """,
        [
            *(person_id, unit_id, agency_id, OPEN, at, case_id),
            *([p.wage_fen for p in new], [p.from_month for p in new], [p.to_month for p in new]),
        ],
    )


def last_month(to_month: int | None) -> int | None:
    """The last month with cover, of the first one without."""
    return None if to_month is None else shift(to_month, -1)
