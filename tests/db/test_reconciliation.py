"""对账 of a day: every line of a statement is matched or a difference, files that are not right change nothing, and a rerun finds the same."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.months import span
from shebao.gateways.statement import StatementRefused, TaxDayRow
from shebao.ledger.models import AccountKind
from shebao.levy import outgoing, payouts, receiving, reconcile_settling, reconcile_statements, suspense
from shebao.levy.models import Bill, BillState, Receipt
from shebao.levy.receiving import ToldAs
from shebao.levy.reconcile_models import DifferenceKind, OutgoingKind, ReconDay, Statement
from shebao.levy.refund_models import MoveKind, SourceKind
from shebao.levy.refund_sources import Source
from tests.city.money import audited
from tests.db.money_support import (
    CLERK,
    COLLEAGUE,
    Bank,
    apply_refund,
    balances,
    check_everything,
    credit,
    debit,
    decide,
    differences,
    fresh,
    load,
    of_suspense,
    payment,
    propose,
    receipt,
    reconcile,
    refund_of,
    review_refund,
    serials,
    tell,
)  # fmt: skip
from tests.db.support import AT, PLACE, ask, assess, finance, hire, make_agency, make_unit, moment, race

FIRST = AT.date()
KEY = Ed25519PrivateKey.generate().private_bytes_raw()
_months = span(202501, 202611)


@pytest.fixture(scope="module")
def unit(database: str) -> int:
    make_agency(1)
    found = make_unit("甲示例公司", vip=False)
    hire(found, 2, month=202401, at=moment(202401, 2))
    return found


@pytest.fixture
def bill(unit: int) -> Bill:
    month = next(_months)
    assess(month, at=moment(month, 5))
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit, month=month)


@pytest.fixture(scope="module")
def bank(unit: int) -> Bank:
    """One account through the whole module: its statements follow each other."""
    return Bank(balances()[AccountKind.BANK], FIRST)


@pytest.fixture(autouse=True)
def nothing_is_lost(bank: Bank) -> Iterator[None]:
    """After every test the books are whole, every line has its outcome, and books + what is unbooked = what the bank says."""
    yield
    check_everything()
    if bank.sequence:
        told = reconcile(bank.day)
        assert told.lines == told.matched + told.differing
        assert told.balanced, (told, differences("balance"))
    assert ask("select count(*) from levy_statementline l join levy_statement s on s.id = l.statement_id"
               " where s.state = 'loaded' and l.outcome is null") == [(0,)]  # fmt: skip


def test_told_payments_arrive_when_the_statement_shows_them(bank: Bank, bill: Bill) -> None:
    tell(payment(bill, bill.total_fen, "SW-1"))
    bank.send(credit("SW-1", bill.total_fen, bank.day))
    told = reconcile(bank.day)
    assert (told.lines, told.matched, told.differing, told.fresh) == (1, 1, 0, 0)
    assert receipt("SW-1").arrived_on == bank.day
    again = reconcile(bank.day)
    assert (again.matched, again.fresh) == (1, 0)
    with acting(ENGINE):
        assert ReconDay.objects.get(day=bank.day).rounds == 2


def test_a_batch_paid_in_one_sum_arrives_whole(bank: Bank, bill: Bill) -> None:
    names = [f"KK-1-{i}" for i in range(3)]
    tell(*(payment(bill, 100, n) for n in names), batch="KK-202611-1")
    bank.send(credit("KK-202611-1", 300, bank.day))
    assert reconcile(bank.day).matched == 1
    assert all(receipt(n).arrived_on == bank.day for n in names)


def test_a_batch_that_one_statement_shows_twice_arrives_once_and_the_second_sum_waits(bank: Bank, bill: Bill) -> None:
    names = [f"KK-2-{i}" for i in range(3)]
    tell(*(payment(bill, 100, n) for n in names), batch="KK-202611-2")
    before = balances()
    bank.send(credit("KK-202611-2", 300, bank.day), credit("KK-202611-2", 300, bank.day))
    told = reconcile(bank.day)
    assert (told.matched, told.differing) == (1, 1)
    assert [(d.subject, d.theirs_fen) for d in differences("twice", state="open")] == [("KK-202611-2", 300)]
    after = balances()
    assert after[AccountKind.TRANSIT] == before[AccountKind.TRANSIT] - 300
    assert after[AccountKind.BANK] == before[AccountKind.BANK] + 600
    assert after[AccountKind.SUSPENSE] == before[AccountKind.SUSPENSE] - 300
    (again,) = [r for r in held_receipts() if r.amount_fen == 300]
    review_refund(apply_refund(Source(SourceKind.SUSPENSE, again.pk, 300)))


@pytest.mark.parametrize("way", ["claim", "refund"])
def test_a_difference_whose_money_is_only_proposed_for_something_is_still_there(bank: Bank, bill: Bill, way: str) -> None:
    name = f"HELD-{way}"
    bank.send(credit(name, 2_000, bank.day))
    reconcile(bank.day)

    def state() -> str:
        reconcile(bank.day)
        return str(next(d.state for d in differences("unknown") if d.subject == name))

    act = (
        (lambda: propose(name, MoveKind.MATCH, 2_000, bill=bill.number))
        if way == "claim"
        else (lambda: apply_refund(of_suspense(name, 2_000)))
    )
    end = decide if way == "claim" else (lambda pk, confirm=True, note="": review_refund(pk, approve=confirm, note=note))
    held = act()
    assert receipt(name).rest_fen == 0 and state() == "open"
    end(held, confirm=False, note="不是这家单位的")
    assert receipt(name).rest_fen == 2_000 and state() == "open"
    end(act())
    assert state() == "settled"


def held_receipts() -> list[Receipt]:
    """What the statements brought that nobody has claimed."""
    with acting(ENGINE):
        return list(Receipt.objects.filter(channel="stmt", state="suspense", moved_fen=0).order_by("-id"))


def test_unknown_money_is_in_suspense_and_its_difference_ends_when_it_is_claimed(bank: Bank, bill: Bill) -> None:
    before = balances()[AccountKind.SUSPENSE]
    bank.send(credit("WHO-KNOWS", 4_000, bank.day))
    told = reconcile(bank.day)
    assert (told.differing, told.fresh) == (1, 1)
    assert balances()[AccountKind.SUSPENSE] == before - 4_000
    (one,) = differences("unknown", state="open")
    with pytest.raises(reconcile_settling.MoneyOpenError), acting(finance(CLERK)):
        reconcile_settling.propose_close(one.pk, "不管了", at=AT)
    decide(propose("WHO-KNOWS", MoveKind.MATCH, 4_000, bill=bill.number))
    reconcile(bank.day)
    (one,) = [d for d in differences("unknown") if d.subject == "WHO-KNOWS"]
    assert (one.state, one.settled_by) == ("settled", "cleared")


def test_money_that_names_its_bill_goes_there(bank: Bank, bill: Bill) -> None:
    bank.send(credit(bill.number, bill.total_fen, bank.day))
    assert reconcile(bank.day).matched == 1
    assert fresh(bill).state == BillState.PAID


def test_the_partner_who_tells_after_the_statement_finds_the_money_there(bank: Bank, bill: Bill) -> None:
    bank.send(credit("SW-LATE-TOLD", bill.total_fen, bank.day))
    reconcile(bank.day)
    assert tell(payment(bill, bill.total_fen, "SW-LATE-TOLD"))[0].status is ToldAs.KNOWN
    assert fresh(bill).state == BillState.PAID
    reconcile(bank.day)
    assert not [d for d in differences("unknown", state="open") if d.subject == "SW-LATE-TOLD"]


def test_the_same_payment_twice_on_statements_is_kept_and_goes_back(bank: Bank, bill: Bill) -> None:
    tell(payment(bill, bill.total_fen, "SW-TW"))
    bank.send(credit("SW-TW", bill.total_fen, bank.day), credit("SW-TW", bill.total_fen, bank.day))
    reconcile(bank.day)
    bank.send(credit("SW-TW", bill.total_fen, bank.day))
    reconcile(bank.day)
    twice = [d for d in differences("twice") if d.subject == "SW-TW"]
    assert len(twice) == 2 and all(d.receipt and d.receipt.rest_fen == bill.total_fen for d in twice)
    serial = twice[0].receipt.serial if twice[0].receipt else ""
    pk = apply_refund(of_suspense(serial, bill.total_fen))
    review_refund(pk)
    with acting(finance()):
        payouts.instruct(1, PLACE, bank="403", private_key=KEY, on=bank.day, at=AT)
    name = refund_of(pk).serial
    bank.send(debit(name, bill.total_fen, bank.day))
    assert reconcile(bank.day).matched == 1
    assert refund_of(pk).state == "paid"
    bank.send(credit(name, bill.total_fen, bank.day))
    assert reconcile(bank.day).matched == 1
    assert refund_of(pk).state == "returned"


def test_another_amount_than_told_is_a_difference_and_both_sides_are_put_right(bank: Bank, bill: Bill) -> None:
    tell(payment(bill, bill.total_fen, "SW-AM"))
    bank.send(credit("SW-AM", bill.total_fen - 100, bank.day))
    reconcile(bank.day)
    (one,) = [d for d in differences("amount") if d.subject == "SW-AM"]
    assert (one.ours_fen, one.theirs_fen, one.amount_fen) == (bill.total_fen, bill.total_fen - 100, 100)
    decide(propose("SW-AM", MoveKind.WITHDRAW, bill.total_fen))
    assert one.receipt is not None
    decide(propose(one.receipt.serial, MoveKind.MATCH, bill.total_fen - 100, bill=bill.number))
    reconcile(bank.day)
    assert [d.settled_by for d in differences("amount") if d.subject == "SW-AM"] == ["cleared"]
    assert fresh(bill).open_fen == 100


def test_told_and_not_arrived_ages_into_a_difference_and_ends_when_it_comes(bank: Bank, bill: Bill) -> None:
    tell(payment(bill, 500, "SW-OLD", paid_on=bank.day), on=bank.day)
    for _ in range(3):
        bank.send()
        reconcile(bank.day)
    while not [d for d in differences("late") if d.subject == "SW-OLD"]:
        bank.send()
        reconcile(bank.day)
        assert bank.sequence < 60
    assert bank.day > FIRST + timedelta(days=1)
    bank.send(credit("SW-OLD", 500, bank.day))
    reconcile(bank.day)
    assert [(d.state, d.settled_by) for d in differences("late") if d.subject == "SW-OLD"] == [("settled", "arrived")]


def test_money_that_goes_out_unexplained_is_a_difference_and_ends_when_the_bank_gives_it_back(bank: Bank) -> None:
    bank.send(debit("FEE-1", 1_500, bank.day))
    told = reconcile(bank.day)
    assert told.unbooked_fen == -1_500 and told.balanced
    assert [d.state for d in differences("unknown_debit")] == ["open"]
    bank.send(credit("FEE-1", 1_500, bank.day))
    assert reconcile(bank.day).matched == 1
    assert [(d.state, d.settled_by) for d in differences("unknown_debit")] == [("settled", "reversed")]


def test_the_tax_offices_list_is_compared_row_by_row_and_a_better_list_ends_the_differences(bank: Bank, bill: Bill) -> None:
    bank.send()
    day = bank.day
    tell(payment(bill, 100, "TX-1", day), payment(bill, 200, "TX-2", day), payment(bill, 300, "TX-3", day), on=day)
    ours = {d.kind: d for d in differences() if d.kind.startswith("tax")}
    assert not ours
    rows = [TaxDayRow("TX-1", bill.number, 100, day), TaxDayRow("TX-2", bill.number, 250, day), TaxDayRow("TX-9", bill.number, 9, day)]
    assert reconcile(day, rows).fresh >= 3
    assert {d.kind: d.subject for d in differences() if d.kind.startswith("tax")} == {
        "tax_amount": "TX-2", "tax_missing": "TX-3", "tax_extra": "TX-9",
    }  # fmt: skip
    right = [TaxDayRow(f"TX-{i}", bill.number, i * 100, day) for i in (1, 2, 3)]
    reconcile(day, right)
    assert {d.settled_by for d in differences() if d.kind.startswith("tax")} == {"agreed"}
    bank.send(*(credit(f"TX-{i}", i * 100, day) for i in (1, 2, 3)))
    reconcile(bank.day)


def test_receipts_entered_as_arrived_that_no_statement_shows_are_told(bank: Bank, bill: Bill) -> None:
    day = bank.day
    with acting(finance()):
        receiving.receive_file(
            next(serials).to_bytes(32, "big"), f"F{next(serials)}", "f.csv", [payment(bill, 800, "FILE-1", day)],
            place=PLACE, agency_id=1, on=day, at=AT,
        )  # fmt: skip
    told = reconcile(day)
    assert not told.balanced and [d.subject for d in differences("unseen", state="open")] == ["FILE-1"]
    bank.send(credit("FILE-1", 800, day))
    assert reconcile(bank.day).matched == 1
    assert [(d.state, d.settled_by) for d in differences("unseen")] == [("settled", "arrived")]


def entered(bill: Bill, serial: str, day: date) -> None:
    with acting(finance()):
        receiving.receive_file(
            next(serials).to_bytes(32, "big"), f"F{next(serials)}", "f.csv", [payment(bill, 800, serial, day)],
            place=PLACE, agency_id=1, on=day, at=AT,
        )  # fmt: skip


def test_what_was_entered_and_never_came_is_taken_out_of_the_books_by_two(bank: Bank, bill: Bill) -> None:
    before, day = balances()[AccountKind.BANK], bank.day
    entered(bill, "FILE-NEVER", day)
    with pytest.raises(suspense.NotPossibleError):
        propose("FILE-NEVER", MoveKind.WITHDRAW, 800)  # before the statement was compared it counts as arrived
    reconcile(day)
    (one,) = [d for d in differences("unseen", state="open") if d.subject == "FILE-NEVER"]
    with pytest.raises(reconcile_settling.MoneyOpenError, match="冲销原登记"), acting(finance(CLERK)):
        reconcile_settling.propose_close(one.pk, "银行没有", at=AT)
    decide(propose("FILE-NEVER", MoveKind.WITHDRAW, 800))
    assert balances()[AccountKind.BANK] == before and fresh(bill).paid_fen == 0
    told = reconcile(day)
    assert told.balanced and [(d.state, d.settled_by) for d in differences("unseen") if d.subject == "FILE-NEVER"] == [
        ("settled", "withdrawn")
    ]


def test_what_left_for_the_fiscal_account_is_booked_by_fund_by_two(bank: Bank, bill: Bill) -> None:
    tell(payment(bill, bill.total_fen, "SW-FISCAL"))
    bank.send(credit("SW-FISCAL", bill.total_fen, bank.day))
    reconcile(bank.day)
    bank.send(debit("CZ-2026-11", 30_000, bank.day))
    assert reconcile(bank.day).unbooked_fen == -30_000
    (one,) = [d for d in differences("unknown_debit", state="open") if d.subject == "CZ-2026-11"]
    to = {"place": PLACE, "on": bank.day, "at": AT}
    with acting(finance(CLERK)):
        with pytest.raises(reconcile_settling.MoneyOpenError, match="账面长期与银行不符"):
            reconcile_settling.propose_close(one.pk, "财政划款", at=AT)
        with pytest.raises(outgoing.OutgoingError, match="应等于支出金额"):
            outgoing.propose(one.pk, OutgoingKind.FISCAL, {110: 20_000}, "划款通知书", **to)
        with pytest.raises(outgoing.OutgoingError, match="收入户存款只有"):
            outgoing.propose(one.pk, OutgoingKind.FISCAL, {510: 30_000}, "划款通知书", **to)
        with pytest.raises(suspense.ReasonMissingError):
            outgoing.propose(one.pk, OutgoingKind.FISCAL, {110: 30_000}, " ", **to)
        outgoing.propose(one.pk, OutgoingKind.FISCAL, {110: 20_000, 310: 10_000}, "划款通知书 1 号", **to)
        with pytest.raises(suspense.SameHandsError):
            outgoing.decide(one.pk, confirm=True, place=PLACE, at=AT)
        with pytest.raises(suspense.DecidedError):
            reconcile_settling.decide_close(one.pk, confirm=True, at=AT)
    with acting(finance(COLLEAGUE)):
        outgoing.decide(one.pk, confirm=True, place=PLACE, at=AT)
    told = reconcile(bank.day)
    assert told.balanced and told.unbooked_fen == 0
    (done,) = [d for d in differences("unknown_debit") if d.subject == "CZ-2026-11"]
    assert (done.settled_by, done.proposed_by, done.confirmed_by) == ("transferred", CLERK, COLLEAGUE)


def test_what_the_bank_took_by_mistake_is_an_advance_until_it_comes_back(bank: Bank) -> None:
    bank.send(debit("MISTAKE-7", 900, bank.day))
    reconcile(bank.day)
    (one,) = [d for d in differences("unknown_debit", state="open") if d.subject == "MISTAKE-7"]
    for confirm in (False, True):
        with acting(finance(CLERK)):
            outgoing.propose(one.pk, OutgoingKind.ADVANCE, {}, "银行误划，已去函", place=PLACE, on=bank.day, at=AT)
        with acting(finance(COLLEAGUE)):
            outgoing.decide(one.pk, confirm=confirm, place=PLACE, at=AT)
    check_everything()
    assert balances()[AccountKind.ADVANCE] == 900 and reconcile(bank.day).balanced
    bank.send(credit("MISTAKE-7", 900, bank.day))
    assert reconcile(bank.day).matched == 1
    assert balances()[AccountKind.ADVANCE] == 0


def test_what_only_the_tax_offices_list_had_is_over_when_it_tells_us(bank: Bank, bill: Bill) -> None:
    bank.send()
    day = bank.day
    reconcile(day, [TaxDayRow("TX-LATER", bill.number, 60, day)])
    assert [d.state for d in differences("tax_extra") if d.subject == "TX-LATER"] == ["open"]
    tell(payment(bill, 60, "TX-LATER", day), on=day)
    reconcile(day)
    assert [d.settled_by for d in differences("tax_extra") if d.subject == "TX-LATER"] == ["agreed"]
    bank.send(credit("TX-LATER", 60, day))
    reconcile(bank.day)


def test_closing_a_difference_takes_two_people_and_a_reason(bank: Bank, bill: Bill) -> None:
    entered(bill, "FILE-2", bank.day)
    reconcile(bank.day)
    one = next(d for d in differences("balance") if d.state == "open")
    with acting(finance(CLERK)):
        reconcile_settling.take_over(one.pk, at=AT)
        reconcile_settling.chase(one.pk, "已电话联系开户银行", at=AT)
    with pytest.raises(reconcile_settling.OwnedError), acting(finance(COLLEAGUE)):
        reconcile_settling.take_over(one.pk, at=AT)
    with pytest.raises(suspense.ReasonMissingError), acting(finance(CLERK)):
        reconcile_settling.propose_close(one.pk, " ", at=AT)
    with acting(finance(CLERK)):
        reconcile_settling.propose_close(one.pk, "次日到账，已平", at=AT)
    with pytest.raises(suspense.SameHandsError), acting(finance(CLERK)):
        reconcile_settling.decide_close(one.pk, confirm=True, at=AT)
    with acting(finance(COLLEAGUE)):
        assert reconcile_settling.decide_close(one.pk, confirm=True, at=AT) == "settled"
    bank.send(credit("FILE-2", 800, bank.day))
    reconcile(bank.day)


def test_every_kind_of_difference_has_a_way_that_settles_it() -> None:
    assert set(reconcile_settling.WAYS) == set(DifferenceKind) and all(reconcile_settling.WAYS.values())


# --- files that are not right ---


def count_lines() -> int:
    return int(ask("select count(*) from levy_statementline")[0][0])


def test_the_same_statement_again_changes_nothing(bank: Bank) -> None:
    content = bank.content(credit("R-1", 100, bank.day))
    load(content)
    reconcile(bank.day)
    before = count_lines(), balances()
    with pytest.raises(reconcile_statements.StatementKnownError, match="没有重复处理"):
        load(content)
    reconcile(bank.day)
    assert (count_lines(), balances()) == before


def test_a_truncated_or_changed_statement_is_refused_whole(bank: Bank) -> None:
    content = bank.content(credit("R-2", 12_345, bank.day))
    before = count_lines()
    for wrong in (content[:-80], content[: len(content) // 2], content.replace(b"123.45", b"123.46", 1), content + b"x"):
        with pytest.raises(StatementRefused, match=r"没有登记|不完整"):
            load(wrong)
    assert count_lines() == before
    load(content)


def test_another_file_for_a_known_day_is_refused(bank: Bank) -> None:
    from shebao.gateways import statement as codec

    bank.send(credit("R-3", 100, bank.day))
    other = codec.write("42010099000000001", bank.day, bank.sequence, bank.balance, [])
    with pytest.raises(reconcile_statements.StatementConflictError, match="内容不同"):
        load(other)


def test_an_opening_balance_that_is_not_the_last_closing_is_refused(bank: Bank) -> None:
    from shebao.gateways import statement as codec

    other = codec.write("42010099000000001", bank.day + timedelta(days=1), bank.sequence + 1, bank.balance + 1, [])
    with pytest.raises(reconcile_statements.OpeningError, match="不符"):
        load(other)


def test_a_statement_that_comes_too_early_waits_and_is_taken_in_its_turn(bank: Bank) -> None:
    first = bank.content(credit("R-4", 100, bank.day))
    second = bank.content(credit("R-5", 200, bank.day))
    before = balances()[AccountKind.BANK]
    assert load(second).state == "queued"
    reconcile(bank.day)
    assert balances()[AccountKind.BANK] == before, "what waits moves nothing"
    assert load(first).days == (bank.day - timedelta(days=1), bank.day)
    reconcile(bank.day)
    assert balances()[AccountKind.BANK] == before + 300


def test_a_statement_of_another_account_is_refused() -> None:
    from shebao.gateways import statement as codec

    with pytest.raises(reconcile_statements.StatementNotOursError):
        load(codec.write("99990000111122223", FIRST, 1, 0, []))


def test_two_who_reconcile_the_same_day_at_once_book_it_once(bank: Bank, bill: Bill) -> None:
    tell(payment(bill, 700, "SW-RACE"))
    bank.send(credit("SW-RACE", 700, bank.day), credit("RACE-UNKNOWN", 50, bank.day))
    before = balances()[AccountKind.BANK]
    race(1, 3, lambda _, __: reconcile(bank.day))
    assert balances()[AccountKind.BANK] == before + 750
    with acting(ENGINE):
        assert Receipt.objects.filter(serial="RACE-UNKNOWN").count() == 1
        assert Statement.objects.filter(day=bank.day).count() == 1
    assert isinstance(bank.day, date)


def test_the_auditor_counts_money_that_only_the_statement_told_of(bank: Bank) -> None:
    bank.send(credit("AUDITED", 4_200, bank.day))
    reconcile(bank.day)
    with acting(ENGINE):
        assert [told for told in audited() if told.startswith(("bank", "transit", "suspense"))] == []


def test_a_day_without_movements_is_summed_up_once(bank: Bank) -> None:
    bank.send()
    empty = bank.day
    reconcile(empty)
    bank.send(credit("LATER", 300, bank.day))
    reconcile(bank.day)
    with acting(ENGINE):
        assert ReconDay.objects.get(day=empty).rounds == 1
