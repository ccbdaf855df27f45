"""已办业务查询 and 审核结果查询: submitted cases of a unit, and what became of every row of its batches; paged without counting."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from django.db import connection

from shebao.casework.queries import midnight

CHUNK_ROWS = 2_000
DONE = ("review", "done", "withdrawn")
DECIDED = ("review", "done", "returned")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """How the submitted cases are narrowed; empty: not. Days are those of submission, both included. who: the operator's name."""

    item_code: str = ""
    state: str = ""
    from_day: date | None = None
    to_day: date | None = None
    who: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One submitted case."""

    id: int
    number: str
    item_code: str
    item_version: int
    channel: str
    subject: str
    state: str
    returned: bool
    reason: str
    who: str
    submitted_at: datetime | None
    ended_at: datetime | None
    people: int


_CASES = """
select c.id, c.number, c.item_code, c.item_version, c.channel, c.subject, c.state, c.returned, c.return_reason, c.created_by_name,
       c.submitted_at, c.ended_at,
       (select count(*) from casework_filing f where f.case_id = c.id and f.state <> 'withdrawn')
from casework_case c
where c.unit_id = %(unit)s and (c.state = any(%(states)s) or (c.state = 'draft' and c.returned)) and c.submitted_at is not null
  and (%(before)s::bigint is null or c.id < %(before)s)
  and (%(item)s = '' or c.item_code = %(item)s)
  and (%(state)s = '' or (%(state)s = 'returned' and c.returned and c.state = 'draft') or (c.state = %(state)s))
  and (%(since)s::timestamptz is null or c.submitted_at >= %(since)s) and (%(until)s::timestamptz is null or c.submitted_at < %(until)s)
  and (%(who)s = '' or strpos(c.created_by_name, %(who)s) > 0)
  and (%(text)s = '' or c.number = upper(%(text)s) or strpos(c.subject, %(text)s) > 0 or exists (
    select 1 from casework_filing f where f.case_id = c.id and f.unit_id = %(unit)s and f.state <> 'withdrawn'
      and (f.id_number = upper(%(text)s) or f.name = %(text)s)))
order by c.id desc limit %(limit)s
"""


def submitted_cases(unit_id: int, wanted: CaseFilter, *, before: int | None = None, limit: int = 20) -> list[CaseLine]:
    """Submitted cases of a unit, the newest number first, from before a case on."""
    values: dict[str, Any] = {
        "unit": unit_id,
        "states": list(DONE),
        "before": before,
        "item": wanted.item_code,
        "state": wanted.state,
        "since": midnight(wanted.from_day) if wanted.from_day else None,
        "until": midnight(wanted.to_day + timedelta(days=1)) if wanted.to_day else None,
        "who": wanted.who,
        "text": wanted.text,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CASES, values)
        return [CaseLine(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """How the rows of batches are narrowed; empty: not. number: the batch. text: an ID number, its beginning, or part of a name."""

    state: str = ""
    number: str = ""
    from_day: date | None = None
    to_day: date | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One row of a batch with what became of it. decided_at: None while it waits."""

    case_id: int
    row: int
    number: str
    id_number: str
    name: str
    state: str
    reason: str
    submitted_at: datetime | None
    decided_at: datetime | None

    @property
    def place(self) -> tuple[int, int]:
        return self.case_id, self.row


_RESULTS = """
select c.id, f.row, c.number, f.id_number, f.name, f.state, f.return_reason, c.submitted_at,
       case when f.state <> 'review' then f.changed_at end
from casework_case c join casework_filing f on f.case_id = c.id
where c.unit_id = %(unit)s and c.item_code = any(%(items)s) and c.channel = any(%(channels)s) and c.submitted_at is not null
  and f.round > 0 and f.state = any(%(states)s) and (%(state)s = '' or f.state = %(state)s)
  and (%(number)s = '' or c.number = upper(%(number)s))
  and (%(since)s::timestamptz is null or c.submitted_at >= %(since)s) and (%(until)s::timestamptz is null or c.submitted_at < %(until)s)
  and (%(text)s = '' or strpos(f.name, %(text)s) > 0 or f.id_number like upper(%(text)s) || '%%')
  and (%(case)s::bigint is null or c.id < %(case)s or (c.id = %(case)s and f.row > %(row)s))
order by c.id desc, f.row limit %(limit)s
"""


def batch_results(
    unit_id: int,
    item_codes: Sequence[str],
    wanted: ResultFilter,
    *,
    channels: Sequence[str] = ("workbook", "api"),
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> list[ResultLine]:
    """Rows of a unit's batches of some items, the newest batch first, in the order of the file, from after (case, row) on."""
    values: dict[str, Any] = {
        "unit": unit_id,
        "items": list(item_codes),
        "channels": list(channels),
        "states": list(DECIDED),
        "state": wanted.state,
        "number": wanted.number,
        "since": midnight(wanted.from_day) if wanted.from_day else None,
        "until": midnight(wanted.to_day + timedelta(days=1)) if wanted.to_day else None,
        "text": wanted.text.replace("\\", "").replace("%", "").replace("_", ""),
        "case": after[0] if after else None,
        "row": after[1] if after else 0,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS, values)
        return [ResultLine(*row) for row in cursor.fetchall()]


def every(page: Callable[[Any], list[Row]], key: Callable[[Row], Any]) -> Iterator[Row]:
    """All rows of a paged query, a page after the other: page(None) is the first one, page(key(last row)) the next."""
    place: Any = None
    while rows := page(place):
        yield from rows
        place = key(rows[-1])


def result_counts(unit_id: int, item_codes: Sequence[str], wanted: ResultFilter) -> dict[str, int]:
    """How many rows of the batches in the period passed, went back and wait."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select f.state, count(*) from casework_case c join casework_filing f on f.case_id = c.id
            where c.unit_id = %s and c.item_code = any(%s) and c.channel in ('workbook', 'api') and c.submitted_at is not null
              and f.round > 0 and f.state in ('review', 'done', 'returned') and (%s = '' or c.number = upper(%s))
              and (%s::timestamptz is null or c.submitted_at >= %s) and (%s::timestamptz is null or c.submitted_at < %s)
            group by 1
            """,
            [
                unit_id,
                list(item_codes),
                wanted.number,
                wanted.number,
                *(2 * [midnight(wanted.from_day) if wanted.from_day else None]),
                *(2 * [midnight(wanted.to_day + timedelta(days=1)) if wanted.to_day else None]),
            ],
        )
        return dict(cursor.fetchall())
