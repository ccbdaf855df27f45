"""One cell, read strictly: what a page, a workbook or the API holds becomes plain text, or a refusal.

Only what cannot change the meaning is mended: blanks around a text, and full-width digits and letters where a number is asked for.
"""

import math
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from enum import Enum

Cell = str | float | int | bool | date | datetime | time | timedelta | Sequence[str] | None
Value = str | int | list[str] | None

TEXT_LENGTH_MAX = 200
NAME_LENGTH_MAX = 50  # 民委发〔2016〕33号: a name field holds at least 50 characters
_ECHO_MAX = 20  # characters of a wrong text repeated in its sentence

BLANKS = " \t\r\n\u00a0\u3000"

# Control characters, soft hyphen, zero-width, line separators, direction marks, byte-order mark, surrogates, tags, non-characters.
INVISIBLE_CLASS = (
    "\\x00-\\x1f\\x7f-\\x9f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ud800-\\udfff\\ufeff\\ufff9-\\ufffb\\ufffe\\uffff\\U000e0000-\\U000e007f"
)
INVISIBLE = re.compile(f"[{INVISIBLE_CLASS}]")

# Full-width forms only. NFKC would also read ① as 1 and ² as 2, which nobody means as a digit of a number.
_HALF_WIDTH = {0xFF00 + i: 0x20 + i for i in range(1, 0x5F)} | {0x3000: 0x20}
_HALF_WIDTH.pop(0xFF0C)  # a full-width comma in an amount is refused like the half-width one, and shown as typed


class Kind(str, Enum):
    """What a field holds; surfaces choose control, cell format and JSON schema by it."""

    ID_NUMBER = "id_number"
    NAME = "name"
    TEXT = "text"
    MONEY = "money"
    MONTH = "month"
    DATE = "date"
    CHOICE = "choice"
    MANY = "many"
    MOBILE = "mobile"
    PHOTO = "photo"
    PHONE = "phone"
    EMAIL = "email"
    POSTCODE = "postcode"
    USCC = "uscc"
    NUMBER = "number"
    LONG_TEXT = "long_text"
    CONSENT = "consent"
    WORD = "word"


class Bad(Exception):
    """Reading failed: the code and the sentence of a Refusal, and a value that would be accepted, if one can be computed."""

    def __init__(self, code: str, text: str, suggestion: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.suggestion = suggestion


def is_empty(cell: Cell) -> bool:
    """Whether nothing was filled in: no value, blanks only, or an empty list."""
    if isinstance(cell, str):
        return not cell.strip(BLANKS)
    return cell is None or (isinstance(cell, (list, tuple)) and not cell)


def plain_text(cell: Cell, label: str) -> str:
    """The text of a cell, trimmed. Invisible characters are refused, not removed.

    Raises: Bad FLD-02 for what is neither text nor number, FLD-03 for invisible characters.
    """
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return _number_text(cell, label)
    if not isinstance(cell, str):
        raise Bad("FLD-02", f"{label}的单元格格式不对，请把该列设为文本后重新填写")
    text = cell.strip(BLANKS)
    if INVISIBLE.search(text):
        raise Bad("FLD-03", f"{label}里有看不见的字符，请删除后重新输入")
    return text


def _number_text(number: float, label: str) -> str:
    if isinstance(number, int):
        return str(number)
    if not math.isfinite(number):
        raise Bad("FLD-02", f"{label}的单元格格式不对，请把该列设为文本后重新填写")
    return str(int(number)) if number.is_integer() else repr(number)


def half_width(text: str) -> str:
    """Full-width digits, letters and signs as half-width ones: '２０２６' -> '2026'."""
    return text if text.isascii() else text.translate(_HALF_WIDTH)


def echo(text: str) -> str:
    """A wrong text as a sentence repeats it: shortened."""
    return text if len(text) <= _ECHO_MAX else text[:_ECHO_MAX] + "…"
