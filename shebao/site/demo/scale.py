"""How large a demo city is, and which months it has lived through."""

from dataclasses import dataclass
from datetime import date

from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day, month_of, shift
from shebao.policy.calendar import CalendarMissing
from shebao.policy.levy import month_rates
from shebao.policy.rulebook import Rulebook

PLACE = "420100"
FIRST_MONTH = 202501  # the first month whose floor is published; 2024's is null in the rules
ISSUE_DAY = 25  # of the month itself: the counter's cut-off is the 20th
UNITS_MIN, UNITS_MAX = 12, 20_000
PEOPLE_A_UNIT_MIN = 4
PEOPLE_MAX = 2_000_000
MONTHS_MAX = 60


class ScaleRefused(ShebaoError):
    """A city that cannot be built so."""

    code = "DEM-02"
    status = 422


@dataclass(frozen=True, slots=True)
class Scale:
    """What `shebao demo` was asked for. `months`: how many are assessed at most."""

    units: int = 300
    people: int = 20_000
    months: int = 24
    seed: int = 1

    def __post_init__(self) -> None:
        if not UNITS_MIN <= self.units <= UNITS_MAX:
            raise ScaleRefused(f"单位数请填 {UNITS_MIN} 到 {UNITS_MAX}")
        if not self.units * PEOPLE_A_UNIT_MIN <= self.people <= PEOPLE_MAX:
            raise ScaleRefused(f"人数请填 {self.units * PEOPLE_A_UNIT_MIN}（每单位 {PEOPLE_A_UNIT_MIN} 人）到 {PEOPLE_MAX}")
        if not 1 <= self.months <= MONTHS_MAX:
            raise ScaleRefused(f"月数请填 1 到 {MONTHS_MAX}")


def lived_months(wanted: int, today: date, rulebook: Rulebook) -> list[Month]:
    """The months to assess, oldest first: at most `wanted`, up to the last full one, as far as rules and calendar reach.

    Raises: ScaleRefused when there is none.
    """
    months: list[Month] = []
    month = max(FIRST_MONTH, shift(month_of(today), -wanted))
    while month < month_of(today) and _known(month, rulebook):
        months.append(month)
        month = shift(month, 1)
    if not months:
        raise ScaleRefused(f"{today} 之前没有可以核定的月份，请核对日期和参数表")
    return months


def issue_date(month: Month) -> date:
    """The day a month is assessed and its bills go out."""
    return first_day(month).replace(day=ISSUE_DAY)


def _known(month: Month, rulebook: Rulebook) -> bool:
    from shebao.levy.billing import due_date

    try:
        due_date(rulebook, issue_date(month), PLACE)
    except CalendarMissing:
        return False
    return not month_rates(rulebook, month, PLACE).missing
