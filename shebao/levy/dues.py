"""What the people of one unit owe for a month, as columns: from the published month where there is one, else as the register stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from shebao.base.months import Month
from shebao.base.terms import INSURANCES, Insurance, Payer
from shebao.levy import bulk
from shebao.levy.models import MonthState
from shebao.levy.months import state_of
from shebao.levy.relief import relieve_block
from shebao.parties.queries import find_terms
from shebao.policy.levy import BASE_RULES, month_rates
from shebao.policy.rulebook import Rulebook

Ints = NDArray[np.int64]
PARTS = ("base", "unit", "person")
TYPES = tuple(i for i in INSURANCES if i is not Insurance.MATERNITY)
_BASE_COLUMN = {"pension.base": "pension_base_fen", "medical.base": "medical_base_fen"}


@dataclass(frozen=True, eq=False)
class Dues:
    """people: ids, rising, each once, shape (n,). masks: their types. columns: fen by (type, part), 0 for who is not in the type."""

    people: Ints
    masks: Ints
    columns: Mapping[tuple[Insurance, str], Ints]

    def within(self, insurance: Insurance) -> NDArray[np.bool_]:
        """Who is in a type."""
        inside: NDArray[np.bool_] = (self.masks & insurance.flag) != 0
        return inside

    def over(self, people: Ints) -> "Dues":
        """The same for a list of people that holds all of these and perhaps more."""
        places = np.searchsorted(people, self.people)
        return Dues(people, _spread(self.masks, places, len(people)), {k: _spread(c, places, len(people)) for k, c in self.columns.items()})


def _spread(column: Ints, places: Ints, size: int) -> Ints:
    wide = np.zeros(size, np.int64)
    wide[places] = column
    return wide


def dues_of(unit_id: int, place: str, month: Month, rulebook: Rulebook, *, back: bool = False) -> Dues:
    """The dues of a unit's month: published ones as they are, others computed from the register now.

    back: with what was charged for the month afterwards (补缴).  Raises: NoTermsError, RuleMissing.
    """
    assessed = state_of(place, month) is MonthState.ASSESSED
    found = published(unit_id, month) if assessed else register(unit_id, place, month, rulebook)
    return _with_back(found, unit_id, month) if back else found


def register(unit_id: int, place: str, month: Month, rulebook: Rulebook) -> Dues:
    """As the monthly run would assess the unit now."""
    terms = find_terms(unit_id, month)
    of = bulk.Employers(np.array([unit_id], np.int64), np.array([terms.injury_class if terms else 0], np.int8))
    block = bulk.read_block(month, unit_id, unit_id, of)
    rates = month_rates(rulebook, month, place)
    assessed, _ = bulk.assess_block(block, of, rates)
    assessed, _ = relieve_block(block, assessed, rates)
    masks = block.masks.astype(np.int64)
    bases = {"pension.base": assessed.pension_base, "medical.base": assessed.medical_base}
    columns: dict[tuple[Insurance, str], Ints] = {}
    for insurance in TYPES:
        inside = (masks & insurance.flag) != 0
        base = bases.get(BASE_RULES.get(insurance, ""))
        columns[insurance, "base"] = np.where(inside, base, 0).astype(np.int64) if base is not None else np.zeros(len(masks), np.int64)
        for payer in Payer:
            columns[insurance, payer.value] = assessed.amounts[insurance, payer].astype(np.int64)
    return Dues(block.people, masks, columns)


def published(unit_id: int, month: Month) -> Dues:
    """As the run assessed the unit."""
    names = ["pension_base_fen", "medical_base_fen", *bulk.AMOUNT_COLUMNS.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"select person_id, profile, {', '.join(names)} from levy_assessment where unit_id = %s and month = %s order by person_id",
            [unit_id, month],
        )
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, len(names) + 2)
    found = dict(zip(names, rows.T[2:], strict=True))
    masks = rows[:, 1] & 63
    columns: dict[tuple[Insurance, str], Ints] = {}
    for insurance in TYPES:
        inside = (masks & insurance.flag) != 0
        base = found.get(_BASE_COLUMN.get(BASE_RULES.get(insurance, ""), ""))
        columns[insurance, "base"] = np.where(inside, base, 0) if base is not None else np.zeros(len(masks), np.int64)
        for payer in Payer:
            name = bulk.AMOUNT_COLUMNS.get((insurance, payer))
            columns[insurance, payer.value] = found[name] if name else np.zeros(len(masks), np.int64)
    return Dues(rows[:, 0], masks, columns)


def _with_back(dues: Dues, unit_id: int, month: Month) -> Dues:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select person_id, insurance, sum(base_fen)::bigint, sum(unit_fen)::bigint, sum(person_fen)::bigint from levy_line
            where unit_id = %s and month = %s and origin in ('back', 'diff') group by 1, 2
            """,
            [unit_id, month],
        )
        lines: list[tuple[Any, ...]] = cursor.fetchall()
    if not lines:
        return dues
    wide = dues.over(np.union1d(dues.people, np.array([line[0] for line in lines], np.int64)))
    for person_id, code, *parts in lines:
        i, insurance = int(np.searchsorted(wide.people, person_id)), Insurance(code)
        wide.masks[i] |= insurance.flag
        for part, fen in zip(PARTS, parts, strict=True):
            wide.columns[insurance, part][i] += fen
    return wide
