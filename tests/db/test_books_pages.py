"""The books at the desk: every amount leads to what stands behind it; a day and a month are closed through the pages."""

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from shebao.base.actor import ENGINE
from shebao.base.terms import Post
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book, reverse
from shebao.levy import receiving
from shebao.levy.models import Bill
from tests.db import support
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.support import acting, ask, assess, finance, hire, make_agency, make_unit, moment


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """A unit with two months billed, one paid in part; a hand entry; a mistake taken back; two of finance and a reviewer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        unit = make_unit("甲示例公司", vip=False)
        hire(unit, 3, month=202608, at=moment(202608, 3))
        assess(202608, at=moment(202608, 5))
        assess(202609, at=moment(202609, 5))
        with acting(ENGINE):
            bill = Bill.objects.get(month=202608)
        support.pay(bill, 100_000, at=moment(202609, 15))
        with acting(finance(300)):
            hand = receiving.Payment("HAND-1", bill.number, "甲示例公司", 700, date(2026, 9, 16))
            receiving.enter_by_hand(hand, agency_id=1, place=support.PLACE, on=date(2026, 9, 16), at=moment(202609, 16))
            sides = (Side(110, AccountKind.BANK, 12_345), Side(110, AccountKind.INCOME, -12_345))
            book(
                [Booking("mistake", "误记", f"bill:{bill.number}", sides)], place=support.PLACE, on=date(2026, 9, 17), at=moment(202609, 17)
            )
            reverse("mistake", "串户", on=date(2026, 9, 18), at=moment(202609, 18))
        for name in ("zheng", "wang"):
            make_account(name, Post.FINANCE, agency=1)
        make_account("zhou", Post.REVIEWER, agency=1)
        yield {"unit": unit, "bill": bill} | {name: Desk(name) for name in ("zheng", "wang", "zhou")}


def link(town: dict[str, Any], path: str, pattern: str) -> str:
    """The first link of a page that fits a pattern."""
    content = town["zheng"].client.get(path).content.decode()
    found = re.search(rf'href="({pattern})"', content)
    assert found, (path, pattern)
    return found[1].replace("&amp;", "&")


def posting_of(key: str) -> int:
    return int(ask("select id from ledger_posting where key = %s", [key])[0][0])


def test_an_amount_of_the_trial_balance_leads_to_its_entries_to_its_posting_and_to_its_bill(town: dict[str, Any]) -> None:
    account = link(
        town, "/w/trial-balance?on=2026-11-10", r"/w/books/accounts/110/receivable\?first=[0-9-]+&amp;last=2026-11-10&amp;side=debit"
    )
    shown = re.search(r"应收保险费 （企业职工基本养老保险）明细账 ([\d,.]+)", town["zheng"].get("/w/trial-balance?on=2026-11-10"))
    assert shown and f"符合条件的借方 {shown[1]} 元 2 条分录" in town["zheng"].get(account)
    account = "/w/books/accounts/110/receivable?first=2026-08-01&last=2026-11-10"
    page = town["zheng"].get(account)
    assert "期初余额 0.00" in page
    assert "202608 月度核定应收" in page and "202609 月度核定应收" in page
    posting = link(town, account, r"/w/books/postings/\d+")
    page = town["zheng"].get(posting)
    assert "企业职工基本养老保险 应收保险费" in page and "批次 1" in page
    run = link(town, posting, r"/w/runs/monthly_assessment/\d+")
    assert "月度核定 2026 年 8 月 已完成" in town["zheng"].get(run)
    bill = link(town, f"/w/books/postings/{posting_of('mistake')}", r"/w/bills/[A-Z0-9-]+")
    assert "核定单" in town["zheng"].get(bill)


def test_the_running_balance_goes_on_over_the_pages_and_the_days_that_are_closed(town: dict[str, Any]) -> None:
    from shebao.channels.desk import books

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(books, "SIZE", 1)
        path, balances = "/w/books/accounts/110/bank?first=2026-08-01&last=2026-11-10", []
        for _ in range(5):
            content = town["zheng"].client.get(path).content.decode()
            balances += re.findall(r'data-l="余额">([\d,.-]+)<', content)
            more = re.search(r'class="btn primary" href="(\?[^"]*after=[^"]*)"', content)
            if more is None:
                break
            path = "/w/books/accounts/110/bank" + more[1].replace("&amp;", "&")
    ((first,),) = ask(
        "select sum(amount_fen) from ledger_entry e join ledger_account a on a.id = e.account_id join ledger_posting p on p.id = e.posting_id"
        " where a.kind = 'bank' and a.fund = 110 and p.booked_on = '2026-09-15'"
    )
    shown = [int(b.replace(",", "").replace(".", "")) for b in balances]
    assert shown == [first, first + 12_345, first]


def test_a_posting_and_its_reversal_name_each_other_and_a_pending_one_says_what_it_waits_for(town: dict[str, Any]) -> None:
    original = posting_of("mistake")
    back = posting_of(f"reverse:{original}")
    page = town["zheng"].get(f"/w/books/postings/{original}")
    assert "已冲销" in page and f"凭证 {back} ，冲销：串户" in page
    page = town["zheng"].get(f"/w/books/postings/{back}")
    assert "冲销凭证" in page and f"冲销的凭证 凭证 {original}" in page
    ((pending,),) = ask("select id from ledger_posting where state = 'pending'")
    page = town["zheng"].get(f"/w/books/postings/{pending}")
    assert "这张凭证还没有生效" in page and "到账 HAND-1" in page


def test_entries_are_narrowed_by_text_reference_and_side_without_pretending_a_balance(town: dict[str, Any]) -> None:
    base = "/w/books/accounts/110/bank?first=2026-08-01&last=2026-11-10"
    page = town["zheng"].get(base + "&q=误记")
    assert "符合条件的借方 123.45 元 1 条分录" in page and "不显示逐笔余额" in page
    assert "串户" in town["zheng"].get(base + "&side=credit")
    assert "这段时间没有符合条件的分录" in town["zheng"].get(base + "&q=%25")
    page = town["zheng"].get("/w/books/accounts/110/bank?first=2026-11-10&last=2026-08-01", 422)
    assert "开始日期在结束日期之后" in page
    assert "日期请按" in town["zheng"].get("/w/books/accounts/110/bank?first=x", 422)
    for path in (
        "/w/books/accounts/999/bank",
        "/w/books/accounts/110/nothing",
        "/w/books/postings/99999999",
        "/w/books/accounts/110/none.xlsx",
    ):
        town["zheng"].get(path, 404)
    for nonsense in ("after=x~y", "after=2026-99-99~1", "after=2026-09-15~99999999999999999999", "q=%00&side=left", "first=0001-01-01"):
        assert town["zheng"].client.get(f"/w/books/accounts/110/bank?{nonsense}").status_code in (200, 400, 422)


def test_the_account_can_be_taken_away_as_a_workbook_that_adds_up(town: dict[str, Any]) -> None:
    answer = town["zheng"].client.get("/w/books/accounts/110/bank.xlsx?first=2026-08-01&last=2026-11-10")
    rows = list(load_workbook(BytesIO(answer.content)).active.iter_rows(min_row=3, values_only=True))  # type: ignore[union-attr]
    debit, credit = sum(r[4] or 0 for r in rows[:-1]), sum(r[5] or 0 for r in rows[:-1])
    assert (round(debit, 2), round(credit, 2)) == (rows[-1][4], rows[-1][5])
    assert rows[0][6] == 0 and round(debit - credit, 2) == rows[-1][6] == rows[-2][6]


def test_the_month_report_opens_closes_and_exports(town: dict[str, Any]) -> None:
    page = town["zheng"].get("/w/books/report?month=2026-09")
    assert "2026 年 9 月" in page and "未月结" in page
    assert re.search(r"合计 0\.00 [\d,.]+ [\d,.]+ 0\.00", page)
    assert "年月请填 6 位数字" in town["zheng"].get("/w/books/report?month=13", 422)
    answer = town["zheng"].client.get("/w/books/report.xlsx?month=202609")
    rows = list(load_workbook(BytesIO(answer.content)).active.iter_rows(min_row=3, values_only=True))  # type: ignore[union-attr]
    assert round(sum(r[3] for r in rows), 2) == round(sum(r[4] for r in rows), 2) > 0


def test_days_and_a_month_are_closed_through_the_page_by_two_people(town: dict[str, Any]) -> None:
    page = town["zheng"].get("/w/books/closing")
    assert "还没有日结过" in page and "现在还不能月结" in page and "一致" in page
    assert "2026-11-10 还没有过完" in town["zheng"].post("/w/books/closing/days", {"to": "2026-11-10"}, 409)
    assert "日期请按" in town["zheng"].post("/w/books/closing/days", {"to": "昨天"}, 422)
    where = town["zheng"].post("/w/books/closing/days", {"to": "2026-11-09"})
    assert "账结到 2026-11-09" in town["zheng"].get(where)
    assert "到昨天为止都已日结" in town["zheng"].get("/w/books/closing")
    town["zheng"].post("/w/books/closing/months/202610")
    assert "由另一位财务人员复核" in town["zheng"].get("/w/books/closing")
    assert "不能是同一人" in town["zheng"].post("/w/books/closing/months/202610", {"act": "confirm"}, 403)
    where = town["wang"].post("/w/books/closing/months/202610", {"act": "confirm"})
    assert "2026 年 10 月已月结并复核" in town["wang"].get(where)
    assert "已月结" in town["zheng"].get("/w/books/report?month=202610")
    town["zheng"].post("/w/books/closing/months/202613", status=404)
    assert ask("select distinct action from audit_event where action like 'ledger.%%' order by 1") == [
        ("ledger.day_closed",), ("ledger.month_closed",), ("ledger.month_confirmed",), ("ledger.reversed",),
    ]  # fmt: skip


def test_finance_goes_on_working_on_the_day_after_the_closing(town: dict[str, Any]) -> None:
    given = {"serial": "H-9", "bill_number": town["bill"].number, "payer": "甲示例公司", "amount": "1.00", "paid_on": "2026-11-09"}
    assert town["zheng"].post("/w/receipts/enter", given) == "/w/receipts?state=pending"


def test_the_books_are_finances_alone(town: dict[str, Any]) -> None:
    for path in ("/w/trial-balance", "/w/books/report", "/w/books/closing", "/w/books/accounts/110/bank", "/w/books/postings/1"):
        assert town["zhou"].client.get(path).status_code == 403, path
    assert town["zhou"].client.get("/w/runs").status_code == 200
