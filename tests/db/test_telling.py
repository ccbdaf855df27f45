"""Payments that a partner tells of: once a serial, on their way until a statement shows them; other content waits for two people."""

from collections.abc import Sequence
from datetime import date
from itertools import count

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.months import span
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import receiving
from shebao.levy.matching import settle
from shebao.levy.models import Bill, BillState, Channel, Receipt, ReceiptState
from shebao.levy.payments import new_receipts
from shebao.levy.receiving import Payment, Told, ToldAs
from shebao.levy.refund_models import HeldTold
from tests.db.support import AT, PLACE, assess, finance, hire, make_agency, make_unit, moment, race

TODAY = AT.date()
_serials, _months = count(1), span(202501, 202611)


@pytest.fixture(scope="module")
def unit(database: str) -> int:
    make_agency(1)
    found = make_unit("甲示例公司", vip=False)
    hire(found, 2, month=202401, at=moment(202401, 2))
    return found


@pytest.fixture
def bill(unit: int) -> Bill:
    """A fresh bill: another month for every test."""
    month = next(_months)
    assess(month, at=moment(month, 5))
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit, month=month)


def payment(bill: Bill | str, amount_fen: int, serial: str = "", paid_on: date = TODAY) -> Payment:
    number = bill if isinstance(bill, str) else bill.number
    return Payment(serial or f"SW{next(_serials):05d}", number, "甲示例公司", amount_fen, paid_on)


def tell(payments: Sequence[Payment], batch: str = "B1", channel: Channel = Channel.TAX) -> list[Told]:
    with acting(finance()):
        return receiving.receive_told(channel, batch, payments, place=PLACE, agency_id=1, on=TODAY, at=AT)


def arrive(*serials: str) -> int:
    with acting(finance()):
        return receiving.arrive(serials, place=PLACE, on=TODAY, at=AT)


def balance(kind: AccountKind) -> int:
    with acting(ENGINE):
        return sum(r.balance_fen for r in trial_balance(PLACE, date(2030, 1, 1)) if r.kind is kind)


def by_fund(kind: AccountKind) -> dict[int, int]:
    with acting(ENGINE):
        return {r.fund: r.balance_fen for r in trial_balance(PLACE, date(2030, 1, 1)) if r.kind is kind}


def fresh(bill: Bill) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(pk=bill.pk)


def test_a_told_payment_clears_the_bill_and_is_on_its_way_until_it_arrives(bill: Bill) -> None:
    bank, transit = balance(AccountKind.BANK), balance(AccountKind.TRANSIT)
    told = tell([payment(bill, bill.total_fen, "SW-A")])[0]
    assert (told.status, told.state, told.allocated_fen, told.suspended_fen) == (ToldAs.NEW, ReceiptState.ALLOCATED, bill.total_fen, 0)
    assert fresh(bill).state == BillState.PAID
    assert balance(AccountKind.BANK) == bank and balance(AccountKind.TRANSIT) == transit + bill.total_fen
    before = by_fund(AccountKind.TRANSIT)
    assert arrive("SW-A") == 1
    assert balance(AccountKind.BANK) == bank + bill.total_fen and balance(AccountKind.TRANSIT) == transit
    assert all(fund and fen for fund, fen in before.items() if fund)
    assert arrive("SW-A") == 0, "a second time nothing moves"
    assert balance(AccountKind.BANK) == bank + bill.total_fen


def test_the_same_serial_is_answered_as_known_and_with_other_content_it_waits(bill: Bill) -> None:
    once = payment(bill, 10_000, "SW-B")
    tell([once])
    assert tell([once])[0].status is ToldAs.KNOWN
    other = payment(bill, 20_000, "SW-B")
    told = tell([other])[0]
    assert told.status is ToldAs.HELD and "没有入账" in told.reason
    tell([other])
    assert fresh(bill).paid_fen == 10_000
    with acting(ENGINE):
        assert HeldTold.objects.filter(serial="SW-B").count() == 1


def test_what_no_bill_takes_waits_in_suspense_and_stays_there_when_it_arrives(bill: Bill) -> None:
    suspense = balance(AccountKind.SUSPENSE)
    told = tell([payment("HD209901-0000001", 700, "SW-C"), payment(bill, bill.total_fen + 50, "SW-D")])
    assert [t.suspended_fen for t in told] == [700, 50]
    assert told[0].reason == "没有这个核定单号" and told[1].reason == "多缴 0.50 元"
    assert balance(AccountKind.SUSPENSE) == suspense - 750
    assert arrive("SW-C", "SW-D", "SW-NEVER") == 2
    assert balance(AccountKind.TRANSIT) == sum(r.amount_fen for r in _receipts() if r.channel in ("tax", "bank") and r.arrived_on is None)


def _receipts() -> list[Receipt]:
    with acting(ENGINE):
        return list(Receipt.objects.all())


def test_what_the_statement_showed_first_finds_its_bill_when_the_partner_tells_of_it(bill: Bill) -> None:
    with acting(finance()):
        early = new_receipts(
            [Payment("SW-E", "", "甲示例公司", bill.total_fen, TODAY)], None, 1, ReceiptState.SUSPENSE, AT, channel=Channel.STATEMENT
        )
        settle(early, place=PLACE, on=TODAY, at=AT)
    bank = balance(AccountKind.BANK)
    told = tell([payment(bill, bill.total_fen, "SW-E")])[0]
    assert (told.status, told.allocated_fen) == (ToldAs.KNOWN, bill.total_fen)
    assert fresh(bill).state == BillState.PAID
    assert balance(AccountKind.BANK) == bank, "the money has been there since the statement"


def test_a_long_list_takes_no_more_statements_than_a_short_one(unit: int) -> None:
    def asked(count_: int) -> int:
        month = next(_months)
        assess(month, at=moment(month, 5))
        with acting(ENGINE):
            bill = Bill.objects.get(unit_id=unit, month=month)
        early = [Payment(f"SWL{month}{i}", "", "甲示例公司", 50, TODAY) for i in range(count_)]
        with acting(finance()):
            settle(new_receipts(early, None, 1, ReceiptState.SUSPENSE, AT, channel=Channel.STATEMENT), place=PLACE, on=TODAY, at=AT)
        told = [payment(bill, 50, p.serial) for p in early] + [payment(bill, 70) for _ in range(count_)]
        with CaptureQueriesContext(connection) as queries:
            assert [t.allocated_fen for t in tell(told)] == [50] * count_ + [70] * count_
        return len(queries)

    assert asked(20) == asked(2)


def test_two_tellers_of_the_same_payment_count_it_once(bill: Bill) -> None:
    outcomes = race(10, 2, lambda i, _: tell([payment(bill, 100, f"SW-R{i}")])[0].status)
    for round_ in outcomes:
        assert sorted(str(s.value) for s in round_) == ["known", "new"], round_
    assert fresh(bill).paid_fen == 1_000
