"""年度申报: which year may be declared on which day, and what is said where no paper was found (seed 001 question 6; seed 004, 九)."""

from datetime import date

import pytest
from pydantic import ValidationError

from shebao.policy.annual import bounds_of, declarable, year_of, years_at
from shebao.policy.rulebook import standard
from shebao.policy.shapes import AnnualWindow

PLACE = "420100"
BOOK = standard()


def codes(*day: int) -> list[int]:
    return [year.code for year in declarable(BOOK, date(*day), PLACE)]


def test_the_year_to_be_expected_is_the_one_that_begins_nearest() -> None:
    assert codes(2011, 6, 30) == []  # no year is on record before July 2011
    assert codes(2012, 5, 10) == [2012, 2011]
    assert codes(2011, 7, 1) == [2011, 2012]
    assert codes(2026, 11, 21) == [2027, 2026]
    assert codes(2026, 6, 1) == [2026, 2027]


def test_the_2022_year_is_declared_from_the_reopening_on_and_no_day_before() -> None:
    assert 2022 not in codes(2022, 6, 30) and 2022 not in codes(2022, 7, 24)
    assert codes(2022, 7, 25)[0] == 2022 == codes(2023, 6, 30)[-1]
    assert 2022 not in codes(2023, 7, 1)
    year = year_of(BOOK, date(2022, 9, 1), PLACE)
    assert year and year.window_shown == "2022 年度的申报受理时间：2022-07-25 起，止日未公布"


def test_where_the_year_is_not_settled_nothing_may_be_declared() -> None:
    assert years_at(BOOK, date(2023, 12, 1), PLACE) == [] == declarable(BOOK, date(2024, 12, 31), PLACE)
    assert [y.code for y in years_at(BOOK, date(2023, 6, 30), PLACE)] == [2022]
    assert [y.code for y in years_at(BOOK, date(2027, 12, 31), PLACE)] == [2027]


def test_an_unknown_window_is_said_and_does_not_shut_the_door() -> None:
    year = year_of(BOOK, date(2027, 3, 1), PLACE)
    assert year and not year.window_known and not year.settled
    assert year.open_on(date(2026, 11, 1)) and year.open_on(date(2027, 12, 31)) and not year.open_on(date(2028, 1, 1))
    assert "未见公布" in year.window_shown and "以社保经办机构当年下发的文件为准" in year.window_shown


def test_bounds_are_those_of_the_years_first_month_and_tell_whether_they_are_carried_on() -> None:
    known, carried, half = bounds_of(BOOK, 202501, PLACE), bounds_of(BOOK, 202701, PLACE), bounds_of(BOOK, 202401, PLACE)
    assert (known.floor_fen, known.cap_fen, known.provisional) == (449_800, 2_248_800, False)
    assert carried.provisional and carried.clamp(100) == 449_800 and carried.clamp(449_801) == 449_801
    assert half.clamp(500_000) is None and bounds_of(BOOK, 201507, PLACE).cap_fen is None


@pytest.mark.parametrize("ends", [{"opens": None, "closes": None}, {"opens": date(2026, 2, 2), "closes": date(2026, 2, 1)}])
def test_a_window_has_an_end_and_does_not_close_before_it_opens(ends: dict[str, date | None]) -> None:
    with pytest.raises(ValidationError):
        AnnualWindow(**ends)
