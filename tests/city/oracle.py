"""What the books must say, reckoned the slow way: plain dictionaries and Decimal, nothing of the code that is judged.

It knows the law's arithmetic (clamp, rate, half up to the fen; 110 % of last month; days times rate) and follows the money: what is owed,
what came in, what waits, what is to be given back. Amounts are fen.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

PENSION, UNEMPLOYMENT, MEDICAL, LARGE_MEDICAL, INJURY = 110, 210, 310, 330, 410
DECLARED = (PENSION, UNEMPLOYMENT, INJURY)
# Wuhan 2025, facts.md: floor and cap 4,498 and 22,488; rates of employer and employee in percent; class 1 injury.
FLOOR, CAP = 449_800, 2_248_800
RATES = {
    PENSION: (Decimal("16"), Decimal("8")),
    UNEMPLOYMENT: (Decimal("0.7"), Decimal("0.3")),
    INJURY: (Decimal("0.2"), Decimal("0")),
    MEDICAL: (Decimal("8.7"), Decimal("2")),
}
LARGE_MEDICAL_FEN = 700


def fen(exact: Decimal) -> int:
    """Half up."""
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def contribution(wage_fen: int) -> dict[int, tuple[int, int]]:
    """(unit, person) by type for one month of one person."""
    base = Decimal(min(max(wage_fen, FLOOR), CAP))
    owed = {code: (fen(base * unit / 100), fen(base * person / 100)) for code, (unit, person) in RATES.items()}
    return owed | {LARGE_MEDICAL: (0, LARGE_MEDICAL_FEN)}


AVERAGE = 749_600  # Wuhan 2025


def flexible_month(tier: int) -> int:
    """One month of a flexible worker: 20 % of so many percent of the average wage."""
    return fen(Decimal(fen(Decimal(AVERAGE) * tier / 100)) * 20 / 100)


def at_110_percent(last_fen: int) -> int:
    """未申报: 110 % of the month before."""
    return fen(Decimal(last_fen) * Decimal("1.1"))


@dataclass
class Account:
    """A bill as its payer would keep it on paper: owed by type and payer, what came in, what left it."""

    unit: int
    month: int
    owed: dict[int, list[int]] = field(default_factory=dict)  # by type: unit, person
    back_fen: int = 0
    fee_fen: int = 0
    paid_fen: int = 0
    gone_fen: int = 0  # moved to an order or written off
    estimated: frozenset[int] = frozenset()

    @property
    def total_fen(self) -> int:
        return sum(map(sum, self.owed.values())) + self.back_fen + self.fee_fen

    @property
    def open_fen(self) -> int:
        return self.total_fen - self.paid_fen - self.gone_fen


@dataclass
class Books:
    """The money of the city."""

    bills: dict[str, Account] = field(default_factory=dict)
    bank_fen: int = 0
    transit_fen: int = 0
    suspense_fen: int = 0
    written_off_fen: int = 0
    refund_due_fen: int = 0
    flexible: dict[tuple[int, int], int] = field(default_factory=dict)  # owed by person and month
    back: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # charged back, on no bill yet, by unit
    credit: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    @property
    def receivable_fen(self) -> int:
        """What all bills of units and all months of flexible workers still owe, late fees among them."""
        return sum(bill.open_fen for bill in self.bills.values()) + sum(self.flexible.values())

    def pay(self, number: str, amount_fen: int, *, transit: bool = False) -> int:
        """Money for a bill: what it takes; the rest waits."""
        bill = self.bills.get(number)
        taken = min(amount_fen, bill.open_fen) if bill else 0
        if bill:
            bill.paid_fen += taken
        if transit:
            self.transit_fen += amount_fen
        else:
            self.bank_fen += amount_fen
        self.suspense_fen += amount_fen - taken
        return taken
