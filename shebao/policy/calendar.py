"""工作日 and 社保年度. The working days are the State Council's arrangements as the package chinesecalendar has them: 2004 to 2026, and
the years after it that administrators entered from the published notice.

Beyond the table there is an error, never a guess: the arrangement of a year is published only in the autumn before it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from chinese_calendar.constants import holidays, workdays
from numpy.typing import NDArray

from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day
from shebao.policy.rulebook import Rulebook
from shebao.policy.shapes import SocialInsuranceYear

FIRST_DAY = date(min(holidays).year, 1, 1)
PACKAGED_YEAR_MAX = max(holidays).year


@dataclass(frozen=True, slots=True)
class YearDays:
    """One year's arrangement: weekdays that are off, weekend days that are worked (调休上班)."""

    year: int
    off: frozenset[date]
    worked: frozenset[date]


# Whoever keeps entered years: gives those after the packaged ones. Asked only when a day lies beyond what is known. Set once, at start.
ENTERED: list[Callable[[], Iterable[YearDays]]] = []
_years: dict[int, YearDays] = {}


def last_day() -> date:
    """The last day whose nature is known; looks for newly entered years first."""
    _look()
    return _last_known()


def _last_known() -> date:
    return date(PACKAGED_YEAR_MAX + len(_years), 12, 31)


def _look() -> None:
    """Take over entered years that follow without a gap. An entered year is confirmed and does not change any more."""
    for provider in ENTERED:
        for found in sorted(provider(), key=lambda y: y.year):
            if found.year == PACKAGED_YEAR_MAX + len(_years) + 1:
                _years[found.year] = found


def forget_entered() -> None:
    """Drop what was taken over; for tests that bring years of their own."""
    _years.clear()


def _reaches(day: date) -> bool:
    if FIRST_DAY <= day <= _last_known():
        return True
    if day > _last_known():
        _look()
    return FIRST_DAY <= day <= _last_known()


class CalendarMissing(ShebaoError):
    """The working days of that time have not been published or entered."""

    code = "POL-04"
    status = 422

    def __init__(self) -> None:
        super().__init__(
            f"工作日安排只有 {FIRST_DAY.year} 年至 {_last_known().year} 年的，超出范围的日期无法推算；"
            "请在国务院公布放假安排后，由系统管理员在“工作日历”中录入并由另一人确认，再办理"
        )


def _days() -> tuple[NDArray[np.int64], frozenset[int]]:
    """Ordinals of all working days, in order and as a set."""
    return _days_until(len(_years))


@lru_cache(maxsize=4)
def _days_until(entered: int) -> tuple[NDArray[np.int64], frozenset[int]]:
    off = set(holidays) | {day for year in _years.values() for day in year.off}
    on = set(workdays) | {day for year in _years.values() for day in year.worked}
    last = date(PACKAGED_YEAR_MAX + entered, 12, 31)
    worked = [
        day.toordinal()
        for day in (FIRST_DAY + timedelta(days=i) for i in range((last - FIRST_DAY).days + 1))
        if day in on or (day.weekday() < 5 and day not in off)
    ]
    return np.array(worked, np.int64), frozenset(worked)


def is_working_day(day: date) -> bool:
    """Raises: CalendarMissing."""
    if not _reaches(day):
        raise CalendarMissing
    return day.toordinal() in _days()[1]


def add_working_days(day: date, count: int) -> date:
    """The day that is so many working days after `day`; the day itself is not counted, as 民法典 第二百零一条 says.

    Args:  count >= 0; with 0 the day itself, or the first working day after it.  Raises: CalendarMissing.
    """
    return date.fromordinal(int(add_working_days_column(np.array([day.toordinal()]), count)[0]))


def add_working_days_column(ordinals: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The same for many days. Args and result: proleptic ordinals (`date.toordinal`), shape (n,). Raises: CalendarMissing."""
    if count < 0:
        raise ValueError("working days are counted forward only")
    if not len(ordinals):
        return ordinals
    if not (_reaches(date.fromordinal(int(ordinals.min()))) and _reaches(date.fromordinal(int(ordinals.max())))):
        raise CalendarMissing
    for look_again in (True, False):
        table, _ = _days()
        places = np.searchsorted(table, ordinals, side="left") if count == 0 else np.searchsorted(table, ordinals, side="right") + count - 1
        if int(places.max()) < len(table):
            return table[places]
        if look_again:
            _look()
    raise CalendarMissing


def working_days_in(year: int) -> int:
    """How many working days a year has. Raises: CalendarMissing."""
    if not _reaches(date(year, 12, 31)):
        raise CalendarMissing
    first, end = (date(y, 1, 1).toordinal() for y in (year, year + 1))
    table, _ = _days()
    return int(np.searchsorted(table, end) - np.searchsorted(table, first))


def social_insurance_year(rulebook: Rulebook, month: Month, place: str) -> SocialInsuranceYear:
    """社保年度 that a month lies in. Raises: RuleMissing where the year is not settled (2023-07 to 2024-12 in Hubei)."""
    year: SocialInsuranceYear = rulebook.rule("social_insurance_year", first_day(month), place).value
    return year


def working_days_between(earlier: Sequence[date], later: Sequence[date]) -> list[int]:
    """For columns: how many working days lie after each earlier day, up to and with the later one. Raises: CalendarMissing."""
    for day in (*earlier, *later):
        if not _reaches(day):
            raise CalendarMissing
    table, _ = _days()
    ends = np.searchsorted(table, [day.toordinal() for day in later], side="right")
    starts = np.searchsorted(table, [day.toordinal() for day in earlier], side="right")
    counts: list[int] = (ends - starts).tolist()
    return counts
