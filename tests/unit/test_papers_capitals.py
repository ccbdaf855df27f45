"""人民币大写 by the rules of the central bank (支付结算办法 附一), whose own examples are among these."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shebao.base.money import FEN_MAX
from shebao.papers.capitals import capital_yuan

_DIGITS = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
_PLACES = {"仟": 1000, "佰": 100, "拾": 10}


@pytest.mark.parametrize(
    ("amount_fen", "text"),
    [
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角整"),
        (15, "壹角伍分"),
        (100, "壹元整"),
        (1000, "壹拾元整"),
        (1005, "壹拾元零伍分"),
        (140_950, "壹仟肆佰零玖元伍角整"),
        (600_714, "陆仟零柒元壹角肆分"),
        (168_032, "壹仟陆佰捌拾元零叁角贰分"),
        (10_700_053, "壹拾万柒仟元零伍角叁分"),
        (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
        (32_504, "叁佰贰拾伍元零肆分"),
        (100_000_100, "壹佰万零壹元整"),
        (10_000_000_100, "壹亿零壹元整"),
        (100_010_001_000, "壹拾亿零壹拾万零壹拾元整"),
        (FEN_MAX, "壹仟亿元整"),
        (-123, "负壹元贰角叁分"),
    ],
)
def test_an_amount_is_written_in_capitals(amount_fen: int, text: str) -> None:
    assert capital_yuan(amount_fen) == text


@given(st.integers(0, FEN_MAX))
def test_capitals_can_be_read_back_to_the_fen(amount_fen: int) -> None:
    assert _read(capital_yuan(amount_fen)) == amount_fen


@given(st.integers(0, FEN_MAX))
def test_zeros_never_stand_together_or_before_a_unit(amount_fen: int) -> None:
    text = capital_yuan(amount_fen)
    assert "零零" not in text
    assert text == "零元整" or not re.search("零[仟佰拾万亿元角分整]", text)


def test_an_amount_beyond_all_bills_is_refused() -> None:
    with pytest.raises(ValueError, match="greatest"):
        capital_yuan(FEN_MAX + 1)


def _read(text: str) -> int:
    """The slow, independent way back."""
    text = text.removesuffix("整")
    yuan, _, rest = text.partition("元") if "元" in text else ("", "", text)
    total = 0
    for name, unit in (("亿", 10**8), ("万", 10**4), ("", 1)):
        group, found, after = yuan.partition(name) if name else (yuan, True, "")
        if found:
            total += _read_group(group) * unit
            yuan = after
    fen = 0
    for digit, unit in re.findall("([壹贰叁肆伍陆柒捌玖])([角分])", rest):
        fen += _DIGITS[digit] * (10 if unit == "角" else 1)
    return total * 100 + fen


def _read_group(text: str) -> int:
    return sum(_DIGITS[digit] * _PLACES.get(place, 1) for digit, place in re.findall("([壹贰叁肆伍陆柒捌玖])([仟佰拾]?)", text))
