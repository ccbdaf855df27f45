"""个人一般信息变更, 单位一般信息变更 and 单位员工学历批量维护: what they ask, refuse and leave behind (seed 004, 单位篇 七 and 八)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shebao.base.errors import RefusedError
from shebao.casework import operations
from shebao.casework.item import Context, Review, item_of
from shebao.casework.models import Case
from shebao.items.register import change_person
from shebao.parties.as_of import history_of_person, history_of_unit
from shebao.parties.models import Person, Unit
from tests.db import support
from tests.db.support import ENGINE, acting, context, hire, operator, take_effect

PERSON, UNIT, EDUCATION = "register.change_person", "register.change_unit", "register.maintain_education"
UNITS: list[int] = []
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()
    UNITS[:] = [support.make_unit("甲"), support.make_unit("乙")]


def refused(code: str, ctx: Context, typed: dict[str, Any]) -> dict[str, str]:
    """What stands against a filing: text by code."""
    with acting(operator(ctx.unit_id)):
        return {r.code: r.text for r in operations.examine_one(item_of(code), ctx, typed).refusals}


def someone(**typed: str) -> dict[str, Any]:
    return {"id_number": hire(UNITS[0])[0], "name": "张三甲", **typed}


@pytest.mark.parametrize("code", [PERSON, UNIT, EDUCATION])
def test_the_system_reviews_them_for_ordinary_units_too(code: str) -> None:
    for vip in (True, False):
        assert item_of(code).review(context(UNITS[0], vip=vip)) is Review.AUTOMATIC


def test_general_information_of_an_employee_takes_effect_as_facts_and_keeps_what_was() -> None:
    ctx = context(UNITS[0], support.moment(202611, 12), vip=False)
    typed = someone(education="大学本科", mobile="13911112222", home_address="武汉市示例路 9 号")
    case = support.file(PERSON, ctx, typed)
    with acting(operator(UNITS[0])):
        told = operations.changes_of(item_of(PERSON), ctx, change_person.Filing(Case.objects.get(pk=case).filings.get().values))
    assert [(c.label, c.before, c.after) for c in told] == [
        ("文化程度", "未登记", "大学本科"),
        ("参保人联系手机", "未登记", "13911112222"),
        ("居住地地址", "未登记", "武汉市示例路 9 号"),
    ]
    with acting(ENGINE):
        support.review.review_automatically(case, ctx)
        person = Person.objects.get(id_number=typed["id_number"])
        assert (person.education, person.mobile, person.home_address, person.marriage) == ("21", "13911112222", "武汉市示例路 9 号", "")
        versions = history_of_person(person.pk)
        assert {v.case_id for v in versions} == {case, None} and len(versions) == 9


def test_what_stays_empty_is_not_changed_and_the_same_again_is_refused() -> None:
    ctx, typed = context(UNITS[0]), someone(marriage="已婚")
    take_effect(PERSON, ctx, typed)
    assert set(refused(PERSON, ctx, typed)) == {"INF-12"}
    assert set(refused(PERSON, ctx, typed | {"marriage": ""})) == {"INF-12"}
    take_effect(PERSON, ctx, typed | {"marriage": "", "phone": "027-85550100"})
    with acting(ENGINE):
        person = Person.objects.get(id_number=typed["id_number"])
    assert (person.marriage, person.phone) == ("2", "027-85550100")


def test_key_information_is_led_to_the_counter() -> None:
    ctx = context(UNITS[0])
    told = refused(PERSON, ctx, someone(marriage="1") | {"name": "李四"})
    assert set(told) == {"INF-11"} and "窗口办理" in told["INF-11"]
    assert "窗口办理" in refused(PERSON, ctx, someone())["INF-12"]
    assert "窗口办理" in refused(UNIT, ctx, {})["INF-20"]


def test_only_who_is_insured_through_the_unit_now_and_nothing_is_told_of_others() -> None:
    theirs = hire(UNITS[1])[0]
    left = hire(UNITS[0], month=202609)[0]
    take_effect(support.STOP, context(UNITS[0]), {"id_number": left, "name": "张三甲", "reason": "6301"})
    for number in (theirs, left, support.new_id_number()):
        ctx = context(UNITS[0])
        for code in (PERSON, EDUCATION):
            assert set(refused(code, ctx, {"id_number": number, "name": "张三甲", "education": "21"})) == {"INF-10"}
        with acting(ENGINE):
            answer = change_person.look_up(number, ctx)
        assert [r.code for r in answer.refusals] == ["INF-10"] and answer.values == {} and len(answer.facts) == 1


def test_the_look_up_fills_what_is_registered() -> None:
    ctx, typed = context(UNITS[0]), someone(education="61", ethnicity="05", phone="027-85550101")
    take_effect(PERSON, ctx, typed)
    with acting(ENGINE):
        answer = change_person.look_up(typed["id_number"], ctx)
    assert answer.values == {"name": "张三甲", "education": "61", "ethnicity": "05", "phone": "027-85550101"}
    assert ("文化程度", "高中") in answer.facts and ("民族", "维吾尔族") in answer.facts and ("参保人联系手机", "未登记") in answer.facts


def test_general_information_of_the_unit() -> None:
    ctx = context(UNITS[0], vip=False)
    typed = {"contact_name": "王示例", "email": "hr@example.com", "postcode": "430014", "phone": "027-85550100"}
    take_effect(UNIT, ctx, typed)
    with acting(ENGINE):
        unit = Unit.objects.get(pk=UNITS[0])
        assert (unit.contact_name, unit.email, unit.postcode, unit.phone, unit.fax) == (
            "王示例",
            "hr@example.com",
            "430014",
            "027-85550100",
            "",
        )
        assert {v.label for v in history_of_unit(unit.pk)} == {"联系人姓名", "邮箱地址", "邮政编码", "单位联系电话"}
        assert item_of(UNIT).prefill(ctx) == typed  # type: ignore[misc]
    assert set(refused(UNIT, ctx, typed)) == {"INF-20"}
    with pytest.raises(RefusedError) as wrong:
        support.file(UNIT, ctx, typed | {"postcode": "43001", "fax": "12"})
    assert {r.field for r in wrong.value.refusals} == {"postcode", "fax"}


def test_many_educations_cost_as_many_queries_as_one() -> None:
    ctx, heads = context(UNITS[0]), 30
    numbers = hire(UNITS[0], heads)
    rows = [
        change_person.Filing({"id_number": n, "name": f"张三{'甲乙丙丁'[i % 4]}", "education": "31"}, i + 1, 0, 0)
        for i, n in enumerate(numbers)
    ]
    counts = []
    for some in (rows[:1], rows[1:]):
        with acting(ENGINE), CaptureQueriesContext(connection) as asked:
            item_of(EDUCATION).perform(some, ctx)
        counts.append(sum("audit_event" not in q["sql"] for q in asked))
    assert counts[0] == counts[1] < 16
    with acting(ENGINE):
        assert Person.objects.filter(id_number__in=numbers, education="31").count() == heads
