"""Questions about what flexible workers owe."""

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class OwedBy:
    """What a person may still pay: months and fen, by where it stands."""

    open_months: int
    open_fen: int
    billed_fen: int
    sent_fen: int


def owed_by(person_id: int) -> OwedBy:
    """待缴 of a person: open months, what stands on bills, what is out in a debit batch."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(distinct month) filter (where state = 'open'),
                   coalesce(sum(total_fen + interest_fen) filter (where state = 'open'), 0)::bigint,
                   coalesce(sum(total_fen + interest_fen) filter (where state = 'billed'), 0)::bigint,
                   coalesce(sum(total_fen + interest_fen) filter (where state = 'sent'), 0)::bigint
            from levy_flexdue where person_id = %s
            """,
            [person_id],
        )
        return OwedBy(*cursor.fetchone())
