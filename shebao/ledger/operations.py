"""Booking. One call books many postings in two statements; the database refuses what does not balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.base.errors import ShebaoError
from shebao.ledger.models import AccountKind, PostingState

UNASSIGNED_FUND = 0  # money that has arrived and is not yet known to belong to a fund


class UnbalancedPosting(ShebaoError):
    """Our own mistake, stopped before the database has to."""

    code = "LGR-01"
    status = 500


@dataclass(frozen=True, slots=True)
class Side:
    """One entry to come: positive fen debit (借), negative credit (贷)."""

    fund: int
    kind: AccountKind
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Booking:
    """One posting to come. `key` is its identity: booking it again changes nothing."""

    key: str
    text: str
    reference: str
    sides: tuple[Side, ...]
    state: PostingState = PostingState.POSTED
    resolves_key: str | None = None


def book(bookings: Sequence[Booking], *, place: str, on: date, at: datetime) -> int:
    """Book postings of one place and day; those whose key is known are left as they are. Returns how many were new."""
    wanted = [(booking, [side for side in booking.sides if side.amount_fen]) for booking in bookings]
    for booking, sides in wanted:
        if sum(side.amount_fen for side in sides):
            raise UnbalancedPosting(f"分录 {booking.key} 借贷不平，未入账")
    if not wanted:
        return 0
    accounts = _accounts(place, {(side.fund, side.kind.value) for _, sides in wanted for side in sides})
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ledger_posting (key, booked_on, recorded_at, state, text, reference, resolves_id)
            select n.key, %s, %s, n.state, n.text, n.reference, r.id
            from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) as n (key, state, text, reference, resolves)
            left join ledger_posting r on r.key = n.resolves
            order by n.key on conflict (key) do nothing returning key, id
            """,
            [
                on,
                at,
                [b.key for b, _ in wanted],
                [b.state.value for b, _ in wanted],
                [b.text for b, _ in wanted],
                [b.reference for b, _ in wanted],
                [b.resolves_key for b, _ in wanted],
            ],
        )
        ids: dict[str, int] = dict(cursor.fetchall())
        entries = [
            (ids[booking.key], accounts[side.fund, side.kind.value], side.amount_fen)
            for booking, sides in wanted
            if booking.key in ids
            for side in sides
        ]
        if entries:
            cursor.execute(
                """
                insert into ledger_entry (posting_id, account_id, amount_fen)
                select * from unnest(%s::bigint[], %s::int[], %s::bigint[])
                """,
                [[e[0] for e in entries], [e[1] for e in entries], [e[2] for e in entries]],
            )
    return len(ids)


def _accounts(place: str, wanted: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    ordered = sorted(wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ledger_account (place, fund, kind) select %s, f, k from unnest(%s::int[], %s::text[]) as n (f, k)
            on conflict (place, fund, kind) do nothing
            """,
            [place, [f for f, _ in ordered], [k for _, k in ordered]],
        )
        cursor.execute("select fund, kind, id from ledger_account where place = %s", [place])
        return {(fund, kind): account for fund, kind, account in cursor.fetchall()}
