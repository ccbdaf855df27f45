"""滞纳金 between two days, with the rates that held in between, explained."""

from dataclasses import dataclass
from datetime import date, timedelta

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.terms import Insurance
from shebao.policy.explain import Explained, Step, rounded
from shebao.policy.formulas import PPM
from shebao.policy.formulas.late_fee import late_fee
from shebao.policy.rulebook import Rule, Rulebook
from shebao.policy.shapes import percent


class LateFeeRefused(ShebaoError):
    """The request makes no sense: a negative principal."""

    code = "POL-07"
    status = 422


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of chargeable days under one rate, both ends included."""

    first_day: date
    last_day: date
    rule: Rule

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1

    @property
    def day_rates_ppm(self) -> int:
        return self.days * int(self.rule.value)


def stretches(due: date, paid: date, place: str, rulebook: Rulebook, insurance: Insurance | None = None) -> list[Stretch]:
    """The chargeable days: from the day after the due day to the day of payment, cut where the rate changes.

    insurance: 工伤 had its own rate in the first half of 2011.  Raises: RuleMissing for days before 1999-01-22; UnknownPlace.
    """
    rulebook.place(place)
    rule_id = "late_fee.injury_daily_rate" if insurance is Insurance.INJURY else "late_fee.daily_rate"
    found: list[Stretch] = []
    day = due
    while day < paid:
        day += timedelta(days=1)
        rule = rulebook.rule(rule_id, day, place)
        last = min(rule.valid_to or paid, paid)
        found.append(Stretch(day, last, rule))
        day = last
    return found


@dataclass(frozen=True, slots=True)
class FeeRate:
    """What applies to every principal that was due on one day and is demanded on another."""

    day_rates_ppm: int
    cap_ppm: int | None

    def of(self, principal_fen: int) -> int:
        """The late fee on a principal, fen, half up."""
        return late_fee(principal_fen, self.day_rates_ppm, self.cap_ppm)


def fee_rate(due: date, paid: date, place: str, rulebook: Rulebook, insurance: Insurance | None = None) -> FeeRate:
    """The summed daily rates between two days and the cap, for many principals. Raises: RuleMissing, UnknownPlace."""
    runs = stretches(due, paid, place, rulebook, insurance)
    return FeeRate(sum(run.day_rates_ppm for run in runs), _cap_ppm(rulebook.find("late_fee.cap_ratio", paid, place)))


def _cap_ppm(cap: Rule | None) -> int | None:
    return None if cap is None or cap.value is None else int(cap.value)


def explain_late_fee(
    principal_fen: int, due: date, paid: date, place: str, rulebook: Rulebook, insurance: Insurance | None = None
) -> Explained:
    """The late fee on arrears that were due on one day and paid on another.

    Steps: 'days' (no money), 'fee'.  Nothing is charged when paid in time.  Raises: LateFeeRefused, RuleMissing, UnknownPlace.
    """
    if principal_fen < 0:
        raise LateFeeRefused("欠费本金不能为负数，请核对")
    runs = stretches(due, paid, place, rulebook, insurance)
    cap = rulebook.find("late_fee.cap_ratio", paid, place)
    cap_ppm = _cap_ppm(cap)
    fee_fen = late_fee(principal_fen, sum(run.day_rates_ppm for run in runs), cap_ppm)
    rules = tuple(dict.fromkeys(run.rule for run in runs)) + ((cap,) if cap else ())
    days = sum(run.days for run in runs)
    days_sentence = f"自 {due} 的次日起至 {paid} 止，共 {days} 天" if days else f"{paid} 未超过应缴日 {due}，没有滞纳天数"
    steps = (
        Step("days", "滞纳天数", days_sentence, None),
        Step("fee", "滞纳金", _fee_sentence(principal_fen, runs, fee_fen, cap_ppm), fee_fen, rules),
    )
    inputs = (
        ("参保地", f"{rulebook.place(place).label}（{place}）"),
        ("欠费本金", f"{yuan_shown(principal_fen)} 元"),
        ("应缴日", str(due)),
        ("缴费日", str(paid)),
    )
    return Explained("滞纳金", inputs, steps)


def _fee_sentence(principal_fen: int, runs: list[Stretch], fee_fen: int, cap_ppm: int | None) -> str:
    if not runs:
        return "不计滞纳金"
    parts = [f"{run.rule.shown()} × {run.days} 天" for run in runs]
    rates = parts[0] if len(parts) == 1 else f"（{' + '.join(parts)}）"
    summed = sum(run.day_rates_ppm for run in runs)
    uncapped_fen = late_fee(principal_fen, summed)
    end = rounded(principal_fen * summed, PPM, uncapped_fen)
    limit = "未设上限" if cap_ppm is None else f"上限为本金的 {percent(cap_ppm)}，按 {yuan_shown(fee_fen)} 元计"
    return f"本金 {yuan_shown(principal_fen)} 元 × {rates} {end}；{limit}"
