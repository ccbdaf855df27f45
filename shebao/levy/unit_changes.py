"""What a fact of a unit (企业规模, 工伤费率类别) that counts for past months means for its people's dues there: the unit is assessed as the
month's run would, before and after, by columns; where both differ, what is due is compared with what was charged."""

from collections.abc import Callable, Sequence

import numpy as np

from shebao.base.months import Month
from shebao.base.terms import Payer
from shebao.levy.differences import NOTHING, Difference, Share, charged, written_off
from shebao.levy.dues import TYPES, Dues, register
from shebao.levy.months import hold
from shebao.policy.relief import UnitSizeUnknown
from shebao.policy.rulebook import Rulebook, standard


def unit_differences(
    unit_id: int, place: str, months: Sequence[Month], act: Callable[[], object], *, rulebook: Rulebook | None = None
) -> list[Difference]:
    """Hold the months, do `act`, and tell whose dues it changes, by month, person and type. What was written off stays as it is.

    Raises: MonthBusyError; what `act` raises; NoTermsError, RuleMissing, UnitSizeUnknown when the unit cannot be assessed afterwards.
    """
    rules = rulebook or standard()
    hold(place, months)
    before = {month: _assessed(unit_id, place, month, rules) for month in months}
    act()
    found: list[Difference] = []
    for month in months:
        after = register(unit_id, place, month, rules)
        found += _between(unit_id, month, before[month], after)
    return found


def _assessed(unit_id: int, place: str, month: Month, rules: Rulebook) -> Dues | None:
    """None where the register did not know enough to assess the unit."""
    try:
        return register(unit_id, place, month, rules)
    except UnitSizeUnknown:
        return None


def _between(unit_id: int, month: Month, before: Dues | None, after: Dues) -> list[Difference]:
    people = after.people if before is None else np.union1d(before.people, after.people)
    now, was = after.over(people), None if before is None else before.over(people)
    moved = {
        insurance: np.flatnonzero(
            np.logical_or.reduce(
                [now.columns[insurance, p.value] != (0 if was is None else was.columns[insurance, p.value]) for p in Payer]
            )
        )
        for insurance in TYPES
    }
    touched = sorted({int(people[i]) for rows in moved.values() for i in rows})
    if not touched:
        return []
    so_far, closed = charged(touched, month), written_off(touched)
    found = []
    for insurance, rows in moved.items():
        for i in rows.tolist():
            key = (unit_id, int(people[i]), month, insurance)
            due = Share(*(int(now.columns[insurance, part][i]) for part in ("base", "unit", "person")))
            one = Difference(*key, so_far.get(key, NOTHING), due)
            if key not in closed and (one.unit_fen or one.person_fen):
                found.append(one)
    return sorted(found, key=lambda d: (d.person_id, d.insurance.bit))
