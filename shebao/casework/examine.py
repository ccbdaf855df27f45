"""Examining rows: read every cell, find doubles, load the facts of all rows in one query, run the pure checks. Every refusal
of a row comes back at once, in the order of the item's declaration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from itertools import compress

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import Refusal
from shebao.casework.fields import Cell, Field, Kind, Value
from shebao.casework.intake_columns import read_columns
from shebao.casework.item import Context, Filing, ServiceItem
from shebao.casework.models import Channel
from shebao.policy.agreed import in_force

Columns = Mapping[str, Sequence[Cell]]
Typed = dict[str, str | list[str]]


@dataclass(slots=True)
class Examined:
    """One row after examination: what was typed, what it was read as, what stands against it, what to be warned of."""

    row: int
    cells: Mapping[str, tuple[Sequence[Cell], Kind]]
    place: int
    values: dict[str, Value]
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[Refusal] = field(default_factory=list)
    filing_id: int = 0
    case_id: int = 0

    @property
    def typed(self) -> Typed:
        """What was typed, by field name. Made when asked for: of 100,000 clean rows nobody asks."""
        return {name: as_typed(column[self.place], kind) for name, (column, kind) in self.cells.items()}

    @property
    def readable(self) -> bool:
        """Whether every cell could be read, whatever the item's rules say then."""
        return not any(refusal.code.startswith("FLD") for refusal in self.refusals)

    @property
    def id_number(self) -> str:
        return str(self.values.get("id_number") or self._cell("id_number"))[:40]

    @property
    def name(self) -> str:
        return str(self.values.get("name") or self._cell("name"))[:60]

    def _cell(self, name: str) -> str | list[str]:
        return as_typed(self.cells[name][0][self.place], self.cells[name][1]) if name in self.cells else ""


def of_values(row: int, values: dict[str, Value], filing_id: int = 0, case_id: int = 0) -> Examined:
    """A stored row to be checked again: it was read before."""
    return Examined(row, {}, 0, values, filing_id=filing_id, case_id=case_id)


def typed_of(item: ServiceItem, typed: Typed, values: Mapping[str, Value] | None) -> Typed:
    """What to show in a form for a stored row: clean rows of a workbook keep their values only."""
    if typed or values is None:
        return typed
    return {f.name: f.typed(values.get(f.name)) for f in item.fields if f.batch or f.name in values}


def asked(item: ServiceItem, channel: str) -> list[Field]:
    """The fields that a case of a channel was asked for: a roster has the columns of its template only."""
    return [f for f in item.fields if f.batch or channel != Channel.WORKBOOK]


def examine(item: ServiceItem, context: Context, columns: Columns, rows: Sequence[int]) -> list[Examined]:
    """Examine rows given as columns of cells, one list a field.

    Args: rows: the row number of each position, as the person who filed counts them.
    """
    return check(item, context, read(item, columns, rows))


def check(item: ServiceItem, context: Context, found: list[Examined], *, taking_effect: bool = False) -> list[Examined]:
    """Run the item's checks on those rows that could be read, with facts loaded for all of them at once.

    taking_effect: the rows were filed before; whether the item may be filed today, and which version of a document is to be accepted
    today, is not asked again.
    """
    readable = [examined for examined in found if not examined.refusals]
    if not readable:
        return found
    filings = [Filing(examined.values, examined.row, examined.filing_id, examined.case_id) for examined in readable]
    with acting(ENGINE):
        gate = item.available(context) if item.available and not taking_effect else None
        facts = item.facts(filings, context)
    for examined, filing, fact in zip(readable, filings, facts, strict=True):
        refusals = [refusal for one in item.checks if (refusal := one(filing, fact, context))]
        lifted = item.counter_lifts if context.counter else frozenset()
        examined.refusals = [refusal for refusal in refusals if refusal.code not in lifted]
        examined.warnings = [refusal for refusal in refusals if refusal.code in lifted]
        examined.warnings += [warning for one in item.warns if (warning := one(filing, fact, context))]
        if not taking_effect:
            examined.refusals[:0] = [*([gate] if gate else []), *_outdated(item, filing, context)]
    return found


def gate_of(item: ServiceItem, context: Context) -> Refusal | None:
    """Why the item cannot be filed at all now, if so."""
    if item.available is None:
        return None
    with acting(ENGINE):
        return item.available(context)


def _outdated(item: ServiceItem, filing: Filing, context: Context) -> list[Refusal]:
    """Accepted another version of a document than the one in force."""
    told = []
    for f in item.fields:
        if f.kind is Kind.CONSENT and filing.values.get(f.name) is not None:
            now = in_force(f.document, context.on)
            if filing.values[f.name] != now.version:
                told.append(Refusal("FLD-41", f"《{now.title}》现行版本为 {now.version}，请阅读后重新勾选同意", f.name, now.version))
    return told


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows read column by column. cells: as typed, with the kind of field; values: by field name; refusals: by position, of what
    could not be read and of doubles."""

    rows: Sequence[int]
    cells: Mapping[str, tuple[Sequence[Cell], Kind]]
    values: Mapping[str, Sequence[Value]]
    refusals: Mapping[int, Sequence[Refusal]]

    def examined(self, place: int) -> Examined:
        """One of the rows by itself."""
        values = {name: column[place] for name, column in self.values.items()}
        return Examined(self.rows[place], self.cells, place, values, list(self.refusals.get(place, ())))


def take(item: ServiceItem, columns: Columns, rows: Sequence[int]) -> Taken:
    """Read the cells of rows and find doubles; no facts, no checks."""
    count = len(rows)
    fields = [f for f in item.fields if f.batch or f.name in columns]  # a roster is not asked for what its template does not hold
    given = {f.name: columns.get(f.name) or [None] * count for f in fields}
    values, refusals = read_columns(fields, given, row_numbers=rows)
    return Taken(rows, {f.name: (given[f.name], f.kind) for f in fields}, values, refusals)


def read(item: ServiceItem, columns: Columns, rows: Sequence[int]) -> list[Examined]:
    """The same, row by row."""
    taken = take(item, columns, rows)
    return [taken.examined(place) for place in range(len(rows))]


@dataclass(frozen=True, slots=True)
class Passed:
    """Rows that pass every check: their places among the rows taken, their values by field name, the warnings of each."""

    places: Sequence[int]
    values: Mapping[str, Sequence[Value]]
    warnings: Sequence[tuple[Refusal, ...]]


def sift(item: ServiceItem, context: Context, taken: Taken, begin: int, end: int) -> tuple[Passed, list[Examined]]:
    """Examine the rows taken from one place to another: those that the item's screen lets pass at once, and the others one by one.

    Returns: who passed at once; all others with what stands against them, which may be nothing.
    """
    readable = [i not in taken.refusals for i in range(begin, end)]
    columns = {name: list(compress(column[begin:end], readable)) for name, column in taken.values.items()}
    places = list(compress(range(begin, end), readable))
    screen = None if context.counter or item.available else item.screen  # the screen knows neither what is lifted nor what is closed
    with acting(ENGINE):
        told = screen(columns, context) if screen and places else [None] * len(places)
    passes = [one is not None for one in told]
    passed = Passed(
        list(compress(places, passes)),
        {name: list(compress(column, passes)) for name, column in columns.items()},
        [one for one in told if one is not None],
    )
    at_once = set(passed.places)
    return passed, check(item, context, [taken.examined(i) for i in range(begin, end) if i not in at_once])


def as_typed(cell: Cell, kind: Kind) -> str | list[str]:
    """A cell as it can be typed again and kept: text stays text, numbers and days of a workbook become text."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell[:400]
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, date):
        return cell.strftime("%Y%m") if kind is Kind.MONTH else cell.isoformat()[:10]
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, time | timedelta):
        return str(cell)
    return [str(part)[:100] for part in cell]


def as_json(refusals: Sequence[Refusal]) -> list[dict[str, str | None]] | None:
    """Refusals as they are stored; None for none, so that the database can ask for it."""
    return [
        {"code": r.code, "text": r.text, "field": r.field, "suggestion": r.suggestion, **({"link": r.link} if r.link else {})}
        for r in refusals
    ] or None


def from_json(stored: Sequence[Mapping[str, str | None]] | None) -> list[Refusal]:
    """Refusals as they were stored."""
    return [Refusal(r["code"] or "", r["text"] or "", r["field"], r["suggestion"], r.get("link") or "") for r in stored or ()]
