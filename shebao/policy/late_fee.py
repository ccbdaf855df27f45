"""滞纳金 between two days, with the rates that held in between, explained. Days on which nobody could pay (停机) bear none."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import Month
from shebao.base.terms import Insurance
from shebao.policy.explain import Explained, Step, rounded
from shebao.policy.formulas import PPM
from shebao.policy.formulas.late_fee import late_fee
from shebao.policy.rulebook import Rule, Rulebook
from shebao.policy.shapes import LateWindow, Window, percent

_DAY = timedelta(days=1)


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


@lru_cache(maxsize=64)
def _windows(rulebook: Rulebook, rule_id: str, place: str) -> tuple[Rule, ...]:
    """Every entry of a rule with a value that a place goes by, whenever it holds."""
    return tuple(rule for rule in rulebook.all(place) if rule.id == rule_id and rule.value is not None)


def closed_days(rulebook: Rulebook, place: str) -> list[tuple[date, date, Rule]]:
    """系统停机: first and last day on which nothing could be paid from morning to night, with the rule. The days of stopping and of
    opening again count as open."""
    found = []
    for rule in _windows(rulebook, "service.outage", place):
        window: Window = rule.value
        opens, closes = datetime.fromisoformat(window.opens), datetime.fromisoformat(window.closes)
        first = opens.date() if opens.time() == time(0) else opens.date() + _DAY
        if first <= closes.date() - _DAY:
            found.append((first, closes.date() - _DAY, rule))
    return found


def last_free_day(due: date, month: Month | None, place: str, rulebook: Rulebook) -> tuple[date, Rule | None]:
    """Until when a month's dues bear no late fee: the due day, or the end of the window in which the month could be made up
    (停机后补缴)."""
    for rule in _windows(rulebook, "declaration.late_window", place) if month else ():
        window: LateWindow = rule.value
        end = datetime.fromisoformat(window.closes).date()
        if window.first_month <= (month or 0) <= window.last_month and end > due:
            return end, rule
    return due, None


def _open_runs(due: date, paid: date, place: str, rulebook: Rulebook) -> Iterator[tuple[date, date]]:
    """The days after one up to another, both ends of each run included, but for those of an outage."""
    day = due + _DAY
    for first, last, _ in sorted(closed_days(rulebook, place), key=lambda closed: closed[0]):
        if last < day or first > paid:
            continue
        if day < first:
            yield day, first - _DAY
        day = last + _DAY
    if day <= paid:
        yield day, paid


def stretches(
    due: date, paid: date, place: str, rulebook: Rulebook, insurance: Insurance | None = None, month: Month | None = None
) -> list[Stretch]:
    """The chargeable days: from the day after the due day to the day of payment, cut where the rate changes.

    insurance: 工伤 had its own rate in the first half of 2011.  month: 费款所属期, where a month could be made up without a fee.
    Raises: RuleMissing for days before 1999-01-22; UnknownPlace.
    """
    rulebook.place(place)
    rule_id = "late_fee.injury_daily_rate" if insurance is Insurance.INJURY else "late_fee.daily_rate"
    found: list[Stretch] = []
    for day, end in _open_runs(last_free_day(due, month, place, rulebook)[0], paid, place, rulebook):
        while day <= end:
            rule = rulebook.rule(rule_id, day, place)
            last = min(rule.valid_to or end, end)
            found.append(Stretch(day, last, rule))
            day = last + _DAY
    return found


@dataclass(frozen=True, slots=True)
class FeeRate:
    """What applies to every principal that was due on one day and is demanded on another."""

    days: int
    day_rates_ppm: int
    cap_ppm: int | None

    def of(self, principal_fen: int) -> int:
        """The late fee on a principal, fen, half up."""
        return late_fee(principal_fen, self.day_rates_ppm, self.cap_ppm)


def fee_rate(
    due: date, paid: date, place: str, rulebook: Rulebook, insurance: Insurance | None = None, month: Month | None = None
) -> FeeRate:
    """The summed daily rates between two days and the cap, for many principals. Raises: RuleMissing, UnknownPlace."""
    runs = stretches(due, paid, place, rulebook, insurance, month)
    cap_ppm = _cap_ppm(rulebook.find("late_fee.cap_ratio", paid, place))
    return FeeRate(sum(run.days for run in runs), sum(run.day_rates_ppm for run in runs), cap_ppm)


def _cap_ppm(cap: Rule | None) -> int | None:
    return None if cap is None or cap.value is None else int(cap.value)


def explain_late_fee(
    principal_fen: int,
    due: date,
    paid: date,
    place: str,
    rulebook: Rulebook,
    insurance: Insurance | None = None,
    month: Month | None = None,
) -> Explained:
    """The late fee on arrears that were due on one day and paid on another. month: 费款所属期, if the due is a month's.

    Steps: 'days' (no money), 'fee'.  Nothing is charged when paid in time.  Raises: LateFeeRefused, RuleMissing, UnknownPlace.
    """
    if principal_fen < 0:
        raise LateFeeRefused("欠费本金不能为负数，请核对")
    runs = stretches(due, paid, place, rulebook, insurance, month)
    cap = rulebook.find("late_fee.cap_ratio", paid, place)
    cap_ppm = _cap_ppm(cap)
    fee_fen = late_fee(principal_fen, sum(run.day_rates_ppm for run in runs), cap_ppm)
    rules = tuple(dict.fromkeys(run.rule for run in runs)) + ((cap,) if cap else ())
    told, why = _days_sentence(due, paid, month, sum(run.days for run in runs), place, rulebook)
    steps = (
        Step("days", "滞纳天数", told, None, why),
        *(Step(f"run.{i}", "计费时段", _run_sentence(run), None, (run.rule,)) for i, run in enumerate(runs, 1)),
        Step("fee", "滞纳金", _fee_sentence(principal_fen, runs, fee_fen, cap_ppm, cap), fee_fen, rules),
    )
    inputs = (
        ("参保地", f"{rulebook.place(place).label}（{place}）"),
        ("欠费本金", f"{yuan_shown(principal_fen)} 元"),
        ("应缴日", str(due)),
        ("缴费日", str(paid)),
    )
    return Explained("滞纳金", inputs, steps)


def _run_sentence(run: Stretch) -> str:
    days = str(run.first_day) if run.days == 1 else f"{run.first_day} 至 {run.last_day}"
    return f"{days}，{run.days} 天，{run.rule.shown()}"


def _days_sentence(due: date, paid: date, month: Month | None, days: int, place: str, rulebook: Rulebook) -> tuple[str, tuple[Rule, ...]]:
    """How the days were counted, with the rules that took days away."""
    start, window = last_free_day(due, month, place, rulebook)
    parts, rules = [], []
    if window is not None:
        parts.append(f"停机补缴窗口内（至 {start}）缴纳不加收滞纳金")
        rules.append(window)
    if paid <= start:
        told = f"{paid} 未超过应缴日 {due}，没有滞纳天数" if window is None or paid <= due else "没有滞纳天数"
        return "；".join([*parts, told] if paid > due else [told]), tuple(rules) if paid > due else ()
    for first, last, rule in closed_days(rulebook, place):
        if first <= paid and last > start:
            taken = (min(last, paid) - max(first, start + _DAY)).days + 1
            parts.append(f"{first} 至 {last} 系统停机，{taken} 天不计")
            rules.append(rule)
    return "；".join([f"自 {start} 的次日起至 {paid} 止，共 {days} 天", *parts]), tuple(rules)


def _fee_sentence(principal_fen: int, runs: list[Stretch], fee_fen: int, cap_ppm: int | None, cap: Rule | None) -> str:
    if not runs:
        return "不计滞纳金"
    parts = [f"{run.rule.shown()} × {run.days} 天" for run in runs]
    rates = parts[0] if len(parts) == 1 else f"（{' + '.join(parts)}）"
    summed = sum(run.day_rates_ppm for run in runs)
    uncapped_fen = late_fee(principal_fen, summed)
    end = rounded(principal_fen * summed, PPM, uncapped_fen)
    if cap_ppm is not None:
        limit = f"上限为本金的 {percent(cap_ppm)}" + (f"，按 {yuan_shown(fee_fen)} 元计" if fee_fen < uncapped_fen else "，未达上限")
    else:
        limit = f"未设上限（{cap.law}，{cap.status.label}）" if cap is not None else "未设上限"
    return f"本金 {yuan_shown(principal_fen)} 元 × {rates} {end}；{limit}"
