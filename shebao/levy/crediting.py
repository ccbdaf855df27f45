"""What a cleared bill or debit batch credits to personal accounts: the people's own pension contributions (8 %), the account part of
flexible workers. Each bill and batch counts once, whoever says so and how often (accounts.crediting).

Months levied here begin in 2020, when the employer's part no longer went to accounts; what was credited to the end of 2005 with an
employer's part comes by migration.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection

from shebao.accounts import crediting, reversing
from shebao.accounts.crediting import Credited, Reference, Rows
from shebao.base.terms import Insurance
from shebao.levy.models import Bill, BillKind
from shebao.levy.suspension import suspended

PENSION = Insurance.PENSION
Due = set[tuple[int, int]]  # person and month


def credit_bills(bill_ids: Iterable[int], *, place: str, on: date, at: datetime) -> Credited:
    """Credit the people of those of these bills that are cleared: nothing is open of them but deferred unit parts (缓缴不影响个人权益),
    and something came in. Bills credited before, open or not yet declared (determined by last month) are left alone: call it for any."""
    cleared = _cleared(sorted(set(bill_ids)), on)
    before = _live(_references([b.pk for b in cleared], only_changed=True))
    first = [b for b in cleared if b.pk not in before]
    references = [Reference(_bill(b.pk), _label(b), b.agency_id) for b in first]
    credited = crediting.credit(references, Rows(_BILLS, _values(first)), place=place, on=on, at=at)
    if not before:
        return credited
    rest = _credit_rest([b for b in cleared if b.pk in before], before, place=place, on=on, at=at)
    return Credited(credited.sources + rest.sources, credited.rows + rest.rows, credited.total_fen + rest.total_fen)


def take_back_bills(bill_ids: Iterable[int], *, place: str, on: date, at: datetime) -> Credited:
    """These bills are open again: what they credited is taken back."""
    references = [name for names in _references(sorted(set(bill_ids))).values() for name in names]
    return reversing.reverse(references, place=place, on=on, at=at)


def _credit_rest(bills: Sequence[Bill], before: Mapping[int, Mapping[str, Due]], *, place: str, on: date, at: datetime) -> Credited:
    """Credit who has come (back) onto bills that had credited others; who is credited keeps it, and the month it bears interest from."""
    names = {_bill(b.pk): (f"{_bill(b.pk)}:{len(before[b.pk])}", set().union(*before[b.pk].values())) for b in bills}
    with connection.cursor() as cursor:
        cursor.execute(_BILLS, _values(bills))
        rows = [
            (names[reference][0], person, month, *fen)
            for reference, person, month, *fen in cursor.fetchall()
            if (person, month) not in names[reference][1]
        ]
    references = [Reference(names[_bill(b.pk)][0], f"{_label(b)}（补计）", b.agency_id) for b in bills]
    return crediting.credit(references, Rows.of(rows), place=place, on=on, at=at)


def _references(bill_ids: Sequence[int], *, only_changed: bool = False) -> dict[int, list[str]]:
    """Under which references bills may have credited people: their own, and one more for each time that people came onto them since:
    an order was rolled back, a late declaration took the place of what was determined."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select l.bill_id, count(distinct t.order_id)::int + count(distinct e.id)::int
            from levy_billline l
            left join levy_takendue t on t.line_id = l.id and t.state = 'rolled_back'
            left join levy_estimate e on e.line_id = l.id and e.settled_at is not null
            where l.bill_id = any(%s) and l.insurance = %s and (t.id is not null or e.id is not null) group by 1
            """,
            [list(bill_ids), PENSION.value],
        )
        changes: dict[int, int] = dict(cursor.fetchall())
    wanted = [pk for pk in bill_ids if pk in changes] if only_changed else bill_ids
    return {pk: [_bill(pk), *(f"{_bill(pk)}:{n}" for n in range(1, changes.get(pk, 0) + 1))] for pk in wanted}


def _live(references: Mapping[int, Sequence[str]]) -> dict[int, dict[str, Due]]:
    """By bill and reference whom they have credited and not taken back. Bills that have credited nobody are left out."""
    bill_of = {name: pk for pk, names in references.items() for name in names}
    found: dict[int, dict[str, Due]] = {}
    for name, person_id, month in crediting.live_entries(list(bill_of)):
        found.setdefault(bill_of[name], {}).setdefault(name, set()).add((person_id, month))
    return found


def _values(bills: Sequence[Bill]) -> dict[str, Any]:
    return {"bills": [b.pk for b in bills], "pension": PENSION.value, "flag": PENSION.flag}


def _label(bill: Bill) -> str:
    return f"{BillKind(bill.kind).label} {bill.number}"


def counts(bill_id: int, on: date) -> bool:
    """Whether a bill counts for its people as it stands: nothing is open of it but deferred unit parts."""
    return bool(_cleared([bill_id], on))


def credit_chunk(batch_id: int, chunk: int, people: tuple[int, int], *, label: str, place: str, on: date, at: datetime) -> Credited:
    """Credit everybody in a chunk of a debit batch (people: its first and last) whose dues it has paid, once their rows say so.

    Raises: CreditRaced.
    """
    reference = f"debit:{batch_id}:{chunk}"
    values = {"batch": batch_id, "reference": reference, "pension": PENSION.value, "first": people[0], "last": people[1]}
    return crediting.credit([Reference(reference, label)], Rows(_CHUNK, values, people), place=place, on=on, at=at)


def credit_refund(
    refund: str, people: Sequence[tuple[int, int, int]], *, label: str, agency_id: int, place: str, on: date, at: datetime
) -> Credited:
    """Take what is paid back to people out of their accounts: (person, month, own pension fen > 0). refund: its identity, once.

    Only for parts of a bill that stays cleared; when a bill is opened again, take_back_bills does all of it.
    """
    rows = Rows.of([(f"refund:{refund}", person, month, -fen, 0) for person, month, fen in people])
    return crediting.credit([Reference(f"refund:{refund}", label, agency_id)], rows, place=place, on=on, at=at)


def _bill(pk: int) -> str:
    return f"bill:{pk}"


def _cleared(bill_ids: Sequence[int], on: date) -> list[Bill]:
    found = list(Bill.objects.filter(pk__in=bill_ids, paid_fen__gt=0).order_by("id"))
    still_open = [b for b in found if b.open_fen]
    if not still_open:
        return found
    deferred = suspended(sorted({b.unit_id for b in still_open}), on)
    put_off = [(b.pk, code) for b in still_open for unit, month, code in deferred if (unit, month) == (b.unit_id, b.month)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select l.bill_id from levy_billline l
            left join unnest(%s::bigint[], %s::int[]) as d (bill_id, insurance) on d.bill_id = l.bill_id and d.insurance = l.insurance
            where l.bill_id = any(%s) group by 1
            having sum(greatest(l.unit_fen + l.person_fen - l.paid_fen - l.moved_fen - l.written_off_fen
                                - case when d.bill_id is null then 0 else l.unit_fen end, 0)) = 0
            """,
            [[pk for pk, _ in put_off], [code for _, code in put_off], sorted({pk for pk, _ in put_off})],
        )
        only_deferred = {pk for (pk,) in cursor.fetchall()}
    return [b for b in found if not b.open_fen or b.pk in only_deferred]


# A due whose own part was paid before it was taken (only the deferred unit part was open) counts by its bill, any other by its order.
_LIVE = (
    "levy_takendue t where t.line_id = l.id and t.person_id = {0}.person_id and t.month = {0}.month"
    " and t.person_fen > 0 and t.state <> 'rolled_back'"
)
_BILLS = f"""
select 'bill:' || b.id as reference, a.person_id, a.month, a.pension_person_fen::bigint as own_fen, 0::bigint as employer_fen
from levy_bill b join levy_billline l on l.bill_id = b.id and l.insurance = %(pension)s and l.origin = 'normal'
join levy_assessment a on a.unit_id = b.unit_id and a.month = b.month
where b.id = any(%(bills)s) and b.kind = 'monthly' and a.profile & %(flag)s <> 0 and not exists (select 1 from {_LIVE.format("a")})
union all
select 'bill:' || b.id, x.person_id, x.month, x.person_fen, 0
from levy_bill b join levy_billline l on l.bill_id = b.id and l.insurance = %(pension)s
join levy_line x on x.bill_id = b.id and x.insurance = l.insurance and x.origin = l.origin
where b.id = any(%(bills)s) and b.kind = 'monthly' and not exists (select 1 from {_LIVE.format("x")})
union all
select 'bill:' || o.id, t.person_id, t.month, case when t.origin = 'normal' then a.pension_person_fen else x.person_fen end, 0
from levy_bill o join levy_takendue t on t.order_id = o.id and t.insurance = %(pension)s and t.person_fen > 0 and t.state <> 'rolled_back'
join levy_billline l on l.id = t.line_id
left join levy_assessment a on t.origin = 'normal' and a.unit_id = t.unit_id and a.person_id = t.person_id and a.month = t.month
left join levy_line x on t.origin <> 'normal' and x.bill_id = l.bill_id and x.person_id = t.person_id and x.month = t.month
  and x.insurance = t.insurance and x.origin = t.origin
where o.id = any(%(bills)s) and o.kind = 'arrears'
union all
select 'bill:' || b.id, f.person_id, f.month, f.account_fen, 0
from levy_bill b join levy_flexdue f on f.bill_id = b.id and f.insurance = %(pension)s
where b.id = any(%(bills)s) and b.kind = 'person'
"""
_CHUNK = """
select %(reference)s::text as reference, f.person_id, f.month, f.account_fen::bigint as own_fen, 0::bigint as employer_fen
from levy_flexdue f
where f.person_id between %(first)s and %(last)s and f.batch_id = %(batch)s and f.insurance = %(pension)s and f.state = 'paid'
"""
