"""What a cleared bill or debit batch credits to personal accounts: the people's own pension contributions as paid, for months to 2005 what
their employer's fill up to the whole share (account.credit_share: 11 % to 2005-12, from 2006-01 the own 8 % alone), and the account part
of flexible workers. Each bill and batch counts once, whoever says so and how often (accounts.crediting).
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
from shebao.policy.account import filled_up
from shebao.policy.rulebook import standard

PENSION = Insurance.PENSION
Due = set[tuple[int, int]]  # person and month


def credit_bills(bill_ids: Iterable[int], *, place: str, on: date, at: datetime) -> Credited:
    """Credit the people of those of these bills that are cleared: nothing is open of them but deferred unit parts (缓缴不影响个人权益),
    and something came in. Bills credited before, open or not yet declared (determined by last month) are left alone: call it for any."""
    cleared = _cleared(sorted(set(bill_ids)), on)
    before = _live(_references([b.pk for b in cleared], only_changed=True))
    first = [b for b in cleared if b.pk not in before]
    references = [Reference(_bill(b.pk), _label(b), b.agency_id) for b in first]
    credited = crediting.credit(references, Rows(_BILLS, {"bills": [b.pk for b in first], **_values(place)}), place=place, on=on, at=at)
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
        cursor.execute(_BILLS, {"bills": [b.pk for b in bills], **_values(place)})
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
    refund: str,
    people: Sequence[tuple[int, int, int]],
    *,
    differences: Sequence[int] = (),
    label: str,
    agency_id: int,
    place: str,
    on: date,
    at: datetime,
) -> Credited:
    """Take what is paid back out of the accounts: (person, month, account part > 0 fen) of flexible workers; differences: 待退差额 of pension,
    whose own part goes, and the employer's that was filled up with it. refund: its identity, once.

    Only for parts of a bill that stays cleared; when a bill is opened again, take_back_bills does all of it.
    """
    reference = f"refund:{refund}"
    given = Rows.of([(reference, person, month, -fen, 0) for person, month, fen in people])
    back = {"differences": list(differences), "reference": reference, **_values(place)}
    rows = Rows(f"{_DIFFERENCES} union all select n.* from ({given.sql}) n", {**given.values, **back})
    return crediting.credit([Reference(reference, label, agency_id)], rows, place=place, on=on, at=at)


def _values(place: str) -> dict[str, Any]:
    """What the queries below need: pension, and the stretches of months in which the employer's part fills accounts up."""
    stretches = filled_up(standard(), place)
    return {
        "pension": PENSION.value,
        "flag": PENSION.flag,
        "s_first": [s.first for s in stretches],
        "s_last": [s.last for s in stretches],
        "s_ppm": [s.total_ppm for s in stretches],
    }


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
                                - case when d.bill_id is null then 0 else l.unit_fen - coalesce((select sum(t.unit_fen) from levy_takendue t
                                      where t.line_id = l.id and t.state <> 'rolled_back'), 0) end, 0)) = 0
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
# The base on which a person's month was charged before a later charge or a 待退差额 of it, so that the shares of all of them add up to the
# share of the whole base, to the fen, in whatever order they are paid. Only asked of months in a stretch.
_BEFORE = """
coalesce((select a.pension_base_fen from levy_assessment a
          where c.later and a.unit_id = c.unit_id and a.person_id = c.person_id and a.month = c.month and a.profile & %(flag)s <> 0), 0)
+ coalesce((select sum(x.base_fen) from levy_line x where c.later and x.unit_id = c.unit_id and x.person_id = c.person_id
            and x.month = c.month and x.insurance = %(pension)s and (x.recorded_at, x.id) < (c.recorded_at, c.id)), 0)
- coalesce((select sum(d.base_fen) from levy_refunddue d where c.later and d.unit_id = c.unit_id and d.person_id = c.person_id
            and d.month = c.month and d.insurance = %(pension)s and (d.recorded_at, d.id) < (c.recorded_at, c.id)), 0)"""
# A charge (or, sign −1, what is given back of it) with what goes to the account: the own part as paid; the employer's what is missing to
# the whole share of the base, never more than there was of it.
_FILLED = f"""
select c.reference, c.person_id, c.month, c.sign * c.own_fen as own_fen,
       c.sign * case when s.ppm is null then 0 else greatest(0, least(c.unit_fen, (
         select ((b.before + greatest(c.sign, 0) * c.base_fen) * s.ppm + 500000) / 1000000
              - ((b.before + least(c.sign, 0) * c.base_fen) * s.ppm + 500000) / 1000000
         from (select ({_BEFORE})::bigint as before) b) - c.own_fen)) end as employer_fen
from ({{charges}}) c left join unnest(%(s_first)s::int[], %(s_last)s::int[], %(s_ppm)s::bigint[]) as s (first, last, ppm)
  on c.month between s.first and s.last"""
_OF_ASSESSMENT = (
    "a.unit_id, a.person_id, a.month, a.pension_person_fen::bigint as own_fen, a.pension_unit_fen::bigint as unit_fen,"
    " a.pension_base_fen::bigint as base_fen, false as later, null::timestamptz as recorded_at, 0::bigint as id, 1 as sign"
)
_OF_LINE = "x.unit_id, x.person_id, x.month, x.person_fen, x.unit_fen, x.base_fen, true, x.recorded_at, x.id, 1"
_CHARGES = f"""
select 'bill:' || b.id as reference, {_OF_ASSESSMENT}
from levy_bill b join levy_billline l on l.bill_id = b.id and l.insurance = %(pension)s and l.origin = 'normal'
join levy_assessment a on a.unit_id = b.unit_id and a.month = b.month
where b.id = any(%(bills)s) and b.kind = 'monthly' and a.profile & %(flag)s <> 0 and not exists (select 1 from {_LIVE.format("a")})
union all
select 'bill:' || b.id, {_OF_LINE}
from levy_bill b join levy_billline l on l.bill_id = b.id and l.insurance = %(pension)s
join levy_line x on x.bill_id = b.id and x.insurance = l.insurance and x.origin = l.origin
where b.id = any(%(bills)s) and b.kind = 'monthly' and not exists (select 1 from {_LIVE.format("x")})
union all
select 'bill:' || o.id, {_OF_ASSESSMENT}
from levy_bill o join levy_takendue t on t.order_id = o.id and t.insurance = %(pension)s and t.person_fen > 0 and t.state <> 'rolled_back'
join levy_assessment a on t.origin = 'normal' and a.unit_id = t.unit_id and a.person_id = t.person_id and a.month = t.month
where o.id = any(%(bills)s) and o.kind = 'arrears'
union all
select 'bill:' || o.id, {_OF_LINE}
from levy_bill o join levy_takendue t on t.order_id = o.id and t.insurance = %(pension)s and t.person_fen > 0 and t.state <> 'rolled_back'
join levy_billline l on l.id = t.line_id
join levy_line x on t.origin <> 'normal' and x.bill_id = l.bill_id and x.person_id = t.person_id and x.month = t.month
  and x.insurance = t.insurance and x.origin = t.origin
where o.id = any(%(bills)s) and o.kind = 'arrears'
"""
_BILLS = f"""
{_FILLED.format(charges=_CHARGES)}
union all
select 'bill:' || b.id, f.person_id, f.month, f.account_fen, 0
from levy_bill b join levy_flexdue f on f.bill_id = b.id and f.insurance = %(pension)s
where b.id = any(%(bills)s) and b.kind = 'person'
"""
_GIVEN_BACK = """
select %(reference)s::text as reference, d.unit_id, d.person_id, d.month, d.person_fen as own_fen, d.unit_fen, d.base_fen, true as later,
       d.recorded_at, d.id, -1 as sign
from levy_refunddue d where d.id = any(%(differences)s::bigint[]) and d.insurance = %(pension)s
"""
_DIFFERENCES = _FILLED.format(charges=_GIVEN_BACK)
_CHUNK = """
select %(reference)s::text as reference, f.person_id, f.month, f.account_fen::bigint as own_fen, 0::bigint as employer_fen
from levy_flexdue f
where f.person_id between %(first)s and %(last)s and f.batch_id = %(batch)s and f.insurance = %(pension)s and f.state = 'paid'
"""
