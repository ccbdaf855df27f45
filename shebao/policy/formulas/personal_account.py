"""个人账户记账利息: 月积数法, 年度计算法 beside it as a check, and what goes to the account of each month's base.

Sources: 劳办发〔1997〕116号 附件（职工基本养老保险个人账户管理暂行办法）; 人社部发〔2017〕31号 (the rate of a year);
国发〔1997〕26号, 国发〔2005〕38号 (what goes to the account).
"""

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from shebao.policy.formulas import PPM, FenArray

MONTHS = 12
# 年度计算法 gives a year's credits half a year of interest, times this factor: the mean of twelve equal months, as the paper prints it.
YEARLY_FACTOR = 1083
YEARLY_FACTOR_OF = 1000


@overload
def share(base_fen: int, share_ppm: int) -> int: ...
@overload
def share(base_fen: FenArray, share_ppm: int | FenArray) -> FenArray: ...
def share(base_fen: int | FenArray, share_ppm: int | FenArray) -> int | FenArray:
    """划入个人账户 of a month's base, half up to the fen. Source: 国发〔1997〕26号 (11 %), 国发〔2005〕38号 (8 %)."""
    return (base_fen * share_ppm + PPM // 2) // PPM


def product(credits_fen: Sequence[int] | FenArray, last_month: int = MONTHS) -> int | FenArray:
    """月积数: Σ m_n · (last − n + 1) over the months n = 1 … last, the amount of a month times the months that it bears interest.

    Args:  credits_fen: by calendar month, 12 amounts or shape (n, 12); what comes after last_month does not count.
           last_month: 12 for a whole year; of a part year the month before payment.
    Returns: fen·months, one or shape (n,).  Source: 劳办发〔1997〕116号 附件.
    """
    weights = np.maximum(last_month - np.arange(MONTHS, dtype=np.int64), 0)
    found = np.asarray(credits_fen, np.int64) @ weights
    return int(found) if found.ndim == 0 else found


@overload
def opening_interest(opening_fen: int, rate_ppm: int, months: int = MONTHS) -> int: ...
@overload
def opening_interest(opening_fen: FenArray, rate_ppm: int, months: int = MONTHS) -> FenArray: ...
def opening_interest(opening_fen: int | FenArray, rate_ppm: int, months: int = MONTHS) -> int | FenArray:
    """Interest of what stood on the account at the year's beginning: balance × rate × months ÷ 12, half up to the fen.

    Args:  opening_fen: one or shape (n,); may be negative, |fen| ≤ 10^11.  months: 12, or those before payment.
    """
    return _half_up(opening_fen * (rate_ppm * months), PPM * MONTHS)


@overload
def product_interest(product_fen: int, rate_ppm: int) -> int: ...
@overload
def product_interest(product_fen: FenArray, rate_ppm: int) -> FenArray: ...
def product_interest(product_fen: int | FenArray, rate_ppm: int) -> int | FenArray:
    """月积数法: interest of the year's credits = 月积数 × rate ÷ 12, half up to the fen. Source: 劳办发〔1997〕116号 附件."""
    return _half_up(product_fen * rate_ppm, PPM * MONTHS)


@overload
def yearly_interest(credits_fen: int, rate_ppm: int) -> int: ...
@overload
def yearly_interest(credits_fen: FenArray, rate_ppm: int) -> FenArray: ...
def yearly_interest(credits_fen: int | FenArray, rate_ppm: int) -> int | FenArray:
    """年度计算法: interest of the year's credits = sum × rate × 1.083 ÷ 2, half up to the fen. Source: 劳办发〔1997〕116号 附件.

    Right for twelve equal months only; a check, never what is posted.
    """
    return _half_up(credits_fen * (rate_ppm * YEARLY_FACTOR), PPM * YEARLY_FACTOR_OF * 2)


def differs(monthly_fen: FenArray, yearly_fen: FenArray, closing_fen: FenArray, gap_ppm: int) -> NDArray[np.bool_]:
    """Where the two methods are further apart than a share of the closing balance. Shape (n,)."""
    found: NDArray[np.bool_] = np.abs(monthly_fen - yearly_fen) * PPM > np.abs(closing_fen) * gap_ppm
    return found


def _half_up(numerator: int | FenArray, divisor: int) -> int | FenArray:
    """numerator ÷ divisor, half up (towards +∞ on a tie, below zero too, so that a column and a single value agree)."""
    return (numerator + divisor // 2) // divisor
