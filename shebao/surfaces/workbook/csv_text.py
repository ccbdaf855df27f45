"""CSV files: strict in their encoding. A wrong guess would turn names into other names, so what is not certain is asked for."""

import csv
import io

from shebao.casework.fields import Cell
from shebao.surfaces.workbook.refused import UploadRefused

_SAVE_AS = "请在表格软件里另存为“CSV UTF-8（逗号分隔）”或 .xlsx 后上传"
CELL_LENGTH_MAX = 32_767  # as in a workbook
CJK_FIRST = "\u2e80"


def csv_grid(content: bytes, *, lines_max: int) -> list[list[Cell]]:
    """The cells of a CSV file (comma or tab), every row of the same width.

    Raises: UploadRefused UPL-15, UPL-30 to UPL-33.
    """
    text = _decoded(content)
    head = text[:4096].split("\n")[:10]
    delimiter = "\t" if sum(line.count("\t") for line in head) > sum(line.count(",") for line in head) else ","
    rows: list[list[Cell]] = []
    csv.field_size_limit(CELL_LENGTH_MAX)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            rows.append(list(row))
            if len(rows) > lines_max:
                raise UploadRefused("UPL-15", f"文件超过 {lines_max} 行，请拆成几个文件分别上传")
    except csv.Error:
        raise UploadRefused("UPL-33", f"第 {reader.line_num} 行附近的引号或分隔符不完整，{_SAVE_AS}") from None
    return _even(rows)


def _even(rows: list[list[Cell]]) -> list[list[Cell]]:
    """Rows as wide as the widest. A header may be followed by shorter rows; longer ones show under no header and are refused there."""
    width = max(map(len, rows), default=0)
    for row in rows:
        if len(row) < width:
            row += [""] * (width - len(row))
    return rows


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UploadRefused("UPL-30", f"文件是 UTF-16 编码的文本，{_SAVE_AS}")
    if b"\0" in content:
        raise UploadRefused("UPL-32", f"文件里有空字符（NUL），{_SAVE_AS}")
    if content.startswith(b"\xef\xbb\xbf"):
        return _strictly(content[3:], "utf-8", "UPL-31", f"文件开头标明是 UTF-8，后面却混有其他编码，{_SAVE_AS}")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if (number := _line_of_other_encoding(content)) is not None:
        raise UploadRefused("UPL-31", f"文件混用了两种文字编码（见第 {number} 行），{_SAVE_AS}")
    return _strictly(content, "gb18030", "UPL-30", f"无法识别文件的文字编码，{_SAVE_AS}")


def _line_of_other_encoding(content: bytes) -> int | None:
    """In a file that is not UTF-8 as a whole: the first line that differs from the first Chinese one in being UTF-8."""
    first = None
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.isascii():
            is_utf_8 = _is_chinese_utf_8(line)
            first = is_utf_8 if first is None else first
            if is_utf_8 != first:
                return number
    return None


def _strictly(content: bytes, encoding: str, code: str, text: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise UploadRefused(code, text) from None


def _is_chinese_utf_8(line: bytes) -> bool:
    """Whether a line reads as Chinese in UTF-8; a line of GB18030 does not by chance."""
    try:
        return any(character >= CJK_FIRST for character in line.decode("utf-8"))
    except UnicodeDecodeError:
        return False
