"""Many filings of one item read at once: columns in, rows of clean values and refusals by row out."""

import gc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import cast

from shebao.base.errors import Refusal
from shebao.casework.fields import Cell, Field, Kind, Value

ROWS_NAMED_MAX = 5  # other rows named in the sentence about a double one


def clean_columns(
    fields: Sequence[Field], columns: Mapping[str, Sequence[Cell]], *, row_numbers: Sequence[int] | None = None
) -> tuple[list[dict[str, Value]], dict[int, list[Refusal]]]:
    """Read all rows of an upload. See read_columns; the values come as n rows, by field name."""
    with without_collection():
        cleaned, refusals = read_columns(fields, columns, row_numbers=row_numbers)
        pairs = map(zip, repeat(list(cleaned)), zip(*cleaned.values(), strict=True))
        return list(map(dict, pairs)), refusals


def read_columns(
    fields: Sequence[Field], columns: Mapping[str, Sequence[Cell]], *, row_numbers: Sequence[int] | None = None
) -> tuple[dict[str, list[Value]], dict[int, list[Refusal]]]:
    """Read all rows of an upload, column by column.

    Args:  columns: by field name, all of one length n; a missing one is read as empty.  row_numbers: shape (n,), the numbers that
           people see in their file; 1…n when not given. They are used in sentences only.
    Returns: by field name n values (None where empty or refused), and the refusals by position 0…n-1, in the order of the fields; a
             row whose key (the first required 公民身份号码) stands in other rows too is refused in every one of them.
    """
    with without_collection():
        return _read_columns(fields, columns, row_numbers)


@contextmanager
def without_collection() -> Iterator[None]:
    """No search for cycles while a million cells are made, none of which can be in one: a third of the time at 100,000 rows."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_columns(
    fields: Sequence[Field], columns: Mapping[str, Sequence[Cell]], row_numbers: Sequence[int] | None
) -> tuple[dict[str, list[Value]], dict[int, list[Refusal]]]:
    count = max((len(cells) for cells in columns.values()), default=0)
    cleaned: dict[str, list[Value]] = {}
    refusals: dict[int, list[Refusal]] = {}
    for field in fields:
        values, refused = field.clean_column(columns.get(field.name, [None] * count))
        assert len(values) == count, f"column {field.name} has {len(values)} cells, not {count}"
        cleaned[field.name] = values
        for i, refusal in refused.items():
            refusals.setdefault(i, []).append(refusal)
    key = next((field for field in fields if field.kind is Kind.ID_NUMBER and field.required), None)
    if key is not None:
        for i, refusal in _repeated(key, cleaned[key.name], row_numbers or range(1, count + 1)).items():
            refusals.setdefault(i, []).append(refusal)
    return cleaned, dict(sorted(refusals.items()))


def _repeated(field: Field, values: Sequence[Value], row_numbers: Sequence[int]) -> dict[int, Refusal]:
    """Every row of a value that stands in more than one."""
    texts = cast("Sequence[str | None]", values)
    different = set(texts)
    if len(different) - (None in different) == len(texts) - texts.count(None):
        return {}
    places: dict[str, list[int]] = {text: [] for text, count in Counter(texts).items() if count > 1 and text is not None}
    if not places:
        return {}
    for i, text in enumerate(texts):
        if text in places:
            places[text].append(i)
    return {i: _twice(field, i, same, row_numbers) for same in places.values() for i in same}


def _twice(field: Field, i: int, same: Sequence[int], row_numbers: Sequence[int]) -> Refusal:
    others = [row_numbers[other] for other in same[: ROWS_NAMED_MAX + 1] if other != i][:ROWS_NAMED_MAX]
    rows = "、".join(map(str, others)) + ("等" if len(same) - 1 > len(others) else "")
    action = "请删除其中一行" if len(same) == 2 else "请只保留一行"
    return Refusal("FLD-40", f"{field.label}与第 {rows} 行重复，{action}", field.name)
