"""Lists for people to take away: .xlsx and .csv, in which nothing that anyone typed can act as a formula."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import IO

from shebao.base import money
from shebao.casework.fields import Cell
from shebao.surfaces.workbook.row_xml import cell_text, with_rows
from shebao.surfaces.workbook.template import GREY, LINE

ROWS_MAX = 1_000_000  # below Excel's 1,048,576
TITLE_ROWS = 2  # title and header
SHEET_NAME_MAX = 31
# OWASP: a CSV cell that starts so is a formula to a spreadsheet; East Asian versions take the full-width signs too.
_ACTING = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class ExportKind(str, Enum):
    """How a column is shown: text as it is, money from int fen, number from int."""

    TEXT = "text"
    MONEY = "money"
    NUMBER = "number"


class ExportTooLong(ValueError):
    """More rows than a sheet can hold. Our own callers page before that."""


def export_workbook(
    title: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    kinds: Sequence[ExportKind] = (),
    widths: Sequence[int] = (),
) -> bytes:
    """A list as .xlsx, whole in memory: for short lists. See export_file."""
    return with_rows(_skeleton(title, headers, kinds, widths), TITLE_ROWS + 1, _typed(rows, _of(kinds, headers)))


def export_file(
    title: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    kinds: Sequence[ExportKind] = (),
    widths: Sequence[int] = (),
) -> IO[bytes]:
    """A list as .xlsx in a file without a name, to be sent from its beginning: neither rows nor file are ever whole in memory.

    Args:  rows: each of len(headers) cells; MONEY cells are int fen.  kinds: one a column, TEXT when not given.  widths: characters.
    Raises: ExportTooLong beyond ROWS_MAX rows.
    """
    target = tempfile.TemporaryFile()  # noqa: SIM115 the answer that sends it closes it
    with_rows(_skeleton(title, headers, kinds, widths), TITLE_ROWS + 1, _typed(rows, _of(kinds, headers)), target)
    target.seek(0)
    return target


def _of(kinds: Sequence[ExportKind], headers: Sequence[str]) -> list[ExportKind]:
    return list(kinds) or [ExportKind.TEXT] * len(headers)


def _skeleton(title: str, headers: Sequence[str], given: Sequence[ExportKind], widths: Sequence[int]) -> bytes:
    """The workbook without its rows, with their pattern."""
    kinds = _of(given, headers)
    import xlsxwriter  # see template.py

    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": title})
    sheet = book.add_worksheet("".join(character for character in title if character not in "[]:*?/\\'")[:SHEET_NAME_MAX] or "列表")
    head = book.add_format({"bold": True, "border": 1, "border_color": LINE, "bg_color": GREY, "text_wrap": True})
    shapes = {
        ExportKind.TEXT: book.add_format({"num_format": "@"}),
        ExportKind.MONEY: book.add_format({"num_format": "#,##0.00"}),
        ExportKind.NUMBER: book.add_format({"num_format": "0"}),
    }
    sheet.write_string(0, 0, title, book.add_format({"bold": True, "font_size": 14}))
    for place, header in enumerate(headers):
        sheet.write_string(TITLE_ROWS - 1, place, header, head)
        sheet.set_column(place, place, widths[place] if widths else 16, shapes[kinds[place]])
        sheet.write_blank(TITLE_ROWS, place, None, shapes[kinds[place]])
    sheet.freeze_panes(TITLE_ROWS, 0)
    book.close()
    return target.getvalue()


def _typed(rows: Iterable[Sequence[Cell]], kinds: Sequence[ExportKind]) -> Iterator[Sequence[Cell]]:
    plain = all(kind is ExportKind.TEXT for kind in kinds)
    for count, row in enumerate(rows):
        if count >= ROWS_MAX:
            raise ExportTooLong(f"more than {ROWS_MAX} rows")
        yield [cell_text(cell) for cell in row] if plain else [_shown(cell, kind) for cell, kind in zip(row, kinds, strict=True)]


def _shown(cell: Cell, kind: ExportKind) -> Cell:
    if kind is ExportKind.MONEY and isinstance(cell, int):
        return float(money.yuan(cell))  # a cell of a sheet is a number; below 10**13 fen every fen is told apart
    return cell if kind is ExportKind.NUMBER else cell_text(cell)


def export_csv(headers: Sequence[str], rows: Iterable[Sequence[Cell]], *, kinds: Sequence[ExportKind] = ()) -> bytes:
    """A list as CSV: UTF-8 with a byte-order mark, amounts in yuan with two decimals; text that would act as a formula starts with '."""
    kinds = _of(kinds, headers)
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow([harmless(header) for header in headers])
    for row in rows:
        writer.writerow([_csv_text(cell, kind) for cell, kind in zip(row, kinds, strict=True)])
    return b"\xef\xbb\xbf" + target.getvalue().encode()


def _csv_text(cell: Cell, kind: ExportKind) -> str:
    if kind is ExportKind.MONEY and isinstance(cell, int):
        return money.yuan(cell)
    return cell_text(cell) if kind is ExportKind.NUMBER and isinstance(cell, int) else harmless(cell_text(cell))


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula when it opens a CSV file."""
    return f"'{text}" if text.startswith(_ACTING) else text
