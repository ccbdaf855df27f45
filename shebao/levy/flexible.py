"""灵活就业应缴: how a flexible worker's dues come about, are paid, and go. One row a person, month and type (levy_flexdue).

Books: a due is receivable from the moment its row is there (应收 / 收入) until it is paid, written off or lapsed; each operation here books
what it changes, in the same transaction. Lock order: bills by id, then the person, then dues by month.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.base.errors import ShebaoError
from shebao.base.months import Month
from shebao.base.terms import Insurance
from shebao.enrolment.tiers import MASK
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book
from shebao.levy.causes import Because, note
from shebao.levy.models import Bill, BillKind, BillState, CauseKind, DueChange, DueOrigin, DueState, FlexDue
from shebao.policy.flexible import month_tier
from shebao.policy.rulebook import Rulebook

PENSION = Insurance.PENSION.value


class DueMovedError(ShebaoError):
    """A due is no longer where the operation expects it: paid, billed, in a debit batch, written off meanwhile."""

    code = "FLX-90"


@dataclass(frozen=True, slots=True)
class Covered:
    """A month in which somebody is insured through a window. percent: the registered tier, None where none was chosen."""

    person_id: int
    month: Month
    unit_id: int
    agency_id: int
    percent: int | None


def covered(person_ids: Sequence[int], months: Iterable[Month]) -> list[Covered]:
    """Which of the months people are insured in as flexible workers, with their tiers; by person and month."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select s.person_id, m.month, s.unit_id, s.agency_id, t.percent
            from unnest(%s::int[]) as m (month)
            join enrolment_spell s on s.person_id = any(%s) and s.known_to is null and s.insurance_mask & %s <> 0
              and s.from_month <= m.month and (s.to_month is null or s.to_month > m.month)
            join parties_unit u on u.id = s.unit_id and u.kind = 'window'
            left join enrolment_tier t on t.person_id = s.person_id and t.known_to is null
              and t.from_month <= m.month and (t.to_month is null or t.to_month > m.month)
            order by 1, 2
            """,
            [sorted(set(months)), list(person_ids), MASK],
        )
        return [Covered(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class NewDue:
    """One month to be owed, fen. account_fen: the part that goes to the personal account."""

    person_id: int
    month: Month
    unit_id: int
    agency_id: int
    tier: int
    base_fen: int
    total_fen: int
    account_fen: int
    interest_fen: int = 0
    origin: DueOrigin = DueOrigin.NORMAL
    case_id: int | None = None


def new_due(
    cover: Covered,
    tier: int,
    place: str,
    rulebook: Rulebook,
    *,
    rated_by: Month | None = None,
    origin: DueOrigin = DueOrigin.NORMAL,
    interest_fen: int = 0,
    case_id: int | None = None,
) -> NewDue:
    """What a month costs at a tier. rated_by: the month whose average wage holds, when not its own (补缴).

    Raises: TierUnknown, RuleMissing.
    """
    amounts = month_tier(tier, rated_by or cover.month, place, rulebook)
    return NewDue(
        cover.person_id,
        cover.month,
        cover.unit_id,
        cover.agency_id,
        tier,
        int(amounts.base_fen),
        int(amounts.total_fen),
        int(amounts.account_fen),
        interest_fen,
        origin,
        case_id,
    )


def create(dues: Sequence[NewDue], *, place: str, key: str, text: str, on: date, at: datetime) -> list[tuple[int, Month]]:
    """Write dues that are not there yet and book them as receivable, once. Returns (person, month) of those that are new.

    key: of the booking; the caller names what can only happen once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_flexdue (person_id, month, insurance, unit_id, agency_id, origin, tier, base_fen, total_fen, account_fen,
                                      interest_fen, state, case_id, recorded_at)
            select n.person_id, n.month, %s, n.unit_id, n.agency_id, n.origin, n.tier, n.base_fen, n.total_fen, n.account_fen,
                   n.interest_fen, 'open', n.case_id, %s
            from unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::text[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[],
                        %s::bigint[])
                 as n (person_id, month, unit_id, agency_id, origin, tier, base_fen, total_fen, account_fen, interest_fen, case_id)
            order by n.person_id, n.month on conflict do nothing returning person_id, month, total_fen, interest_fen
            """,
            [
                PENSION,
                at,
                [d.person_id for d in dues],
                [d.month for d in dues],
                [d.unit_id for d in dues],
                [d.agency_id for d in dues],
                [d.origin.value for d in dues],
                [d.tier for d in dues],
                [d.base_fen for d in dues],
                [d.total_fen for d in dues],
                [d.account_fen for d in dues],
                [d.interest_fen for d in dues],
                [d.case_id for d in dues],
            ],
        )
        made = cursor.fetchall()
    if made:
        total, interest = sum(row[2] for row in made), sum(row[3] for row in made)
        book([Booking(key, text, key[:60], owed_sides(total, interest))], place=place, on=on, at=at)
    return [(person_id, month) for person_id, month, _, _ in made]


def owed_sides(total_fen: int, interest_fen: int = 0) -> tuple[Side, ...]:
    """应收 / 收入 of the pension fund; below zero it takes back."""
    return (
        Side(PENSION, AccountKind.RECEIVABLE, total_fen),
        Side(PENSION, AccountKind.INCOME, -total_fen),
        Side(PENSION, AccountKind.INTEREST_DUE, interest_fen),
        Side(PENSION, AccountKind.INTEREST, -interest_fen),
    )


def assess(
    person_ids: Sequence[int], months: Sequence[Month], *, place: str, rulebook: Rulebook, on: date, at: datetime
) -> list[tuple[int, Month]]:
    """Owe the months in which people are insured at a tier and nothing is owed yet; what is there stays as it is.

    Returns: (person, month) of the new ones.  Raises: TierUnknown, RuleMissing.
    """
    by_person: dict[int, list[NewDue]] = {}
    for cover in covered(person_ids, months):
        if cover.percent is not None:
            by_person.setdefault(cover.person_id, []).append(new_due(cover, cover.percent, place, rulebook))
    made: list[tuple[int, Month]] = []
    known = {
        (due.person_id, due.month)
        for due in FlexDue.objects.filter(person_id__in=by_person, month__in=list(months), insurance=PENSION).only("person_id", "month")
    }
    for person_id, dues in sorted(by_person.items()):
        if missing := [due for due in dues if (due.person_id, due.month) not in known]:
            made += create(missing, place=place, key=_key(person_id, missing), text="灵活就业应缴", on=on, at=at)
    return made


def _key(person_id: int, dues: Sequence[NewDue]) -> str:
    """A due is made once, so its first month names the booking."""
    return f"flexdue:{person_id}:{min(due.month for due in dues)}:{max(due.month for due in dues)}"


def dues_of(person_id: int) -> list[FlexDue]:
    """All dues of a person, oldest month first, within the actor's reach."""
    return list(FlexDue.objects.select_related("bill").filter(person_id=person_id).order_by("month", "insurance"))


def hold_person(person_id: int) -> None:
    """One operation on a person's dues at a time. Taken after bills, before dues."""
    with connection.cursor() as cursor:
        cursor.execute("select 1 from parties_person where id = %s for no key update", [person_id])


def hold_dues(person_id: int, months: Iterable[Month]) -> dict[Month, FlexDue]:
    """The person's dues of these months, held until the end of the transaction (a debit batch waits, or has them already)."""
    rows = FlexDue.objects.select_for_update(of=("self",)).filter(person_id=person_id, month__in=list(months), insurance=PENSION)
    return {due.month: due for due in rows.order_by("month")}


def retier(changes: Mapping[Month, NewDue], person_id: int, *, place: str, key: str, on: date, at: datetime, reason: str) -> int:
    """Put open dues to another tier, note what they were and why, and book the difference. Returns the difference, fen."""
    if not changes:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with n as (select * from unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::int[])
                       as n (month, tier, base_fen, total_fen, account_fen)),
            former as (select d.month, d.tier, d.base_fen, d.total_fen from levy_flexdue d join n using (month)
                       where d.person_id = %s and d.insurance = %s and d.state = 'open'),
            put as (update levy_flexdue d set tier = n.tier, base_fen = n.base_fen, total_fen = n.total_fen, account_fen = n.account_fen
                    from n where d.person_id = %s and d.insurance = %s and d.month = n.month and d.state = 'open'
                    returning d.month, d.total_fen)
            select former.* from put join former using (month) order by month
            """,
            [
                *(
                    list(column)
                    for column in zip(*((m, d.tier, d.base_fen, d.total_fen, d.account_fen) for m, d in changes.items()), strict=True)
                ),
                *(person_id, PENSION, person_id, PENSION),
            ],
        )
        former: list[tuple[int, int, int, int]] = cursor.fetchall()
    if len(former) != len(changes):
        raise DueMovedError("有月份刚刚被缴费、核定或批扣，没有重复办理；请刷新后重新核定")
    difference = sum(changes[month].total_fen - total_fen for month, _, _, total_fen in former)
    _note_tiers(former, changes, person_id, reason, at)
    if difference:
        book([Booking(key, "灵活就业应缴改档", key[:60], owed_sides(difference))], place=place, on=on, at=at)
    return difference


def _note_tiers(
    former: Sequence[tuple[int, int, int, int]], changes: Mapping[Month, NewDue], person_id: int, reason: str, at: datetime
) -> None:
    """One cause for each pair of tiers; the months under it with what they were and what they are."""
    pairs = sorted({(tier, changes[month].tier) for month, tier, _, _ in former})
    one = next(iter(changes.values()))
    acts = [
        Because(CauseKind.TIER, one.unit_id, one.agency_id, person_id, before=f"{was}% 档", after=f"{now}% 档", reason=reason)
        for was, now in pairs
    ]
    causes = dict(zip(pairs, note(acts, at=at), strict=True))
    DueChange.objects.bulk_create(
        [
            DueChange(
                cause_id=causes[tier, changes[month].tier], unit_id=changes[month].unit_id, agency_id=changes[month].agency_id,
                person_id=person_id, month=month, insurance=PENSION, base_fen=base_fen, unit_fen=0, person_fen=total_fen,
                due_base_fen=changes[month].base_fen, due_unit_fen=0, due_person_fen=changes[month].total_fen,
            )
            for month, tier, base_fen, total_fen in former
        ]
    )  # fmt: skip


def pay_cleared(bills: Sequence[Bill], *, on: date) -> int:
    """The dues on person bills that have just been cleared are paid. Returns how many. Called under the bills' locks."""
    ids = [bill.pk for bill in bills if bill.kind == BillKind.PERSON and bill.state == BillState.PAID]
    if not ids:
        return 0
    return FlexDue.objects.filter(bill_id__in=ids, state=DueState.BILLED).update(state=DueState.PAID, paid_on=on)


def open_again(bills: Sequence[Bill]) -> int:
    """What had come in for these person bills was given back or moved: their dues are owed again, on the same bills. Returns how many."""
    ids = [bill.pk for bill in bills if bill.kind == BillKind.PERSON]
    if not ids:
        return 0
    return FlexDue.objects.filter(bill_id__in=ids, state=DueState.PAID).update(state=DueState.BILLED, paid_on=None)
