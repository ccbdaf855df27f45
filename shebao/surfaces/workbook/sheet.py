"""What a workbook of an item looks like, and what reading one yields. Template, reader and error list share this."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shebao.casework.fields import Cell, Field, Kind

ROWS_MAX = 50_000  # data rows of one upload, unless the item says otherwise
UNPACKED_MAX_BYTES = 64 * 2**20
MANY_COLUMNS_MAX = 8  # more choices than this share one column of text

NOTES_SHEET = "填写说明"
DICTIONARY_SHEET = "字典"
REASON_LABEL = "错误原因"  # written into the error list, ignored when it is uploaded again
ORIGINAL_ROW_LABEL = "原行号"  # the same
YES, NO = "是", "否"
_YES_TEXTS = frozenset({YES, "√", "✓", "✔"})
_NO_TEXTS = frozenset({NO, "", "×", "✗"})

_MARK = re.compile(r"模板编号\s*[:：]\s*(?P<item>[A-Za-z0-9_.\-]{1,80})\s*[,，;；]?\s*第\s*(?P<version>[0-9]{1,6})\s*版")


@dataclass(frozen=True, slots=True)
class TemplateMark:
    """Which template a workbook was made from."""

    item_code: str
    version: int

    @property
    def text(self) -> str:
        """The visible mark: office programs drop custom properties, people do not drop a cell."""
        return f"模板编号：{self.item_code}　第 {self.version} 版"


def mark_in(text: str) -> TemplateMark | None:
    """The mark that a cell shows, if it shows one."""
    match = _MARK.search(text)
    return TemplateMark(match["item"], int(match["version"])) if match else None


@dataclass(slots=True)
class Sheet:
    """The data rows of an upload, by column.

    columns: by field name, each of n raw cells as the file holds them (None or '' where empty); a MANY field's cell is a list of
             choice labels, in which 'label=text' stands for a column that held neither 是 nor 否.
    row_numbers: shape (n,), the rows as the spreadsheet counts them.  warnings: sentences for the user.  sha256: of the file.
    """

    columns: dict[str, list[Cell]]
    row_numbers: list[int]
    warnings: list[str] = field(default_factory=list)
    sha256: bytes = b""

    def __len__(self) -> int:
        return len(self.row_numbers)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a template: a field, or one choice of a MANY field (是/否)."""

    field: Field
    choice_label: str = ""

    @property
    def label(self) -> str:
        """The header as it is compared: without star and unit."""
        return f"{self.field.label}：{self.choice_label}" if self.choice_label else self.field.label

    @property
    def header(self) -> str:
        """The header as it is written: 申报工资（元）*."""
        unit = "（元）" if self.field.kind is Kind.MONEY else ""
        return f"{self.label}{unit}{'*' if self.field.required else ''}"


def columns_of(fields: Sequence[Field], *, folded: frozenset[str] = frozenset()) -> list[Column]:
    """The columns of a template in order. A MANY field with few choices has one 是/否 column a choice, unless named in folded."""
    columns: list[Column] = []
    for each in fields:
        if not each.batch:
            continue
        if each.kind is Kind.MANY and len(each.choices) <= MANY_COLUMNS_MAX and each.name not in folded:
            columns += [Column(each, label) for _, label in each.choices]
        else:
            columns.append(Column(each))
    return columns


_DECORATION = re.compile(r"[\s\u00a0\u3000]+|[(（]元[)）]|[*＊]+\Z")


def header_key(text: str) -> str:
    """A header as it is compared: blanks, unit and star removed, one kind of colon and brackets."""
    plain = _DECORATION.sub("", text.strip())
    return plain.rstrip("*＊").replace(":", "：").replace("(", "（").replace(")", "）")


def fold(labels: Sequence[str], columns: Sequence[Sequence[Cell]]) -> list[Cell]:
    """The 是/否 columns of a MANY field as one column of lists of labels; an empty list where nothing is chosen."""
    keys = list(zip(*columns, strict=True))
    known = {cells: [mark for label, cell in zip(labels, cells, strict=True) if (mark := _marked(label, cell))] for cells in set(keys)}
    return list(map(known.__getitem__, keys))


def _marked(label: str, cell: Cell) -> str:
    text = "" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell).strip()
    if text in _NO_TEXTS:
        return ""
    return label if text in _YES_TEXTS else f"{label}={text[:100]}"


def unfold(label: str, cell: Cell) -> str:
    """What the 是/否 column of one choice held."""
    parts: Sequence[str] = cell if isinstance(cell, (list, tuple)) else ()
    for part in parts:
        if part == label:
            return YES
        if part.startswith(f"{label}="):
            return part[len(label) + 1 :]
    return NO if cell else ""


def column_letter(column: int) -> str:
    """0 -> 'A', 27 -> 'AB'."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def expanded_labels(fields: Sequence[Field]) -> Mapping[str, Field]:
    """MANY fields by the single header under which the whole field may also stand, as one column of text."""
    return {header_key(each.label): each for each in fields if each.kind is Kind.MANY and each.batch}
