"""暂停缴费 (A5) and 个人工资变更 (A8): every rule with its edges, in the exact words that people read; what is refused stores nothing."""

from typing import Any

import pytest

from shebao.base.errors import RefusedError
from shebao.base.terms import StopReason
from shebao.casework import operations
from shebao.casework.item import Filing, item_of
from tests.db import support
from tests.db.support import CHANGE, ENGINE, STOP, acting, ask, context, hire, moment, take_effect

UNITS: dict[str, int] = {}
DAY = moment(202611, 10)
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()
    UNITS["ours"], UNITS["other"] = support.make_unit("本公司"), support.make_unit("别公司")


def leaving(number: str, name: str = "张三甲", reason: str = "6301") -> dict[str, Any]:
    return {"id_number": number, "name": name, "reason": reason}


def earning(number: str, wage: str, name: str = "张三甲") -> dict[str, Any]:
    return {"id_number": number, "name": name, "declared_wage": wage}


def told(code: str, typed: dict[str, Any], at: Any = DAY, *, vip: bool = True, unit: str = "ours") -> dict[str, str]:
    """What stands against a filing, code and sentence; a refused one is not stored."""
    item, ctx = item_of(code), context(UNITS[unit], at, vip=vip)
    cases = ask("select count(*) from casework_case")
    with acting(support.operator(UNITS[unit])):
        examined = operations.examine_one(item, ctx, typed)
    if examined.refusals:
        with pytest.raises(RefusedError), acting(support.operator(UNITS[unit])):
            operations.save_new(item, ctx, dict(typed), key=None)
    assert ask("select count(*) from casework_case") == cases
    found = {r.code: r.text for r in (*examined.refusals, *examined.warnings)}
    assert set(found) <= set(item.refusal_codes)
    return found


def test_an_employee_without_arrears_may_leave() -> None:
    (number,) = hire(UNITS["ours"])
    assert told(STOP, leaving(number)) == {}


def test_a_stop_takes_effect_next_month_with_its_reason() -> None:
    (number,) = hire(UNITS["ours"], month=202601)
    outcome = take_effect(STOP, context(UNITS["ours"], moment(202612, 31)), leaving(number, reason=StopReason.JOINED_ARMY.value))
    assert outcome is not None and outcome.done == 1
    spell = "select to_month, stop_reason, case_id is not null from enrolment_spell where person_id = %s and known_to is null"
    assert ask(spell, support.person_ids([number])) == [(202701, "6303", True)]


def test_a_second_stop_is_told_from_when_the_first_holds() -> None:
    (number,) = hire(UNITS["ours"])
    take_effect(STOP, context(UNITS["ours"], DAY), leaving(number))
    assert told(STOP, leaving(number)) == {"ENR-22": "此人已办理暂停缴费，2026 年 12 月起不再缴费，不用重复办理"}


def test_somebody_of_another_unit_or_unknown_is_not_ours_to_stop_or_to_change() -> None:
    (number,) = hire(UNITS["other"])
    for stranger, name in ((number, "张三甲"), (support.new_id_number(), "王五")):
        assert told(STOP, leaving(stranger, name)) == {"ENR-20": "此人不在本单位参保，请核对身份号码"}
        sentence = "此人不在本单位参保或已暂停缴费，不能变更工资；请核对身份号码"
        assert told(CHANGE, earning(stranger, "9000", name)) == {"ENR-30": sentence}


def test_another_name_is_refused_for_both() -> None:
    (number,) = hire(UNITS["ours"])
    sentence = {"ENR-23": "姓名与参保登记的不一致，请核对身份号码和姓名"}
    assert told(STOP, leaving(number, "李四")) == told(CHANGE, earning(number, "9000", "李四")) == sentence


def test_arrears_block_the_stop_until_they_are_paid() -> None:
    unit = UNITS["debtor"] = support.make_unit("欠费公司")
    (number,) = hire(unit, month=202608)
    support.assess(202608), support.assess(202609)
    blocked = "此人有社会保险欠费（费款所属期 {}），请先办理“单位员工欠费补缴”，缴清后再暂停缴费"
    with acting(ENGINE):
        first, second = support.Bill.objects.filter(unit_id=unit).order_by("month")
    due = moment(first.due_date.year * 100 + first.due_date.month, first.due_date.day)
    assert told(STOP, leaving(number), due, unit="debtor") == {}  # on the last day of paying nothing is late
    assert told(STOP, leaving(number), DAY, unit="debtor") == {"ENR-21": blocked.format("202608、202609")}
    support.pay(first, first.total_fen)
    assert told(STOP, leaving(number), DAY, unit="debtor") == {"ENR-21": blocked.format("202609")}
    support.pay(second, second.total_fen - 1)
    assert told(STOP, leaving(number), DAY, unit="debtor") == {"ENR-21": blocked.format("202609")}
    support.pay(second, 1)
    assert told(STOP, leaving(number), DAY, unit="debtor") == {}


def test_arrears_elsewhere_or_of_colleagues_hired_later_do_not_block() -> None:
    unit = UNITS["newcomer"] = support.make_unit("新人公司")
    hire(unit, month=202607)
    support.assess(202607)
    (number,) = hire(unit, month=202610)
    assert told(STOP, leaving(number), DAY, unit="newcomer") == {}


def test_after_the_cut_off_day_ordinary_units_are_warned() -> None:
    (number,) = hire(UNITS["ours"])
    late = {"ENR-W3": "本月窗口审核截止日（20 日）已过，请尽快与窗口联系，否则可能到下月才能审核"}
    for vip, day, warning in ((False, 20, {}), (False, 21, late), (True, 21, {})):
        assert told(STOP, leaving(number), moment(202611, day), vip=vip) == warning


def test_the_same_wage_is_no_change_and_one_fen_is() -> None:
    (number,) = hire(UNITS["ours"], wage_fen=800_000)
    assert told(CHANGE, earning(number, "8000")) == {"ENR-31": "变更后工资与现在的申报工资（8,000.00 元）相同，不用变更"}
    assert told(CHANGE, earning(number, "8000.01")) == {}


@pytest.mark.parametrize(
    ("wage", "warning"),
    [
        ("4497.99", {"ENR-W1": "申报工资低于缴费基数下限，将按 4,498.00 元保底"}),
        ("4498", {}),
        ("22488.00", {}),
        ("22488.01", {"ENR-W2": "申报工资高于缴费基数上限，将按 22,488.00 元封顶"}),
    ],
)
def test_floor_and_cap_are_told_at_the_fen(wage: str, warning: dict[str, str]) -> None:
    (number,) = hire(UNITS["ours"])
    assert told(CHANGE, earning(number, wage)) == warning


def test_a_new_wage_holds_from_next_month_and_the_old_one_until_then() -> None:
    (number,) = hire(UNITS["ours"], wage_fen=800_000, month=202601)
    take_effect(CHANGE, context(UNITS["ours"], moment(202612, 5)), earning(number, "100"))
    wages = "select from_month, to_month, wage_fen from enrolment_wage where person_id = %s and known_to is null order by 1"
    assert ask(wages, support.person_ids([number])) == [(202601, 202701, 800_000), (202701, None, 10_000)]


def test_a_leaver_whose_stop_is_filed_keeps_the_wage() -> None:
    (number,) = hire(UNITS["ours"])
    take_effect(STOP, context(UNITS["ours"], DAY), leaving(number))
    assert list(told(CHANGE, earning(number, "9000"))) == ["ENR-30"]


def test_the_effect_shown_beforehand_is_what_the_month_then_costs() -> None:
    (number,) = hire(UNITS["ours"], wage_fen=800_000)
    item, ctx = item_of(CHANGE), context(UNITS["ours"], DAY)
    with acting(ENGINE):
        same = item.effect([Filing(dict(earning(number, "x") | {"declared_wage": 800_000}))], ctx)
        more = item.effect([Filing(dict(earning(number, "x") | {"declared_wage": 900_000}))], ctx)
        less = item_of(STOP).effect([Filing(dict(leaving(number)))], ctx)
    assert (less.unit_fen, less.person_fen) == (same.unit_fen, same.person_fen)
    rise = more.unit_fen + more.person_fen - same.unit_fen - same.person_fen
    assert rise == 100_000 * (160_000 + 80_000 + 7_000 + 3_000 + 2_000 + 87_000 + 20_000) // 1_000_000
    assert f"每月合计增加 {rise / 100:,.2f} 元" in more.sentences[0] and more.sentences[0].startswith("2026 年 12 月起")
