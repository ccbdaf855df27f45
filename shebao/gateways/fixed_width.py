"""Lines of fixed width as a matrix of bytes: read and written by columns, strictly, without a loop over lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
Matrix = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record. form: N digits with zeros before them, A ASCII and G GB18030 with spaces behind them; width in bytes."""

    name: str
    form: str
    width: int


class Malformed(Exception):
    """A field of a line is not as its form asks. row: from 0."""

    def __init__(self, row: int, field: str) -> None:
        super().__init__(field)
        self.row, self.field = row, field


def take(lines: Matrix, layout: tuple[Field, ...]) -> dict[str, Column]:
    """The fields of lines of one layout: N as int64, A and G as bytes without the spaces behind them. Raises: Malformed."""
    columns: dict[str, Column] = {}
    at = 1
    for field in layout:
        part = lines[:, at : at + field.width]
        at += field.width
        if field.form == "N":
            columns[field.name] = _numbers(part, field.name)
            continue
        # NumPy's S drops zero bytes behind a text, so they have to be refused before.
        low = (part < 0x20) if field.form == "G" else (part < 0x20) | (part > 0x7E)
        if low.any():
            raise Malformed(int(np.flatnonzero(low.any(axis=1))[0]), field.name)
        columns[field.name] = np.strings.rstrip(np.ascontiguousarray(part).view(f"S{field.width}")[:, 0], b" ")
    return columns


def _numbers(part: Matrix, name: str) -> NDArray[np.int64]:
    digits = np.ascontiguousarray(part.T) - np.uint8(0x30)  # wraps below '0': everything that is no digit is above 9
    if (digits > 9).any():
        raise Malformed(int(np.flatnonzero((digits > 9).any(axis=0))[0]), name)
    values = np.zeros(part.shape[0], np.int64)
    for row in digits:
        values *= 10
        values += row
    return values


def put(lines: Matrix, layout: tuple[Field, ...], columns: Mapping[str, Column]) -> None:
    """Write columns into lines behind their mark; text is bytes. Raises: ValueError where a value does not fit."""
    at = 1
    for field in layout:
        part = lines[:, at : at + field.width]
        at += field.width
        values = np.asarray(columns[field.name])
        if field.form == "N":
            left = values.astype(np.int64)
            if len(left) and (left.min() < 0 or int(left.max()) >= 10**field.width):
                raise ValueError(f"{field.name} does not fit {field.width} digits")
            for place in range(field.width - 1, -1, -1):
                left, digit = np.divmod(left, 10)
                part[:, place] = digit + 0x30
        elif len(values):
            if values.dtype.kind != "S" or values.dtype.itemsize > field.width:
                raise ValueError(f"{field.name} has to be bytes, at most {field.width}")
            text = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
            part[:, : text.shape[1]] = np.where(text == 0, 0x20, text)
