"""保底封顶预览 and 未申报人员 of a yearly declaration: what a batch means for the year's bases, for the unit before it submits and for the
reviewer. The same whatever the size: counts come from the database, people by pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.money import yuan_shown
from shebao.casework.models import Case
from shebao.casework.number_queries import NumberCounts, NumberRow, first_value, number_counts, people_filed, rows_by_number
from shebao.enrolment.annual_queries import YearMember, year_missing, year_standings
from shebao.parties.queries import get_unit
from shebao.policy.annual import Bounds, DeclaredYear, bounds_of, years_at
from shebao.policy.rulebook import standard

ITEM_CODE, WAGE = "enrolment.annual_wages", "average_wage"
PAGE_ROWS, CHUNK_ROWS = 50, 2_000
TABS = (("below", "保底"), ("above", "封顶"), ("all", "申报前后"), ("missing", "未申报人员"))


@dataclass(frozen=True, slots=True)
class Overview:
    """The year of a batch, its bounds, its counts, and how many people to be declared are in no batch of the year."""

    year: DeclaredYear
    bounds: Bounds
    counts: NumberCounts
    missing: int

    @property
    def within(self) -> int:
        return self.counts.rows - self.counts.below - self.counts.above

    @property
    def known(self) -> bool:
        return self.bounds.floor_fen is not None and self.bounds.cap_fen is not None

    @property
    def told(self) -> str:
        """The bounds in a sentence, or that they are not known."""
        code = self.year.code
        if not self.known:
            return f"{code} 年度的缴费基数上下限尚未公布，无法试算保底封顶；公布后由系统自动处理。"
        limits = f"下限 {yuan_shown(self.bounds.floor_fen or 0)} 元，上限 {yuan_shown(self.bounds.cap_fen or 0)} 元"
        if self.bounds.provisional:
            return f"{code} 年度的缴费基数上下限尚未公布，先按现行标准（{limits}）试算；公布后由系统自动按新标准保底封顶。"
        return f"{code} 年度的缴费基数{limits}。"


def overview_of(case: Case) -> Overview | None:
    """The overview of a case of 个人工资年度申报; None for other items, or while no row can be read."""
    if case.item_code != ITEM_CODE:
        return None
    unit = get_unit(case.unit_id)
    year = _year(case, unit.place)
    if year is None:
        return None
    bounds = bounds_of(standard(), year.first_month, unit.place)
    counts = number_counts(case, WAGE, bounds.floor_fen, bounds.cap_fen)
    return Overview(year, bounds, counts, missing_of(case, year, limit=1)[0])


def _year(case: Case, place: str) -> DeclaredYear | None:
    named = first_value(case, "year")
    on = (case.submitted_at or case.created_at).astimezone(ZONE).date()
    return next((year for year in years_at(standard(), on, place) if str(year.code) == named), None)


def missing_of(case: Case, year: DeclaredYear, *, after: int = 0, limit: int = PAGE_ROWS) -> tuple[int, list[YearMember]]:
    """Staff to be declared who are in no batch of the unit for the year: how many, and a page of them."""
    named = people_filed(case, "year", str(year.code))
    with acting(ENGINE):
        return year_missing(case.unit_id, year.first_month, named, after=after, limit=limit)


@dataclass(frozen=True, slots=True)
class Line:
    """One person before and after, fen; None where not known."""

    row: int
    id_number: str
    name: str
    present_fen: int | None
    wage_fen: int
    base_fen: int | None
    word: str
    tone: str


def lines_of(case: Case, overview: Overview, tab: str, *, after: int = 0, limit: int = PAGE_ROWS) -> list[Line]:
    """A page of the people of a tab, from after a row on."""
    low = overview.bounds.floor_fen if tab == "below" else None
    high = overview.bounds.cap_fen if tab == "above" else None
    if tab in ("below", "above") and low is None and high is None:
        return []
    return _lines(case, overview, rows_by_number(case, WAGE, low=low, high=high, after=after, limit=limit))


def _lines(case: Case, overview: Overview, rows: Sequence[NumberRow]) -> list[Line]:
    with acting(ENGINE):
        seen = year_standings([row.id_number for row in rows], case.unit_id, overview.year.code, overview.year.first_month)
    return [
        Line(
            row.row,
            row.id_number,
            row.name,
            seen[row.id_number].wage_fen if row.id_number in seen else None,
            row.number,
            overview.bounds.clamp(row.number),
            *_word(row.number, overview.bounds),
        )
        for row in rows
    ]


def _word(wage_fen: int, bounds: Bounds) -> tuple[str, str]:
    if bounds.floor_fen is not None and wage_fen < bounds.floor_fen:
        return "保底", "warn"
    if bounds.cap_fen is not None and wage_fen > bounds.cap_fen:
        return "封顶", "warn"
    return ("按申报数", "ok") if bounds.clamp(wage_fen) is not None else ("待公布", "mute")


def all_lines(case: Case, overview: Overview) -> Iterator[Line]:
    """Everybody of the batch, read in chunks, for a list to take away."""
    after = 0
    while lines := lines_of(case, overview, "all", after=after, limit=CHUNK_ROWS):
        yield from lines
        after = lines[-1].row
