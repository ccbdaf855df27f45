"""灵活就业月缴额 at a tier, explained."""

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import Month, first_day, month_shown
from shebao.policy.explain import Explained, Step, rounded
from shebao.policy.formulas import PPM
from shebao.policy.formulas.flexible import Tier, tier
from shebao.policy.rulebook import Rulebook, RuleMissing
from shebao.policy.shapes import Base, FlexibleRate, Tiers, percent


class TierUnknown(ShebaoError):
    """There is no such 缴费档次 in that month."""

    code = "POL-06"
    status = 422


def explain_tier(tier_percent: int, month: Month, place: str, rulebook: Rulebook) -> Explained:
    """One month's pension contribution of a flexible worker.

    Steps: 'base', 'total', 'account', 'pool'.  Raises: TierUnknown, RuleMissing, UnknownPlace.
    """
    day = first_day(month)
    tiers_rule = rulebook.rule("flexible.tiers", day, place)
    rate_rule = rulebook.rule("flexible.rate", day, place)
    base_rule = rulebook.rule("pension.base", day, place)
    tiers: Tiers = tiers_rule.value
    rate: FlexibleRate = rate_rule.value
    base: Base = base_rule.value
    if not tiers.allows(tier_percent):
        raise TierUnknown(f"{month_shown(month)}没有 {tier_percent}% 这一缴费档次，可选：{tiers.shown()}")
    if base.average_fen is None:
        raise RuleMissing(base_rule.id, base_rule.label, rulebook.place(place), day, "平均工资")
    paid = tier(base.average_fen, tier_percent, rate.total_ppm, rate.account_ppm)
    base_fen, total_fen, account_fen, pool_fen = (int(part) for part in (paid.base_fen, paid.total_fen, paid.account_fen, paid.pool_fen))
    base_end = rounded(base.average_fen * tier_percent, 100, base_fen)
    total_end = rounded(base_fen * rate.total_ppm, PPM, total_fen)
    account_end = rounded(base_fen * rate.account_ppm, PPM, account_fen)
    steps = (
        Step(
            "base",
            "缴费基数",
            f"平均工资 {yuan_shown(base.average_fen)} 元 × {tier_percent}% {base_end}",
            base_fen,
            (tiers_rule, base_rule),
        ),
        Step("total", "月缴额", f"缴费基数 {yuan_shown(base_fen)} 元 × {percent(rate.total_ppm)} {total_end}", total_fen, (rate_rule,)),
        Step(
            "account",
            "划入个人账户",
            f"缴费基数 {yuan_shown(base_fen)} 元 × {percent(rate.account_ppm)} {account_end}",
            account_fen,
            (rate_rule,),
        ),
        Step(
            "pool",
            "划入统筹基金",
            f"月缴额减去划入个人账户的部分：{yuan_shown(total_fen)} - {yuan_shown(account_fen)} = {yuan_shown(pool_fen)} 元",
            pool_fen,
        ),
    )
    inputs = (
        ("参保地", f"{rulebook.place(place).label}（{place}）"),
        ("费款所属期", month_shown(month)),
        ("缴费档次", f"{tier_percent}%"),
    )
    return Explained("灵活就业人员养老保险月缴额", inputs, steps)


def month_tier(tier_percent: int, month: Month, place: str, rulebook: Rulebook) -> Tier:
    """The same amounts without the words, fen.  Raises: TierUnknown, RuleMissing, UnknownPlace."""
    day = first_day(month)
    tiers: Tiers = rulebook.rule("flexible.tiers", day, place).value
    base_rule = rulebook.rule("pension.base", day, place)
    if not tiers.allows(tier_percent):
        raise TierUnknown(f"{month_shown(month)}没有 {tier_percent}% 这一缴费档次，可选：{tiers.shown()}")
    if base_rule.value.average_fen is None:
        raise RuleMissing(base_rule.id, base_rule.label, rulebook.place(place), day, "平均工资")
    rate: FlexibleRate = rulebook.rule("flexible.rate", day, place).value
    return tier(int(base_rule.value.average_fen), tier_percent, rate.total_ppm, rate.account_ppm)


def named_tiers(rulebook: Rulebook) -> tuple[int, ...]:
    """Every 缴费档次 (percent) that any rule of any place names, for forms; whether one may be chosen in a month, month_tier says."""
    found: set[int] = set()
    for place in rulebook.places.values():
        for rule in rulebook.all(place.code):
            if rule.id == "flexible.tiers" and rule.value is not None:
                found |= {*(rule.value.percents or ()), rule.value.percent_min, rule.value.percent_max}
    return tuple(sorted(found))
