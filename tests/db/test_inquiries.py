"""单位网申综合查询 and the yearly preview through the portal's pages: filters, turning pages, exports, and nobody else's rows (A16)."""

import io
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from shebao.base.terms import Post
from shebao.casework import batch, operations
from shebao.casework.item import item_of
from shebao.casework.models import Case
from shebao.casework.result_queries import CaseFilter, ResultFilter, batch_results, every, submitted_cases
from shebao.enrolment import operations as enrolment
from shebao.enrolment.operations import Stop
from tests.db import support
from tests.db.desk_support import NOW, make_account
from tests.db.portal_support import Portal
from tests.db.support import ADD, AT, ENGINE, STOP, acting, ask, context, hire, make_agency, make_unit, operator, person_ids, reviewer

ANNUAL = "enrolment.annual_wages"


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """Two ordinary units of one agency, each with an operator."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency()
        units = [make_unit(name, vip=False) for name in ("甲示例公司", "乙示例公司")]
        for name, unit in zip(("hr", "far"), units, strict=True):
            make_account(name, Post.UNIT_OPERATOR, unit=unit)
        yield {"unit": units[0], "other": units[1], "hr": Portal("hr"), "far": Portal("far")}


def uploaded(unit: int, code: str, rows: list[dict[str, Any]]) -> int:
    """A batch, submitted. Returns the case."""
    item, ctx = item_of(code), context(unit, vip=False)
    with acting(operator(unit)):
        case = batch.receive(item, ctx, "名册.xlsx", b"x", b"d" * 32, key=None)
    columns = {f.name: [row.get(f.name) for row in rows] for f in item.fields}
    batch.load(case, item, ctx, columns, range(4, len(rows) + 4), [], clock=lambda: AT)
    with acting(operator(unit)):
        return operations.submit(case, fresh(case).version, ctx)


def fresh(case: int) -> Case:
    with acting(ENGINE):
        return Case.objects.get(pk=case)


def stopped_batch(unit: int, heads: int = 3) -> tuple[int, list[str]]:
    """批量减员 of some people: the first one goes back, the others pass."""
    numbers = hire(unit, heads, month=202609)
    rows = [{"id_number": n, "name": f"张三{'甲乙丙丁'[i % 4]}", "reason": "6301"} for i, n in enumerate(numbers)]
    case = uploaded(unit, STOP, rows)
    first = ask("select id from casework_filing where case_id = %s and id_number = %s", [case, numbers[0]])[0][0]
    with acting(reviewer()):
        decision = support.review.Decision({first: support.review.Return("缺少离职证明")})
        support.review.decide(case, fresh(case).version, decision, context(unit, vip=False))
    return case, numbers


def sheet_of(portal: Portal, path: str) -> list[list[Any]]:
    answer = portal.client.get(path)
    assert answer.status_code == 200, path
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content), read_only=True).worksheets[0]
    return [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)]


def test_every_person_of_a_batch_is_found_with_result_and_reason(town: dict[str, Any]) -> None:
    case, numbers = stopped_batch(town["unit"])
    number = fresh(case).number
    page = town["hr"].get(f"/u/inquiries/reductions?number={number}")
    assert "共（人） 3" in page and "通过 2" in page and "已退回 1" in page and "缺少离职证明" in page and number in page
    assert numbers[1] not in page and numbers[1][-4:] in page, "numbers are masked on pages"
    assert "缺少离职证明" not in town["hr"].get(f"/u/inquiries/reductions?number={number}&state=done")
    assert "张三甲" in town["hr"].get(f"/u/inquiries/reductions?q={numbers[0]}")
    assert "没有符合条件的人员" in town["hr"].get(f"/u/inquiries/reductions?q={numbers[0]}&to=2026-11-09")
    assert number not in town["hr"].get("/u/inquiries/additions") and number not in town["far"].get("/u/inquiries/reductions")
    town["hr"].get("/u/inquiries/nothing", 404)
    rows = sheet_of(town["hr"], f"/u/inquiries/reductions.xlsx?number={number}")
    assert rows[0][:5] == ["批次（业务顺序号）", "Excel 行", "姓名", "公民身份号码", "审核结果"]
    assert [r[4:6] for r in rows[1:]] == [["已退回", "缺少离职证明"], ["通过", None], ["通过", None]]
    assert {r[3] for r in rows[1:]} == set(numbers)
    assert ask("select count(*) from audit_event where action = 'cases.exported'")[0][0] >= 1


def test_what_a_search_box_may_hold_is_taken_as_text(town: dict[str, Any]) -> None:
    for text in ("%", "_", "\\", "'", '"', "<b>", "张%三", "0" * 200):
        for path in ("reductions", "cases"):
            answer = town["hr"].client.get(f"/u/inquiries/{path}", {"q": text, "number": text, "who": text, "from": text, "case": "x"})
            assert answer.status_code == 200, (path, text)


def test_pages_turn_without_missing_or_repeating_anybody(town: dict[str, Any]) -> None:
    stopped_batch(town["unit"], 4)
    with acting(operator(town["unit"])):
        whole = batch_results(town["unit"], [STOP], ResultFilter(), limit=1_000)
        turned = list(every(lambda p: batch_results(town["unit"], [STOP], ResultFilter(), after=p, limit=2), lambda line: line.place))
        assert turned == whole and len({(r.case_id, r.row) for r in whole}) == len(whole) >= 7
        cases = submitted_cases(town["unit"], CaseFilter(), limit=1_000)
        assert list(every(lambda p: submitted_cases(town["unit"], CaseFilter(), before=p, limit=1), lambda c: c.id)) == cases


def test_submitted_cases_are_narrowed_by_item_state_period_operator_and_person(town: dict[str, Any]) -> None:
    hr, unit = town["hr"], town["unit"]
    case, numbers = stopped_batch(unit)
    one = support.file(ADD, context(unit, vip=False), support.addition(name="欧阳示例"))
    returned, waiting = fresh(case).number, fresh(one).number
    everything = hr.get("/u/inquiries/cases")
    assert returned in everything and waiting in everything and "缺少离职证明" in everything
    for query, found, not_found in (
        (f"item={STOP}", returned, waiting),
        ("state=returned", returned, waiting),
        ("state=review", waiting, returned),
        (f"q={waiting.lower()}", waiting, returned),
        ("q=欧阳示例", waiting, returned),
        (f"q={numbers[2]}", returned, waiting),
    ):
        page = hr.get(f"/u/inquiries/cases?{query}")
        assert found in page and not_found not in page, query
    assert waiting in hr.get("/u/inquiries/cases?from=2026-11-10&to=2026-11-10&who=经办甲")
    for query in ("from=2026-11-11", "to=2026-11-09", "who=某某"):
        assert "没有符合条件的办件" in hr.get(f"/u/inquiries/cases?{query}"), query
    assert waiting not in town["far"].get("/u/inquiries/cases")
    rows = sheet_of(hr, "/u/inquiries/cases.xlsx?state=returned")
    assert all(r[6] == "回退" for r in rows[1:]) and returned in {r[0] for r in rows[1:]}


def test_payments_are_listed_with_their_bill(town: dict[str, Any]) -> None:
    unit = town["unit"]
    hire(unit, month=202610)
    support.assess(202610)
    with acting(ENGINE):
        bill = support.Bill.objects.get(unit_id=unit)
    support.pay(bill, 12_345)
    page = town["hr"].get("/u/payments")
    assert bill.number in page and "123.45" in page and "已入账" in page
    assert bill.number in town["hr"].get("/u/payments?q=202610&from=2026-11-10&to=2026-11-10&state=allocated")
    assert "没有符合条件的缴费记录" in town["hr"].get("/u/payments?from=2026-11-11")
    assert bill.number not in town["far"].get("/u/payments")
    rows = sheet_of(town["hr"], "/u/payments.xlsx")
    assert rows[1][2:6] == [bill.number, "202610", 123.45, 123.45]


def test_the_preview_tells_bounds_and_who_is_missing(town: dict[str, Any]) -> None:
    unit = make_unit("丙示例公司", vip=False)
    make_account("third", Post.UNIT_OPERATOR, unit=unit)
    portal = Portal("third")
    numbers = hire(unit, 5, month=202609)
    gone = hire(unit, month=202609)[0]
    with acting(ENGINE):
        enrolment.stop([Stop(person_ids([gone])[0], unit, 202612, "6301", None)], at=AT)
    wages = ("4000", "9000", "30000", "12000")
    rows = [
        {"year": "2027", "id_number": n, "name": f"张三{'甲乙丙丁'[i]}", "average_wage": w}
        for i, (n, w) in enumerate(zip(numbers, wages, strict=False))
    ]
    rows.append({"year": "2027", "id_number": gone, "name": "张三甲", "average_wage": "5000"})
    case = uploaded(unit, ANNUAL, rows)
    page = portal.get(f"/u/cases/{case}/year")
    assert "2027 年度的缴费基数上下限尚未公布，先按现行标准（下限 4,498.00 元，上限 22,488.00 元）试算" in page
    assert "花名册上还有 1 人没有列入 2027 年度的任何申报" in page and "受理时间未见公布" in page
    assert "保底 1" in page and "封顶 1" in page
    missing = portal.get(f"/u/cases/{case}/year?tab=missing")
    assert numbers[4][-4:] in missing and "张三甲" in missing
    below = portal.get(f"/u/cases/{case}/year?tab=below")
    assert "4,000.00" in below and "4,498.00" in below and "30,000.00" not in below
    assert "22,488.00" in portal.get(f"/u/cases/{case}/year?tab=above")
    listed = sheet_of(portal, f"/u/cases/{case}/year.xlsx")
    assert [r[3:] for r in listed[1:]] == [
        [8000.0, 4000.0, 4498.0, "保底"],
        [8000.01, 9000.0, 9000.0, "按申报数"],
        [8000.02, 30000.0, 22488.0, "封顶"],
        [8000.03, 12000.0, 12000.0, "按申报数"],
    ]
    town["far"].get(f"/u/cases/{case}/year", 404)
    with acting(operator(unit)):
        rest = Case.objects.get(parent_id=case)
    page = portal.get(f"/u/cases/{rest.pk}")
    assert "此人已办理暂停缴费，2026 年 12 月起不再缴费，不用申报" in page and "花名册上还有 1 人没有列入申报" in page


def test_the_template_is_the_roster_with_all_but_the_wage_locked(town: dict[str, Any]) -> None:
    unit = make_unit("丁示例公司")
    make_account("fourth", Post.UNIT_OPERATOR, unit=unit)
    numbers = hire(unit, 3, month=202609)
    answer = Portal("fourth").client.get("/u/items/annual-wages/template.xlsx")
    from urllib.parse import unquote

    assert "武汉市2027年社会保险缴费工资基数申报表.xlsx" in unquote(answer["Content-Disposition"])
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    assert [c.value for c in sheet[3]] == ["社保年度*", "公民身份号码*", "姓名*", "上年度月平均工资（元）*"]
    assert [[c.value for c in row] for row in sheet.iter_rows(min_row=4, max_row=6)] == [
        ["2027", n, f"张三{'甲乙丙'[i]}", 8000 + i / 100] for i, n in enumerate(numbers)
    ]
    assert sheet.protection.sheet and [c.protection.locked for c in sheet[5]] == [True, True, True, False]
