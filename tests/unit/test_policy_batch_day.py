"""批扣日: the published day, shifted only where a rule says so, skipped only when the system was shut the whole day."""

from datetime import date

import pytest

from shebao.policy.batch_day import OUTAGE, SHIFT, batch_day
from shebao.policy.rulebook import Rulebook, RuleMissing, standard
from tests.changed_rules import with_changed

WUHAN = "420100"
START = date(2022, 2, 1)


def shifted(how: str) -> Rulebook:
    return with_changed(SHIFT, START, WUHAN, how)


def test_the_city_debits_on_the_twentieth_and_the_province_on_the_fifteenth() -> None:
    assert batch_day(standard(), 202611, WUHAN, provincial=False).day == date(2026, 11, 20)
    assert batch_day(standard(), 202611, WUHAN, provincial=True).day == date(2026, 11, 15)
    with pytest.raises(RuleMissing):
        batch_day(standard(), 202201, WUHAN, provincial=False)


@pytest.mark.parametrize(
    ("how", "month", "day"),
    [
        (None, 202606, date(2026, 6, 20)),  # a Saturday of the dragon-boat holiday; nobody has published a shift
        ("next_workday", 202606, date(2026, 6, 22)),
        ("previous_workday", 202606, date(2026, 6, 18)),
        ("next_workday", 202611, date(2026, 11, 20)),  # a Friday stays
        ("none", 202606, date(2026, 6, 20)),
    ],
)
def test_a_day_that_is_no_workday_moves_only_as_the_rule_says(how: str | None, month: int, day: date) -> None:
    found = batch_day(standard() if how is None else shifted(how), month, WUHAN, provincial=False)
    assert (found.day, found.published) == (day, date(month // 100, month % 100, 20))


@pytest.mark.parametrize(
    ("opens", "closes", "skipped"),
    [
        ("2022-07-20T00:00", "2022-07-20T23:59", True),
        ("2022-07-20T00:01", "2022-07-25T08:30", False),  # open in the first minute
        ("2022-06-22T18:00", "2022-07-20T23:58", False),  # open again in the last one
        ("2022-06-22T18:00", "2022-07-25T08:30", True),
    ],
)
def test_a_batch_is_skipped_when_the_system_is_shut_all_day_and_not_for_a_part_of_it(opens: str, closes: str, skipped: bool) -> None:
    book = with_changed(OUTAGE, date(2022, 7, 1), WUHAN, {"opens": opens, "closes": closes})
    assert (batch_day(book, 202207, WUHAN, provincial=False).skipped_by is not None) is skipped
    assert batch_day(book, 202208, WUHAN, provincial=False).skipped_by is None
