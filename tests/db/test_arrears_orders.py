"""欠费补缴 on a real database: people are registered, their overdue months go onto an order, the order is paid or rolled back.
After every step each due is owed exactly once, and the books agree with the bills (seed 004, 五、网上办理职工欠费补缴)."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import orders
from shebao.levy.arrears import overdue, people_in_arrears
from shebao.levy.models import BackPayment, Bill, BillLine, BillState, TakenDue
from shebao.levy.orders import NothingOwedError, NotRollableError
from shebao.levy.owing import owed_on
from shebao.policy.late_fee import explain_late_fee
from shebao.policy.rulebook import standard
from tests.db import support
from tests.db.arrears_support import everything_agrees, issue, owing, register, roll_back
from tests.db.support import PLACE, ask, assess, hire, make_agency, make_unit, moment, pay, race

MONTHS = (202503, 202504)
UNITS = 30
_next = iter(range(UNITS))


@pytest.fixture(scope="module")
def units(database: str) -> list[int]:
    """Units of three people each, whose two months were assessed and not paid: one for every test."""
    make_agency(1)
    found = [make_unit(f"欠费示例公司{i}", since=202501) for i in range(UNITS)]
    for unit in found:
        hire(unit, 3, month=MONTHS[0], at=moment(MONTHS[0], 2))
    for month in MONTHS:
        assess(month, at=moment(month, 5))
    return found


@pytest.fixture(autouse=True)
def all_agrees_afterwards(units: list[int]):  # type: ignore[no-untyped-def]
    yield
    everything_agrees()


@pytest.fixture
def owed_two_months(units: list[int]) -> tuple[int, list[int], list[Bill]]:
    return fresh(units)


def fresh(units: list[int]) -> tuple[int, list[int], list[Bill]]:
    unit = units[next(_next)]
    people = [p for (p,) in ask("select person_id from enrolment_spell where unit_id = %s order by 1", [unit])]
    with acting(ENGINE):
        return unit, people, list(Bill.objects.filter(unit_id=unit).order_by("month"))


def day_after(bill: Bill, days: int = 1) -> date:
    return bill.due_date + timedelta(days=days)


Two = tuple[int, list[int], list[Bill]]


def test_an_order_takes_all_types_and_all_overdue_months_of_the_registered_person_and_of_nobody_else(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    register(unit, [people[0]], on)
    before = owing(unit, on)
    order = issue(unit, on)
    with acting(ENGINE):
        taken = list(TakenDue.objects.filter(order=order))
    assert {(t.person_id, t.month) for t in taken} == {(people[0], b.month) for b in bills}
    assert sum(t.taken_fen for t in taken) == sum(d.open_fen for d in before if d.person_id == people[0])
    assert {t.insurance for t in taken} == {110, 210, 310, 330, 410}
    assert order.headcount == 1 and order.total_fen == sum(t.taken_fen + t.late_fee_fen for t in taken)
    assert people_now(unit, people, on) == {p: [b.month for b in bills] for p in people}


def people_now(unit: int, people: list[int], on: date) -> dict[int, list[int]]:
    with acting(ENGINE):
        return people_in_arrears(unit, people, on)


def test_a_month_that_is_due_today_is_not_overdue_and_one_day_later_it_is(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    register(unit, people[:1], bills[0].due_date)
    with pytest.raises(NothingOwedError):
        issue(unit, bills[0].due_date)
    order = issue(unit, day_after(bills[0]))
    with acting(ENGINE):
        assert {t.month for t in TakenDue.objects.filter(order=order)} == {bills[0].month}


def test_the_late_fee_is_that_of_the_dated_rule_from_the_day_after_the_due_date_to_the_day_of_issue(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[0], 30)
    register(unit, people[:1], on)
    order = issue(unit, on)
    with acting(ENGINE):
        for t in TakenDue.objects.filter(order=order):
            told = explain_late_fee(t.taken_fen, t.due_date, on, PLACE, standard())
            assert t.late_fee_fen == told.amount("fee")
            assert (t.late_fee_fen > 0) == (t.due_date < on)
        first = TakenDue.objects.get(order=order, month=bills[0].month, insurance=110)
        assert first.late_fee_fen == (first.taken_fen * 30 * 5 + 5000) // 10000  # 30 days at 万分之五, half up
        due = {r.fund: r.balance_fen for r in trial_balance(PLACE, date(2090, 1, 1)) if r.kind is AccountKind.LATE_FEE_DUE}
        mine = {line.insurance: line.unit_fen for line in BillLine.objects.filter(bill=order, origin="late_fee")}
    assert sum(mine.values()) == order.late_fee_fen > 0
    assert all(due[fund] >= fen for fund, fen in mine.items())


def test_paid_in_full_the_people_on_the_order_are_clear_and_the_others_are_not(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    register(unit, people[:2], on)
    order = issue(unit, on)
    pay(order, order.total_fen - 1)
    assert people_now(unit, people, on) == {p: [b.month for b in bills] for p in people}
    pay(order, 1)
    assert people_now(unit, people, on) == {people[2]: [b.month for b in bills]}
    with acting(ENGINE):
        assert Bill.objects.get(pk=order.pk).state == BillState.PAID
        assert set(BackPayment.objects.filter(order=order).values_list("state", flat=True)) == {"paid"}


def test_when_all_people_are_on_orders_the_months_bills_are_moved_and_money_for_them_waits(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    register(unit, people, on)
    issue(unit, on)
    with acting(ENGINE):
        assert {b.state for b in Bill.objects.filter(pk__in=[b.pk for b in bills])} == {BillState.MOVED}
        assert overdue(on, unit_id=unit) == []
    pay(bills[0], bills[0].total_fen)
    assert ask("select reason from levy_receipt where bill_number = %s", [bills[0].number]) == [
        ("核定单余额已转入欠费补缴单，请按补缴单号缴费",)
    ]


def test_rolled_back_everything_is_as_it_was_before_and_it_can_be_ordered_again(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1], 9)
    before = owing(unit, on)
    register(unit, people[:2], on)
    order = issue(unit, on)
    roll_back(order, on)
    assert owing(unit, on) == before
    with acting(ENGINE):
        after = Bill.objects.get(pk=order.pk)
        assert (after.state, after.open_fen) == (BillState.ROLLED_BACK, 0)
        assert {b.state for b in Bill.objects.filter(pk__in=[b.pk for b in bills])} == {BillState.ISSUED}
    with pytest.raises(NothingOwedError):
        issue(unit, on)  # the registrations ended with the order
    register(unit, people[:2], on)
    assert issue(unit, on).total_fen == order.total_fen


def test_after_the_first_fen_has_come_in_an_order_is_not_rolled_back(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    register(unit, people[:1], on)
    order = issue(unit, on)
    pay(order, 1)
    with pytest.raises(NotRollableError, match="已有缴费到账，不能回退"):
        roll_back(order, on)


def test_a_payment_being_confirmed_stops_the_roll_back_and_a_void_one_does_not(owed_two_months: Two) -> None:
    from shebao.levy import receiving

    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    register(unit, people[:1], on)
    order = issue(unit, on)
    with acting(support.finance(300)):
        entered = receiving.enter_by_hand(
            receiving.Payment(f"H{order.number}", order.number, "示例", order.total_fen, on), agency_id=1, place=PLACE, on=on, at=support.AT
        )
    with pytest.raises(NotRollableError, match="正在复核"):
        roll_back(order, on)
    with acting(support.finance(301)):
        receiving.void(entered, place=PLACE, on=on, at=support.AT)
    roll_back(order, on)
    pay(order, 100)
    assert ask("select reason from levy_receipt where bill_number = %s and state = 'suspense'", [order.number]) == [
        ("补缴单已回退，请按新的补缴单或核定单缴费",)
    ]


def test_twice_rolled_back_is_told_and_an_unknown_number_too(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    register(unit, people[:1], on)
    order = issue(unit, on)
    roll_back(order, on)
    with pytest.raises(NotRollableError, match="已经回退"):
        roll_back(order, on)
    with pytest.raises(NotRollableError, match="没有这张欠费补缴单"), acting(ENGINE):
        orders.roll_back(bills[0].number, unit_id=unit, place=PLACE, case_id=None, on=on, at=support.AT)


def test_what_came_in_on_a_bill_is_shared_over_its_people_to_the_fen(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    part = bills[0].total_fen // 2 + 1
    pay(bills[0], part)
    with acting(ENGINE):
        dues = owed_on([bills[0].pk])
        assert sum(d.open_fen for d in dues) == bills[0].total_fen - part
        assert all(0 <= d.open_unit_fen <= d.unit_fen and 0 <= d.open_person_fen <= d.person_fen for d in dues)
        by_person = {
            p: (sum(d.paid_fen for d in dues if d.person_id == p), sum(d.open_fen + d.paid_fen for d in dues if d.person_id == p))
            for p in people
        }
    assert all(abs(paid * bills[0].total_fen - part * whole) < bills[0].total_fen * 10 for paid, whole in by_person.values())
    register(unit, people[:1], on)
    order = issue(unit, on)
    with acting(ENGINE):
        assert order.unit_fen + order.person_fen == sum(d.open_fen for d in dues if d.person_id == people[0]) + sum(
            t.taken_fen for t in TakenDue.objects.filter(order=order, month=bills[1].month)
        )


def test_who_was_clear_stays_clear_when_anothers_order_is_rolled_back(owed_two_months: Two) -> None:
    """The rest of the bill is paid while one person is on an order; the order goes back: only that person owes again, and all of it."""
    unit, people, bills = owed_two_months
    on = day_after(bills[0])
    before = [d for d in owing(unit, on) if d.person_id == people[0]]
    register(unit, people[:1], on)
    order = issue(unit, on)
    with acting(ENGINE):
        rest = Bill.objects.get(pk=bills[0].pk).open_fen
    pay(bills[0], rest)
    assert people_now(unit, people, on) == {people[0]: [bills[0].month]}
    roll_back(order, on)
    after = owing(unit, on)
    assert [d for d in after if d.person_id == people[0]] == before
    assert all(d.open_fen == 0 for d in after if d.person_id != people[0])


def test_registered_twice_in_one_instant_only_one_is_told_yes(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    told = race(1, 3, lambda _i, _r: register(unit, people[:1], on))[0]
    assert sorted(str(getattr(t, "code", "")) for t in told) == ["", "ARR-90", "ARR-90"]


def test_two_issue_in_one_instant_and_there_is_one_order(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    register(unit, people, on)
    told = race(1, 3, lambda _i, _r: issue(unit, on))[0]
    assert sum(isinstance(t, Bill) for t in told) == 1 and sum(isinstance(t, NothingOwedError) for t in told) == 2


def test_paid_and_rolled_back_in_the_same_second_only_one_of_them_happens_and_no_money_is_lost(units: list[int]) -> None:
    made = []
    for unit, people, bills in [fresh(units) for _ in range(6)]:
        on = day_after(bills[0])
        register(unit, people, on)
        made.append(issue(unit, on))
    told = race(len(made), 2, lambda i, racer: pay(made[i], made[i].total_fen) if racer else roll_back(made[i], on))
    for order, (back, paid) in zip(made, told, strict=True):
        with acting(ENGINE):
            state = Bill.objects.get(pk=order.pk).state
        if isinstance(back, NotRollableError):
            assert state == BillState.PAID and paid.allocated == 1
        else:
            assert state == BillState.ROLLED_BACK and paid.suspended == 1


def test_the_database_refuses_to_take_a_due_twice_or_to_change_one_that_was_taken(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[1])
    register(unit, people[:1], on)
    order = issue(unit, on)
    copy = (
        "insert into levy_takendue (unit_id, agency_id, person_id, month, insurance, origin, base_fen, unit_fen, person_fen, paid_fen,"
        " late_fee_fen, level_fen, line_id, due_date, order_id, state, taken_on) select unit_id, agency_id, person_id, month, insurance, origin,"
        " base_fen, unit_fen, person_fen, paid_fen, late_fee_fen, level_fen, line_id, due_date, order_id, 'ordered', taken_on"
        " from levy_takendue where order_id = %s limit 1"
    )
    assert support.attempt(ENGINE, copy, [order.pk]) == "23505"
    assert support.attempt(ENGINE, "update levy_takendue set unit_fen = unit_fen - 1 where order_id = %s", [order.pk]) == "23514"
    assert support.attempt(ENGINE, "update levy_takendue set state = 'written_off' where order_id = %s", [order.pk]) == "23514"
    assert support.attempt(None, "delete from levy_takendue where order_id = %s", [order.pk], alias="owner") == "23514"
    with pytest.raises(IntegrityError, match="levy_billline_not_overpaid"), acting(ENGINE):
        line = BillLine.objects.filter(bill=bills[0]).first()
        assert line is not None
        BillLine.objects.filter(pk=line.pk).update(moved_fen=line.unit_fen + line.person_fen + 1)


def test_who_paid_meanwhile_is_taken_off_the_list_when_the_order_is_issued(owed_two_months: Two) -> None:
    unit, people, bills = owed_two_months
    on = day_after(bills[0])
    register(unit, people[:1], on)
    pay(bills[0], bills[0].total_fen)
    with pytest.raises(NothingOwedError):
        issue(unit, on)


def test_what_is_deferred_makes_nobody_overdue_and_bears_no_late_fee_until_the_deferral_ends(
    owed_two_months: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contract of levy.suspension: the unit part of 养老 is deferred; everything else is paid."""
    from shebao.levy import suspension

    unit, people, bills = owed_two_months
    on, bill = day_after(bills[0], 10), bills[0]
    until, arrived = on, moment(MONTHS[0], 20)
    monkeypatch.setattr(suspension, "PROVIDERS", [lambda units, day: {(unit, bill.month, 110): until}])
    with acting(ENGINE):
        pension = BillLine.objects.get(bill=bill, insurance=110)
    pay(bill, bill.total_fen - pension.unit_fen - 1, at=arrived)
    assert people_now(unit, people, on) == {p: [bill.month] for p in people}  # one fen of the rest is still open
    pay(bill, 1, at=arrived)
    assert people_now(unit, people, on) == {}
    with acting(ENGINE):
        assert overdue(on, unit_id=unit) == []
    later = on + timedelta(days=1)
    assert people_now(unit, people, later) == {p: [bill.month] for p in people}
    register(unit, people[:1], later)
    order = issue(unit, later)
    with acting(ENGINE):
        for t in TakenDue.objects.filter(order=order, month=bill.month):
            from_end = explain_late_fee(t.unit_fen, until, later, PLACE, standard()).amount("fee") if t.insurance == 110 else None
            from_due = explain_late_fee(
                t.person_fen if t.insurance == 110 else t.taken_fen, bill.due_date, later, PLACE, standard()
            ).amount("fee")
            assert t.late_fee_fen == (from_end or 0) + from_due
