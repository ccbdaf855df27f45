"""Booking. One call books many postings in two statements; the database refuses what does not balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.ledger.models import AccountKind, PlaceBook, Posting, PostingState

UNASSIGNED_FUND = 0  # money that has arrived and is not yet known to belong to a fund


class UnbalancedPosting(ShebaoError):
    """Our own mistake, stopped before the database has to."""

    code = "LGR-01"
    status = 500


class DayClosedError(ShebaoError):
    """The day is closed (日结): nothing comes into it any more."""

    code = "BKS-01"

    def __init__(self, on: date, closed_to: date) -> None:
        first_open = closed_to + timedelta(days=1)
        super().__init__(
            f"{on.isoformat()} 已经日结（账已结到 {closed_to.isoformat()}），不能再记账，本次没有入账；"
            f"请按 {first_open.isoformat()} 或以后的日期办理，差错用冲销更正"
        )


class UnknownPendingError(ShebaoError):
    """Our own mistake: a booking resolves a key that nobody booked, or that is not pending."""

    code = "BKS-02"
    status = 500


class NotReversibleError(ShebaoError):
    """Only what is posted can be reversed, once; a reversal is not reversed, it is booked anew."""

    code = "BKS-03"


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


def closed_to(place: str) -> date | None:
    """Up to which day the books of a place are closed. The answer holds until the end of the transaction: closing waits for it."""
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute("select closed_to from ledger_placebook where place = %s for share", [place])
            if (row := cursor.fetchone()) is not None:
                return row[0]  # type: ignore[no-any-return]
            cursor.execute("insert into ledger_placebook (place) values (%s) on conflict do nothing", [place])
    return PlaceBook.objects.get(place=place).closed_to


def book(bookings: Sequence[Booking], *, place: str, on: date, at: datetime) -> int:
    """Book postings of one place and day; those whose key is known are left as they are. Returns how many were new.

    on: the day of booking. It is the caller's to say and is never moved silently; see docs/decisions/0014.
    Raises: DayClosedError (nothing is booked then), UnknownPendingError, UnbalancedPosting.
    """
    wanted = [(booking, [side for side in booking.sides if side.amount_fen]) for booking in bookings]
    for booking, sides in wanted:
        if sum(side.amount_fen for side in sides):
            raise UnbalancedPosting(f"分录 {booking.key} 借贷不平，未入账")
    if not wanted:
        return 0
    shut = closed_to(place)
    if shut is not None and on <= shut:
        keys = {booking.key for booking, _ in wanted}
        if Posting.objects.filter(key__in=keys).count() == len(keys):
            return 0  # told again, long after: nothing new
        raise DayClosedError(on, shut)
    _known([booking for booking, _ in wanted])
    accounts = _accounts(place, {(side.fund, side.kind.value) for _, sides in wanted for side in sides})
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ledger_posting (key, place, booked_on, recorded_at, state, text, reference, resolves_id)
            select n.key, %s, %s, %s, n.state, n.text, n.reference, r.id
            from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) as n (key, state, text, reference, resolves)
            left join ledger_posting r on r.key = n.resolves
            order by n.key on conflict (key) do nothing returning key, id
            """,
            [
                place,
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


def _known(bookings: Sequence[Booking]) -> None:
    """What is to be resolved must be there and pending: a key mistyped would post twice, or never."""
    resolving = {b.resolves_key: b.key for b in bookings if b.resolves_key}
    if not resolving:
        return
    pending = set(Posting.objects.filter(key__in=resolving, state=PostingState.PENDING).values_list("key", flat=True))
    for resolves, key in resolving.items():
        if resolves not in pending:
            raise UnknownPendingError(f"分录 {key} 所对应的待确认分录 {resolves} 不存在或不是待确认，未入账；请联系系统管理员")


def reverse(key: str, reason: str, *, on: date, at: datetime) -> int:
    """冲销: book the mirror of a posting on another day, bound to it. Returns the new posting. Done again, it says so.

    For operations that take back what they did, and its sub-ledger with it: the books alone are never reversed by hand.
    reason: shown on the pages of both. Raises: NotReversibleError, DayClosedError.
    """
    original = Posting.objects.filter(key=key).first()
    if original is None:
        raise NotReversibleError(f"没有分录 {key}，没有冲销；请核对凭证")
    shut = closed_to(original.place)
    if shut is not None and on <= shut:
        raise DayClosedError(on, shut)
    if on < original.booked_on:
        raise NotReversibleError(f"冲销日期 {on.isoformat()} 早于原凭证日期 {original.booked_on.isoformat()}，请改用当天或以后的日期")
    if original.state != PostingState.POSTED:
        raise NotReversibleError(f"凭证 {original.pk} 是“{PostingState(original.state).label}”，没有生效，不用冲销；待确认的请作废")
    if original.reverses_id is not None:
        raise NotReversibleError(f"凭证 {original.pk} 本身是冲销凭证，不能再冲销；请重新登记一笔")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ledger_posting (key, place, booked_on, recorded_at, state, text, reference, reverses_id)
            values (%s, %s, %s, %s, 'posted', %s, %s, %s) on conflict do nothing returning id
            """,
            [f"reverse:{original.pk}", original.place, on, at, f"冲销：{reason}"[:120], original.reference, original.pk],
        )
        row = cursor.fetchone()
        if row is None:
            raise NotReversibleError(f"凭证 {original.pk} 已经冲销过，没有重复冲销")
        cursor.execute(
            "insert into ledger_entry (posting_id, account_id, amount_fen)"
            " select %s, account_id, -amount_fen from ledger_entry where posting_id = %s order by id",
            [row[0], original.pk],
        )
    record([Trace("ledger.reversed", f"{original.pk} {original.text}", after={"reason": reason, "posting": row[0]})], at=at)
    return int(row[0])


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
