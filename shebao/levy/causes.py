"""Noting why dues of past months change: one row an act, before the dues that it changes are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shebao.levy.models import Cause, CauseKind


@dataclass(frozen=True, slots=True)
class Because:
    """An act that changes dues of past months. before, after, reason: where the course of corrections does not tell them."""

    kind: CauseKind
    unit_id: int
    agency_id: int
    person_id: int | None = None
    case_id: int | None = None
    correction_id: int | None = None
    before: str = ""
    after: str = ""
    reason: str = ""


def note(acts: Sequence[Because], *, at: datetime) -> list[int]:
    """Note acts, in the transaction of the change itself. Returns the causes, in the order given."""
    rows = [
        Cause(
            kind=act.kind.value,
            unit_id=act.unit_id,
            agency_id=act.agency_id,
            person_id=act.person_id,
            case_id=act.case_id,
            correction_id=act.correction_id,
            before=act.before[:300],
            after=act.after[:300],
            reason=act.reason[:200],
            at=at,
        )
        for act in acts
    ]
    return [row.pk for row in Cause.objects.bulk_create(rows)]
