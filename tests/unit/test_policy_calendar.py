"""工作日 and 社保年度."""

from datetime import date, timedelta

import chinese_calendar
import numpy as np
import pytest

from shebao.policy.calendar import (
    CalendarMissing,
    add_working_days,
    add_working_days_column,
    is_working_day,
    social_insurance_year,
    working_days_between,
    working_days_in,
)
from shebao.policy.rulebook import RuleMissing, standard


def test_the_table_agrees_with_the_package_day_by_day() -> None:
    for year in (2004, 2020, 2022, 2026):
        for i in range(365):
            day = date(year, 1, 1) + timedelta(days=i)
            assert is_working_day(day) is chinese_calendar.is_workday(day), day


def test_adding_days_lands_on_the_day_that_counting_lands_on() -> None:
    for start in (date(2022, 1, 30), date(2022, 9, 29), date(2025, 1, 24), date(2025, 10, 1)):
        for count in range(1, 30):
            day, left = start, count
            while left:
                day += timedelta(days=1)
                left -= is_working_day(day)
            assert add_working_days(start, count) == day
            assert working_days_between([start], [day]) == [count]


def test_no_days_added_gives_the_day_itself_or_the_first_working_day_after_it() -> None:
    assert add_working_days(date(2022, 2, 15), 0) == date(2022, 2, 15)
    assert add_working_days(date(2022, 2, 19), 0) == date(2022, 2, 21)


def test_a_column_gives_the_same_as_one_day() -> None:
    days = [date(2025, 1, 1) + timedelta(days=i) for i in range(365)]
    column = add_working_days_column(np.array([day.toordinal() for day in days], np.int64), 10)
    assert [date.fromordinal(ordinal) for ordinal in column.tolist()] == [add_working_days(day, 10) for day in days]
    assert add_working_days_column(np.array([], np.int64), 10).tolist() == []


@pytest.mark.parametrize("day", [date(2003, 12, 31), date(2027, 1, 1), date(2026, 12, 31), date(2026, 12, 25)])
def test_beyond_the_published_years_there_is_an_error_and_no_guess(day: date) -> None:
    with pytest.raises(CalendarMissing, match="2004 年至 2026 年"):
        add_working_days(day, 10)


def test_the_last_published_day_can_be_reached_and_no_further() -> None:
    assert add_working_days(date(2026, 12, 31), 0) == add_working_days(date(2026, 12, 30), 1) == date(2026, 12, 31)
    assert is_working_day(date(2004, 1, 1)) is False
    with pytest.raises(CalendarMissing):
        add_working_days(date(2026, 12, 30), 2)


def test_other_questions_beyond_the_table_are_refused_too() -> None:
    with pytest.raises(CalendarMissing):
        is_working_day(date(2027, 1, 1))
    with pytest.raises(CalendarMissing):
        working_days_in(2027)
    with pytest.raises(CalendarMissing):
        working_days_between([date(2026, 12, 1)], [date(2027, 1, 4)])
    with pytest.raises(ValueError, match="forward"):
        add_working_days(date(2025, 1, 1), -1)


def test_the_social_insurance_year_ran_from_july_to_june_and_is_the_calendar_year_by_2025() -> None:
    book = standard()
    assert social_insurance_year(book, 202206, "420100").code == 2021
    year = social_insurance_year(book, 202207, "420100")
    assert (year.code, year.first_month, year.last_month) == (2022, 202207, 202306)
    assert social_insurance_year(book, 202501, "420100").first_month == 202501
    with pytest.raises(RuleMissing, match="社保年度"):
        social_insurance_year(book, 202401, "420100")
