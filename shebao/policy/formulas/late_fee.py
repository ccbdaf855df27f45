"""滞纳金: principal × daily rate × days, rounded once."""

from typing import overload

import numpy as np

from shebao.policy.formulas import PPM, FenArray


@overload
def late_fee(principal_fen: int, day_rates_ppm: int, cap_ratio_ppm: int | None = None) -> int: ...
@overload
def late_fee(principal_fen: FenArray, day_rates_ppm: int | FenArray, cap_ratio_ppm: int | None = None) -> FenArray: ...
def late_fee(principal_fen: int | FenArray, day_rates_ppm: int | FenArray, cap_ratio_ppm: int | None = None) -> int | FenArray:
    """滞纳金, half up to the fen.

    Args:  principal_fen: arrears, one or shape (n,), at most FEN_MAX.
           day_rates_ppm: the daily rates summed over the chargeable days (30 days at 500 ppm: 15,000), so that a change of rate
           inside the period needs no second rounding.
           cap_ratio_ppm: highest fee in parts per million of the principal, or None for no cap.
    Source: 社会保险费征缴暂行条例 第十三条; 社会保险法 第八十六条; the cap: 行政强制法 第四十五条.
    """
    fee = _proportion(principal_fen, day_rates_ppm)
    if cap_ratio_ppm is None:
        return fee
    cap = _proportion(principal_fen, cap_ratio_ppm)
    if isinstance(fee, int) and isinstance(cap, int):
        return min(fee, cap)
    return np.minimum(fee, cap)


def _proportion(principal_fen: int | FenArray, ppm: int | FenArray) -> int | FenArray:
    """principal × ppm, half up; in two parts, because the product can pass int64 for a large unit and many years."""
    millions, rest = principal_fen // PPM, principal_fen % PPM
    return millions * ppm + (rest * ppm + PPM // 2) // PPM
