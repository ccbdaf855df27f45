"""How one cell of each kind of field is read. Every reader gives the value, or raises Bad with the sentence for the person."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from uuid import UUID

from shebao.base import identifiers, money, months
from shebao.casework.cells import BLANKS, NAME_LENGTH_MAX, TEXT_LENGTH_MAX, Bad, Cell, Kind, Value, echo, half_width, plain_text

if TYPE_CHECKING:
    from shebao.casework.fields import Field

DATE_YEARS = range(1900, 3000)


def _read_id_number(field: Field, cell: Cell) -> Value:
    numeric = "公民身份号码被表格软件转成了数值，末几位已经丢失；请把该列设为文本，重新输入 18 位号码"
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        raise Bad("FLD-10", numeric)
    text = half_width(plain_text(cell, field.label)).replace(" ", "").upper()
    if _EXPONENT.match(text):
        raise Bad("FLD-10", numeric)
    problem = identifiers.id_number_problem(text)
    if problem:
        raise Bad("FLD-11", problem)
    return text


_EXPONENT = re.compile(r"[0-9](?:\.[0-9]*)?E\+?[0-9]+\Z", re.ASCII)  # 4.20106E+17, as a CSV saved by a spreadsheet has it

_NAME_SYMBOLS = re.compile(r"\d|[<>=+@#$%^&*!?~_`\"{}\[\]|\\/:;,，。；：！？（）()]|(?<![A-Za-z])'|'(?![A-Za-z])")
# What people type for U+00B7 in names such as 买买提·阿卜杜拉. A full stop after a Latin letter (JOHN F. SMITH) stays.
_NAME_SEPARATORS = re.compile(r"(?<![A-Za-z])[\u2022\u2027\u30fb\uff65.\uff0e]")
_NAME_BLANKS = re.compile(r"(?<![A-Za-z.])\s+|\s+(?![A-Za-z])")


def _read_name(field: Field, cell: Cell) -> Value:
    # No NFKC on names: it would change rare characters (U+2F80A becomes U+50E7).
    text = plain_text(cell, field.label)
    if len(text) > NAME_LENGTH_MAX:
        raise Bad("FLD-12", f"{field.label}最多 {NAME_LENGTH_MAX} 个字，请核对")
    if _NAME_SYMBOLS.search(text) or not text[0].isalpha():
        raise Bad("FLD-13", f"{field.label}里有数字或符号，请按身份证上的姓名填写")
    proper = _NAME_SEPARATORS.sub("·", text)
    if proper != text:
        raise Bad("FLD-14", f"{field.label}中的间隔点请用“·”，应填：{proper}", proper)
    closed = _NAME_BLANKS.sub("", text)
    if closed != text:
        raise Bad("FLD-16", f"{field.label}中间有空格，应填：{closed}", closed)
    return text


def _read_text(field: Field, cell: Cell) -> Value:
    text = plain_text(cell, field.label)
    most = field.most or TEXT_LENGTH_MAX
    if len(text) > most:
        raise Bad("FLD-15", f"{field.label}最多 {most} 个字，现在有 {len(text)} 个")
    return text


def _read_money(field: Field, cell: Cell) -> Value:
    if isinstance(cell, float):
        value = _fen_of_float(field, cell)
    else:
        try:
            value = money.fen(half_width(plain_text(cell, field.label)))
        except money.MoneyError as error:
            raise Bad("FLD-20", f"{field.label}：{error}") from None
    if field.least is not None and value < field.least:
        raise Bad("FLD-21", f"{field.label}不能低于 {money.yuan_shown(field.least)} 元")
    if field.most is not None and value > field.most:
        raise Bad("FLD-22", f"{field.label}不能高于 {money.yuan_shown(field.most)} 元，请核对是否多输了位数")
    return value


def _fen_of_float(field: Field, yuan: float) -> int:
    """A spreadsheet holds 8000.30 as the nearest binary number; a third decimal is told apart from that noise."""
    if not abs(yuan) <= money.FEN_MAX / 100:
        raise Bad("FLD-20", f"{field.label}：金额过大，请核对后重新填写")
    fen = round(yuan * 100)
    if abs(yuan * 100 - fen) > 1e-6 + 1e-13 * abs(fen):
        raise Bad("FLD-20", f"{field.label}最多两位小数，请核对")
    return fen


def _read_month(field: Field, cell: Cell) -> Value:
    if isinstance(cell, date):  # a datetime too: what spreadsheets make of 2026-12
        return cell.year * 100 + cell.month
    try:
        return months.month(half_width(plain_text(cell, field.label)))
    except months.MonthError as error:
        raise Bad("FLD-23", f"{field.label}：{error}") from None


_DATE = re.compile(
    r"(?P<y>[0-9]{4})(?:(?P<s>[-./])(?P<m>[0-9]{1,2})(?P=s)(?P<d>[0-9]{1,2})"
    r"|年(?P<m2>[0-9]{1,2})月(?P<d2>[0-9]{1,2})日|(?P<m3>[0-9]{2})(?P<d3>[0-9]{2}))\Z",
    re.ASCII,
)


def _read_date(field: Field, cell: Cell) -> Value:
    if isinstance(cell, datetime) and cell.time() != time():
        raise Bad("FLD-24", f"{field.label}只填日期，不填时刻，例如 2026-12-05")
    if isinstance(cell, date):
        cell = f"{cell.year:04d}-{cell.month:02d}-{cell.day:02d}"
    if isinstance(cell, (int, float)) and not isinstance(cell, bool) and 1 <= cell < 100_000:
        raise Bad("FLD-27", f"{field.label}变成了数字 {cell:g}，请把该列设为文本，按 2026-12-05 的样子重新填写")
    text = half_width(plain_text(cell, field.label))
    match = _DATE.match(text)
    if match is None:
        raise Bad("FLD-24", f"{field.label}请按 2026-12-05 的样子填写")
    year, month, day = (int(match[y] or match[f"{y}2"] or match[f"{y}3"]) if y != "y" else int(match["y"]) for y in "ymd")
    try:
        if year not in DATE_YEARS:
            raise ValueError
        return date(year, month, day).isoformat()
    except ValueError:
        raise Bad("FLD-25", f"{field.label}没有 {text} 这一天，请核对") from None


def _read_mobile(field: Field, cell: Cell) -> Value:
    text = half_width(plain_text(cell, field.label)).replace(" ", "").replace("-", "")
    if not re.fullmatch(r"1[3-9][0-9]{9}", text, re.ASCII):
        raise Bad("FLD-26", f"{field.label}应为 11 位手机号码，请核对")
    return text


def _read_photo(field: Field, cell: Cell) -> Value:
    """Whether the attachment is there, and whose it is, is asked when the filing is stored (casework.attachments.bind)."""
    try:
        return str(UUID(plain_text(cell, field.label)))
    except ValueError:
        raise Bad("FLD-42", f"{field.label}没有上传成功，请重新选择相片上传") from None


def _read_choice(field: Field, cell: Cell) -> Value:
    text = plain_text(cell, field.label)
    value = field._lookup.get(text)
    if value is None:
        options = "、".join(label for _, label in field.choices[:8])
        more = "等" if len(field.choices) > 8 else ""
        raise Bad("FLD-30", f"{field.label}没有“{echo(text)}”这一项，请从下拉列表选择：{options}{more}")
    return value


def _read_many(field: Field, cell: Cell) -> Value:
    """A list of choices, or a text of them. 'label=text' is a workbook's column of that choice that held neither 是 nor 否."""
    parts = cell if isinstance(cell, (list, tuple)) else re.split(r"[、,，;；\s]+", plain_text(cell, field.label))
    chosen = set()
    for part in parts:
        choice_label, marked, typed = str(part).partition("=")
        if marked and choice_label in field._lookup:
            raise Bad("FLD-31", f"{field.label}的“{choice_label}”一列只能填“是”或“否”，现在是“{echo(typed)}”")
        if part:
            chosen.add(str(_read_choice(field, part)))
    return [value for value, _ in field.choices if value in chosen] or None


_PHONE = re.compile(r"(?:0[0-9]{2,3}-?)?[1-9][0-9]{6,7}(?:-[0-9]{1,6})?|1[3-9][0-9]{9}|[48]00-?[0-9]{3}-?[0-9]{4}", re.ASCII)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}", re.ASCII)


def _read_phone(field: Field, cell: Cell) -> Value:
    text = half_width(plain_text(cell, field.label)).replace(" ", "").replace("—", "-").replace("－", "-")
    if not _PHONE.fullmatch(text):
        raise Bad("FLD-32", f"{field.label}不正确：座机请写区号和号码，例如 027-85550100；手机请写 11 位号码")
    return text


def _read_email(field: Field, cell: Cell) -> Value:
    text = half_width(plain_text(cell, field.label))
    if len(text) > 100 or not _EMAIL.fullmatch(text):
        raise Bad("FLD-33", f"{field.label}不正确，请按 name@example.com 的样子填写")
    return text


def _read_postcode(field: Field, cell: Cell) -> Value:
    text = half_width(plain_text(cell, field.label))
    if not re.fullmatch(r"[0-9]{6}", text, re.ASCII):
        raise Bad("FLD-34", f"{field.label}应为 6 位数字，请核对")
    return text


def _read_uscc(field: Field, cell: Cell) -> Value:
    text = half_width(plain_text(cell, field.label)).replace(" ", "").upper()
    problem = identifiers.uscc_problem(text)
    if problem:
        raise Bad("FLD-35", problem)
    return text


def _read_number(field: Field, cell: Cell) -> Value:
    text = half_width(plain_text(cell, field.label))
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        raise Bad("FLD-36", f"{field.label}只能填整数，请核对")
    value = int(text)
    if (field.least is not None and value < field.least) or (field.most is not None and value > field.most):
        raise Bad("FLD-37", f"{field.label}应在 {field.least} 到 {field.most} 之间，请核对")
    return value


def _read_long_text(field: Field, cell: Cell) -> Value:
    if not isinstance(cell, str):
        return _read_text(field, cell)
    lines = [line.rstrip(BLANKS) for line in cell.replace("\r\n", "\n").replace("\r", "\n").strip(BLANKS).split("\n")]
    for line in lines:
        plain_text(line, field.label)
    text, most = "\n".join(lines), field.most or TEXT_LENGTH_MAX
    if len(text) > most:
        raise Bad("FLD-15", f"{field.label}最多 {most} 个字，现在有 {len(text)} 个")
    return text


def _read_consent(field: Field, cell: Cell) -> Value:
    text = plain_text(cell, field.label)
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text, re.ASCII):
        raise Bad("FLD-38", f"请阅读{field.label}并勾选同意；接口请填写所接受的版本号，例如 2022-05")
    return text


def _read_word(field: Field, cell: Cell) -> Value:
    text = plain_text(cell, field.label)
    if text != field.word:
        raise Bad("FLD-39", f"此项业务办理后不可恢复，请在{field.label}一栏输入“{field.word}”")
    return text


READERS: dict[Kind, Callable[[Field, Cell], Value]] = {
    Kind.ID_NUMBER: _read_id_number,
    Kind.NAME: _read_name,
    Kind.TEXT: _read_text,
    Kind.MONEY: _read_money,
    Kind.MONTH: _read_month,
    Kind.DATE: _read_date,
    Kind.CHOICE: _read_choice,
    Kind.MANY: _read_many,
    Kind.MOBILE: _read_mobile,
    Kind.PHOTO: _read_photo,
    Kind.PHONE: _read_phone,
    Kind.EMAIL: _read_email,
    Kind.POSTCODE: _read_postcode,
    Kind.USCC: _read_uscc,
    Kind.NUMBER: _read_number,
    Kind.LONG_TEXT: _read_long_text,
    Kind.CONSENT: _read_consent,
    Kind.WORD: _read_word,
}
