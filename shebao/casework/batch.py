"""批量办理: a workbook becomes rows of a case. Loaded in chunks, each on record with its outcome; a killed job goes on where it was."""

import gc
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import psycopg
from django.db import connection

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.casework.cases import locked, moved, new_case, note, once
from shebao.casework.examine import Columns, Examined, as_json, sift, take
from shebao.casework.item import Context, ServiceItem
from shebao.casework.jobs import defer
from shebao.casework.models import CaseState, Channel, Upload
from shebao.casework.passing import store_passed

CHUNK_ROWS = 5_000


def receive(item: ServiceItem, context: Context, name: str, content: bytes, sha256: bytes, *, key: UUID | None) -> int:
    """Keep an uploaded workbook and queue its reading. Answers at once with the case."""

    def act() -> int:
        case = new_case(item, context, Channel.WORKBOOK, name, CaseState.CHECKING)
        Upload.objects.create(
            case=case,
            unit_id=context.unit_id,
            agency_id=context.agency_id,
            name=name[:160],
            sha256=sha256,
            content=content,
            started_at=context.at,
        )
        note(case, "uploaded", f"上传文件 {name}", at=context.at)
        defer("check_upload", case_id=case.pk)
        return case.pk

    return once(key, f"upload:{item.code}", sha256.hex(), context, act)


def refuse(case_id: int, error: ShebaoError, *, at: datetime) -> None:
    """The file as a whole cannot be read: say so on the case, keep the file."""
    with acting(ENGINE):
        case = locked(case_id)
        Upload.objects.filter(case=case).update(problem=error.text[:400], problem_code=error.code, finished_at=at, rows_total=0)
        case.state, case.ended_at = CaseState.WITHDRAWN, at
        moved(case, at=at)
        note(case, "refused", error.text, at=at)


def announce(case_id: int, rows: int) -> None:
    """About how many rows the file holds, as soon as that is known: reading it takes most of the time. load() puts it right."""
    with acting(ENGINE):
        Upload.objects.filter(case_id=case_id, rows_checked=0, finished_at=None).update(rows_total=rows)


def load(
    case_id: int,
    item: ServiceItem,
    context: Context,
    columns: Columns,
    rows: Sequence[int],
    warnings: Sequence[str],
    *,
    clock: Callable[[], datetime],
) -> None:
    """Examine and store the rows of an upload, a chunk a transaction. Chunks that an earlier, killed run stored are not done twice."""
    total = len(rows)
    with acting(ENGINE):
        Upload.objects.filter(case_id=case_id).update(rows_total=total, warnings=list(warnings))
        done = Upload.objects.values_list("rows_checked", flat=True).get(case_id=case_id)
    # Doubles concern the whole file, so they are looked for before it is cut into chunks.
    # A hundred thousand small dicts live until their chunk is stored; collecting garbage meanwhile finds none and costs half the time.
    gc.disable()
    try:
        finished = _load(case_id, item, context, columns, rows, done)
    finally:
        gc.enable()
    if not finished:
        return
    with acting(ENGINE):
        case = locked(case_id)
        if case.state == CaseState.CHECKING:
            case.state, case.subject = CaseState.DRAFT, f"{total} 人"
            moved(case, at=context.at)
            note(case, "checked", f"校验完成，共 {total} 行", at=context.at)
        Upload.objects.filter(case_id=case_id).update(finished_at=clock())


def _load(case_id: int, item: ServiceItem, context: Context, columns: Columns, rows: Sequence[int], done: int) -> bool:
    """Examine and store chunk after chunk. False when somebody else is at this upload: a job that was taken up again too early."""
    taken = take(item, columns, rows)
    for begin in range(done, len(rows), CHUNK_ROWS):
        end = min(begin + CHUNK_ROWS, len(rows))
        with acting(ENGINE):
            # The guard of the chunk, cheaper than a look for every single row: whoever was first has counted it, or is waited for here.
            if not Upload.objects.filter(case_id=case_id, rows_checked=begin).select_for_update().values_list("pk"):
                return False
            passed, others = sift(item, context, taken, begin, end)
            store_passed(case_id, context, passed, rows)
            _store(case_id, context, others)
            Upload.objects.filter(case_id=case_id).update(rows_checked=end)
    return True


_STORE = """
insert into casework_filing (case_id, row, unit_id, agency_id, state, id_number, name, typed, values, refusals, warnings,
                             return_reason, round, changed_at)
select %(case)s, n.row, %(unit)s, %(agency)s, 'draft', n.id_number, n.name, coalesce(n.typed, '{}'), n.values, n.refusals, n.warnings,
       '', 0, %(at)s
from jsonb_to_recordset(%(rows)s::jsonb)
     as n (row int, id_number text, name text, typed jsonb, values jsonb, refusals jsonb, warnings jsonb)
"""


def _store(case_id: int, context: Context, found: Sequence[Examined]) -> None:
    """One statement with one document: as fast as COPY here, and row-level security stays on (COPY FROM would refuse it)."""
    if not found:
        return
    rows = [_document(examined) for examined in found]
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(
            _STORE,
            {
                "case": case_id,
                "unit": context.unit_id,
                "agency": context.agency_id,
                "at": context.at,
                "rows": json.dumps(rows, ensure_ascii=False),
            },
        )


def _document(examined: Examined) -> dict[str, object]:
    row: dict[str, object] = {"row": examined.row, "id_number": examined.id_number, "name": examined.name}
    if examined.readable:
        row["values"] = examined.values
    if examined.refusals:
        row |= {"typed": examined.typed, "refusals": as_json(examined.refusals)}
    if examined.warnings:
        row["warnings"] = as_json(examined.warnings)
    return row
