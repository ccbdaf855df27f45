"""增员 (A4): every rule with its edges, in the exact words that people read; what is refused stores nothing."""

from datetime import date
from typing import Any

import pytest

from shebao.base.errors import RefusedError
from shebao.base.terms import Insurance
from shebao.casework import operations
from shebao.casework.item import item_of
from tests.db import support
from tests.db.support import ADD, ENGINE, FULL, STOP, acting, addition, as_owner, context, moment, new_id_number, take_effect

ITEM = item_of(ADD)
DAY = moment(202611, 10)
ELSEWHERE = "此人在{}未停保，请联系原单位办理暂停缴费，停保后再增员"
UNITS: dict[str, int] = {}
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()
    UNITS["ours"] = support.make_unit("本公司")
    UNITS["other"] = support.make_unit("武汉示例制造有限公司")
    for kind, name in (("window", "江岸区流动窗口"), ("residents", "城乡居民医疗保险"), ("students", "大学生医疗保险")):
        UNITS[kind] = support.make_unit(name, kind=kind)


def told(typed: dict[str, Any], at: Any = DAY, *, vip: bool = True, unit: str = "ours") -> dict[str, str]:
    """What stands against a filing, code and sentence; and nothing of it is stored. The reminder of the photo has its own tests."""
    before = snapshot()
    ctx = context(UNITS[unit], at, vip=vip)
    with acting(support.operator(UNITS[unit])):
        examined = operations.examine_one(ITEM, ctx, typed)
    if examined.refusals:
        with pytest.raises(RefusedError) as refused, acting(support.operator(UNITS[unit])):
            operations.save_new(ITEM, ctx, dict(typed), key=None)
        assert refused.value.refusals == examined.refusals
    assert snapshot() == before
    assert all(r.code in ITEM.refusal_codes or r.code.startswith("FLD") for r in (*examined.refusals, *examined.warnings))
    return {r.code: r.text for r in (*examined.refusals, *examined.warnings) if r.code != "ENR-W4"}


def snapshot() -> list[Any]:
    tables = ("casework_case", "casework_filing", "parties_person", "enrolment_spell", "enrolment_wage", "levy_line", "audit_event")
    return [as_owner(f"select count(*), max(id) from {table}") for table in tables]


def first_job(birth: date, male: bool, at: Any = DAY) -> dict[str, str]:
    return told(addition(new_id_number(birth, male=male)), at)


@pytest.mark.parametrize(
    ("birth", "on", "male", "age"),
    [
        (date(2010, 11, 10), date(2026, 11, 10), True, None),  # sixteen today
        (date(2010, 11, 11), date(2026, 11, 10), True, 15),  # tomorrow
        (date(2010, 11, 10), date(2026, 11, 10), False, None),
        (date(2010, 11, 11), date(2026, 11, 10), False, 15),
        (date(1976, 11, 11), date(2026, 11, 10), True, None),  # fifty tomorrow
        (date(1976, 11, 10), date(2026, 11, 10), True, 50),  # today
        (date(1986, 11, 11), date(2026, 11, 10), False, None),  # forty tomorrow
        (date(1986, 11, 10), date(2026, 11, 10), False, 40),  # today
        (date(1986, 11, 10), date(2026, 11, 10), True, None),
        (date(2012, 2, 29), date(2028, 2, 29), True, None),  # a leap day's child, in a leap year
        (date(2008, 2, 29), date(2024, 2, 28), True, 15),
        (date(1984, 2, 29), date(2024, 2, 28), False, None),  # 39 until the leap day itself
        (date(1984, 2, 29), date(2024, 2, 29), False, 40),
        (date(2012, 2, 29), date(2029, 2, 28), False, None),
    ],
)
def test_the_age_of_a_first_enrolment_counts_from_the_birthday_itself(birth: date, on: date, male: bool, age: int | None) -> None:
    number = new_id_number(birth, male=male)
    at = moment(on.year * 100 + on.month, on.day)
    with acting(ENGINE):
        refusal = ITEM.checks[[c.__name__ for c in ITEM.checks].index("of_age")](
            operations.Row({"id_number": number}), support_standing(), context(UNITS["ours"], at)
        )
    below = ("男", 50) if male else ("女", 40)
    sentence = f"首次参保网上办理的年龄为{below[0]}满 16 周岁、不满 {below[1]} 周岁，此人 {age} 周岁；请携带资料到窗口办理"
    assert (refusal and (refusal.code, refusal.text, refusal.field)) == (("ENR-04", sentence, "id_number") if age is not None else None)


def support_standing() -> Any:
    """The situation of somebody who was never insured."""
    from shebao.enrolment.queries import NOBODY
    from shebao.items.enrolment.situation import Situation
    from shebao.parties.queries import get_unit

    return Situation(get_unit(UNITS["ours"]), None, NOBODY)


def test_a_first_enrolment_outside_the_ages_is_sent_to_the_counter_and_a_return_is_not() -> None:
    old = date(1970, 1, 1)
    assert list(first_job(old, True)) == ["ENR-04"]
    number = new_id_number(old, male=True)
    with acting(ENGINE):
        from shebao.enrolment import operations as enrolment
        from shebao.parties.operations import NewPerson, register_people

        who = register_people([NewPerson(number, "张三")], at=DAY)[number]
        enrolment.start([enrolment.NewSpell(who, UNITS["other"], 1, FULL, 202501, 800_000, None)], at=DAY)
        enrolment.stop([enrolment.Stop(who, UNITS["other"], 202601, "6301", None)], at=DAY)
    assert told(addition(number)) == {}


def test_a_right_filing_has_nothing_against_it() -> None:
    assert told(addition()) == {}


@pytest.mark.parametrize(
    ("month", "code", "sentence", "suggestion"),
    [
        ("", None, "", ""),
        ("202611", None, "", ""),
        ("202609", None, "", ""),  # the third month, the current one included
        ("202608", "ENR-07", "网上追溯补缴最长 3 个月（含当月），最早从 202609 起；超过的请携带资料到窗口办理", "202609"),
        ("202612", "ENR-06", "追溯补缴起始月不能晚于本月（202611）；不追溯请留空", "202611"),
        ("202701", "ENR-06", "追溯补缴起始月不能晚于本月（202611）；不追溯请留空", "202611"),
        ("202511", "ENR-07", "网上追溯补缴最长 3 个月（含当月），最早从 202609 起；超过的请携带资料到窗口办理", "202609"),
    ],
)
def test_back_enrolment_reaches_three_months_with_the_current_one(month: str, code: str | None, sentence: str, suggestion: str) -> None:
    assert told(addition(backdated_from=month)) == ({code: sentence} if code else {})
    with acting(support.operator(UNITS["ours"])):
        refusals = operations.examine_one(ITEM, context(UNITS["ours"], DAY), addition(backdated_from=month)).refusals
    assert [(r.suggestion, r.field) for r in refusals] == ([(suggestion, "backdated_from")] if code else [])


def test_back_enrolment_reaches_over_the_turn_of_the_year() -> None:
    january = moment(202601, 5)
    assert told(addition(backdated_from="202511"), january) == {}
    assert list(told(addition(backdated_from="202510"), january)) == ["ENR-07"]


def test_whoever_is_insured_elsewhere_is_refused_with_the_name_of_the_unit() -> None:
    (number,) = support.hire(UNITS["other"])
    assert told(addition(number, name="张三甲")) == {"ENR-02": ELSEWHERE.format("武汉示例制造有限公司")}


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("window", "此人在江岸区流动窗口（个人流动窗口），请本人先办理停保，停保后再增员"),
        ("residents", "此人已参加城乡居民医疗保险，请本人先办理停保，停保后再增员"),
        ("students", "此人已参加大学生医疗保险，请本人先办理停保，停保后再增员"),
    ],
)
def test_windows_residents_and_students_are_told_apart(kind: str, sentence: str) -> None:
    (number,) = support.hire(UNITS[kind], mask=Insurance.MEDICAL.flag if kind != "window" else FULL)
    assert told(addition(number, name="张三甲")) == {"ENR-08": sentence}


def test_whoever_is_insured_here_need_not_be_added_again() -> None:
    (number,) = support.hire(UNITS["ours"])
    assert told(addition(number, name="张三甲")) == {"ENR-03": "此人已在本单位参保，不用重复增员；如要改工资，请办理“个人工资变更”"}


def test_a_leaver_is_free_from_the_month_in_which_the_stop_takes_effect() -> None:
    (number,) = support.hire(UNITS["other"], month=202601)
    take_effect(STOP, context(UNITS["other"], DAY), {"id_number": number, "name": "张三甲", "reason": "6301"})
    not_yet = {"ENR-10": "此人在武汉示例制造有限公司参保到 2026 年 11 月，起始月最早为 202612"}
    assert told(addition(number, name="张三甲"), moment(202611, 30)) == not_yet
    assert told(addition(number, name="张三甲"), moment(202612, 1)) == {}
    back = told(addition(number, name="张三甲", backdated_from="202611"), moment(202612, 1))
    assert back == not_yet
    assert told(addition(number, name="张三甲", backdated_from="202612"), moment(202612, 1)) == {}


def test_types_are_those_of_the_unit_neither_fewer_nor_more() -> None:
    sentence = {"ENR-05": "职工参保险种须与单位一致，应为：养老、失业、工伤、医疗、大额医疗"}
    assert told(addition(insurances=["110", "210"])) == sentence
    assert told(addition(insurances=["110", "210", "310", "330", "410", "510"])) == sentence
    assert told(addition(insurances=["410", "330", "310", "210", "110"])) == {}


def test_another_name_than_the_registered_one_is_refused_without_giving_it_away() -> None:
    (number,) = support.hire(UNITS["other"], month=202601)
    take_effect(STOP, context(UNITS["other"], moment(202609)), {"id_number": number, "name": "张三甲", "reason": "6301"})
    sentence = "姓名与登记的不一致（登记为 张**），请核对身份证；如已改名，请到窗口办理信息订正"
    assert told(addition(number, name="李四")) == {"ENR-01": sentence}


def test_a_unit_without_types_this_month_or_closed_adds_nobody() -> None:
    UNITS["later"] = support.make_unit("尚未参保", since=202612)
    UNITS["closed"] = support.make_unit("已注销")
    as_owner("update parties_unit set closed_on = '2026-10-01' where id = %s", [UNITS["closed"]])
    for unit in ("later", "closed"):
        assert told(addition(), unit=unit) == {"ENR-09": "本单位已注销或本月没有参保险种，不能增员；请到辖区社保经办机构核对单位登记"}


@pytest.mark.parametrize(
    ("wage", "warning"),
    [
        ("4497.99", {"ENR-W1": "申报工资低于缴费基数下限，将按 4,498.00 元保底"}),
        ("4498.00", {}),
        ("4498.01", {}),
        ("22487.99", {}),
        ("22488", {}),
        ("22488.01", {"ENR-W2": "申报工资高于缴费基数上限，将按 22,488.00 元封顶"}),
    ],
)
def test_floor_and_cap_are_told_at_the_fen_and_not_refused(wage: str, warning: dict[str, str]) -> None:
    assert told(addition(declared_wage=wage)) == warning


def test_after_the_cut_off_day_ordinary_units_are_warned_and_vip_units_are_not() -> None:
    late = {"ENR-W3": "本月窗口审核截止日（20 日）已过，请尽快与窗口联系，否则可能到下月才能审核"}
    for vip, day, warning in ((False, 20, {}), (False, 21, late), (True, 21, {}), (False, 1, {})):
        assert told(addition(), moment(202611, day, 23), vip=vip) == warning


def test_everything_wrong_is_told_at_once_in_the_order_of_the_rules() -> None:
    (number,) = support.hire(UNITS["other"])
    found = told(
        addition(number, name="李四", insurances=["110"], backdated_from="202601", declared_wage="100"), moment(202611, 25), vip=False
    )
    assert list(found) == ["ENR-01", "ENR-02", "ENR-05", "ENR-07", "ENR-W1", "ENR-W3"]


def test_cells_that_cannot_be_read_are_all_told_before_any_rule_is_asked() -> None:
    found = told({"id_number": "42010", "name": "张3", "declared_wage": "八千", "insurances": [], "ethnicity": "汉族"})
    assert len(found) == 4 and all(code.startswith("FLD") for code in found)


def test_looking_somebody_up_tells_what_stands_in_the_way_and_never_the_name() -> None:
    (number,) = support.hire(UNITS["other"])
    ctx = context(UNITS["ours"], DAY)
    with acting(ENGINE):
        answer, unknown = ITEM.look_up(number, ctx), ITEM.look_up(new_id_number(date(2000, 1, 1), male=False), ctx)
    assert [r.text for r in answer.refusals] == [ELSEWHERE.format("武汉示例制造有限公司")]
    assert "张三甲" not in str(answer) and number not in str(answer.facts)
    assert dict(unknown.facts)["参保情况"] == "未参过保，本次为新参保" and unknown.refusals == ()
    assert unknown.values["insurances"] == sorted(support.FULL_CODES)


def test_an_accepted_addition_takes_effect_as_it_was_filed() -> None:
    number = new_id_number()
    outcome = take_effect(
        ADD, context(UNITS["ours"], DAY), addition(number, backdated_from="202609", declared_wage="8000.50", mobile="13812345678")
    )
    assert outcome is not None and outcome.done == 1
    (row,) = as_owner(
        "select s.unit_id, insurance_mask, s.from_month, s.to_month, w.wage_fen, w.from_month,"
        " p.name, p.ethnicity, p.mobile, p.sex, p.birth_date from parties_person p"
        " join enrolment_spell s on s.person_id = p.id join enrolment_wage w on w.person_id = p.id where id_number = %s",
        [number],
    )
    assert row == (UNITS["ours"], FULL, 202609, None, 800_050, 202609, "张三", "01", "13812345678", "1", date(1995, 3, 4))
