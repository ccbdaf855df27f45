"""The workbook that people fill in: made from the fields of an item, with lists to choose from and a sentence at every cell."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from shebao.base import money
from shebao.casework.fields import NAME_LENGTH_MAX, TEXT_LENGTH_MAX, Cell, Field, Kind, Value
from shebao.surfaces.workbook.parts import PROPERTY_ITEM, PROPERTY_VERSION
from shebao.surfaces.workbook.row_xml import with_rows
from shebao.surfaces.workbook.sheet import (
    DICTIONARY_SHEET,
    NO,
    NOTES_SHEET,
    YES,
    Column,
    TemplateMark,
    column_letter,
    columns_of,
    unfold,
)

if TYPE_CHECKING:
    import xlsxwriter
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

HEADER_ROW = 3  # 1 how to fill in, 2 the mark, 3 the header, data from 4 (rows as people count them)
FIRST_ROW = HEADER_ROW + 1
FROZEN_COLUMNS = 2
PROMPT_MAX = 255  # characters, by Excel
PROMPT_TITLE_MAX = 32
SHEET_NAME_MAX = 31
TALL_ROW = 48
# What a protected sheet still allows: looking at it in another order or width.
UNLOCKED_ACTIONS = {"format_columns": True, "format_rows": True, "sort": True, "autofilter": True, "select_locked_cells": True}
_KINDS_SHOWN = {
    Kind.ID_NUMBER: "文本，18 位",
    Kind.NAME: "文本",
    Kind.TEXT: "文本",
    Kind.MONEY: "数字，单位元，最多两位小数",
    Kind.MONTH: "文本，6 位年月，例如 202612",
    Kind.DATE: "文本，例如 2026-12-05",
    Kind.CHOICE: "从下拉列表选择",
    Kind.MANY: "每项一列，填“是”或“否”，空白视同“否”",
    Kind.MOBILE: "文本，11 位数字",
    Kind.PHONE: "文本，座机请写区号",
    Kind.EMAIL: "文本",
    Kind.POSTCODE: "文本，6 位数字",
    Kind.USCC: "文本，18 位",
    Kind.NUMBER: "整数",
    Kind.LONG_TEXT: "文本",
    Kind.WORD: "文本，按说明输入",
}

RED, PALE_RED, GREY, LINE = "#B3201B", "#FDECEB", "#EEF2F6", "#8593A3"


def make_template(
    title: str,
    mark: TemplateMark,
    fields: Sequence[Field],
    *,
    rows_max: int,
    notes: Sequence[str],
    prefilled: Iterable[Mapping[str, Value]] = (),
    locked: bool = False,
) -> bytes:
    """The template of an item as .xlsx.

    Args:  rows_max: data rows that one upload may have; lists and checks reach as far.  notes: sentences for the sheet 填写说明.
           prefilled: clean values by field name (a roster to correct), money in fen.
           locked: core columns cannot be typed over (sheet protection without a password: a guard against slips, not against people).
    """
    columns = columns_of(fields)
    content = skeleton(title, mark, columns, rows_max=rows_max, notes=notes, locked=locked)
    return with_rows(content, FIRST_ROW, ([_prefilled_cell(column, row.get(column.field.name)) for column in columns] for row in prefilled))


def _prefilled_cell(column: Column, value: Value) -> Cell:
    if column.choice_label:
        labels = dict(column.field.choices)
        return unfold(column.choice_label, [labels.get(each, each) for each in value] if isinstance(value, list) else None)
    if value is None:
        return None
    if column.field.kind is Kind.MONEY and isinstance(value, int):
        return float(Decimal(money.yuan(value)))  # a cell holds a number; the text above it is exact
    if isinstance(value, list):
        return column.field.shown(value)
    return dict(column.field.choices).get(str(value), str(value))


def skeleton(
    title: str,
    mark: TemplateMark,
    columns: Sequence[Column],
    *,
    rows_max: int,
    notes: Sequence[str],
    extra_headers: Sequence[str] = (),
    locked: bool = False,
) -> bytes:
    """The template without rows, but with a pattern row (row_xml.with_rows).

    Args:  extra_headers: red columns after the last one, such as 错误原因.
    """
    import xlsxwriter  # by who makes a workbook only: every process would start a tenth slower

    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": title})
    book.set_custom_property(PROPERTY_ITEM, mark.item_code, "text")
    book.set_custom_property(PROPERTY_VERSION, str(mark.version), "text")
    sheet = book.add_worksheet(_sheet_name(title))
    formats = _formats(book)
    if locked:
        sheet.protect("", UNLOCKED_ACTIONS)
    _write_head(sheet, formats, title, mark, columns, rows_max, extra_headers)
    names = _write_dictionary(book, columns)
    last_row = FIRST_ROW + rows_max - 1
    for place, column in enumerate(columns):
        rule = _validation(column, column_letter(place), last_row, names)
        if rule:
            sheet.data_validation(FIRST_ROW - 1, place, last_row - 1, place, rule)
    _write_notes(book, formats, title, columns, rows_max, notes)
    book.close()
    return target.getvalue()


def _sheet_name(title: str) -> str:
    name = "".join(character for character in title if character not in "[]:*?/\\'")[:SHEET_NAME_MAX].strip()
    return name if name and name not in (NOTES_SHEET, DICTIONARY_SHEET) else "名册"


def _formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    head = {"bold": True, "border": 1, "border_color": LINE, "align": "center", "valign": "vcenter", "text_wrap": True}
    return {
        "title": book.add_format({"text_wrap": True, "valign": "vcenter", "font_color": "#3D4B5C"}),
        "mark": book.add_format({"font_color": "#566476", "font_size": 9}),
        "required": book.add_format(head | {"font_color": RED, "bg_color": PALE_RED}),
        "optional": book.add_format(head | {"bg_color": GREY}),
        "text": book.add_format({"num_format": "@"}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "text_open": book.add_format({"num_format": "@", "locked": False}),
        "money_open": book.add_format({"num_format": "#,##0.00", "locked": False}),
        "reason": book.add_format({"num_format": "@", "font_color": RED}),
        "note": book.add_format({"text_wrap": True, "valign": "top"}),
    }


def _write_head(
    sheet: Worksheet,
    formats: dict[str, Format],
    title: str,
    mark: TemplateMark,
    columns: Sequence[Column],
    rows_max: int,
    extra_headers: Sequence[str],
) -> None:
    how = (
        f"{title}　填写说明：1. 带 * 的红色列必填；2. 每人一行，从第 {FIRST_ROW} 行开始，最多 {rows_max} 行；"
        "3. 身份号码、年月、日期、手机列已设为文本，请勿改格式；4. 粘贴请用“只粘贴值”，不要用公式、合并单元格；"
        f"5. 各列说明见“{NOTES_SHEET}”工作表。"
    )
    width = len(columns) + len(extra_headers)
    if width > 1:
        sheet.merge_range(0, 0, 0, width - 1, how, formats["title"])
    else:
        sheet.write_string(0, 0, how, formats["title"])
    sheet.set_row(0, TALL_ROW)
    sheet.write_string(1, 0, f"{mark.text}（请勿删除或修改前三行）", formats["mark"])
    sheet.set_row(HEADER_ROW - 1, 36)
    for place, column in enumerate(columns):
        shape = formats[("money" if column.field.kind is Kind.MONEY else "text") + ("" if column.field.core else "_open")]
        sheet.write_string(HEADER_ROW - 1, place, column.header, formats["required" if column.field.required else "optional"])
        sheet.set_column(place, place, 12 if column.choice_label else column.field.width, shape)
        sheet.write_blank(FIRST_ROW - 1, place, None, shape)
    for place, header in enumerate(extra_headers, len(columns)):
        sheet.write_string(HEADER_ROW - 1, place, header, formats["required"])
        sheet.set_column(place, place, 60 if place == width - 1 else 10, formats["reason"])
        sheet.write_blank(FIRST_ROW - 1, place, None, formats["reason"])
    sheet.freeze_panes(HEADER_ROW, min(FROZEN_COLUMNS, len(columns)))


def _write_dictionary(book: xlsxwriter.Workbook, columns: Sequence[Column]) -> dict[str, str]:
    """The hidden lists. Returns: the defined name of each, by the field's name; YES for 是/否."""
    sheet = book.add_worksheet(DICTIONARY_SHEET)
    sheet.hide()
    lists: dict[str, Sequence[str]] = {YES: (YES, NO)}
    for column in columns:
        if column.field.kind is Kind.CHOICE:
            lists[column.field.name] = [label for _, label in column.field.choices]
    names = {}
    for place, (key, labels) in enumerate(lists.items()):
        sheet.write_column(0, place, labels)
        letter = column_letter(place)
        names[key] = f"DIC_{place}"
        book.define_name(names[key], f"={DICTIONARY_SHEET}!${letter}$1:${letter}${len(labels)}")
    return names


def _validation(column: Column, letter: str, last_row: int, names: Mapping[str, str]) -> dict[str, object] | None:
    """What the spreadsheet itself checks and says while a clerk types. The reader checks again; this only helps."""
    each = column.field
    shape = _shape(column, letter, last_row, names)
    if shape is None:
        return None
    rule, problem = shape
    prompt = "　".join(part for part in (each.hint or _KINDS_SHOWN[each.kind], f"例如 {each.example}" if each.example else "") if part)
    if not each.required:
        prompt += "　可不填"
    return {
        **rule,
        "ignore_blank": True,
        "input_title": column.label[:PROMPT_TITLE_MAX],
        "input_message": (f"填“{YES}”或“{NO}”，空白视同“{NO}”" if column.choice_label else prompt)[:PROMPT_MAX],
        "error_title": "填写有误",
        "error_message": problem[:PROMPT_MAX],
    }


def _shape(column: Column, letter: str, last_row: int, names: Mapping[str, str]) -> tuple[dict[str, object], str] | None:
    each = column.field
    cell, every = f"{letter}{FIRST_ROW}", f"${letter}${FIRST_ROW}:${letter}${last_row}"
    if column.choice_label:
        return {"validate": "list", "source": f"={names[YES]}"}, f"只能填“{YES}”或“{NO}”"
    if each.kind is Kind.CHOICE:
        return {"validate": "list", "source": f"={names[each.name]}"}, "只能从下拉列表选择"
    if each.kind is Kind.ID_NUMBER:
        # The star makes COUNTIF compare texts: as numbers, two ids would be the same from the 16th digit on.
        return {"validate": "custom", "value": f'=AND(LEN({cell})=18,COUNTIF({every},{cell}&"*")=1)'}, "号码须为 18 位，且不能与其他行重复"
    if each.kind is Kind.MONEY:
        least = Decimal(money.yuan(each.least if each.least is not None else 0))
        most = Decimal(money.yuan(each.most if each.most is not None else money.FEN_MAX))
        rule = {"validate": "decimal", "criteria": "between", "minimum": float(least), "maximum": float(most)}
        return rule, f"请填 {least} 到 {most} 之间的金额，最多两位小数，不带“元”和逗号"
    lengths = {
        Kind.MONTH: (6, 6, "年月请填 6 位数字，例如 202612"),
        Kind.DATE: (8, 11, "日期请按 2026-12-05 的样子填写"),
        Kind.MOBILE: (11, 11, "手机号码应为 11 位"),
        Kind.NAME: (1, NAME_LENGTH_MAX, f"最多 {NAME_LENGTH_MAX} 个字"),
        Kind.TEXT: (1, each.most or TEXT_LENGTH_MAX, f"最多 {each.most or TEXT_LENGTH_MAX} 个字"),
    }
    if each.kind not in lengths:
        return None
    least_length, most_length, problem = lengths[each.kind]
    return {"validate": "length", "criteria": "between", "minimum": least_length, "maximum": most_length}, problem


def _write_notes(
    book: xlsxwriter.Workbook, formats: dict[str, Format], title: str, columns: Sequence[Column], rows_max: int, notes: Sequence[str]
) -> None:
    """填写说明: every column with how to fill it and an example. Examples stand here, never among the data."""
    sheet = book.add_worksheet(NOTES_SHEET)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 10)
    sheet.set_column(2, 3, 44)
    sheet.write_string(0, 0, f"{title}　{NOTES_SHEET}", formats["mark"])
    row = 1
    for note in (*notes, f"一个文件最多 {rows_max} 行；可以删除不需要的行，请不要增加列。"):
        sheet.merge_range(row, 0, row, 3, note, formats["note"])
        row += 1
    for place, head in enumerate(("列", "是否必填", "怎样填", "例")):
        sheet.write_string(row, place, head, formats["optional"])
    for each in dict.fromkeys(column.field for column in columns):
        row += 1
        how = each.hint or _KINDS_SHOWN[each.kind]
        if each.choices:
            how = f"{_KINDS_SHOWN[each.kind]}：{'、'.join(label for _, label in each.choices[:20])}{'等' if len(each.choices) > 20 else ''}"
        for place, text in enumerate((each.label, "必填" if each.required else "可不填", how, each.example)):
            sheet.write_string(row, place, text, formats["note"])
