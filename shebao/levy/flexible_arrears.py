"""欠费注销, 中断补缴 and 延长缴费 of flexible workers (B7, B8): by an approved filing at the counter, each under the rules of its day.

Older regime (about 2011): what is owed may be written off for good; a gap, or what was written off, may be paid later at the average wage
and tier of the day it is paid, with interest. Since 2022: nothing is paid back. Medical gaps never.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.clock import ZONE
from shebao.base.money import yuan_shown
from shebao.base.months import Month, last_day, month_of, month_shown, shift, span
from shebao.base.terms import Sex
from shebao.enrolment.tiers import FlexSpell, flexible_spells
from shebao.ledger.operations import Booking, book
from shebao.levy import flexible
from shebao.levy.flexible import PENSION, Covered, DueMovedError, NewDue, owed_sides
from shebao.levy.flexible_billing import MONTHS_MAX, AssessRefusedError, fill_bill, lock_open_bills, open_bill
from shebao.levy.models import Bill, DueOrigin, DueState, FlexDue
from shebao.parties.models import Person
from shebao.policy.explain import Explained
from shebao.policy.flexible import explain_tier
from shebao.policy.flexible_years import NO_LATER, ages, back_payment, why_not_payable
from shebao.policy.interest import explain_interest
from shebao.policy.rulebook import Rulebook

WAITING = (DueState.OPEN, DueState.BILLED, DueState.SENT)  # owed and not paid


def write_off(person_id: int, first: Month, last: Month, *, agency_id: int, place: str, case_id: int | None, on: date, at: datetime) -> int:
    """欠费注销 of the open months in a span, for good: they do not count as paid. Returns fen.

    Raises: AssessRefusedError when none is open, or one of them is on a bill or in a debit batch.
    """
    lock_open_bills(person_id)
    rows = flexible.hold_dues(person_id, span(first, shift(last, 1)))
    if why := why_not_written_off(rows.values(), agency_id):
        raise AssessRefusedError("FLX-20", why)
    open_ones = [due for due in rows.values() if due.state == DueState.OPEN]
    key = f"flexdue:off:{person_id}:{open_ones[0].month}:{open_ones[0].recorded_at:%Y%m%d%H%M%S}"
    written_off(open_ones, key=key, text="灵活就业欠费注销", place=place, on=on, at=at)
    months = [due.month for due in open_ones]
    subject, after = f"{months[0]}-{months[-1]}", {"months": months}
    record([Trace("levy.flexible_written_off", subject, person_id=person_id, case_id=case_id, agency_id=agency_id, after=after)], at=at)
    return sum(due.total_fen + due.interest_fen for due in open_ones)


def why_not_written_off(dues: Iterable[FlexDue], agency_id: int) -> str:
    """Why nothing of these months can be written off; empty when the open ones can."""
    found = list(dues)
    if any(due.agency_id != agency_id for due in found):
        return "所选月份里有另一个经办机构的费款，请到当时参保的经办机构办理"
    for due in found:
        if due.state in (DueState.BILLED, DueState.SENT):
            return f"{month_shown(due.month)}的费款{DueState(due.state).label}，不能注销；请先作废核定单或等批扣结果出来"
    if not any(due.state == DueState.OPEN for due in found):
        return "所选月份没有可以注销的欠费：可能已缴费、已注销，或没有核定应缴"
    return ""


def written_off(dues: Sequence[FlexDue], *, key: str, text: str, place: str, on: date, at: datetime) -> None:
    """Open dues of one person are owed no more, in the books too.  Raises: DueMovedError."""
    months = [due.month for due in dues]
    changed = FlexDue.objects.filter(person_id=dues[0].person_id, insurance=PENSION, month__in=months, state=DueState.OPEN).update(
        state=DueState.WRITTEN_OFF
    )
    if changed != len(dues):
        raise DueMovedError("有月份刚刚被缴费、核定或批扣，没有重复办理；请刷新后核对")
    sides = owed_sides(-sum(due.total_fen for due in dues), -sum(due.interest_fen for due in dues))
    book([Booking(key, text, key[:60], sides)], place=place, on=on, at=at)


@dataclass(frozen=True, slots=True)
class LateMonth:
    """One month assessed by the agency: its amount and interest, fen, and why."""

    due: NewDue
    explained: Explained
    interest: Explained | None

    @property
    def total_fen(self) -> int:
        return self.due.total_fen + self.due.interest_fen


@dataclass(frozen=True, slots=True)
class Slip:
    """What would be on a 核定单 of the agency."""

    person_id: int
    unit_id: int
    agency_id: int
    months: tuple[LateMonth, ...]

    @property
    def total_fen(self) -> int:
        return sum(one.total_fen for one in self.months)


def draft_back(person_id: int, first: Month, last: Month, tier: int, *, agency_id: int, place: str, rulebook: Rulebook, on: date) -> Slip:
    """中断补缴 of months that were not insured or were written off: at today's average wage and the chosen tier, with interest.

    Raises: AssessRefusedError (what the rule of the day forbids), TierUnknown, RuleMissing (the rate of interest is not published).
    """
    if not back_payment(on, place, rulebook).pension_allowed:
        raise AssessRefusedError("FLX-21", f"{NO_LATER}（{on.isoformat()} 施行的规定）；本社保年度内已参保的月份可以直接核定缴费")
    spells = _spells_here(person_id, agency_id)
    known = {due.month: due for due in flexible.dues_of(person_id) if due.insurance == PENSION}
    found: list[LateMonth] = []
    for month in _span(first, last, on):
        former = known.get(month)
        if month < spells[0].from_month:
            raise AssessRefusedError("FLX-08", f"{month_shown(month)}早于首次参保月份（{month_shown(spells[0].from_month)}），不能补缴")
        if former is not None and former.state != DueState.WRITTEN_OFF:
            told = f"{month_shown(month)}{DueState(former.state).label}，不是中断月份；欠费可直接核定缴纳"
            raise AssessRefusedError("FLX-22", told)
        spell = _last_before(spells, month)
        with_interest = back_payment(on, place, rulebook).with_interest
        explained = explain_tier(tier, month_of(on), place, rulebook)
        interest = explain_interest(explained.amount("total"), month, on, place, rulebook) if with_interest else None
        cover = Covered(person_id, month, spell.unit_id, spell.agency_id, None)
        due = flexible.new_due(
            cover,
            tier,
            place,
            rulebook,
            rated_by=month_of(on),
            origin=DueOrigin.BACK,
            interest_fen=interest.amount("interest") if interest else 0,
        )
        found.append(LateMonth(due, explained, interest))
    return Slip(person_id, found[0].due.unit_id, agency_id, tuple(found))


def draft_extension(
    person_id: int, first: Month, last: Month, tier: int, counted: int, *, agency_id: int, place: str, rulebook: Rulebook, at: datetime
) -> Slip:
    """延长缴费 past the age with too few years. counted: months that count so far, as the agency states them.

    Raises: AssessRefusedError, TierUnknown, RuleMissing.
    """
    on = at.astimezone(ZONE).date()
    person = Person.objects.get(pk=person_id)
    limits = ages(Sex(person.sex), on, place, rulebook)
    minimum = int(rulebook.rule("pension.minimum_months", on, place).value)
    months = _span(first, last, on)
    if limits is not None and _month_of_age(person.birth_date, limits.below) > months[0]:
        reached = _month_of_age(person.birth_date, limits.below)
        since = f"此人从 {month_shown(reached)}起超过参保年龄（满 {limits.below} 周岁）"
        told = f"{since}，{month_shown(months[0])}不属于延长缴费；之前的月份按灵活就业参保缴费"
        raise AssessRefusedError("FLX-23", told)
    spells = _spells_here(person_id, agency_id)
    known = {due.month: due for due in flexible.dues_of(person_id) if due.insurance == PENSION}
    waiting = sum(due.state in WAITING and due.month not in months for due in known.values())
    if counted + waiting + len(months) > minimum:
        left = max(0, minimum - counted - waiting)
        so_far = f"已缴 {counted} 个月" + (f"、待缴 {waiting} 个月" if waiting else "")
        told = f"{so_far}，最低缴费年限 {minimum} 个月，最多还可延长缴费 {left} 个月，所选 {len(months)} 个月超过了"
        raise AssessRefusedError("FLX-24", told)
    found = []
    for month in months:
        if why := why_not_payable(month, at, place, rulebook):
            raise AssessRefusedError("FLX-04", why)
        if (former := known.get(month)) is not None and former.state != DueState.WRITTEN_OFF:
            raise AssessRefusedError("FLX-22", f"{month_shown(month)}{DueState(former.state).label}，不用再核定延长缴费")
        cover = Covered(person_id, month, spells[-1].unit_id, agency_id, None)
        due = flexible.new_due(cover, tier, place, rulebook, origin=DueOrigin.EXTEND)
        found.append(LateMonth(due, explain_tier(tier, month, place, rulebook), None))
    return Slip(person_id, spells[-1].unit_id, agency_id, tuple(found))


def issue_slip(made: Slip, *, place: str, case_id: int | None, on: date, at: datetime) -> Bill:
    """The agency's 核定单 (fetched by its number): its dues are owed and on it from the start.

    Its due date is the end of the month, because interest and average wage are those of today.  Raises: AssessRefusedError, DueMovedError.
    """
    lock_open_bills(made.person_id)
    months = [one.due.month for one in made.months]
    bill = open_bill(made.person_id, made.unit_id, made.agency_id, months, due_date=last_day(month_of(on)), on=on)
    flexible.create(
        [one.due for one in made.months], place=place, key=f"flexdue:slip:{bill.pk}", text="灵活就业补缴（延长）应缴", on=on, at=at
    )
    _again(made, bill, place=place, on=on, at=at)
    fill_bill(bill, months)
    after = {"months": months, "tier": made.months[0].due.tier, "total_fen": bill.person_fen}
    trace = Trace("levy.flexible_slip", bill.number, person_id=made.person_id, case_id=case_id, unit_id=made.unit_id, after=after)
    record([trace], at=at)
    return bill


def _again(made: Slip, bill: Bill, *, place: str, on: date, at: datetime) -> None:
    """Months that were written off before are owed anew, at the new amounts."""
    held = flexible.hold_dues(made.person_id, [one.due.month for one in made.months])
    wanted = [one.due for one in made.months if held[one.due.month].state == DueState.WRITTEN_OFF]
    if not wanted:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update levy_flexdue d set state = 'open', origin = n.origin, tier = n.tier, base_fen = n.base_fen, total_fen = n.total_fen,
                   account_fen = n.account_fen, interest_fen = n.interest_fen, unit_id = n.unit_id, agency_id = n.agency_id
            from unnest(%s::int[], %s::text[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[])
                 as n (month, origin, tier, base_fen, total_fen, account_fen, interest_fen, unit_id, agency_id)
            where d.person_id = %s and d.insurance = %s and d.month = n.month and d.state = 'written_off'
            """,
            [
                [d.month for d in wanted],
                [d.origin.value for d in wanted],
                [d.tier for d in wanted],
                [d.base_fen for d in wanted],
                [d.total_fen for d in wanted],
                [d.account_fen for d in wanted],
                [d.interest_fen for d in wanted],
                [d.unit_id for d in wanted],
                [d.agency_id for d in wanted],
                *(made.person_id, PENSION),
            ],
        )
    sides = owed_sides(sum(d.total_fen for d in wanted), sum(d.interest_fen for d in wanted))
    key = f"flexdue:again:{bill.pk}"
    book([Booking(key, "灵活就业补缴应缴（原已注销）", key, sides)], place=place, on=on, at=at)


def _span(first: Month, last: Month, on: date) -> list[Month]:
    if first > last or shift(first, MONTHS_MAX) <= last:
        raise AssessRefusedError("FLX-03", f"所属期起不能晚于所属期止，一次最多核定 {MONTHS_MAX} 个月，请核对")
    if last > month_of(on):
        raise AssessRefusedError("FLX-04", f"{month_shown(last)}还没有到，所属期止不能晚于本月（{month_shown(month_of(on))}）")
    return list(span(first, shift(last, 1)))


def _spells_here(person_id: int, agency_id: int) -> list[FlexSpell]:
    spells = [spell for spell in flexible_spells(person_id) if spell.agency_id == agency_id]
    if not spells:
        raise AssessRefusedError("FLX-25", "此人没有在本经办机构的个人流动窗口参保过，请核对身份号码或到当时参保的经办机构办理")
    return spells


def _last_before(spells: Sequence[FlexSpell], month: Month) -> FlexSpell:
    return [spell for spell in spells if spell.from_month <= month][-1]


def _month_of_age(birth: date, years: int) -> Month:
    """The first month on whose first day somebody has completed the years: the month's run owes nothing for it any more."""
    return shift((birth.year + years) * 100 + birth.month, 0 if birth.day == 1 else 1)


def told(slip: Slip) -> list[tuple[str, str, str, str]]:
    """The months of a slip as texts: month, base, amount, interest."""
    return [
        (month_shown(one.due.month), yuan_shown(one.due.base_fen), yuan_shown(one.due.total_fen), yuan_shown(one.due.interest_fen))
        for one in slip.months
    ]
