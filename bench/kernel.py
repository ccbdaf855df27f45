"""The contribution kernel beside OpenFisca-core, a Decimal loop and the copying of its own result. One run, same people, same rules.

`run()` gives the rows; `python -m bench.kernel` prints them. Every way is checked for equality before it is timed.
"""

import statistics
import time
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shebao.base.terms import INSURANCES, Insurance, Payer, mask_of
from shebao.policy.formulas import FenArray
from shebao.policy.levy import BASE_RULES, Assessed, Key, MonthRates, assess, month_rates
from shebao.policy.rulebook import standard

PEOPLE = 1_000_000
DECIMAL_PEOPLE = 200_000
MONTH, PLACE = 202511, "420100"
ROUNDS = 9

People = tuple[FenArray, NDArray[np.uint8], NDArray[np.int8]]


def people(n: int) -> People:
    """Wages around floor and cap, one class a unit of 100, nine of ten in all types."""
    chosen = np.random.default_rng(20251121)
    wages = chosen.integers(300_000, 2_600_000, n, dtype=np.int64)
    some = chosen.integers(0, 1 << len(INSURANCES), n)
    masks = np.where(chosen.random(n) < 0.9, mask_of(INSURANCES), some).astype(np.uint8)
    classes = np.repeat(chosen.integers(1, 9, -(-n // 100)), 100)[:n].astype(np.int8)
    return wages, masks, classes


def columns(assessed: Assessed) -> dict[Key, NDArray[np.int32]]:
    """The amounts that somebody owes."""
    return {key: column for key, column in assessed.amounts.items() if column.flags.writeable}


def by_openfisca(given: People, rates: MonthRates, keys: list[Key]) -> dict[Key, NDArray[np.int32]]:
    """The same rules as a country package. Building the simulation is part of it, as every month needs one."""
    simulation = _openfisca_simulation(given, rates)
    return {key: simulation.calculate(_name(key), _PERIOD) for key in keys}


_PERIOD = f"{MONTH // 100}-{MONTH % 100:02d}"


def _name(key: Key) -> str:
    return f"{key[0].key}_{key[1].value}"


def _openfisca_simulation(given: People, rates: MonthRates) -> Any:
    from openfisca_core.simulations import SimulationBuilder  # type: ignore[import-untyped,import-not-found,unused-ignore]

    system = _openfisca_system(rates)
    builder = SimulationBuilder()
    builder.create_entities(system)
    builder.declare_person_entity("person", np.arange(len(given[0])))
    simulation = builder.build(system)
    wages, masks, classes = given
    for name, column in (("wage", wages.astype(np.int32)), ("mask", masks.astype(np.int32)), ("injury_class", classes.astype(np.int32))):
        simulation.set_input(name, _PERIOD, column)
    return simulation


@cache
def _openfisca_system(rates: MonthRates) -> Any:
    """A tax and benefit system with one variable a base and one an amount; the rates are its dated parameters."""
    from openfisca_core.entities import Entity  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from openfisca_core.parameters import ParameterNode  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from openfisca_core.periods import DateUnit  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from openfisca_core.taxbenefitsystems import TaxBenefitSystem  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from openfisca_core.variables import Variable  # type: ignore[import-untyped,import-not-found,unused-ignore]

    person = Entity("person", "persons", "", "")
    system = TaxBenefitSystem([person])
    since = "2025-01-01"
    values: dict[str, int] = {}
    for insurance in rates.types:
        if insurance in rates.floor_fen:
            rule = BASE_RULES[insurance].replace(".", "_")
            values |= {f"{rule}_floor": rates.floor_fen[insurance], f"{rule}_cap": rates.cap_fen[insurance]}
        for payer in Payer:
            table = rates.unit_ppm if payer is Payer.UNIT else rates.person_ppm
            values[f"{insurance.key}_{payer.value}"] = table.get(insurance, rates.flat_fen.get((insurance, payer), 0))
    node = {name: {"values": {since: {"value": value}}} for name, value in values.items()}
    classes = {f"c{i}": {"values": {since: {"value": rate}}} for i, rate in enumerate(rates.injury_ppm.tolist())}
    system.parameters = ParameterNode("", data={**node, "injury_class": classes})

    def variable(name: str, formula: Callable[..., Any] | None = None) -> None:
        body: dict[str, Any] = {"value_type": int, "entity": person, "definition_period": DateUnit.MONTH, "label": name}
        system.add_variable(type(name, (Variable,), body | ({"formula": formula} if formula else {})))

    def base_formula(rule: str) -> Callable[..., Any]:
        def formula(persons: Any, period: Any, parameters: Any) -> Any:
            node = parameters(period)
            return np.clip(persons("wage", period), getattr(node, f"{rule}_floor"), getattr(node, f"{rule}_cap"))

        return formula

    def amount_formula(insurance: Insurance, payer: Payer) -> Callable[..., Any]:
        def formula(persons: Any, period: Any, parameters: Any) -> Any:
            insured = (persons("mask", period) >> insurance.bit) & 1
            node = parameters(period)
            rate = getattr(node, f"{insurance.key}_{payer.value}")
            if insurance not in BASE_RULES:
                return rate * insured
            if insurance is Insurance.INJURY:
                of_class = np.array([getattr(node.injury_class, f"c{i}") for i in range(len(rates.injury_ppm))], np.int64)
                rate = of_class[persons("injury_class", period)]
            base = persons(BASE_RULES[insurance].replace(".", "_"), period).astype(np.int64)
            return (base * rate + 500_000) // 1_000_000 * insured

        return formula

    for name in ("wage", "mask", "injury_class"):
        variable(name)
    for rule in sorted({rule.replace(".", "_") for rule in BASE_RULES.values()}):
        variable(rule, base_formula(rule))
    for insurance in rates.types:
        for payer in Payer:
            variable(_name((insurance, payer)), amount_formula(insurance, payer))
    return system


def by_decimal(given: People, rates: MonthRates, keys: list[Key], n: int) -> tuple[float, list[tuple[Decimal, ...]]]:
    """The first n people in plain Python, Decimal yuan. Returns: seconds of the loop alone, and the amounts."""
    cent = Decimal("0.01")
    plan = []
    for insurance, payer in keys:
        bounds = None
        if insurance in rates.floor_fen:
            bounds = (Decimal(rates.floor_fen[insurance]) / 100, Decimal(rates.cap_fen[insurance]) / 100)
        by_class = insurance is Insurance.INJURY and payer is Payer.UNIT
        ppm = (rates.unit_ppm if payer is Payer.UNIT else rates.person_ppm).get(insurance, 0)
        flat = Decimal(rates.flat_fen.get((insurance, payer), 0)) / 100
        plan.append((insurance.flag, bounds, by_class, Decimal(ppm) / 1_000_000, flat))
    injury = [Decimal(rate) / 1_000_000 for rate in rates.injury_ppm.tolist()]
    wages = [Decimal(wage) / 100 for wage in given[0][:n].tolist()]
    masks, classes = given[1][:n].tolist(), given[2][:n].tolist()
    nothing = Decimal("0.00")
    found = []
    started = time.perf_counter()
    for wage, mask, injury_class in zip(wages, masks, classes, strict=True):
        row = []
        for flag, bounds, by_class, rate, flat in plan:
            if not mask & flag:
                row.append(nothing)
            elif bounds is None:
                row.append(flat)
            else:
                base = min(max(wage, bounds[0]), bounds[1])
                row.append((base * (injury[injury_class] if by_class else rate)).quantize(cent, ROUND_HALF_UP))
        found.append(tuple(row))
    return time.perf_counter() - started, found


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run(n: int = PEOPLE, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Measure ours, the peers and the limit in turns, so that a noisy neighbour disturbs all alike.

    Returns: rows of name, ours, peer, limit (milliseconds), ratio, goal, met, unit. A ratio against a peer is how many times
    faster ours is; against the limit, how many times slower.
    """
    rates = month_rates(standard(), MONTH, PLACE)
    given = people(n)
    ours = assess(*given, rates)
    owed = columns(ours)
    keys = list(owed)
    peer = by_openfisca(given, rates, keys)
    for key in keys:
        assert np.array_equal(owed[key], peer[key]), f"OpenFisca differs in {key}"
    loop_people = min(n, DECIMAL_PEOPLE)
    loop_seconds, rows = by_decimal(given, rates, keys, loop_people)
    for i, row in enumerate(rows):
        assert [int(amount * 100) for amount in row] == [int(owed[key][i]) for key in keys], f"Decimal differs for person {i}"
    del peer, rows
    result = np.stack([ours.pension_base, ours.medical_base, *owed.values()]).astype(np.int64)
    copy = np.ones_like(result)
    times: dict[str, list[float]] = {"ours": [], "openfisca": [], "copy": []}
    for i in range(rounds):
        times["ours"].append(_seconds(lambda: assess(*given, rates)))
        times["copy"].append(_seconds(lambda: np.copyto(copy, result)))
        if i % 3 == 0:
            times["openfisca"].append(_seconds(lambda: by_openfisca(given, rates, keys)))
    loops = [loop_seconds, by_decimal(given, rates, keys, loop_people)[0]]
    mine, fisca, memcpy = (statistics.median(times[name]) for name in ("ours", "openfisca", "copy"))
    loop = statistics.median(loops) * n / loop_people
    people_text = f"{n:,} people, {len(keys)} amounts and 2 bases"
    return [
        _row(f"contribution kernel against OpenFisca-core: {people_text}", mine, peer=fisca, goal=10),
        _row(f"contribution kernel against a Decimal loop (from {loop_people:,}): {people_text}", mine, peer=loop, goal=200),
        _row(f"contribution kernel against memcpy of the int64 result: {people_text}", mine, limit=memcpy, goal=4),
    ]


def _row(name: str, ours: float, goal: float, peer: float | None = None, limit: float | None = None) -> dict[str, Any]:
    """One row; seconds in, milliseconds out."""
    ratio = peer / ours if peer is not None else ours / (limit or 1)
    return {
        "name": name,
        "ours": round(ours * 1000, 2),
        "peer": None if peer is None else round(peer * 1000, 2),
        "limit": None if limit is None else round(limit * 1000, 2),
        "ratio": round(ratio, 2),
        "goal": f">= {goal}" if peer is not None else f"<= {goal}",
        "met": ratio >= goal if peer is not None else ratio <= goal,
        "unit": "ms",
    }


if __name__ == "__main__":
    for line in run():
        print(line)
