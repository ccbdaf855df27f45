"""滞纳金 and 灵活就业档次: days, rates, rounding, caps."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shebao.base.money import FEN_MAX
from shebao.base.terms import Insurance
from shebao.policy.arrival import late_after
from shebao.policy.flexible import TierUnknown, explain_tier
from shebao.policy.formulas.flexible import tier
from shebao.policy.formulas.late_fee import late_fee
from shebao.policy.late_fee import LateFeeRefused, explain_late_fee, stretches
from shebao.policy.rulebook import RuleMissing, standard

WUHAN = "420100"


@given(st.integers(0, FEN_MAX), st.integers(0, 20_000_000))
def test_a_late_fee_is_the_exact_product_rounded_once(principal_fen: int, day_rates_ppm: int) -> None:
    exact = Decimal(principal_fen) * day_rates_ppm / 1_000_000
    expected = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    assert late_fee(principal_fen, day_rates_ppm) == expected
    column = late_fee(np.array([principal_fen, 0], np.int64), np.array([day_rates_ppm, 500], np.int64))
    assert column.tolist() == [expected, 0]


def test_a_cap_holds_a_fee_down_to_the_principal_and_no_further() -> None:
    assert late_fee(10_000, 1_000_500, 1_000_000) == 10_000
    assert late_fee(10_000, 999_500, 1_000_000) == 9_995
    assert late_fee(10_000, 1_000_500) == 10_005
    assert late_fee(np.array([10_000, 0], np.int64), 1_000_500, 1_000_000).tolist() == [10_000, 0]


def test_a_change_of_rate_cuts_the_days_in_two_without_losing_one() -> None:
    runs = stretches(date(2011, 6, 25), date(2011, 7, 5), WUHAN, standard())
    assert [(run.first_day, run.last_day, run.days, run.rule.value) for run in runs] == [
        (date(2011, 6, 26), date(2011, 6, 30), 5, 2000),
        (date(2011, 7, 1), date(2011, 7, 5), 5, 500),
    ]
    sentence = explain_late_fee(10_000_000, date(2011, 6, 25), date(2011, 7, 5), WUHAN, standard()).step("fee").expression
    assert sentence == "本金 100,000.00 元 × （每日 0.2% × 5 天 + 每日 0.05% × 5 天） = 1,250.00 元；未设上限"


def test_a_fee_that_is_paid_in_time_is_nothing() -> None:
    explained = explain_late_fee(10_000, date(2025, 3, 14), date(2025, 3, 10), WUHAN, standard())
    assert explained.amount("fee") == 0
    assert explained.step("days").expression == "2025-03-10 未超过应缴日 2025-03-14，没有滞纳天数"
    with pytest.raises(KeyError):
        explained.amount("days")


def test_days_without_a_rule_and_negative_arrears_are_refused() -> None:
    with pytest.raises(RuleMissing, match="1999 年 1 月 21 日"):
        explain_late_fee(1, date(1999, 1, 20), date(1999, 1, 25), WUHAN, standard())
    with pytest.raises(LateFeeRefused, match="不能为负数"):
        explain_late_fee(-1, date(2025, 1, 1), date(2025, 1, 2), WUHAN, standard())


@given(st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 400)), min_size=1, max_size=20))
def test_the_shares_of_a_tier_always_add_up_and_a_column_gives_the_same(chosen: list[tuple[int, int]]) -> None:
    averages = np.array([average for average, _ in chosen], np.int64)
    percents = np.array([percent for _, percent in chosen], np.int64)
    column = tier(averages, percents, 200_000, 80_000)
    for i, (average, percent) in enumerate(chosen):
        one = tier(average, percent, 200_000, 80_000)
        assert one.account_fen + one.pool_fen == one.total_fen
        base = int((Decimal(average) * percent / 100).quantize(Decimal(1), ROUND_HALF_UP))
        total = int((Decimal(base) / 5).quantize(Decimal(1), ROUND_HALF_UP))
        assert (one.base_fen, one.total_fen) == (base, total)
        many = (column.base_fen, column.total_fen, column.account_fen, column.pool_fen)
        assert [int(part[i]) for part in many if isinstance(part, np.ndarray)] == [
            one.base_fen,
            one.total_fen,
            one.account_fen,
            one.pool_fen,
        ]


def test_a_tier_that_was_not_offered_is_refused_with_those_that_were() -> None:
    with pytest.raises(TierUnknown, match="没有 65% 这一缴费档次，可选：60%、70%"):
        explain_tier(65, 202511, WUHAN, standard())
    with pytest.raises(TierUnknown, match="最低 60%，最高 300%"):
        explain_tier(59, 201109, WUHAN, standard())
    assert explain_tier(65, 201109, WUHAN, standard()).amount("base") == 212_895, "of 2011 only the ends are known"


def test_the_pool_takes_the_remainder_and_says_so() -> None:
    explained = explain_tier(60, 201109, WUHAN, standard())
    assert explained.step("pool").expression == "月缴额减去划入个人账户的部分：393.04 - 157.21 = 235.83 元"
    assert {rule.id for rule in explained.rules} == {"flexible.tiers", "flexible.rate", "pension.base"}


@pytest.mark.parametrize(
    ("way", "paid", "until"),
    [
        ("app", date(2026, 11, 10), date(2026, 11, 11)),
        ("bank", date(2026, 11, 10), date(2026, 11, 13)),
        ("counter", date(2026, 11, 10), date(2026, 11, 13)),  # nothing published: the longest that is
        ("app", date(2026, 11, 13), date(2026, 11, 16)),  # a Friday: over the weekend
        ("bank", date(2022, 9, 29), date(2022, 10, 9)),  # over the holiday, with two worked weekend days
        ("app", date(2026, 12, 31), date(2027, 1, 1)),  # beyond the calendar Mondays to Fridays count
    ],
)
def test_money_is_asked_after_when_the_published_working_days_of_its_way_are_over(way: str, paid: date, until: date) -> None:
    assert late_after(way, paid, WUHAN, standard()) == until


def test_where_no_document_says_when_money_arrives_it_is_asked_after_at_once() -> None:
    assert late_after("app", date(2021, 12, 1), WUHAN, standard()) == date(2021, 12, 1)


@pytest.mark.parametrize(
    ("due", "paid", "month", "insurance", "runs"),
    [  # day after the due day; the due day itself; month end; leap day; over the change of rate; over the outage; in and after the window
        (date(2025, 3, 14), date(2025, 3, 15), None, None, [("2025-03-15", "2025-03-15", 1, 500)]),
        (date(2025, 3, 14), date(2025, 3, 14), None, None, []),
        (date(2025, 1, 31), date(2025, 2, 28), None, None, [("2025-02-01", "2025-02-28", 28, 500)]),
        (date(2024, 2, 28), date(2024, 3, 1), None, None, [("2024-02-29", "2024-03-01", 2, 500)]),
        (date(2011, 6, 29), date(2011, 7, 2), None, None, [("2011-06-30", "2011-06-30", 1, 2000), ("2011-07-01", "2011-07-02", 2, 500)]),
        (date(2010, 12, 30), date(2011, 1, 1), None, Insurance.INJURY, [("2010-12-31", "2010-12-31", 1, 2000), ("2011-01-01", "2011-01-01", 1, 500)]),
        (date(2022, 6, 21), date(2022, 7, 25), 202205, None, [("2022-06-22", "2022-06-22", 1, 500), ("2022-07-25", "2022-07-25", 1, 500)]),
        (date(2022, 6, 22), date(2022, 7, 24), 202205, None, []),
        (date(2022, 7, 14), date(2022, 9, 30), 202206, None, []),
        (date(2022, 7, 14), date(2022, 10, 1), 202206, None, [("2022-10-01", "2022-10-01", 1, 500)]),
        (date(2022, 7, 14), date(2022, 7, 27), 202205, None, [("2022-07-25", "2022-07-27", 3, 500)]),
    ],
)  # fmt: skip
def test_the_days_of_a_late_fee_at_every_boundary_and_each_run_of_them_explained(
    due: date, paid: date, month: int | None, insurance: Insurance | None, runs: list[tuple[str, str, int, int]]
) -> None:
    found = stretches(due, paid, WUHAN, standard(), insurance, month)
    assert [(str(r.first_day), str(r.last_day), r.days, r.rule.value) for r in found] == runs
    explained = explain_late_fee(10_000_000, due, paid, WUHAN, standard(), insurance, month)
    told = [step for step in explained.steps if step.key.startswith("run.")]
    assert len(told) == len(runs)
    for step, (first, last, days, _) in zip(told, runs, strict=True):
        assert step.expression.startswith(first) and (days == 1 or last in step.expression) and f"{days} 天" in step.expression
        assert step.rules and step.rules[0].source
    assert explained.amount("fee") == late_fee(10_000_000, sum(days * ppm for _, _, days, ppm in runs))


def test_the_due_day_is_moved_over_holidays_and_worked_weekends() -> None:
    from shebao.policy.calendar import add_working_days

    for issued, due in (
        (date(2022, 2, 15), date(2022, 3, 1)),
        (date(2022, 9, 20), date(2022, 10, 9)),
    ):
        assert add_working_days(issued, 10) == due
        assert explain_late_fee(10_000_000, due, due, WUHAN, standard()).amount("fee") == 0
