"""金额: int fen everywhere inside, text with two decimals at every edge. There is no float in between."""

import re

FEN_MAX = 10**13  # 100 billion yuan: above any unit's bill, below int64 after multiplying by ppm

_YUAN = re.compile(r"(?P<sign>-?)(?P<yuan>[0-9]{1,11})(?:\.(?P<fen>[0-9]{1,2}))?\Z", re.ASCII)


class MoneyError(ValueError):
    """A text is no amount. The message is a Chinese sentence for the person who typed it."""


def fen(text: str) -> int:
    """Read an amount in yuan, strictly: digits, at most two decimals, no signs of thousands, no exponent.

    Raises: MoneyError with a sentence that says what to do.
    """
    match = _YUAN.match(text)
    if match is None:
        raise MoneyError("金额请只填数字，最多两位小数，例如 8000 或 8000.50，不要带“元”、逗号或空格")
    value = int(match["yuan"]) * 100 + int((match["fen"] or "0").ljust(2, "0"))
    if value > FEN_MAX:
        raise MoneyError("金额过大，请核对后重新填写")
    return -value if match["sign"] else value


def yuan(amount_fen: int) -> str:
    """Write fen as yuan with two decimals and nothing else: 123456 -> '1234.56'. For files, API and command line."""
    sign, amount = ("-", -amount_fen) if amount_fen < 0 else ("", amount_fen)
    return f"{sign}{amount // 100}.{amount % 100:02d}"


def yuan_shown(amount_fen: int) -> str:
    """Write fen as people read it: 123456 -> '1,234.56'. For pages and papers."""
    sign, amount = ("-", -amount_fen) if amount_fen < 0 else ("", amount_fen)
    return f"{sign}{amount // 100:,}.{amount % 100:02d}"


def split(total_fen: int, weights: list[int]) -> list[int]:
    """Share a total by weights so that the parts add up to it exactly (largest remainder, earlier part first on a tie).

    Args: total_fen >= 0, weights >= 0 with a positive sum.
    """
    whole = sum(weights)
    parts = [total_fen * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total_fen * weights[i] % whole), i))
    for i in by_remainder[: total_fen - sum(parts)]:
        parts[i] += 1
    return parts
