"""What a person of finance sees first: what came in today, what is on its way and how long, what waits for a second pair of eyes."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from shebao.levy.desk_queries import Sums

AGES = (3, 7, 15)  # days: classes of money on its way; the working days a bank takes are shorter than the first


@dataclass(frozen=True, slots=True)
class Transit:
    """Money told of and not arrived, by how many days ago it was paid: counts and fen of each class, the last one open."""

    classes: list[Sums]
    oldest: date | None

    @property
    def count(self) -> int:
        return sum(c.count for c in self.classes)

    @property
    def fen(self) -> int:
        return sum(c.fen for c in self.classes)

    @property
    def late(self) -> Sums:
        """What is older than the last bound."""
        return self.classes[-1]


def arrivals(agency_id: int, on: date) -> Sums:
    """Receipts entered on a day, and those on their way that arrived on it; what is pending or void not counted."""
    return _one(
        """
        select count(*), coalesce(sum(amount_fen), 0)::bigint from levy_receipt
        where agency_id = %s and parent_id is null and state in ('allocated', 'suspense')
          and (arrived_on = %s or (channel in ('file', 'hand') and (entered_at at time zone 'Asia/Shanghai')::date = %s))
        """,
        [agency_id, on, on],
    )


def transit(agency_id: int, on: date) -> Transit:
    """What the tax office or a bank told of and no statement has shown yet: receipts of the agency, and debit batches by their lines."""
    bounds = [0, *AGES]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with away as (
              select paid_on as day, amount_fen as fen from levy_receipt
              where agency_id = %(agency)s and channel in ('tax', 'bank') and arrived_on is null and parent_id is null
                and state in ('allocated', 'suspense')
              union all
              select r.taken_on, r.taken_fen from levy_debitresult r join levy_debitbatch b on b.id = r.batch_id
              join levy_debitfile f on f.batch_id = b.id and f.part = r.part
              where r.agency_id = %(agency)s and r.result = '00' and b.state = 'posted' and f.arrived_on is null and r.part = 1)
            select width_bucket(greatest(%(on)s::date - day, 0), %(bounds)s::int[]), count(*), sum(fen)::bigint, min(day)
            from away group by 1
            """,
            {"agency": agency_id, "on": on, "bounds": bounds},
        )
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    classes = [Sums(*found[i][:2]) if i in found else Sums(0, 0) for i in range(1, len(bounds) + 1)]
    return Transit(classes, min((row[2] for row in found.values()), default=None))


def refunds_waiting(agency_id: int) -> Sums:
    """退费 that wait for a reviewer."""
    return _one(
        "select count(*), coalesce(sum(amount_fen), 0)::bigint from levy_refund where agency_id = %s and state in ('applied', 'reviewed')",
        [agency_id],
    )


def differences_open(agency_id: int) -> Sums:
    """Differences of 对账 that nobody has settled yet."""
    return _one(
        "select count(*), coalesce(sum(abs(coalesce(theirs_fen, 0) - coalesce(ours_fen, 0))), 0)::bigint from levy_difference"
        " where agency_id = %s and state <> 'settled'",
        [agency_id],
    )


def _one(sql: str, values: list[object]) -> Sums:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)  # type: ignore[arg-type]
        return Sums(*cursor.fetchone())
