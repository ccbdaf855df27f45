"""工作日 and 社保年度. The working days are the State Council's arrangements as the package chinesecalendar has them: 2004 to 2026.

Beyond the table there is an error, never a guess: the arrangement of a year is published only in the autumn before it.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

import numpy as np
from chinese_calendar.constants import holidays, workdays
from numpy.typing import NDArray

from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day
from shebao.policy.rulebook import Rulebook
from shebao.policy.shapes import SocialInsuranceYear

FIRST_DAY = date(min(holidays).year, 1, 1)
LAST_DAY = date(max(holidays).year, 12, 31)


class CalendarMissing(ShebaoError):
    """The working days of that time have not been published or entered."""

    code = "POL-04"
    status = 422

    def __init__(self) -> None:
        super().__init__(
            f"工作日安排只有 {FIRST_DAY.year} 年至 {LAST_DAY.year} 年的，超出范围的日期无法推算，请在国务院公布放假安排后更新日历再办理"
        )


@cache
def _days() -> tuple[NDArray[np.int64], frozenset[int]]:
    """Ordinals of all working days, in order and as a set."""
    worked = [
        day.toordinal()
        for day in (FIRST_DAY + timedelta(days=i) for i in range((LAST_DAY - FIRST_DAY).days + 1))
        if day in workdays or (day.weekday() < 5 and day not in holidays)
    ]
    return np.array(worked, np.int64), frozenset(worked)


def is_working_day(day: date) -> bool:
    """Raises: CalendarMissing."""
    if not FIRST_DAY <= day <= LAST_DAY:
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
    table, _ = _days()
    if len(ordinals) and not (FIRST_DAY.toordinal() <= int(ordinals.min()) and int(ordinals.max()) <= LAST_DAY.toordinal()):
        raise CalendarMissing
    places = np.searchsorted(table, ordinals, side="left") if count == 0 else np.searchsorted(table, ordinals, side="right") + count - 1
    if len(places) and int(places.max()) >= len(table):
        raise CalendarMissing
    return table[places]


def working_days_in(year: int) -> int:
    """How many working days a year has. Raises: CalendarMissing."""
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
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
        if not FIRST_DAY <= day <= LAST_DAY:
            raise CalendarMissing
    table, _ = _days()
    ends = np.searchsorted(table, [day.toordinal() for day in later], side="right")
    starts = np.searchsorted(table, [day.toordinal() for day in earlier], side="right")
    counts: list[int] = (ends - starts).tolist()
    return counts
