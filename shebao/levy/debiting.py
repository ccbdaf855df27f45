"""What others ask of 批扣: who is out in a batch, and the arrival of a batch's money."""

from collections.abc import Iterable

from django.db import connection


def out(person_ids: Iterable[int]) -> set[int]:
    """Those of these people with dues in a debit batch that is being built, is at the bank, or is not booked yet.

    While somebody is out no other channel may take money for them. A due of theirs is 'sent' exactly as long.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct person_id from levy_flexdue where person_id = any(%s) and state = 'sent'", [sorted(set(person_ids))]
        )
        return {int(person_id) for (person_id,) in cursor.fetchall()}
