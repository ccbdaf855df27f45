"""Explanations: what a citizen reads, and the plain data behind it."""

import json

import pytest

from shebao.base.terms import INSURANCES, Insurance, mask_of
from shebao.policy.explain import exact, rounded
from shebao.policy.levy_explained import explain_month
from shebao.policy.manual import parameters_table
from shebao.policy.rulebook import RULES, standard

ALL = mask_of(INSURANCES)


def test_each_step_is_a_sentence_with_its_numbers() -> None:
    explained = explain_month(800_033, ALL, 1, 202511, "420100", standard())
    sentences = explained.sentences()
    assert "养老、失业、工伤保险缴费基数：申报工资 8,000.33 元，在下限 4,498.00 元与上限 22,488.00 元之间，按 8,000.33 元计" in sentences
    assert "企业职工基本养老保险单位缴纳：缴费基数 8,000.33 元 × 16% = 1,280.0528 元，四舍五入到分为 1,280.05 元" in sentences
    assert "工伤保险单位缴纳：缴费基数 8,000.33 元 × 0.2%（1 类） = 16.00066 元，四舍五入到分为 16.00 元" in sentences
    assert "大额医疗保险个人缴纳：每月定额 7.00 元" in sentences
    assert "工伤保险个人缴纳：不缴费" in sentences
    assert "生育保险：已并入职工基本医疗保险征缴，不单独计算" in sentences
    assert "单位缴纳合计：1,280.05 + 56.00 + 16.00 + 696.03 = 2,048.08 元" in sentences


@pytest.mark.parametrize(
    ("wage_fen", "sentence"),
    [
        (449_799, "申报工资 4,497.99 元，低于下限 4,498.00 元，保底，按 4,498.00 元计"),
        (449_800, "申报工资 4,498.00 元，在下限 4,498.00 元与上限 22,488.00 元之间，按 4,498.00 元计"),
        (2_248_800, "申报工资 22,488.00 元，在下限 4,498.00 元与上限 22,488.00 元之间，按 22,488.00 元计"),
        (2_248_801, "申报工资 22,488.01 元，高于上限 22,488.00 元，封顶，按 22,488.00 元计"),
    ],
)
def test_the_base_says_whether_floor_or_cap_held(wage_fen: int, sentence: str) -> None:
    assert explain_month(wage_fen, ALL, 1, 202511, "420100", standard()).step("pension.base").expression == sentence


def test_every_amount_names_a_rule_with_date_source_and_status() -> None:
    explained = explain_month(800_000, ALL, 1, 202511, "420100", standard())
    for step in explained.steps:
        assert step.rules or step.key in ("unit_total", "person_total")
    data = json.loads(json.dumps(explained.to_dict(), ensure_ascii=False))
    pension = next(step for step in data["steps"] if step["key"] == "pension.unit")
    assert pension["amount"] == "1280.00"
    rule = pension["rules"][0]
    assert (rule["id"], rule["valid_from"], rule["status"], rule["law"]) == ("pension.rate", "2019-05-01", "known", "国办发〔2019〕13号")
    assert rule["source"]
    assert len(explained.rules) == len(set(explained.rules))


def test_the_page_of_one_amount_shows_only_its_steps() -> None:
    explained = explain_month(800_000, ALL, 1, 202511, "420100", standard()).only("pension.base", "pension.unit")
    assert [step.key for step in explained.steps] == ["pension.base", "pension.unit"]
    with pytest.raises(KeyError):
        explained.amount("medical.unit")


def test_only_the_bases_that_are_needed_are_explained() -> None:
    pension = explain_month(800_000, Insurance.PENSION.flag, 1, 202511, "420100", standard())
    assert [step.key for step in pension.steps] == ["pension.base", "pension.unit", "pension.person", "unit_total", "person_total"]
    large = explain_month(800_000, Insurance.LARGE_MEDICAL.flag, 1, 202511, "420100", standard())
    assert [step.key for step in large.steps] == ["large_medical.unit", "large_medical.person", "unit_total", "person_total"]


def test_an_amount_is_shown_exactly_before_it_is_rounded() -> None:
    assert exact(800_033 * 160_000, 1_000_000) == "1,280.0528"
    assert exact(100, 1) == "1.00"
    assert exact(1, 2) == "0.005"
    assert rounded(3, 2, 2) == "= 0.015 元，四舍五入到分为 0.02 元"
    assert rounded(4, 2, 2) == "= 0.02 元"


def test_the_table_of_parameters_in_the_manual_is_the_one_of_the_rules() -> None:
    page = RULES.parents[2] / "docs" / "manual" / "parameters.md"
    assert page.read_text(encoding="utf-8") == parameters_table(standard()), (
        "run: python -m shebao.policy.manual > docs/manual/parameters.md"
    )


def test_the_table_of_parameters_holds_every_value_once() -> None:
    text = parameters_table(standard())
    assert text.count("平均工资 7,226.00 元，下限 4,299.00 元，上限 21,678.00 元") == 2, "2025 and its continuation, not once a city"
    assert text.count("### 工伤保险基准费率") == 1
    assert "宜昌市（420500）" in text
