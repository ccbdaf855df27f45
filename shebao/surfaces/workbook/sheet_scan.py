"""A look over the XML of one sheet, without parsing it: how far it reaches, and what the parser would pass over in silence.

The parser (calamine) allocates the whole rectangle from the first to the last filled cell, reads error cells as empty, and formulas as
the value they had when the file was saved. This scan costs about a tenth of the parsing. It judges the form that Excel, WPS,
LibreOffice and the usual libraries write; a sheet in another form is not `regular` and must be read in a process with limits.
"""

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shebao.surfaces.workbook.refused import DAMAGED, UploadRefused
from shebao.surfaces.workbook.sheet import column_letter

BLOCK_BYTES = 2**19  # NumPy's temporaries stay in the cache
OVERLAP_BYTES = 32  # longer than '<c r="XFD1048576"'
MARKED_MAX = 1000  # formula and error cells remembered; one is enough to refuse

_CELL_REF = re.compile(rb"\br=[\"']([A-Z]{1,3})([0-9]{1,7})[\"']")
_MERGED = re.compile(rb"<(?:[A-Za-z]+:)?mergeCell\b[^<>]*?\bref=[\"']([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}([0-9]{1,7}))[\"']")
_HIDDEN_ROW = re.compile(rb"<row\b[^<>]*?\br=\"([0-9]{1,7})\"[^<>]*?\bhidden=\"(?:1|true)\"")

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(slots=True)
class SheetFacts:
    """What a scan saw. Rows and columns count from 1; the last ones are 0 in an empty sheet."""

    regular: bool = True
    cells: int = 0
    text_cells: int = 0
    last_row: int = 0
    last_column: int = 0
    formulas: list[tuple[str, int]] = field(default_factory=list)  # cell, row
    errors: list[tuple[str, int]] = field(default_factory=list)  # cell, row
    merged: list[tuple[str, int]] = field(default_factory=list)  # range, last row
    hidden_rows: list[int] = field(default_factory=list)

    @property
    def last_cell(self) -> str:
        """The corner of the rectangle that the parser would allocate."""
        return f"{column_letter(self.last_column - 1)}{self.last_row}"


def scan(xml: bytes, *, rows_max: int, columns_max: int) -> SheetFacts:
    """Scan one sheet.

    Args:  rows_max, columns_max: beyond this, cells that are only formatted are told from cells with content.
    Raises: UploadRefused UPL-05 when the end of the sheet is missing.
    """
    if not xml[-64:].rstrip().endswith(b"worksheet>"):
        raise UploadRefused("UPL-05", DAMAGED)
    data_end = max(xml.rfind(b"sheetData>"), 0)
    facts = SheetFacts(regular=re.search(rb"<worksheet[\s>]", xml[:4096]) is not None)
    places = _look_over(np.frombuffer(xml, np.uint8, data_end), xml, facts)
    if facts.last_row > rows_max or facts.last_column > columns_max:
        _reach_of_filled(xml, data_end, np.concatenate(places), facts)
    facts.merged = [(found[1].decode(), int(found[2])) for found in _MERGED.finditer(xml, data_end)]
    return facts


def _look_over(letters: Bytes, xml: bytes, facts: SheetFacts) -> list[Ints]:
    """Fill facts block by block. Returns: the places of the cells, for a second look at those with content."""
    places = [np.zeros(0, np.int64)]
    hidden = False
    for start in range(max(xml.find(b"<sheetData"), 0), len(letters), BLOCK_BYTES):
        block = letters[start : start + BLOCK_BYTES + OVERLAP_BYTES]
        own = min(BLOCK_BYTES, len(block) - 3)  # what starts in the overlap belongs to the next block
        if own <= 0:
            continue
        opens, second, third = block[:own] == 60, block[1 : own + 1], block[2 : own + 2]
        # After the name stands a blank, > or /, all below A. Names of other elements in rows do not begin with c or f.
        ended = opens & (third < 65)
        cells = np.flatnonzero(ended & (second == 99))
        formulas = np.flatnonzero(ended & (second == 102))
        assigned = (second == 61) & (third == 34)
        typed, kind = assigned & (block[:own] == 116), block[3 : own + 3]  # …t="
        hidden = hidden or bool((assigned & (block[:own] == 110)).any())  # …n=", which in rows can only be hidden="
        facts.text_cells += int(np.count_nonzero(typed & (kind == 115)))
        _mark(facts.formulas, xml, start, formulas)
        _mark(facts.errors, xml, start, np.flatnonzero(typed & (kind == 101)))
        facts.cells += len(cells)
        regular, rows, columns = _references(block, cells)
        facts.regular = facts.regular and regular
        facts.last_row, facts.last_column = max(facts.last_row, rows), max(facts.last_column, columns)
        places.append(cells + start)
    if hidden:
        facts.hidden_rows = [int(found[1]) for found in _HIDDEN_ROW.finditer(xml, 0, len(letters))]
    return places


def _references(block: Bytes, cells: Ints) -> tuple[bool, int, int]:
    """The references of cells written as <c r="AB12"…. Returns: whether all are, the greatest row, the greatest column."""
    if not len(cells):
        return True, 0, 0
    regular = all((block.take(cells + 3 + i, mode="clip") == sign).all() for i, sign in enumerate(b'r="'))
    letters = _run_length(block, cells + 6, 65, 26, 3)
    first_digit = cells + 6 + letters
    digits = _run_length(block, first_digit, 48, 10, 7)
    closed = (block.take(first_digit + digits, mode="clip") == 34).all() and letters.min() > 0 and digits.min() > 0
    column, row = _greatest(block, cells + 6, letters), _greatest(block, first_digit, digits)
    return bool(regular and closed), int(row or 0), _column_number(column)


def _run_length(block: Bytes, places: Ints, first: int, count: int, length_max: int) -> NDArray[np.int8]:
    """How many characters of a range (first, and count of them) stand at each place, at most length_max."""
    length = np.zeros(len(places), np.int8)
    alive = np.ones(len(places), bool)
    for i in range(length_max):
        alive &= (block.take(places + i, mode="clip") - np.uint8(first)) < count  # unsigned: what is below wraps round to above
        if not alive.any():
            break
        length += alive
    return length


def _greatest(block: Bytes, places: Ints, lengths: NDArray[np.int8]) -> bytes:
    """The greatest of some texts, the longer being the greater: character by character, going on with the greatest only."""
    length = int(lengths.max())
    places = places[lengths == length]
    text = b""
    for i in range(length):
        letters = block.take(places + i, mode="clip")
        most = letters.max()
        places = places[letters == most]
        text += bytes([most])
    return text


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _mark(found: list[tuple[str, int]], xml: bytes, start: int, places: Ints) -> None:
    """Remember the cells around those places by their reference; what has none is remembered as row 2**20, the last there can be."""
    for place in places[: MARKED_MAX - len(found)].tolist():
        cell_start = xml.rfind(b"<c", 0, start + place)
        ref = _CELL_REF.search(xml, cell_start, start + place + 64) if cell_start >= 0 else None
        found.append(((ref[1] + ref[2]).decode(), int(ref[2])) if ref else ("（位置不明）", 2**20))


def _reach_of_filled(xml: bytes, data_end: int, cells: Ints, facts: SheetFacts) -> None:
    """Take the reach again from the cells that hold something: office programs format whole columns down to row 1,048,576."""
    letters = np.frombuffer(xml, np.uint8, data_end)
    ends = np.flatnonzero(letters == 62)
    closing = ends[np.minimum(np.searchsorted(ends, cells), len(ends) - 1)]
    empty = letters[closing - 1] == 47
    empty |= (letters.take(closing + 1, mode="clip") == 60) & (letters.take(closing + 2, mode="clip") == 47)
    filled = cells[~empty]
    facts.cells = len(filled)
    facts.last_row = facts.last_column = 0
    for i in range(0, len(filled), 2**16):
        chunk = filled[i : i + 2**16]
        base = int(chunk[0])
        regular, row, column = _references(letters[base:], chunk - base)
        facts.regular = facts.regular and regular
        facts.last_row, facts.last_column = max(facts.last_row, row), max(facts.last_column, column)
