"""Typesetting: typed data in, PDF/A out. The same data give the same bytes, whatever fonts the machine has.

Text from data is text: it can carry no markup into a template. A character that the fonts lack stops the paper; it is never left out.
"""

import json
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime

from shebao.base import money
from shebao.base.terms import INSURANCES, SHORT_LABELS
from shebao.papers.capitals import capital_yuan
from shebao.papers.codes import shown
from shebao.papers.press import SealAt, Sheet, Typeset, TypesetError, run, run_apart

__all__ = ["SealAt", "Typeset", "TypesetError", "typeset"]

TAGGED_ROWS_MAX = 200  # a tagged list of 5,000 rows is 17 times as large as an untagged one, and takes much memory: see press.py
ROWS_MAX = 20_000  # one paper; longer lists are split by the caller


def typeset(template: str, data: Mapping[str, object], *, apart: bool = False) -> Typeset:
    """Set a paper.

    Args: template: a PaperKind's value. data: as contracts.py says for it, with printed_at. apart: in a process that ends with it, so
    that nothing of the data stays in the memory of the press.
    Raises: TypesetError when data and template do not fit each other.
    """
    rows = _rows_in(data)
    if rows > ROWS_MAX:
        raise TypesetError(f"{rows} rows: one paper takes at most {ROWS_MAX}")
    printed_at = data.get("printed_at")
    if not isinstance(printed_at, datetime) or printed_at.tzinfo is None:
        raise TypesetError("printed_at must be a datetime with a zone")
    _check_sums(template, data)
    sheet = Sheet(template, json.dumps(_paper_data(data), ensure_ascii=False), int(printed_at.timestamp()), rows <= TAGGED_ROWS_MAX)
    return run(sheet) if sheet.tagged and not apart else run_apart(sheet)


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
    "rights_record": ((("months",), "account_fen", "months_total_fen"),),
    "arrears_detail": tuple((("rows",), key, key) for key in ("unit_fen", "person_fen", "late_fee_fen", "total_fen")),
}


def _check_sums(template: str, data: Mapping[str, object]) -> None:
    """A paper whose lines do not add up is our own mistake and must not leave the house."""
    for lists, key, total in _SUMS.get(template, ()):
        added = sum(row[key] for name in lists for row in data[name])  # type: ignore[attr-defined]
        if added != data[total]:
            raise TypesetError(f"{'+'.join(lists)}.{key} add up to {added}, {total} says {data[total]}")
