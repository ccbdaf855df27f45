"""The hall between a tax office and a bank that really run: paid, told, arrived; and whatever goes wrong on the way, the books hold."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.gateways.partner_keys import own_key
from shebao.ledger.models import AccountKind
from shebao.levy import payouts, refunding
from shebao.levy.models import Bill, BillState
from shebao.levy.reconcile_models import Difference, ReconDay, Statement, StatementLine, StatementState
from shebao.levy.refund_models import Payout, PayoutAnswer, Refund, SourceKind
from shebao.levy.refund_sources import Source
from tests.db import support
from tests.db.sandbox_support import Town, balances, books_hold, fresh, receipts, today, town
from tests.db.support import PLACE, finance
from tests.sandbox.support import await_true

UNITS, MONTH = 30, 202602
BANK, TRANSIT, RECEIVABLE = AccountKind.BANK, AccountKind.TRANSIT, AccountKind.RECEIVABLE


@pytest.fixture(scope="module")
def city(database: str) -> Iterator[Town]:
    """Bills of many units, all at the tax office; every test pays one of its own."""
    with pytest.MonkeyPatch.context() as patch:
        support.make_agency()
        for i in range(UNITS):
            support.hire(support.make_unit(f"沙箱公司{i}"), 1, month=202509, at=support.moment(202509))
        support.assess(MONTH)
        with town(patch, now_is="2026-03-16T09:00:00") as made:  # the days of these tests go on for months
            assert made.push().bills == UNITS
            yield made


@pytest.fixture
def bill(city: Town) -> Bill:
    """One that nobody has paid."""
    with acting(ENGINE):
        found = Bill.objects.filter(state=BillState.ISSUED).order_by("id").first()
    assert found is not None
    return found


def paid_once(bill: Bill) -> bool:
    found = receipts(bill)
    return fresh(bill).state == BillState.PAID and [r.amount_fen for r in found] == [bill.open_fen]


def settle(city: Town) -> None:
    """Let everything arrive that is on its way, and take every statement."""
    for name in ("bank", "tax"):
        peer = city.partners.bank if name == "bank" else city.partners.tax
        peer.call("POST", "/control/trouble", {"kind": "off"})
    for _ in range(4):
        city.partners.next_day()
        city.exchange()
        city.partners.rounds()
        city.exchange()


def test_a_bill_paid_on_the_page_is_told_booked_and_seen_on_the_statement(city: Town, bill: Bill) -> None:
    settle(city)
    before = books_hold()
    read = city.pay_on_page(bill)
    assert "缴费成功" in read
    await_true(lambda: paid_once(bill), why=lambda: city.partners.show("tax")["waiting"])
    (receipt,) = receipts(bill)
    assert (receipt.channel, receipt.arrived_on) == ("tax", None)
    on_way, latest = books_hold(), today() + timedelta(days=6)
    assert on_way[TRANSIT] - before[TRANSIT] == bill.open_fen
    assert on_way[BANK] == before[BANK]
    while receipts(bill)[0].arrived_on is None and today() < latest:
        city.partners.next_day()
        city.exchange()
    arrived = books_hold()
    assert (arrived[TRANSIT], arrived[BANK]) == (before[TRANSIT], before[BANK] + bill.open_fen)
    with acting(ENGINE):
        last = ReconDay.objects.order_by("-day").first()
        assert last is not None
        assert (last.differing, last.closing_fen) == (0, last.bank_fen)
        assert not Difference.objects.exclude(state="settled").exists()


TELLING = [
    ("truncated", "TAX-07"),
    ("digit", "TAX-07"),
    ("wrong-totals", "TAX-10"),
    ("twice", ""),
    ("out-of-order", ""),
    ("late", ""),
]


@pytest.mark.parametrize(("kind", "code"), TELLING)
def test_a_payment_told_in_trouble_is_refused_or_harmless_and_counts_once(city: Town, bill: Bill, kind: str, code: str) -> None:
    before = books_hold()
    city.partners.trouble("tax", kind, 1, message="payment", seed=5)
    city.partners.pay(bill.number)
    if kind in ("late", "out-of-order"):
        assert receipts(bill) == []
        assert balances() == before
    if kind == "out-of-order":
        with acting(ENGINE):
            next_one = Bill.objects.filter(state=BillState.ISSUED).exclude(pk=bill.pk).order_by("id").first()
        assert next_one is not None
        city.partners.pay(next_one.number)
        await_true(lambda: paid_once(next_one))
    if kind == "late":
        city.partners.next_day()
    await_true(lambda: paid_once(bill))
    city.partners.rounds()
    assert paid_once(bill)
    said = [event["text"] for event in city.partners.show("tax")["events"] if event["what"] == "trouble"]
    assert (code in said[0]) if code else True
    books_hold()


@pytest.mark.parametrize(
    ("kind", "code"),
    [("truncated", "STM-0"), ("digit", "STM-12"), ("wrong-totals", "STM-09"), ("twice", ""), ("late", ""), ("out-of-order", "")],
)
def test_a_statement_in_trouble_is_refused_or_waits_and_changes_no_book(city: Town, bill: Bill, kind: str, code: str) -> None:
    settle(city)
    city.partners.pay(bill.number)
    await_true(lambda: paid_once(bill))
    before = books_hold()
    with acting(ENGINE):
        known = Statement.objects.count()
    city.partners.trouble("bank", kind, 1, message="statement", seed=9)
    city.partners.next_day()
    refused_before = city.refused_files("statements")
    told = city.exchange()
    with acting(ENGINE):
        loaded = Statement.objects.filter(state=StatementState.LOADED).count()
    if code:
        (why,) = (text for name, text in city.refused_files("statements").items() if name not in refused_before)
        assert why.startswith(code)
        assert (told.taken, told.refused, loaded) == (0, 1, known)
    elif kind == "twice":
        city.partners.rounds()
        assert city.exchange().refused == 0
    else:
        assert (told.taken, loaded) == (0, known)
    assert books_hold()[BANK] == before[BANK]
    settle(city)
    assert receipts(bill)[0].arrived_on is not None
    after = books_hold()
    assert after[TRANSIT] == 0
    with acting(ENGINE):
        days = list(Statement.objects.order_by("sequence").values_list("sequence", "state"))
    assert days == [(i + 1, "loaded") for i in range(len(days))], "every day is there, once"


@pytest.mark.parametrize("how", ["503", "refuse", "lost"])
def test_while_the_tax_office_is_down_the_outbox_waits_and_nothing_goes_twice(city: Town, how: str) -> None:
    unit = support.make_unit(f"停机公司{how}")
    month = {"503": 202601, "refuse": 202512, "lost": 202511}[how]
    support.hire(unit, 1, month=month, at=support.moment(month))
    with acting(ENGINE):
        count = Bill.objects.count()
    support.assess(month)
    city.partners.trouble("tax", "down", None, how=how, message="v1/bills")
    sent = city.push()
    assert (sent.bills, "连接不上" in sent.away or "暂时不能" in sent.away or "不能采信" in sent.away) == (0, True)
    city.partners.tax.call("POST", "/control/trouble", {"kind": "off"})
    with acting(ENGINE):
        fresh_bills = list(Bill.objects.filter(month=month))
        assert Bill.objects.count() - count == len(fresh_bills)
    assert city.push().away == ""
    with sqlite3.connect(f"file:{city.partners.folder}/tax/state.sqlite?mode=ro", uri=True) as link:
        held = {row[0]: json.loads(row[1]) for row in link.execute("select number, content from bill")}
    for each in fresh_bills:
        assert (held[each.number]["version"], held[each.number]["total_fen"]) == (1, each.total_fen)
    books_hold()


def test_a_list_of_the_day_in_trouble_is_not_kept_and_the_day_is_reconciled_again_with_the_right_one(city: Town, bill: Bill) -> None:
    settle(city)
    city.pay_on_page(bill)
    city.partners.trouble("tax", "wrong-totals", 1, message="day")
    city.partners.next_day()
    city.exchange()
    with acting(ENGINE):
        assert not Difference.objects.exclude(state="settled").exclude(kind="late").exists()
    settle(city)
    books_hold()


def test_partners_killed_in_the_middle_go_on_and_the_payment_counts_once(city: Town, bill: Bill) -> None:
    """The bank falls with the money moved and nobody told; the tax office falls with the payment half done; both fall before handing over."""
    settle(city)
    city.partners.trouble("bank", "down", 1, how="lost", message="peer/transfer")
    (begun,) = city.partners.pay(bill.number)
    city.partners.kill("tax")
    city.partners.kill("bank")
    city.partners.start("bank", "tax")
    await_true(lambda: paid_once(bill))
    assert begun["serial"] == receipts(bill)[0].serial
    city.partners.trouble("bank", "down", 1, how="lost", message="peer/transfers")
    city.partners.next_day()
    city.partners.kill("tax")
    city.partners.kill("bank")
    city.partners.start("bank", "tax")
    settle(city)
    assert [r.arrived_on is not None for r in receipts(bill)] == [True]
    assert books_hold()[TRANSIT] == 0
    assert city.partners.show("bank")["books"] == "right"


def test_over_part_and_double_payments_reach_the_books_as_what_they_are(city: Town) -> None:
    with acting(ENGINE):
        one, two, three = Bill.objects.filter(state=BillState.ISSUED).order_by("id")[:3]
    before = books_hold()
    city.partners.pay(one.number, over_fen=1_00)
    city.partners.pay(two.number, part_fen=50_00)
    city.partners.pay(three.number, twice=True)
    await_true(lambda: len(receipts(three)) == 2)
    city.partners.rounds()
    after = books_hold()
    assert [fresh(each).state for each in (one, two, three)] == [BillState.PAID, BillState.PART_PAID, BillState.PAID]
    assert before[AccountKind.SUSPENSE] - after[AccountKind.SUSPENSE] == 1_00 + three.open_fen
    settle(city)
    assert books_hold()[TRANSIT] == 0


PAYEE_ACCOUNT, SHUT = "6217000000009001", "6217000000009002"


def approved_refunds(city: Town, bill: Bill, *wanted: tuple[str, int]) -> list[Refund]:
    """Refunds of a bill that was paid twice, each applied for by one and approved by another: (account, fen)."""
    settle(city)
    city.partners.pay(bill.number, twice=True)
    await_true(lambda: len(receipts(bill)) == 2)
    for _ in range(3):  # over a weekend or the holidays of a month's beginning
        settle(city)
        extra = receipts(bill)[1]
        if extra.arrived_on:
            break
    assert extra.arrived_on is not None
    made = []
    for account, fen in wanted:
        source = Source(SourceKind.SUSPENSE, extra.pk, fen)
        asked = refunding.Application((source,), refunding.Payee("甲示例公司", "沙箱银行", account), "重复缴费", 1, PLACE)
        with acting(finance(300)):
            pk = refunding.apply(asked, on=today(), at=now()).pk
        with acting(finance(301)):
            refunding.review(pk, approve=True, note="", on=today(), at=now())
        made.append(pk)
    with acting(ENGINE):
        return list(Refund.objects.filter(pk__in=made).order_by("id"))


def instruct(city: Town) -> Payout:
    key = own_key(city.partners.hall_keys).private.private_bytes_raw()
    with acting(finance(300)):
        return payouts.instruct(1, PLACE, bank="403", private_key=key, on=today(), at=now())


def states(refunds: list[Refund]) -> list[str]:
    with acting(ENGINE):
        return [str(Refund.objects.get(pk=refund.pk).state) for refund in refunds]


def at_bank(city: Town, account: str) -> int:
    return int(city.partners.bank.call("GET", f"/control/account/{account}")["balance_fen"])


def test_an_approved_refund_is_paid_by_the_bank_seen_on_the_statement_and_reconciled(city: Town, bill: Bill) -> None:
    """FK out, the bank pays what it can, FR back, the statement's line, the day reconciled; what came back goes out again and returns."""
    for account, state in ((PAYEE_ACCOUNT, "open"), (SHUT, "closed")):
        city.partners.bank.call("POST", "/control/account", {"number": account, "holder": "甲示例公司", "balance_fen": 0})
        city.partners.bank.call("POST", "/control/account", {"number": account, "state": state})
    good, bad = refunds = approved_refunds(city, bill, (PAYEE_ACCOUNT, 20_00), (SHUT, 30_00))
    before = books_hold()
    sent = instruct(city)
    assert city.exchange().sent == 1
    await_true((city.exchange_folder / "inbox" / f"FR_{sent.number}_01.txt").exists)
    assert (at_bank(city, PAYEE_ACCOUNT), at_bank(city, SHUT)) == (20_00, 0)
    assert city.exchange().taken == 1
    assert states(refunds) == ["instructed", "returned"], "refused at once; paid when the statement shows it"
    assert books_hold() == before
    with acting(ENGINE):
        assert "账户不存在或已销户" in Refund.objects.get(pk=bad.pk).note

    city.partners.next_day()
    city.exchange()
    assert states(refunds) == ["paid", "returned"]
    paid = books_hold()
    assert (paid[BANK], paid[AccountKind.REFUND_DUE]) == (before[BANK] - 20_00, before[AccountKind.REFUND_DUE] + 20_00)
    with acting(ENGINE):
        line = StatementLine.objects.get(reference=f"{good.number}-1")
        assert (line.direction, line.amount_fen, line.matched_to) == ("debit", 20_00, f"refund:{good.number}")

    # To a corrected account, by two others; this time the bank pays and takes it back a day later.
    with acting(finance(301)):
        refunding.apply_again(bad.pk, refunding.Payee("甲示例公司", "沙箱银行", PAYEE_ACCOUNT), reason="来函更正", on=today(), at=now())
    with acting(finance(302)):
        refunding.review(bad.pk, approve=True, note="", on=today(), at=now())
    instruct(city)
    city.exchange()
    await_true(lambda: at_bank(city, PAYEE_ACCOUNT) == 50_00)
    settle(city)
    assert states(refunds) == ["paid", "paid"]
    assert books_hold()[BANK] == before[BANK] - 50_00
    city.partners.bank.call("POST", "/control/return", {"serial": f"{bad.number}-2"})
    settle(city)
    assert states(refunds) == ["paid", "returned"]
    ended = books_hold()
    assert (ended[BANK], ended[AccountKind.REFUND_DUE]) == (paid[BANK], paid[AccountKind.REFUND_DUE])
    with acting(ENGINE):
        last = ReconDay.objects.order_by("-day")[0]
        assert last.closing_fen == last.bank_fen
        assert not Difference.objects.exclude(state="settled").filter(line__reference__startswith="TK").exists()
    assert city.partners.show("bank")["books"] == "right"


@pytest.mark.parametrize(("kind", "code"), [("truncated", "BNK-0"), ("digit", "BNK-0"), ("wrong-totals", "BNK-09"), ("twice", "")])
def test_an_answer_to_refunds_in_trouble_is_refused_or_harmless_and_the_true_one_counts_once(
    city: Town, bill: Bill, kind: str, code: str
) -> None:
    (refund,) = refunds = approved_refunds(city, bill, ("6217000000009009", 10_00))
    before = books_hold()
    city.partners.trouble("bank", kind, 1, message="result", seed=11)
    sent = instruct(city)
    city.exchange()
    answer = city.exchange_folder / "inbox" / f"FR_{sent.number}_01.txt"
    await_true(answer.exists)
    told = city.exchange()
    if code:
        assert (told.taken, told.refused) == (0, 1)
        assert city.refused_files("inbox")[answer.name].startswith(code)
        await_true(answer.exists)  # sent again, as it should have been
        assert city.exchange().taken == 1
    else:
        assert told.taken == 1
        await_true(answer.exists)
        assert city.exchange().refused == 0, "the second copy is known"
    assert states(refunds) == ["instructed"] and books_hold() == before
    with acting(ENGINE):
        assert PayoutAnswer.objects.filter(payout=sent).count() == 1
    settle(city)
    assert states(refunds) == ["paid"] and books_hold()[BANK] == before[BANK] - 10_00
    assert refund.amount_fen == 10_00
