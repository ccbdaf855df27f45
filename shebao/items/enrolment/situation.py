"""What the enrolment items need to know of the people in their filings: loaded for all filings at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from shebao.base.errors import Refusal
from shebao.base.money import yuan_shown
from shebao.base.months import month_of, span
from shebao.base.terms import INSURANCES, SHORT_LABELS, Insurance, mask_of
from shebao.casework.item import Amount, Context, Filing, Review
from shebao.enrolment.queries import NOBODY, Cover, Standing, standings
from shebao.levy.arrears import people_in_arrears, undeclared_months
from shebao.levy.differences import left_out
from shebao.parties.models import Unit
from shebao.parties.queries import UnitTerms, find_terms, get_unit, insured_since
from shebao.policy.levy import MonthRates, assess_one, month_rates
from shebao.policy.levy_explained import explain_month
from shebao.policy.rulebook import standard

INSURANCE_CHOICES = tuple((str(i.value), SHORT_LABELS[i]) for i in INSURANCES)


@dataclass(frozen=True, slots=True)
class Situation:
    """The filing unit with its terms in this month, and the standing of the person at hand."""

    unit: Unit
    terms: UnitTerms | None
    standing: Standing
    arrears_months: tuple[int, ...] = ()
    insured_since: int | None = None  # the unit's first month with types; only asked for where months lie back
    left_out: tuple[int, ...] = ()  # months that were passed over by the place's assessment; likewise
    has_photo: bool = False
    undeclared: tuple[int, ...] = ()  # of the months in arrears, those that have to be declared first

    def cover_here(self, context: Context) -> Cover | None:
        """The open cover of the person through the filing unit."""
        here = [c for c in self.standing.covers if c.unit_id == context.unit_id and c.to_month is None]
        return here[0] if here else None


def situations(filings: Sequence[Filing], context: Context, *, arrears: bool = False, since: int | None = None) -> list[Situation]:
    """One query for all people, one for the unit, one for arrears where they matter, two for months that lie back (from `since` on)."""
    known = standings([filing.text("id_number") for filing in filings])
    unit, terms = get_unit(context.unit_id), find_terms(context.unit_id, month_of(context.on))
    found = [known.get(filing.text("id_number"), NOBODY) for filing in filings]
    people = [standing.person_id for standing in found if standing.person_id]
    owing = people_in_arrears(context.unit_id, people, context.on) if arrears and people else {}
    this = month_of(context.on)
    back = since is not None and since < this
    first = insured_since(context.unit_id) if back else None
    gaps = tuple(left_out(context.place, span(since, this))) if since is not None and back else ()
    undeclared = frozenset(undeclared_months(context.unit_id)) if owing else frozenset()
    stranger = Situation(unit, terms, NOBODY, (), first, gaps)

    def of(standing: Standing) -> Situation:
        months = tuple(owing.get(standing.person_id or 0, ()))
        return Situation(unit, terms, standing, months, first, gaps, undeclared=tuple(m for m in months if m in undeclared))

    return [stranger if standing is NOBODY else of(standing) for standing in found]


def automatic_if_vip(context: Context) -> Review:
    """VIP units: all by the system; ordinary ones wait for the counter (seed 004, 操作流程概述)."""
    return Review.AUTOMATIC if context.vip else Review.COUNTER


def always_automatic(context: Context) -> Review:
    """Reviewed by the system for every unit (seed 004: 其他业务也是系统自动审核)."""
    return Review.AUTOMATIC


def rates_of(context: Context, month: int) -> MonthRates:
    """The rates of a month where the filing unit pays."""
    return month_rates(standard(), month, context.place)


@lru_cache(maxsize=64)
def bounds(place: str, month: int) -> tuple[int | None, int | None]:
    """Floor and cap of the pension base, fen; None where the month has none."""
    rates = month_rates(standard(), month, place)
    return rates.floor_fen.get(Insurance.PENSION), rates.cap_fen.get(Insurance.PENSION)


def clamped(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    """保底封顶: told beforehand, not refused (seed 004: 系统自动对变更后的工资进行保底或封顶处理)."""
    wage_fen = filing.number("declared_wage")
    if wage_fen is None:
        return None
    floor, cap = bounds(context.place, month_of(context.on))
    if floor is not None and wage_fen < floor:
        return Refusal("ENR-W1", f"申报工资低于缴费基数下限，将按 {yuan_shown(floor)} 元保底", "declared_wage")
    if cap is not None and wage_fen > cap:
        return Refusal("ENR-W2", f"申报工资高于缴费基数上限，将按 {yuan_shown(cap)} 元封顶", "declared_wage")
    return None


def after_cutoff(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    """普通单位: the counter reviews until the cut-off day of the month (seed 004: 于当月20日前)."""
    if context.vip:
        return None
    rule = standard().find("enrolment.cutoff_day", context.on, context.place)
    if rule is None or rule.value is None or context.on.day <= int(rule.value):
        return None
    return Refusal("ENR-W3", f"本月窗口审核截止日（{rule.value} 日）已过，请尽快与窗口联系，否则可能到下月才能审核")


def monthly_amounts(
    filings: Sequence[Filing], masks: Sequence[int], wages_fen: Sequence[int], terms: UnitTerms, context: Context
) -> tuple[Amount, ...]:
    """What people cost the unit and themselves a month, by type; one person's amounts carry their explanation."""
    month = month_of(context.on)
    rates = rates_of(context, month)
    sums = {insurance: [0, 0, 0] for insurance in INSURANCES}
    for mask, wage_fen in zip(masks, wages_fen, strict=True):
        for (insurance, payer), fen in assess_one(wage_fen, mask, terms.injury_class, rates).items():
            sums[insurance][1 if payer.value == "unit" else 2] += fen
        for insurance in rates.types:
            if mask & insurance.flag and insurance in rates.floor_fen:
                sums[insurance][0] += min(max(wage_fen, rates.floor_fen[insurance]), rates.cap_fen[insurance])
    explained = None
    if len(filings) == 1:
        explained = explain_month(wages_fen[0], masks[0], terms.injury_class, month, context.place, standard()).to_dict()
    return tuple(
        Amount(insurance.label, base, unit, person, explained) for insurance, (base, unit, person) in sums.items() if unit or person
    )


def chosen_mask(filing: Filing) -> int:
    """The types of a filing as a mask."""
    chosen = filing.values.get("insurances")
    return _mask(tuple(chosen)) if isinstance(chosen, list) else 0


@lru_cache(maxsize=256)
def _mask(codes: tuple[str, ...]) -> int:
    return mask_of([Insurance(int(code)) for code in codes])


def names_of(mask: int) -> str:
    """养老、失业… of a mask."""
    return "、".join(SHORT_LABELS[i] for i in INSURANCES if mask & i.flag)
