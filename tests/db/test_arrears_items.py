"""单位员工欠费补缴, 生成欠费补缴单, 欠费补缴回退 as people meet them: checks with their edges, pages, papers, the way to 暂停缴费
(seed 004, 五、网上办理职工欠费补缴)."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.identifiers import mask_id_number
from shebao.base.money import yuan_shown
from shebao.base.terms import Post
from shebao.casework import operations
from shebao.casework.item import item_of
from shebao.ledger.models import AccountKind
from shebao.levy.models import BackPayment, Bill, TakenDue
from shebao.papers.models import Paper
from tests.db import support
from tests.db.arrears_support import everything_agrees
from tests.db.desk_support import make_account
from tests.db.portal_support import Portal, case_of, work
from tests.db.support import assess, context, hire, make_agency, make_unit, moment, pay, person_ids

BACK, ISSUE, ROLL = "arrears.back_payment", "arrears.issue_order", "arrears.roll_back"
NOW = "2026-10-19T10:00:00+08:00"
AT = moment(202610, 19, 10)
COUNT = 12


@pytest.fixture(scope="module")
def units(database: str) -> Iterator[list[tuple[int, list[str]]]]:
    """Units with two people and two overdue months, August and September; today is 19 October."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        found = []
        for i in range(COUNT):
            unit = make_unit(f"补缴示例公司{i}", vip=False)
            found.append((unit, hire(unit, 2, month=202608, at=moment(202608, 2))))
            make_account(f"back{i}", Post.UNIT_OPERATOR, unit=unit)
        for month in (202608, 202609):
            assess(month, at=moment(month, 25))
        yield found


_next = iter(range(COUNT))


@pytest.fixture
def one(units: list[Any]) -> tuple[int, list[str], int]:
    i = next(_next)
    return (*units[i], i)


@pytest.fixture(autouse=True)
def all_agrees_afterwards(units: list[Any]) -> Iterator[None]:
    yield
    everything_agrees()


def typed(number: str, **changed: str) -> dict[str, str]:
    known = dict(support.ask("select id_number, name from parties_person where id_number = %s", [number]))
    return {"id_number": number, "name": known.get(number, "某人"), "note": ""} | changed


def examined(code: str, unit: int, entry: dict[str, str], at: Any = AT) -> tuple[list[str], list[str]]:
    with acting(support.operator(unit)):
        found = operations.examine_one(item_of(code), context(unit, at, vip=False), dict(entry))
    return [r.code for r in found.refusals], [w.code for w in found.warnings]


def done(code: str, unit: int, entry: dict[str, Any], at: Any = AT) -> None:
    outcome = support.take_effect(code, context(unit, at, vip=False), entry)
    assert outcome is not None and (outcome.done, outcome.returned) == (1, 0)


def order_of(unit: int) -> Bill:
    with acting(ENGINE):
        return Bill.objects.filter(unit_id=unit, kind="arrears").latest("id")


One = tuple[int, list[str], int]


def test_registered_ordered_paid_confirmed_and_then_the_person_can_be_stopped(one: One) -> None:
    unit, numbers, _ = one
    stop = {"id_number": numbers[0], "name": typed(numbers[0])["name"], "reason": "6301"}
    assert examined("enrolment.stop_employee", unit, stop)[0] == ["ENR-21"]
    done(BACK, unit, typed(numbers[0]))
    done(ISSUE, unit, {"note": ""})
    order = order_of(unit)
    assert examined("enrolment.stop_employee", unit, stop)[0] == ["ENR-21"]  # ordered is not paid
    pay(order, order.total_fen, at=AT)
    assert examined("enrolment.stop_employee", unit, stop)[0] == []
    other = {"id_number": numbers[1], "name": typed(numbers[1])["name"], "reason": "6301"}
    assert examined("enrolment.stop_employee", unit, other)[0] == ["ENR-21"]


def test_each_refusal_of_the_back_payment_says_what_to_do(one: One, units: list[Any]) -> None:
    unit, numbers, _ = one
    stranger = next(n for u, n in units if u != unit)[0]
    assert examined(BACK, unit, typed(stranger))[0] == ["ARR-01"]
    assert examined(BACK, unit, typed(support.new_id_number()))[0] == ["ARR-01"]
    assert examined(BACK, unit, typed(numbers[0], name="别人"))[0] == ["ENR-23"]
    done(BACK, unit, typed(numbers[0]))
    assert examined(BACK, unit, typed(numbers[0]))[0] == ["ARR-02"]
    done(ISSUE, unit, {"note": ""})
    assert examined(BACK, unit, typed(numbers[0]))[0] == ["ARR-03"]
    order = order_of(unit)
    pay(order, order.total_fen, at=AT)
    assert examined(BACK, unit, typed(numbers[0]))[0] == ["ARR-04"]


def test_the_due_date_itself_is_no_arrears_and_the_next_day_is(one: One) -> None:
    unit, numbers, _ = one
    with acting(ENGINE):
        due = Bill.objects.filter(unit_id=unit).order_by("month")[0].due_date
    on = support.datetime.combine(due, support.datetime.min.time(), support.ZONE).replace(hour=23, minute=59)
    assert examined(BACK, unit, typed(numbers[0]), on)[0] == ["ARR-04"]
    assert examined(BACK, unit, typed(numbers[0]), on + timedelta(minutes=1))[0] == []


def test_the_20th_is_in_time_and_the_21st_is_warned_of_and_still_done(one: One) -> None:
    unit, numbers, _ = one
    assert examined(BACK, unit, typed(numbers[0]), moment(202610, 20, 23)) == ([], [])
    assert examined(BACK, unit, typed(numbers[0]), moment(202610, 21, 0)) == ([], ["ARR-W1"])
    done(BACK, unit, typed(numbers[0]), moment(202610, 21))
    assert examined(ISSUE, unit, {"note": ""}, moment(202610, 21))[1] == ["ARR-W1"]
    done(ISSUE, unit, {"note": ""}, moment(202610, 21))


def test_somebody_whose_share_is_paid_to_the_fen_is_told_that_the_bill_still_lacks_a_few(one: One) -> None:
    unit, numbers, _ = one
    with acting(ENGINE):
        first, second = Bill.objects.filter(unit_id=unit).order_by("month")
    pay(second, second.total_fen, at=AT)
    pay(first, first.total_fen - 1, at=AT)  # one fen is open: it is one person's
    told = [examined(BACK, unit, typed(number))[0] for number in numbers]
    assert sorted(told) == [[], ["ARR-05"]]


def test_nobody_registered_is_told_on_the_first_page_and_refused_everywhere(one: One) -> None:
    unit, _, i = one
    assert examined(ISSUE, unit, {"note": ""})[0] == ["ARR-10", "ARR-10"]
    desk = Portal(f"back{i}")
    page = desk.get("/u/items/issue-order/new")
    assert "现在不能办理" in page and "请先办理“单位员工欠费补缴”" in page
    desk.save({"note": ""}, slug="issue-order", status=422)


def test_a_bill_cleared_after_the_registration_leaves_nothing_to_order(one: One) -> None:
    unit, numbers, _ = one
    done(BACK, unit, typed(numbers[0]))
    with acting(ENGINE):
        bills = list(Bill.objects.filter(unit_id=unit))
    for bill in bills:
        pay(bill, bill.total_fen, at=AT)
    assert examined(ISSUE, unit, {"note": ""})[0] == ["ARR-11"]


def test_rolled_back_before_the_receipt_the_papers_are_void_and_the_late_fee_is_reversed(one: One) -> None:
    unit, numbers, i = one
    desk = Portal(f"back{i}")
    done(BACK, unit, typed(numbers[0]))
    done(ISSUE, unit, {"note": ""})
    order = order_of(unit)
    for path in ("print", "detail"):
        assert desk.client.get(f"/u/bills/{order.number}/{path}").content.startswith(b"%PDF")
    done(ROLL, unit, {"target": order.number, "reason": "wrong_people", "note": ""})
    with acting(ENGINE):
        assert {p.revoked_reason for p in Paper.objects.filter(unit_id=unit)} == {"欠费补缴已回退"}
        assert set(BackPayment.objects.filter(unit_id=unit).values_list("state", flat=True)) == {"cancelled"}
    fees = support.ask(
        "select p.key, e.amount_fen from ledger_entry e join ledger_posting p on p.id = e.posting_id join ledger_account a on a.id = e.account_id"
        " where a.kind = %s and p.reference = %s",
        [AccountKind.LATE_FEE_DUE.value, f"bill:{order.number}"],
    )
    assert sum(fen for _, fen in fees) == 0 and {key.split(":")[0] for key, _ in fees} == {"order", "order-back"}
    for path in ("print", "detail"):
        assert desk.client.get(f"/u/bills/{order.number}/{path}").status_code == 404
    assert "已回退" in desk.get(f"/u/bills/{order.number}")
    assert examined(ROLL, unit, {"target": order.number, "reason": "other", "note": ""})[0] == ["ARR-22", "ARR-21"]
    assert examined(BACK, unit, typed(numbers[0]))[0] == []


def test_after_the_receipt_it_is_refused_with_a_sentence(one: One) -> None:
    unit, numbers, _ = one
    done(BACK, unit, typed(numbers[0]))
    done(BACK, unit, typed(numbers[1]))
    done(ISSUE, unit, {"note": ""})
    order = order_of(unit)
    pay(order, 1, at=AT)
    refused, _ = examined(ROLL, unit, {"target": order.number, "reason": "other", "note": ""})
    assert "ARR-21" in refused
    assert examined(ROLL, unit, {"target": "QF209912-0000001", "reason": "other", "note": ""})[0][-1] == "ARR-20"


def test_one_persons_registration_is_taken_back_by_the_id_number(one: One) -> None:
    unit, numbers, i = one
    done(BACK, unit, typed(numbers[0]))
    page = Portal(f"back{i}").get("/u/items/roll-back/new")
    assert "可以回退的" in page and mask_id_number(numbers[0]) in page
    done(ROLL, unit, {"target": numbers[0], "reason": "wrong_people", "note": ""})
    assert examined(BACK, unit, typed(numbers[0]))[0] == []
    assert examined(ROLL, unit, {"target": numbers[0], "reason": "other", "note": ""})[0] == ["ARR-22", "ARR-20"]


def test_the_pages_show_who_owes_what_with_every_amount_explained_and_the_way_on(one: One) -> None:
    unit, numbers, i = one
    desk, person = Portal(f"back{i}"), person_ids(numbers)[0]
    page = desk.get("/u/arrears")
    assert "欠费人员 2 人" in page and mask_id_number(numbers[0]) in page and numbers[0] not in desk.page("/u/arrears")
    assert "没有符合条件的欠费" in desk.get("/u/arrears?q=没有这个人")
    only = desk.get("/u/arrears?month=202608")
    assert "2026 年 8 月" in only
    told = desk.get(f"/u/arrears/{person}")
    assert "滞纳金怎么算的" in told and "每日 0.05%" in told and "社会保险法第八十六条" in told
    Portal(f"back{(i + 1) % COUNT}").get(f"/u/arrears/{person}", status=404)
    found = desk.post("/u/items/back-payment/lookup", typed(numbers[0]), status=200)
    assert "应补缴合计" in found and "企业职工基本养老保险" in found and "滞纳金" in found
    desk.save(typed(numbers[0]), slug="back-payment")
    case = case_of(f"/u/cases/{support.ask('select max(id) from casework_case where unit_id = %s', [unit])[0][0]}")
    check = desk.get(f"/u/cases/{case.pk}")
    assert "需要补缴的费款" in check and "按月份和险种" in check and "滞纳金由单位承担" in check
    desk.submit(case.pk)
    with acting(ENGINE):
        case.refresh_from_db()
    work(case)
    assert "已登记，待生成补缴单" in desk.get("/u/arrears")
    opened = desk.get("/u/items/issue-order/new")
    assert "补缴单内容" in opened and "补缴人员（1 人）" in opened
    desk.save({"note": ""}, slug="issue-order")
    case = case_of(f"/u/cases/{support.ask('select max(id) from casework_case where unit_id = %s', [unit])[0][0]}")
    desk.submit(case.pk)
    with acting(ENGINE):
        case.refresh_from_db()
    work(case)
    order = order_of(unit)
    bills = desk.get("/u/bills")
    assert "欠费补缴单" in bills and order.number in bills and "已转补缴单" in bills
    shown = desk.get(f"/u/bills/{order.number}")
    assert yuan_shown(order.total_fen) in shown and "到税务机关缴费" in shown and "办理欠费补缴回退" in shown
    assert "滞纳金怎么算的" in desk.get(f"/u/bills/{order.number}/people/{person}")
    assert "补缴单待缴费" in desk.get("/u/arrears")
    with acting(ENGINE):
        october = Bill.objects.filter(unit_id=unit, kind="monthly").order_by("month")[0]
    assert f"已转补缴单 {order.number}" in desk.get(f"/u/bills/{october.number}")


def test_the_excel_of_the_arrears_has_the_same_figures_as_the_page(one: One, tmp_path: Any) -> None:
    unit, numbers, i = one
    desk = Portal(f"back{i}")
    answer = desk.client.get("/u/arrears.xlsx")
    (tmp_path / "a.xlsx").write_bytes(answer.content)
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    rows = list(sheet.iter_rows(min_row=3, values_only=True))
    assert len(rows) == 2 * 2 * 5 and {row[2] for row in rows} == set(numbers)
    with acting(ENGINE):
        open_fen = sum(b.open_fen for b in Bill.objects.filter(unit_id=unit))
    assert round(sum(row[7] + row[8] for row in rows) * 100) == open_fen
    assert all(row[10] == (date(2026, 10, 19) - date.fromisoformat(row[9])).days for row in rows)
    assert support.ask("select count(*) from audit_event where action = 'arrears.exported' and unit_id = %s", [unit]) == [(1,)]


def test_the_taken_dues_of_an_order_are_its_units_and_its_agencys_to_see_and_nobody_elses(units: list[Any]) -> None:
    with acting(ENGINE):
        unit = TakenDue.objects.latest("id").unit_id
    other = next(u for u, _ in units if u != unit)
    for actor, seen in ((support.operator(unit), True), (support.operator(other), False), (support.reviewer(agency=1), True)):
        rows = support.ask("select count(*) from levy_takendue where unit_id = %s", [unit], actor=actor)
        assert (rows[0][0] > 0) is seen
    assert support.attempt(support.operator(unit), "update levy_takendue set state = 'paid'") == "42501"
