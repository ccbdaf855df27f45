"""阶段性减免: what a dated document takes off the unit's part, after the normal calculation. Rates, bases, the person's part and what goes
to the personal account stay as they are.

A rule that leaves it to the 统筹区 (optional) takes nothing off by itself: the place says so in an entry of its own. Who is relieved goes
by 企业规模; where that is not known nothing is guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day, month_of, month_shown, months_between
from shebao.base.terms import INSURANCES, Insurance
from shebao.policy.formulas.levy import relieved
from shebao.policy.rulebook import Rule, Rulebook
from shebao.policy.shapes import Relief

RULES = ("relief.unit_part", "relief.medical_unit_part")
# As parties.facts.UNIT_SIZES, which this module does not import. The place in the tuple is the code in a column; 0 is not known.
SIZES = ("", "large", "medium", "small", "micro", "none")
EFFECTS = {"exempt": "免征", "half": "减半征收"}


class UnitSizeUnknown(ShebaoError):
    """The month has a relief that goes by 企业规模, and the unit's is not registered: its amounts cannot be told."""

    code = "FEE-03"
    status = 422

    def __init__(self, month: Month, units: str = "该单位") -> None:
        super().__init__(f"{units}没有登记企业规模，{month_shown(month)}的阶段性减免按企业规模确定；请先登记（订正）企业规模，再核定")


@dataclass(frozen=True, slots=True)
class Reduction:
    """What one rule does to the unit part of one type."""

    insurance: Insurance
    effect: str
    rule: Rule


@dataclass(frozen=True, eq=False)
class Reliefs:
    """What is taken off in a month, by 企业规模 and type. Empty in nearly every month; then nothing is asked about sizes."""

    month: Month = 0
    by_size: Mapping[str, Mapping[Insurance, Reduction]] = field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        return bool(self.by_size)

    @property
    def mask(self) -> int:
        """The types that somebody is relieved of."""
        found = 0
        for reductions in self.by_size.values():
            for insurance in reductions:
                found |= insurance.flag
        return found

    def of(self, size: str) -> Mapping[Insurance, Reduction]:
        """The reductions of one unit. Raises: UnitSizeUnknown."""
        if not self:
            return {}
        if size not in SIZES[1:]:
            raise UnitSizeUnknown(self.month)
        return self.by_size.get(size, {})

    def apply(self, unit_amounts: Mapping[Insurance, NDArray[np.int32]], sizes: NDArray[np.int8]) -> dict[Insurance, NDArray[np.int32]]:
        """The unit parts after relief, by type; only those that change.

        Args: unit_amounts: by type, fen, shape (n,).  sizes: the unit's size of each row, as place in SIZES, shape (n,).
        """
        found: dict[Insurance, NDArray[np.int32]] = {}
        for code, size in enumerate(SIZES):
            here = sizes == code
            if not here.any():
                continue
            for insurance, reduction in self.by_size.get(size, {}).items():
                after = found.setdefault(insurance, unit_amounts[insurance].copy())
                after[here] = relieved(after[here].astype(np.int64), reduction.effect).astype(np.int32)
        return {insurance: after for insurance, after in found.items() if (after != unit_amounts[insurance]).any()}


NONE = Reliefs()


@lru_cache(maxsize=1024)
def reliefs(rulebook: Rulebook, month: Month, place: str) -> Reliefs:
    """What is taken off the units' parts in a month in a place. Raises: UnknownPlace."""
    by_size: dict[str, dict[Insurance, Reduction]] = {}
    for rule_id in RULES:
        rule = rulebook.find(rule_id, first_day(month), place)
        if rule is None or rule.value is None:
            continue
        value: Relief = rule.value
        if value.optional or months_between(month_of(rule.valid_from), month) >= value.months_max:
            continue
        for size in value.unit_sizes:
            for insurance in INSURANCES:
                if insurance.key in value.insurances:
                    by_size.setdefault(size, {})[insurance] = Reduction(insurance, value.effect, rule)
    return Reliefs(month, MappingProxyType({s: MappingProxyType(r) for s, r in by_size.items()})) if by_size else NONE


def relief_sentence(before_fen: int, after_fen: int, reduction: Reduction, shown: Mapping[int, str]) -> str:
    """How a unit part was reduced, in words. shown: the amounts as people read them."""
    law = f"（{reduction.rule.law}）" if reduction.rule.law else ""
    less = f"减免 {shown[before_fen - after_fen]} 元，实际应缴 {shown[after_fen]} 元"
    return f"应缴 {shown[before_fen]} 元，{EFFECTS[reduction.effect]}{law}，{less}"
