"""From the cells of a sheet to the columns of an item: mark, header, rows, each compared strictly with the template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from shebao.casework.cells import BLANKS
from shebao.casework.fields import Cell, Field, Kind
from shebao.surfaces.workbook.refused import UploadRefused
from shebao.surfaces.workbook.sheet import (
    ORIGINAL_ROW_LABEL,
    REASON_LABEL,
    Column,
    Sheet,
    TemplateMark,
    column_letter,
    columns_of,
    expanded_labels,
    fold,
    header_key,
    mark_in,
)

HEADER_ROWS_MAX = 10  # the header stands within the first rows
NAMED_MAX = 8  # columns, cells named in one sentence

Row = list[Cell]
_IGNORED = (header_key(REASON_LABEL), header_key(ORIGINAL_ROW_LABEL))


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header stands. row: counted from 0.  places: column of each header by its key."""

    row: int
    places: dict[str, int]


def check_mark(rows: Sequence[Row], mark: TemplateMark, found: TemplateMark | None, *, needed: bool) -> None:
    """Compare the mark of the file with that of the item.

    Args:  found: the mark in the file's properties; the visible cell goes first.  needed: False for CSV, whose header must do.
    Raises: UploadRefused UPL-21, UPL-22, UPL-23.
    """
    for row in rows[:HEADER_ROWS_MAX]:
        for cell in row:
            if isinstance(cell, str) and (shown := mark_in(cell)):
                found = shown
                break
    if found is None:
        if needed:
            raise UploadRefused("UPL-21", "文件里没有模板编号，请重新下载模板，把数据只粘贴值到模板后上传")
        return
    if found.item_code != mark.item_code:
        raise UploadRefused("UPL-22", f"这是另一事项的模板（{found.item_code}），请下载本事项的模板（{mark.item_code}）填写后上传")
    if found.version < mark.version:
        raise UploadRefused(
            "UPL-23", f"模板版本是第 {found.version} 版，现行是第 {mark.version} 版，请重新下载模板，把数据只粘贴值过去后上传"
        )
    if found.version > mark.version:
        raise UploadRefused("UPL-23", f"模板版本是第 {found.version} 版，比现行的第 {mark.version} 版还新，请重新下载模板后上传")


def find_header(rows: Sequence[Row], fields: Sequence[Field]) -> Header:
    """The header: of the first rows the one that has most of the template's columns.

    Raises: UploadRefused UPL-24, UPL-25.
    """
    known = {header_key(column.label) for column in columns_of(fields)} | set(expanded_labels(fields))
    keys = [[header_key(cell) if isinstance(cell, str) else "" for cell in row] for row in rows[:HEADER_ROWS_MAX]]
    scores = [len(known & set(row)) for row in keys]
    best = max(range(len(scores)), key=lambda i: scores[i], default=-1)
    if best < 0 or scores[best] == 0:
        raise UploadRefused("UPL-25", "没有找到表头，请不要删除或改动模板前三行；可重新下载模板，把数据只粘贴值过去后上传")
    places: dict[str, int] = {}
    double = []
    for place, key in enumerate(keys[best]):
        if key in places:
            double.append(str(rows[best][place]).strip())
        elif key:
            places[key] = place
    _compare(places, double, rows[best], fields, known)
    return Header(best, places)


def _compare(places: dict[str, int], double: list[str], row: Row, fields: Sequence[Field], known: set[str]) -> None:
    """Every difference in one sentence. The order of columns does not matter: they are found by name."""
    missing = []
    for each in fields:
        columns = [column for column in columns_of([each]) if header_key(column.label) not in places]
        whole = each.kind is Kind.MANY and header_key(each.label) in places
        if columns and not whole:
            missing += [column.label for column in columns]
    whole_too = {header_key(each.label) for each in fields if each.kind is Kind.MANY and _expanded_too(each, places)}
    extra = [str(row[place]).strip() for key, place in places.items() if (key not in known and key not in _IGNORED) or key in whole_too]
    parts = [
        f"{what}：{'、'.join(names[:NAMED_MAX])}{'等' if len(names) > NAMED_MAX else ''}（{advice}）"
        for what, names, advice in (
            ("缺少列", missing, "请补上"),
            ("多出列", extra, "请删除"),
            ("重复列", double, "请只留一列"),
        )
        if names
    ]
    if parts:
        raise UploadRefused("UPL-24", f"表头与模板不一致，{'；'.join(parts)}；也可重新下载模板，把数据只粘贴值过去")


def _expanded_too(each: Field, places: dict[str, int]) -> bool:
    """Whether a MANY field stands in its 是/否 columns; then one more column of text for it would be passed over."""
    return any(column.choice_label and header_key(column.label) in places for column in columns_of([each]))


def order_warning(header: Header, fields: Sequence[Field]) -> list[str]:
    """A sentence when known columns stand in another order than in the template."""
    wanted = [header_key(column.label) for column in columns_of(fields)]
    ordered = [key for key in wanted if key in header.places]
    found = sorted(ordered, key=lambda key: header.places[key])
    moved = [key for key, other in zip(found, ordered, strict=True) if key != other]
    if not moved:
        return []
    return [f"列的顺序与模板不同（{'、'.join(moved[:NAMED_MAX])}{'等' if len(moved) > NAMED_MAX else ''}），已按列名读取，请核对"]


def take_rows(rows: list[Row], header: Header, fields: Sequence[Field], rows_max: int) -> Sheet:
    """The filled rows below the header, as columns.

    Raises: UploadRefused UPL-15, UPL-16, UPL-26.
    """
    first = header.row + 1
    kept = rows[first:]
    row_numbers = list(range(first + 1, len(rows) + 1))
    blank = {i for i, row in enumerate(kept) if not any(map(_filled, row))} if _may_hold_blanks(kept) else set()
    if blank:
        kept = [row for i, row in enumerate(kept) if i not in blank]
        row_numbers = [number for i, number in enumerate(row_numbers) if i not in blank]
    if not kept:
        raise UploadRefused("UPL-26", "没有填写任何数据，请从表头下一行开始填写后上传")
    if len(kept) > rows_max:
        raise UploadRefused("UPL-15", f"共有 {len(kept)} 行，一次最多上传 {rows_max} 行，请拆成几个文件分别上传")
    cells = list(map(list, zip(*kept, strict=True)))
    _check_outside(cells, header, row_numbers)
    return Sheet(_by_field(cells, header, fields), row_numbers)


def _may_hold_blanks(rows: Sequence[Row]) -> bool:
    """Whether a row may be empty: not where every first cell is a text of more than blanks, which is seen at C speed."""
    first = [row[0] for row in rows]
    return set(map(type, first)) != {str} or not all(first) or any(map(str.isspace, cast("list[str]", first)))


def _filled(cell: Cell) -> bool:
    return cell is not None and (type(cell) is not str or bool(cell.strip(BLANKS)))


def _check_outside(cells: list[Row], header: Header, row_numbers: list[int]) -> None:
    """Content under no header is nobody's value: it is named, not dropped."""
    inside = set(header.places.values())
    for place, column in enumerate(cells):
        if place not in inside:
            for number, cell in zip(row_numbers, column, strict=True):
                if _filled(cell):
                    raise UploadRefused("UPL-16", f"{column_letter(place)}{number} 单元格有内容，但该列没有表头，请删除后上传")


def _by_field(cells: list[Row], header: Header, fields: Sequence[Field]) -> dict[str, list[Cell]]:
    columns: dict[str, list[Cell]] = {}
    for each in fields:
        parts: list[Column] = [column for column in columns_of([each]) if header_key(column.label) in header.places]
        if not parts:
            columns[each.name] = cells[header.places[header_key(each.label)]]
        elif parts[0].choice_label:
            labels = [column.choice_label for column in parts]
            columns[each.name] = fold(labels, [cells[header.places[header_key(column.label)]] for column in parts])
        else:
            columns[each.name] = cells[header.places[header_key(each.label)]]
    return columns
