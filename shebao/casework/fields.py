"""Fields of a 事项: how one value is named, asked for, read strictly and shown again. Columns, not cells: 100,000 rows take the same way.

A field reads what a page, a workbook cell or the API gives (text, a list of texts, or what a spreadsheet held: float, date, bool)
and answers with a value fit for JSON, or with a Refusal whose sentence says what to do. Nothing is repaired silently: what trimming
or half-width digits changed is harmless, all else is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from shebao.base import money, months
from shebao.base.errors import Refusal
from shebao.casework import field_columns
from shebao.casework.cell_readers import READERS
from shebao.casework.cells import NAME_LENGTH_MAX, TEXT_LENGTH_MAX, Bad, Cell, Kind, Value, is_empty

__all__ = [
    "NAME_LENGTH_MAX",
    "TEXT_LENGTH_MAX",
    "Cell",
    "Field",
    "Kind",
    "Value",
    "choice",
    "confirm_word",
    "consent",
    "day",
    "email",
    "id_number",
    "long_text",
    "many",
    "mobile",
    "money_amount",
    "month",
    "name",
    "number",
    "phone",
    "photo",
    "postcode",
    "text",
    "uscc",
]

BULK_ROWS_MIN = 32  # below this, reading cell by cell is as fast


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an item.

    core: fixed after the first save (grey in the seeds' words); the others stay editable until submitted.
    choices: (value, label) pairs for CHOICE and MANY; both value and label are understood when reading.
    least/most: bounds for MONEY (fen) and NUMBER; most alone is the greatest length of TEXT and LONG_TEXT.
    batch: whether it is a column of the item's template. document: code of the agreement that CONSENT accepts a version of.
    word: what has to be typed into WORD.
    """

    name: str
    label: str
    kind: Kind
    required: bool = True
    core: bool = False
    hint: str = ""
    example: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    least: int | None = None
    most: int | None = None
    width: int = 14  # characters, in workbooks
    default: Value = None
    batch: bool = True
    document: str = ""
    word: str = ""
    # Not an argument, so that replace() never carries one field's choices into another.
    _lookup: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._lookup.update({label: value for value, label in self.choices} | {value: value for value, _ in self.choices})

    def clean(self, cell: Cell) -> tuple[Value, Refusal | None]:
        """Read one cell. See clean_column."""
        values, refusals = self.clean_column([cell])
        return values[0], refusals.get(0)

    def clean_column(self, cells: Sequence[Cell]) -> tuple[list[Value], dict[int, Refusal]]:
        """Read many cells of this field.

        Returns: the values, in order (None where empty or refused), and the refusals by position.
        """
        bulk = _BULK.get(self.kind)
        if len(cells) < BULK_ROWS_MIN:
            bulk = field_columns.nothing
        elif bulk is None or _repeats(cells):
            return self._clean_repeating(cells)
        values, rest = bulk(cells, self.least, self.most)
        refusals: dict[int, Refusal] = {}
        for i in rest:
            values[i], refusal = self._clean_one(cells[i])
            if refusal is not None:
                refusals[i] = refusal
        return values, refusals

    def _clean_repeating(self, cells: Sequence[Cell]) -> tuple[list[Value], dict[int, Refusal]]:
        """Few different texts, or lists of texts, in many cells: each is read once."""
        kinds = set(map(type, cells))
        if kinds == {str}:
            keys: Sequence[object] = cells
        elif kinds == {list}:
            keys = list(map(tuple, cells))  # type: ignore[arg-type]
        else:
            keys = [cell if type(cell) is str else tuple(cell) if type(cell) is list else _Once(i) for i, cell in enumerate(cells)]
        different = dict(zip(keys, cells, strict=True))
        known = {key: self._clean_one(cell) for key, cell in different.items()}
        values = {key: value for key, (value, _) in known.items()}
        refused = {key: refusal for key, (_, refusal) in known.items() if refusal is not None}
        refusals = {i: refused[key] for i, key in enumerate(keys) if key in refused} if refused else {}
        if self.kind is Kind.MANY:  # a list of its own for every row
            return [value.copy() if isinstance(value := values[key], list) else value for key in keys], refusals
        return [values[key] for key in keys], refusals

    def _clean_one(self, cell: Cell) -> tuple[Value, Refusal | None]:
        try:
            value = None if is_empty(cell) else READERS[self.kind](self, cell)
            if value is None and self.required:
                raise Bad("FLD-01", f"请填写{self.label}")
        except Bad as bad:
            return None, Refusal(bad.code, bad.text, self.name, bad.suggestion)
        return value, None

    def shown(self, value: Value) -> str:
        """The value as people read it."""
        if value is None or value == []:
            return "—" if self.required else "未填"
        if self.kind is Kind.MONEY:
            return money.yuan_shown(int(value))  # type: ignore[arg-type]
        if self.kind is Kind.MONTH:
            return months.month_shown(int(value))  # type: ignore[arg-type]
        if self.kind is Kind.PHOTO:
            return "已上传"
        if self.kind is Kind.CONSENT:
            return f"已阅读并同意（{value} 版）"
        labels = dict(self.choices)
        if isinstance(value, list):
            return "、".join(labels.get(v, v) for v in value)
        return labels.get(str(value), str(value))

    def typed(self, value: Value) -> str | list[str]:
        """The value as it would be typed again, for form controls and cells."""
        if value is None:
            return ""
        if isinstance(value, list):
            return value
        if self.kind is Kind.MONEY:
            return money.yuan(int(value))
        return str(value)


class _Once:
    """A key that equals nothing else: 1, 1.0 and True are one key of a dict, but not one cell."""

    __slots__ = ("place",)

    def __init__(self, place: int) -> None:
        self.place = place


def _repeats(cells: Sequence[Cell]) -> bool:
    """Whether the first cells are texts that come again and again, judged by a sample."""
    sample = cells[:512]
    return all(type(cell) is str for cell in sample) and len(set(sample)) * 4 <= len(sample)


_BULK: dict[Kind, field_columns.BulkReader] = {
    Kind.ID_NUMBER: field_columns.id_numbers,
    Kind.NAME: field_columns.names,
    Kind.TEXT: field_columns.texts,
    Kind.MONEY: field_columns.amounts,
    Kind.DATE: field_columns.dates,
    Kind.MOBILE: field_columns.mobiles,
}


def id_number(name: str = "id_number", label: str = "公民身份号码", **more: object) -> Field:
    """公民身份号码, 18 characters."""
    given = {"hint": "18 位，末位可为 X", "core": True, "width": 22, **more}
    return replace(Field(name, label, Kind.ID_NUMBER), **given)  # type: ignore[arg-type]


def name(name: str = "name", label: str = "姓名", **more: object) -> Field:
    """姓名 as on the identity card."""
    return replace(Field(name, label, Kind.NAME), **{"core": True, **more})  # type: ignore[arg-type]


def text(name: str, label: str, **more: object) -> Field:
    """Free text, limited."""
    return replace(Field(name, label, Kind.TEXT), **more)  # type: ignore[arg-type]


def money_amount(name: str, label: str, **more: object) -> Field:
    """An amount, fen inside, yuan outside."""
    return replace(Field(name, label, Kind.MONEY), **{"least": 1, "most": 99_999_999, **more})  # type: ignore[arg-type]


def month(name: str, label: str, **more: object) -> Field:
    """A calendar month, YYYYMM."""
    return replace(Field(name, label, Kind.MONTH), **{"hint": "6 位数字，例如 202612", **more})  # type: ignore[arg-type]


def day(name: str, label: str, **more: object) -> Field:
    """A calendar day, YYYY-MM-DD."""
    return replace(Field(name, label, Kind.DATE), **more)  # type: ignore[arg-type]


def choice(name: str, label: str, choices: Sequence[tuple[str, str]], **more: object) -> Field:
    """One of a list."""
    return replace(Field(name, label, Kind.CHOICE, choices=tuple(choices)), **more)  # type: ignore[arg-type]


def many(name: str, label: str, choices: Sequence[tuple[str, str]], **more: object) -> Field:
    """Some of a list."""
    return replace(Field(name, label, Kind.MANY, choices=tuple(choices)), **{"width": 30, **more})  # type: ignore[arg-type]


def mobile(name: str = "mobile", label: str = "手机号码", **more: object) -> Field:
    """手机号码, 11 digits."""
    return replace(Field(name, label, Kind.MOBILE), **more)  # type: ignore[arg-type]


def photo(name: str, label: str, **more: object) -> Field:
    """An identity photo: the value is the id of an attachment (casework.attachments). Not a column of the template."""
    given = {"hint": "一寸红底免冠相片，JPG 或 PNG，不超过 5 MB", "batch": False, **more}
    return replace(Field(name, label, Kind.PHOTO), **given)  # type: ignore[arg-type]


def phone(name: str, label: str, **more: object) -> Field:
    """A landline, fax or mobile number."""
    return replace(Field(name, label, Kind.PHONE), **{"hint": "座机请写区号，例如 027-85550100", "width": 18, **more})  # type: ignore[arg-type]


def email(name: str = "email", label: str = "邮箱地址", **more: object) -> Field:
    """邮箱地址."""
    return replace(Field(name, label, Kind.EMAIL), **{"width": 24, **more})  # type: ignore[arg-type]


def postcode(name: str = "postcode", label: str = "邮政编码", **more: object) -> Field:
    """邮政编码, 6 digits."""
    return replace(Field(name, label, Kind.POSTCODE), **{"hint": "6 位数字", **more})  # type: ignore[arg-type]


def uscc(name: str = "uscc", label: str = "统一社会信用代码", **more: object) -> Field:
    """统一社会信用代码, 18 characters (GB 32100)."""
    return replace(Field(name, label, Kind.USCC), **{"hint": "18 位，营业执照上的代码", "width": 22, **more})  # type: ignore[arg-type]


def number(name: str, label: str, least: int, most: int, **more: object) -> Field:
    """A whole number between bounds, both included."""
    return replace(Field(name, label, Kind.NUMBER, least=least, most=most), **more)  # type: ignore[arg-type]


def long_text(name: str, label: str, **more: object) -> Field:
    """Several lines of text, limited."""
    return replace(Field(name, label, Kind.LONG_TEXT), **{"most": 500, "width": 40, **more})  # type: ignore[arg-type]


def consent(name: str, document: str, label: str = "承诺书", **more: object) -> Field:
    """Accepting a document (policy.agreed). The value is the version accepted; it must be the one in force, see agreed.in_force."""
    return replace(Field(name, label, Kind.CONSENT, document=document, batch=False), **more)  # type: ignore[arg-type]


def confirm_word(name: str, label: str, word: str, **more: object) -> Field:
    """A word that has to be typed, for what cannot be undone."""
    return replace(Field(name, label, Kind.WORD, word=word), **{"hint": f"不可恢复：请输入“{word}”", **more})  # type: ignore[arg-type]
