"""What a person can choose when they assess their own months, and how their months stand: for pages, programs and commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shebao.base.clock import ZONE
from shebao.base.months import Month, first_day, month_of, shift, span
from shebao.enrolment.tiers import ChosenTier, flexible_spells, tier_in, tiers_of
from shebao.levy.flexible import dues_of
from shebao.levy.models import DueState, FlexDue
from shebao.parties.models import Agency
from shebao.policy.flexible_years import registration_places, why_not_payable
from shebao.policy.rulebook import Rulebook
from shebao.policy.shapes import Tiers


@dataclass(frozen=True, slots=True)
class OwnMonth:
    """One month of a person. word, tone: as pages show it; total_fen: what is or was owed, None where nothing is yet."""

    month: Month
    word: str
    tone: str
    tier: int | None
    total_fen: int | None
    payable: bool
    bill_number: str = ""
    interest_fen: int = 0
    account_fen: int = 0


TONES = {
    DueState.OPEN: "warn",
    DueState.BILLED: "info",
    DueState.SENT: "info",
    DueState.PAID: "ok",
    DueState.WRITTEN_OFF: "mute",
    DueState.LAPSED: "err",
    DueState.REFUNDED: "mute",
}


@dataclass(frozen=True, slots=True)
class Choices:
    """The form of 核定. months: payable ones, oldest first; year: (code, first, last) of the current 社保年度, None where not published."""

    agencies: tuple[tuple[int, str], ...]
    places: tuple[str, ...]
    place: str
    tiers: tuple[int, ...]
    tier: int | None
    months: tuple[OwnMonth, ...]
    year: tuple[int, Month, Month] | None
    why: str = ""

    @property
    def first(self) -> Month | None:
        """The oldest month that is still to be paid; when all are on bills, the oldest of those."""
        waiting = next((one.month for one in self.months if one.payable), None)
        return waiting or next((one.month for one in self.months if one.bill_number and one.tone == "info"), None)


def choices(person_id: int, *, place: str, rulebook: Rulebook, at: datetime) -> Choices:
    """What a person can choose now; why says in a sentence when nothing can be assessed at all."""
    on = at.astimezone(ZONE).date()
    this = month_of(on)
    spells, tiers = flexible_spells(person_id), tiers_of(person_id)
    allowed: Tiers | None = None if (rule := rulebook.find("flexible.tiers", on, place)) is None else rule.value
    percents = (allowed.percents or (allowed.percent_min, allowed.percent_max)) if allowed else ()
    ids = list(dict.fromkeys(spell.agency_id for spell in reversed(spells)))
    named = {agency.pk: agency for agency in Agency.objects.filter(pk__in=ids)}
    year_rule = rulebook.find("social_insurance_year", on, place)
    year = year_rule.value if year_rule else None
    if not spells:
        return Choices((), (), "", percents, None, (), None, "您没有以灵活就业身份参保。由单位参保的，缴费由单位办理。")
    if year is None:
        told = "本社保年度的起止没有公布，暂不能核定；请等经办机构补充参数。"
        return Choices((), (), "", percents, tier_in(tiers, this), (), None, told)
    known = {due.month: due for due in dues_of(person_id)}
    start = year.first_month
    start = min([start, *window_months(place, rulebook, at)])
    months = tuple(
        own_month(month, known.get(month), _covered(spells, month), place, rulebook, at, tier_in(tiers, month))
        for month in span(start, shift(this, 1))
        if month in known or _covered(spells, month)
    )
    places = registration_places(on, place, rulebook)
    first = named[ids[0]]
    return Choices(
        tuple((pk, named[pk].name) for pk in ids),
        tuple(one.label for one in places.places),
        places.of(first.district) or "",
        percents,
        tier_in(tiers, this),
        months,
        (year.code, year.first_month, year.last_month),
    )


def window_months(place: str, rulebook: Rulebook, at: datetime) -> list[Month]:
    """The first months of the late windows that are open at an instant, however far back they reach."""
    firsts = [rule.value.first_month for rule in rulebook.all(place) if rule.id == "flexible.late_window" and rule.value is not None]
    return [month for month in firsts if not why_not_payable(month, at, place, rulebook)]


def _covered(spells: Sequence[object], month: Month) -> bool:
    return any(s.from_month <= month and (s.to_month is None or month < s.to_month) for s in spells)  # type: ignore[attr-defined]


def own_month(month: Month, due: FlexDue | None, covered: bool, place: str, rulebook: Rulebook, at: datetime, tier: int | None) -> OwnMonth:
    """How one month stands."""
    if due is None:
        return OwnMonth(month, "未核定" if covered else "未参保", "mute", tier, None, covered)
    state = DueState(due.state)
    rule = rulebook.find("social_insurance_year", first_day(month), place)
    ended = rule is not None and rule.value is not None and rule.value.last_month < month_of(at.astimezone(ZONE).date())
    word = "欠费" if state is DueState.OPEN and ended else state.label
    return OwnMonth(
        month,
        word,
        TONES[state],
        due.tier,
        due.total_fen,
        state is DueState.OPEN,
        due.bill.number if due.bill else "",
        due.interest_fen,
        due.account_fen,
    )


@dataclass(frozen=True, slots=True)
class Arrears:
    """欠费 of earlier years that can still be paid, what lapsed, what was given up; and which regime holds today."""

    owed: tuple[OwnMonth, ...]
    lapsed: tuple[OwnMonth, ...]
    written_off: tuple[OwnMonth, ...]
    history: tuple[OwnMonth, ...]
    may_pay_back: bool
    regime: str
    source: str

    @property
    def owed_fen(self) -> int:
        return sum(one.total_fen or 0 for one in self.owed)


def arrears_of(person_id: int, *, place: str, rulebook: Rulebook, at: datetime) -> Arrears:
    """All of a person's months that are not paid, by what can be done about them; newest first."""
    on = at.astimezone(ZONE).date()
    rule = rulebook.rule("flexible.back_payment", on, place)
    months = [(DueState(due.state), own_month(due.month, due, True, place, rulebook, at, due.tier)) for due in reversed(dues_of(person_id))]

    def of(*states: DueState) -> tuple[OwnMonth, ...]:
        return tuple(one for state, one in months if state in states)

    return Arrears(
        of(DueState.OPEN),
        of(DueState.LAPSED),
        of(DueState.WRITTEN_OFF),
        tuple(one for _, one in months),
        bool(rule.value.pension_allowed),
        rule.shown(),
        "；".join(rule.source),
    )


@dataclass(frozen=True, slots=True)
class OwnMonths:
    """A flexible worker's tiers and months, newest month first, for the desk."""

    tiers: tuple[ChosenTier, ...]
    months: tuple[OwnMonth, ...]


def own_months(person_id: int, *, place: str, rulebook: Rulebook, at: datetime) -> OwnMonths | None:
    """None for somebody who never was a flexible worker within the actor's reach."""
    dues, tiers = dues_of(person_id), tiers_of(person_id)
    if not dues and not tiers and not flexible_spells(person_id):
        return None
    months = tuple(own_month(due.month, due, True, place, rulebook, at, due.tier) for due in reversed(dues))
    return OwnMonths(tuple(reversed(tiers)), months)
