"""Worked examples: each entry of the YAML files here is one test, named by its id. `source` says where the expected amounts come from."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from shebao.base import identifiers, months
from shebao.base.money import fen, yuan
from shebao.base.terms import Insurance, mask_of
from shebao.policy.account import credit_parts, explain_year, year_of
from shebao.policy.calendar import add_working_days, working_days_in
from shebao.policy.flexible import explain_tier
from shebao.policy.formulas.levy import undeclared
from shebao.policy.late_fee import explain_late_fee, stretches
from shebao.policy.levy_explained import explain_month
from shebao.policy.rulebook import RuleMissing, standard

Case = dict[str, Any]
HERE = Path(__file__).parent
CASES: list[Case] = [case for file in sorted(HERE.glob("*.yaml")) for case in yaml.safe_load(file.read_text(encoding="utf-8"))]


def _insurance(key: str) -> Insurance:
    return Insurance[key.upper()]


def contribution(month: str, place: str, wage: str, injury_class: int, types: list[str], wanted: list[str]) -> Case:
    mask = mask_of([_insurance(key) for key in types])
    explained = explain_month(fen(wage), mask, injury_class, months.month(month), place, standard())
    return {key: yuan(explained.amount(key)) for key in wanted}


def tier(month: str, place: str, percent: int, wanted: list[str]) -> Case:
    explained = explain_tier(percent, months.month(month), place, standard())
    assert explained.amount("account") + explained.amount("pool") == explained.amount("total")
    return {key: yuan(explained.amount(key)) for key in wanted}


def late_fee(principal: str, due: date, paid: date, place: str, wanted: list[str], insurance: str | None = None) -> Case:
    which = _insurance(insurance) if insurance else None
    explained = explain_late_fee(fen(principal), due, paid, place, standard(), which)
    return {"days": sum(run.days for run in stretches(due, paid, place, standard(), which)), "fee": yuan(explained.amount("fee"))}


def undeclared_month(last_month: str, month: str, place: str, wanted: list[str]) -> Case:
    rule = standard().rule("declaration.undeclared_ratio", months.first_day(months.month(month)), place)
    return {"amount": yuan(undeclared(fen(last_month), rule.value))}


def account_year(year: int, opening: str, credits: list[str], place: str, wanted: list[str]) -> Case:
    given = [fen(c) for c in credits]
    told = year_of(fen(opening), given, year, place, standard())
    explained = explain_year(told, year, given)
    return {key: yuan(told.product_fen if key == "product" else explained.amount(key)) for key in wanted}


def account_credit(month: str, base: str, place: str, wanted: list[str]) -> Case:
    person, unit = credit_parts(standard(), fen(base), months.month(month), place)
    return {"person": yuan(person), "unit": yuan(unit)}


def working_day(add: int, wanted: list[str], **given: date) -> Case:
    return {"date": add_working_days(given["from"], add)}


def working_days_of_year(year: int, wanted: list[str]) -> Case:
    return {"days": working_days_in(year)}


def id_number(number: str, wanted: list[str]) -> Case:
    problem = identifiers.id_number_problem(number)
    if problem:
        return {"problem": problem}
    return {"problem": None, "sex": identifiers.sex_of(number).label, "birth_date": identifiers.birth_date_of(number)}


def uscc(code: str, wanted: list[str]) -> Case:
    return {"problem": identifiers.uscc_problem(code)}


def rule(rule: str, day: date, place: str, wanted: list[str]) -> Case:
    return {"shown": standard().rule(rule, day, place).shown()}


def rule_missing(rule: str, day: date, place: str, wanted: list[str]) -> Case:
    with pytest.raises(RuleMissing) as caught:
        standard().rule(rule, day, place)
    for part in (rule, place, f"{day.year} 年 {day.month} 月 {day.day} 日"):
        assert part in caught.value.text
    return {"code": caught.value.code}


CALCULATIONS: dict[str, Callable[..., Case]] = {
    "contribution": contribution,
    "tier": tier,
    "late_fee": late_fee,
    "undeclared": undeclared_month,
    "account_year": account_year,
    "account_credit": account_credit,
    "working_day": working_day,
    "working_days_in": working_days_of_year,
    "id_number": id_number,
    "uscc": uscc,
    "rule": rule,
    "rule_missing": rule_missing,
}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_worked_example_comes_out_to_the_fen(case: Case) -> None:
    assert CALCULATIONS[case["calculate"]](**case["given"], wanted=list(case["expect"])) == case["expect"]


@pytest.mark.parametrize("case", [case for case in CASES if "absent" in case], ids=lambda case: case["id"])
def test_a_type_that_is_merged_has_no_amount_of_its_own(case: Case) -> None:
    given = case["given"]
    mask = mask_of([_insurance(key) for key in given["types"]])
    explained = explain_month(fen(given["wage"]), mask, given["injury_class"], months.month(given["month"]), given["place"], standard())
    for key in case["absent"]:
        assert explained.step(key).amount_fen is None
        with pytest.raises(KeyError):
            explained.step(f"{key}.unit")


def test_every_case_names_its_source_and_no_two_have_the_same_name() -> None:
    assert all(case["source"].strip() for case in CASES)
    names = [case["id"] for case in CASES]
    assert sorted(names) == sorted(set(names))
    assert {case["calculate"] for case in CASES} == set(CALCULATIONS), "every calculation has a worked case"
