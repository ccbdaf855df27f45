"""Makers of uploads, good and bad: each gives the bytes of one file. Nothing here is a test; hostile files are made, never stored."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from xml.sax.saxutils import escape

import xlsxwriter

from shebao.base.identifiers import make_id_number
from shebao.casework import fields as f
from shebao.surfaces.workbook import TemplateMark
from shebao.surfaces.workbook.sheet import column_letter, columns_of

MARK = TemplateMark("demo.roster", 3)
FIELDS = (
    f.id_number(),
    f.name(),
    f.choice("ethnicity", "民族", [("01", "汉族"), ("08", "土家族")]),
    f.money_amount("declared_wage", "申报工资"),
    f.month("first_month", "参保起始年月"),
    f.day("work_date", "参加工作日期", required=False),
    f.many("insurances", "参保险种", [("pension", "养老"), ("unemployment", "失业"), ("injury", "工伤")]),
    f.mobile(required=False),
    f.text("note", "备注", required=False),
)
HEADERS = tuple(column.header for column in columns_of(FIELDS))
Cell = str | float | None

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def number(i: int) -> str:
    """A valid, unissued 公民身份号码."""
    return make_id_number("420199", date(1980 + i // 1000 % 20, 1 + i % 12, 1 + i % 28), i % 1000)


def good_row(i: int = 1) -> list[Cell]:
    """One right row, in the order of HEADERS."""
    return [number(i), "张敏", "汉族", 8000.5, "202612", "2020-01-05", "是", "否", "是", "13800000000", ""]


def xlsx(
    rows: Sequence[Sequence[Cell]] | None = None,
    *,
    mark: str = MARK.text,
    headers: Sequence[str] = HEADERS,
    sheets: Sequence[tuple[str, str]] = (("名册", ""),),
    cells: str | None = None,
    before: str = "",
    after: str = "",
    prolog: str = "",
    workbook_properties: str = "",
    parts: Mapping[str, bytes] | None = None,
    relations: str = "",
    row_attributes: Mapping[int, str] | None = None,
) -> bytes:
    """A small .xlsx by hand, so that every part of it can be bent.

    Args:  cells: XML of the whole sheetData instead of rows.  before, after: XML around sheetData.  sheets: names and states.
    """
    table: list[Sequence[Cell]] = [["说明"], [mark], headers, *(rows if rows is not None else [good_row()])]
    data = cells if cells is not None else rows_xml(table, row_attributes or {})
    sheet = f'<?xml version="1.0"?>{prolog}<worksheet xmlns="{_MAIN}">{before}<sheetData>{data}</sheetData>{after}</worksheet>'
    listed = "".join(
        f'<sheet name="{name}" sheetId="{i}" {state} r:id="rId{1 if i == 1 else 9}"/>' for i, (name, state) in enumerate(sheets, 1)
    )
    made = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": _rels(f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">{workbook_properties}<sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _rels(
            f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/>'
            f'<Relationship Id="rId3" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>{relations}'
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": sheet,
    }
    return zipped({name: text.encode() for name, text in made.items()} | dict(parts or {}))


def _rels(links: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def rows_xml(table: Sequence[Sequence[Cell]], attributes: Mapping[int, str] = {}) -> str:  # read only
    """sheetData of inline texts and numbers."""
    return "".join(
        f'<row r="{r}" {attributes.get(r, "")}>{"".join(cell_xml(f"{column_letter(c)}{r}", cell) for c, cell in enumerate(row))}</row>'
        for r, row in enumerate(table, 1)
    )


def cell_xml(ref: str, cell: Cell) -> str:
    """One cell."""
    if cell is None or cell == "":
        return ""
    if isinstance(cell, float):
        return f'<c r="{ref}"><v>{cell!r}</v></c>'
    return f'<c r="{ref}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'


def zipped(parts: Mapping[str, bytes]) -> bytes:
    """Parts as a zip file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return target.getvalue()


def with_cells(extra: str) -> bytes:
    """A right table of one row, and more cells behind it."""
    return xlsx(cells=rows_xml([["说明"], [MARK.text], HEADERS, good_row()]) + extra)


def row_bomb() -> bytes:
    """300 MB of rows in half a megabyte."""
    return xlsx(cells='<row r="4"><c r="A4"><v>1</v></c></row>' * 7_000_000)


def string_bomb() -> bytes:
    """One cell with 200 MB of text."""
    return xlsx([["甲" * 70_000_000]])


def amplified_strings() -> bytes:
    """Small when unpacked: 20,000 cells that all refer to one text of 100 kB, 2 GB once copied."""
    cells = "".join(f'<row r="{r}"><c r="A{r}" t="s"><v>0</v></c></row>' for r in range(4, 20_004))
    strings = f'<sst xmlns="{_MAIN}"><si><t>{"a" * 100_000}</t></si></sst>'
    return xlsx(cells=cells, parts={"xl/sharedStrings.xml": strings.encode()})


def lying_size() -> bytes:
    """The directory says 1000 bytes for a sheet of more."""
    good = xlsx([good_row(i) for i in range(100)])
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    return good.replace(struct.pack("<LL", info.compress_size, info.file_size), struct.pack("<LL", info.compress_size, 1000))


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


def encrypted_entries() -> bytes:
    """A zip whose entries carry the flag for a password."""
    content = bytearray(xlsx())
    at = 0
    while (at := content.find(b"PK\x01\x02", at)) >= 0:
        content[at + 8] |= 1
        at += 4
    return bytes(content)


def saved_by_library(rows: Sequence[Sequence[Cell]]) -> bytes:
    """The same table as XlsxWriter saves it: shared strings, styles, theme."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet("名册")
    for r, row in enumerate([["说明"], [MARK.text], HEADERS, *rows]):
        for c, cell in enumerate(row):
            sheet.write(r, c, cell)
    book.close()
    return target.getvalue()


# Old .xls: a compound file with one stream of BIFF8 records, large enough not to be a "mini" stream.
SECTOR = 512


def compound(entries: Mapping[str, bytes]) -> bytes:
    """A compound file ([MS-CFB], version 3) of streams, each padded to at least 4096 bytes."""
    bodies = {name: data.ljust(max(4096, -(-len(data) // SECTOR) * SECTOR), b"\0") for name, data in entries.items()}
    directory_sectors = -(-(len(bodies) + 1) // 4)
    data_sectors = sum(len(body) // SECTOR for body in bodies.values())
    fat_sectors = -(-(data_sectors + directory_sectors + 8) // 127)
    fat = [0xFFFFFFFD] * fat_sectors
    directory = [_entry("Root Entry", 5, 0xFFFFFFFE, 0, 1 if bodies else 0xFFFFFFFF)]
    start = fat_sectors + directory_sectors
    fat += [fat_sectors + i + 1 for i in range(directory_sectors - 1)] + [0xFFFFFFFE]
    for i, (name, body) in enumerate(bodies.items(), 1):
        count = len(body) // SECTOR
        directory.append(_entry(name, 2, start, len(body), 0xFFFFFFFF, i + 1 if i < len(bodies) else 0xFFFFFFFF))
        fat += [start + k + 1 for k in range(count - 1)] + [0xFFFFFFFE]
        start += count
    fat += [0xFFFFFFFF] * (fat_sectors * 128 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    header += struct.pack("<LLLLLLLL", fat_sectors, fat_sectors, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109L", *range(fat_sectors), *[0xFFFFFFFF] * (109 - fat_sectors))
    index = b"".join(directory).ljust(directory_sectors * SECTOR, b"\0")
    return header + struct.pack(f"<{len(fat)}L", *fat) + index + b"".join(bodies.values())


def _entry(name: str, kind: int, start: int, size: int, child: int, right: int = 0xFFFFFFFF) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<BBLLL", kind, 1, 0xFFFFFFFF, right, child)
    return encoded.ljust(64, b"\0") + struct.pack("<H", len(encoded)) + links + bytes(36) + struct.pack("<LQ", start, size)


def record(kind: int, body: bytes) -> bytes:
    """One BIFF record."""
    return struct.pack("<HH", kind, len(body)) + body


def xls(
    rows: Sequence[Sequence[Cell]] | None = None, *, extra: bytes = b"", globals_extra: bytes = b"", more: Mapping[str, bytes] = {}
) -> bytes:
    """An .xls. extra: records in the sheet.  globals_extra: records before the list of sheets.  more: other streams."""
    table: list[Sequence[Cell]] = [["说明"], [MARK.text], HEADERS, *(rows if rows is not None else [good_row()])]
    sheet = record(0x0809, struct.pack("<HHHHLL", 0x0600, 0x0010, 0, 0, 0, 0))
    sheet += record(0x0200, struct.pack("<LLHHH", 0, len(table), 0, len(HEADERS), 0))
    for r, row in enumerate(table):
        for c, cell in enumerate(row):
            if isinstance(cell, float):
                sheet += record(0x0203, struct.pack("<HHHd", r, c, 0, cell))
            elif cell:
                sheet += record(0x0204, struct.pack("<HHHHB", r, c, 0, len(cell), 1) + cell.encode("utf-16-le"))
    sheet += extra + record(0x000A, b"")
    begin = record(0x0809, struct.pack("<HHHHLL", 0x0600, 0x0005, 0, 0, 0, 0)) + record(0x0042, struct.pack("<H", 1200)) + globals_extra
    name = "名册"
    length = len(begin) + 4 + 8 + 2 * len(name) + 4
    begin += record(0x0085, struct.pack("<LBBBB", length, 0, 0, len(name), 1) + name.encode("utf-16-le")) + record(0x000A, b"")
    return compound({"Workbook": begin + sheet} | dict(more))


def xls_formula(row: int, column: int) -> bytes:
    """A FORMULA record with the cached value 1."""
    return record(0x0006, struct.pack("<HHHdHLH", row, column, 0, 1.0, 0, 0, 3) + b"\x1e\x01\x00")


def xls_merged(first_row: int, last_row: int) -> bytes:
    """A MERGEDCELLS record over the first column."""
    return record(0x00E5, struct.pack("<HHHHH", 1, first_row, last_row, 0, 0))


def csv(rows: Sequence[Sequence[Cell]] | None = None, encoding: str = "utf-8-sig", delimiter: str = ",") -> bytes:
    """A CSV as spreadsheets save the template."""
    table: list[Sequence[Cell]] = [HEADERS, *(rows if rows is not None else [good_row()])]
    lines = [delimiter.join("" if cell is None else str(cell) for cell in row) for row in table]
    return ("\r\n".join(lines) + "\r\n").encode(encoding)
