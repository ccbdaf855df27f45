"""灵活就业缴费档次: base, whole amount, and its two shares that add up to it."""

from dataclasses import dataclass

from shebao.policy.formulas import PPM, FenArray


@dataclass(frozen=True, slots=True)
class Tier:
    """One month at a tier, fen: total = account + pool. Each is one int or shape (n,)."""

    base_fen: int | FenArray
    total_fen: int | FenArray
    account_fen: int | FenArray
    pool_fen: int | FenArray


def tier(average_fen: int | FenArray, percent: int | FenArray, total_ppm: int, account_ppm: int) -> Tier:
    """缴费档次 of an average wage.

    The base is rounded to the fen first; the total and the account's share are each rounded half up from it, and the pool
    takes the remainder, so that the shares always add up (60 % of 3,275.30: 393.04 = 157.21 + 235.83, not 235.82).

    Args:  average_fen, percent: one or shape (n,).  total_ppm >= account_ppm.
    Source: 国发〔2005〕38号; 武汉 2011: 393.04 and 1,965.18 yuan.
    """
    base = (average_fen * percent + 50) // 100
    total = (base * total_ppm + PPM // 2) // PPM
    account = (base * account_ppm + PPM // 2) // PPM
    return Tier(base, total, account, total - account)
