"""The law's arithmetic in words of our own: clamp, rate, half up to the fen; 110 % of last month; days times rate; shares; working days.

Figures of Wuhan 2025 as `facts` give them. Nothing here comes from the code that is judged.
"""

from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from fractions import Fraction

from chinese_calendar import is_workday

PENSION, UNEMPLOYMENT, MEDICAL, LARGE_MEDICAL, INJURY = 110, 210, 310, 330, 410
DECLARED = (PENSION, UNEMPLOYMENT, INJURY)
FLOOR, CAP = 449_800, 2_248_800
# Rates of employer and employee in percent; class 1 injury.
RATES = {
    PENSION: (Decimal("16"), Decimal("8")),
    UNEMPLOYMENT: (Decimal("0.7"), Decimal("0.3")),
    INJURY: (Decimal("0.2"), Decimal("0")),
    MEDICAL: (Decimal("8.7"), Decimal("2")),
}
LARGE_MEDICAL_FEN = 700
AVERAGE = 749_600
DAILY = Decimal("0.0005")
PAY_WITHIN = 10  # working days
INTEREST = {2024: Decimal("0.0262"), 2025: Decimal("0.015")}


def fen(exact: Decimal) -> int:
    """Half up; a tie below zero goes up too."""
    return int((exact + Decimal("0.5")).to_integral_value(ROUND_FLOOR))


def contribution(wage_fen: int, rates: dict[int, tuple[Decimal, Decimal]] = RATES, floor: int = FLOOR) -> dict[int, tuple[int, int]]:
    """(unit, person) by type for one month of one person."""
    base = Decimal(min(max(wage_fen, floor), CAP))
    medical = Decimal(min(max(wage_fen, FLOOR), CAP))
    owed = {code: tuple(fen((medical if code == MEDICAL else base) * rate / 100) for rate in both) for code, both in rates.items()}
    return {code: (parts[0], parts[1]) for code, parts in owed.items()} | {LARGE_MEDICAL: (0, LARGE_MEDICAL_FEN)}


def flexible_month(tier: int) -> tuple[int, int]:
    """One month of a flexible worker: 20 % of so many percent of the average wage, 8 of the 20 for the account."""
    base = Decimal(fen(Decimal(AVERAGE) * tier / 100))
    return fen(base * 20 / 100), fen(base * 8 / 100)


def at_110_percent(last_fen: int) -> int:
    """未申报: 110 % of the month before."""
    return int((Decimal(last_fen) * Decimal("1.1")).quantize(Decimal(1), ROUND_HALF_UP))


def fee_of(principal: int, since: date, until: date, month: int | None = None) -> int:
    """滞纳金: five ten-thousandths a day, from the day after it was due up to the day of payment."""
    return fen(Decimal(principal) * DAILY * max(0, (until - since).days))


def share_out(total: int, weights: list[int]) -> list[int]:
    """In proportion, whole fen: everybody gets the whole part, what is left goes to the largest remainders, the earlier first."""
    if not total:
        return [0] * len(weights)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(x) for x in exact]
    order = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def working_days_after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= is_workday(day)
    return day
