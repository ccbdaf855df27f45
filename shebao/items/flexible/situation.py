"""What the items about flexible workers need to know: the window, the person, what runs, what is owed. And the fields they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shebao.base.errors import Refusal, ShebaoError
from shebao.base.identifiers import mask_id_number
from shebao.base.months import Month, month_of, month_shown
from shebao.base.terms import Insurance
from shebao.casework import fields
from shebao.casework.item import Amount, Answer, Context, Filing, MoneyEffect, Review
from shebao.enrolment.queries import NOBODY, Standing, standings
from shebao.enrolment.tiers import ChosenTier, FlexSpell, flexible_spells, tier_in, tiers_of
from shebao.levy.flexible import dues_of
from shebao.levy.models import FlexDue
from shebao.parties.models import UnitKind
from shebao.parties.queries import get_unit
from shebao.policy.flexible import explain_tier, named_tiers
from shebao.policy.rulebook import standard

GROUP = "灵活就业"
SEED = "武汉市人社局掌上办指引（2022-09-14 报道）"
SEED_2022 = "极目新闻 2022-02-02《武汉社保新系统2月中旬上线》"
SEED_2011 = "《武汉全国率先推出网上办社保》（约 2011 年）"
TIER_CHOICES = tuple((str(percent), f"{percent}%") for percent in named_tiers(standard()))


@dataclass(frozen=True, slots=True)
class Situation:
    """A person in the register, with what runs through windows, the tiers and what is owed."""

    standing: Standing
    spells: tuple[FlexSpell, ...] = ()
    tiers: tuple[ChosenTier, ...] = ()
    dues: tuple[FlexDue, ...] = ()

    def here(self, context: Context) -> FlexSpell | None:
        """The open spell through the filing window."""
        return next((s for s in self.spells if s.unit_id == context.unit_id and s.to_month is None), None)

    def tier_in(self, month: Month) -> int | None:
        return tier_in(self.tiers, month)


def situations(filings: Sequence[Filing], context: Context) -> list[Situation]:
    """One at a time: nothing here comes in batches."""
    known = standings([filing.text("id_number") for filing in filings])
    found = []
    for filing in filings:
        standing = known.get(filing.text("id_number"), NOBODY)
        if not standing.person_id:
            found.append(Situation(standing))
            continue
        person = standing.person_id
        found.append(Situation(standing, tuple(flexible_spells(person)), tuple(tiers_of(person)), tuple(dues_of(person))))
    return found


def at_counter(context: Context) -> Review:
    """The system never decides it."""
    return Review.COUNTER


def only_window(context: Context) -> Refusal | None:
    """Flexible workers are insured through the 个人流动窗口, not through a unit."""
    if context.unit_id and get_unit(context.unit_id).kind == UnitKind.WINDOW:
        return None
    return Refusal("FLX-40", "灵活就业人员由经办机构的个人流动窗口参保，请在“窗口受理”里先选择个人流动窗口再办理")


def insured_here(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.here(context) is not None:
        return None
    ended = [s for s in situation.spells if s.unit_id == context.unit_id and s.to_month]
    if ended:
        return Refusal("FLX-41", f"此人已暂停缴费，{month_shown(ended[-1].to_month or 0)}起没有参保，请先办理续保", "id_number")
    return Refusal("FLX-41", "此人没有在本窗口参保，请核对身份号码，或到参保的经办机构办理", "id_number")


class HasSpells(Protocol):
    """A situation, or what an item makes of it."""

    @property
    def spells(self) -> tuple[FlexSpell, ...]: ...


def known_here(filing: Filing, situation: HasSpells, context: Context) -> Refusal | None:
    if any(spell.agency_id == context.agency_id for spell in situation.spells):
        return None
    return Refusal("FLX-25", "此人没有在本经办机构的个人流动窗口参保过，请核对身份号码或到当时参保的经办机构办理", "id_number")


def tier_allowed(percent: int, month: Month, context: Context) -> Refusal | None:
    """A tier that the rules of the month know, with the average wage it needs."""
    try:
        explain_tier(percent, month, context.place, standard())
    except ShebaoError as error:
        return Refusal(error.code, error.text, "percent")
    return None


def monthly(percents: Sequence[int], month: Month, context: Context) -> MoneyEffect:
    """What a month at these tiers costs the people themselves."""
    found = []
    for percent in percents:
        try:
            explained = explain_tier(percent, month, context.place, standard())
        except ShebaoError:
            continue
        base, total = explained.amount("base"), explained.amount("total")
        found.append(Amount(Insurance.PENSION.label, base, 0, total, explained.to_dict()))
    return MoneyEffect(f"{month_shown(month)}的月缴额", tuple(found))


def told(id_number: str, situation: Situation, context: Context, refusals: Sequence[Refusal]) -> Answer:
    """What a look-up answers."""
    if not situation.standing.person_id:
        return Answer((("证件号码", mask_id_number(id_number)), ("参保登记", "没有登记过，通过后登记")), {}, tuple(refusals))
    told: list[tuple[str, str]] = [("证件号码", mask_id_number(id_number)), ("登记姓名", situation.standing.name)]
    for cover in situation.standing.covers[-2:]:
        ends = f"，{month_shown(cover.to_month)}起停" if cover.to_month else ""
        told.append(("参保", f"{cover.unit_name}，{month_shown(cover.from_month)}起{ends}"))
    now = situation.tier_in(month_of(context.on))
    if now is not None:
        told.append(("现缴费档次", f"{now}%"))
    return Answer(tuple(told), {"name": situation.standing.name}, tuple(refusals), situation.standing.person_id)


def percent_of(filing: Filing) -> int:
    """The chosen tier; 0 where nothing was chosen."""
    text = filing.text("percent")
    return int(text) if text.isdigit() else 0


def tier_field(label: str = "缴费档次", hint: str = "占平均工资的百分比") -> fields.Field:
    return fields.choice("percent", label, TIER_CHOICES, hint=hint, width=10)


def span_fields() -> tuple[fields.Field, fields.Field]:
    return (
        fields.month("first", "所属期起", hint="缴费时间段的开始年月，例如 202601"),
        fields.month("last", "所属期止", hint="缴费时间段的终止年月"),
    )
