"""A machine that lives through months of a small city's money in any order, and after every step compares the database with the oracle
and with the independent auditor. One example is one transaction, undone at its end: thousands of them leave the database as it was."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shebao.access.acting import acting
from shebao.auditor import books
from shebao.auditor.controls import CONTROLS
from shebao.auditor.rules import RULES
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.errors import ShebaoError
from shebao.base.months import month_of, shift
from shebao.enrolment.corrections import NotCoveredError, WageCorrection, correct_wages
from shebao.ledger import closing
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, DayClosedError, Side, book
from shebao.levy import (
    declaring,
    differences,
    flexible_arrears,
    flexible_billing,
    orders,
    payouts,
    receiving,
    refunding,
    suspense,
    write_off,
)
from shebao.levy.arrears import overdue_bills
from shebao.levy.models import OPEN_STATES, BackPayment, Bill, Channel, LateFee, Receipt, TakenDue
from shebao.levy.orders import AlreadyRegisteredError, NothingOwedError, NotRollableError
from shebao.levy.owing import owed_on
from shebao.levy.receiving import ToldAs
from shebao.levy.refund_models import MoveKind, Refund, SourceKind
from shebao.levy.refund_sources import NotPaidYetError, Source
from shebao.policy.rulebook import standard
from shebao.runs import monthly_assessment
from tests.city import oracle
from tests.db.arrears_support import at
from tests.db.support import PLACE, moment

FIRST = 202501
AUDIT_EVERY = 7
KEY = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
PAYEE = refunding.Payee("示例公司", "示例银行", "6222020200000000008")
_serial = count(1)


def finance(account: int) -> Actor:
    return Actor(Role.ENGINE, account, f"财务{account}")


class MoneyCity(RuleBasedStateMachine):
    """Two employers, from January 2025 on."""

    units: dict[int, list[int]] = {}  # unit: people; made once by the test
    wages: dict[int, int] = {}  # what everybody was declared with
    alone: list[int] = []  # flexible workers
    steps_done = 0
    reached: set[str] = set()

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(acting(ENGINE))

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.stack.close()

    @initialize()
    def begin(self) -> None:
        self.today = moment(FIRST, 5).date()
        self.month = FIRST  # the next one to assess
        self.books = oracle.Books()
        self.wage = {p: {FIRST: w} for p, w in self.wages.items()}  # by month it holds from
        self.charged: dict[tuple[int, int, int], tuple[int, int]] = {}  # person, month, type
        self.assessed: dict[tuple[int, int, int], tuple[int, int]] = {}  # as the month's run left it
        self.refund_due_fen = 0
        self.declared: set[tuple[int, int]] = set()
        self.pending: dict[int, tuple[str, int]] = {}
        self.person_bills: dict[str, tuple[int, list[int]]] = {}  # by number: whose, which months
        self.on_the_way: dict[str, int] = {}
        self.told: list[receiving.Payment] = []
        self.files: list[tuple[bytes, str, list[receiving.Payment]]] = []

    # Time

    @rule(days=st.integers(1, 25))
    def days_pass(self, days: int) -> None:
        self.today += timedelta(days=days)

    @property
    def now(self) -> datetime:
        return at(self.today)

    def done(self, what: str) -> None:
        type(self).reached.add(what)

    # The month

    @precondition(lambda self: month_of(self.today) >= self.month)
    @rule(which=st.integers(0, 1))
    def declare(self, which: int) -> None:
        unit = list(self.units)[which]
        if (unit, self.month) in self.declared:
            return
        with acting(finance(100)):
            declaring.declare(declaring.Wanted(unit, 1, None), place=PLACE, month=self.month, at=self.now, rulebook=standard())
        self.declared.add((unit, self.month))
        self.done("declared")

    @precondition(lambda self: month_of(self.today) >= self.month)
    @rule()
    def assess(self) -> None:
        month = self.month
        monthly_assessment.assess(PLACE, month, clock=lambda: self.now)
        self.month = shift(month, 1)
        for unit, people in self.units.items():
            bill = oracle.Account(unit, month)
            for person in people:
                for code, parts in oracle.contribution(self.wage_of(person, month)).items():
                    self.charged[person, month, code] = self.assessed[person, month, code] = parts
                    here = bill.owed.setdefault(code, [0, 0])
                    here[0] += parts[0]
                    here[1] += parts[1]
            if (unit, month) not in self.declared:
                before = next(
                    (b for b in self.books.bills.values() if b.unit == unit and b.month == shift(month, -1) and oracle.PENSION in b.owed),
                    None,
                )
                if before:
                    bill.estimated = frozenset(oracle.DECLARED)
                    for code in oracle.DECLARED:
                        bill.owed[code] = [oracle.at_110_percent(part) for part in before.owed[code]]
            bill.back_fen = self.books.back.pop(unit, 0)
            credit = self.books.credit[unit]
            for code in list(credit):
                used = min(credit[code], sum(bill.owed[code]))
                bill.paid_fen += used
                credit[code] -= used
            number = Bill.objects.values_list("number", flat=True).get(unit_id=unit, month=month, kind="monthly")
            self.books.bills[number] = bill
        self.done("assessed")

    def wage_of(self, person: int, month: int) -> int:
        return self.wage[person][max(m for m in self.wage[person] if m <= month)]

    @rule(which=st.integers(0, 9))
    def declare_late(self, which: int) -> None:
        late = [n for n, b in self.books.bills.items() if b.estimated]
        if not late:
            return
        number = late[which % len(late)]
        kept = self.books.bills[number]
        bill = Bill.objects.get(number=number)
        came_in = {line.insurance: line.paid_fen for line in bill.lines.filter(origin="estimate")}
        try:
            with acting(finance(100)):
                wanted = declaring.Wanted(kept.unit, 1, None)
                declaring.declare(wanted, place=PLACE, month=kept.month, at=self.now, rulebook=standard())
        except (declaring.NothingToDeclareError, declaring.ClosedError):
            return
        for code, paid in came_in.items():
            due = [sum(self.assessed[p, kept.month, code][i] for p in self.units[kept.unit]) for i in (0, 1)]
            kept.owed[code] = due
            surplus = max(0, paid - sum(due))
            kept.paid_fen -= surplus
            self.books.credit[kept.unit][code] += surplus
        kept.estimated = frozenset()
        self.done("declared late")

    @rule(declared=st.tuples(st.booleans(), st.booleans()), days=st.integers(1, 40))
    def live_through_a_month(self, declared: tuple[bool, bool], days: int) -> None:
        self.today = max(self.today, moment(self.month, 25).date())
        for which, wanted in enumerate(declared):
            if wanted:
                self.declare(which)
        self.assess()
        self.today += timedelta(days=days)

    # Money comes

    def bills(self) -> list[Bill]:
        return list(Bill.objects.filter(unit_id__in=list(self.units), state__in=OPEN_STATES).order_by("id"))

    def file(self, payments: list[receiving.Payment]) -> None:
        n = next(_serial)
        digest, batch = n.to_bytes(32, "big"), f"B{n}"
        with acting(finance(300)):
            receiving.receive_file(digest, batch, "到账.csv", payments, place=PLACE, agency_id=1, on=self.today, at=self.now)
        self.files.append((digest, batch, payments))
        for p in payments:
            self.books.pay(p.bill_number, p.amount_fen)
        self.expect_late_fees([p.serial for p in payments])

    # Flexible workers

    @rule(which=st.integers(0, 1), tier=st.sampled_from([60, 70, 100, 300]), back=st.integers(0, 5), more=st.integers(0, 5))
    def assess_a_flexible_worker(self, which: int, tier: int, back: int, more: int) -> None:
        person, this = self.alone[which], month_of(self.today)
        first = max(FIRST, shift(this, -back))
        last = min(shift(first, more), this)
        wanted = flexible_billing.Wanted(person, 1, tier, first, last)
        try:
            with acting(ENGINE):
                bill = flexible_billing.issue(wanted, place=PLACE, rulebook=standard(), on=self.today, at=self.now)
        except flexible_billing.AssessRefusedError:
            return
        months = [m for i in range(more + 1) if (m := shift(first, i)) <= last]
        for month in months:
            self.books.flexible[person, month] = oracle.flexible_month(tier)
        assert bill.total_fen == len(months) * oracle.flexible_month(tier)
        gone = set(Bill.objects.filter(number__in=list(self.person_bills), state="cancelled").values_list("number", flat=True))
        self.person_bills = {n: b for n, b in self.person_bills.items() if n not in gone} | {bill.number: (person, months)}
        self.done("flexible bill")

    @rule(which=st.integers(0, 1), back=st.integers(0, 5))
    def give_months_up(self, which: int, back: int) -> None:
        person, first = self.alone[which], max(FIRST, shift(month_of(self.today), -back))
        try:
            with acting(ENGINE):
                flexible_arrears.write_off(person, first, first, agency_id=1, place=PLACE, case_id=None, on=self.today, at=self.now)
        except ShebaoError:
            return
        del self.books.flexible[person, first]
        self.done("month given up")

    # The tax office tells, the bank shows

    def takes(self, number: str, amount: int) -> int:
        """What a bill takes of an amount."""
        if number not in self.person_bills:
            return self.books.pay(number, amount, transit=True)
        person, months = self.person_bills[number]
        whole = sum(self.books.flexible[person, m] for m in months)
        taken = whole if amount >= whole else 0  # a person's bill is paid whole or not at all
        self.books.transit_fen += amount
        self.books.suspense_fen += amount - taken
        if taken:
            for month in months:
                del self.books.flexible[person, month]
            del self.person_bills[number]
            self.done("flexible paid")
        return taken

    @rule(which=st.integers(0, 30), share=st.sampled_from([500, 999, 1000, 1000, 1000, 1100]), again=st.booleans(), other=st.booleans())
    def the_tax_office_tells_of_a_payment(self, which: int, share: int, again: bool, other: bool) -> None:
        bills = [*self.bills(), *Bill.objects.filter(number__in=list(self.person_bills)).order_by("id")]
        if not bills:
            return
        bill = bills[which % len(bills)]
        payment = self.payment(bill.number, max(1, bill.open_fen * share // 1000))
        self.tell(payment, ToldAs.NEW)
        self.takes(payment.bill_number, payment.amount_fen)
        self.on_the_way[payment.serial] = payment.amount_fen
        self.expect_late_fees([payment.serial])
        self.done("told")
        if again:
            self.tell(payment, ToldAs.KNOWN)
        if other:
            self.tell(replace(payment, amount_fen=payment.amount_fen + 1), ToldAs.HELD)

    def tell(self, payment: receiving.Payment, expected: ToldAs) -> None:
        with acting(finance(0)):
            (told,) = receiving.receive_told(
                Channel.TAX, f"T{next(_serial)}", [payment], place=PLACE, agency_id=1, on=self.today, at=self.now
            )
        assert told.status is expected, (told, expected)

    @rule(which=st.integers(0, 30), again=st.booleans())
    def a_statement_shows_money(self, which: int, again: bool) -> None:
        if not self.on_the_way:
            return
        serial = list(self.on_the_way)[which % len(self.on_the_way)]
        for expected in (1, 0) if again else (1,):
            with acting(finance(0)):
                assert receiving.arrive([serial], place=PLACE, on=self.today, at=self.now) == expected
        fen = self.on_the_way.pop(serial)
        self.books.transit_fen -= fen
        self.books.bank_fen += fen
        self.done("arrived")

    # Out of suspense

    def waiting(self) -> list[Receipt]:
        return [r for r in Receipt.objects.filter(state="suspense", agency_id=1).order_by("id") if r.rest_fen > 0]

    @rule(which=st.integers(0, 30), bill=st.integers(0, 30), share=st.sampled_from([500, 1000, 1000]), confirm=st.booleans())
    def claim_money_for_a_bill(self, which: int, bill: int, share: int, confirm: bool) -> None:
        waiting, bills = self.waiting(), self.bills()
        if not waiting or not bills:
            return
        receipt, target = waiting[which % len(waiting)], bills[bill % len(bills)]
        amount = max(1, min(receipt.rest_fen, target.open_fen) * share // 1000)
        with acting(finance(300)):
            wanted = suspense.Wanted(MoveKind.MATCH, amount, "核对后认领", target.number)
            move = suspense.propose(receipt.pk, wanted, at=self.now)
        with acting(finance(301)):
            suspense.decide(move, confirm=confirm, note="不对", place=PLACE, on=self.today, at=self.now)
        if confirm:
            self.books.bills[target.number].paid_fen += amount
            self.books.suspense_fen -= amount
            self.expect_late_fees([receipt.serial])
            self.done("claimed")

    @rule(which=st.integers(0, 30), share=st.sampled_from([333, 1000, 1001]), approve=st.booleans(), pay=st.booleans())
    def refund_money(self, which: int, share: int, approve: bool, pay: bool) -> None:
        waiting = self.waiting()
        if not waiting:
            return
        receipt = waiting[which % len(waiting)]
        amount = max(1, receipt.rest_fen * share // 1000)
        source = Source(SourceKind.SUSPENSE, receipt.pk, amount)
        wanted = refunding.Application([source], PAYEE, "重复缴费", 1, PLACE, unit_id=None)
        try:
            with acting(finance(300)):
                refund = refunding.apply(wanted, on=self.today, at=self.now)
        except (suspense.TooMuchError, NotPaidYetError):
            assert amount > receipt.rest_fen or receipt.serial in self.on_the_way
            return
        with acting(finance(301)):
            refunding.review(refund.pk, approve=approve, note="不予", on=self.today, at=self.now)
        if not approve:
            return
        self.books.suspense_fen -= amount
        self.books.refund_due_fen += amount
        self.done("refund approved")
        if pay:
            with acting(finance(302)):
                payouts.instruct(1, PLACE, bank="403", private_key=KEY, on=self.today, at=self.now)
            with acting(finance(0)):
                for one in Refund.objects.filter(state="instructed").order_by("id"):
                    assert refunding.paid([one], on=self.today, at=self.now) == 1
                    self.books.refund_due_fen -= one.amount_fen
                    self.books.bank_fen -= one.amount_fen
            self.done("refund paid")

    # The books close

    @rule(days=st.integers(1, 9))
    def close_the_days_before(self, days: int) -> None:
        to = self.today - timedelta(days=days)
        try:
            with acting(finance(300)):
                closing.close_days(PLACE, to, at=self.now)
        except closing.NotClosableError:
            return
        sides = (Side(110, AccountKind.BANK, 1), Side(110, AccountKind.SUSPENSE, -1))
        try:
            with acting(ENGINE):
                book([Booking(f"late:{next(_serial)}", "试记", "test", sides)], place=PLACE, on=to, at=self.now)
        except DayClosedError:
            self.done("closed")
        else:
            raise AssertionError("something was booked into a closed day")

    def expect_late_fees(self, serials: list[str]) -> None:
        """Money that came in late brings a bill of its own: each part at five ten-thousandths a day since it was due, no more, no less."""
        for receipt in Receipt.objects.filter(serial__in=serials).order_by("id"):
            expected = 0
            for part in receipt.allocations.select_related("line__bill"):
                bill = part.line.bill
                if part.line.origin == "late_fee" or bill.due_date >= receipt.paid_on or bill.kind not in ("monthly", "arrears"):
                    continue
                since = bill.due_date if bill.kind == "monthly" else bill.issued_on
                days = (receipt.paid_on - since).days
                expected += oracle.fen(oracle.Decimal(part.amount_fen) * oracle.Decimal("0.0005") * days)
            made = Bill.objects.filter(pk__in=LateFee.objects.filter(receipt=receipt).values("bill_id"))
            assert sum(b.late_fee_fen for b in made) == expected, (receipt.serial, expected)
            for bill in made:
                if bill.number not in self.books.bills:
                    self.books.bills[bill.number] = oracle.Account(bill.unit_id, bill.month, {}, 0, bill.late_fee_fen)
                    self.done("late fee")

    def payment(self, number: str, amount_fen: int) -> receiving.Payment:
        return receiving.Payment(f"S{next(_serial):08d}", number, "示例公司", amount_fen, self.today, 3)

    @rule(which=st.integers(0, 20), share=st.sampled_from([1, 250, 500, 999, 1000, 1000, 1000, 1001, 2000]))
    def pay(self, which: int, share: int) -> None:
        bills = self.bills()
        if bills:
            bill = bills[which % len(bills)]
            self.file([self.payment(bill.number, max(1, bill.open_fen * share // 1000))])
            self.done("paid" if share >= 1000 else "paid in part")

    @rule(which=st.integers(0, 20))
    def pay_twice_in_one_file(self, which: int) -> None:
        bills = self.bills()
        if bills:
            bill = bills[which % len(bills)]
            self.file([self.payment(bill.number, bill.open_fen), self.payment(bill.number, bill.open_fen)])
            self.done("paid twice")

    @rule(amount=st.integers(1, 9_999_999))
    def pay_a_bill_that_is_none(self, amount: int) -> None:
        self.file([self.payment("HD209912-9999999", amount)])

    @rule(which=st.integers(0, 20))
    def send_a_file_again(self, which: int) -> None:
        if not self.files:
            return
        digest, batch, payments = self.files[which % len(self.files)]
        try:
            with acting(finance(300)):
                receiving.receive_file(digest, batch, "到账.csv", payments, place=PLACE, agency_id=1, on=self.today, at=self.now)
        except receiving.FileKnownError:
            self.done("file again")
        else:
            raise AssertionError("a file was applied twice")

    @rule(which=st.integers(0, 20), other_name=st.booleans())
    def send_known_payments_under_another_batch(self, which: int, other_name: bool) -> None:
        if not self.files:
            return
        _, _, payments = self.files[which % len(self.files)]
        n = next(_serial)
        with acting(finance(300)):
            got = receiving.receive_file(
                n.to_bytes(32, "big"), f"B{n}", "到账.csv", payments, place=PLACE, agency_id=1, on=self.today, at=self.now
            )
        assert got.known == len(payments)

    @rule(which=st.integers(0, 20), amount=st.integers(1, 5_000_000))
    def enter_by_hand(self, which: int, amount: int) -> None:
        bills = self.bills()
        number = bills[which % len(bills)].number if bills else "HD209912-9999999"
        with acting(finance(300)):
            receipt = receiving.enter_by_hand(self.payment(number, amount), agency_id=1, place=PLACE, on=self.today, at=self.now)
        self.pending[receipt] = (number, amount)

    @rule(which=st.integers(0, 20), confirm=st.booleans(), same=st.booleans())
    def settle_what_was_entered(self, which: int, confirm: bool, same: bool) -> None:
        if not self.pending:
            return
        receipt = list(self.pending)[which % len(self.pending)]
        try:
            with acting(finance(300 if same else 301)):
                if confirm:
                    receiving.confirm(receipt, place=PLACE, on=self.today, at=self.now)
                else:
                    receiving.void(receipt, place=PLACE, on=self.today, at=self.now)
        except receiving.SamePersonError:
            assert confirm and same
            return
        number, amount = self.pending.pop(receipt)
        if confirm:
            self.books.pay(number, amount)
            self.expect_late_fees(list(Receipt.objects.filter(pk=receipt).values_list("serial", flat=True)))
            self.done("entered by hand")

    # Arrears

    @rule(which=st.integers(0, 1), whom=st.integers(0, 2))
    def register_somebody(self, which: int, whom: int) -> None:
        unit = list(self.units)[which]
        person = self.units[unit][whom]
        live = BackPayment.objects.filter(unit_id=unit, person_id=person, state__in=("registered", "ordered")).exists()
        try:
            with acting(ENGINE):
                orders.register([orders.Registration(person, None)], unit_id=unit, agency_id=1, at=self.now)
        except AlreadyRegisteredError:
            assert live
        else:
            if whom:  # more often than not the order follows at once
                self.issue_an_order(which)

    @rule(which=st.integers(0, 1))
    def issue_an_order(self, which: int) -> None:
        unit = list(self.units)[which]
        expected = self.expected_order(unit)
        try:
            with acting(ENGINE):
                order = orders.issue(unit, agency_id=1, place=PLACE, case_id=None, rulebook=standard(), on=self.today, at=self.now)
        except NothingOwedError:
            assert not expected
            return
        taken = TakenDue.objects.filter(order=order)
        for t in taken:
            self.books.bills[t.line.bill.number].gone_fen += t.taken_fen
        fees = sum(expected.values())
        assert order.late_fee_fen == fees, (order.late_fee_fen, fees)
        self.books.bills[order.number] = oracle.Account(unit, order.month, {0: [order.unit_fen, order.person_fen]}, 0, fees)
        self.done("ordered")

    def expected_order(self, unit: int) -> dict[object, int]:
        """The late fee of each due of those who wait for an order, day by day at five ten-thousandths."""
        waiting = set(BackPayment.objects.filter(unit_id=unit, state="registered").values_list("person_id", flat=True))
        dues = owed_on(overdue_bills(unit, self.today), sorted(waiting))
        return {
            d.key: oracle.fen(oracle.Decimal(d.open_fen) * oracle.Decimal("0.0005") * (self.today - d.due_date).days)
            for d in dues
            if d.open_fen
        }

    @rule(which=st.integers(0, 9))
    def roll_an_order_back(self, which: int) -> None:
        known = list(Bill.objects.filter(kind="arrears", unit_id__in=list(self.units)).order_by("id"))
        if not known:
            return
        order = known[which % len(known)]
        pending = Receipt.objects.filter(bill_number=order.number, state="pending").exists()
        taken = list(TakenDue.objects.filter(order=order, state="ordered"))
        try:
            with acting(ENGINE):
                orders.roll_back(order.number, unit_id=order.unit_id, place=PLACE, case_id=None, on=self.today, at=self.now)
        except NotRollableError:
            assert order.paid_fen or order.state == "rolled_back" or pending
            return
        for t in taken:
            self.books.bills[t.line.bill.number].gone_fen -= t.taken_fen
        del self.books.bills[order.number]
        self.done("rolled back")

    @rule(which=st.integers(0, 1), whom=st.integers(0, 2))
    def write_somebodys_month_off(self, which: int, whom: int) -> None:
        unit = list(self.units)[which]
        try:
            with acting(ENGINE):
                write_off.write_off(
                    [write_off.WriteOff(self.units[unit][whom], 1)], unit_id=unit, agency_id=1, place=PLACE, on=self.today, at=self.now
                )
        except write_off.NothingToWriteOffError:
            return
        bill = Bill.objects.get(unit_id=unit, month=month_of(self.today), kind="monthly")
        mine = TakenDue.objects.filter(person_id=self.units[unit][whom], month=bill.month, state="written_off")
        off = sum(t.taken_fen for t in mine)
        assert off == sum(sum(self.charged[self.units[unit][whom], bill.month, code]) for code in oracle.contribution(1))
        self.books.bills[bill.number].gone_fen += off
        self.books.written_off_fen += off
        self.done("written off")

    # Corrections

    @rule(which=st.integers(0, 1), whom=st.integers(0, 2), back=st.integers(0, 4), wage=st.integers(300_000, 2_400_000))
    def correct_a_wage(self, which: int, whom: int, back: int, wage: int) -> None:
        unit = list(self.units)[which]
        person, first = self.units[unit][whom], max(FIRST, shift(self.month, -back))
        off = differences.written_off([person])
        try:
            with acting(ENGINE):
                before = differences.by_register([person])
                correct_wages([WageCorrection(person, unit, first, None, wage, None)], at=self.now)
                found = differences.between(before, differences.by_register([person]), differences.charged([person]), off)
                differences.settle(found, {unit: 1}, reason="订正", case_id=next(_serial), at=self.now)
        except NotCoveredError:
            return
        self.wage[person] = {m: w for m, w in self.wage[person].items() if m < first} | {first: wage}
        closed = {(m, i.value) for _, p, m, i in off if p == person}
        for (p, month, code), charged in list(self.charged.items()):
            if p != person or month < first or (month, code) in closed:
                continue
            due = oracle.contribution(wage)[code]
            for i in (0, 1):
                if due[i] > charged[i]:
                    self.books.back[unit] += due[i] - charged[i]
                else:
                    self.refund_due_fen += charged[i] - due[i]
            self.charged[p, month, code] = due
        self.done("corrected")

    # What must hold

    @invariant()
    def the_books_say_what_the_oracle_says(self) -> None:
        if not hasattr(self, "books"):
            return
        type(self).steps_done += 1
        kept, found = self.books, balances()
        assert sum(found.values()) == 0
        fees_due = found.get("late_fee_due", 0)
        assert found.get("receivable", 0) + fees_due == kept.receivable_fen, (found, kept.receivable_fen)
        assert found.get("bank", 0) == kept.bank_fen
        assert found.get("transit", 0) == kept.transit_fen
        assert -found.get("refund_due", 0) == kept.refund_due_fen
        assert -found.get("suspense", 0) == kept.suspense_fen + sum(sum(c.values()) for c in kept.credit.values())

    @invariant()
    def the_independent_auditor_finds_nothing(self) -> None:
        if hasattr(self, "books") and type(self).steps_done % AUDIT_EVERY == 0:
            assert audited() == []

    @invariant()
    def every_bill_is_what_the_oracle_keeps(self) -> None:
        if not hasattr(self, "books"):
            return
        for bill in Bill.objects.filter(number__in=list(self.books.bills)):
            kept = self.books.bills[bill.number]
            assert (bill.total_fen, bill.paid_fen) == (kept.total_fen, kept.paid_fen), bill.number
            assert bill.moved_fen + bill.written_off_fen == kept.gone_fen, bill.number


def audited() -> list[str]:
    """What the auditor's checks say inside this transaction, where they differ."""
    with acting(Actor(Role.AUDITOR, 1, "稽核")):
        connection.ensure_connection()
        with connection.connection.cursor() as cursor:
            found = [books._control(cursor, control, "", past=False) for control in CONTROLS]
            found += [books._rule(cursor, rule, "", None) for rule in RULES]
    return [f"{f.name}: {f.sentence} {f.figures}" for f in found if f.state == "wrong"]


def balances() -> dict[str, int]:
    """Posted balance by kind of account, all funds together."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select a.kind, sum(e.amount_fen)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id
            join ledger_posting p on p.id = e.posting_id where p.state = 'posted' group by 1
            """
        )
        return {kind: fen for kind, fen in cursor.fetchall() if fen}


def make_city() -> None:
    """Two employers of three people each, once for all examples."""
    from tests.db.support import hire, make_agency, make_unit, person_ids

    make_agency(1)
    for i, wage in enumerate((800_000, 333_333)):
        unit = make_unit(f"随机示例公司{i}", since=FIRST)
        people = sorted(person_ids(hire(unit, 3, month=FIRST, wage_fen=wage, at=moment(FIRST, 1))))
        MoneyCity.units[unit] = people
        MoneyCity.wages |= {p: wage + n for n, p in enumerate(people)}


def make_flexible() -> None:
    """Two flexible workers of the first agency."""
    from tests import make

    MoneyCity.alone[:] = [make.flexible(since=FIRST).person_id for _ in range(2)]


__all__ = ["MoneyCity", "balances", "date", "make_city"]
