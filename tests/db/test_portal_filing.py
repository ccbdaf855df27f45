"""单个办理 through the pages of the portal: 录入 → 保存 → 核对 → 提交审批 → 查看; twice, too late, or from another unit's desk."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.terms import Post
from shebao.casework import review
from shebao.casework.models import Case, CaseState
from tests.db.desk_support import NOW, make_account
from tests.db.portal_support import FORM, Portal, case_of, rows_of, work
from tests.db.support import FULL_CODES, context, hire, make_agency, make_unit, new_id_number, reviewer


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """A VIP unit and an ordinary one of agency 1, each with an operator."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        units = {"vip": make_unit("示例科技公司", vip=True), "plain": make_unit("示例餐饮公司", vip=False)}
        for name, unit in units.items():
            make_account(name, Post.UNIT_OPERATOR, unit=unit)
        yield {"units": units, **{name: Portal(name) for name in units}}


def typed(**changed: Any) -> dict[str, Any]:
    return {**FORM, "id_number": new_id_number(), "name": "张䶮", "insurances": FULL_CODES, **changed}


def test_an_addition_is_saved_checked_submitted_and_ends(town: dict[str, Any]) -> None:
    desk: Portal = town["vip"]
    case = case_of(desk.save(typed()))
    page = desk.get(f"/u/cases/{case.pk}")
    assert case.number in page and "未提交" in page and "保存不等于提交审批" not in page
    assert "张䶮" in page and "8,000.00 元" in page and "怎么算的" in page and "投产前须核对" in page
    assert desk.submit(case.pk) == f"/u/cases/{case.pk}"
    assert "系统正在自动审核" in desk.get(f"/u/cases/{case.pk}")
    work(case_of(f"/u/cases/{case.pk}"))
    page = desk.get(f"/u/cases/{case.pk}")
    assert "审核通过，已经生效" in page and "打印《企业参保人员增员表》" in page


def test_a_form_says_everything_that_is_wrong_at_once_and_keeps_what_was_typed(town: dict[str, Any]) -> None:
    desk: Portal = town["vip"]
    with acting(ENGINE):
        before = Case.objects.count()
    page = desk.save(typed(id_number="42019919900101", declared_wage="八千", name="高䶮雪"), status=422)
    assert "错误：增员（续保）" in page and "有 2 处需要修改" in page
    assert "公民身份号码只有 14 位，应为 18 位，请核对" in page and "金额请只填数字" in page
    with acting(ENGINE):
        assert Case.objects.count() == before


def test_the_same_form_sent_twice_makes_one_case(town: dict[str, Any]) -> None:
    desk, key, form = town["vip"], str(uuid4()), typed()
    assert desk.save(form, key=key) == desk.save(form, key=key)


def test_going_back_and_saving_other_content_leads_to_what_was_saved(town: dict[str, Any]) -> None:
    desk, key, form = town["vip"], str(uuid4()), typed()
    case = case_of(desk.save(form, key=key))
    page = desk.save({**form, "declared_wage": "9000"}, key=key, status=409)
    assert "这个提交编号已经用于另一项内容" in page
    assert (
        f'href="/u/cases/{case.pk}"' in desk.client.post("/u/items/add-employee/new", {**form, "name": "别人", "key": key}).content.decode()
    )


def test_submitting_twice_with_one_key_submits_once_and_another_tab_is_told(town: dict[str, Any]) -> None:
    desk: Portal = town["vip"]
    case = case_of(desk.save(typed()))
    form = desk.hidden(case.pk)
    for _ in range(2):
        assert desk.post(f"/u/cases/{case.pk}/submit", form) == f"/u/cases/{case.pk}"
    page = desk.post(f"/u/cases/{case.pk}/submit", {**form, "key": str(uuid4())}, status=409)
    assert case.number in page and "打开最新内容" in page
    assert case_of(f"/u/cases/{case.pk}").round == 1


def test_a_draft_keeps_what_was_typed_and_waits_in_the_list(town: dict[str, Any]) -> None:
    desk: Portal = town["plain"]
    assert desk.save(typed(name="未完成", id_number="42019919"), action="draft") == "/u/todo?saved=1"
    page = desk.page("/u/todo?q=未完成")
    assert "继续填写" in page
    with acting(ENGINE):
        case = Case.objects.get(subject="未完成")
    assert 'value="42019919"' in desk.page(f"/u/cases/{case.pk}/edit")
    desk.post(f"/u/cases/{case.pk}/submit", {"version": str(case.version), "key": str(uuid4())}, status=422)
    assert case_of(f"/u/cases/{case.pk}").state == CaseState.DRAFT


def test_a_returned_addition_shows_the_reason_at_its_field_and_keeps_its_number(town: dict[str, Any]) -> None:
    desk, unit = town["plain"], town["units"]["plain"]
    case = case_of(desk.save(typed(name="郭静")))
    desk.submit(case.pk)
    waiting = desk.get(f"/u/cases/{case.pk}")
    assert "等待窗口审核" in waiting and "窗口审核截止日：本月 20 日" in waiting
    case = case_of(f"/u/cases/{case.pk}")
    with acting(reviewer()):
        back = review.Return("申报工资与劳动合同不一致，请核对", ("declared_wage",))
        review.decide(case.pk, case.version, review.Decision(returns={rows_of(case)[0].pk: back}), context(unit, vip=False))
    assert "修改重报" in desk.get("/u/todo?returned=yes")
    page = desk.page(f"/u/cases/{case.pk}/edit")
    assert 'id="id_declared_wage_error">申报工资与劳动合同不一致，请核对' in page
    assert 'id="id_id_number" name="id_number" type="text"' in page and "readonly" in page
    version = case_of(f"/u/cases/{case.pk}").version
    stored = rows_of(case)[0].typed
    desk.post(f"/u/cases/{case.pk}/edit", {**stored, "declared_wage": "6800", "version": version})
    assert "这是第 2 次提交" in desk.get(f"/u/cases/{case.pk}")
    desk.submit(case.pk)
    again = case_of(f"/u/cases/{case.pk}")
    assert (again.number, again.round, again.state) == (case.number, 2, CaseState.REVIEW)


def test_a_core_field_cannot_be_typed_over(town: dict[str, Any]) -> None:
    desk: Portal = town["vip"]
    case = case_of(desk.save(typed()))
    page = desk.post(f"/u/cases/{case.pk}/edit", {**typed(), "version": case.version}, status=422)
    assert "公民身份号码保存后不能修改" in page


def test_the_look_up_tells_why_somebody_cannot_be_added(town: dict[str, Any]) -> None:
    number = hire(town["units"]["plain"])[0]
    page = town["vip"].post("/u/items/add-employee/lookup", {**FORM, "id_number": number}, status=200)
    assert "此人在示例餐饮公司未停保" in page
    known = town["plain"].post("/u/items/stop-employee/lookup", {"id_number": number}, status=200)
    assert "登记姓名 张三甲" in known and number not in known.replace(f'value="{number}"', "")


def test_a_field_is_judged_when_it_is_left(town: dict[str, Any]) -> None:
    desk: Portal = town["vip"]
    page = desk.post("/u/items/add-employee/validate?field=backdated_from", typed(backdated_from="202501"), status=200)
    assert "网上追溯补缴最长" in page
    page = desk.post("/u/items/add-employee/validate?field=declared_wage", typed(declared_wage="100"), status=200)
    assert "提醒：申报工资低于缴费基数下限" in page


def test_a_withdrawn_case_cannot_be_submitted(town: dict[str, Any]) -> None:
    desk: Portal = town["vip"]
    case = case_of(desk.save(typed()))
    form = desk.hidden(case.pk)
    assert desk.post(f"/u/cases/{case.pk}/withdraw", form) == f"/u/cases/{case.pk}"
    assert "已退单" in desk.get(f"/u/cases/{case.pk}")
    desk.post(f"/u/cases/{case.pk}/submit", form, status=409)


@pytest.mark.parametrize("path", ["", "/edit", "/print", "/errors.xlsx", "/progress", "/status"])
def test_another_units_case_is_as_if_it_were_not_there(town: dict[str, Any], path: str) -> None:
    case = case_of(town["vip"].save(typed()))
    assert "没有找到" in town["plain"].get(f"/u/cases/{case.pk}{path}", status=404)


def test_the_printed_list_is_a_draft_before_the_end_and_sealed_once_afterwards(town: dict[str, Any]) -> None:
    desk: Portal = town["vip"]
    case = case_of(desk.save(typed()))
    assert b"/Sig" not in desk.client.get(f"/u/cases/{case.pk}/print").content
    desk.submit(case.pk)
    work(case_of(f"/u/cases/{case.pk}"))
    sealed = desk.client.get(f"/u/cases/{case.pk}/print").content
    assert b"/Sig" in sealed and sealed == desk.client.get(f"/u/cases/{case.pk}/print").content
