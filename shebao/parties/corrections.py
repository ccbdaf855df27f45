"""The course of corrections: what was put right, from what to what, why, and the money it moved. Appended with the correction itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shebao.parties.models import Correction, CorrectionKind


@dataclass(frozen=True, slots=True)
class NewCorrection:
    """A line to append to the course of corrections."""

    unit_id: int
    agency_id: int
    person_id: int | None
    kind: CorrectionKind
    label: str
    before: str
    after: str
    reason: str
    up_fen: int
    down_fen: int
    case_id: int | None


def note_corrections(lines: Sequence[NewCorrection], *, at: datetime) -> list[int]:
    """Append to the course of corrections, in the transaction of the correction itself. Returns their ids."""
    made = Correction.objects.bulk_create(
        [
            Correction(
                unit_id=c.unit_id,
                agency_id=c.agency_id,
                person_id=c.person_id,
                kind=c.kind,
                label=c.label[:60],
                before=c.before[:300],
                after=c.after[:300],
                reason=c.reason[:200],
                up_fen=c.up_fen,
                down_fen=c.down_fen,
                case_id=c.case_id,
                at=at,
            )
            for c in lines
        ]
    )
    return [row.pk for row in made]
