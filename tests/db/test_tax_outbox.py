"""税务发件箱: every bill reaches the tax office once as it is now, whoever dies and however often it is sent."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.gateways import tax as wire
from shebao.levy import bill_life, cancelling, tax
from shebao.levy.models import Bill, BillState
from shebao.levy.tax_models import CancelState, TaxBill, TaxMessage, TaxState
from shebao.levy.tax_standing import standing
from tests.db import arrears_support, support
from tests.db.support import AT, as_owner, ask
from tests.db.tax_support import Office, bills_of, open_office, send, states


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        yield opened


@pytest.fixture
def city(own_database: str) -> list[int]:
    """Three units whose October is assessed."""
    support.make_agency()
    units = [support.make_unit(f"公司{i}") for i in range(3)]
    for unit in units:
        support.hire(unit, 2)
    support.assess(202610)
    return units


def late(unit: int) -> Bill:
    """An arrears order of the unit's October, issued in December."""
    on = AT.date().replace(month=12, day=1)
    arrears_support.register(unit, [due.person_id for due in arrears_support.owing(unit, on)][:1], on)
    return arrears_support.issue(unit, on)


def test_every_bill_that_is_issued_reaches_the_tax_office_as_it_is(city: list[int], office: Office) -> None:
    sent = send(office)
    assert (sent.messages, sent.bills, sent.refused, sent.away) == (1, 3, 0, "")
    for unit in city:
        bill = bills_of(unit)[0]
        told = office.bills[bill.number]
        assert (told.total_fen, told.elsewhere_fen, told.due_date) == (bill.total_fen, 0, bill.due_date)
        assert {a.insurance.value: a.unit_fen + a.person_fen for a in told.amounts} == dict(
            ask("select insurance, unit_fen + person_fen from levy_billline where bill_id = %s", [bill.pk])
        )
    assert set(states().values()) == {"accepted"}
    assert send(office).messages == 0, "nothing changed, nothing is sent"


def test_without_a_tax_office_bills_wait_in_the_outbox_and_say_so(city: list[int], office: Office) -> None:
    sent = send(None)
    assert "SHEBAO_TAX_URL" in sent.away and set(states().values()) == {"queued"}
    assert send(office).bills == 3


def test_while_the_office_is_away_nothing_is_lost_and_the_same_message_goes_again(city: list[int], office: Office) -> None:
    office.away = True
    assert "对方" in send(office).away
    with acting(ENGINE):
        first = TaxMessage.objects.get()
    assert (first.attempts, first.state) == (1, "waiting") and first.next_at == AT + timedelta(seconds=15)
    assert "再试" in send(office).away, "it waits before it tries again"
    for hours in range(1, 4):
        assert send(office, AT + timedelta(hours=hours)).bills == 0
    office.away = False
    assert send(office, AT + timedelta(hours=5)).bills == 3
    with acting(ENGINE):
        assert TaxMessage.objects.get().message == first.message and len(office.pushed) == 3


def test_an_answer_that_is_lost_is_asked_for_again_and_the_office_has_each_bill_once(city: list[int], office: Office) -> None:
    office.loses = 2
    assert send(office).away and send(office, AT + timedelta(hours=1)).away
    assert send(office, AT + timedelta(hours=2)).bills == 3
    assert len(office.pushed) == 3 and office.calls == 3


def test_an_answer_that_somebody_else_signed_is_not_believed(city: list[int], office: Office, tmp_path: Path) -> None:
    with open_office(tmp_path / "other") as other:
        other.ours = office.ours
        from shebao.runs import tax_office

        sent = tax_office.send(office.partner(other.url), clock=lambda: AT)
    assert "不能采信" in sent.away and set(states().values()) == {"sent"}


def test_what_the_office_refuses_is_shown_with_its_reason_and_goes_again_when_finance_says_so(city: list[int], office: Office) -> None:
    bill = bills_of(city[0])[0]
    office.refuses = {bill.number}
    assert send(office).refused == 1
    with acting(ENGINE):
        found = standing([bill])[bill.pk]
    assert (found.word, found.reason) == (bill_life.REFUSED, "纳税人识别号未登记（SW-01）")
    assert send(office, AT + timedelta(hours=1)).messages == 0, "it does not go again by itself"
    office.refuses = set()
    with acting(ENGINE):
        tax.send_again(bill.number, at=AT)
    assert send(office).bills == 1 and states()[bill.number] == "accepted"
    with acting(ENGINE), pytest.raises(tax.NotRefusedError):
        tax.send_again(bill.number, at=AT)


def test_a_payment_by_another_way_makes_a_new_version_and_the_last_fen_takes_the_bill_back(city: list[int], office: Office) -> None:
    send(office)
    bill = bills_of(city[0])[0]
    support.pay(bill, 100)
    send(office)
    told = office.bills[bill.number]
    assert (told.version, told.elsewhere_fen) == (2, 100)
    support.pay(bill, bill.total_fen - 100)
    send(office)
    assert bill.number not in office.bills and states()[bill.number] == "recalled"


def test_an_order_on_part_of_a_month_changes_the_months_bill_at_the_office_and_its_way_back_too(city: list[int], office: Office) -> None:
    send(office)
    month = bills_of(city[0])[0]
    order = late(city[0])
    send(office)
    assert office.bills[month.number].total_fen == month.total_fen - order.unit_fen - order.person_fen
    assert office.bills[order.number].total_fen == order.total_fen and order.late_fee_fen > 0
    with acting(ENGINE):
        assert cancelling.cancel(order, case_id=None, on=AT.date(), at=AT) is CancelState.ASKED
    assert bills_of(city[0])[1].state == BillState.ISSUED, "it stands until the office has given it back"
    send(office)
    assert bills_of(city[0])[1].state == BillState.ROLLED_BACK
    assert order.number not in office.bills and office.bills[month.number].total_fen == month.total_fen
    arrears_support.everything_agrees()


def test_an_order_that_the_office_has_been_paid_for_is_not_cancelled_and_says_why(city: list[int], office: Office) -> None:
    order = late(city[0])
    send(office)
    office.paid = {order.number}
    with acting(ENGINE):
        cancelling.cancel(order, case_id=None, on=AT.date(), at=AT)
        with pytest.raises(cancelling.NotCancellableError, match="正在向税务撤回"):
            cancelling.cancel(order, case_id=None, on=AT.date(), at=AT)
    send(office)
    with acting(ENGINE):
        last = cancelling.last_of(order.pk)
    assert last is not None and last.state == CancelState.REFUSED and "已开具税票" in last.reason
    assert bills_of(city[0])[1].state == BillState.ISSUED and states()[order.number] == "accepted"
    assert send(office).messages == 0, "it is not asked for again and again"


def test_whoever_waited_for_a_cancellation_is_told_its_end_once(city: list[int], office: Office) -> None:
    given, kept = late(city[0]), late(city[1])
    send(office)
    office.paid = {kept.number}
    with acting(ENGINE):
        for order in (given, kept):
            cancelling.cancel(order, case_id=None, on=AT.date(), at=AT)
    for _ in range(3):
        send(office)
    told = ask("select unit_id, title, url from contact_message order by unit_id")
    assert [(unit, url) for unit, _, url in told] == [(o.unit_id, f"/u/bills/{o.number}") for o in (given, kept)]
    assert "已作废" in told[0][1] and "未能作废" in told[1][1]


def test_a_recall_that_the_office_refuses_ends_the_cancellation_with_its_words(
    city: list[int], office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = late(city[0])
    send(office)
    refusal = wire.Outcome(order.number, 2, "refused", "SW-09", "正在清算，不能撤回")
    monkeypatch.setattr(office, "_recall", lambda one: replace(refusal, version=one.version))
    with acting(ENGINE):
        cancelling.cancel(order, case_id=None, on=AT.date(), at=AT)
    for _ in range(3):
        send(office)
    with acting(ENGINE):
        last = cancelling.last_of(order.pk)
    assert last is not None and (last.state, last.reason) == (CancelState.REFUSED, "正在清算，不能撤回（SW-09）")
    assert bills_of(city[0])[1].state == BillState.ISSUED
    ((title, text),) = ask("select title, text from contact_message")
    assert "未能作废" in title and "正在清算，不能撤回" in text
    assert ask("select subject from audit_event where action = 'levy.cancel_refused'") == [(order.number,)]


def test_an_order_that_never_reached_the_office_is_cancelled_at_once_and_never_sent(city: list[int], office: Office) -> None:
    order = late(city[0])
    with acting(ENGINE):
        assert cancelling.cancel(order, case_id=None, on=AT.date(), at=AT) is CancelState.DONE
    send(office)
    assert order.number not in {bill.number for bill in office.pushed}


def test_a_cancellation_while_the_bill_is_in_a_message_comes_after_its_answer(city: list[int], office: Office) -> None:
    order = late(city[0])
    office.loses = 1
    assert send(office).away
    with acting(ENGINE):
        assert cancelling.cancel(order, case_id=None, on=AT.date(), at=AT) is CancelState.ASKED
    send(office, AT + timedelta(hours=1))
    assert [one.number for one in office.recalled] == [order.number] and bills_of(city[0])[1].state == BillState.ROLLED_BACK


def test_an_order_that_is_paid_elsewhere_meanwhile_is_not_cancelled(city: list[int], office: Office) -> None:
    order = late(city[0])
    send(office)
    with acting(ENGINE):
        cancelling.cancel(order, case_id=None, on=AT.date(), at=AT)
    support.pay(order, 100)
    send(office)
    with acting(ENGINE):
        last = cancelling.last_of(order.pk)
    assert last is not None and last.state == CancelState.REFUSED and "已有缴费" in last.reason
    assert office.recalled == [] and office.bills[order.number].elsewhere_fen == 100


def test_a_months_bill_is_never_cancelled(city: list[int]) -> None:
    with acting(ENGINE), pytest.raises(ShebaoError, match="月度核定单，不能作废"):
        cancelling.cancel(bills_of(city[0])[0], case_id=None, on=AT.date(), at=AT)


def test_an_undeclared_month_that_is_declared_late_is_sent_again_with_its_amounts(own_database: str, office: Office) -> None:
    support.make_agency()
    unit = support.make_unit()
    support.hire(unit, 2, month=202609)
    support.assess(202609)
    support.assess(202610, declared=False)
    send(office)
    bill = bills_of(unit)[1]
    estimated = office.bills[bill.number]
    assert {a.origin for a in estimated.amounts} >= {"estimate"}
    support.declare(unit, 202610, at=support.moment(202610, 28))
    send(office)
    now = office.bills[bill.number]
    assert now.version == 2 and now.total_fen == bills_of(unit)[1].total_fen < estimated.total_fen
    assert {a.origin for a in now.amounts} == {"normal"}


def test_two_senders_at_once_send_each_bill_once(city: list[int], office: Office) -> None:
    support.race(3, 3, lambda i, n: send(office))
    assert sorted(bill.number for bill in office.pushed) == sorted(states()) and set(states().values()) == {"accepted"}


def test_every_step_that_bills_take_at_the_office_is_in_the_graph(city: list[int], office: Office) -> None:
    """A trigger notes every change of state while bills live through everything above; each must be drawn in bill_life."""
    as_owner(
        "create table seen (one text, other text);"
        "create function note() returns trigger language plpgsql security definer as $$ begin"
        " insert into seen values (old.state, new.state); return new; end $$;"
        "create trigger note after update on levy_taxbill for each row when (old.state <> new.state) execute function note();"
        "create table seen_bill (one text, other text);"
        "create function note_bill() returns trigger language plpgsql security definer as $$ begin"
        " insert into seen_bill values (old.state, new.state); return new; end $$;"
        "create trigger note_bill after update on levy_bill for each row when (old.state <> new.state) execute function note_bill()"
    )
    office.refuses = {bills_of(city[2])[0].number}
    send(office)
    order = late(city[0])
    send(office)
    with acting(ENGINE):
        cancelling.cancel(order, case_id=None, on=AT.date(), at=AT)
    send(office)
    for unit in city:
        for bill in bills_of(unit):
            if bill.open_fen:
                support.pay(bill, 100)
                send(office)
                support.pay(bill, bill.open_fen - 100)
                send(office)
    steps = {(TaxState(a), TaxState(b)) for a, b in as_owner("select distinct one, other from seen")}
    assert steps and all(b in bill_life.TAX_STEPS[a] for a, b in steps), steps
    lived = {(BillState(a), BillState(b)) for a, b in as_owner("select distinct one, other from seen_bill")}
    assert lived and all(b in bill_life.BILL_STEPS[a] for a, b in lived), lived


def test_every_state_can_be_reached_and_has_its_word() -> None:
    assert set(bill_life.TAX_STEPS) == set(TaxState) and set(bill_life.BILL_STEPS) == set(BillState)
    reached, new = set(bill_life.FIRST_TAX_STATES), set(bill_life.FIRST_TAX_STATES)
    while new:
        new = {b for a in new for b in bill_life.TAX_STEPS[a]} - reached
        reached |= new
    assert reached == set(TaxState)
    for state in BillState:
        for at_tax in [None, *TaxState]:
            for moving in (True, False):
                assert bill_life.word(Bill(state=state), at_tax, in_transit=moving)


def test_what_was_answered_and_what_was_sent_is_never_changed(city: list[int], office: Office) -> None:
    send(office)
    assert support.attempt(ENGINE, "update levy_taxmessage set content = 'x'") == "55000"
    assert support.attempt(ENGINE, "update levy_taxmessage set state = 'waiting'") == "55000"
    with acting(ENGINE):
        assert TaxBill.objects.filter(message__isnull=False).count() == 0
