"""One person's due on a bill, and how the money of a line is shared over its people. Pure: see owing.py for where they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shebao.base.money import split
from shebao.base.terms import Insurance

Key = tuple[int, int, int]
Absence = tuple[int, int | None]  # left the line at this level of its money, came back at that one (None: not)


@dataclass(frozen=True, slots=True)
class Owed:
    """One person's due of a month and type on a bill; fen. paid_*: the share of what has come in on the bill."""

    person_id: int
    month: int
    insurance: Insurance
    origin: str
    base_fen: int
    unit_fen: int
    person_fen: int
    line_id: int
    bill_id: int
    bill_number: str
    due_date: date
    unit_id: int
    paid_unit_fen: int = 0
    paid_person_fen: int = 0

    @property
    def key(self) -> tuple[int, int, int]:
        """Which due of its line it is."""
        return self.line_id, self.person_id, self.month

    @property
    def open_unit_fen(self) -> int:
        return self.unit_fen - self.paid_unit_fen

    @property
    def open_person_fen(self) -> int:
        return self.person_fen - self.paid_person_fen

    @property
    def open_fen(self) -> int:
        return self.open_unit_fen + self.open_person_fen

    @property
    def paid_fen(self) -> int:
        return self.paid_unit_fen + self.paid_person_fen


def shared(
    dues: Sequence[Owed], paid_fen: int, absences: Mapping[Key, Sequence[Absence]], *, people_first: bool = False
) -> dict[Key, tuple[int, int]]:
    """(unit, person) still open of each due of one line, after all the money of the line was shared, stretch by stretch, over those
    who were on it. people_first: the unit part is deferred, so money counts for the people's own parts before it."""
    left = {due.key: [due.unit_fen, due.person_fen] for due in dues}
    # Of this line alone: levels of another line's money would cut it where nobody left, and round its parts otherwise.
    gone = [absence for due in dues for absence in absences.get(due.key, ())]
    ends = {level for absence in gone for level in absence if level is not None and 0 < level < paid_fen}
    start = 0
    for end in sorted(ends | {paid_fen}):
        here = [due.key for due in dues if not any(a <= start and (b is None or b >= end) for a, b in absences.get(due.key, ()))]
        own_fen = min(end - start, sum(left[key][1] for key in here)) if people_first else 0
        if own_fen:
            for key, fen in zip(here, split(own_fen, [left[key][1] for key in here]), strict=True):
                left[key][1] -= fen
        if end - start > own_fen:
            parts = split(end - start - own_fen, [fen for key in here for fen in left[key]])
            for i, key in enumerate(here):
                left[key][0] -= parts[2 * i]
                left[key][1] -= parts[2 * i + 1]
        start = end
    return {key: (unit_fen, person_fen) for key, (unit_fen, person_fen) in left.items()}
