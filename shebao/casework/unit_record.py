"""How a unit has filed so far, in figures: for whoever judges it."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """Rows that a unit submitted online since a day, those of them that were ever sent back, and its first submission at all."""

    submitted: int
    returned: int
    first_at: datetime | None


def record_of(unit_id: int, since: date) -> UnitRecord:
    """The record of a unit. Rows returned once stand in a later round after they were submitted again."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(*) filter (where c.submitted_at >= %(since)s and f.state <> 'draft'),
                   count(*) filter (where c.submitted_at >= %(since)s and (f.round > 1 or f.state = 'returned')),
                   min(c.submitted_at)
            from casework_case c join casework_filing f on f.case_id = c.id
            where c.unit_id = %(unit)s and c.channel <> 'counter' and c.submitted_at is not null and f.round > 0
            """,
            {"unit": unit_id, "since": since},
        )
        return UnitRecord(*cursor.fetchone())
