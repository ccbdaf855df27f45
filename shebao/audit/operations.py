"""Writing the trace. Called inside the transaction of the act itself: no act without its trace."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shebao.audit.models import Event
from shebao.base.actor import current


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
    """Append traces in the name of the current actor."""
    actor = current()
    Event.objects.bulk_create(
        [
            Event(
                at=at,
                account_id=actor.account_id,
                account_name=actor.name,
                role=actor.role.value,
                unit_id=trace.unit_id or actor.unit_id or None,
                agency_id=trace.agency_id or actor.agency_id or None,
                action=trace.action,
                subject=trace.subject,
                person_id=trace.person_id,
                case_id=trace.case_id,
                before=trace.before,
                after=trace.after,
                address=address,
            )
            for trace in traces
        ],
        batch_size=1000,
    )
