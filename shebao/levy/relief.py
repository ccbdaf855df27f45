"""阶段性减免 in a month's run: sizes of units, the unit parts after relief, what was taken off by unit and type with its document."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from shebao.base.months import Month, first_day
from shebao.base.terms import Insurance, Payer
from shebao.levy.bulk import Block
from shebao.levy.models import Bill, ReliefLine
from shebao.policy.levy import Assessed, MonthRates, relieve
from shebao.policy.relief import EFFECTS, SIZES, UnitSizeUnknown

NAMED_MAX = 3  # units that a refusal names

# 企业规模 of a unit (aliased u) on a day, as the register holds it true now.
SIZE_ON = """coalesce((select f.value from parties_unitfact f where f.unit_id = u.id and f.field = 'size' and f.known_to is null
  and (f.true_from is null or f.true_from <= {day}) and (f.true_to is null or f.true_to > {day}) limit 1), u.size)"""

# The same as the register knew it at an instant.
SIZE_THEN = """coalesce((select f.value from parties_unitfact f where f.unit_id = u.id and f.field = 'size'
  and f.known_from <= {at} and (f.known_to is null or f.known_to > {at})
  and (f.true_from is null or f.true_from <= {day}) and (f.true_to is null or f.true_to > {day}) limit 1), u.size)"""


def sizes_of(unit_ids: Sequence[int], month: Month) -> dict[int, str]:
    """企业规模 of units on the first day of a month; "" where it is not registered for that day."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select u.id, {SIZE_ON.format(day='%(day)s')} from parties_unit u where u.id = any(%(units)s)",
            {"day": first_day(month), "units": list(unit_ids)},
        )
        return {unit_id: size or "" for unit_id, size in cursor.fetchall()}


def size_of(unit_id: int, month: Month, rates: MonthRates) -> str:
    """The size of one unit, asked of the register only in a month of a relief."""
    return sizes_of([unit_id], month).get(unit_id, "") if rates.relief else ""


def relieve_block(block: Block, assessed: Assessed, rates: MonthRates) -> tuple[Assessed, dict[Insurance, NDArray[np.int32]]]:
    """The block after relief, and what was taken off each row by type. In a month without a relief nothing is asked and nothing copied.

    Raises: UnitSizeUnknown, naming units whose size decides and is not registered.
    """
    if not rates.relief or not len(block.people):
        return assessed, {}
    ids, places = np.unique(block.units, return_inverse=True)
    known = sizes_of(ids.tolist(), rates.month)
    codes = np.array([SIZES.index(known.get(unit, "")) for unit in ids.tolist()], np.int8)[places]
    if (unknown := (codes == 0) & ((block.masks & rates.relief.mask) != 0)).any():
        raise UnitSizeUnknown(rates.month, _named(np.unique(block.units[unknown]).tolist()))
    return relieve(assessed, codes, rates)


def _named(unit_ids: Sequence[int]) -> str:
    with connection.cursor() as cursor:
        cursor.execute("select name, number from parties_unit where id = any(%s) order by id limit %s", [list(unit_ids), NAMED_MAX])
        told = "、".join(f"{name}（{number}）" for name, number in cursor.fetchall())
    return told + (f"等 {len(unit_ids)} 个单位" if len(unit_ids) > NAMED_MAX else "")


def store(run_id: int, block: Block, assessed: Assessed, taken: dict[Insurance, NDArray[np.int32]], rates: MonthRates) -> None:
    """Keep what was taken off by unit and type, with the rule that did it; part of a chunk's transaction."""
    if not taken:
        return
    ids, places = np.unique(block.units, return_inverse=True)
    sizes = sizes_of(ids.tolist(), rates.month)
    rows = []
    for insurance, column in taken.items():
        after = assessed.amounts[insurance, Payer.UNIT]
        hit = column > 0  # sums of fen stay far below 2**53, where bincount's weights are exact
        heads, less, left = (
            np.bincount(places, weights=c, minlength=len(ids)).astype(np.int64) for c in (hit, column, np.where(hit, after, 0))
        )
        for i in np.flatnonzero(less):
            unit_id = int(ids[i])
            reduction = rates.relief.of(sizes[unit_id])[insurance]
            rows.append((unit_id, insurance.value, int(heads[i]), int(less[i] + left[i]), int(less[i]), reduction))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_reliefline (run_id, unit_id, agency_id, month, insurance, headcount, before_fen, relief_fen, effect, rule_id,
                                         law)
            select %s, n.unit_id, u.agency_id, %s, n.insurance, n.heads, n.before_fen, n.relief_fen, n.effect, n.rule_id, n.law
            from unnest(%s::int[], %s::int[], %s::int[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[])
                 as n (unit_id, insurance, heads, before_fen, relief_fen, effect, rule_id, law)
            join parties_unit u on u.id = n.unit_id
            """,
            [
                *(run_id, rates.month),
                [r[0] for r in rows],
                [r[1] for r in rows],
                [r[2] for r in rows],
                [r[3] for r in rows],
                [r[4] for r in rows],
                [r[5].effect for r in rows],
                [r[5].rule.id for r in rows],
                [(r[5].rule.law or "")[:100] for r in rows],
            ],
        )


@dataclass(frozen=True, slots=True)
class Relieved:
    """What a bill's unit was relieved of in one type, fen."""

    insurance: Insurance
    headcount: int
    before_fen: int
    relief_fen: int
    effect: str
    law: str

    @property
    def after_fen(self) -> int:
        return self.before_fen - self.relief_fen


def relief_of(bill: Bill) -> list[Relieved]:
    """The reductions behind a bill's normal lines, in the order of every table."""
    rows = ReliefLine.objects.filter(run_id=bill.run_id, unit_id=bill.unit_id) if bill.run_id else []
    found = [
        Relieved(Insurance(r.insurance), r.headcount, r.before_fen, r.relief_fen, EFFECTS.get(r.effect, r.effect), r.law) for r in rows
    ]
    return sorted(found, key=lambda r: r.insurance.bit)
