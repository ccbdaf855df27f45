"""暂收款: money is moved by two people, for a reason, by transfer; it is never in two places, and the bills follow."""

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.months import span
from shebao.base.terms import Insurance
from shebao.ledger.models import AccountKind
from shebao.levy import flexible_billing, matching, suspense
from shebao.levy.models import Bill, BillState, ReceiptState
from shebao.levy.refund_models import HeldTold, MoveKind, SourceKind
from shebao.levy.refund_sources import Source
from shebao.policy.rulebook import standard
from tests import make
from tests.db.money_support import (
    CLERK,
    COLLEAGUE,
    apply_refund,
    arrive,
    balances,
    check_everything,
    decide,
    fresh,
    payment,
    propose,
    receipt,
    review_refund,
    serials,
    tell,
)  # fmt: skip
from tests.db.support import AT, PLACE, ask, assess, attempt, finance, hire, make_agency, make_unit, moment, race

_months = span(202501, 202611)


@pytest.fixture(scope="module")
def units(database: str) -> tuple[int, int]:
    make_agency(1)
    make_agency(2)
    found = make_unit("甲示例公司", agency=1, vip=False), make_unit("乙示例公司", agency=2, vip=False)
    for unit, agency in zip(found, (1, 2), strict=True):
        hire(unit, 2, month=202401, agency=agency, at=moment(202401, 2))
    return found


@pytest.fixture
def bills(units: tuple[int, int]) -> tuple[Bill, Bill]:
    month = next(_months)
    assess(month, at=moment(month, 5))
    with acting(ENGINE):
        return Bill.objects.get(unit_id=units[0], month=month), Bill.objects.get(unit_id=units[1], month=month)


@pytest.fixture(autouse=True)
def nothing_is_lost(database: str):  # type: ignore[no-untyped-def]
    yield
    check_everything()


def unknown(amount_fen: int, *, here: bool = True) -> str:
    serial = f"UK{next(serials):05d}"
    tell(payment("HD209901-0000001", amount_fen, serial))
    if here:
        arrive(serial)
    return serial


def test_suspense_goes_to_a_bill_once_two_people_agree(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    serial = unknown(bill.total_fen + 500)
    move = propose(serial, MoveKind.MATCH, bill.total_fen, bill=bill.number)
    assert fresh(bill).state == BillState.ISSUED, "nothing has happened yet"
    assert receipt(serial).rest_fen == 500, "but the money is held"
    with pytest.raises(suspense.SameHandsError):
        decide(move, by=CLERK)
    assert decide(move) == "confirmed"
    assert (fresh(bill).state, receipt(serial).rest_fen) == (BillState.PAID, 500)
    with pytest.raises(suspense.DecidedError):
        decide(move)


def test_money_is_split_over_two_bills_and_what_is_declined_is_free_again(bills: tuple[Bill, Bill], units: tuple[int, int]) -> None:
    bill = bills[0]
    serial = unknown(3_000)
    first = propose(serial, MoveKind.MATCH, 1_000, bill=bill.number)
    propose(serial, MoveKind.MATCH, 2_000, bill=bill.number)
    with pytest.raises(suspense.TooMuchError):
        propose(serial, MoveKind.MATCH, 1, bill=bill.number)
    assert decide(first, confirm=False, note="应为另一张单") == "declined"
    assert receipt(serial).rest_fen == 1_000
    assert fresh(bill).paid_fen == 0


def test_money_of_another_agency_is_handed_over_and_claimed_there(bills: tuple[Bill, Bill]) -> None:
    theirs = bills[1]
    serial = unknown(theirs.total_fen + 100)
    with pytest.raises(suspense.NotPossibleError, match="先移交"):
        propose(serial, MoveKind.MATCH, theirs.total_fen, bill=theirs.number)
    move = propose(serial, MoveKind.HAND_OVER, theirs.total_fen, to=2)
    bank = balances()[AccountKind.BANK]
    decide(move)
    child = ask("select serial, agency_id, amount_fen from levy_receipt where parent_id = %s", [receipt(serial).pk])[0]
    assert child[1:] == (2, theirs.total_fen)
    assert balances()[AccountKind.BANK] == bank, "no new money"
    decide(propose(child[0], MoveKind.MATCH, theirs.total_fen, bill=theirs.number))
    assert fresh(theirs).state == BillState.PAID
    assert receipt(serial).rest_fen == 100


def test_money_on_its_way_is_not_handed_over(bills: tuple[Bill, Bill]) -> None:
    serial = unknown(700, here=False)
    with pytest.raises(suspense.NotPossibleError, match="在途"):
        propose(serial, MoveKind.HAND_OVER, 700, to=2)


def test_money_on_the_wrong_bill_comes_back_and_the_bill_is_owed_again(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    serial = f"WR{next(serials):05d}"
    tell(payment(bill, bill.total_fen, serial))
    arrive(serial)
    owed = balances()[AccountKind.RECEIVABLE]
    decide(propose(serial, MoveKind.RELEASE, bill.total_fen, bill=bill.number))
    after = fresh(bill)
    assert (after.state, after.paid_fen, after.paid_on) == (BillState.ISSUED, 0, None)
    assert receipt(serial).rest_fen == bill.total_fen
    assert balances()[AccountKind.RECEIVABLE] == owed + bill.total_fen
    assert ask("select count(*) from levy_billline where bill_id = %s and paid_fen <> 0", [bill.pk]) == [(0,)]
    decide(propose(serial, MoveKind.MATCH, bill.total_fen, bill=bill.number))
    assert fresh(bill).state == BillState.PAID


def test_the_people_of_a_bill_whose_money_left_lose_the_credit_it_gave_them(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    serial = f"CR{next(serials):05d}"
    tell(payment(bill, bill.total_fen, serial))
    credited = ask("select coalesce(sum(own_fen), 0)::bigint from accounts_entry")[0][0]
    assert credited > 0
    decide(propose(serial, MoveKind.RELEASE, bill.total_fen, bill=bill.number))
    assert ask("select coalesce(sum(own_fen), 0)::bigint from accounts_entry")[0][0] < credited


def test_a_told_payment_that_never_comes_is_withdrawn_and_its_bill_owed_again(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    serial = f"NC{next(serials):05d}"
    tell(payment(bill, bill.total_fen + 30, serial))
    transit = balances()[AccountKind.TRANSIT]
    decide(propose(serial, MoveKind.WITHDRAW, bill.total_fen + 30))
    assert (receipt(serial).state, fresh(bill).state) == (ReceiptState.VOID, BillState.ISSUED)
    assert balances()[AccountKind.TRANSIT] == transit - bill.total_fen - 30
    assert arrive(serial) == 0


def test_what_has_arrived_cannot_be_withdrawn(bills: tuple[Bill, Bill]) -> None:
    serial = unknown(900)
    with pytest.raises(suspense.NotPossibleError, match="已经到账"):
        propose(serial, MoveKind.WITHDRAW, 900)


def test_money_others_rely_on_cannot_be_taken_away(bills: tuple[Bill, Bill]) -> None:
    with pytest.raises(suspense.NotPossibleError):
        propose(unknown(900), MoveKind.RELEASE, 900, bill=bills[0].number)
    assert matching.CannotReleaseError.code == "RFD-07"


def test_a_month_that_was_refunded_does_not_come_back_as_suspense_to_be_refunded_again(units: tuple[int, int]) -> None:
    worker = make.flexible(since=202611)
    with acting(ENGINE):
        wanted = flexible_billing.Wanted(worker.person_id, 1, 60, 202611, 202611)
        bill = flexible_billing.issue(wanted, place=PLACE, rulebook=standard(), on=AT.date(), at=AT)
    serial = f"FX{next(serials):05d}"
    tell(payment(bill, bill.total_fen, serial))
    arrive(serial)
    due = Source(SourceKind.FLEXDUE, person_id=worker.person_id, month=202611, insurance=Insurance.PENSION.value)
    review_refund(apply_refund(due, person=worker.person_id))
    move = propose(serial, MoveKind.RELEASE, bill.total_fen, bill=bill.number)
    with pytest.raises(matching.CannotReleaseError, match="已有月份办理退费"):
        decide(move)
    assert receipt(serial).rest_fen == 0


def test_two_people_who_propose_the_same_money_at_once_cannot_both_have_it(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    names = [unknown(1_000) for _ in range(8)]

    def act(i: int, racer: int) -> str:
        try:
            propose(names[i], MoveKind.MATCH, 700, bill=bill.number, by=CLERK + racer)
        except suspense.TooMuchError:
            return "refused"
        return "held"

    for outcome in race(8, 2, act):
        assert sorted(outcome) == ["held", "refused"], outcome


def test_a_told_change_waits_for_two_people_and_is_then_a_payment_of_its_own_or_nothing(bills: tuple[Bill, Bill]) -> None:
    bill = bills[0]
    serial = f"HL{next(serials):05d}"
    tell(payment(bill, 1_000, serial))
    tell(payment(bill, 2_000, serial))
    with acting(ENGINE):
        held = HeldTold.objects.get(serial=serial)
    with acting(finance(CLERK)):
        suspense.propose_held(held.pk, take=True, reason="税务确认为两笔", at=AT)
    with pytest.raises(suspense.SameHandsError), acting(finance(CLERK)):
        suspense.decide_held(held.pk, place=PLACE, on=AT.date(), at=AT)
    with acting(finance(COLLEAGUE)):
        assert suspense.decide_held(held.pk, place=PLACE, on=AT.date(), at=AT) == "taken"
    assert fresh(bill).paid_fen == 3_000


def test_the_database_refuses_what_one_person_does_alone_and_more_than_there_is(bills: tuple[Bill, Bill]) -> None:
    pk = receipt(unknown(500)).pk
    insert = """insert into levy_suspensemove (receipt_id, agency_id, kind, amount_fen, bill_id, to_agency_id, reason, state, proposed_by,
        proposed_at, decided_by, decided_at, note) values (%s, 1, 'hand_over', %s, null, 2, '', %s, 300, now(), %s, now(), '')"""
    assert attempt(ENGINE, insert, [pk, 500, "confirmed", 300]) == "23514"
    assert attempt(ENGINE, insert, [pk, 501, "proposed", None]) == "23514"
    assert attempt(ENGINE, insert, [pk, 500, "confirmed", 301]) == 1
