"""The rulebook: what it finds, what it refuses to start with, and that a city is a folder."""

import json
import shutil
from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from shebao.base.terms import Insurance, Payer
from shebao.policy.levy import assess_one, month_rates
from shebao.policy.rulebook import (
    RULES,
    Rulebook,
    RulebookError,
    RuleMissing,
    Status,
    UnknownPlace,
    UnknownRule,
    load,
    standard,
)
from shebao.policy.shapes import KINDS

DAY = date(2025, 11, 1)

PENSION = """
- id: pension.rate
  label: 养老费率
  valid: {from: 2020-01-01, to: 2022-12-31}
  value: {unit_ppm: 160000, person_ppm: 80000}
  law: null
  source: [某文件]
  status: known
"""


def _folder(root: Path, name: str, code: str, rules: str = "", parent: str | None = None) -> None:
    (root / name).mkdir()
    above = f'parent: "{parent}"\n' if parent else ""
    (root / name / "place.yaml").write_text(f'code: "{code}"\nlabel: {name}\n{above}', encoding="utf-8")
    (root / name / "rules.yaml").write_text(dedent(rules) or "[]", encoding="utf-8")


def _book(root: Path, rules: str) -> Rulebook:
    _folder(root, "全国", "000000", rules)
    return load(root)


def test_every_rule_that_is_shipped_has_a_source_and_a_status_and_every_kind_is_shipped() -> None:
    book = standard()
    found = [rule for code in book.places for rule in book.all(code)]
    assert all(rule.source and rule.label for rule in found)
    assert {rule.id for rule in found} == set(KINDS)
    assert all((rule.value is None) == (rule.status is Status.OPEN) for rule in found)


def test_the_nearest_place_comes_first_and_the_parent_fills_the_days_it_leaves_open(tmp_path: Path) -> None:
    _folder(tmp_path, "全国", "000000", PENSION.replace("to: 2022-12-31", "to: null"))
    _folder(tmp_path, "某省", "420000", "", "000000")
    _folder(tmp_path, "某市", "420100", PENSION.replace("160000", "140000").replace("2020-01-01", "2021-01-01"), "420000")
    book = load(tmp_path)

    def unit_ppm(day: date, place: str) -> int:
        return int(book.rule("pension.rate", day, place).value.unit_ppm)

    assert unit_ppm(date(2020, 12, 31), "420100") == 160000
    assert unit_ppm(date(2021, 1, 1), "420100") == 140000
    assert unit_ppm(date(2022, 12, 31), "420100") == 140000
    assert unit_ppm(date(2023, 1, 1), "420100") == 160000
    assert unit_ppm(date(2021, 1, 1), "420000") == 160000
    assert book.rule("pension.rate", date(2021, 1, 1), "420100").place.label == "某市"


def test_a_null_of_the_city_is_not_filled_from_its_parent(tmp_path: Path) -> None:
    _folder(tmp_path, "全国", "000000", PENSION)
    null = PENSION.replace("{unit_ppm: 160000, person_ppm: 80000}", "null").replace("known", "open")
    _folder(tmp_path, "某市", "420100", null, "000000")
    with pytest.raises(RuleMissing):
        load(tmp_path).rule("pension.rate", date(2021, 1, 1), "420100")


def test_a_missing_value_names_rule_place_and_day() -> None:
    with pytest.raises(RuleMissing) as caught:
        standard().rule("pension.base", date(2015, 3, 7), "420100")
    assert caught.value.code == "POL-01"
    assert caught.value.text == (
        "武汉市（420100）2015 年 3 月 7 日的“企业职工基本养老、失业、工伤保险缴费基数”（pension.base）尚未确定，请先补充该参数再办理"
    )
    with pytest.raises(RuleMissing):
        standard().rule("pension.rate", date(1990, 1, 1), "420100")
    assert standard().find("late_fee.cap_ratio", DAY, "420100") is not None
    assert standard().find("pension.rate", date(1990, 1, 1), "420100") is None


def test_unknown_rules_and_places_are_refused() -> None:
    with pytest.raises(UnknownRule, match=r"pension\.rte"):
        standard().rule("pension.rte", DAY, "420100")
    with pytest.raises(UnknownPlace, match="999999"):
        standard().rule("pension.rate", DAY, "999999")
    with pytest.raises(UnknownPlace):
        standard().all("999999")
    with pytest.raises(UnknownPlace):
        month_rates(standard(), 202511, "999999")


def test_a_table_gives_one_rule_a_month_as_it_holds_on_its_first_day() -> None:
    months = [201904, 201905, 201904]
    rows = standard().table("pension.rate", months, "420100")
    assert [row.value.unit_ppm for row in rows] == [190000, 160000, 190000]
    with pytest.raises(RuleMissing):
        standard().table("pension.base", [202511, 201503], "420100")


def test_all_rules_of_a_place_are_its_own_and_those_of_its_parents() -> None:
    rules = standard().all("420100")
    assert {rule.place.code for rule in rules} == {"000000", "420000", "420100"}
    assert {rule.place.code for rule in standard().all("420500")} == {"000000", "420000", "420500"}
    keys = [(rule.id, rule.place.code, rule.valid_from) for rule in rules]
    assert len(keys) == len(set(keys))


def test_a_city_is_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "rules"
    shutil.copytree(RULES, root)
    _folder(
        root,
        "新城",
        "510100",
        """
        - {id: pension.rate, label: 养老费率, valid: {from: 2020-01-01, to: null}, value: {unit_ppm: 150000, person_ppm: 80000},
           law: null, source: [示例], status: derived}
        - {id: pension.base, label: 养老基数, valid: {from: 2020-01-01, to: null},
           value: {average_fen: 700000, floor_fen: 420000, cap_fen: 2100000}, law: null, source: [示例], status: derived}
        """,
        "000000",
    )
    rates = month_rates(load(root), 202511, "510100")
    owed = assess_one(100, Insurance.PENSION.flag | Insurance.INJURY.flag, 8, rates)
    assert owed[Insurance.PENSION, Payer.UNIT] == 63_000
    assert owed[Insurance.INJURY, Payer.UNIT] == 7_980, "the national injury rates hold in the new city"
    assert rates.place_label == "新城"
    with pytest.raises(RuleMissing, match="新城"):
        assess_one(100, Insurance.MEDICAL.flag, 1, rates)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda text: text + PENSION.replace("2020-01-01", "2022-12-31").replace("to: 2022-12-31", "to: null"), "重叠的有效期"),
        (lambda text: text.replace("  source: [某文件]\n", ""), "source"),
        (lambda text: text.replace("[某文件]", "[]"), "source"),
        (lambda text: text.replace("  status: known\n", ""), "status"),
        (lambda text: text.replace("known", "certain"), "status"),
        (lambda text: text.replace("unit_ppm: 160000", "unit_ppm: 0.16"), "unit_ppm"),
        (lambda text: text.replace("unit_ppm: 160000", 'unit_ppm: "160000"'), "unit_ppm"),
        (lambda text: text.replace("unit_ppm: 160000", "unit_ppm: true"), "unit_ppm"),
        (lambda text: text.replace("unit_ppm: 160000", "unit_ppm: -1"), "unit_ppm"),
        (lambda text: text.replace("unit_ppm: 160000, ", ""), "unit_ppm"),
        (lambda text: text.replace("unit_ppm: 160000", "unit_ppm: 160000, city_ppm: 1"), "city_ppm"),
        (lambda text: text.replace("pension.rate", "pension.rte"), "pension.rte"),
        (lambda text: text.replace("{unit_ppm: 160000, person_ppm: 80000}", "null"), "open"),
        (lambda text: text.replace("known", "open"), "open"),
        (lambda text: text.replace("2022-12-31", "2019-12-31"), "止日早于起日"),
        (lambda text: text.replace("2020-01-01", "2020-13-01"), "无法读取"),
        (lambda text: text.replace("2020-01-01", "soon"), "from"),
        (lambda text: text + "  note: 一\n  note: 二\n", "written twice"),
        (lambda text: text.replace("  law: null\n", "  law: null\n  colour: red\n"), "colour"),
        (lambda text: text.replace("label: 养老费率", "label: ''"), "label"),
        (lambda text: "id: pension.rate", "一列参数"),
        (lambda text: "- [", "无法读取"),
    ],
)
def test_wrong_rule_files_are_refused_at_start_with_a_sentence_that_names_them(change: object, part: str, tmp_path: Path) -> None:
    assert callable(change)
    _folder(tmp_path, "全国", "000000", PENSION)
    assert load(tmp_path).rule("pension.rate", date(2021, 1, 1), "000000").value.unit_ppm == 160000
    (tmp_path / "全国" / "rules.yaml").write_text(change(PENSION), encoding="utf-8")
    with pytest.raises(RulebookError) as caught:
        load(tmp_path)
    assert part in caught.value.text
    assert "全国" in caught.value.text


def test_a_base_whose_floor_is_above_its_cap_is_refused(tmp_path: Path) -> None:
    rule = PENSION.replace("pension.rate", "pension.base").replace(
        "{unit_ppm: 160000, person_ppm: 80000}", "{average_fen: 3, floor_fen: 5, cap_fen: 4}"
    )
    with pytest.raises(RulebookError, match="floor"):
        _book(tmp_path, rule)


def test_a_place_without_its_parent_and_a_code_used_twice_are_refused(tmp_path: Path) -> None:
    _folder(tmp_path, "某市", "420100", "", "420000")
    with pytest.raises(RulebookError, match="420000"):
        load(tmp_path)
    _folder(tmp_path, "某省", "420000", "", "420100")
    with pytest.raises(RulebookError, match="成环"):
        load(tmp_path)
    _folder(tmp_path, "又一省", "420000")
    with pytest.raises(RulebookError, match="已被使用"):
        load(tmp_path)


def test_every_value_can_be_written_as_json_and_read_by_people() -> None:
    for rule in standard().all("420100"):
        data = json.loads(json.dumps(rule.to_dict(), ensure_ascii=False))
        assert data["status_label"] == rule.status.label
        assert data["verify_before_production"] is (rule.status not in (Status.SEED, Status.SEED_DERIVED, Status.LAW))
        assert data["shown"]
