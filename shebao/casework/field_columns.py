"""Columns read at once. Each function says what is certainly right; the rest is read cell by cell, which finds the sentence.

A bulk reader takes the cells of one column and gives `(values, rest)`: `values[i]` is final unless i is in `rest`. It may send any
cell to `rest`, but must never accept what the reader of one cell refuses or reads differently (tests/unit/test_fields_bulk.py).
"""

import re
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import cast

import numpy as np
from numpy.typing import NDArray

from shebao.base import money
from shebao.casework.cells import INVISIBLE_CLASS, NAME_LENGTH_MAX, TEXT_LENGTH_MAX, Cell, Value

Bulk = tuple[list[Value], list[int]]
BulkReader = Callable[[Sequence[Cell], int | None, int | None], Bulk]


def nothing(cells: Sequence[Cell], least: int | None, most: int | None) -> Bulk:
    """Nothing is read at once: a few rows, or a kind without a bulk reader."""
    return [None] * len(cells), list(range(len(cells)))


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = np.frombuffer(b"10X98765432", np.uint8)
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])  # 29 February is left to the reader of one cell

_NOT_A_PLAIN_TEXT = re.compile(f"[{INVISIBLE_CLASS}\\s]")


def _of_width(cells: Sequence[Cell], width: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The ASCII texts of exactly that width. Returns: their positions (n,), their bytes (n, width)."""
    where: Sequence[int] = range(len(cells))
    texts = cast("list[str]", cells if set(map(type, cells)) == {str} and set(map(len, cells)) == {width} else [])  # type: ignore[arg-type]
    joined = "".join(texts)
    if not texts or not joined.isascii():
        where = [i for i, cell in enumerate(cells) if type(cell) is str and len(cell) == width and cell.isascii()]
        joined = "".join([cast("str", cells[i]) for i in where])
    letters = np.frombuffer(joined.encode("ascii"), np.uint8)
    return np.array(where, np.int64), letters.reshape(len(where), width)


def _number(digits: NDArray[np.uint8], first: int, end: int) -> NDArray[np.int32]:
    """The number that some places make. Args: digits: shape (places, n)."""
    total = np.zeros(digits.shape[1], np.int32)
    for digit in digits[first:end]:
        total = total * 10 + digit
    return total


def _result(cells: Sequence[Cell], where: NDArray[np.int64], good: NDArray[np.bool_]) -> Bulk:
    """Cells that are values as they stand; all the others are the rest."""
    if len(where) == len(cells) and good.all():
        return cast("list[Value]", list(cells)), []
    values = cast("list[Value]", list(cells))  # what is no value among them is in the rest
    right = np.zeros(len(values), bool)
    right[where[good]] = True
    return values, np.flatnonzero(~right).tolist()


def id_numbers(cells: Sequence[Cell], least: int | None, most: int | None) -> Bulk:
    """公民身份号码 of mainland residents born 1900 to 2099, never on 29 February; the few others are the rest."""
    where, letters = _of_width(cells, 18)
    places = np.ascontiguousarray(letters.T)  # place by place, each contiguous
    digits = places[:17] - np.uint8(48)  # unsigned: what is below 0 wraps round to above 9
    good = (digits <= 9).all(axis=0)
    total = np.zeros(len(where), np.int16)
    for digit, weight in zip(digits, _WEIGHTS, strict=True):
        total += digit * np.int16(weight)  # at most 255 x 92
    good &= _CHECKS[total % 11] == places[17]
    good &= _PROVINCES[np.minimum(_number(digits, 0, 2), 99)]
    year, month, day = _number(digits, 6, 10), _number(digits, 10, 12), _number(digits, 12, 14)
    good &= (year >= 1900) & (year <= 2099) & _is_day(month, day)
    return _result(cells, where, good)


# GB/T 2260 province codes. 71, 81 to 83 and 9x are left to the reader of one cell.
_PROVINCES = np.isin(np.arange(100), [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66)])


def _is_day(month: NDArray[np.int32], day: NDArray[np.int32]) -> NDArray[np.bool_]:
    in_year = (month >= 1) & (month <= 12)
    return in_year & (day >= 1) & (day <= _MONTH_DAYS[np.where(in_year, month, 0)])


def mobiles(cells: Sequence[Cell], least: int | None, most: int | None) -> Bulk:
    """手机号码 typed as 11 digits."""
    where, letters = _of_width(cells, 11)
    good = ((letters >= 48) & (letters <= 57)).all(axis=1) & (letters[:, 0] == 49) & (letters[:, 1] >= 51)
    return _result(cells, where, good)


def dates(cells: Sequence[Cell], least: int | None, most: int | None) -> Bulk:
    """Days typed as 2026-01-05."""
    where, letters = _of_width(cells, 10)
    places = np.ascontiguousarray(letters.T)
    digits = places[[0, 1, 2, 3, 5, 6, 8, 9]] - np.uint8(48)
    good = (places[4] == 45) & (places[7] == 45) & (digits <= 9).all(axis=0)
    year = _number(digits, 0, 4)
    good &= (year >= 1900) & (year <= 2999) & _is_day(_number(digits, 4, 6), _number(digits, 6, 8))
    return _result(cells, where, good)


def amounts(cells: Sequence[Cell], least: int | None, most: int | None) -> Bulk:
    """Amounts held as numbers by a spreadsheet, within the bounds (fen)."""
    where = np.fromiter((i for i, cell in enumerate(cells) if type(cell) is float), np.int64)
    yuan = np.fromiter((cell for cell in cells if type(cell) is float), np.float64, len(where))
    yuan = np.where(np.abs(yuan) <= money.FEN_MAX / 100, yuan, np.nan)
    fen = np.rint(yuan * 100)
    good = np.abs(yuan * 100 - fen) <= 1e-6 + 1e-13 * np.abs(fen)
    if least is not None:
        good &= fen >= least
    if most is not None:
        good &= fen <= most
    fen_ints = np.where(good, fen, 0).astype(np.int64).tolist()
    if len(where) == len(cells) and good.all():
        return fen_ints, []
    values: list[Value] = [None] * len(cells)
    right = np.zeros(len(cells), bool)
    right[where[good]] = True
    for i, value in zip(where.tolist(), fen_ints, strict=True):
        values[i] = value
    return values, np.flatnonzero(~right).tolist()


def names(cells: Sequence[Cell], least: int | None, most: int | None) -> Bulk:
    """姓名 of letters only; those with a separator, a blank or anything else are the rest."""
    rest = [i for i, cell in enumerate(cells) if type(cell) is not str or not cell.isalpha() or len(cell) > NAME_LENGTH_MAX]
    return cast("list[Value]", list(cells)), rest


def texts(cells: Sequence[Cell], least: int | None, most: int | None) -> Bulk:
    """Texts without any blank inside or around."""
    # One search over the whole column instead of one a cell; a hit is traced back to its cell by the running length.
    length_max = most or TEXT_LENGTH_MAX
    parts = [cell if type(cell) is str else "" for cell in cells]
    lengths = np.fromiter(map(len, parts), np.int64, len(parts))
    ends = np.fromiter(accumulate(lengths.tolist()), np.int64, len(parts))
    hits = np.fromiter((match.start() for match in _NOT_A_PLAIN_TEXT.finditer("".join(parts))), np.int64)
    wrong = (lengths == 0) | (lengths > length_max)
    wrong[np.searchsorted(ends, hits, side="right")] = True
    return cast("list[Value]", list(cells)), np.flatnonzero(wrong).tolist()
