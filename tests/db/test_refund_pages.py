"""Pages of suspense, refunds and reconciliation, and the unit's own application: as people use them, with real clerks."""

import re
from collections.abc import Iterator
from datetime import date

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.casework import review
from shebao.casework.models import Case
from shebao.gateways import statement as codec
from shebao.gateways.statement import Direction, Movement
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy.models import Bill, Channel
from shebao.levy.receiving import Payment, arrive, receive_told
from shebao.levy.refund_models import Refund
from shebao.runs import reconcile_day
from tests import make
from tests.db.support import finance
from tests.db.web_support import MONTH, NOW, Browser, is_page, words

TODAY = date(2026, 11, 10)
ACCOUNT = "42010099000000001"


@pytest.fixture(scope="module")
def unit(database: str) -> Iterator[make.MadeUnit]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make.agency(1)
        found = make.unit("甲示例公司", vip=False)
        for _ in range(2):
            make.employee(found, since=202509)
        make.month_paid(MONTH)
        for name in ("fin-1", "fin-2", "fin-3"):
            make.finance(username=name)
        yield found


@pytest.fixture(scope="module")
def bill(unit: make.MadeUnit) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit.id, month=MONTH)


def paid_twice(bill: Bill, serial: str, fen: int) -> int:
    with acting(finance()):
        told = receive_told(
            Channel.TAX, "B", [Payment(serial, bill.number, "甲示例公司", fen, TODAY)], place=make.PLACE, agency_id=1, on=TODAY, at=make.AT
        )
        arrive([serial], place=make.PLACE, on=TODAY, at=make.AT)
    return told[0].receipt_id


def test_a_clerk_refunds_a_double_payment_a_second_reviews_and_the_file_goes_out(unit: make.MadeUnit, bill: Bill) -> None:
    receipt = paid_twice(bill, "WEB-1", 12_345)
    first, second = Browser("fin-1"), Browser("fin-2")
    assert "WEB-1" in words(first.get("/w/suspense"))
    page = words(first.get(f"/w/suspense/{receipt}"))
    assert "123.45" in page and "申请退费" in page
    form = {"amount": "123.45", "name": "甲示例公司", "bank": "示例银行", "account": "6222-1", "reason": "重复"}
    refused = first.post(f"/w/suspense/{receipt}/refund", form)
    assert refused.status_code == 422 and "银行账号应为" in words(refused)
    answer = first.post(f"/w/suspense/{receipt}/refund", form | {"account": "6222 0212 3456 7890 128"})
    assert answer.status_code == 302, words(answer)
    address = answer["Location"]
    assert "待另一位财务人员复核" in words(first.get(address))
    assert first.post(f"{address}/review", {"decision": "approve"}).status_code == 403
    assert "同意退费" in words(second.get(address))
    assert second.post(f"{address}/review", {"decision": "approve"}).status_code == 302
    assert second.post("/w/refunds/send", {"bank": "999"}).status_code == 422, "not a partner"
    assert "农业银行" in words(second.get("/w/refunds"))
    assert second.post("/w/refunds/send", {"bank": "103"}).status_code == 302
    page = words(second.get("/w/refunds?state=instructed"))
    assert "银行处理中" in page and "TF20261110" in page
    link = re.search(r"/w/refunds/files/\d+", second.get("/w/refunds").content.decode())
    assert link and second.get(link[0]).content.startswith(b"HFK") and b"BK103" in second.get(link[0]).content[:200]
    assert second.post("/w/refunds/send").status_code == 409


def test_suspense_is_claimed_by_two_and_a_refusal_is_a_sentence(unit: make.MadeUnit, bill: Bill) -> None:
    receipt = paid_twice(bill, "WEB-2", 700)
    first, second = Browser("fin-1"), Browser("fin-2")
    form = {"kind": "match", "bill": "HD209901-0000001", "amount": "7", "reason": "核对"}
    refused = first.post(f"/w/suspense/{receipt}/propose", form)
    assert refused.status_code == 409 and "没有这个核定单号" in words(refused)
    assert "已全部到账" in words(first.post(f"/w/suspense/{receipt}/propose", form | {"bill": bill.number}))
    first.post(f"/w/suspense/{receipt}/propose", {"kind": "release", "bill": bill.number, "amount": "1", "reason": "x"})
    is_page(first.get("/w/suspense/999999"), 404)
    assert second.get(f"/w/suspense/{receipt}").status_code == 200


def test_a_statement_is_uploaded_reconciled_and_its_difference_settled(unit: make.MadeUnit) -> None:
    first, second = Browser("fin-1"), Browser("fin-2")
    assert "登记收入户" in words(first.get("/w/reconciliation"))
    assert first.post("/w/reconciliation/account", {"number": ACCOUNT, "bank": "示例银行"}).status_code == 302
    with acting(ENGINE):
        opening = sum(r.balance_fen for r in trial_balance(make.PLACE, date(2026, 11, 9)) if r.kind is AccountKind.BANK)
    moves = [
        Movement("YH1", Direction.CREDIT, 12_345, "甲示例公司", "WEB-1", TODAY),
        Movement("YH2", Direction.CREDIT, 700, "甲示例公司", "WEB-2", TODAY),
        Movement("YH3", Direction.DEBIT, 50, "某某", "FEE", TODAY),
    ]
    content = codec.write(ACCOUNT, TODAY, 1, opening, moves)
    from django.core.files.uploadedfile import SimpleUploadedFile

    broken = first.post("/w/reconciliation/statement", {"file": SimpleUploadedFile("a.txt", content[:-30])})
    assert broken.status_code == 422 and "没有登记" in words(broken)
    assert first.post("/w/reconciliation/statement", {"file": SimpleUploadedFile("a.txt", content)}).status_code == 302
    assert first.post("/w/reconciliation/statement", {"file": SimpleUploadedFile("a.txt", content)}).status_code == 409
    assert first.post("/w/reconciliation/run", {"day": "2026-11-10"}).status_code == 302
    assert first.post("/w/reconciliation/run", {"day": "2026-13-10"}).status_code == 422
    told = reconcile_day.run(make.PLACE, TODAY, clock=lambda: make.AT)
    assert (told.lines, told.matched, told.differing) == (3, 2, 1), told
    page = first.get("/w/reconciliation")
    assert "支出不明" in words(page) and "无人负责" in words(page)
    link = re.search(r"/w/reconciliation/differences/\d+", page.content.decode())
    assert link
    assert "由我负责" in words(first.get(link[0]))
    for act, note in (("take", ""), ("chase", "已电话联系银行")):
        assert first.post(f"{link[0]}/act", {"act": act, "note": note}).status_code == 302
    assert first.post(f"{link[0]}/act", {"act": "close", "note": "银行手续费"}).status_code == 409, "it is not in the books yet"
    wrong = first.post(f"{link[0]}/act", {"act": "fiscal", "note": "通知书", "fund-110": "0.30"})
    assert wrong.status_code == 422 and "应等于支出金额 0.50 元" in words(wrong)
    assert first.post(f"{link[0]}/act", {"act": "advance", "note": "银行误扣手续费"}).status_code == 302
    assert "提出按“待处理支出”入账" in words(second.get(link[0]))
    assert first.post(f"{link[0]}/act", {"act": "book-outgoing"}).status_code == 403
    assert second.post(f"{link[0]}/act", {"act": "book-outgoing"}).status_code == 302
    assert "列待处理支出" in words(second.get(link[0]))
    day = re.search(r"/w/reconciliation/statements/\d+", second.get("/w/reconciliation?state=settled").content.decode())
    assert day and "WEB-2" in words(second.get(day[0]))


def test_a_unit_asks_back_what_it_paid_twice_and_two_reviewers_let_it(unit: make.MadeUnit, bill: Bill) -> None:
    paid_twice(bill, "WEB-9", 900)
    typed = {"kinds": ["suspense"], "bank": "示例银行", "account": "42010012345678", "reason": "重复缴费"}
    case = make.case(unit, "levy.refund", typed, submit=True)
    for reviewer in (make.reviewer(), make.reviewer()):
        with acting(reviewer):
            version = Case.objects.get(pk=case).version
            review.decide(case, version, review.Decision(), unit.context(make.AT))
    with acting(ENGINE):
        refund = Refund.objects.get(case_id=case)
        assert (refund.state, refund.unit_id, refund.payee_name) == ("applied", unit.id, "甲示例公司")
        assert refund.amount_fen >= 900
