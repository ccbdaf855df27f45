"""首页, 缴费单与到账, 花名册 and 参保证明 of a unit: real figures, explained, and no glance at a number without a trace."""

from collections.abc import Iterator
from typing import Any

import pytest

from shebao.access.acting import acting
from shebao.audit.models import Event
from shebao.base.actor import ENGINE
from shebao.base.money import yuan_shown
from shebao.base.terms import Post
from shebao.levy.models import Bill
from shebao.papers.models import Paper
from tests.db.desk_support import NOW, make_account
from tests.db.portal_support import Portal
from tests.db.support import assess, hire, make_agency, make_unit, moment, pay, person_ids


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """A unit with three people; August is paid, September overdue, October just billed. Another unit with nobody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        unit, empty = make_unit("示例科技公司", vip=True), make_unit("示例商贸公司", vip=False)
        numbers = hire(unit, 3, month=202608, wage_fen=900_000, at=moment(202608))
        for month in (202608, 202609, 202610):
            assess(month, at=moment(month, 28, 18))
        with acting(ENGINE):
            bills = {bill.month: bill for bill in Bill.objects.filter(unit_id=unit)}
        pay(bills[202608], bills[202608].total_fen, at=moment(202609, 5))
        for name, owner in (("hr", unit), ("new", empty)):
            make_account(name, Post.UNIT_OPERATOR, unit=owner)
        yield {"bills": bills, "numbers": numbers, "people": person_ids(numbers), "hr": Portal("hr"), "new": Portal("new")}


def test_the_home_page_shows_the_month_with_real_figures(town: dict[str, Any]) -> None:
    page = town["hr"].get("/u/")
    assert "上午好" in page and "VIP 单位" in page and "在职参保人数 3 人" in page
    assert f"共 {yuan_shown(town['bills'][202609].total_fen)} 元未到账" in page
    assert "本月应缴（预核定）" in page and "近 12 个月应缴与到账" in page


def test_a_unit_without_anything_is_told_what_to_do_next(town: dict[str, Any]) -> None:
    desk: Portal = town["new"]
    assert "本月增减员窗口审核截止 11 月 20 日" in desk.get("/u/todo")
    assert "还没有提交过审批" in desk.get("/u/done")
    assert "还没有核定单" in desk.get("/u/bills")
    assert "这个月没有在职参保人员" in desk.get("/u/staff")
    assert "还没有出具过证明" in desk.get("/u/certificates")


def test_a_bill_shows_types_receipts_and_the_late_fee(town: dict[str, Any]) -> None:
    desk, bills = town["hr"], town["bills"]
    late = desk.get(f"/u/bills/{bills[202609].number}")
    assert "欠费" in late and "滞纳金估算" in late and "企业职工基本养老保险" in late and "本金" in late
    paid = desk.get(f"/u/bills/{bills[202608].number}")
    assert "已到账" in paid and "滞纳金估算" not in paid and f"到账 {yuan_shown(bills[202608].total_fen)} 元" in paid


def test_every_amount_of_a_person_explains_itself(town: dict[str, Any]) -> None:
    page = town["hr"].get(f"/u/bills/{town['bills'][202609].number}/people/{town['people'][0]}")
    assert "企业职工基本养老保险：2,160.00 元怎么算的" in page and "缴费基数 9,000.00 元 × 16% = 1,440.00 元" in page
    assert "投产前须核对" in page and "按现在的参数重算的结果与当时核定的不同" not in page


def test_another_units_bill_is_as_if_it_were_not_there(town: dict[str, Any]) -> None:
    number = town["bills"][202609].number
    for path in ("", "/print", f"/people/{town['people'][0]}"):
        town["new"].get(f"/u/bills/{number}{path}", status=404)


def test_numbers_are_masked_and_showing_one_leaves_a_trace(town: dict[str, Any]) -> None:
    desk, number, person = town["hr"], town["numbers"][0], town["people"][0]
    assert number not in desk.page("/u/staff") and number not in desk.page(f"/u/staff/{person}")
    assert number in desk.post(f"/u/staff/{person}/reveal", status=200)
    with acting(ENGINE):
        assert Event.objects.filter(action="person.id_number_shown", person_id=person).count() == 1
    town["new"].post(f"/u/staff/{person}/reveal", status=404)


def test_the_exported_roster_is_a_workbook_and_is_traced(town: dict[str, Any]) -> None:
    answer = town["hr"].client.get("/u/staff.xlsx")
    assert answer.status_code == 200 and answer.getvalue()[:2] == b"PK"
    with acting(ENGINE):
        assert Event.objects.filter(action="staff.exported").exists()


def test_a_bill_is_printed_sealed_and_stays_the_same_file(town: dict[str, Any]) -> None:
    desk, number = town["hr"], town["bills"][202609].number
    first = desk.client.get(f"/u/bills/{number}/print").content
    assert first[:5] == b"%PDF-" and first == desk.client.get(f"/u/bills/{number}/print").content


@pytest.mark.parametrize("kind", ["unit", "person"])
def test_a_certificate_is_issued_listed_and_verified_by_anyone(town: dict[str, Any], kind: str) -> None:
    desk: Portal = town["hr"]
    form = {"kind": kind, "first_month": "202608", "last_month": "202610", "purpose": "招标投标", "person": [town["people"][0]]}
    assert desk.post("/u/certificates", form) == desk.post("/u/certificates", form), "sent twice, issued once"
    with acting(ENGINE):
        paper = Paper.objects.order_by("-id")[0]
    assert desk.client.get(f"/u/papers/{paper.code}.pdf").content[:5] == b"%PDF-"
    assert "示例科技公司" in desk.get(f"/v/{paper.code}")
    town["new"].get(f"/u/papers/{paper.code}.pdf", status=404)


def test_a_certificate_without_a_person_or_with_a_wrong_month_is_refused(town: dict[str, Any]) -> None:
    desk: Portal = town["hr"]
    page = desk.post("/u/certificates", {"kind": "person", "first_month": "202608", "last_month": "202610"}, status=422)
    assert "请在下面选择要打印证明的人员" in page
    page = desk.post("/u/certificates", {"kind": "unit", "first_month": "2026", "last_month": "202610"}, status=422)
    assert "年月请填 6 位数字" in page
