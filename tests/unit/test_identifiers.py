"""公民身份号码 and 统一社会信用代码, against the standards and against python-stdnum."""

import random
from datetime import date, timedelta

import pytest
from stdnum.cn import ric, uscc

from shebao.base.identifiers import (
    age_on,
    birth_date_of,
    id_number_problem,
    make_id_number,
    make_uscc,
    mask_id_number,
    sex_of,
    uscc_problem,
)
from shebao.base.terms import Sex

VALID = "11010519491231002X"  # the example of GB 11643-1999
USCC = "91350100M000100Y43"


def _made(count: int) -> list[str]:
    chosen = random.Random(7)
    start = date(1930, 1, 1)
    return [make_id_number("420199", start + timedelta(days=chosen.randrange(33_000)), chosen.randrange(1000)) for _ in range(count)]


def test_what_is_made_is_right_and_the_library_agrees_on_the_check_digit() -> None:
    for number in _made(2_000):
        assert id_number_problem(number) is None
        assert ric.calc_check_digit(number) == number[17]
        assert len(number) == 18


def test_one_wrong_digit_is_always_found() -> None:
    for number in _made(40):
        for place in range(18):
            for other in set("0123456789X" if place == 17 else "0123456789") - {number[place]}:
                assert id_number_problem(number[:place] + other + number[place + 1 :]) is not None


def test_two_neighbours_exchanged_are_always_found() -> None:
    for number in _made(200):
        for place in range(16):
            swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
            assert swapped == number or id_number_problem(swapped) is not None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (VALID[:17], "公民身份号码只有 17 位，应为 18 位，请核对"),
        (VALID + "1", "公民身份号码有 19 位，应为 18 位，请核对"),
        ("", "公民身份号码只有 0 位，应为 18 位，请核对"),
        ("110105491231002", "15 位旧号码请改用 18 位新号码，请按现用居民身份证填写"),
        ("11010519491231002x", "公民身份号码末位的小写 x 请改为大写 X"),
        ("1101051949123100AX", "公民身份号码前 17 位应为数字，末位应为数字或大写 X，请核对"),
        ("11010519491231002A", "公民身份号码前 17 位应为数字，末位应为数字或大写 X，请核对"),
        ("1101051949123100２X", "公民身份号码前 17 位应为数字，末位应为数字或大写 X，请核对"),
        ("1101051949123100²X", "公民身份号码前 17 位应为数字，末位应为数字或大写 X，请核对"),
        ("00010519491231002X", "公民身份号码前 6 位（000105）不是有效的地区代码，请核对"),
        ("16010519491231002X", "公民身份号码前 6 位（160105）不是有效的地区代码，请核对"),
        ("81010119491231002X", "公民身份号码前 6 位（810101）不是有效的地区代码，请核对"),
        ("90010519491231002X", "公民身份号码前 6 位（900105）不是有效的地区代码，请核对"),
        ("11010519491331002X", "公民身份号码中的出生日期（1949 年 13 月 31 日）不存在，请核对第 7 至 14 位"),
        ("11010519490229002X", "公民身份号码中的出生日期（1949 年 02 月 29 日）不存在，请核对第 7 至 14 位"),
        ("11010500001231002X", "公民身份号码中的出生日期（0000 年 12 月 31 日）不存在，请核对第 7 至 14 位"),
        ("11010518991231002X", "公民身份号码中的出生年份（1899）不合理，请核对第 7 至 10 位"),
        ("11010521001231002X", "公民身份号码中的出生年份（2100）不合理，请核对第 7 至 10 位"),
        ("110105194912310021", "公民身份号码的校验码不符，可能有一位输错，请对照证件逐位核对"),
    ],
)
def test_each_mistake_has_its_own_sentence(text: str, sentence: str) -> None:
    assert id_number_problem(text) == sentence


def test_leap_days_are_accepted_in_leap_years_only() -> None:
    leap = make_id_number("420199", date(1992, 2, 29), 123)
    assert id_number_problem(leap) is None
    for year in (1900, 1991):  # right in every digit but for the day that never was
        digits = f"420199{year}0229123"
        assert "不存在" in str(id_number_problem(digits + ric.calc_check_digit(f"{digits}0")))
    assert id_number_problem(make_id_number("420199", date(2000, 2, 29), 123)) is None


@pytest.mark.parametrize("area", ["810000", "820000", "830000", "942156", "911840", "710000"])
def test_residents_of_hong_kong_macao_taiwan_and_foreigners_are_accepted(area: str) -> None:
    number = make_id_number(area, date(1990, 1, 2), 12)
    assert id_number_problem(number) is None
    assert "校验码" in str(id_number_problem(number[:17] + ("0" if number[17] != "0" else "1")))


def test_a_birth_after_the_day_of_filing_is_refused_when_the_day_is_given() -> None:
    number = make_id_number("420199", date(2026, 11, 22), 1)
    assert id_number_problem(number) is None
    assert id_number_problem(number, date(2026, 11, 22)) is None
    assert "晚于办理日期" in str(id_number_problem(number, date(2026, 11, 21)))


def test_sex_and_birth_date_are_read_from_the_number() -> None:
    assert sex_of(VALID) is Sex.FEMALE
    assert sex_of(make_id_number("420199", date(1990, 5, 6), 13)) is Sex.MALE
    assert birth_date_of(VALID) == date(1949, 12, 31)


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        (date(2000, 5, 6), date(2016, 5, 5), 15),
        (date(2000, 5, 6), date(2016, 5, 6), 16),
        (date(2000, 2, 29), date(2018, 2, 28), 17),
        (date(2000, 2, 29), date(2018, 3, 1), 18),
        (date(2000, 2, 29), date(2016, 2, 29), 16),
        (date(2000, 12, 31), date(2001, 1, 1), 0),
    ],
)
def test_an_age_is_reached_on_the_birthday(birth: date, day: date, age: int) -> None:
    assert age_on(birth, day) == age


def test_credit_codes_agree_with_the_library() -> None:
    chosen = random.Random(11)
    for _ in range(1_000):
        code = make_uscc("420100", "".join(chosen.choices("0123456789ABCDEFGHJKLMNPQRTUWXY", k=9)))
        assert uscc_problem(code) is None
        assert uscc.is_valid(code)
        wrong = code[:17] + chosen.choice([c for c in "0123456789ABCDEFGHJKLMNPQRTUWXY" if c != code[17]])
        assert uscc_problem(wrong) == "统一社会信用代码的校验码不符，可能有一位输错，请对照证照逐位核对"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (USCC[:17], "只有 17 位，应为 18 位"),
        (USCC + "1", "有 19 位，应为 18 位"),
        (USCC.lower(), "小写字母请改为大写"),
        ("91350100M000100I43", "不含 I、O、S、V、Z"),
        ("91350100M0001００Y43"[:18], "只能由数字和大写字母组成"),
        ("91000100M000100Y43", "不是有效的登记机关区划"),
    ],
)
def test_a_wrong_credit_code_is_explained(text: str, part: str) -> None:
    assert part in str(uscc_problem(text))


def test_masks_hide_the_middle() -> None:
    assert mask_id_number("42010119900101123X") == "4201**********123X"
    assert mask_id_number("E12345678") == "E1*****78"
    assert mask_id_number("A1") == "**"
    assert mask_id_number("") == ""


def test_making_refuses_what_cannot_be_a_number() -> None:
    with pytest.raises(ValueError, match="cannot make an id number"):
        make_id_number("42019", date(1990, 1, 1), 1)
    with pytest.raises(ValueError, match="cannot make an id number"):
        make_id_number("420199", date(1990, 1, 1), 1000)
    with pytest.raises(ValueError, match="cannot make a credit code"):
        make_uscc("420100", "IIIIIIIII")
