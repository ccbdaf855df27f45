"""Personal accounts as a careful clerk would keep them: each contribution once, in the month it came in; interest of a year by months."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tests.city.law import INTEREST, fen

What = tuple[str, str, tuple[int, int]]  # where it is owed, its origin, whose (person, month)


@dataclass
class Entry:
    """A movement: of whom, fen, the month it stands in. bears: whether it is part of the year's 月积数. by: the bill or batch."""

    person: int
    fen: int
    month: int
    bears: bool = True
    by: str = ""
    what: What | None = None
    back: bool = False  # taken back since, or a taking back


@dataclass
class Accounts:
    """Everybody's account in one place."""

    entries: list[Entry] = field(default_factory=list)
    closing: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))  # by settled year: person → balance
    interest: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    # Of accounts settled within a year: what was reckoned and bears nothing at its end; what it was reckoned from, and the interest.
    reckoned: dict[int, dict[int, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    parts: dict[int, dict[int, tuple[int, int, int, int]]] = field(default_factory=lambda: defaultdict(dict))

    def open_month(self, wanted: int, now: int) -> int:
        """The month a movement stands in: its own, or, when that year is settled, the first that can still."""
        last = max(self.closing, default=0)
        return wanted if wanted // 100 > last else max(now, (last + 1) * 100 + 1)

    def live(self, by: str | None = None) -> list[Entry]:
        return [e for e in self.entries if e.what is not None and not e.back and (by is None or e.by == by)]

    def credit(self, by: str, parts: Mapping[What, int], month: int, now: int) -> None:
        """What was not credited before, whoever it came by."""
        known = {e.what for e in self.live()}
        stands = self.open_month(month, now)
        self.entries += [Entry(what[2][0], own, stands, True, by, what) for what, own in parts.items() if what not in known and own]

    def take_back(self, by: str, month: int, now: int) -> None:
        for e in self.live(by):
            e.back = True
            stands = self.open_month(e.month, now)
            self.entries.append(Entry(e.person, -e.fen, stands, True, by, e.what, True))
            if stands // 100 > e.month // 100:
                self.entries.append(Entry(e.person, -self.interest_since(e), stands, False))

    def refund(self, person: int, own: int, month: int, now: int) -> None:
        self.entries.append(Entry(person, -own, self.open_month(month, now)))

    def interest_since(self, e: Entry) -> int:
        """What one movement bore in the settled years since, as if it stood alone."""
        found = 0
        for year in sorted(self.closing):
            if year == e.month // 100:
                found = fen(Decimal(e.fen * (13 - e.month % 100)) * INTEREST[year] / 12)
            elif year > e.month // 100:
                found += fen(Decimal(e.fen + found) * INTEREST[year])
        return found

    def part_year(self, person: int, month: int, rate: Decimal, *, pays: bool) -> tuple[int, int]:
        """当年结算 in a month: interest up to the month before, which bears none again at the year's end. Returns interest and balance."""
        year = month // 100
        opening = self.closing.get(year - 1, {}).get(person, 0)
        mine = [e for e in self.entries if e.person == person and e.month // 100 == year and e.bears and e.month < month]
        product = sum(e.fen * (month - e.month) for e in mine)
        interest = fen(Decimal(opening) * rate * (month % 100 - 1) / 12) + fen(Decimal(product) * rate / 12)
        self.reckoned[year][person] = (opening, sum(e.fen * (13 - e.month % 100) for e in mine))
        self.parts[year][person] = (opening, product, month % 100 - 1, interest)
        self.entries.append(Entry(person, interest, month, False))
        balance = self.balance(person)
        if pays:
            self.entries.append(Entry(person, -balance, month, False))
        return interest, balance

    def settle(self, year: int, now: int) -> None:
        """年度结算: the opening bears a year, each movement its months; both rounded by themselves."""
        months: Counter[int] = Counter()
        moved: Counter[int] = Counter()
        for e in self.entries:
            if e.month // 100 == year:
                moved[e.person] += e.fen
                months[e.person] += e.fen * (13 - e.month % 100) if e.bears else 0
        before = self.closing.get(year - 1, {})
        rate = INTEREST[year]
        self.closing[year] = {}
        for person in set(moved) | set(before):
            opening, (basis, reckoned) = before.get(person, 0), self.reckoned[year].get(person, (0, 0))
            interest = fen(Decimal(opening - basis) * rate) + fen(Decimal(months[person] - reckoned) * rate / 12)
            self.interest[year][person] = interest
            self.closing[year][person] = opening + moved[person] + interest
        for person, (opening, product, whole, former) in self.parts[year].items():
            again = fen(Decimal(opening) * rate * whole / 12) + fen(Decimal(product) * rate / 12)
            self.entries.append(Entry(person, again - former, self.open_month(now, now), False))

    def balance(self, person: int) -> int:
        return sum(e.fen for e in self.entries if e.person == person) + sum(of.get(person, 0) for of in self.interest.values())

    @property
    def fund(self) -> int:
        return sum(e.fen for e in self.entries) + sum(sum(of.values()) for of in self.interest.values())
