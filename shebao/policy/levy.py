"""月度核定: the rates of a month in a place, and what they make of wages. The entry point for every domain and screen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day, month_shown
from shebao.base.terms import INSURANCES, Insurance, Payer, insurances_in
from shebao.policy.formulas import FenArray
from shebao.policy.formulas.levy import Column, amounts, clamped, contribution, relieved
from shebao.policy.relief import NONE, Reliefs, reliefs
from shebao.policy.rulebook import Rule, Rulebook, RuleMissing
from shebao.policy.shapes import Base, Merged

Key = tuple[Insurance, Payer]

# Which base a type takes. 大额医疗 is a flat amount and takes none.
BASE_RULES: Mapping[Insurance, str] = MappingProxyType(
    {
        Insurance.PENSION: "pension.base",
        Insurance.UNEMPLOYMENT: "pension.base",
        Insurance.INJURY: "pension.base",
        Insurance.MEDICAL: "medical.base",
        Insurance.MATERNITY: "medical.base",
    }
)
RATE_RULES: Mapping[Insurance, str] = MappingProxyType(
    {insurance: f"{insurance.key}.{'amount' if insurance is Insurance.LARGE_MEDICAL else 'rate'}" for insurance in INSURANCES}
)
_BASES = ("pension.base", "medical.base")


class InjuryClassUnknown(ShebaoError):
    """The month has no such 行业风险类别 (three classes before 2015-10, eight since)."""

    code = "POL-05"
    status = 422


@dataclass(frozen=True, eq=False)
class MonthRates:
    """What holds in one month in one place.

    types: levied by themselves in that month and fully known.  merged: levied within another type (生育 since 2020).
    missing: types without a value; assessing anybody in them raises that error.
    floor_fen, cap_fen, unit_ppm, person_ppm: by type (工伤 has its unit rates in injury_ppm).
    injury_ppm: int64, index = class; index 0 is unused.  flat_fen: 定额 by type and payer.
    rules: every rule behind them; rule_of gives those of one type: the base (if any), then the rate.
    relief: what is taken off the unit's part afterwards; empty in nearly every month.
    """

    month: Month
    place: str
    place_label: str
    types: tuple[Insurance, ...]
    merged: Mapping[Insurance, Insurance]
    missing: Mapping[Insurance, RuleMissing]
    floor_fen: Mapping[Insurance, int]
    cap_fen: Mapping[Insurance, int]
    unit_ppm: Mapping[Insurance, int]
    person_ppm: Mapping[Insurance, int]
    injury_ppm: FenArray
    flat_fen: Mapping[Key, int]
    rules_of: Mapping[Insurance, tuple[Rule, ...]]
    relief: Reliefs = NONE

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(dict.fromkeys(rule for insurance in INSURANCES for rule in self.rules_of.get(insurance, ())))

    @property
    def injury_class_max(self) -> int:
        return len(self.injury_ppm) - 1

    def rate_ppm(self, insurance: Insurance, payer: Payer, injury_class: int) -> int:
        """The rate of a type that is levied by share; the class matters for the unit's 工伤 only. Raises: KeyError."""
        if payer is Payer.PERSON:
            return self.person_ppm[insurance]
        return int(self.injury_ppm[injury_class]) if insurance is Insurance.INJURY else self.unit_ppm[insurance]

    def require(self, mask: int) -> None:
        """Refuse types whose rules are missing. Raises: RuleMissing."""
        for insurance in insurances_in(mask):
            if insurance in self.missing:
                raise self.missing[insurance].with_traceback(None)

    def require_class(self, injury_class: int) -> None:
        """Raises: InjuryClassUnknown."""
        if not 1 <= injury_class <= self.injury_class_max:
            raise InjuryClassUnknown(
                f"{month_shown(self.month)}的工伤行业风险类别为 1 至 {self.injury_class_max} 类，没有 {injury_class} 类，请核对"
            )


@dataclass(frozen=True, eq=False)
class Assessed:
    """What n people owe for one month, fen.

    pension_base, medical_base: int32, shape (n,), the clamped wage whatever the mask; zeros where no such base is known.
    amounts: by (type, payer), all twelve, int32, shape (n,); those that are zero for everybody share one read-only array.
    """

    pension_base: NDArray[np.int32]
    medical_base: NDArray[np.int32]
    amounts: Mapping[Key, NDArray[np.int32]] = field(repr=False)

    def unit_total(self) -> FenArray:
        """By person, shape (n,)."""
        return self._total(Payer.UNIT)

    def person_total(self) -> FenArray:
        """By person, shape (n,)."""
        return self._total(Payer.PERSON)

    def _total(self, payer: Payer) -> FenArray:
        total = np.zeros(len(self.pension_base), np.int64)
        for (_, whose), column in self.amounts.items():
            if whose is payer:
                total += column
        return total


@lru_cache(maxsize=4096)
def month_rates(rulebook: Rulebook, month: Month, place: str) -> MonthRates:
    """Everything needed to assess a month in a place, looked up once.

    Raises: UnknownPlace. A missing rule does not raise here but when somebody is assessed in its type.
    """
    rates = _Collected(rulebook, month, place)
    for insurance in INSURANCES:
        rates.collect(insurance)
    return rates.frozen()


class _Collected:
    """The rates of a month while they are being gathered."""

    def __init__(self, rulebook: Rulebook, month: Month, place: str) -> None:
        self.rulebook, self.month, self.place = rulebook, month, rulebook.place(place)
        self.day = first_day(month)
        self.rules: dict[Insurance, tuple[Rule, ...]] = {}
        self.missing: dict[Insurance, RuleMissing] = {}
        self.merged: dict[Insurance, Insurance] = {}
        self.bounds: dict[Insurance, tuple[int, int]] = {}

    def collect(self, insurance: Insurance) -> None:
        try:
            rate = self.rulebook.rule(RATE_RULES[insurance], self.day, self.place.code)
            if isinstance(rate.value, Merged):
                self.merged[insurance] = Insurance[rate.value.merged_into.upper()]
                self.rules[insurance] = (rate,)
            elif insurance in BASE_RULES:
                self.rules[insurance] = (self._base(insurance), rate)
            else:
                self.rules[insurance] = (rate,)
        except RuleMissing as error:
            self.missing[insurance] = error

    def _base(self, insurance: Insurance) -> Rule:
        rule = self.rulebook.rule(BASE_RULES[insurance], self.day, self.place.code)
        base: Base = rule.value
        if base.floor_fen is None or base.cap_fen is None:
            part = "下限" if base.floor_fen is None else "上限"
            raise RuleMissing(rule.id, rule.label, self.place, self.day, part)
        self.bounds[insurance] = (base.floor_fen, base.cap_fen)
        return rule

    def frozen(self) -> MonthRates:
        types = tuple(i for i in INSURANCES if i in self.rules and i not in self.merged)
        rate = {insurance: self.rules[insurance][-1].value for insurance in types}
        by_share = [i for i in types if i not in (Insurance.INJURY, Insurance.LARGE_MEDICAL)]
        injury = rate.get(Insurance.INJURY)
        large = rate.get(Insurance.LARGE_MEDICAL)
        injury_ppm = np.array([0, *(injury.class_ppm if injury else ())], np.int64)
        injury_ppm.flags.writeable = False
        return MonthRates(
            month=self.month,
            place=self.place.code,
            place_label=self.place.label,
            types=types,
            merged=MappingProxyType(self.merged),
            missing=MappingProxyType(self.missing),
            floor_fen=MappingProxyType({i: self.bounds[i][0] for i in types if i in self.bounds}),
            cap_fen=MappingProxyType({i: self.bounds[i][1] for i in types if i in self.bounds}),
            unit_ppm=MappingProxyType({i: rate[i].unit_ppm for i in by_share}),
            person_ppm=MappingProxyType(
                {i: rate[i].person_ppm for i in by_share} | ({Insurance.INJURY: injury.person_ppm} if injury else {})
            ),
            injury_ppm=injury_ppm,
            flat_fen=MappingProxyType(
                {(Insurance.LARGE_MEDICAL, Payer.UNIT): large.unit_fen, (Insurance.LARGE_MEDICAL, Payer.PERSON): large.person_fen}
                if large
                else {}
            ),
            rules_of=MappingProxyType(self.rules),
            relief=reliefs(self.rulebook, self.month, self.place.code),
        )


def assess(wages_fen: FenArray, masks: NDArray[np.uint8], injury_classes: NDArray[np.int8], rates: MonthRates) -> Assessed:
    """What everybody owes for one month.

    Args:  wages_fen: int64, shape (n,), >= 0.  masks: uint8, shape (n,), types by `Insurance.flag`.
           injury_classes: int8, shape (n,), looked at only where the mask has 工伤.
    Raises: RuleMissing when a mask holds a type without rules; InjuryClassUnknown; ValueError for negative wages or unequal lengths.
    Amounts of merged types are zero: they stand in the type that took them over.
    """
    if not len(wages_fen) == len(masks) == len(injury_classes):
        raise ValueError("wages, masks and classes must have the same length")
    if len(wages_fen) and int(wages_fen.min()) < 0:
        raise ValueError("a wage cannot be negative")
    classes = _checked(masks, injury_classes, rates)
    bounds, columns = _columns(rates)
    bases, rows = amounts(wages_fen, masks, classes, bounds, list(columns.values()))
    nothing = np.zeros(len(wages_fen), np.int32)
    nothing.flags.writeable = False
    by_key = dict(zip(columns, rows, strict=True))
    keys = [(insurance, payer) for insurance in INSURANCES for payer in Payer]
    return Assessed(bases[0], bases[1], MappingProxyType({key: by_key.get(key, nothing) for key in keys}))


def _checked(masks: NDArray[np.uint8], injury_classes: NDArray[np.int8], rates: MonthRates) -> NDArray[np.int8]:
    """Refuse what cannot be assessed; classes of people without 工伤 become 0 where they are out of range."""
    rates.require(int(np.bitwise_or.reduce(masks)) if len(masks) else 0)
    if not len(masks) or (injury_classes.min() >= 1 and injury_classes.max() <= rates.injury_class_max):
        return injury_classes
    wrong = (injury_classes < 1) | (injury_classes > rates.injury_class_max)
    insured = wrong & ((masks & Insurance.INJURY.flag) != 0)
    if insured.any():
        rates.require_class(int(injury_classes[insured.argmax()]))
    return np.where(wrong, 0, injury_classes).astype(np.int8)


def _columns(rates: MonthRates) -> tuple[list[tuple[int, int]], dict[Key, Column]]:
    """Bounds of the two bases, and the columns that are not zero for everybody."""
    bounds = [(0, 0), (0, 0)]
    columns: dict[Key, Column] = {}
    for insurance in rates.types:
        if insurance is Insurance.LARGE_MEDICAL:
            for payer in Payer:
                columns[insurance, payer] = Column(insurance.bit, None, flat_fen=rates.flat_fen[insurance, payer])
            continue
        base = _BASES.index(BASE_RULES[insurance])
        bounds[base] = (rates.floor_fen[insurance], rates.cap_fen[insurance])
        injury = insurance is Insurance.INJURY
        unit_ppm = tuple(rates.injury_ppm.tolist()) if injury else rates.unit_ppm[insurance]
        columns[insurance, Payer.UNIT] = Column(insurance.bit, base, unit_ppm)
        columns[insurance, Payer.PERSON] = Column(insurance.bit, base, rates.person_ppm[insurance])
    return bounds, {key: column for key, column in columns.items() if column.rate_ppm or column.flat_fen}


def relieve(assessed: Assessed, sizes: NDArray[np.int8], rates: MonthRates) -> tuple[Assessed, dict[Insurance, NDArray[np.int32]]]:
    """阶段性减免 after the normal calculation: the unit parts of relieved types go down, nothing else moves.

    Args: sizes: 企业规模 of each row's unit, as place in relief.SIZES, shape (n,).  Returns: what is owed, and what was taken off by type.
    """
    before = {insurance: assessed.amounts[insurance, Payer.UNIT] for insurance in INSURANCES}
    after = rates.relief.apply(before, sizes)
    if not after:
        return assessed, {}
    owed = dict(assessed.amounts) | {(insurance, Payer.UNIT): column for insurance, column in after.items()}
    taken = {insurance: before[insurance] - column for insurance, column in after.items()}
    return Assessed(assessed.pension_base, assessed.medical_base, MappingProxyType(owed)), taken


def assess_one(wage_fen: int, mask: int, injury_class: int, rates: MonthRates, size: str = "") -> dict[Key, int]:
    """What one person owes for one month after relief, by (type, payer), all twelve, fen.

    size: 企业规模 of the unit, asked for in months of a relief only. Raises as `assess`; UnitSizeUnknown.
    """
    if wage_fen < 0:
        raise ValueError("a wage cannot be negative")
    rates.require(mask)
    if mask & Insurance.INJURY.flag:
        rates.require_class(injury_class)
    bounds, columns = _columns(rates)
    owed = {(insurance, payer): 0 for insurance in INSURANCES for payer in Payer}
    for (insurance, payer), column in columns.items():
        if not mask & insurance.flag:
            continue
        if column.base is None:
            owed[insurance, payer] = column.flat_fen
        else:
            rate_ppm = column.rate_ppm if isinstance(column.rate_ppm, int) else column.rate_ppm[injury_class]
            owed[insurance, payer] = contribution(clamped(wage_fen, *bounds[column.base]), rate_ppm)
    if rates.relief and mask & rates.relief.mask:
        for insurance, reduction in rates.relief.of(size).items():
            owed[insurance, Payer.UNIT] = relieved(owed[insurance, Payer.UNIT], reduction.effect)
    return owed
