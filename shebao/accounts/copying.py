"""Columns between PostgreSQL and NumPy: int8 arrays come and go as their bytes, rows go as binary COPY; plans for many rows."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from django.db import connection
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format

INT8_OID, INT8_ARRAY_OID = 20, 1016
PART_BYTES = 1 << 20
_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i8")])
_ARRAY_HEADER_BYTES = 20
_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"


class _RawLoader(Loader):
    format = 1  # type: ignore[assignment]

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


@dataclass(frozen=True, slots=True)
class Column:
    """Whole numbers, shape (n,), as a parameter int8[] of a RawArrays cursor."""

    values: NDArray[np.int64]


class _RawDumper(Dumper):
    format = Format.BINARY
    oid = INT8_ARRAY_OID

    def dump(self, obj: Column) -> bytes:
        elements = np.empty(len(obj.values), _ELEMENT)
        elements["length"], elements["value"] = 8, obj.values
        if not len(elements):
            return struct.pack(">iiI", 0, 0, INT8_OID)
        return struct.pack(">iiIii", 1, 0, INT8_OID, len(elements), 1) + elements.tobytes()


class RawArrays(psycopg.Cursor[Any]):
    """A server-side-binding cursor on the psycopg connection of the transaction that hands int8[] over as bytes; execute with binary."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.adapters.register_loader(INT8_ARRAY_OID, _RawLoader)
        self.adapters.register_dumper(Column, _RawDumper)


def array_of(value: bytes | None) -> NDArray[np.int64]:
    """One int8[] in the wire's form, shape (n,); empty for null. There may be no nulls inside."""
    if value is None:
        return np.empty(0, np.int64)
    return np.frombuffer(value, _ELEMENT, offset=_ARRAY_HEADER_BYTES)["value"].astype(np.int64)


def rows_of(cursor: RawArrays) -> list[NDArray[np.int64]]:
    """The arrays of a query's single row."""
    row = cursor.fetchone()
    return [array_of(value) for value in row] if row is not None else []


_FOR_MANY = {"enable_nestloop": "off", "enable_mergejoin": "off", "enable_indexscan": "off", "max_parallel_workers_per_gather": "0"}


@contextmanager
def many_rows() -> Iterator[None]:
    """Statements inside touch a range of some ten thousand rows: page by page, joined by hash, by this backend alone (a run has its own
    two writers). The planner cannot know: it has no figures of tables that are just being filled."""
    with connection.cursor() as cursor:
        cursor.execute("".join(f"set local {name} = {value};" for name, value in _FOR_MANY.items()))
        yield  # after an error the rollback gives them back
        cursor.execute("".join(f"set local {name} to default;" for name in _FOR_MANY))


def copy_rows(table: str, columns: Sequence[tuple[str, int]], values: Mapping[str, NDArray[Any]]) -> None:
    """COPY rows into a table of the current transaction. columns: name and bytes; whole numbers of 1, 2, 4, 8 bytes, or S for fixed text.

    Values of kind S are written with their full width in `columns`.
    """
    count = len(next(iter(values.values())))
    kinds = [(name, f"S{size}" if values[name].dtype.kind == "S" else f">i{size}") for name, size in columns]
    rows = np.empty(count, [("fields", ">i2")] + [part for name, kind in kinds for part in ((f"{name}_length", ">i4"), (name, kind))])
    rows["fields"] = len(columns)
    for name, size in columns:
        rows[f"{name}_length"] = size
        rows[name] = values[name]
    names = ", ".join(name for name, _ in columns)
    with connection.connection.cursor() as cursor, cursor.copy(f"copy {table} ({names}) from stdin (format binary)") as copy:
        copy.write(_COPY_HEADER)
        stream = rows.data.cast("B") if count else memoryview(b"")
        for start in range(0, len(stream), PART_BYTES):
            copy.write(stream[start : start + PART_BYTES])
        copy.write(_COPY_TRAILER)
