"""自主申报 in the demo city: most units declare every month, a few forget the last one, and this month most have declared by now."""

from collections.abc import Sequence
from datetime import date

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_of
from shebao.levy import declaring
from shebao.policy.rulebook import Rulebook
from shebao.site.demo.register import instant
from shebao.site.demo.scale import PLACE
from shebao.site.demo.town import Employer, Town

FORGETFUL = 3  # units that did not declare the last month and stand at 110 %
EVERY_FIFTH = 5  # this month one unit in five has not declared yet
FIRST_DAY = 6


def forgetful(town: Town, month: Month, months: Sequence[Month]) -> frozenset[int]:
    """Who does not declare a month: none but in the last one, there the unit of the account unit2 and a few of the first agency."""
    if len(months) < 2 or month != months[-1]:
        return frozenset()
    return frozenset([town.neighbour.unit_id, *[e.unit_id for e in _others(town) if e.agency_id == 1][:FORGETFUL]])


def so_far(town: Town, today: date, rulebook: Rulebook) -> None:
    """Declarations of the month that has not been assessed yet, as far as it has come. The demo's own accounts still have to declare."""
    month = month_of(today)
    if today.day <= FIRST_DAY:
        return
    waiting = {e.unit_id for e in _others(town)[::EVERY_FIFTH]} | {e.unit_id for e in _named(town)}
    try:
        with acting(ENGINE):
            declaring.declare_all(PLACE, month, at=instant(month, FIRST_DAY, 10), rulebook=rulebook, but=frozenset(waiting))
    except ShebaoError:
        return  # the month has been assessed, or a rule of it is still without a value


def _named(town: Town) -> tuple[Employer, ...]:
    return (town.vip, town.ordinary, town.neighbour)


def _others(town: Town) -> list[Employer]:
    return [e for e in town.employers if e not in _named(town)]
