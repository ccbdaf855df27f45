"""个人账户: rounding at the half fen, part years, and the rate that holds while a year's own is not published."""

from datetime import date

import numpy as np
import pytest

from shebao.policy.account import last_interest_rule
from shebao.policy.formulas.personal_account import differs, opening_interest, product, product_interest, share
from shebao.policy.rulebook import RuleMissing, standard

WUHAN = "420100"


@pytest.mark.parametrize(
    ("fen", "rate_ppm", "interest"), [(50, 10_000, 1), (49, 10_000, 0), (-50, 10_000, 0), (-51, 10_000, -1), (150, 10_000, 2)]
)
def test_half_a_fen_of_interest_goes_up_below_zero_too_and_a_column_agrees(fen: int, rate_ppm: int, interest: int) -> None:
    assert opening_interest(fen, rate_ppm) == product_interest(fen * 12, rate_ppm) == interest
    assert opening_interest(np.array([fen]), rate_ppm).tolist() == product_interest(np.array([fen * 12]), rate_ppm).tolist() == [interest]


def test_a_share_is_rounded_half_up() -> None:
    assert [share(base, 80_000) for base in (6, 7, 18, 19)] == [0, 1, 1, 2]


def test_a_month_counts_for_the_months_that_are_left_and_none_after_the_last() -> None:
    credits = [1, 10, 100, 1_000, 0, 0, 0, 0, 0, 0, 0, 10_000]
    assert product(credits) == 12 + 110 + 1_000 + 9_000 + 10_000
    assert product(credits, 3) == 3 + 20 + 100
    assert product(np.array([credits, credits[::-1]]), 1).tolist() == [1, 10_000]
    assert isinstance(product(credits), int)


def test_the_two_methods_differ_from_more_than_the_gap_on_whichever_is_higher() -> None:
    monthly, yearly, closing = np.array([1_100, 900, 1_101, 899]), np.full(4, 1_000), np.array([100_000, 100_000, -100_000, 100_000])
    assert differs(monthly, yearly, closing, 1_000).tolist() == [False, False, True, True]


def test_the_last_published_rate_stands_in_for_two_years_and_no_longer() -> None:
    published = max(r.valid_from.year for r in standard().all(WUHAN) if r.id == "account.interest_rate" and r.value is not None)
    rate = standard().rule("account.interest_rate", date(published, 12, 31), WUHAN)
    assert [last_interest_rule(standard(), published + n, WUHAN).value for n in (0, 1, 2)] == [rate.value] * 3
    with pytest.raises(RuleMissing):
        last_interest_rule(standard(), published + 3, WUHAN)
