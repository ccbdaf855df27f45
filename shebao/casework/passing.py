"""Storing the rows of a batch that pass, column by column: no object and no dict a row, one text a column to the database."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import cast

import psycopg
from django.db import connection

from shebao.base.errors import Refusal
from shebao.casework.examine import Passed, as_json
from shebao.casework.fields import Value
from shebao.casework.item import Context

_BETWEEN = "\x1f"  # stands in no value (cells.INVISIBLE) and in no JSON text
_SPECIAL = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')

_STORE = """
insert into casework_filing (case_id, row, unit_id, agency_id, state, id_number, name, typed, values, refusals, warnings,
                             return_reason, round, changed_at)
select %(case)s, n.row, %(unit)s, %(agency)s, 'draft', coalesce(n.id_number, ''), coalesce(n.name, ''), '{}', n.values::jsonb, null,
       nullif(n.warnings, '')::jsonb, '', 0, %(at)s
from unnest(string_to_array(%(rows)s, %(between)s)::int[], string_to_array(%(id_numbers)s, %(between)s),
            string_to_array(%(names)s, %(between)s), string_to_array(%(values)s, %(between)s), string_to_array(%(warnings)s, %(between)s))
     as n (row, id_number, name, values, warnings)
"""


def store_passed(case_id: int, context: Context, passed: Passed, rows: Sequence[int]) -> None:
    """Store rows that passed as drafts of a case. The caller holds the upload and knows that none of them is there yet.

    Args: rows: the row number of every place.
    """
    if not passed.places:
        return
    nothing: list[Value] = [None] * len(passed.places)
    # Values are clean, so none holds the separator; each text becomes an array at C speed on the server.
    texts = {
        "rows": _BETWEEN.join([str(rows[place]) for place in passed.places]),
        "id_numbers": _BETWEEN.join(_texts(passed.values.get("id_number", nothing))),
        "names": _BETWEEN.join(_texts(passed.values.get("name", nothing))),
        "values": documents(passed.values, _BETWEEN),
        "warnings": _BETWEEN.join(_warnings(passed.warnings)),
    }
    with psycopg.Cursor(connection.connection) as cursor:
        common = {"case": case_id, "unit": context.unit_id, "agency": context.agency_id, "at": context.at, "between": _BETWEEN}
        cursor.execute(_STORE, common | texts)


def documents(columns: Mapping[str, Sequence[Value]], between: str) -> str:
    """Rows as JSON objects in one text, made by one join over the columns: many times as fast as one dict a row."""
    parts: list[Iterable[str]] = []
    before = "{"
    for name, values in columns.items():
        quote, fragments = _fragments(values)
        parts += [repeat(f"{before}{json.dumps(name)}:{quote}"), fragments]
        before = f"{quote},"
    parts.append(repeat(f"{before[:-1]}}}{between}"))
    return "".join(chain.from_iterable(zip(*parts)))[: -len(between)]  # noqa: B905 - the repeated ones never end


def _fragments(values: Sequence[Value]) -> tuple[str, Iterable[str]]:
    """Each value as JSON, and the quote that still has to stand around all of them."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return "", map(str, values)
    if kinds == {str} and not _SPECIAL.search("".join(cast("Sequence[str]", values))):
        return '"', cast("Sequence[str]", values)
    keys = list(map(tuple, values)) if kinds == {list} else [tuple(v) if type(v) is list else v for v in values]  # type: ignore[arg-type]
    known = {key: json.dumps(key, ensure_ascii=False) for key in set(keys)}
    return "", map(known.__getitem__, keys)


def _texts(values: Sequence[Value]) -> list[str]:
    return [value if type(value) is str else "" if value is None else str(value) for value in values]


def _warnings(warnings: Sequence[tuple[Refusal, ...]]) -> list[str]:
    known = {told: json.dumps(as_json(told), ensure_ascii=False) if told else "" for told in set(warnings)}
    return [known[told] for told in warnings]
