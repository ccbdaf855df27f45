"""The world that the rules of the machine share: the clock, the hands, the numbers, and how the oracle learns what a bill is called."""

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.months import month_of, shift
from shebao.levy import receiving
from tests.city import law, oracle
from tests.city.oracle import Bill, Line, Receipt
from tests.db.arrears_support import at
from tests.db.support import PLACE, moment

FIRST = 202501
LAST_DAY = date(2026, 9, 1)  # the working days of later ones may not be known yet
_serial = count(1)


def finance(account: int) -> Actor:
    return Actor(Role.ENGINE, account, f"财务{account}")


def serial() -> int:
    return next(_serial)


def asked(sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall()) if cursor.description else []


def same(found: Any, expected: Any, of: str = "") -> None:
    """Both are equal; where they are not, only what differs is told."""
    if found == expected:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        differs = {key: (found.get(key), expected.get(key)) for key in found | expected if found.get(key) != expected.get(key)}
        raise AssertionError(f"{of} found, expected: {differs}")  # noqa: TRY004
    if isinstance(found, set) and isinstance(expected, set):
        raise AssertionError(f"{of} too much: {found - expected}; missing: {expected - found}")  # noqa: TRY004
    raise AssertionError(f"{of} found {found}, expected {expected}")


class World(RuleBasedStateMachine):
    """One life is one transaction, undone at its end: thousands of them leave the database as it was."""

    units: dict[int, list[int]] = {}  # unit: people; made once by the test
    wages: dict[int, int] = {}  # what everybody was declared with
    alone: dict[int, int] = {}  # flexible workers and their tiers
    steps_done = 0
    lives = 0
    reached: dict[str, int] = {}

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.stack.enter_context(acting(ENGINE))

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.stack.close()

    @initialize(months=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=3), days=st.integers(1, 40))
    def begin(self, months: list[tuple[bool, bool]], days: int) -> None:
        """A life begins with nothing, or with a few months behind it (declared or not by either unit)."""
        type(self).lives += 1
        self.steps = 0
        self.today = moment(FIRST, 5).date()
        self.month = FIRST  # the next one to assess
        self.books = oracle.Books()
        self.wage = {p: {FIRST: w} for p, w in self.wages.items()}  # by month it holds from
        self.charged: dict[tuple[int, int, int], tuple[int, int]] = {}  # person, month, type
        self.assessed: dict[tuple[int, int, int], tuple[int, int]] = {}  # as the month's run left it
        self.declared: set[tuple[int, int]] = set()
        self.registered: dict[tuple[int, int], str] = {}  # unit and person: for an order to come (""), or on that one
        self.pending: dict[int, receiving.Payment] = {}
        self.own_back: dict[int, int] = {}  # of a 待退差额: what of it is the person's
        self.person_bills: dict[str, tuple[int, list[int]]] = {}  # open ones by number: whose, which months
        self.person_bills_paid: dict[str, tuple[int, list[int]]] = {}
        self.person_refunded: set[str] = set()  # paid ones with months that were refunded since
        self.reversed: set[str] = set()  # serials that the tax office took back, or tried to
        self.files: list[tuple[bytes, str, list[receiving.Payment]]] = []
        self.start_the_others()
        for declared in months:
            self.live_through_a_month(declared, days)

    def live_through_a_month(self, declared: tuple[bool, bool], days: int) -> None:
        raise NotImplementedError

    def start_the_others(self) -> None:
        """What the parts keep for themselves."""

    @property
    def now(self) -> datetime:
        return at(self.today)

    @property
    def this_month(self) -> int:
        return month_of(self.today)

    def later(self, days: int) -> None:
        self.today = min(LAST_DAY, self.today + timedelta(days=days))

    def done(self, what: str) -> None:
        type(self).reached[what] = type(self).reached.get(what, 0) + 1

    # What the oracle has to be told: names, and the order in which lines stand

    def ordered(self, bill: Bill) -> Bill:
        """Lines as they stand in the database: shares that tie go to the earlier one."""
        order = asked(
            "select l.insurance, l.origin from levy_billline l join levy_bill b on b.id = l.bill_id where b.number = %s order by l.id",
            [bill.number],
        )
        assert {(line.code, line.origin) for line in bill.lines} == set(order), (bill.number, order)
        bill.lines.sort(key=lambda line: order.index((line.code, line.origin)))
        return bill

    def open_bills(self) -> list[Bill]:
        return [bill for bill in self.books.bills.values() if bill.open]

    def money_for(self, receipt: Receipt, number: str, fen: int) -> None:
        """The oracle shares money out; a late fee that this makes due must stand on a bill of its own, to the fen and by type."""
        before = receipt.shared
        fees = self.books.pay(receipt, number, fen)
        if receipt.shared > before:
            self.books.touched(number, self.this_month, self.this_month)
            self.order_paid(number)
        found = asked(
            """
            select b.number, b.unit_id, b.month, b.issued_on, b.due_date from levy_bill b
            where b.id in (select f.bill_id from levy_latefee f join levy_receipt r on r.id = f.receipt_id
                           join levy_billline l on l.id = f.line_id join levy_bill o on o.id = l.bill_id
                           where r.serial = %s and o.number = %s) and b.number <> all(%s)
            """,
            [receipt.serial, number, list(self.books.bills)],
        )
        assert len(found) == (1 if fees else 0), (receipt.serial, number, fees, found)
        for name, unit, month, issued, due in found:
            assert due == law.working_days_after(issued, law.PAY_WITHIN)
            lines = [Line(code, "late_fee", fen, 0) for code, fen in fees.items()]
            fee = Bill(name, "late_fee", unit, month, issued, due, lines, fee_of=(receipt.serial, number))
            self.books.bills[name] = self.ordered(fee)
            self.done("late fee")

    def order_paid(self, number: str) -> None:
        """Who was on an order that is paid may be registered again."""
        bill = self.books.bills[number]
        if bill.kind == "arrears" and not bill.open:
            self.registered = {key: order for key, order in self.registered.items() if order != number}
            self.done("order paid")

    def came_in(self, payment: receiving.Payment, *, channel: str, arrived: bool = True) -> Receipt:
        """A payment that counts once."""
        receipt = Receipt(payment.serial, payment.amount_fen, payment.paid_on, arrived, channel)
        self.books.receipts[payment.serial] = receipt
        if payment.bill_number in self.person_bills:
            self.pays_a_person(receipt, payment.bill_number, payment.amount_fen)
        else:
            self.money_for(receipt, payment.bill_number, payment.amount_fen)
        return receipt

    def pays_a_person(self, receipt: Receipt, number: str, fen: int) -> None:
        """A person's bill is paid whole or not at all."""
        person, months = self.person_bills[number]
        whole = sum(self.books.flexible[person, m][0] for m in months)
        if fen < whole or any(self.books.settled.get((person, m)) != "billed" for m in months):
            return
        receipt.shares[number, law.PENSION, "normal"] = whole
        for month in months:
            self.books.settled[person, month] = "paid"
        parts = {(number, "person", (person, m)): self.books.flexible[person, m][1] for m in months}
        self.books.accounts.credit(number, parts, self.this_month, self.this_month)
        self.person_bills_paid[number] = self.person_bills.pop(number)
        self.done("flexible paid")

    def payment(self, number: str, amount_fen: int) -> receiving.Payment:
        return receiving.Payment(f"S{serial():08d}", number, "示例公司", amount_fen, self.today, 3)

    def receipt_id(self, receipt: Receipt) -> int:
        return int(asked("select id from levy_receipt where serial = %s", [receipt.serial])[0][0])

    def file(self, payments: list[receiving.Payment]) -> None:
        n = serial()
        digest, batch = n.to_bytes(32, "big"), f"B{n}"
        with acting(finance(300)):
            receiving.receive_file(digest, batch, "到账.csv", payments, place=PLACE, agency_id=1, on=self.today, at=self.now)
        self.files.append((digest, batch, payments))
        for p in sorted(payments, key=lambda p: (p.bill_number, p.serial)):
            self.came_in(p, channel="file")

    def wage_of(self, person: int, month: int) -> int:
        return self.wage[person][max(m for m in self.wage[person] if m <= month)]


def months_back(first: int, last: int) -> Iterable[int]:
    while first <= last:
        yield first
        first = shift(first, 1)
