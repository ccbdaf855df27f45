"""补缴利息 of the older regime: simple, by whole months, at the yearly rate that held in each month. Explained; refused without a rate.

The papers of that time only say that interest is added (interest.back_payment_rate is null): until the agency enters a rate with its
document, every amount for such months is refused with a sentence. Counting by months and without compounding is how the account of that
time bears interest on what came in during a year (月积数法); it is an assumption and said so in the explanation.
"""

from dataclasses import dataclass
from datetime import date

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import Month, first_day, month_of, month_shown, shift
from shebao.policy.explain import Explained, Step, rounded
from shebao.policy.formulas import PPM
from shebao.policy.formulas.interest import MONTHS_A_YEAR, simple_interest
from shebao.policy.rulebook import Rule, Rulebook

RULE = "interest.back_payment_rate"


class InterestRefused(ShebaoError):
    """The request makes no sense: a negative principal, or a month that has not come when it is paid."""

    code = "FEE-01"
    status = 422


@dataclass(frozen=True, slots=True)
class Months:
    """A run of months under one rate, both ends included."""

    first: Month
    last: Month
    rule: Rule

    @property
    def count(self) -> int:
        return (self.last // 100 - self.first // 100) * 12 + self.last % 100 - self.first % 100 + 1

    @property
    def month_rates_ppm(self) -> int:
        return self.count * int(self.rule.value)


def bearing(from_month: Month, paid_on: date, place: str, rulebook: Rulebook) -> list[Months]:
    """The months that bear interest: after the month that was owed, up to the month before the one it is paid in.

    Raises: RuleMissing when the rate of one of them is not known; UnknownPlace.
    """
    rulebook.place(place)
    found: list[Months] = []
    month, end = shift(from_month, 1), shift(month_of(paid_on), -1)
    while month <= end:
        rule = rulebook.rule(RULE, first_day(month), place)
        last = end if rule.valid_to is None else min(end, month_of(rule.valid_to))
        found.append(Months(month, last, rule))
        month = shift(last, 1)
    return found


def interest(principal_fen: int, from_month: Month, paid_on: date, place: str, rulebook: Rulebook) -> int:
    """补缴利息 on what was owed for a month and is paid on a day, fen. Raises as explain_interest."""
    return explain_interest(principal_fen, from_month, paid_on, place, rulebook).amount("interest")


def explain_interest(principal_fen: int, from_month: Month, paid_on: date, place: str, rulebook: Rulebook) -> Explained:
    """补缴利息 on a principal that was owed for `from_month` (YYYYMM) and is paid on `paid_on`.

    Steps: 'months' (no money), 'interest'. Paid in the month itself or the next, nothing is added.
    Raises: InterestRefused, RuleMissing (the rate is unknown: nothing is guessed), UnknownPlace.
    """
    if principal_fen < 0:
        raise InterestRefused("补缴本金不能为负数，请核对")
    if from_month > month_of(paid_on):
        raise InterestRefused(f"{month_shown(from_month)}还没有到，不能按补缴计息，请核对所属期")
    runs = bearing(from_month, paid_on, place, rulebook)
    count = sum(run.count for run in runs)
    summed = sum(run.month_rates_ppm for run in runs)
    interest_fen = simple_interest(principal_fen, summed)
    if runs:
        told = f"自 {month_shown(runs[0].first)} 起至 {month_shown(runs[-1].last)} 止，共 {count} 个月"
        shown = " + ".join(f"{run.rule.shown()} × {run.count} ÷ {MONTHS_A_YEAR}" for run in runs)
        rates = f"（{shown}）" if len(runs) > 1 else shown
        numerator, divisor = principal_fen * summed, MONTHS_A_YEAR * PPM
        end = (
            rounded(numerator, divisor, interest_fen)
            if interest_fen * divisor == numerator
            else f"，四舍五入到分为 {yuan_shown(interest_fen)} 元"
        )
        sentence = f"本金 {yuan_shown(principal_fen)} 元 × {rates} {end}（单利，按整月计）"
    else:
        told, sentence = f"{month_shown(from_month)}的费款在 {paid_on} 缴纳，没有计息月份", "不计利息"
    steps = (
        Step("months", "计息月数", told, None),
        Step("interest", "补缴利息", sentence, interest_fen, tuple(dict.fromkeys(run.rule for run in runs))),
    )
    inputs = (
        ("参保地", f"{rulebook.place(place).label}（{place}）"),
        ("补缴本金", f"{yuan_shown(principal_fen)} 元"),
        ("费款所属期", month_shown(from_month)),
        ("缴费日", str(paid_on)),
    )
    return Explained("补缴利息", inputs, steps)
