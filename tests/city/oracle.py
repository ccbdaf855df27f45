"""What the books must say, reckoned the slow way: plain dictionaries, whole numbers and Decimal, nothing of the code that is judged.

`law` knows the arithmetic; here is the money of employers: what is owed line by line and person by person, what came in, what waits, what
is put off, what is to be given back. Amounts are fen. The books' balances follow from it by fund and kind (`balances`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from tests.city.law import LARGE_MEDICAL, PENSION, at_110_percent, contribution, fee_of, share_out
from tests.city.oracle_accounts import Accounts

Who = tuple[int, int]  # person and month
MONTHLY = ("normal", "estimate")


@dataclass
class Taken:
    """A person's due taken out of a line: onto an order (with its number) or written off ("")."""

    who: Who
    unit: int
    own: int
    order: str


@dataclass
class Line:
    """One type and origin of a bill. left: (who, level of the line's money when they left, level when they came back or None)."""

    code: int
    origin: str
    unit: int
    own: int
    people: dict[Who, tuple[int, int]] = field(default_factory=dict)
    paid: int = 0
    moved: int = 0
    off: int = 0
    taken: list[Taken] = field(default_factory=list)
    left: list[tuple[Who, int, int | None]] = field(default_factory=list)

    @property
    def open(self) -> int:
        return self.unit + self.own - self.paid - self.moved - self.off

    @property
    def amounts(self) -> tuple[int, ...]:
        return self.unit, self.own, self.paid, self.moved, self.off

    def gone(self, who: Who) -> bool:
        return any(t.who == who for t in self.taken)

    def open_of_people(self, own_first: bool) -> dict[Who, list[int]]:
        """(unit, own) still open of everybody who ever was on the line: its money counts for those who were there when it came in."""
        rest = {who: list(parts) for who, parts in sorted(self.people.items(), key=lambda item: item[0])}
        levels = {level for _, a, b in self.left for level in (a, b) if level is not None and 0 < level < self.paid}
        low = 0
        for high in sorted(levels | {self.paid}):
            away = {who for who, a, b in self.left if a <= low and (b is None or b >= high)}
            here = [who for who in rest if who not in away]
            fen = high - low
            if own_first:
                first = min(fen, sum(rest[who][1] for who in here))
                for who, part in zip(here, share_out(first, [rest[who][1] for who in here]), strict=True):
                    rest[who][1] -= part
                fen -= first
            parts = share_out(fen, [amount for who in here for amount in rest[who]])
            for i, who in enumerate(here):
                rest[who][0] -= parts[2 * i]
                rest[who][1] -= parts[2 * i + 1]
            low = high
        return rest


@dataclass
class Bill:
    """A bill as its payer would keep it on paper."""

    number: str
    kind: str
    unit: int
    month: int
    issued: date
    due: date
    lines: list[Line] = field(default_factory=list)
    ended: bool = False  # rolled back or cancelled
    fee_of: tuple[str, str] | None = None  # a late fee's: receipt and bill that made it due

    @property
    def open(self) -> int:
        return 0 if self.ended else sum(line.open for line in self.lines)

    @property
    def paid(self) -> int:
        return sum(line.paid for line in self.lines)

    @property
    def total(self) -> int:
        return sum(line.unit + line.own for line in self.lines)

    @property
    def estimated(self) -> bool:
        return any(line.origin == "estimate" for line in self.lines)

    @property
    def state(self) -> str:
        if self.ended:
            return "rolled_back" if self.kind == "arrears" else "cancelled"
        if self.open:
            return "part_paid" if self.paid else "issued"
        if any(line.moved for line in self.lines):
            return "moved"
        return "paid" if self.paid or not any(line.off for line in self.lines) else "written_off"


@dataclass
class Receipt:
    """Money that came in. shares: what of it stands on which line; held: for a refund that is not declined; out: approved to go back."""

    serial: str
    amount: int
    paid_on: date
    arrived: bool
    channel: str
    shares: dict[tuple[str, int, str], int] = field(default_factory=dict)
    held: int = 0
    out: int = 0
    void: bool = False

    @property
    def shared(self) -> int:
        return sum(self.shares.values())

    @property
    def rest(self) -> int:
        return self.amount - self.shared - self.held


@dataclass
class Books:
    """The money of the city."""

    bills: dict[str, Bill] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    deferred: dict[tuple[int, int, int], date] = field(default_factory=dict)  # last day by unit, month, type
    back: dict[int, dict[tuple[int, str], dict[Who, list[int]]]] = field(default_factory=lambda: defaultdict(dict))  # on no bill yet
    credit: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))  # surplus by unit and type
    too_much: dict[int, tuple[int, int, int, int, int, bool]] = field(default_factory=dict)  # 待退: unit, person, month, type, fen, booked
    flexible: dict[Who, list[int]] = field(default_factory=dict)  # dues of flexible workers: fen, account part
    settled: dict[Who, str] = field(default_factory=dict)  # how they stand when not open: paid, written_off, refunded, sent …
    batches: list[tuple[int, bool]] = field(default_factory=list)  # what banks took, and whether a statement showed it
    refunds: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)  # booked ones: (fund, fen, source) of each line
    refunds_paid: set[str] = field(default_factory=set)
    accounts: Accounts = field(default_factory=Accounts)

    # Bills

    def issue(self, bill: Bill, people: dict[int, dict[int, tuple[int, int]]], last: "Bill | None") -> None:
        """A month's bill. people: by type what everybody owes; last: the month before, when the month was not declared."""
        for code, of in people.items():
            whose = {(person, bill.month): parts for person, parts in of.items()}
            line = Line(code, "normal", sum(p[0] for p in of.values()), sum(p[1] for p in of.values()), whose)
            before = next((x for x in last.lines if x.code == code and x.origin in MONTHLY), None) if last else None
            if before and before.unit + before.own and code not in (320, 310, LARGE_MEDICAL):
                line.origin, line.unit, line.own = "estimate", at_110_percent(before.unit), at_110_percent(before.own)
            bill.lines.append(line)
        for (code, origin), owed in self.back.pop(bill.unit, {}).items():
            parts = {who: (fen[0], fen[1]) for who, fen in owed.items()}
            bill.lines.append(Line(code, origin, sum(p[0] for p in parts.values()), sum(p[1] for p in parts.values()), parts))
        self.bills[bill.number] = bill

    def charge_back(self, unit: int, code: int, origin: str, who: Who, parts: tuple[int, int]) -> None:
        here = self.back[unit].setdefault((code, origin), {}).setdefault(who, [0, 0])
        here[0] += parts[0]
        here[1] += parts[1]

    def use_credits(self, bill: Bill) -> None:
        credit = self.credit[bill.unit]
        for line in bill.lines:
            if line.origin in MONTHLY and (used := min(credit[line.code], line.open)):
                line.paid += used
                credit[line.code] -= used

    def last_day(self, bill: Bill, line: Line) -> date | None:
        """Until when the unit part of a line is put off."""
        return self.deferred.get((bill.unit, bill.month, line.code)) if bill.kind == "monthly" and line.origin in MONTHLY else None

    def put_off(self, bill: Bill, line: Line, on: date | None = None) -> int:
        """What of a line need not be paid yet (on a day), or only had to be paid later (whenever)."""
        last = self.last_day(bill, line)
        if last is None or (on is not None and last < on):
            return 0
        return max(0, min(line.open, line.unit - sum(t.unit for t in line.taken)))

    def overdue(self, bill: Bill, on: date) -> bool:
        """Something open of a bill was to be paid before this day."""
        return bill.open > sum(self.put_off(bill, line, on) for line in bill.lines) and bill.due < on

    # Money

    def pay(self, receipt: Receipt, number: str, fen: int) -> dict[int, int]:
        """Money for a bill, as much as it takes. Returns the late fee by type that this makes due."""
        bill = self.bills.get(number)
        if bill is None or not bill.open:
            return {}
        fen = min(fen, bill.open)
        open_lines = [line for line in bill.lines if line.open]
        first = [line.open - self.put_off(bill, line, receipt.paid_on) for line in open_lines]
        parts = share_out(min(fen, sum(first)), first)
        later = share_out(fen - sum(parts), [line.open - part for line, part in zip(open_lines, parts, strict=True)])
        fees: Counter[int] = Counter()
        for line, a, b in zip(open_lines, parts, later, strict=True):
            for principal, since, month in self.late_parts(bill, line, a + b, receipt.paid_on):
                fees[line.code] += fee_of(principal, since, receipt.paid_on, month)
            line.paid += a + b
            if a + b:
                key = (number, line.code, line.origin)
                receipt.shares[key] = receipt.shares.get(key, 0) + a + b
        return {code: fee for code, fee in fees.items() if fee}

    def late_parts(self, bill: Bill, line: Line, fen: int, paid_on: date) -> list[tuple[int, date, int | None]]:
        """What of a payment of a line was due when: the people's own parts come first of what is put off, and were not."""
        if line.origin == "late_fee" or bill.kind == "late_fee":
            return []
        if bill.kind == "arrears":
            return [(fen, bill.issued, None)] if bill.due < paid_on else []  # it has its own fee up to the day it was made
        last = self.last_day(bill, line)
        if last is None or last <= bill.due:
            return [(fen, bill.due, bill.month)]
        own_left = max(0, line.own - sum(t.own for t in line.taken) - line.paid)
        own = min(fen, own_left)
        return [(own, bill.due, bill.month), (fen - own, last, bill.month)]

    # Orders

    def takeable(self, unit: int, people: Iterable[int], on: date) -> list[tuple[Bill, Line, Who, int, int]]:
        """Dues of people on overdue bills, with what is open of them."""
        wanted = set(people)
        found = []
        for bill in self.bills.values():
            if bill.unit != unit or bill.kind != "monthly" or bill.estimated or not self.overdue(bill, on):
                continue  # an undeclared month is nobody's until it is settled
            for line in bill.lines:
                rest = line.open_of_people(self.last_day(bill, line) is not None)
                whose = [who for who, parts in line.people.items() if who[0] in wanted and sum(parts) and not line.gone(who)]
                found += [(bill, line, who, *rest[who]) for who in whose]
        return found

    def fee_of_due(self, bill: Bill, line: Line, unit: int, own: int, on: date) -> int:
        last = self.last_day(bill, line)
        if last is None or last <= bill.due:
            return fee_of(unit + own, bill.due, on, bill.month)
        return fee_of(own, bill.due, on, bill.month) + fee_of(unit, last, on, bill.month)

    def take(self, dues: Sequence[tuple[Bill, Line, Who, int, int]], order: str) -> None:
        for _, line, who, unit, own in dues:
            line.taken.append(Taken(who, unit, own, order))
            line.left.append((who, line.paid, None))
            if order:
                line.moved += unit + own
            else:
                line.off += unit + own

    def give_back(self, order: str) -> None:
        for bill in self.bills.values():
            for line in bill.lines:
                mine = [t for t in line.taken if t.order == order]
                for t in mine:
                    line.moved -= t.unit + t.own
                    line.taken.remove(t)
                    at = next(i for i, (who, _, back) in enumerate(line.left) if who == t.who and back is None)
                    line.left[at] = (t.who, line.left[at][1], line.paid)
        mine_too = self.bills[order]
        mine_too.ended = True
        for line in mine_too.lines:
            if line.origin == "late_fee":
                line.off = line.unit
            else:
                line.moved = line.unit + line.own

    # Personal accounts

    def counts(self, bill: Bill) -> bool:
        """Whether a bill counts for its people: all of it is settled but what the unit may pay later."""
        return bill.paid > 0 and not bill.ended and all(line.open <= self.put_off(bill, line) for line in bill.lines)

    def own_parts(self, bill: Bill) -> dict[tuple[str, str, Who], int]:
        """The people's own pension contributions that come with a bill: (where they stand, origin, whose) → fen."""
        if bill.kind == "monthly":
            lines = [line for line in bill.lines if line.code == PENSION and line.origin != "estimate"]
            return {(bill.number, x.origin, who): own for x in lines for who, (_, own) in x.people.items() if own and not x.gone(who)}
        found = {}
        for other in self.bills.values():
            for line in other.lines:
                for t in line.taken:
                    if t.order == bill.number and line.code == PENSION and line.people[t.who][1]:
                        found[other.number, line.origin, t.who] = line.people[t.who][1]
        return found

    def touched(self, number: str, month: int, now: int) -> None:
        """Money came in for a bill: when it counts, each of its people is credited who was not yet."""
        bill = self.bills.get(number)
        if bill is not None and bill.kind in ("monthly", "arrears") and self.counts(bill):
            self.accounts.credit(number, self.own_parts(bill), month, now)

    def releasable(self, receipt: Receipt, number: str) -> bool:
        """Whether what a receipt brought to a bill can leave it: nothing that followed stands on it."""
        bill = self.bills[number]
        fees = [b for b in self.bills.values() if b.fee_of == (receipt.serial, number) and not b.ended]
        return not (
            bill.ended
            or any(level for line in bill.lines for _, a, b in line.left for level in (a, b))
            or any(line.paid < receipt.shares.get((number, line.code, line.origin), 0) for line in bill.lines)
            or any(fee.paid for fee in fees)
        )

    def release(self, receipt: Receipt, number: str, month: int, now: int) -> None:
        """What a receipt brought to a bill leaves it, the late fee it made with it; who was credited only by that is not any more."""
        bill = self.bills[number]
        for line in bill.lines:
            line.paid -= receipt.shares.pop((number, line.code, line.origin), 0)
        for fee in self.bills.values():
            if fee.fee_of == (receipt.serial, number) and not fee.ended:
                fee.ended = True
                for line in fee.lines:
                    line.off = line.unit
        if not self.counts(bill):
            self.accounts.take_back(number, month, now)

    # What follows

    def balances(self) -> dict[tuple[int, str], int]:
        """Every balance by fund and kind of account, debit positive."""
        found: Counter[tuple[int, str]] = Counter()
        for bill in self.bills.values():
            for line in bill.lines:
                fee = line.origin == "late_fee"
                if not bill.ended:
                    found[line.code, "late_fee_due" if fee else "receivable"] += line.open
                if fee:
                    found[line.code, "late_fee"] -= line.unit - line.off
                elif bill.kind == "monthly":
                    found[line.code, "income"] -= line.unit + line.own - line.off
        for who, (fen, _) in self.flexible.items():
            state = self.settled.get(who, "open")
            if state in ("open", "billed", "sent"):
                found[PENSION, "receivable"] += fen
            if state not in ("written_off", "lapsed"):
                found[PENSION, "income"] -= fen
        for receipt in self.receipts.values():
            if receipt.void:
                continue
            cash = "bank" if receipt.arrived else "transit"
            for (_, code, _), fen in receipt.shares.items():
                found[code, cash] += fen
            found[0, cash] += receipt.amount - receipt.shared
            found[0, "suspense"] -= receipt.amount - receipt.shared - receipt.out
        for fen, arrived in self.batches:
            found[PENSION, "bank" if arrived else "transit"] += fen
        for credits in self.credit.values():
            for code, fen in credits.items():
                found[code, "suspense"] -= fen
        for number, lines in self.refunds.items():
            for fund, fen, source in lines:
                found[fund, "bank" if number in self.refunds_paid else "refund_due"] -= fen
                if source == "difference" or source == "flexdue":
                    found[fund, "income"] += fen
        found[PENSION, "personal"] -= self.accounts.fund
        return {key: fen for key, fen in found.items() if fen}


__all__ = ["Bill", "Books", "Line", "Receipt", "Who", "contribution"]
