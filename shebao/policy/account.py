"""个人账户: the dated rules behind crediting and interest, and how an account's year came about, explained."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shebao.base.money import yuan_shown
from shebao.base.months import Month, first_day, month_of, month_shown
from shebao.policy.explain import Explained, Step
from shebao.policy.formulas.personal_account import MONTHS, opening_interest, product, product_interest, share, yearly_interest
from shebao.policy.rulebook import Rule, Rulebook
from shebao.policy.shapes import AccountShare, percent

RATE, SHARE = "account.interest_rate", "account.credit_share"


def interest_rule(rulebook: Rulebook, year: int, place: str) -> Rule:
    """记账利率 of a year. Raises: RuleMissing while it is not published (or, before 2016, not found): nothing is guessed."""
    return rulebook.rule(RATE, date(year, 12, 31), place)


def last_interest_rule(rulebook: Rulebook, year: int, place: str) -> Rule:
    """The rate of a year, or, while it is not published, of the last year before it that has one. Raises: RuleMissing."""
    for y in range(year, year - 3, -1):
        found = rulebook.find(RATE, date(y, 12, 31), place)
        if found is not None and found.value is not None:
            return found
    return interest_rule(rulebook, year, place)


def credit_parts(rulebook: Rulebook, base_fen: int, month: Month, place: str) -> tuple[int, int]:
    """(own, employer) fen credited of a month's base: 8 % and 3 % to 2005, 8 % and nothing since; together the whole share, half up.
    Raises: RuleMissing before 1996."""
    rule: AccountShare = rulebook.rule(SHARE, first_day(month), place).value
    own_fen = share(base_fen, rule.person_ppm)
    return own_fen, share(base_fen, rule.person_ppm + rule.unit_ppm) - own_fen


@dataclass(frozen=True, slots=True)
class FilledUp:
    """A stretch of months in which the employer's contribution fills the account up to a share of the base. total_ppm: the person's part
    and the employer's together."""

    first: Month
    last: Month
    total_ppm: int


def filled_up(rulebook: Rulebook, place: str) -> list[FilledUp]:
    """The stretches in which the employer's contribution goes to accounts too; in every other month only the person's does."""
    rules = [r for r in rulebook.all(place) if r.id == SHARE and r.value is not None and r.value.unit_ppm]
    return [FilledUp(month_of(r.valid_from), month_of(r.valid_to or date.max), int(r.value.person_ppm + r.value.unit_ppm)) for r in rules]


@dataclass(frozen=True, slots=True)
class Year:
    """An account's year as computed, fen. product_fen: 月积数; interest: of the opening balance and of the credits; by both methods."""

    opening_fen: int
    credits_fen: int
    product_fen: int
    rate: Rule
    months: int = MONTHS
    other_fen: int = 0
    basis_fen: int = 0
    employer_fen: int = 0  # of credits_fen: what the employers' contributions filled up
    shares: tuple[Rule, ...] = ()  # the rules of what is credited, where the employer's part is among it

    @property
    def rate_ppm(self) -> int:
        return int(self.rate.value)

    @property
    def interest_opening_fen(self) -> int:
        return opening_interest(self.opening_fen + self.basis_fen, self.rate_ppm, self.months)

    @property
    def interest_credits_fen(self) -> int:
        return product_interest(self.product_fen, self.rate_ppm)

    @property
    def closing_fen(self) -> int:
        return self.opening_fen + self.credits_fen + self.other_fen + self.interest_opening_fen + self.interest_credits_fen

    @property
    def yearly_fen(self) -> int:
        """The closing balance by 年度计算法: the check."""
        return self.closing_fen - self.interest_credits_fen + yearly_interest(self.credits_fen, self.rate_ppm)


def year_of(opening_fen: int, credits_fen: Sequence[int], year: int, place: str, rulebook: Rulebook, *, months: int = MONTHS) -> Year:
    """One account's year from its twelve credits. months: interest to that month only (当年结算). Raises: RuleMissing."""
    rate = interest_rule(rulebook, year, place) if months == MONTHS else last_interest_rule(rulebook, year, place)
    return Year(opening_fen, sum(credits_fen), int(product(credits_fen, months)), rate, months)


def explain_year(told: Year, year: int, credits_fen: Sequence[int] | None = None) -> Explained:
    """How a year's interest and closing balance came about. credits_fen: the twelve months, where they are at hand.

    Steps: 'credits' (only where the employer's part is among them), 'product' (no money: fen·months), 'interest_opening', 'interest_credits', 'closing', 'check'.
    """
    rate, bears = percent(told.rate_ppm), told.opening_fen + told.basis_fen
    part = "" if told.months == MONTHS else f" × {told.months} ÷ 12"
    steps = [
        *([Step("credits", "本年记账额", _credits(told), told.credits_fen, told.shares)] if told.employer_fen else []),
        Step("product", "本年月积数", _product(told, credits_fen), None),
        Step(
            "interest_opening",
            "上年末储存额的利息",
            f"{yuan_shown(bears)} 元 × {rate}{part} = {yuan_shown(told.interest_opening_fen)} 元（四舍五入到分）",
            told.interest_opening_fen,
            (told.rate,),
        ),
        Step(
            "interest_credits",
            "本年记账额的利息",
            f"月积数 {yuan_shown(told.product_fen)} × {rate} ÷ 12 = {yuan_shown(told.interest_credits_fen)} 元（四舍五入到分）",
            told.interest_credits_fen,
            (told.rate,),
        ),
        Step("closing", "年末累计储存额", _closing(told), told.closing_fen),
    ]
    if told.months == MONTHS:
        steps.append(
            Step(
                "check",
                "按年度计算法复核",
                f"本年记账额 {yuan_shown(told.credits_fen)} 元 × {rate} × 1.083 ÷ 2，年末累计为 {yuan_shown(told.yearly_fen)} 元，"
                f"与月积数法相差 {yuan_shown(abs(told.yearly_fen - told.closing_fen))} 元；只用于复核，按月积数法记账",
                told.yearly_fen,
                (told.rate,),
            )
        )
    inputs = (
        ("年度", f"{year} 年"),
        ("上年末累计储存额", f"{yuan_shown(told.opening_fen)} 元"),
        ("本年记账额", f"{yuan_shown(told.credits_fen)} 元"),
        ("记账利率", f"{rate}（{told.rate.status.label}）"),
    )
    return Explained(f"{year} 年个人账户记账利息", inputs, tuple(steps))


def _credits(told: Year) -> str:
    shares = "；".join(f"{month_shown(month_of(r.valid_from))}起记{r.shown()}" for r in told.shares)
    return (
        f"个人缴费 {yuan_shown(told.credits_fen - told.employer_fen)} 元 + 单位缴费划入 {yuan_shown(told.employer_fen)} 元 = "
        f"{yuan_shown(told.credits_fen)} 元。按费款所属期：{shares}；个人实缴不足应记的部分由单位缴费划入（四舍五入到分）"
    )


def _product(told: Year, credits_fen: Sequence[int] | None) -> str:
    if credits_fen is None or not any(credits_fen):
        return f"每月记账额 ×（12 − 记账月份 + 1）之和为 {yuan_shown(told.product_fen)}"
    parts = [f"{yuan_shown(fen)} × {told.months - n}" for n, fen in enumerate(credits_fen) if fen and n < told.months]
    return f"{' + '.join(parts) or '0'} = {yuan_shown(told.product_fen)}"


def _closing(told: Year) -> str:
    terms = [told.opening_fen, told.credits_fen, told.interest_opening_fen, told.interest_credits_fen]
    text = " + ".join(yuan_shown(fen) for fen in terms)
    if told.other_fen:
        text += f" {'+' if told.other_fen > 0 else '−'} {yuan_shown(abs(told.other_fen))}（转移、支付与当年结算）"
    return f"上年末累计 + 本年记账 + 两项利息：{text} = {yuan_shown(told.closing_fen)} 元"
