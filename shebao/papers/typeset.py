"""Typesetting: data in, PDF/A out. One compiler a template is kept and reused; fonts come from a package, never from the system.

The same data give the same bytes. Text from data is text: it can carry no markup into a template.
"""

import json
import threading
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import pylopdf_fonts_zh_cn
import typst

from shebao.base import money
from shebao.base.terms import INSURANCES, SHORT_LABELS
from shebao.papers.capitals import capital_yuan
from shebao.papers.codes import shown

TEMPLATES = Path(__file__).parent / "templates"
TAGGED_ROWS_MAX = 200  # a tagged list of 5,000 rows is 17 times as large as an untagged one
FAMILIES = frozenset({"Noto Sans SC", "Noto Serif SC"})
ROWS_MAX = 20_000  # one paper; longer lists are split by the caller


class TypesetError(ValueError):
    """Our own data or template are wrong: a key is missing, the rows do not add up, there are too many of them."""


class SealAt(NamedTuple):
    """Where the middle of the seal belongs: page from 1, x and y in points from the page's top left corner."""

    page: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Typeset:
    """A typeset paper. seal_at is None for drafts."""

    pdf: bytes
    seal_at: SealAt | None
    pages: int


def typeset(template: str, data: Mapping[str, object]) -> Typeset:
    """Set a paper.

    Args: template: a PaperKind's value. data: as contracts.py says for it, with printed_at.
    Raises: TypesetError when data and template do not fit each other.
    """
    rows = _rows_in(data)
    if rows > ROWS_MAX:
        raise TypesetError(f"{rows} rows: one paper takes at most {ROWS_MAX}")
    printed_at = data.get("printed_at")
    if not isinstance(printed_at, datetime) or printed_at.tzinfo is None:
        raise TypesetError("printed_at must be a datetime with a zone")
    _check_sums(template, data)
    tagged = rows <= TAGGED_ROWS_MAX
    return _press(template).run(json.dumps(_paper_data(data), ensure_ascii=False), printed_at, tagged)


class _Press:
    """A compiler for one template. Compiling and asking for positions belong together, so one thread at a time."""

    def __init__(self, template: str) -> None:
        path = TEMPLATES / f"{template}.typ"
        if not path.is_file():
            raise TypesetError(f"there is no template {template}")
        self._lock = threading.Lock()
        self._compiler = typst.Compiler(str(path), root=str(TEMPLATES), font_paths=_fonts(), ignore_system_fonts=True)

    def run(self, data: str, printed_at: datetime, tagged: bool) -> Typeset:
        with self._lock:
            try:
                pdf = self._compiler.compile(
                    format="pdf",
                    sys_inputs={"data": data},
                    pdf_standards=["a-2a" if tagged else "a-2b"],
                    pdf_tags=tagged,
                    timestamp=int(printed_at.timestamp()),
                )
                marks = json.loads(self._compiler.query("<layout>", field="value"))
            except typst.TypstError as error:
                raise TypesetError(f"{error.message} {' '.join(error.trace)}") from error
        assert isinstance(pdf, bytes)
        seal_at = next((SealAt(mark["page"], mark["x"], mark["y"]) for mark in marks if mark["name"] == "seal"), None)
        pages = next(mark["pages"] for mark in marks if mark["name"] == "end")
        return Typeset(pdf, seal_at, pages)


_PRESSES: dict[str, _Press] = {}
_FONTS: list[typst.Fonts] = []
_SETUP = threading.Lock()


def _press(template: str) -> _Press:
    with _SETUP:
        if template not in _PRESSES:
            _PRESSES[template] = _Press(template)
        return _PRESSES[template]


def _fonts() -> typst.Fonts:
    """The package's fonts, loaded once. Called under _SETUP."""
    if not _FONTS:
        folder = pylopdf_fonts_zh_cn.sans_path().parent
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])
        if missing := FAMILIES - set(fonts.families()):
            raise TypesetError(f"no fonts {missing} in {folder.name}")
        _FONTS.append(fonts)
    return _FONTS[0]


def _rows_in(data: Mapping[str, object]) -> int:
    return sum(len(value) for value in data.values() if isinstance(value, Sequence) and not isinstance(value, str))


def _paper_data(data: Mapping[str, object]) -> dict[str, object]:
    """The data as text for the template, with what every template needs beside them."""
    written = {key: _written(key, value) for key, value in data.items()}
    for key, value in data.items():
        if key.endswith("_fen") and isinstance(value, int):
            written[f"{key.removesuffix('_fen')}_capitals"] = capital_yuan(value)
    written["insurance_columns"] = [[int(insurance), SHORT_LABELS[insurance][:2]] for insurance in INSURANCES]
    if isinstance(code := data.get("code"), str):
        written["code"] = shown(code)
    return written


def _written(key: str, value: object) -> object:
    """One value as its key's last word asks: see contracts.py."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        if key.endswith("_fen"):
            return money.yuan_shown(value)
        return f"{value // 100}年{value % 100}月" if key.endswith("_month") else int(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {inner: _written(inner, item) for inner, item in value.items()}
    if isinstance(value, Set):
        return sorted(int(item) for item in value)
    if isinstance(value, Sequence):
        return [_written(key, item) for item in value]
    raise TypesetError(f"{key}: {type(value).__name__} cannot be printed")


# Template: list, key of its rows, key of the total that they must add up to.
_SUMS = {
    "addition_roster": ((("rows",), "wage_fen", "wage_total_fen"),),
    "unit_assessment": (
        (("lines", "arrears"), "unit_fen", "unit_fen"),
        (("lines", "arrears"), "person_fen", "person_fen"),
        (("arrears",), "late_fee_fen", "late_fee_fen"),
        (("lines", "arrears"), "total_fen", "total_fen"),
    ),
}


def _check_sums(template: str, data: Mapping[str, object]) -> None:
    """A paper whose lines do not add up is our own mistake and must not leave the house."""
    for lists, key, total in _SUMS.get(template, ()):
        added = sum(row[key] for name in lists for row in data[name])  # type: ignore[attr-defined]
        if added != data[total]:
            raise TypesetError(f"{'+'.join(lists)}.{key} add up to {added}, {total} says {data[total]}")
