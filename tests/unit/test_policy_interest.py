"""补缴利息: whole months, the rate of each month, one rounding; and no amount without a rate."""

from datetime import date
from pathlib import Path

import pytest

from shebao.policy.interest import InterestRefused, bearing, explain_interest, interest
from shebao.policy.rulebook import RULES, Rulebook, RuleMissing, load, standard

WUHAN = "420100"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    """A place of its own, whose rate was 3 % until 2012-03 and 4.2 % after."""
    folder: Path = tmp_path_factory.mktemp("rules") / "somewhere"
    folder.mkdir()
    (folder / "place.yaml").write_text('{code: "999000", label: 某地（示例）, parent: "000000"}\n', encoding="utf-8")
    entry = (
        "- {{id: interest.back_payment_rate, label: 个人补缴利率, valid: {{from: {}, to: {}}}, value: {},"
        " law: null, source: [测试], status: known}}\n"
    )
    (folder / "interest.yaml").write_text(
        entry.format("2010-01-01", "2012-03-31", 30_000) + entry.format("2012-04-01", "null", 42_000), encoding="utf-8"
    )
    return load(RULES, folder.parent)


def test_a_month_without_a_rate_is_refused_with_the_name_of_the_parameter() -> None:
    with pytest.raises(RuleMissing, match=r"2011 年 3 月 1 日的“个人补缴利率”（interest.back_payment_rate）尚未确定"):
        explain_interest(39_304, 201102, date(2011, 6, 5), WUHAN, standard())


def test_no_month_lies_between_the_owed_one_and_the_next_so_nothing_is_added() -> None:
    for paid_on in (date(2011, 2, 28), date(2011, 3, 31)):
        assert interest(39_304, 201102, paid_on, WUHAN, standard()) == 0


def test_interest_runs_over_the_whole_months_in_between_at_the_rate_of_each(book: Rulebook) -> None:
    runs = bearing(201112, date(2012, 7, 9), "999000", book)
    assert [(run.first, run.last, run.count, run.rule.value) for run in runs] == [
        (201201, 201203, 3, 30_000),
        (201204, 201206, 3, 42_000),
    ]
    # 10,000.00 × (3 % × 3/12 + 4.2 % × 3/12) = 10,000.00 × 1.8 % = 180.00
    assert interest(1_000_000, 201112, date(2012, 7, 9), "999000", book) == 18_000
    told = explain_interest(1_000_000, 201112, date(2012, 7, 9), "999000", book).step("interest")
    assert told.expression == "本金 10,000.00 元 × （每年 3% × 3 ÷ 12 + 每年 4.2% × 3 ÷ 12） = 180.00 元（单利，按整月计）"
    assert len(told.rules) == 2


def test_interest_is_rounded_once_half_up(book: Rulebook) -> None:
    # 393.04 × 3 % × 5/12 = 4.913 → 4.91; 2.00 × 3 % × 1/12 = 0.005 → 0.01; 1.99 … = 0.004975 → 0.00
    assert interest(39_304, 201101, date(2011, 7, 1), "999000", book) == 491
    assert interest(200, 201101, date(2011, 3, 1), "999000", book) == 1
    assert interest(199, 201101, date(2011, 3, 1), "999000", book) == 0


def test_what_makes_no_sense_is_refused(book: Rulebook) -> None:
    with pytest.raises(InterestRefused, match="不能为负数"):
        explain_interest(-1, 201101, date(2011, 3, 1), "999000", book)
    with pytest.raises(InterestRefused, match="还没有到"):
        explain_interest(1, 201104, date(2011, 3, 1), "999000", book)
