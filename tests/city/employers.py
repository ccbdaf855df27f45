"""What happens to employers: a month is declared or not and assessed, put off, corrected, recomputed, written off; arrears go onto orders."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.months import last_day, shift
from shebao.base.terms import Insurance
from shebao.enrolment.corrections import NotCoveredError, WageCorrection, correct_wages
from shebao.levy import declaring, deferring, differences, orders, recalculating, write_off
from shebao.levy.orders import AlreadyRegisteredError, NothingOwedError, NotRollableError
from shebao.policy.rulebook import Rulebook, standard
from shebao.runs import monthly_assessment, recalculate
from tests.changed_rules import with_changed
from tests.city import law
from tests.city.oracle import Bill, Line
from tests.city.world import FIRST, World, asked, finance, same, serial
from tests.db.support import PLACE, moment

TYPES = {law.PENSION: Insurance.PENSION, law.UNEMPLOYMENT: Insurance.UNEMPLOYMENT, law.INJURY: Insurance.INJURY}
# Rules as they might be published later: the unit's unemployment rate falls, the floor of pensions rises.
LOWER = with_changed("unemployment.rate", date(2025, 1, 1), PLACE, {"unit_ppm": 5_000, "person_ppm": 3_000})
HIGHER = with_changed("pension.base", date(2025, 1, 1), PLACE, {"average_fen": 749_600, "floor_fen": 460_000, "cap_fen": 2_248_800})
OTHER_RATES = law.RATES | {law.UNEMPLOYMENT: (Decimal("0.5"), Decimal("0.3"))}


class Employers(World):
    """Two of them, of three people each."""

    # The month

    @precondition(lambda self: self.this_month >= self.month)
    @rule(which=st.integers(0, 1))
    def declare(self, which: int) -> None:
        unit = list(self.units)[which]
        if (unit, self.month) in self.declared:
            return
        with acting(finance(100)):
            declaring.declare(declaring.Wanted(unit, 1, None), place=PLACE, month=self.month, at=self.now, rulebook=standard())
        self.declared.add((unit, self.month))
        self.done("declared")

    @precondition(lambda self: self.this_month >= self.month)
    @rule()
    def assess(self) -> None:
        month = self.month
        monthly_assessment.assess(PLACE, month, clock=lambda: self.now)
        self.month = shift(month, 1)
        due = law.working_days_after(self.today, law.PAY_WITHIN)
        for unit, people in self.units.items():
            owed: dict[int, dict[int, tuple[int, int]]] = {}
            for person in people:
                for code, parts in law.contribution(self.wage_of(person, month)).items():
                    self.charged[person, month, code] = self.assessed[person, month, code] = parts
                    owed.setdefault(code, {})[person] = parts
            last = None
            if (unit, month) not in self.declared:
                last = next(
                    (b for b in self.books.bills.values() if (b.unit, b.month, b.kind) == (unit, shift(month, -1), "monthly")), None
                )
            number = asked("select number from levy_bill where unit_id = %s and month = %s and kind = 'monthly'", [unit, month])[0][0]
            bill = Bill(number, "monthly", unit, month, self.today, due)
            self.books.issue(bill, owed, last)
            self.ordered(bill)
            self.books.use_credits(bill)
            self.books.touched(number, self.this_month, self.this_month)
        self.done("assessed")

    @precondition(lambda self: any(b.estimated for b in self.books.bills.values()))
    @rule(which=st.integers(0, 9))
    def declare_late(self, which: int) -> None:
        late = [b for b in self.books.bills.values() if b.estimated]
        if not late:
            return
        bill = late[which % len(late)]
        was_clear, was_overdue = bill.open == 0, bill.due < self.today
        with acting(finance(100)):
            declaring.declare(declaring.Wanted(bill.unit, 1, None), place=PLACE, month=bill.month, at=self.now, rulebook=standard())
        for line in bill.lines:
            if line.origin == "estimate":
                line.people = {(p, bill.month): self.assessed[p, bill.month, line.code] for p in self.units[bill.unit]}
                line.origin = "normal"
                line.unit, line.own = (sum(parts[i] for parts in line.people.values()) for i in (0, 1))
                surplus = max(0, line.paid - line.unit - line.own)
                line.paid -= surplus
                self.books.credit[bill.unit][line.code] += surplus
        if bill.open and (was_clear or not was_overdue):
            bill.due = max(bill.due, law.working_days_after(self.today, law.PAY_WITHIN))
        for receipt in self.books.receipts.values():
            receipt.shares = {
                (n, code, "normal" if (n, o) == (bill.number, "estimate") else o): fen for (n, code, o), fen in receipt.shares.items()
            }
        self.books.touched(bill.number, self.this_month, self.this_month)
        self.done("declared late")

    @rule(declared=st.tuples(st.booleans(), st.booleans()), days=st.integers(1, 40))
    def live_through_a_month(self, declared: tuple[bool, bool], days: int) -> None:
        self.today = max(self.today, moment(self.month, 25).date())
        for which, wanted in enumerate(declared):
            if wanted:
                self.declare(which)
        self.assess()
        self.later(days)

    # 缓缴

    @rule(
        which=st.integers(0, 1),
        back=st.integers(-1, 3),
        more=st.integers(0, 2),
        types=st.sets(st.sampled_from(sorted(TYPES)), min_size=1),
        days=st.integers(5, 120),
    )
    def put_off_the_unit_part(self, which: int, back: int, more: int, types: set[int], days: int) -> None:
        unit, first = list(self.units)[which], max(FIRST, shift(self.month, -1 - back))
        until = self.today + timedelta(days=days)
        keys = {(unit, shift(first, i), code) for i in range(more + 1) for code in types}
        if any(
            b.state != "issued"
            for b in self.books.bills.values()
            if b.kind == "monthly" and b.unit == unit and (unit, b.month, 110) in {(u, m, 110) for u, m, _ in keys}
        ):
            return  # granted before anything came in, as the item asks for
        wanted = deferring.NewDeferral(
            unit, 1, "hardship", tuple(TYPES[code] for code in sorted(types)), first, shift(first, more), until, "协议", None
        )
        try:
            with acting(ENGINE):
                deferring.grant(wanted, at=self.now)
        except deferring.AlreadyDeferredError:
            assert keys & set(self.books.deferred)
            return
        assert not keys & set(self.books.deferred)
        self.books.deferred |= dict.fromkeys(keys, until)
        self.done("deferred")

    # Arrears

    @rule(which=st.integers(0, 1), whom=st.integers(0, 2))
    def register_somebody(self, which: int, whom: int) -> None:
        unit = list(self.units)[which]
        person = self.units[unit][whom]
        try:
            with acting(ENGINE):
                orders.register([orders.Registration(person, None)], unit_id=unit, agency_id=1, at=self.now)
        except AlreadyRegisteredError:
            assert (unit, person) in self.registered
            return
        assert (unit, person) not in self.registered
        self.registered[unit, person] = ""
        if whom:  # more often than not the order follows at once
            self.issue_an_order(which)

    @precondition(lambda self: any(not order for order in self.registered.values()))
    @rule(which=st.integers(0, 1))
    def issue_an_order(self, which: int) -> None:
        unit = list(self.units)[which]
        waiting = {person for (u, person), order in self.registered.items() if u == unit and not order}
        dues = self.books.takeable(unit, waiting, self.today)
        fees = [self.books.fee_of_due(bill, line, u, o, self.today) for bill, line, _, u, o in dues]
        owed = sum(u + o for *_, u, o in dues) + sum(fees)
        try:
            with acting(ENGINE):
                order = orders.issue(unit, agency_id=1, place=PLACE, case_id=None, rulebook=standard(), on=self.today, at=self.now)
        except NothingOwedError:
            assert not owed
            return
        rows = asked(
            "select b.number, l.insurance, l.origin, t.person_id, t.month, t.unit_fen, t.person_fen, t.late_fee_fen from levy_takendue t"
            " join levy_billline l on l.id = t.line_id join levy_bill b on b.id = l.bill_id where t.order_id = %s",
            [order.pk],
        )
        expected = {(b.number, line.code, line.origin, *who, u, o, fee) for (b, line, who, u, o), fee in zip(dues, fees, strict=True)}
        same({tuple(row) for row in rows}, expected, "order")
        made = Bill(order.number, "arrears", unit, order.month, self.today, law.working_days_after(self.today, law.PAY_WITHIN))
        for code in dict.fromkeys(line.code for _, line, *_ in dues):
            mine = [(u, o, fee) for (_, line, _, u, o), fee in zip(dues, fees, strict=True) if line.code == code]
            made.lines.append(Line(code, "arrears", sum(m[0] for m in mine), sum(m[1] for m in mine)))
            if fee := sum(m[2] for m in mine):
                made.lines.append(Line(code, "late_fee", fee, 0))
        self.books.take(dues, made.number)
        self.books.bills[made.number] = self.ordered(made)
        on_it = {who[0] for _, _, who, _, _ in dues}
        for person in waiting:
            del self.registered[unit, person]
        self.registered |= {(unit, person): made.number for person in on_it}
        self.done("ordered")

    @precondition(lambda self: any(b.kind == "arrears" for b in self.books.bills.values()))
    @rule(which=st.integers(0, 9))
    def roll_an_order_back(self, which: int) -> None:
        known = [b for b in self.books.bills.values() if b.kind == "arrears"]
        if not known:
            return
        order = known[which % len(known)]
        try:
            with acting(ENGINE):
                orders.roll_back(order.number, unit_id=order.unit, place=PLACE, case_id=None, on=self.today, at=self.now)
        except NotRollableError:
            assert order.paid or order.ended or any(p.bill_number == order.number for p in self.pending.values())
            return
        self.books.give_back(order.number)
        self.registered = {key: number for key, number in self.registered.items() if number != order.number}
        self.done("rolled back")

    @rule(which=st.integers(0, 1), whom=st.integers(0, 2), at_once=st.booleans())
    def write_somebodys_month_off(self, which: int, whom: int, at_once: bool) -> None:
        unit = list(self.units)[which]
        if at_once and self.this_month >= self.month:
            self.today = max(self.today, moment(self.month, 10).date())
            if self.this_month == self.month:
                self.declare(which)
                self.assess()
        bill = next((b for b in self.books.bills.values() if (b.unit, b.month, b.kind) == (unit, self.this_month, "monthly")), None)
        person = self.units[unit][whom]
        dues = [
            (bill, line, who, *line.open_of_people(False)[who])
            for line in (bill.lines if bill else [])
            for who in line.people
            if who == (person, self.this_month) and not line.gone(who)
        ]
        possible = bill is not None and not bill.estimated and not bill.paid and bool(dues)
        try:
            with acting(ENGINE):
                off = write_off.write_off(
                    [write_off.WriteOff(person, 1)], unit_id=unit, agency_id=1, place=PLACE, on=self.today, at=self.now
                )
        except write_off.NothingToWriteOffError:
            assert not possible
            return
        assert possible and off == sum(sum(self.assessed[person, self.this_month, code]) for code in law.contribution(1))
        self.books.take([due for due in dues if due[0] is not None], "")
        self.done("written off")

    # Corrections

    @rule(which=st.integers(0, 1), whom=st.integers(0, 2), back=st.integers(0, 4), wage=st.integers(300_000, 2_400_000))
    def correct_a_wage(self, which: int, whom: int, back: int, wage: int) -> None:
        unit = list(self.units)[which]
        person, first = self.units[unit][whom], max(FIRST, shift(self.month, -back))
        off = differences.written_off([person])
        known = self.too_much_known()
        try:
            with acting(ENGINE):
                before = differences.by_register([person])
                correct_wages([WageCorrection(person, unit, first, None, wage, None)], at=self.now)
                found = differences.between(before, differences.by_register([person]), differences.charged([person]), off)
                differences.settle(found, {unit: 1}, reason="订正", case_id=serial(), at=self.now)
        except NotCoveredError:
            return
        former = {m: self.wage_of(person, m) for m in {month for p, month, _ in self.charged if p == person}}
        self.wage[person] = {m: w for m, w in self.wage[person].items() if m < first} | {first: wage}
        due = {
            key: law.contribution(wage)[key[2]]
            for key in self.charged
            if key[0] == person and key[1] >= first and law.contribution(wage)[key[2]] != law.contribution(former[key[1]])[key[2]]
        }
        self.charge(due, known)
        self.done("corrected")

    def too_much_known(self) -> set[int]:
        return set(self.books.too_much)

    def charge(self, due: dict[tuple[int, int, int], tuple[int, int]], known: set[int]) -> None:
        """What is due now against what was charged: upwards onto the next bill as 补差, downwards to be given back; what was written off
        stays."""
        expected: dict[tuple[int, int, int], list[int]] = {}
        for (person, month, code), parts in due.items():
            if self.is_off(person, month, code):
                continue
            unit = next(u for u, people in self.units.items() if person in people)
            was = self.charged[person, month, code]
            up = (max(0, parts[0] - was[0]), max(0, parts[1] - was[1]))
            down = [max(0, was[0] - parts[0]), max(0, was[1] - parts[1])]
            if any(up):
                self.books.charge_back(unit, code, "diff", (person, month), up)
            if any(down):
                expected[person, month, code] = down
            self.charged[person, month, code] = parts
        rows = asked(
            "select id, unit_id, person_id, month, insurance, unit_fen, person_fen from levy_refunddue where id <> all(%s)", [sorted(known)]
        )
        same({(p, m, c): [u, o] for _, _, p, m, c, u, o in rows}, expected, "to give back")
        for pk, unit, person, month, code, u, o in rows:
            self.books.too_much[pk] = (unit, person, month, code, u + o, False)
            self.own_back[pk] = o

    own_back: dict[int, int]

    def is_off(self, person: int, month: int, code: int) -> bool:
        return any(
            t.who == (person, month) and not t.order
            for b in self.books.bills.values()
            for line in b.lines
            if line.code == code
            for t in line.taken
        )

    @precondition(lambda self: self.books.bills)
    @rule(higher=st.booleans(), back=st.integers(0, 3))
    def a_rule_changes_and_changes_back(self, higher: bool, back: int) -> None:
        """重新核定 by a rule published later, and again by the one that held before: both differences are charged or kept to give back."""
        months = sorted({b.month for b in self.books.bills.values() if b.kind == "monthly"})
        if not months or self.any_estimate(months[-1 - back :]):
            return
        months = months[-1 - back :]
        for book, floor, rates in (
            (HIGHER, 460_000, law.RATES) if higher else (LOWER, law.FLOOR, OTHER_RATES),
            (standard(), law.FLOOR, law.RATES),
        ):
            former = {key: parts for key, parts in self.charged.items() if key[1] in months}
            known = self.too_much_known()
            self.recalculate(months[0], months[-1], book)
            due = {}
            for person, month, code in former:
                new = law.contribution(self.wage_of(person, month), rates, floor)[code]
                old = law.contribution(self.wage_of(person, month), *self.rules_of)[code]
                if new != old:
                    due[person, month, code] = new
            self.rules_of = (rates, floor)
            self.charge(due, known)
        self.done("recalculated")

    rules_of = (law.RATES, law.FLOOR)

    def any_estimate(self, months: list[int]) -> bool:
        return any(b.estimated for b in self.books.bills.values() if b.month in months)

    def recalculate(self, first: int, last: int, book: Rulebook) -> None:
        made = recalculate.trial(PLACE, first, last, by=finance(301), clock=lambda: self.now, rulebook=book)
        with acting(finance(302)):
            recalculating.release(made, book, at=self.now)


__all__ = ["Employers", "last_day"]
