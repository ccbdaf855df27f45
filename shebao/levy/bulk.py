"""A month by columns: read blocks of the register into NumPy, assess them with the one policy kernel, write binary COPY.

Measured in bench/month.py beside raw COPY. 56 bytes of data a person-month; the order of columns is that of the table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from django.db import connection
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from shebao.base.errors import ShebaoError
from shebao.base.terms import Insurance, Payer
from shebao.policy.levy import Assessed, MonthRates, assess

CHUNK_PEOPLE = 100_000
INT8_ARRAY_OID = 1016
_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i8")])
_ARRAY_HEADER_BYTES = 20

AMOUNT_COLUMNS: Mapping[tuple[Insurance, Payer], str] = {
    (Insurance.PENSION, Payer.UNIT): "pension_unit_fen",
    (Insurance.PENSION, Payer.PERSON): "pension_person_fen",
    (Insurance.UNEMPLOYMENT, Payer.UNIT): "unemployment_unit_fen",
    (Insurance.UNEMPLOYMENT, Payer.PERSON): "unemployment_person_fen",
    (Insurance.INJURY, Payer.UNIT): "injury_unit_fen",
    (Insurance.MEDICAL, Payer.UNIT): "medical_unit_fen",
    (Insurance.MEDICAL, Payer.PERSON): "medical_person_fen",
    (Insurance.LARGE_MEDICAL, Payer.PERSON): "large_medical_person_fen",
}
_COLUMNS: list[tuple[str, int]] = [
    ("person_id", 8),
    ("unit_id", 4),
    ("month", 4),
    ("pension_base_fen", 4),
    ("medical_base_fen", 4),
    *((name, 2 if name.startswith("large") else 4) for name in AMOUNT_COLUMNS.values()),
    ("profile", 2),
]
COPY_INTO = "({}) from stdin (format binary)".format(", ".join(name for name, _ in _COLUMNS))
_ROW = np.dtype([("fields", ">i2")] + [part for name, size in _COLUMNS for part in ((f"{name}_length", ">i4"), (name, f">i{size}"))])
_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"

INJURY_CLASS_SHIFT = 8


class _RawLoader(Loader):
    """Hand over the bytes of an array as they came; NumPy reads them."""

    format = 1  # type: ignore[assignment]

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


@dataclass(frozen=True, slots=True)
class Block:
    """People of some units in a month: shape (n,) each, by unit, then person. A person may stand in two units, with other types."""

    people: NDArray[np.int64]
    units: NDArray[np.int64]
    masks: NDArray[np.uint8]
    wages_fen: NDArray[np.int64]


def chunks(unit_heads: list[tuple[int, int]], size: int = CHUNK_PEOPLE) -> list[tuple[int, int]]:
    """Cut units (id, heads; by id) into ranges of unit ids with about `size` people each. The same units give the same chunks."""
    ranges: list[tuple[int, int]] = []
    people = 0
    for unit_id, heads in unit_heads:
        if not ranges or people + heads > size:
            ranges.append((unit_id, unit_id))
            people = 0
        ranges[-1] = (ranges[-1][0], unit_id)
        people += heads
    return ranges


@dataclass(frozen=True, slots=True)
class Employers:
    """The employers of a place in a month. ids: sorted, shape (n,); classes: 工伤费率类别, 0 where the register holds no terms."""

    ids: NDArray[np.int64]
    classes: NDArray[np.int8]


class NoTermsError(ShebaoError):
    """A unit has people in the month and no types in the register."""

    code = "LVY-05"


def employers(place: str, month: int) -> Employers:
    """Employers of a place, loaded once a run."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select u.id, coalesce(t.injury_class, 0) from parties_unit u
            left join parties_unitterms t on t.unit_id = u.id and t.known_to is null and t.from_month <= %s
              and (t.to_month is null or t.to_month > %s)
            where u.place = %s and u.kind = 'employer' order by u.id
            """,
            [month, month, place],
        )
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    return Employers(rows[:, 0], rows[:, 1].astype(np.int8))


def unit_heads(month: int, of: Employers) -> list[tuple[int, int]]:
    """Units of `of` with cover in a month and about how many people (spells), by unit id.

    Of these units only: their month is held, so a restart cuts the same chunks whatever happens in other places meanwhile.
    """
    ours = set(of.ids.tolist())
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select unit_id, count(*) from enrolment_spell
            where known_to is null and from_month <= %s and (to_month is null or to_month > %s) group by 1 order by 1
            """,
            [month, month],
        )
        return [(int(unit_id), int(heads)) for unit_id, heads in cursor.fetchall() if unit_id in ours]


def read_block(month: int, first_unit: int, last_unit: int, of: Employers) -> Block:
    """The register's people of a range of units in a month, with types and declared wage; those of `of` only."""
    # A server-side cursor on the psycopg connection of the current transaction: Django's own binds in the client, text only.
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.adapters.register_loader(INT8_ARRAY_OID, _RawLoader)
        cursor.execute(
            """
            select array_agg(person_id), array_agg(unit_id::int8), array_agg(insurance_mask::int8), array_agg(wage_fen) from (
              select s.person_id, s.unit_id, s.insurance_mask, w.wage_fen
              from enrolment_spell s join enrolment_wage w on w.unit_id = s.unit_id and w.person_id = s.person_id
              where s.unit_id between %(first)s and %(last)s and s.known_to is null and s.from_month <= %(month)s
                and (s.to_month is null or s.to_month > %(month)s)
                and w.unit_id between %(first)s and %(last)s and w.known_to is null and w.from_month <= %(month)s
                and (w.to_month is null or w.to_month > %(month)s)) x
            """,
            {"first": first_unit, "last": last_unit, "month": month},
            binary=True,
        )
        arrays = cursor.fetchone()
    if arrays is None or arrays[0] is None:
        empty = np.empty(0, np.int64)
        return Block(empty, empty, empty.astype(np.uint8), empty)
    people, units, masks, wages = (np.frombuffer(a, _ELEMENT, offset=_ARRAY_HEADER_BYTES)["value"].astype(np.int64) for a in arrays)
    ours = np.isin(units, of.ids)
    return _merged(Block(people[ours], units[ours], masks[ours].astype(np.uint8), wages[ours]))


def _merged(block: Block) -> Block:
    """Two spells of one person at one unit (types that began apart) become one row with both masks."""
    order = np.lexsort((block.people, block.units))
    people, units, wages = (a[order] for a in (block.people, block.units, block.wages_fen))
    masks = block.masks[order]
    if not len(people):
        return block
    starts = np.flatnonzero(np.concatenate(([True], (people[1:] != people[:-1]) | (units[1:] != units[:-1]))))
    if len(starts) == len(people):
        return Block(people, units, masks, wages)
    return Block(people[starts], units[starts], np.bitwise_or.reduceat(masks, starts), wages[starts])


def assess_block(block: Block, of: Employers, rates: MonthRates) -> tuple[Assessed, NDArray[np.int8]]:
    """Assess a block with the 工伤费率类别 of each unit, before any relief. Raises: NoTermsError, and as policy.levy.assess."""
    classes = of.classes[np.searchsorted(of.ids, block.units)]
    if len(classes) and not classes.all():
        unit_id = int(block.units[classes == 0][0])
        raise NoTermsError(f"单位（内部编号 {unit_id}）有参保人员但没有参保险种登记，请先补登单位参保险种，再重新核定")
    return assess(block.wages_fen, block.masks, classes, rates), classes


def encode(block: Block, assessed: Assessed, classes: NDArray[np.int8], month: int) -> tuple[memoryview, int]:
    """A block as a binary COPY stream, and the sum of its amounts (fen)."""
    rows = np.empty(len(block.people), _ROW)
    rows["fields"] = len(_COLUMNS)
    for name, size in _COLUMNS:
        rows[f"{name}_length"] = size
    rows["person_id"], rows["unit_id"], rows["month"] = block.people, block.units, month
    rows["pension_base_fen"], rows["medical_base_fen"] = assessed.pension_base, assessed.medical_base
    total = 0
    for key, name in AMOUNT_COLUMNS.items():
        rows[name] = assessed.amounts[key]
        total += int(assessed.amounts[key].sum(dtype=np.int64))
    rows["profile"] = block.masks.astype(np.int16) | (classes.astype(np.int16) << INJURY_CLASS_SHIFT)
    return memoryview(_COPY_HEADER + rows.tobytes() + _COPY_TRAILER), total


def write(table: str, stream: memoryview) -> None:
    """COPY a stream into a detached month table of the current transaction."""
    with connection.connection.cursor() as cursor, cursor.copy(f"copy {table} {COPY_INTO}") as copy:
        for part in _parts(stream):
            copy.write(part)


def _parts(stream: memoryview, size: int = 1 << 20) -> Iterator[Any]:
    for begin in range(0, len(stream), size):
        yield stream[begin : begin + size]
