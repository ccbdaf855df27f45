"""Months assessed, paid, paid in part, people registered, ordered, rolled back, written off, in any order. After every step every
person's month and type is owed exactly once or settled exactly once, nothing is paid twice, the books balance and the control accounts
equal their sub-ledgers (arrears_support.everything_agrees)."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.months import month_of
from shebao.levy import orders, write_off
from shebao.levy.arrears import people_in_arrears
from shebao.levy.models import OPEN_STATES, BackPayment, Bill, TakenDue
from shebao.levy.orders import AlreadyRegisteredError, NothingOwedError, NotRollableError
from shebao.levy.write_off import NothingToWriteOffError, WriteOff
from tests.db.arrears_support import at, everything_agrees, issue, register, roll_back
from tests.db.support import PLACE, ask, assess, hire, make_agency, make_unit, moment, pay

MONTHS = (202501, 202502, 202503, 202504)
EXAMPLES, STEPS, UNITS = 5, 16, 12  # hypothesis may start an example anew: more units than examples
_next = itertools.count()
_units: list[int] = []


class Town(RuleBasedStateMachine):
    """One unit of three people and four assessed months at a time, seen from a day that moves on through them."""

    @initialize()
    def take_a_unit(self) -> None:
        self.unit = _units[next(_next)]
        self.people = [p for (p,) in ask("select person_id from enrolment_spell where unit_id = %s order by 1", [self.unit])]
        self.today = moment(MONTHS[1], 15).date()
        register(self.unit, self.people[:1], self.today)

    @rule(days=st.integers(5, 40))
    def days_pass(self, days: int) -> None:
        self.today += timedelta(days=days)

    def bills(self, *, orders_too: bool = True) -> list[Bill]:
        with acting(ENGINE):
            found = Bill.objects.filter(unit_id=self.unit, state__in=OPEN_STATES).order_by("id")
            return [b for b in found if orders_too or b.kind == "monthly"]

    @rule(which=st.integers(0, 9), share=st.sampled_from([1, 333, 500, 999, 1000, 1001]))
    def pay_a_bill_or_part_of_it_or_too_much(self, which: int, share: int) -> None:
        bills = self.bills()
        if not bills:
            return
        bill = bills[which % len(bills)]
        pay(bill, max(1, bill.open_fen * share // 1000), at=at(self.today))

    @rule(whom=st.integers(0, 2))
    def register_somebody(self, whom: int) -> None:
        person = self.people[whom]
        with acting(ENGINE):
            live = BackPayment.objects.filter(unit_id=self.unit, person_id=person, state__in=("registered", "ordered")).exists()
        try:
            register(self.unit, [person], self.today)
        except AlreadyRegisteredError:
            assert live
        else:
            assert not live

    @rule()
    def issue_the_order(self) -> None:
        with acting(ENGINE):
            waiting = set(BackPayment.objects.filter(unit_id=self.unit, state="registered").values_list("person_id", flat=True))
        try:
            order = issue(self.unit, self.today)
        except NothingOwedError:
            return
        with acting(ENGINE):
            taken = list(TakenDue.objects.filter(order=order))
            assert {t.person_id for t in taken} <= waiting and all(t.due_date < self.today for t in taken)
            assert set(people_in_arrears(self.unit, self.people, self.today)) >= {t.person_id for t in taken}

    @rule(which=st.integers(0, 9))
    def roll_an_order_back(self, which: int) -> None:
        with acting(ENGINE):
            known = list(Bill.objects.filter(unit_id=self.unit, kind="arrears").order_by("id"))
        if not known:
            return
        order = known[which % len(known)]
        try:
            roll_back(order, self.today)
        except NotRollableError:
            assert order.paid_fen or order.state == "rolled_back"
        else:
            assert not order.paid_fen and order.state == "issued"

    @rule(whom=st.integers(0, 2))
    def take_a_registration_back(self, whom: int) -> None:
        person = self.people[whom]
        try:
            with acting(ENGINE):
                orders.cancel([person], unit_id=self.unit, case_id=None, at=at(self.today))
        except NotRollableError:
            pass

    @rule(whom=st.integers(0, 2))
    def write_somebodys_month_off(self, whom: int) -> None:
        person = self.people[whom]
        try:
            with acting(ENGINE):
                write_off.write_off([WriteOff(person, 1)], unit_id=self.unit, agency_id=1, place=PLACE, on=self.today, at=at(self.today))
        except NothingToWriteOffError:
            return
        with acting(ENGINE):
            assert set(TakenDue.objects.filter(person_id=person, state="written_off").values_list("month", flat=True)) >= {
                month_of(self.today)
            }

    @invariant()
    def everything_agrees(self) -> None:
        everything_agrees()

    @invariant()
    def nobody_is_in_arrears_without_owing_and_nobody_owes_overdue_without_being_in_arrears(self) -> None:
        if not hasattr(self, "unit"):
            return
        from shebao.levy.arrears import overdue_bills
        from shebao.levy.owing import owed_on

        with acting(ENGINE):
            told = set(people_in_arrears(self.unit, self.people, self.today))
            owing = {d.person_id for d in owed_on(overdue_bills(self.unit, self.today)) if d.open_fen}
            ordered = set(TakenDue.objects.filter(unit_id=self.unit, state="ordered").values_list("person_id", flat=True))
        assert owing | ordered <= told


@pytest.fixture(scope="module")
def units(database: str) -> None:
    make_agency(1)
    for i in range(UNITS):
        unit = make_unit(f"随机示例公司{i}", since=202401)
        hire(unit, 3, month=MONTHS[0], wage_fen=543_219, at=moment(MONTHS[0], 1))
        _units.append(unit)
    for month in MONTHS:
        assess(month, at=moment(month, 20))


def test_in_any_order_every_due_is_owed_or_settled_exactly_once(units: None) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Town,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    reached = dict(ask("select state, count(*) from levy_takendue group by 1"))
    assert set(reached) & {"ordered", "paid", "rolled_back"}, "the machine has to come to an order"
