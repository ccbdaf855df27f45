"""A look over an old .xls (BIFF8 in a compound file) before it is parsed: macros, passwords, and the formulas of the first sheet.

Sources: [MS-CFB] (compound file), [MS-XLS] (records). Only what is needed to refuse; the parsing itself is done in confinement.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from shebao.surfaces.workbook.refused import DAMAGED, UploadRefused
from shebao.surfaces.workbook.sheet import column_letter

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MARKED_MAX = 1000
RECORDS_MAX = 5_000_000

_BOF, _EOF, _BOUNDSHEET, _FILEPASS, _EPOCH = 0x0809, 0x000A, 0x0085, 0x002F, 0x0022
_FORMULA, _BOOLERR = 0x0006, 0x0205
_NO_SECTOR = 0xFFFFFFFA  # from here on, markers instead of sector numbers


@dataclass(slots=True)
class XlsFacts:
    """Cells of the first sheet that would be read as something else than they are: name and row (from 1)."""

    formulas: list[tuple[str, int]] = field(default_factory=list)
    errors: list[tuple[str, int]] = field(default_factory=list)


def range_text(first: tuple[int, int], last: tuple[int, int]) -> str:
    """A range, counted from 0, as people write it: ((2, 0), (3, 1)) -> 'A3:B4'."""
    return f"{column_letter(first[1])}{first[0] + 1}:{column_letter(last[1])}{last[0] + 1}"


def has_entry(content: bytes, name: str) -> bool:
    """Whether a compound file has a stream or folder of that name. Searched as bytes: directories have a fixed form."""
    return name.encode("utf-16-le") + b"\0\0" in content


def scan(content: bytes) -> XlsFacts:
    """Judge an .xls.

    Raises: UploadRefused UPL-05, UPL-09, UPL-12, UPL-20, UPL-28.
    """
    if has_entry(content, "_VBA_PROJECT_CUR") or has_entry(content, "_VBA_PROJECT"):
        raise UploadRefused("UPL-09", "文件带有宏，请另存为不含宏的 .xlsx 后上传")
    try:
        stream = _stream(content, ("Workbook", "Book"))
        if stream is None:
            raise UploadRefused("UPL-28", "这个文件不是 .xls 表格，请用下载的模板填写，保存为 .xlsx 后上传")
        return _facts(stream)
    except (struct.error, IndexError):
        raise UploadRefused("UPL-05", DAMAGED) from None


def _facts(stream: bytes) -> XlsFacts:
    facts = XlsFacts()
    sheet_start = None
    for kind, body in _records(stream, 0):
        if kind == _FILEPASS:
            raise UploadRefused("UPL-12", "文件设有密码，请先在表格软件里取消密码再上传")
        if kind == _EPOCH and body[:2] == b"\x01\x00":
            raise UploadRefused("UPL-20", "工作簿使用 1904 日期系统，日期会相差四年，请把数据只粘贴值到重新下载的模板后上传")
        if kind == _BOUNDSHEET and sheet_start is None:
            sheet_start = struct.unpack_from("<L", body)[0]
    if sheet_start is None:
        raise UploadRefused("UPL-05", DAMAGED)
    for kind, body in _records(stream, sheet_start):
        if kind in (_FORMULA, _BOOLERR):
            row, column = struct.unpack_from("<HH", body)
            found = facts.formulas if kind == _FORMULA else facts.errors
            if len(found) < MARKED_MAX and (kind == _FORMULA or body[7] == 1):
                found.append((f"{column_letter(column)}{row + 1}", row + 1))
    return facts


def _records(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The records of one substream, from its BOF to its EOF."""
    depth = 0
    for _ in range(RECORDS_MAX):
        kind, length = struct.unpack_from("<HH", stream, start)
        yield kind, stream[start + 4 : start + 4 + length]
        start += 4 + length
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 0:
            return
    raise UploadRefused("UPL-05", DAMAGED)


def _stream(content: bytes, names: tuple[str, ...]) -> bytes | None:
    """The first stream of one of those names in a compound file."""
    size = 1 << struct.unpack_from("<H", content, 0x1E)[0]
    directory_start, _, cutoff, mini_start = struct.unpack_from("<4L", content, 0x30)
    if size not in (512, 4096):
        raise UploadRefused("UPL-05", DAMAGED)
    heads = [sector for sector in struct.unpack_from("<109L", content, 0x4C) if sector < _NO_SECTOR]
    sector, per_sector = struct.unpack_from("<L", content, 0x44)[0], size // 4 - 1
    while sector < _NO_SECTOR and len(heads) * size < len(content):
        entries = struct.unpack_from(f"<{per_sector + 1}L", content, (sector + 1) * size)
        heads += [entry for entry in entries[:-1] if entry < _NO_SECTOR]
        sector = entries[-1]
    table = b"".join(content[(head + 1) * size : (head + 2) * size] for head in heads)
    fat = struct.unpack(f"<{len(table) // 4}L", table)

    def chain(sector: int, links: tuple[int, ...]) -> Iterator[int]:
        for _ in range(len(links)):
            if sector >= _NO_SECTOR:
                return
            yield sector
            sector = links[sector]

    def whole(sector: int) -> bytes:
        return b"".join(content[(each + 1) * size : (each + 2) * size] for each in chain(sector, fat))

    directory = whole(directory_start)
    root = directory[:128]
    for place in range(0, len(directory), 128):
        entry = directory[place : place + 128]
        name = entry[: max(struct.unpack_from("<H", entry, 0x40)[0] - 2, 0)].decode("utf-16-le", "replace")
        if name in names:
            start, length = struct.unpack_from("<LL", entry, 0x74)
            if length >= cutoff:
                return whole(start)[:length]
            mini_table = whole(mini_start)
            links = struct.unpack(f"<{len(mini_table) // 4}L", mini_table)
            mini = whole(struct.unpack_from("<L", root, 0x74)[0])
            return b"".join(mini[each * 64 : each * 64 + 64] for each in chain(start, links))[:length]
    return None
