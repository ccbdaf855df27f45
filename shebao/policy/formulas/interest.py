"""补缴利息: principal × yearly rate × months, rounded once."""

from shebao.policy.formulas import PPM

MONTHS_A_YEAR = 12


def simple_interest(principal_fen: int, month_rates_ppm: int) -> int:
    """Simple interest, half up to the fen.

    Args:  principal_fen: >= 0.
           month_rates_ppm: the yearly rates summed over the months that bear interest (6 months at 3.97 %: 238,200), so that a change of
           rate inside the period needs no second rounding.
    """
    divisor = MONTHS_A_YEAR * PPM
    return (principal_fen * month_rates_ppm + divisor // 2) // divisor
