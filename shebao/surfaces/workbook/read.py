"""An uploaded file, read: what kind of file it is, whether it is safe, whether it is our template, and then its rows.

Order of work, cheapest refusal first: name and size → signature → zip directory (0.2 ms) → the parts that are needed, unpacked to
their true size → a scan of the sheet → parsing → mark, header, rows. An .xlsx in the usual form is parsed in this process, because
after the scan its memory is bounded; everything else is parsed in a process with limits (confined.py).
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import python_calamine

from shebao.casework.fields import Cell, Field
from shebao.casework.intake_columns import without_collection
from shebao.surfaces.workbook import sheet_scan, xls_scan
from shebao.surfaces.workbook.confinement import read_confined
from shebao.surfaces.workbook.csv_text import csv_grid
from shebao.surfaces.workbook.grid import HEADER_ROWS_MAX, Row, check_mark, find_header, order_warning, take_rows
from shebao.surfaces.workbook.package import Package, stored
from shebao.surfaces.workbook.parts import book_parts, mark_in_properties
from shebao.surfaces.workbook.refused import DAMAGED, UploadRefused
from shebao.surfaces.workbook.sheet import (
    DICTIONARY_SHEET,
    NOTES_SHEET,
    ROWS_MAX,
    UNPACKED_MAX_BYTES,
    Sheet,
    TemplateMark,
    columns_of,
    expanded_labels,
)
from shebao.surfaces.workbook.template import HEADER_ROW

CONTENT_MAX_BYTES = 20 * 2**20
CONTENT_BYTES_A_ROW = 600  # a file for more than ROWS_MAX rows may be larger
UNPACKED_BYTES_A_ROW = 2048
SPARE_COLUMNS = 16  # beyond the template's, before a stray cell is refused without parsing
TEXT_MAX_BYTES = 256 * 2**20  # what repeated shared strings may grow to in this process
NAMED_MAX = 5

_TOO_MANY_NAMED = "等"


@dataclass(slots=True)
class _Raw:
    """A first sheet, parsed but not yet understood."""

    rows: list[Row]
    mark: TemplateMark | None = None
    mark_needed: bool = True
    merged: list[tuple[str, int]] = field(default_factory=list)
    formulas: list[tuple[str, int]] = field(default_factory=list)
    errors: list[tuple[str, int]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)


def read_upload(
    content: bytes,
    filename: str,
    mark: TemplateMark,
    fields: Sequence[Field],
    *,
    rows_max: int = ROWS_MAX,
    unpacked_max_bytes: int | None = None,
    lines_seen: Callable[[int], None] | None = None,
) -> Sheet:
    """Read an uploaded .xlsx, .xls or .csv made from the template of an item.

    Args:  filename: as the browser gave it; only its extension is looked at.  rows_max: data rows accepted.
           unpacked_max_bytes: size of an .xlsx when unpacked; by default 64 MiB, and more where rows_max asks for it.
           lines_seen: is told how many data rows an .xlsx reaches to (empty ones among them), before the long parsing begins.
    Returns: the raw cells by column; nothing is cleaned here.
    Raises: UploadRefused with a sentence that says what to do.
    """
    asked = [each for each in fields if each.batch]
    with without_collection():
        return _read(content, filename, mark, asked, rows_max, unpacked_max_bytes, lines_seen or _nobody_waits)


def _nobody_waits(lines: int) -> None:
    """Nobody wants to know how many lines there are."""


def _read(
    content: bytes,
    filename: str,
    mark: TemplateMark,
    fields: Sequence[Field],
    rows_max: int,
    unpacked_max_bytes: int | None,
    lines_seen: Callable[[int], None],
) -> Sheet:
    kind = _kind(content, filename, max(CONTENT_MAX_BYTES, rows_max * CONTENT_BYTES_A_ROW))
    lines_max = rows_max + HEADER_ROWS_MAX
    if kind == "xlsx":
        unpacked_max = unpacked_max_bytes or max(UNPACKED_MAX_BYTES, rows_max * UNPACKED_BYTES_A_ROW)
        raw = _read_xlsx(content, Package(content, unpacked_max), fields, lines_max, lines_seen)
    elif kind == "xls":
        raw = _read_xls(content)
    else:
        raw = _Raw(csv_grid(content, lines_max=2 * lines_max), mark_needed=False)
    check_mark(raw.rows, mark, raw.mark, needed=raw.mark_needed)
    header = find_header(raw.rows, fields)
    _check_marked(raw, header.row + 1)
    sheet = take_rows(raw.rows, header, fields, rows_max)
    sheet.warnings = raw.warnings + order_warning(header, fields) + _hidden_row_warning(raw, header.row + 1)
    sheet.sha256 = hashlib.sha256(content).digest()
    return sheet


def _kind(content: bytes, filename: str, content_max_bytes: int) -> str:
    """By extension, confirmed by signature. Raises: UploadRefused UPL-01 to UPL-04."""
    extension = filename.rsplit(".", 1)[-1].lower() if "." in filename else ""
    if extension == "xlsm":
        raise UploadRefused("UPL-09", "启用宏的 .xlsm 文件不能上传，请另存为不含宏的 .xlsx")
    if extension not in ("xlsx", "xls", "csv"):
        raise UploadRefused("UPL-01", "只能上传 .xlsx、.xls 或 .csv 文件，请用下载的模板填写后上传")
    if not content:
        raise UploadRefused("UPL-02", "文件是空的，请确认已保存数据后重新上传")
    if len(content) > content_max_bytes:
        raise UploadRefused("UPL-03", f"文件超过 {content_max_bytes // 2**20} 兆，请拆成几个文件后上传")
    found = _signature(content)
    if found == extension:
        return extension
    actual = {"xlsx": "新版表格（.xlsx）", "xls": "旧版表格（.xls）", "html": "网页", "csv": "文本"}[found]
    raise UploadRefused("UPL-04", f"文件扩展名是 .{extension}，内容却是{actual}，请用表格软件打开后另存为 .xlsx 再上传")


def _signature(content: bytes) -> str:
    if content.startswith(b"PK"):
        return "xlsx"
    if content.startswith(xls_scan.SIGNATURE):
        if xls_scan.has_entry(content, "EncryptedPackage"):
            raise UploadRefused("UPL-12", "文件设有密码，请先在表格软件里取消密码再上传")
        return "xls"
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"<meta", b"<head", b"<style")):
        return "html"
    return "csv"


def _read_xlsx(content: bytes, package: Package, fields: Sequence[Field], lines_max: int, lines_seen: Callable[[int], None]) -> _Raw:
    parts = book_parts(package)
    if any(name.endswith(".bin") and "vba" in name for name in package.names()):
        raise UploadRefused("UPL-09", "文件带有宏，请另存为不含宏的 .xlsx 后上传")
    if parts.epoch_1904:
        raise UploadRefused("UPL-20", "工作簿使用 1904 日期系统，日期会相差四年，请把数据只粘贴值到重新下载的模板后上传")
    columns_max = len(columns_of(fields)) + len(expanded_labels(fields)) + SPARE_COLUMNS
    xml = package.read(parts.sheet)
    facts = sheet_scan.scan(xml, rows_max=lines_max, columns_max=columns_max)
    _check_reach(facts, lines_max, columns_max)
    if facts.regular and facts.last_row > HEADER_ROW:
        lines_seen(facts.last_row - HEADER_ROW)
    strings = package.read(parts.strings) if parts.strings and package.has(parts.strings) else b""
    styles = package.read(parts.styles) if parts.styles and package.has(parts.styles) else b""
    bounded = facts.regular and facts.text_cells * _longest_string(strings) <= TEXT_MAX_BYTES
    packed = io.BytesIO(stored(_lean_parts(xml, strings, styles)))
    del xml, strings, styles
    rows = _parsed(packed) if bounded else read_confined(packed.getvalue()).grid
    return _Raw(
        rows,
        mark_in_properties(package),
        True,
        facts.merged,
        facts.formulas,
        facts.errors,
        _sheet_warnings(parts.sheet_name, parts.first_hidden, parts.other_sheets),
        facts.hidden_rows,
    )


def _check_reach(facts: sheet_scan.SheetFacts, lines_max: int, columns_max: int) -> None:
    """Refuse before the parser allocates the rectangle."""
    if not facts.regular:
        return
    if facts.last_row > lines_max and facts.cells > facts.last_row // 2:
        raise UploadRefused(
            "UPL-15", f"数据到第 {facts.last_row} 行，一次最多上传 {lines_max - HEADER_ROWS_MAX} 行，请拆成几个文件分别上传"
        )
    if facts.last_row > lines_max or facts.last_column > columns_max:
        raise UploadRefused("UPL-16", f"表格之外还有零散内容（最远到 {facts.last_cell}），请删除多余的行和列，或把数据粘贴到重新下载的模板")


def _longest_string(strings: bytes) -> int:
    """Bytes of the longest shared string: every cell that refers to it gets a copy."""
    letters = np.frombuffer(strings, np.uint8)
    starts = np.flatnonzero((letters[:-2] == 60) & (letters[1:-1] == 115) & (letters[2:] == 105))  # <si
    return int(np.diff(starts, prepend=0, append=len(strings)).max())


_BOOK = b"""<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" \
xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">\
<sheets><sheet name="1" sheetId="1" r:id="rId1"/></sheets></workbook>"""
_KINDS = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_PACKAGE = b"http://schemas.openxmlformats.org/package/2006/relationships"


def _relations(*targets: tuple[bytes, bytes]) -> bytes:
    links = b"".join(
        b'<Relationship Id="rId%d" Type="%s%s" Target="%s"/>' % (i, _KINDS, kind, target) for i, (kind, target) in enumerate(targets, 1)
    )
    return b'<Relationships xmlns="%s">%s</Relationships>' % (_PACKAGE, links)


def _lean_parts(xml: bytes, strings: bytes, styles: bytes) -> dict[str, bytes]:
    """A workbook of one sheet for the parser, made of checked parts only."""
    parts = {
        "_rels/.rels": _relations((b"officeDocument", b"xl/workbook.xml")),
        "xl/workbook.xml": _BOOK,
        "xl/_rels/workbook.xml.rels": _relations(
            (b"worksheet", b"worksheets/sheet1.xml"), (b"styles", b"styles.xml"), (b"sharedStrings", b"sharedStrings.xml")
        ),
        "xl/worksheets/sheet1.xml": xml,
    }
    return parts | ({"xl/styles.xml": styles} if styles else {}) | ({"xl/sharedStrings.xml": strings} if strings else {})


def _parsed(packed: io.BytesIO) -> list[Row]:
    """Parse in this process; packed is used up. Raises: UploadRefused UPL-05, UPL-14."""
    try:
        sheet = python_calamine.CalamineWorkbook.from_filelike(packed).get_sheet_by_index(0)
        packed.close()  # frees what the parser has copied
        rows: list[list[Cell]] = sheet.to_python(skip_empty_area=False)  # type: ignore[assignment]  # lists are invariant
        return rows
    except python_calamine.CalamineError as error:
        if "shared strings" in str(error):
            raise UploadRefused("UPL-14", "有单元格引用了不存在的文字，文件已损坏，请在表格软件里打开并另存为 .xlsx 后上传") from None
        raise UploadRefused("UPL-05", DAMAGED) from None
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # the parser's own fault, met in Rust
            raise UploadRefused("UPL-05", DAMAGED) from None
        raise


def _read_xls(content: bytes) -> _Raw:
    facts = xls_scan.scan(content)
    found = read_confined(content)
    others = [(name, name in found.hidden) for name in found.names[1:]]
    hidden_first = bool(found.names) and found.names[0] in found.hidden
    return _Raw(
        found.grid,
        None,
        True,
        [(xls_scan.range_text(first, last), last[0] + 1) for first, last in found.merged],
        facts.formulas,
        facts.errors,
        _sheet_warnings(found.names[0] if found.names else "", hidden_first, others),
    )


def _sheet_warnings(name: str, first_hidden: bool, others: Sequence[tuple[str, bool]]) -> list[str]:
    if first_hidden:
        raise UploadRefused("UPL-27", f"第一个工作表“{name}”是隐藏的，请取消隐藏并确认数据后上传")
    unread = [f"{other}{'（隐藏）' if hidden else ''}" for other, hidden in others if other not in (NOTES_SHEET, DICTIONARY_SHEET)]
    if not unread:
        return []
    named = "、".join(unread[:NAMED_MAX]) + (_TOO_MANY_NAMED if len(unread) > NAMED_MAX else "")
    return [f"只读取了第一个工作表“{name}”，没有读取：{named}"]


def _check_marked(raw: _Raw, header_row: int) -> None:
    """Refuse formulas, error values and merged cells below the header. Raises: UploadRefused UPL-17 to UPL-19."""
    for code, found, text in (
        ("UPL-17", raw.formulas, "{}是公式，请选中后复制、选择性粘贴为数值再上传"),
        ("UPL-19", raw.errors, "{}是错误值（如 #N/A），请改成正确的内容后上传"),
        ("UPL-18", raw.merged, "数据区有合并单元格（{}），请取消合并，每人一行填写后上传"),
    ):
        below = [ref for ref, row in found if row > header_row]
        if below:
            raise UploadRefused(code, text.format("、".join(below[:NAMED_MAX]) + (_TOO_MANY_NAMED if len(below) > NAMED_MAX else "")))


def _hidden_row_warning(raw: _Raw, header_row: int) -> list[str]:
    rows = [row for row in raw.hidden_rows if row > header_row]
    if not rows:
        return []
    named = "、".join(map(str, rows[:NAMED_MAX])) + (_TOO_MANY_NAMED if len(rows) > NAMED_MAX else "")
    return [f"有 {len(rows)} 行是隐藏的（第 {named} 行），也已读取；不需要的请删除后重新上传"]
