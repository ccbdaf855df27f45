"""The filters that pages write values with."""

from datetime import UTC, date, datetime

import pytest
from jinja2 import DictLoader, UndefinedError

from shebao.base.terms import Insurance
from shebao.surfaces import jinja


@pytest.mark.parametrize(
    ("amount_fen", "shown"), [(123456, "1,234.56"), (0, "0.00"), (-5, "−0.05"), (None, "—"), (4_123_867_200, "41,238,672.00")]
)
def test_money_is_written_with_two_decimals_and_a_true_minus(amount_fen: int | None, shown: str) -> None:
    assert jinja.yuan(amount_fen) == shown


def test_a_change_of_money_carries_its_sign() -> None:
    assert [jinja.signed_yuan(v) for v in (100, -100, 0, None)] == ["+1.00", "−1.00", "0.00", "—"]


def test_months_days_and_moments_are_written_as_people_write_them() -> None:
    assert jinja.month(202209) == "2022 年 9 月"
    assert jinja.day(date(2026, 11, 21)) == "2026-11-21"
    assert jinja.day(datetime(2026, 11, 21, 10, 32)) == "2026-11-21"
    assert jinja.moment(datetime(2026, 11, 21, 10, 32)) == "2026-11-21 10:32"
    assert jinja.month(None) == jinja.day(None) == jinja.moment(None) == "—"


def test_a_moment_of_another_zone_is_shown_in_wuhan_time() -> None:
    assert jinja.moment(datetime(2026, 11, 20, 16, 5, tzinfo=UTC)) == "2026-11-21 00:05"


@pytest.mark.parametrize(("number", "shown"), [("42019919900101123X", "4201**********123X"), ("12345", "****5"), ("", "—"), (None, "—")])
def test_an_id_number_shows_its_ends_only(number: str | None, shown: str) -> None:
    assert jinja.masked_id(number) == shown


def test_a_name_shows_its_first_character_only() -> None:
    assert [jinja.masked_name(n) for n in ("张三", "𠅤小明", "")] == ["张*", "𠅤**", "—"]


@pytest.mark.parametrize(("ppm", "shown"), [(160_000, "16%"), (7_000, "0.7%"), (4_800, "0.48%"), (500, "0.05%"), (0, "0%"), (None, "—")])
def test_a_rate_is_a_percentage_without_needless_zeros(ppm: int | None, shown: str) -> None:
    assert jinja.rate(ppm) == shown


def test_an_insurance_is_named_by_code_long_or_short() -> None:
    assert jinja.insurance(110) == jinja.insurance("110") == jinja.insurance(Insurance.PENSION) == "企业职工基本养老保险"
    assert jinja.insurance(330, short=True) == "大额医疗"


@pytest.mark.parametrize(("amount_bytes", "shown"), [(1, "1 KB"), (204_800, "200 KB"), (1_890_000, "1.8 MB")])
def test_a_size_is_rounded_up_for_people(amount_bytes: int, shown: str) -> None:
    assert jinja.size(amount_bytes) == shown


def test_a_missing_name_stops_the_page_and_text_is_escaped() -> None:
    pages = jinja.environment(loader=DictLoader({"missing": "{{ wage }}", "text": "{{ name }}"}), auto_reload=True)
    with pytest.raises(UndefinedError):
        pages.get_template("missing").render()
    assert pages.get_template("text").render(name="<b>") == "&lt;b&gt;"


def test_templates_are_compiled_once_when_serving_and_anew_when_developing() -> None:
    assert jinja.environment(auto_reload=False).bytecode_cache is not None
    assert jinja.environment(auto_reload=True).bytecode_cache is None
