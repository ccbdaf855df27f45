"""年度缴费工资申报: which 社保年度 may be declared on a day, and the bounds its wages will meet. Rows of the rule book, no formula."""

from dataclasses import dataclass
from datetime import date, timedelta

from shebao.base.months import Month, first_day, last_day, month_shown
from shebao.policy.rulebook import Rulebook, Status
from shebao.policy.shapes import AnnualWindow, Base, SocialInsuranceYear


@dataclass(frozen=True, slots=True)
class DeclaredYear:
    """A 社保年度 with its declaration window.

    opens, closes: None where that end is not published.  window_known: whether any paper on it was found.
    settled: whether the year itself is published (False: the last rule is carried on).
    """

    code: int
    first_month: Month
    last_month: Month
    opens: date | None
    closes: date | None
    window_known: bool
    settled: bool

    def open_on(self, on: date) -> bool:
        """Whether its wages may be declared on a day: within the window; where no window is published, up to the year's last day."""
        return (self.opens is None or self.opens <= on) and on <= (self.closes or last_day(self.last_month))

    @property
    def span_shown(self) -> str:
        return f"{self.code} 年度（{month_shown(self.first_month)}至 {month_shown(self.last_month)}）"

    @property
    def window_shown(self) -> str:
        """One sentence on when it may be declared."""
        if not self.window_known:
            return f"{self.code} 年度的申报受理时间未见公布，以社保经办机构当年下发的文件为准；系统暂不限制起止日"
        start = f"{self.opens} 起" if self.opens else "起日未公布"
        return f"{self.code} 年度的申报受理时间：{start}，{f'{self.closes} 止' if self.closes else '止日未公布'}"


def year_of(book: Rulebook, on: date, place: str) -> DeclaredYear | None:
    """The 社保年度 that a day lies in; None where its beginning and end are not settled."""
    rule = book.find("social_insurance_year", on, place)
    if rule is None or rule.value is None:
        return None
    year: SocialInsuranceYear = rule.value
    window = book.find("annual_declaration.window", first_day(year.first_month), place)
    known: AnnualWindow | None = window.value if window else None
    return DeclaredYear(
        year.code,
        year.first_month,
        year.last_month,
        known.opens if known else None,
        known.closes if known else None,
        known is not None,
        rule.status is not Status.PROVISIONAL,
    )


def years_at(book: Rulebook, on: date, place: str) -> list[DeclaredYear]:
    """The year that a day lies in and the one after it, as far as they are settled."""
    this = year_of(book, on, place)
    if this is None:
        return []
    after = year_of(book, last_day(this.last_month) + timedelta(days=1), place)
    return [this, after] if after else [this]


def declarable(book: Rulebook, on: date, place: str) -> list[DeclaredYear]:
    """The years that may be declared on a day, the one to be expected first: it begins nearest to the day."""
    found = [year for year in years_at(book, on, place) if year.open_on(on)]
    return sorted(found, key=lambda year: abs((first_day(year.first_month) - on).days))


@dataclass(frozen=True, slots=True)
class Bounds:
    """保底封顶 in a month, fen; None where not published. provisional: the former numbers carried on until new ones appear."""

    floor_fen: int | None
    cap_fen: int | None
    provisional: bool

    def clamp(self, wage_fen: int) -> int | None:
        """The base of a wage; None while a bound is not known."""
        if self.floor_fen is None or self.cap_fen is None:
            return None
        return min(max(wage_fen, self.floor_fen), self.cap_fen)


def bounds_of(book: Rulebook, month: Month, place: str) -> Bounds:
    """The pension base's bounds in a month. A rule that began before the year of the month and runs on is the former one's number."""
    rule = book.find("pension.base", first_day(month), place)
    value: Base | None = rule.value if rule else None
    if rule is None or value is None:
        return Bounds(None, None, False)
    return Bounds(value.floor_fen, value.cap_fen, rule.status is Status.PROVISIONAL)
