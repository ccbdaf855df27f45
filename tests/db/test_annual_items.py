"""个人工资年度申报 and 非统筹退休人员工资申报: what stands against a row, at its edges, and what it does (seed 004, 九)."""

from datetime import datetime
from typing import Any

import pytest

from shebao.base.clock import ZONE
from shebao.casework import operations
from shebao.casework.item import item_of
from shebao.enrolment import operations as enrolment
from shebao.enrolment.operations import NewWage, Stop
from tests.db import support
from tests.db.support import (
    AT,
    CHANGE,
    ENGINE,
    acting,
    ask,
    context,
    hire,
    make_unit,
    moment,
    new_id_number,
    operator,
    person_ids,
    take_effect,
)

ANNUAL, RETIREES = "enrolment.annual_wages", "enrolment.outside_retirees"
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()


def row(number: str, name: str = "张三甲", wage: Any = "9000", year: str = "2027") -> dict[str, Any]:
    return {"year": year, "id_number": number, "name": name, "average_wage": wage}


def heard(unit: int, typed: dict[str, Any], at: datetime = AT, code: str = ANNUAL) -> tuple[list[str], list[str]]:
    """Codes of refusals and of reminders of one row."""
    with acting(operator(unit)):
        examined = operations.examine_one(item_of(code), context(unit, at), typed)
    return [r.code for r in examined.refusals], [w.code for w in examined.warnings]


def stopped(unit: int, number: str, to_month: int) -> None:
    with acting(ENGINE):
        enrolment.stop([Stop(person_ids([number])[0], unit, to_month, "6301", None)], at=AT)


def test_only_people_of_the_unit_when_the_year_begins_are_declared() -> None:
    unit, other = make_unit(), make_unit("别处公司")
    (mine,), (theirs,) = hire(unit, month=202612), hire(other, month=202609)
    gone, last_day, first_day = hire(unit, month=202609)[0], hire(unit, month=202701)[0], hire(unit, month=202702)[0]
    stopped(unit, gone, 202612)
    assert heard(unit, row(mine))[0] == []
    assert heard(unit, row(last_day))[0] == []  # from the very first month of the year
    assert heard(unit, row(first_day))[0] == ["ANN-05"]  # one month later
    assert heard(unit, row(theirs))[0] == ["ANN-03"] == heard(unit, row(new_id_number()))[0]
    assert heard(unit, row(gone))[0] == ["ANN-04"]
    assert heard(unit, row(mine, "张三"))[0] == ["ANN-06"]


@pytest.mark.parametrize(
    ("wage", "refused", "warned"),
    [
        ("0", ["FLD-21"], []),
        ("", ["FLD-01"], []),
        ("-1", ["FLD-21"], []),
        ("1e5", ["FLD-20"], []),
        ("4497.99", [], ["ANN-W1"]),
        ("4498", [], []),
        ("4498.01", [], []),
        ("22488", [], []),
        ("22488.01", [], ["ANN-W2"]),
        ("79999.99", [], ["ANN-W2"]),
        ("80000", [], ["ANN-W2", "ANN-W6"]),
        ("999999.99", [], ["ANN-W2", "ANN-W6"]),
        ("1000000", ["FLD-22"], []),
    ],
)
def test_a_wage_is_clamped_by_the_years_bounds_and_told(wage: str, refused: list[str], warned: list[str]) -> None:
    unit = make_unit()
    (number,) = hire(unit)
    assert heard(unit, row(number, wage=wage)) == (refused, warned)


def test_what_is_not_published_yet_is_said_in_the_reminder() -> None:
    unit = make_unit()
    (number,) = hire(unit)
    with acting(operator(unit)):
        examined = operations.examine_one(item_of(ANNUAL), context(unit), row(number, wage="100"))
    assert examined.warnings[0].text == "低于缴费基数下限，将按 4,498.00 元保底（按现行标准；新年度标准公布后，以公布数为准）"


def test_the_year_of_a_row_must_be_one_that_is_open_now() -> None:
    unit = make_unit()
    (number,) = hire(unit, month=202609)
    assert heard(unit, row(number, year="2028"))[0] == ["ANN-02"] == heard(unit, row(number, year="二〇二七"))[0]
    assert heard(unit, row(number, year="2027"), moment(202703))[0] == []  # the year has begun, no closing day is published
    assert heard(unit, row(number, year="2027"), moment(202801))[0] == ["ANN-01", "ANN-02"]  # beyond what the rule book knows
    with acting(operator(unit)):
        examined = operations.examine_one(item_of(ANNUAL), context(unit), row(number, year="2025"))
    assert examined.refusals[0].suggestion == "2027" and "现在可以申报的社保年度是 2027、2026" in examined.refusals[0].text


def test_where_no_year_is_settled_the_item_says_that_it_is_shut() -> None:
    available = item_of(ANNUAL).available
    assert available is not None
    shut = available(context(1, datetime(2024, 3, 1, 9, tzinfo=ZONE)))
    assert shut is not None and shut.code == "ANN-01" and "尚未公布" in shut.text
    assert available(context(1, datetime(2022, 7, 25, 9, tzinfo=ZONE))) is None
    assert available(context(1)) is None


def test_the_declaration_takes_effect_from_the_years_first_month_and_traces_to_its_case() -> None:
    unit = make_unit()
    (number,) = hire(unit, month=202609)
    outcome = take_effect(ANNUAL, context(unit), row(number, wage="9500.55"))
    assert outcome is not None and (outcome.done, outcome.returned) == (1, 0)
    wages = ask("select from_month, to_month, wage_fen from enrolment_wage where unit_id = %s and known_to is null order by 1", [unit])
    assert wages == [(202609, 202701, 800_000), (202701, None, 950_055)]
    query = "select a.year, a.from_month, a.wage_fen, c.item_code from enrolment_annualwage a join casework_case c on c.id = a.case_id"
    assert ask(f"{query} where a.unit_id = %s", [unit]) == [(2027, 202701, 950_055, ANNUAL)]


def test_months_that_are_assessed_keep_what_they_were_assessed_on() -> None:
    """Declared after the year began: the base counts from the first month that is still open."""
    unit = make_unit()
    (number,) = hire(unit, month=202601)
    support.assess(202601)
    support.assess(202602)
    take_effect(ANNUAL, context(unit, moment(202603)), row(number, year="2026"))
    wages = ask("select from_month, to_month, wage_fen from enrolment_wage where unit_id = %s and known_to is null order by 1", [unit])
    assert wages == [(202601, 202603, 800_000), (202603, None, 900_000)]
    support.assess(202603)
    bases = ask("select month, pension_base_fen from levy_assessment where unit_id = %s order by 1", [unit])
    assert bases == [(202601, 800_000), (202602, 800_000), (202603, 900_000)]


def test_reminders_tell_what_else_was_declared_for_the_year() -> None:
    unit = make_unit()
    later, exact, twice = hire(unit, 3, month=202609)
    people = person_ids([later, exact, twice])
    with acting(ENGINE):
        enrolment.declare_wages([NewWage(people[0], unit, 1, 202703, 910_000, None)], at=AT)
        enrolment.declare_wages([NewWage(people[1], unit, 1, 202701, 920_000, None)], at=AT)
    take_effect(ANNUAL, context(unit), row(twice, "张三丙"))
    assert heard(unit, row(later))[1] == ["ANN-W3"]
    assert heard(unit, row(exact, "张三乙"))[1] == ["ANN-W4"]
    assert heard(unit, row(twice, "张三丙"))[1] == ["ANN-W5"]


def test_a_later_wage_change_of_one_person_beats_the_yearly_one_from_its_month_on() -> None:
    unit = make_unit()
    (number,) = hire(unit, month=202609)
    take_effect(ANNUAL, context(unit), row(number))
    take_effect(CHANGE, context(unit, moment(202702)), {"id_number": number, "name": "张三甲", "declared_wage": "12000"})
    wages = ask("select from_month, to_month, wage_fen from enrolment_wage where unit_id = %s and known_to is null order by 1", [unit])
    assert wages == [(202609, 202701, 800_000), (202701, 202703, 900_000), (202703, None, 1_200_000)]


def test_who_is_stopped_between_filing_and_review_comes_back_and_the_rest_passes() -> None:
    unit = make_unit(vip=False)
    numbers = hire(unit, 2, month=202609)
    rows = [row(n, f"张三{'甲乙'[i]}") for i, n in enumerate(numbers)]
    ctx = context(unit, vip=False)
    with acting(operator(unit)):
        case = operations.file_many(item_of(ANNUAL), ctx, rows, key=None, channel=operations.Channel.API)
    stopped(unit, numbers[1], 202612)
    with acting(support.reviewer()):
        outcome = support.review.decide(case, support.review.Case.objects.get(pk=case).version, support.review.Decision(), ctx)
    assert (outcome.done, outcome.returned) == (1, 1)
    reasons = ask("select return_reason from casework_filing where case_id = %s and state = 'returned'", [case])
    assert reasons == [("此人已办理暂停缴费，2026 年 12 月起不再缴费，不用申报；请删除这一行",)]


def test_the_template_holds_the_staff_with_the_wage_declared_now() -> None:
    unit = make_unit()
    stays, leaves = hire(unit, 2, month=202609)
    stopped(unit, leaves, 202612)
    rows = item_of(ANNUAL).rows
    assert rows is not None
    with acting(operator(unit)):
        found = list(rows(context(unit)))
    assert found == [{"year": "2027", "id_number": stays, "name": "张三甲", "average_wage": 800_000}]


def test_the_preview_says_before_and_after_and_how_many_meet_the_bounds() -> None:
    unit = make_unit()
    numbers = hire(unit, 3, month=202609)
    from shebao.casework.item import Filing

    wages = (400_000, 900_000, 3_000_000)
    filings = [Filing({"year": "2027", "id_number": n, "name": "x", "average_wage": w}) for n, w in zip(numbers, wages, strict=True)]
    with acting(ENGINE):
        effect = item_of(ANNUAL).effect(filings, context(unit))
    assert "受理时间未见公布" in effect.sentences[1]
    assert effect.sentences[2].endswith("试算：保底 1 人，封顶 1 人，其余 1 人按申报数。") and "尚未公布" in effect.sentences[2]
    assert [r[2:] for r in effect.tables[0].rows] == [
        ("8,000.00", "4,000.00", "4,498.00"),
        ("8,000.01", "9,000.00", "9,000.00"),
        ("8,000.02", "30,000.00", "22,488.00"),
    ]
    assert effect.amounts[0].base_fen == 449_800 + 900_000 + 2_248_800


# --- retirees outside the city's pool ---


def retiree(number: str, **changed: str) -> dict[str, Any]:
    typed = {
        "year": "2027",
        "id_number": number,
        "name": "李示例",
        "kind": "outside",
        "average_pension": "3500.5",
        "change": "declare",
    }
    return typed | changed


def test_a_retiree_is_declared_raised_and_ended_and_nothing_is_charged() -> None:
    unit, number = make_unit(), new_id_number()
    take_effect(RETIREES, context(unit), retiree(number))
    take_effect(RETIREES, context(unit), retiree(number, average_pension="3600"))
    query = "select from_month, to_month, pension_fen from enrolment_outsideretiree where unit_id = %s and known_to is null"
    assert ask(query, [unit]) == [(202701, None, 360_000)]
    rows = item_of(RETIREES).rows
    assert rows is not None
    with acting(operator(unit)):
        assert [r["average_pension"] for r in rows(context(unit))] == [360_000]
    take_effect(RETIREES, context(unit, moment(202702)), retiree(number, change="end", average_pension=""))
    assert ask(query, [unit]) == []  # ended before it began: nothing of it is true any more
    assert ask("select count(*) from levy_line where unit_id = %s", [unit]) == [(0,)]
    with acting(ENGINE):
        from shebao.casework.item import Filing

        effect = item_of(RETIREES).effect([Filing(retiree(number) | {"average_pension": 350_000})], context(unit))
    assert "未见公布" in effect.sentences[1] and effect.amounts == ()


def test_what_stands_against_a_retirees_row() -> None:
    one, two = make_unit("甲公司"), make_unit("乙公司")
    (staff,) = hire(two, month=202609)
    number = new_id_number()
    take_effect(RETIREES, context(one), retiree(number))
    assert heard(two, retiree(number), code=RETIREES)[0] == ["ANN-10"]
    assert heard(two, retiree(staff, name="张三甲"), code=RETIREES)[0] == ["ANN-11"]
    assert heard(two, retiree(new_id_number(), change="end"), code=RETIREES)[0] == ["ANN-12"]
    assert heard(two, retiree(new_id_number(), average_pension=""), code=RETIREES)[0] == ["ANN-13"]
    assert heard(one, retiree(number, name="王某"), code=RETIREES)[0] == ["ANN-06"]
    assert heard(one, retiree(number), code=RETIREES) == ([], ["ANN-W5"])
    assert heard(one, retiree(number, year="2019"), code=RETIREES)[0] == ["ANN-02"]
