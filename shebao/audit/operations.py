"""Writing the trace. Called inside the transaction of the act itself: no act without its trace."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from shebao.base.actor import current

_INSERT = """
insert into audit_event
  (at, account_id, account_name, role, unit_id, agency_id, action, subject, person_id, case_id, before, after, address)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Trace:
    """One line to record. person_id and case_id make it findable; before and after hold what changed."""

    action: str
    subject: str
    person_id: int | None = None
    case_id: int | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    unit_id: int | None = None
    agency_id: int | None = None


def record(traces: Iterable[Trace], *, at: datetime, address: str = "") -> None:
    """Append traces in the name of the current actor.

    Plain INSERT without RETURNING: whoever may only append (the public) could not read back what the ORM asks for.
    """
    actor = current()
    rows = [
        (
            at,
            actor.account_id,
            actor.name[:60],
            actor.role.value,
            trace.unit_id or actor.unit_id or None,
            trace.agency_id or actor.agency_id or None,
            trace.action,
            trace.subject[:80],
            trace.person_id,
            trace.case_id,
            _json(trace.before),
            _json(trace.after),
            address[:45],
        )
        for trace in traces
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)


def _json(changed: Mapping[str, object] | None) -> str | None:
    return None if changed is None else json.dumps(changed, ensure_ascii=False, default=str)
