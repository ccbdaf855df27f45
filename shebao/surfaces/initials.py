"""The first letters of pinyin, for search: 增员 -> zy. No table of our own is needed: GB 2312 orders its 3,755 common characters by
pinyin, so the first letter of each follows from where its code lies (GB 2312—1980, 第一级汉字). Rarer characters have none."""

from bisect import bisect_right

# The first code of each letter in GB 2312's first level; no word begins with i, u or v.
_STARTS = (
    (0xB0A1, "a"), (0xB0C5, "b"), (0xB2C1, "c"), (0xB4EE, "d"), (0xB6EA, "e"), (0xB7A2, "f"), (0xB8C1, "g"), (0xB9FE, "h"),
    (0xBBF7, "j"), (0xBFA6, "k"), (0xC0AC, "l"), (0xC2E8, "m"), (0xC4C3, "n"), (0xC5B6, "o"), (0xC5BE, "p"), (0xC6DA, "q"),
    (0xC8BB, "r"), (0xC8F6, "s"), (0xCBFA, "t"), (0xCDDA, "w"), (0xCEF4, "x"), (0xD1B9, "y"), (0xD4D1, "z"),
)  # fmt: skip
_CODES = [code for code, _ in _STARTS]
_END = 0xD7F9


def initials(text: str) -> str:
    """增员（续保） -> zyxb. Letters and figures stay, in lower case; what has no initial is left out."""
    return "".join(_initial(character) for character in text)


def is_letters(text: str) -> bool:
    """Whether a query may be meant as initials."""
    return text.isascii() and text.isalpha()


def _initial(character: str) -> str:
    if character.isascii():
        return character.lower() if character.isalnum() else ""
    try:
        code = int.from_bytes(character.encode("gb2312"), "big")
    except UnicodeEncodeError:
        return ""
    return _STARTS[bisect_right(_CODES, code) - 1][1] if _CODES[0] <= code <= _END else ""
