"""到账 on a real database: a file counts once, money finds its bill or waits with its reason, and after every step
nothing is lost: bank = all receipts that count, suspense = what is not allocated, the books balance."""

import hashlib
from datetime import date, timedelta
from itertools import count

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.months import span
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import matching, receiving
from shebao.levy.models import Allocation, Bill, BillLine, BillState, Receipt, ReceiptFile, ReceiptState
from shebao.levy.receiving import FileKnownError, NotPendingError, Payment, Received, SamePersonError, SerialKnownError
from tests.db.support import AT, PLACE, ask, assess, finance, hire, make_agency, make_unit, moment

TODAY = AT.date()
CLERK, COLLEAGUE = 300, 301
_serials, _months = count(1), span(202501, 202611)


@pytest.fixture(scope="module")
def units(database: str) -> tuple[int, int]:
    """A unit of agency 1 and one of agency 2, three people each."""
    make_agency(1)
    make_agency(2)
    found = make_unit("甲示例公司", agency=1, vip=False), make_unit("乙示例公司", agency=2, vip=False)
    for unit, agency in zip(found, (1, 2), strict=True):
        hire(unit, 3, month=202401, agency=agency, at=moment(202401, 2))
    return found


@pytest.fixture
def bills(units: tuple[int, int]) -> tuple[Bill, Bill]:
    """Fresh bills of both units: another month for every test."""
    month = next(_months)
    assess(month, at=moment(month, 5))
    with acting(ENGINE):
        return Bill.objects.get(unit_id=units[0], month=month, kind="monthly"), Bill.objects.get(
            unit_id=units[1], month=month, kind="monthly"
        )


def payment(bill: Bill | str, amount_fen: int, serial: str = "", paid_on: date = TODAY) -> Payment:
    number = bill if isinstance(bill, str) else bill.number
    return Payment(serial or f"S{next(_serials):05d}", number, "甲示例公司", amount_fen, paid_on, 3)


def receive(*payments: Payment, batch: str = "", content: bytes = b"", agency: int = 1, day: date = TODAY) -> Received:
    batch = batch or f"YH{next(_serials):05d}"
    digest = hashlib.sha256(content or batch.encode()).digest()
    with acting(finance(CLERK)):
        return receiving.receive_file(
            digest, batch, f"{batch}.csv", payments, place=PLACE, agency_id=agency, on=day, at=AT.replace(day=day.day)
        )


def enter(bill: Bill, amount_fen: int, serial: str = "", by: int = CLERK) -> int:
    with acting(finance(by)):
        return receiving.enter_by_hand(payment(bill, amount_fen, serial), agency_id=1, place=PLACE, on=TODAY, at=AT)


def fresh(bill: Bill) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(pk=bill.pk)


def receipt(serial: str) -> Receipt:
    with acting(ENGINE):
        return Receipt.objects.get(serial=serial)


@pytest.fixture(autouse=True)
def nothing_is_lost(database: str):  # type: ignore[no-untyped-def]
    """After every test: the books agree with the receipts, the receipts with their allocations, the bills with both."""
    yield
    with acting(ENGINE):
        rows = trial_balance(PLACE, date(2030, 1, 1))
        by_kind = {kind: sum(r.balance_fen for r in rows if r.kind is kind) for kind in AccountKind}
        counted = Receipt.objects.filter(state__in=(ReceiptState.ALLOCATED, ReceiptState.SUSPENSE))
        came = sum(r.amount_fen for r in counted)
        shared = sum(r.allocated_fen for r in counted)
        assert sum(r.debit_fen for r in rows) == sum(r.credit_fen for r in rows)
        assert by_kind[AccountKind.BANK] == came
        assert by_kind[AccountKind.SUSPENSE] == -(came - shared)
        assert shared == sum(a.amount_fen for a in Allocation.objects.all()) == sum(b.paid_fen for b in Bill.objects.all())
        assert shared == sum(line.paid_fen for line in BillLine.objects.all())
        fees = Bill.objects.filter(kind="late_fee")  # everything here is paid late: each payment has its late fee on a bill of its own
        assert by_kind[AccountKind.RECEIVABLE] == sum(b.open_fen for b in Bill.objects.exclude(kind="late_fee"))
        assert by_kind[AccountKind.LATE_FEE_DUE] == sum(b.open_fen for b in fees)
        assert -by_kind[AccountKind.INCOME] == sum(b.unit_fen + b.person_fen for b in Bill.objects.all())
        assert -by_kind[AccountKind.LATE_FEE] == sum(b.late_fee_fen for b in fees)


def test_a_payment_of_the_whole_bill_clears_it_and_every_line(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    told = receive(payment(bill, bill.total_fen))
    assert told == Received(receipts=1, allocated=1, suspended=0, known=0, total_fen=bill.total_fen)
    after = fresh(bill)
    assert (after.state, after.paid_fen, after.open_fen, after.paid_on) == (BillState.PAID, bill.total_fen, 0, TODAY)
    assert ask("select count(*) from levy_billline where bill_id = %s and paid_fen <> unit_fen + person_fen", [bill.pk]) == [(0,)]


def test_the_same_file_again_is_refused_and_nothing_is_counted_twice(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    once = payment(bill, 10_000)
    receive(once, batch="DAY-1", content=b"the same bytes")
    with pytest.raises(FileKnownError) as refused:
        receive(once, batch="DAY-1", content=b"the same bytes")
    assert refused.value.text == "这个文件已于 2026-11-10 入账，没有重复处理"
    assert fresh(bill).paid_fen == 10_000


def test_the_same_batch_with_other_content_is_refused_until_the_two_sides_have_talked(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    receive(payment(bill, 10_000), batch="DAY-2", content=b"first")
    with pytest.raises(FileKnownError) as refused:
        receive(payment(bill, 20_000), batch="DAY-2", content=b"second")
    assert refused.value.text == "批次号 DAY-2 已于 2026-11-10 入账，但本次文件内容不同；请与对方核对，用新的批次号重新出盘"
    assert fresh(bill).paid_fen == 10_000
    assert ask("select count(*) from levy_receiptfile where batch = 'DAY-2'") == [(1,)]


def test_a_line_that_an_earlier_file_brought_is_told_as_known_and_not_counted_again(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    old, new = payment(bill, 10_000), payment(bill, 20_000)
    receive(old)
    told = receive(old, new)
    assert (told.receipts, told.allocated, told.suspended, told.known) == (2, 1, 0, 1)
    assert fresh(bill).paid_fen == 30_000


def test_money_for_a_bill_that_nobody_knows_waits_in_suspense(bills: tuple[Bill, Bill]) -> None:
    told = receive(payment("HD202611-9999999", 88_000, "UNKNOWN-1"))
    assert (told.allocated, told.suspended) == (0, 1)
    found = receipt("UNKNOWN-1")
    assert (found.state, found.reason, found.allocated_fen, found.bill_id) == (ReceiptState.SUSPENSE, "没有这个核定单号", 0, None)


def test_money_for_another_agencys_bill_waits_and_that_bill_stays_as_it_was(bills: tuple[Bill, Bill]) -> None:
    theirs = bills[1]
    receive(payment(theirs, theirs.total_fen, "FOREIGN-1"))
    found = receipt("FOREIGN-1")
    assert (found.state, found.reason, found.bill_id) == (ReceiptState.SUSPENSE, "核定单属于其他经办机构", None)
    assert fresh(theirs).paid_fen == 0


def test_a_bill_that_is_paid_already_is_not_paid_again(bills: tuple[Bill, Bill]) -> None:
    """A late success after the due was paid elsewhere: the second amount waits whole."""
    bill = bills[0]
    receive(payment(bill, bill.total_fen))
    receive(payment(bill, bill.total_fen, "TWICE-1"))
    found = receipt("TWICE-1")
    assert (found.state, found.reason, found.allocated_fen) == (ReceiptState.SUSPENSE, "核定单已全部到账，疑似重复缴费", 0)
    assert fresh(bill).paid_fen == bill.total_fen


def test_two_payments_of_one_bill_in_one_file_pay_it_once(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    told = receive(payment(bill, bill.total_fen), payment(bill, bill.total_fen))
    assert (told.allocated, told.suspended) == (1, 1)
    assert fresh(bill).paid_fen == bill.total_fen


def test_what_is_paid_too_much_is_allocated_up_to_the_bill_and_the_rest_waits(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    told = receive(payment(bill, bill.total_fen + 12_345, "OVER-1"))
    assert (told.allocated, told.suspended) == (0, 1)
    found = receipt("OVER-1")
    assert (found.allocated_fen, found.reason, found.bill_id) == (bill.total_fen, "多缴 123.45 元", bill.pk)
    assert fresh(bill).state == BillState.PAID


def test_a_part_is_shared_over_the_lines_in_proportion_to_the_fen(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    part = bill.total_fen // 3 + 1
    receive(payment(bill, part))
    after = fresh(bill)
    assert (after.state, after.paid_fen, after.paid_on) == (BillState.PART_PAID, part, None)
    lines = ask("select unit_fen + person_fen, paid_fen from levy_billline where bill_id = %s", [bill.pk])
    assert sum(paid for _, paid in lines) == part
    assert all(abs(paid * bill.total_fen - part * owed) < bill.total_fen for owed, paid in lines)
    receive(payment(bill, bill.total_fen - part))
    assert fresh(bill).state == BillState.PAID


def test_files_may_come_in_any_order(bills: tuple[Bill, Bill]) -> None:
    """Class 35: every payment stands for itself, so the second day's file before the first day's ends in the same books."""
    bill = bills[0]
    receive(payment(bill, bill.total_fen - 5_000, paid_on=TODAY), batch="ORDER-2", day=TODAY)
    receive(payment(bill, 5_000, paid_on=TODAY - timedelta(days=1)), batch="ORDER-1", day=TODAY)
    assert (fresh(bill).state, fresh(bill).paid_fen) == (BillState.PAID, bill.total_fen)


def test_a_file_of_no_payments_is_on_record_and_changes_nothing(bills: tuple[Bill, Bill]) -> None:
    assert receive(batch="EMPTY-1") == Received(0, 0, 0, 0, 0)
    with acting(ENGINE):
        assert ReceiptFile.objects.get(batch="EMPTY-1").lines == 0


def test_a_file_that_fails_in_its_middle_leaves_nothing_behind(bills: tuple[Bill, Bill], monkeypatch: pytest.MonkeyPatch) -> None:
    bill = bills[0]
    calls = count(1)
    booked = matching.book

    def book_once(*arguments, **named):  # type: ignore[no-untyped-def]
        if next(calls) == 1:
            raise ConnectionError("the line broke")
        return booked(*arguments, **named)

    monkeypatch.setattr(matching, "book", book_once)
    with pytest.raises(ConnectionError):
        receive(payment(bill, 1_000, "HALF-1"), payment(bill, 2_000, "HALF-2"), batch="HALF")
    assert fresh(bill).paid_fen == 0
    assert ask("select count(*) from levy_receipt where serial like 'HALF-%%'") == [(0,)]
    assert ask("select count(*) from levy_receiptfile where batch = 'HALF'") == [(0,)]


def test_an_entry_by_hand_counts_only_when_another_one_has_confirmed_it(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    entered = enter(bill, bill.total_fen, "HAND-1")
    assert receipt("HAND-1").state == ReceiptState.PENDING
    assert fresh(bill).paid_fen == 0
    with acting(finance(COLLEAGUE)):
        assert receiving.confirm(entered, place=PLACE, on=TODAY, at=AT) == ReceiptState.ALLOCATED
    found = receipt("HAND-1")
    assert (found.state, found.entered_by, found.confirmed_by) == (ReceiptState.ALLOCATED, CLERK, COLLEAGUE)
    assert fresh(bill).state == BillState.PAID


def test_who_enters_never_confirms(bills: tuple[Bill, Bill]) -> None:
    entered = enter(bills[0], 5_000, "SELF-1")
    with pytest.raises(SamePersonError) as refused, acting(finance(CLERK)):
        receiving.confirm(entered, place=PLACE, on=TODAY, at=AT)
    assert refused.value.text == "登记和复核不能是同一人，请由另一位财务人员复核"
    assert (receipt("SELF-1").state, fresh(bills[0]).paid_fen) == (ReceiptState.PENDING, 0)


def test_the_database_too_refuses_one_person_for_both(bills: tuple[Bill, Bill]) -> None:
    from django.db import IntegrityError

    entered = enter(bills[0], 5_000)
    with pytest.raises(IntegrityError, match="levy_receipt_two_people"), acting(ENGINE):
        Receipt.objects.filter(pk=entered).update(confirmed_by=CLERK)


def test_a_confirmed_entry_for_an_unknown_bill_waits_in_suspense(bills: tuple[Bill, Bill]) -> None:
    with acting(finance(CLERK)):
        entered = receiving.enter_by_hand(payment("NOPE", 700, "HAND-2"), agency_id=1, place=PLACE, on=TODAY, at=AT)
    with acting(finance(COLLEAGUE)):
        assert receiving.confirm(entered, place=PLACE, on=TODAY, at=AT) == ReceiptState.SUSPENSE
    assert receipt("HAND-2").reason == "没有这个核定单号"


def test_a_void_entry_never_counts_and_its_pending_booking_is_resolved(bills: tuple[Bill, Bill]) -> None:
    entered = enter(bills[0], 5_000, "VOID-1")
    with acting(finance(COLLEAGUE)):
        receiving.void(entered, place=PLACE, on=TODAY, at=AT)
    assert receipt("VOID-1").state == ReceiptState.VOID
    resolved = "select v.state from ledger_posting p join ledger_posting v on v.resolves_id = p.id where p.key = %s"
    assert ask(resolved, [f"hand:{entered}"]) == [("void",)]


def test_what_is_settled_is_not_settled_again(bills: tuple[Bill, Bill]) -> None:
    confirmed, void = enter(bills[0], 5_000), enter(bills[0], 6_000)
    with acting(finance(COLLEAGUE)):
        receiving.confirm(confirmed, place=PLACE, on=TODAY, at=AT)
        receiving.void(void, place=PLACE, on=TODAY, at=AT)
    for settled in (confirmed, void):
        for act in (receiving.confirm, receiving.void):
            with pytest.raises(NotPendingError) as refused, acting(finance(302)):
                act(settled, place=PLACE, on=TODAY, at=AT)
            assert refused.value.text == "这笔到账已由他人处理，请刷新页面查看结果"
    assert fresh(bills[0]).paid_fen == 5_000


def test_a_serial_is_entered_once_by_hand_and_not_again_by_a_file(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    enter(bill, 5_000, "ONCE-1")
    with pytest.raises(SerialKnownError) as refused:
        enter(bill, 5_000, "ONCE-1", by=COLLEAGUE)
    assert refused.value.text == "流水号 ONCE-1 已经登记过，请核对是否重复"
    assert receive(payment(bill, 5_000, "ONCE-1")).known == 1
    assert fresh(bill).paid_fen == 0


def test_who_did_what_is_on_record(bills: tuple[Bill, Bill]) -> None:
    entered = enter(bills[0], 5_000, "TRACE-1")
    with acting(finance(COLLEAGUE)):
        receiving.confirm(entered, place=PLACE, on=TODAY, at=AT)
    told = ask("select action, account_id, account_name from audit_event where subject = 'TRACE-1' order by id")
    assert told == [("levy.receipt_entered", CLERK, "财务300"), ("levy.receipt_confirmed", COLLEAGUE, "财务301")]
