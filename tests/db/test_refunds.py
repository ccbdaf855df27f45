"""退费: two people, never more than the source holds, to the bank and back, and the books say where the money is at each step."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.months import shift, span
from shebao.base.terms import Insurance
from shebao.gateways import bank as bank_codec
from shebao.ledger.models import AccountKind
from shebao.levy import differences, payouts, refund_sources, refunding, suspense
from shebao.levy.models import Bill, Estimate, RefundDue
from shebao.levy.refund_models import Refund, SourceKind
from shebao.levy.refund_sources import Source
from tests.db.money_support import (
    CLERK,
    COLLEAGUE,
    PAYEE,
    THIRD,
    apply_refund,
    arrive,
    balances,
    check_everything,
    fresh,
    of_suspense,
    payment,
    receipt,
    refund_of,
    review_refund,
    serials,
    tell,
)  # fmt: skip
from tests.db.support import AT, PLACE, ask, assess, attempt, declare, finance, hire, make_agency, make_unit, moment, pay, person_ids, race

KEY = Ed25519PrivateKey.generate()
TODAY = AT.date()
_months = span(202501, 202611)


@pytest.fixture(scope="module")
def unit(database: str) -> int:
    make_agency(1)
    make_agency(2)
    return make_unit("甲示例公司", vip=False)


@pytest.fixture(scope="module")
def people(unit: int) -> list[int]:
    return person_ids(hire(unit, 2, month=202401, at=moment(202401, 2)))


@pytest.fixture
def bill(unit: int, people: list[int]) -> Bill:
    month = next(_months)
    assess(month, at=moment(month, 5))
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit, month=month)


@pytest.fixture(autouse=True)
def nothing_is_lost(database: str) -> Iterator[None]:
    yield
    check_everything()


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refunding, "two_reviewers_from", lambda place, on: 100_000)


def doubled(bill: Bill, amount_fen: int = 0, *, here: bool = True) -> str:
    """A bill paid, and paid again: the second payment is in suspense."""
    first, second = f"D{next(serials):05d}", f"D{next(serials):05d}"
    if fresh(bill).open_fen:
        tell(payment(bill, bill.total_fen, first))
        arrive(first)
    tell(payment(bill, amount_fen or bill.total_fen, second))
    if here:
        arrive(second)
    return second


def send() -> bytes:
    with acting(finance()):
        payout = payouts.instruct(1, PLACE, bank="403", private_key=KEY.private_bytes_raw(), on=TODAY, at=AT)
        return bytes(payout.content)


def with_refund(pk: int, act: str, **named: object) -> int:
    with acting(finance()):
        rows = list(Refund.objects.select_for_update().filter(pk=pk))
        return getattr(refunding, act)(rows, *named.values(), on=TODAY, at=AT)  # type: ignore[no-any-return]


def test_a_double_payment_goes_back_in_five_steps_and_the_books_follow(bill: Bill) -> None:
    serial = doubled(bill)
    before = balances()
    pk = apply_refund(of_suspense(serial, bill.total_fen))
    assert receipt(serial).rest_fen == 0 and balances() == before, "held, not booked"
    with pytest.raises(suspense.SameHandsError):
        review_refund(pk, by=CLERK)
    assert review_refund(pk) == "approved"
    approved = balances()
    assert approved[AccountKind.SUSPENSE] == before[AccountKind.SUSPENSE] + bill.total_fen
    assert approved[AccountKind.REFUND_DUE] == before[AccountKind.REFUND_DUE] - bill.total_fen
    file = bank_codec.read(
        send(), bank_codec.Kind.PAYOUT, sender=f"SB{PLACE}", receiver="BK403", public_key=KEY.public_key().public_bytes_raw(), today=TODAY
    )
    refund = refund_of(pk)
    assert refund.state == "instructed" and refund.serial.encode() in list(file.columns["number"])
    assert with_refund(pk, "paid") == 1
    assert balances()[AccountKind.BANK] == before[AccountKind.BANK] - bill.total_fen
    assert with_refund(pk, "paid") == 0, "said twice, paid once"
    assert (refund_of(pk).state, refund_of(pk).paid_on) == ("paid", TODAY)


def test_declined_money_is_back_where_it_was(bill: Bill) -> None:
    serial = doubled(bill)
    pk = apply_refund(of_suspense(serial, 100))
    with pytest.raises(suspense.ReasonMissingError):
        review_refund(pk, approve=False)
    review_refund(pk, approve=False, note="应抵缴下月")
    assert receipt(serial).rest_fen == bill.total_fen
    with pytest.raises(suspense.DecidedError):
        review_refund(pk)


def test_above_the_limit_two_others_review(bill: Bill, limit: None) -> None:
    pk = apply_refund(of_suspense(doubled(bill), 100_000))
    assert review_refund(pk) == "reviewed"
    with pytest.raises(suspense.SameHandsError):
        review_refund(pk, by=COLLEAGUE)
    assert review_refund(pk, by=THIRD) == "approved"


def test_below_the_limit_and_without_one_a_single_other_is_enough(bill: Bill, limit: None) -> None:
    assert review_refund(apply_refund(of_suspense(doubled(bill), 99_999))) == "approved"


def test_the_limit_is_not_known_and_so_nobody_guesses_one() -> None:
    assert refunding.two_reviewers_from(PLACE, TODAY) is None


def test_a_returned_refund_goes_out_again_to_another_account_after_another_review(bill: Bill) -> None:
    pk = apply_refund(of_suspense(doubled(bill), 5_000))
    review_refund(pk)
    send()
    with_refund(pk, "paid")
    bank = balances()[AccountKind.BANK]
    assert with_refund(pk, "returned", why="账号不存在") == 1
    assert balances()[AccountKind.BANK] == bank + 5_000
    with acting(finance(COLLEAGUE)):
        other = refunding.Payee("甲示例公司", "示例银行", "42010087654321")
        refunding.apply_again(pk, other, reason="单位来函更正", on=TODAY, at=AT)
    with pytest.raises(suspense.SameHandsError):
        review_refund(pk, by=COLLEAGUE)
    due = balances()[AccountKind.REFUND_DUE]
    assert review_refund(pk, by=THIRD) == "approved"
    assert balances()[AccountKind.REFUND_DUE] == due, "owed once, however often it is sent"
    assert b"42010087654321" in send(), "the bank is told the corrected account"
    assert refund_of(pk).serial.endswith("-2")
    assert with_refund(pk, "paid") == 1


@pytest.mark.parametrize("changed", [{"account": "4201"}, {"account": "4" * 21}, {"name": " "}, {"bank": ""}], ids=str)
def test_a_returned_refund_is_not_sent_to_an_account_that_can_be_none(bill: Bill, changed: dict[str, str]) -> None:
    pk = apply_refund(of_suspense(doubled(bill), 5_000))
    review_refund(pk)
    send()
    with_refund(pk, "returned", why="账号不存在")
    with pytest.raises(refunding.PayeeError), acting(finance(COLLEAGUE)):
        refunding.apply_again(pk, replace(PAYEE, **changed), reason="单位来函更正", on=TODAY, at=AT)
    with pytest.raises(suspense.ReasonMissingError), acting(finance(COLLEAGUE)):
        refunding.apply_again(pk, PAYEE, reason=" ", on=TODAY, at=AT)
    kept = refund_of(pk)
    assert (kept.state, kept.payee_account, kept.payee_name) == ("returned", PAYEE.account, PAYEE.name)


def test_what_has_not_arrived_is_not_paid_back(bill: Bill) -> None:
    with pytest.raises(refund_sources.NotPaidYetError, match="在途"):
        apply_refund(of_suspense(doubled(bill, here=False), 100))


def test_more_than_there_is_of_another_agency_or_nothing_is_refused(bill: Bill) -> None:
    serial = doubled(bill, 1_000)
    with pytest.raises(suspense.TooMuchError):
        apply_refund(of_suspense(serial, 1_001))
    with pytest.raises(suspense.NotPossibleError):
        apply_refund(of_suspense(serial, 1_000), agency=2)
    with pytest.raises(refunding.NothingError):
        apply_refund()


@pytest.mark.parametrize("account", ["6222-0000", "6222000", "6" * 21])
def test_an_account_that_can_be_none_or_does_not_fit_the_bank_s_file_is_refused(bill: Bill, account: str) -> None:
    wanted = refunding.Application((of_suspense(doubled(bill), 100),), refunding.Payee("甲", "示例银行", account), "重复", 1, PLACE)
    with pytest.raises(refunding.PayeeError), acting(finance()):
        refunding.apply(wanted, on=TODAY, at=AT)


def test_two_clerks_refund_the_same_suspense_and_one_of_them_has_it(bill: Bill) -> None:
    serial = doubled(bill, 8_000)
    source = of_suspense(serial, 700)

    def act(i: int, racer: int) -> str:
        try:
            apply_refund(Source(SourceKind.SUSPENSE, source.id, 8_000 if i == 0 else 100), by=CLERK + racer)
        except suspense.TooMuchError:
            return "refused"
        return "held"

    outcomes = race(4, 3, act)
    assert sorted(outcomes[0]) == ["held", "refused", "refused"]
    assert all(o == "refused" for later in outcomes[1:] for o in later)


def test_the_database_itself_refuses_the_second_of_two(bill: Bill) -> None:
    pk = receipt(doubled(bill, 1_000)).pk
    rows = """
    with r as (insert into levy_refund (number, agency_id, place, amount_fen, payee_name, payee_bank, payee_account, reason, state,
        two_reviewers, booked, applied_by, applied_at, note, attempt)
      values ('TKX0000001', 1, '420100', %s, 'x', 'x', '12345678', 'x', 'applied', false, false, 300, now(), '', 0) returning id)
    insert into levy_refundline (refund_id, source, fund, amount_fen, interest_fen, receipt_id, released)
    select id, 'suspense', 0, %s, 0, %s, false from r"""
    assert attempt(ENGINE, rows, [1_001, 1_001, pk]) == "23514"
    assert attempt(ENGINE, rows, [1_000, 1_000, pk]) == 1
    assert attempt(ENGINE, "update levy_refund set reviewed_by = applied_by, state = 'approved'") in ("23514",)
    assert attempt(ENGINE, "update levy_refundline set amount_fen = 1") == "23514"


def less(unit: int, person: int, month: int, agency: int = 1) -> RefundDue:
    """A correction found that somebody was charged 2.40 too much."""
    one = differences.Difference(unit, person, month, Insurance.PENSION, differences.Share(1_000, 160, 80), differences.NOTHING)
    with acting(ENGINE):
        differences.settle([one], {unit: agency}, reason="订正", case_id=None, at=AT)
        return RefundDue.objects.get(unit_id=unit, person_id=person, month=month, insurance=Insurance.PENSION)


def test_dues_charged_too_much_go_back_once_they_were_paid_and_accounts_give_theirs_back(bill: Bill, unit: int, people: list[int]) -> None:
    due = less(unit, people[0], bill.month)
    source = Source(SourceKind.DIFFERENCE, due.pk)
    with pytest.raises(refund_sources.NotPaidYetError, match="尚未缴清"):
        apply_refund(source)
    pay(bill, bill.total_fen)
    before, account = balances(), _account(people[0], bill.month)
    with pytest.raises(suspense.NotPossibleError, match="没有这笔待退差额"):
        apply_refund(source, agency=2)
    pk = apply_refund(source, unit=unit)
    with pytest.raises(refund_sources.TakenAlreadyError):
        apply_refund(source, by=COLLEAGUE)
    review_refund(pk)
    after = balances()
    assert after[AccountKind.INCOME] == before[AccountKind.INCOME] + 240
    assert after[AccountKind.REFUND_DUE] == before[AccountKind.REFUND_DUE] - 240
    assert _account(people[0], bill.month) == account - 80


def _account(person: int, month: int) -> int:
    return int(
        ask("select coalesce(sum(own_fen), 0)::bigint from accounts_entry where person_id = %s and month = %s", [person, month])[0][0]
    )


def test_a_credit_of_a_settled_month_is_refunded_and_no_bill_takes_it_any_more(unit: int, people: list[int]) -> None:
    first = next(_months)
    assess(first, at=moment(first, 5))
    second = next(_months)
    assess(second, declared=False, at=moment(second, 5))
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=second)
    pay(bill, bill.open_fen, at=moment(second, 27))
    declare(unit, second, at=moment(second, 28))
    with acting(ENGINE):
        found = list(Estimate.objects.filter(unit_id=unit, month=second, credit_fen__gt=0))
    assert found, "the undeclared month was determined too high"
    pk = apply_refund(*[Source(SourceKind.CREDIT, e.pk, e.credit_fen) for e in found])
    review_refund(pk)
    third = next(_months)
    assert third == shift(second, 1)
    assess(third, at=moment(third, 5))
    assert ask("select count(*) from levy_credituse u join levy_estimate e on e.id = u.estimate_id where e.month = %s", [second]) == [(0,)]


def test_the_course_of_a_refund_is_written_down_and_never_changed(bill: Bill) -> None:
    pk = apply_refund(of_suspense(doubled(bill), 300))
    review_refund(pk)
    steps = ask("select step, account_id from levy_refundstep where refund_id = %s order by id", [pk])
    assert steps == [("applied", CLERK), ("approved", COLLEAGUE)]
    assert attempt(None, "update levy_refundstep set note = ''", alias="owner") == "23001"
    assert date(2026, 11, 10) == TODAY and PAYEE.account
