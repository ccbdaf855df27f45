"""应缴额: base × rate for one person or a million. Half up to the fen, each amount by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import overload

import numpy as np
from numpy.typing import NDArray

from shebao.policy.formulas import PPM, FenArray

BLOCK_ROWS = 16_384  # measured: temporaries of this size stay in the cache
_UINT32_MAX = 2**32 - 1


@overload
def clamped(wage_fen: int, floor_fen: int, cap_fen: int) -> int: ...
@overload
def clamped(wage_fen: FenArray, floor_fen: int, cap_fen: int) -> FenArray: ...
def clamped(wage_fen: int | FenArray, floor_fen: int, cap_fen: int) -> int | FenArray:
    """缴费基数: the declared wage, not below the floor and not above the cap.

    Source: 办事指南 "系统自动对变更后的工资进行保底或封顶处理".
    """
    if isinstance(wage_fen, int):
        return min(max(wage_fen, floor_fen), cap_fen)
    return np.clip(wage_fen, floor_fen, cap_fen)


@overload
def contribution(base_fen: int, rate_ppm: int) -> int: ...
@overload
def contribution(base_fen: FenArray, rate_ppm: int | FenArray) -> FenArray: ...
def contribution(base_fen: int | FenArray, rate_ppm: int | FenArray) -> int | FenArray:
    """应缴额: base × rate, rounded half up to the fen.

    Args:  base_fen: >= 0, fen a month, one or shape (n,).  rate_ppm: one or shape (n,), parts per million.
    Returns: fen, as base_fen.  Source: 社会保险法 第十二条、第三十五条、第四十四条.
    """
    return (base_fen * rate_ppm + PPM // 2) // PPM


@overload
def relieved(unit_fen: int, effect: str) -> int: ...
@overload
def relieved(unit_fen: FenArray, effect: str) -> FenArray: ...
def relieved(unit_fen: int | FenArray, effect: str) -> int | FenArray:
    """阶段性减免 of a unit's part, one or shape (n,): 'exempt' leaves nothing, 'half' leaves half, half up.

    Source: 人社部发〔2020〕11号, 医保发〔2020〕6号.
    """
    if effect == "exempt":
        return unit_fen * 0
    if effect == "half":
        return (unit_fen + 1) // 2
    raise KeyError(effect)


def undeclared(last_month_fen: int, ratio_ppm: int) -> int:
    """未按规定申报: last month's amount × ratio (110 %), half up. Source: 社会保险法 第六十二条."""
    return (last_month_fen * ratio_ppm + PPM // 2) // PPM


@dataclass(frozen=True, slots=True)
class Column:
    """One column of amounts to compute.

    bit: place of the type in the mask.  base: 0 or 1, which base it takes, or None for a flat amount.
    rate_ppm: one rate, or one a class (index = class; index 0 unused).  flat_fen: the amount where base is None.
    """

    bit: int
    base: int | None
    rate_ppm: int | tuple[int, ...] = 0
    flat_fen: int = 0


def amounts(
    wages_fen: FenArray,
    masks: NDArray[np.uint8],
    classes: NDArray[np.int8],
    bounds_fen: Sequence[tuple[int, int]],
    columns: Sequence[Column],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Clamp, multiply, round and mask, in blocks that stay in the cache.

    Args:  wages_fen, masks, classes: shape (n,).  bounds_fen: (floor, cap) of each base.  columns: what to compute.
    Returns: bases, shape (len(bounds_fen), n), and amounts, shape (len(columns), n): fen.
    Each rate is first reduced (16 % = 4/25), so that nearly all of the work fits 32 bits; what does not runs in 64.
    """
    n = len(wages_fen)
    bases = np.empty((len(bounds_fen), n), np.int32)
    out = np.empty((len(columns), n), np.int32)
    plans = [_Plan(column, bounds_fen[column.base][1] if column.base is not None else 0) for column in columns]
    for start in range(0, n, BLOCK_ROWS):
        block = slice(start, min(n, start + BLOCK_ROWS))
        mask = masks[block]
        shared = int(np.bitwise_and.reduce(mask))
        base_blocks = bases[:, block]
        for i, (floor_fen, cap_fen) in enumerate(bounds_fen):
            if i and bounds_fen[i] == bounds_fen[0]:
                base_blocks[i] = base_blocks[0]
            else:
                np.clip(wages_fen[block], floor_fen, cap_fen, out=base_blocks[i], casting="unsafe")
        for plan, target in zip(plans, out[:, block], strict=True):
            plan.fill(target, base_blocks, mask, shared, classes[block])
    return bases, out


class _Plan:
    """One column, made ready: the reduced rate and the width of the integers."""

    def __init__(self, column: Column, cap_fen: int) -> None:
        rates = (column.rate_ppm,) if isinstance(column.rate_ppm, int) else column.rate_ppm
        divisor = gcd(PPM, *rates)
        self.column = column
        self.denominator = PPM // divisor
        highest = max(cap_fen * (max(rates) // divisor) + self.denominator // 2, column.flat_fen)
        self.width: type[np.uint32 | np.uint64] = np.uint32 if highest <= _UINT32_MAX else np.uint64
        self.half = self.width(self.denominator // 2)
        self.by = self.width(self.denominator)
        self.numerators = np.array([rate // divisor for rate in rates], self.width)
        assert highest // self.denominator < 2**31, "an amount must fit int32"

    def fill(
        self,
        target: NDArray[np.int32],
        bases: NDArray[np.int32],
        mask: NDArray[np.uint8],
        shared: int,
        classes: NDArray[np.int8],
    ) -> None:
        """Compute one block of the column into target."""
        flag = 1 << self.column.bit
        if self.column.base is None:
            target[:] = self.column.flat_fen
        elif self.width is np.uint32:
            self._multiply(target.view(np.uint32), bases[self.column.base].view(np.uint32), classes)
        else:
            wide = bases[self.column.base].astype(np.uint64)
            self._multiply(wide, wide, classes)
            target[:] = wide
        if not shared & flag:
            np.multiply(target, (mask >> self.column.bit) & np.uint8(1), out=target, casting="unsafe")

    def _multiply(self, target: NDArray[np.unsignedinteger], base: NDArray[np.unsignedinteger], classes: NDArray[np.int8]) -> None:
        if len(self.numerators) == 1:
            np.multiply(base, self.numerators[0], out=target)
        else:
            np.multiply(base, self.numerators.take(classes), out=target)
        np.add(target, self.half, out=target)
        np.floor_divide(target, self.by, out=target)
