"""What the tax office tells us is booked once, whole, in any order, and by nobody else; what is no message of its is refused."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.gateways import partner_keys, signed, strict_json
from shebao.gateways import tax as wire
from shebao.gateways.tax_client import true_time
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import receiving, suspense, tax_reconcile
from shebao.levy.models import Bill, BillState, Channel, Receipt
from shebao.levy.refund_models import MoveKind
from shebao.levy.tax_models import TaxHeard, TaxPayment, TaxReversal
from shebao.runs import tax_office
from tests.db import arrears_support, support
from tests.db.support import AT, PLACE, ask
from tests.db.tax_support import IN_TIME, Office, Teller, bills_of, open_office, paid, send


@pytest.fixture
def teller(own_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teller]:
    """A tax office whose public key we have, and two units with bills."""
    monkeypatch.setattr(settings, "PARTNERS", tmp_path / "ours")
    with open_office(tmp_path) as office:
        partner_keys.add_key(tmp_path / "ours", "tax", office.own.public.line)
        support.make_agency()
        for i in range(2):
            support.hire(support.make_unit(f"公司{i}"), 2)
        support.assess(202610)
        yield Teller(office)


def bill(i: int = 0) -> Bill:
    with acting(ENGINE):
        return Bill.objects.order_by("id")[i]


def balances() -> dict[AccountKind, int]:
    found: dict[AccountKind, int] = {}
    with acting(ENGINE):
        for row in trial_balance(PLACE, date(2099, 1, 1)):
            found[row.kind] = found.get(row.kind, 0) + row.balance_fen
    return {kind: fen for kind, fen in found.items() if fen}


def fingerprint() -> list[tuple[object, ...]]:
    """Everything that telling could change."""
    tables = (
        "levy_receipt",
        "levy_allocation",
        "levy_bill",
        "levy_billline",
        "ledger_entry",
        "levy_taxheard",
        "levy_taxpayment",
        "levy_taxreversal",
    )
    return [tuple(ask(f"select count(*), md5(string_agg(t::text, ',' order by t::text)) from {t} t")[0]) for t in tables]


def test_a_payment_clears_its_bill_at_once_and_is_on_its_way_in_the_books(teller: Teller) -> None:
    due = bill().total_fen
    assert teller.pay(paid("SP1", bill().number, due)) == ["booked"]
    assert bill().state == BillState.PAID and bill().paid_on == IN_TIME.date()
    assert balances()[AccountKind.TRANSIT] == due and AccountKind.BANK not in balances()
    with acting(ENGINE):
        told = TaxPayment.objects.get()
        assert (told.serial, told.channel, told.amount_fen) == ("SP1", "app", due)


def test_the_same_message_twice_has_one_answer_and_one_effect(teller: Teller) -> None:
    content = teller.envelope(wire.payments_body([paid("SP1", bill().number, 100)])).content()
    first = teller.post(wire.PAYMENTS, content)
    before = fingerprint()
    again = teller.post(wire.PAYMENTS, content)
    assert first.status_code == again.status_code == 200 and first.content == again.content and fingerprint() == before


def test_the_same_message_in_the_same_instant_has_one_effect(teller: Teller) -> None:
    contents = [teller.envelope(wire.payments_body([paid(f"SP{i}", bill().number, 100)])).content() for i in range(5)]
    told = support.race(5, 3, lambda i, n: Teller(teller.office).post(wire.PAYMENTS, contents[i]).content)
    assert all(len(set(answers)) == 1 for answers in told), told
    assert bill().paid_fen == 500


def test_the_same_payment_in_another_message_is_known(teller: Teller) -> None:
    payment = paid("SP1", bill().number, 100)
    assert teller.pay(payment) == ["booked"]
    assert teller.pay(payment, paid("SP2", bill().number, 7)) == ["known", "booked"]
    assert bill().paid_fen == 107


def test_a_serial_that_stands_for_another_payment_is_refused_and_books_nothing(teller: Teller) -> None:
    teller.pay(paid("SP1", bill().number, 100))
    for other in (
        paid("SP1", bill().number, 101),
        paid("SP1", bill(1).number, 100),
        paid("SP1", bill().number, 100, AT),
    ):
        assert teller.pay(other) == ["refused"]
    assert bill().paid_fen == 100 and bill(1).paid_fen == 0


def test_money_for_no_bill_too_much_and_twice_waits_in_suspense(teller: Teller) -> None:
    due = bill().total_fen
    assert teller.pay(paid("SP1", "HD209912-9999999", 500)) == ["suspense"]
    assert teller.pay(paid("SP2", bill().number, due + 3)) == ["suspense"]
    assert teller.pay(paid("SP3", bill().number, due)) == ["suspense"]
    assert balances()[AccountKind.SUSPENSE] == -(500 + 3 + due) and balances()[AccountKind.TRANSIT] == 500 + 3 + 2 * due


def test_a_payment_for_a_bill_that_was_not_yet_sent_is_booked_and_the_bill_never_goes(teller: Teller) -> None:
    """Out of order: the office may know a bill from an answer of ours that got lost."""
    teller.pay(paid("SP1", bill().number, bill().total_fen))
    send(teller.office)
    assert bill().number not in teller.office.bills and bill(1).number in teller.office.bills


def test_a_payment_at_the_office_is_not_told_back_to_it_as_paid_elsewhere(teller: Teller) -> None:
    send(teller.office)
    teller.pay(paid("SP1", bill().number, 100))
    assert send(teller.office).messages == 0
    teller.pay(paid("SP2", bill().number, bill().total_fen - 100))
    assert send(teller.office).messages == 0 and bill().state == BillState.PAID


def reversal(serial: str, of: str, fen: int) -> wire.Reversal:
    return wire.Reversal(serial, of, fen, AT, "刷卡失败")


def test_a_reversal_opens_the_bill_again_and_leaves_the_books_as_before(teller: Teller) -> None:
    before, due = balances(), bill().total_fen
    teller.pay(paid("SP1", bill().number, due))
    assert teller.reverse(reversal("CZ1", "SP1", due)) == ["reversed"]
    assert bill().state == BillState.ISSUED and bill().paid_fen == 0 and bill().paid_on is None
    assert balances() == before
    assert teller.reverse(reversal("CZ1", "SP1", due)) == ["known"]
    assert teller.reverse(reversal("CZ2", "SP1", due)) == ["refused"]
    assert teller.pay(paid("SP2", bill().number, due)) == ["booked"] and bill().state == BillState.PAID
    arrears_support.everything_agrees()


def test_the_payer_is_told_of_a_reversal_once(teller: Teller) -> None:
    teller.pay(paid("SP1", bill().number, 100))
    teller.reverse(reversal("CZ1", "SP1", 100))
    for _ in range(2):
        send(teller.office)
    (told,) = ask("select unit_id, title, text from contact_message")
    assert told[0] == bill().unit_id and "已被撤销" in told[1] and "刷卡失败" in told[2]


def test_a_reversal_of_money_in_suspense_takes_it_out(teller: Teller) -> None:
    before = balances()
    teller.pay(paid("SP1", "HD209912-9999999", 500))
    assert teller.reverse(reversal("CZ1", "SP1", 500)) == ["reversed"] and balances() == before


def test_a_reversal_that_comes_before_its_payment_waits_for_it(teller: Teller) -> None:
    before = balances()
    assert teller.reverse(reversal("CZ1", "SP1", 100)) == ["waiting"]
    assert teller.pay(paid("SP1", bill().number, 100)) == ["booked"]
    assert bill().paid_fen == 0 and balances() == before
    with acting(ENGINE):
        assert TaxReversal.objects.get().state == "done"


def test_part_of_a_payment_cannot_be_reversed(teller: Teller) -> None:
    teller.pay(paid("SP1", bill().number, 100))
    assert teller.reverse(reversal("CZ1", "SP1", 99)) == ["refused"] and bill().paid_fen == 100


def test_money_that_has_arrived_is_not_reversed_by_a_message(teller: Teller) -> None:
    teller.pay(paid("SP1", bill().number, 100))
    with acting(ENGINE):
        receiving.arrive(["SP1"], place=PLACE, on=AT.date(), at=AT)
    assert teller.reverse(reversal("CZ1", "SP1", 100)) == ["waiting"] and bill().paid_fen == 100
    with acting(ENGINE):
        assert "已确认到账" in TaxReversal.objects.get().note


def test_money_that_finance_is_moving_is_not_reversed_by_a_message(teller: Teller) -> None:
    teller.pay(paid("SP1", "HD209912-9999999", 500))
    before = balances()
    with acting(ENGINE):
        pk = Receipt.objects.get(serial="SP1").pk
    with acting(support.finance()):
        suspense.propose(pk, suspense.Wanted(MoveKind.MATCH, 500, "经与单位核对", bill().number), at=AT)
    assert teller.reverse(reversal("CZ1", "SP1", 500)) == ["waiting"]
    with acting(ENGINE):
        assert "款项已办理退费、移交或其他处理" in TaxReversal.objects.get().note
        assert Receipt.objects.get(pk=pk).state == "suspense"
    assert balances() == before


def test_a_reversal_of_what_another_partner_told_takes_nothing(teller: Teller) -> None:
    with acting(support.finance()):
        told = receiving.Payment("YH1", bill().number, "甲公司", 100, AT.date())
        receiving.receive_told(Channel.BANK, "B1", [told], place=PLACE, agency_id=1, on=AT.date(), at=AT)
    before = balances()
    assert teller.reverse(reversal("CZ1", "YH1", 100)) == ["waiting"]
    assert bill().paid_fen == 100 and balances() == before
    with acting(ENGINE):
        assert Receipt.objects.get(serial="YH1").state == "allocated"
    arrears_support.everything_agrees()


def test_an_order_that_was_paid_is_owed_again_after_its_reversal(teller: Teller) -> None:
    on = AT.date().replace(month=12, day=1)
    unit = bill().unit_id
    arrears_support.register(unit, [due.person_id for due in arrears_support.owing(unit, on)][:1], on)
    order = arrears_support.issue(unit, on)
    teller.pay(paid("SP1", order.number, order.total_fen))
    assert ask("select distinct state from levy_takendue") == [("paid",)]
    teller.reverse(reversal("CZ1", "SP1", order.total_fen))
    assert ask("select distinct state from levy_takendue") == [("ordered",)] and ask("select state from levy_backpayment") == [("ordered",)]
    arrears_support.everything_agrees()


def problem(answer) -> tuple[int, str]:  # type: ignore[no-untyped-def]
    assert answer["Content-Type"].startswith("application/problem+json"), answer.content
    told = json.loads(answer.content)
    assert any("\u4e00" <= c <= "\u9fff" for c in told["title"])
    return answer.status_code, told["code"]


def test_whatever_is_wrong_with_a_message_is_said_and_changes_nothing(teller: Teller, tmp_path: Path) -> None:
    teller.pay(paid("SP0", bill().number, 1))
    good = teller.envelope(wire.payments_body([paid("SP1", bill().number, 100)]))
    content = good.content()
    known = teller.envelope(wire.payments_body([paid("SP2", bill().number, 5)]))
    assert teller.post(wire.PAYMENTS, known.content()).status_code == 200
    other = teller.envelope(wire.payments_body([paid("SP3", bill().number, 5)]), message=known.message)
    same_number = teller.envelope(wire.payments_body([paid("SP3", bill().number, 5)]), sequence=known.sequence)
    wrong = wire.payments_body([paid("SP1", bill().number, 100)])
    before = fingerprint()
    stranger = partner_keys.own_key(tmp_path / "stranger")
    late = signed.sign_request(teller.office.own, "POST", wire.PAYMENTS, content, at=true_time() - timedelta(minutes=6))
    cases = {
        "truncated": (lambda: teller.post(wire.PAYMENTS, content[:-20]), (400, "TAX-02")),
        "changed on the way": (
            lambda: teller.post(
                wire.PAYMENTS, content.replace(b"100", b"900"), **signed.sign_request(teller.office.own, "POST", wire.PAYMENTS, content, at=true_time())
            ),
            (401, "TAX-07"),
        ),
        "a stranger": (lambda: teller.post(wire.PAYMENTS, content, own=stranger), (401, "TAX-05")),
        "our own key": (lambda: teller.post(wire.PAYMENTS, content, own=partner_keys.own_key(teller.office.ours)), (401, "TAX-05")),
        "an old signature": (lambda: teller.post(wire.PAYMENTS, content, **late), (401, "TAX-06")),
        "no signature": (lambda: teller.client.post(wire.PAYMENTS, content, content_type="application/json"), (401, "TAX-04")),
        "another address": (
            lambda: teller.post(wire.REVERSALS, content, **signed.sign_request(teller.office.own, "POST", wire.PAYMENTS, content, at=true_time())),
            (401, "TAX-07"),
        ),
        "the other kind of body": (lambda: teller.post(wire.REVERSALS, content), (422, "TAX-03")),
        "another sender": (lambda: teller.tell(wire.PAYMENTS, wrong, sender="bank"), (403, "TAX-12")),
        "the same id, another body": (lambda: teller.post(wire.PAYMENTS, other.content()), (409, "TAX-08")),
        "a number that is taken": (lambda: teller.post(wire.PAYMENTS, same_number.content()), (409, "TAX-09")),
        "a wrong total": (lambda: teller.tell(wire.PAYMENTS, wrong | {"total_fen": 99}), (422, "TAX-10")),
        "a wrong count": (lambda: teller.tell(wire.PAYMENTS, wrong | {"count": 3}), (422, "TAX-10")),
        "an unknown field": (lambda: teller.tell(wire.PAYMENTS, wrong | {"more": 1}), (422, "TAX-03")),
        "a payment of the day after tomorrow": (
            lambda: teller.pay_raw(paid("SP9", bill().number, 5, true_time() + timedelta(days=800))), (422, "TAX-19"),
        ),
        "too long": (lambda: teller.post(wire.PAYMENTS, b" " * (strict_json.BYTES_MAX + 1)), (413, "TAX-01")),
    }  # fmt: skip
    for case, (act, expected) in cases.items():
        assert problem(act()) == expected, case
    assert fingerprint() == before
    assert teller.post(wire.PAYMENTS, content).status_code == 200, "and the good one still counts"


def test_what_we_cannot_book_just_now_is_asked_for_again_and_not_lost(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working days of next year are not published: a late fee bill could not say when it is due."""
    import shebao.channels.partners.tax as view

    late = AT.replace(month=12, day=30)
    monkeypatch.setattr(view, "now", lambda: late)
    before, content = fingerprint(), teller.envelope(wire.payments_body([paid("SP1", bill().number, bill().total_fen, late)])).content()
    assert problem(teller.post(wire.PAYMENTS, content)) == (503, "POL-04") and fingerprint() == before


def test_every_answer_bears_our_signature_for_that_message(teller: Teller) -> None:
    envelope = teller.envelope(wire.payments_body([paid("SP1", bill().number, 100)]))
    answer = teller.post(wire.PAYMENTS, envelope.content())
    ours = [partner_keys.own_key(teller.office.ours).public]
    signed.verify_answer(ours, answer.headers, 200, envelope.message, answer.content, at=true_time())
    with pytest.raises(strict_json.MessageRefused):
        signed.verify_answer(ours, answer.headers, 200, uuid4(), answer.content, at=true_time())


def test_a_get_is_answered_like_a_stranger_and_a_signed_one_is_no_way_in(teller: Teller) -> None:
    assert problem(teller.client.get(wire.PAYMENTS)) == (401, "TAX-04")
    head = signed.sign_request(teller.office.own, "GET", wire.PAYMENTS, b"", at=true_time())
    answer = teller.client.get(wire.PAYMENTS, **{f"HTTP_{n.upper().replace('-', '_')}": v for n, v in head.items()})
    assert answer.status_code == 405


def test_more_than_a_hundred_and_twenty_messages_a_minute_are_too_many(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    from shebao.levy import tax_hearing

    monkeypatch.setattr(tax_hearing, "A_MINUTE", 3)
    for i in range(3):
        teller.pay(paid(f"SP{i}", bill().number, 1))
    assert problem(teller.tell(wire.PAYMENTS, wire.payments_body([paid("SP9", bill().number, 1)]))) == (429, "TAX-13")
    assert bill().paid_fen == 3


def test_a_thousand_payments_in_one_message(teller: Teller) -> None:
    told = teller.pay(*[paid(f"SP{i:04d}", bill(i % 2).number, 1) for i in range(1_000)])
    assert set(told) == {"booked"} and bill().paid_fen == bill(1).paid_fen == 500
    arrears_support.everything_agrees()


def test_what_came_is_kept_and_never_changed(teller: Teller) -> None:
    teller.pay(paid("SP1", bill().number, 1))
    for table in ("levy_taxheard", "levy_taxpayment"):
        assert support.attempt(
            None, f"update {table} set message_id = null" if table == "levy_taxpayment" else f"delete from {table}", alias="owner"
        ) not in (0, 1)
    with acting(ENGINE):
        kept = TaxHeard.objects.get()
    assert signed.read_envelope(bytes(kept.content)).body["count"] == 1


def day_of(office: Office, *lines: tuple[wire.Paid, bool]) -> None:
    office.days[IN_TIME.date()] = [wire.DayLine(p, gone) for p, gone in lines]


def test_a_day_that_agrees_and_one_that_does_not(teller: Teller) -> None:
    office, number, other = teller.office, bill().number, bill(1).number
    payments = [paid(f"SP{i}", number, 10 + i) for i in range(6)]
    teller.pay(*payments)
    day_of(office, *[(p, False) for p in payments])
    found = tax_office.ask_day(office.partner(), IN_TIME.date(), clock=lambda: AT)
    assert found.agrees and (found.our_count, found.our_fen) == (found.their_count, found.their_fen) == (6, 75)
    with acting(ENGINE):
        rows = tax_reconcile.day_rows(IN_TIME.date())
        assert rows is not None and [row.serial for row in rows] == [p.serial for p in payments]
        assert tax_reconcile.day_rows(IN_TIME.date() - timedelta(days=1)) is None
    teller.reverse(reversal("CZ4", "SP4", 14))
    day_of(
        office, (payments[0], False), (paid("SP1", number, 99), False), (paid("SP2", other, 12), False), (payments[3], True),
        (payments[4], False), (paid("SP9", number, 5), False),
    )  # fmt: skip
    before = fingerprint()
    found = tax_office.ask_day(office.partner(), IN_TIME.date(), clock=lambda: AT + timedelta(hours=1))
    assert {(d.serial, d.kind) for d in found.differences} == {
        ("SP1", "amount"), ("SP2", "bill"), ("SP3", "reversed_there"), ("SP4", "reversed_here"), ("SP5", "missing_there"), ("SP9", "missing_here"),
    }  # fmt: skip
    assert fingerprint() == before, "nothing is booked from a list"


def test_a_day_whose_sums_do_not_hold_is_not_kept(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    day_of(teller.office, (paid("SP1", bill().number, 5), False))
    monkeypatch.setattr(wire.DayList, "told", lambda self: {**_told(self), "total_fen": 6})
    with pytest.raises(strict_json.MessageRefused, match="不符"):
        tax_office.ask_day(teller.office.partner(), IN_TIME.date(), clock=lambda: AT)
    assert ask("select count(*) from levy_taxday") == [(0,)]


_told = wire.DayList.told


def test_how_bills_stand_can_be_asked(teller: Teller) -> None:
    send(teller.office)
    known, unknown = bill().number, "HD209912-9999999"
    told = tax_office.ask_states(teller.office.partner(), [known, unknown], clock=lambda: AT)
    assert [(s.number, s.state, s.version) for s in told] == [(known, "waiting", 1), (unknown, "unknown", 0)]


def test_a_late_payment_at_the_office_makes_its_late_fee_bill_and_its_reversal_takes_that_back(teller: Teller) -> None:
    late = AT.replace(month=12, day=2)
    before, number = balances(), bill().number
    with acting(ENGINE):
        assert bill().due_date < late.date()
    import shebao.channels.partners.tax as view

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view, "now", lambda: late)
        teller.pay(paid("SP1", number, bill().total_fen, late))
        with acting(ENGINE):
            fee = Bill.objects.get(kind="late_fee")
            assert fee.open_fen > 0 and Receipt.objects.get().state == "allocated"
        teller.reverse(wire.Reversal("CZ1", "SP1", bill().total_fen, late, "刷卡失败"))
    assert bill().state == BillState.ISSUED
    assert balances() == before
    send(teller.office, late)
    assert fee.number not in teller.office.bills and bills_of(bill().unit_id)
