"""人民币大写: an amount in Chinese capitals, as bills must carry it.

Source: 支付结算办法 附一《正确填写票据和结算凭证的基本规定》第二至五条: 整 after 元 (and here after 角), none after 分; one 零 for a run
of zeros inside; 零 before 角 when the yuan end in 0, and before 分 when there is no 角.
"""

from shebao.base.money import FEN_MAX

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("仟", "佰", "拾", "")


def capital_yuan(amount_fen: int) -> str:
    """Write fen in capitals, without the words 人民币: 1640902 -> '壹万陆仟肆佰零玖元零贰分'.

    Args: amount_fen: within ±FEN_MAX; a negative amount begins with 负. Raises: ValueError beyond that.
    """
    if abs(amount_fen) > FEN_MAX:
        raise ValueError(f"{amount_fen} fen is beyond the greatest amount")
    sign, amount = ("负", -amount_fen) if amount_fen < 0 else ("", amount_fen)
    yuan, jiao, fen = amount // 100, amount // 10 % 10, amount % 10
    if not amount:
        return "零元整"
    text = f"{_whole(yuan)}元" if yuan else ""
    if not jiao and not fen:
        return f"{sign}{text}整"
    if yuan and (not jiao or yuan % 10 == 0):
        text += "零"
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    return f"{sign}{text}{_DIGITS[fen]}分" if fen else f"{sign}{text}整"


def _whole(number: int) -> str:
    """A positive whole number, group by group of four digits: 亿, 万, ones."""
    text = ""
    for unit, name in ((10**8, "亿"), (10**4, "万"), (1, "")):
        group = number // unit % 10**4
        if group:
            text += ("零" if text and group < 1000 else "") + _group(group) + name
    return text


def _group(number: int) -> str:
    """Four digits, a run of inner zeros read once, outer zeros not at all."""
    text, zero = "", False
    for digit, place in zip(f"{number:04d}", _PLACES, strict=True):
        if digit == "0":
            zero = True
            continue
        text += ("零" if zero and text else "") + _DIGITS[int(digit)] + place
        zero = False
    return text
