"""重新核定: when a rate, a base or a relief changes for months that were assessed, what is due is computed anew by the same kernel.

A trial (试算) owes nothing to anybody: it lists by unit, person, month and type what was charged, what the rules make it now and why. A
second person releases it whole: 补差 onto the units' next bills, 待退差额 for what was charged too much. What a month was charged by is
kept with its run (month_rules); only amounts that differ between those rules and the present ones are touched, so a correction of the
register is never charged here a second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import IntegrityError, connection, transaction

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_shown
from shebao.base.terms import INSURANCES, Insurance, Payer
from shebao.levy import bulk
from shebao.levy.assessing import take_time
from shebao.levy.differences import NOTHING, Share, charged, written_off
from shebao.levy.models import PlaceMonth, Recalculation, RecalculationChunk, RecalculationState
from shebao.levy.month_rules import changed, keep, kept, rates_then, reason_for, used_in
from shebao.levy.months import hold
from shebao.levy.recalculation_effects import Released, charge
from shebao.levy.relief import relieve_block
from shebao.policy.levy import BASE_RULES, Assessed, MonthRates, month_rates
from shebao.policy.rulebook import Rulebook

CHUNK_PEOPLE = 100_000
_LAST_ID = 2**31 - 1
WRITTEN_OFF = "该月该险种欠费已注销，不再补退"
UNDECLARED = "该月未申报，按上月 110% 核定；补办申报结算后再补差"


class NothingChangedError(ShebaoError):
    """The rules are those the months were assessed by."""

    code = "FEE-11"
    status = 422


class OpenTrialError(ShebaoError):
    """One trial of a place at a time."""

    code = "FEE-12"

    def __init__(self) -> None:
        super().__init__("已有一个试算没有处理完，请先复核生效或放弃，再开始新的试算")


class NotReleasableError(ShebaoError):
    """It is not a finished trial any more, or the world has moved on since."""

    code = "FEE-13"


class SamePersonError(ShebaoError):
    """Who computes a trial never releases it."""

    code = "FEE-14"
    status = 403

    def __init__(self) -> None:
        super().__init__("试算和复核生效不能是同一人，请由另一位工作人员复核")


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of a month: units from first to last, both ids included."""

    month: Month
    chunk: int
    first: int
    last: int


def assessed_between(place: str, first: Month, last: Month) -> list[Month]:
    """Assessed months of a place within a range, oldest first."""
    rows = PlaceMonth.objects.filter(place=place, month__gte=first, month__lte=last, state="assessed")
    return list(rows.order_by("month").values_list("month", flat=True))


def what_changed(place: str, first: Month, last: Month, rulebook: Rulebook) -> dict[Month, list[dict[str, Any]]]:
    """By month the rules whose values differ from those the month stands charged by; months without a difference are left out.

    Raises: RulesNotKept, NothingChangedError when no month of the range is assessed.
    """
    months = assessed_between(place, first, last)
    if not months:
        raise NothingChangedError(f"{month_shown(first)}至{month_shown(last)}没有已核定的月份，不用重新核定")
    then = kept(place, months)
    found = {month: changed(then[month], used_in(rulebook, month, place)) for month in months}
    return {month: changes for month, changes in found.items() if changes}


def begin(place: str, first: Month, last: Month, rulebook: Rulebook, *, at: datetime) -> int:
    """Start a trial. Returns its id.  Raises: NothingChangedError, RulesNotKept, OpenTrialError."""
    changes = what_changed(place, first, last, rulebook)
    if not changes:
        raise NothingChangedError(
            f"{month_shown(first)}至{month_shown(last)}的费率、缴费基数和减免参数与核定时相同，没有需要重新核定的月份"
        )
    try:
        with transaction.atomic():
            made = Recalculation.objects.create(
                place=place,
                first_month=first,
                last_month=last,
                changes={str(month): found for month, found in changes.items()},
                computed_by=current().account_id,
                computed_name=current().name[:50],
                started_at=at,
            )
    except IntegrityError as error:
        raise OpenTrialError from error
    record([Trace("levy.recalculation_started", f"{place} {first}–{last}")], at=at)
    return made.pk


def plan(recalculation_id: int) -> list[Piece]:
    """What is still missing of a trial; nothing of one that has ended. The same trial is cut into the same pieces at every start."""
    take_time()
    found = Recalculation.objects.select_for_update().get(pk=recalculation_id)
    if found.state != RecalculationState.COMPUTING:
        return []
    pieces: list[Piece] = []
    for month in sorted(int(m) for m in found.changes):
        with connection.cursor() as cursor:
            cursor.execute(
                """
                select a.unit_id, count(*) from levy_assessment a join parties_unit u on u.id = a.unit_id and u.place = %s
                where a.month = %s group by 1 order by 1
                """,
                [found.place, month],
            )
            heads = [(int(unit_id), int(n)) for unit_id, n in cursor.fetchall()]
        starts = [first for first, _ in bulk.chunks(heads, CHUNK_PEOPLE)] or [0]
        starts[0] = 0  # every unit lies in one piece, also one that came into the month later
        ends = [*(start - 1 for start in starts[1:]), _LAST_ID]
        pieces += [Piece(month, i, a, b) for i, (a, b) in enumerate(zip(starts, ends, strict=True))]
    Recalculation.objects.filter(pk=found.pk).update(chunks_total=len(pieces))
    done = set(RecalculationChunk.objects.filter(recalculation=found).values_list("month", "chunk"))
    return [piece for piece in pieces if (piece.month, piece.chunk) not in done]


def do_piece(recalculation_id: int, piece: Piece, rulebook: Rulebook) -> int:
    """One piece in the current transaction: its guard row and its lines, or neither. Returns the number of lines.

    Raises: as policy.levy.assess; NoTermsError, UnitSizeUnknown.
    """
    take_time()
    found = Recalculation.objects.get(pk=recalculation_id)
    then = rates_then(kept(found.place, [piece.month])[piece.month], piece.month, found.place, rulebook)
    now = month_rates(rulebook, piece.month, found.place)
    of = bulk.employers(found.place, piece.month)
    block = bulk.read_block(piece.month, piece.first, piece.last, of)
    lines = _lines(block, of, then, now, found.changes[str(piece.month)], piece.month) if len(block.people) else []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_recalculationchunk (recalculation_id, month, chunk, people, lines) values (%s, %s, %s, %s, %s)
            on conflict do nothing returning 1
            """,
            [recalculation_id, piece.month, piece.chunk, len(block.people), len(lines)],
        )
        if cursor.fetchone() is None:
            return 0
    _store(recalculation_id, piece.month, lines)
    return len(lines)


def _assessed(block: bulk.Block, of: bulk.Employers, rates: MonthRates) -> Assessed:
    assessed, _ = bulk.assess_block(block, of, rates)
    return relieve_block(block, assessed, rates)[0]


@dataclass(frozen=True, slots=True)
class _Line:
    unit_id: int
    person_id: int
    insurance: Insurance
    was: Share
    due: Share
    reason: str


def _lines(
    block: bulk.Block, of: bulk.Employers, then: MonthRates, now: MonthRates, changes: Sequence[Mapping[str, Any]], month: Month
) -> list[_Line]:
    """Whose due differs between the rules then and now, against what was charged. Columns first; only what differs is looked up."""
    before, after = _assessed(block, of, then), _assessed(block, of, now)
    bases = {"pension.base": after.pension_base, "medical.base": after.medical_base}
    differing: list[tuple[Insurance, Any]] = []
    for insurance in INSURANCES:
        moved = np.zeros(len(block.people), bool)
        for payer in Payer:
            moved |= before.amounts[insurance, payer] != after.amounts[insurance, payer]
        if moved.any():
            differing.append((insurance, np.flatnonzero(moved)))
    if not differing:
        return []
    people = np.unique(np.concatenate([block.people[rows] for _, rows in differing])).tolist()
    so_far = charged(people, month)
    found = []
    for insurance, rows in differing:
        reason = reason_for(insurance, now, changes)
        base = bases.get(BASE_RULES.get(insurance, ""))
        for i in rows.tolist():
            unit_id, person_id = int(block.units[i]), int(block.people[i])
            unit_fen, person_fen = (int(after.amounts[insurance, payer][i]) for payer in Payer)
            due = Share(int(base[i]) if base is not None else 0, unit_fen, person_fen)
            was = so_far.get((unit_id, person_id, month, insurance), NOTHING)
            if (was.unit_fen, was.person_fen) != (due.unit_fen, due.person_fen):
                found.append(_Line(unit_id, person_id, insurance, was, due, reason))
    return found


_STORE = """
insert into levy_recalculationline (recalculation_id, unit_id, agency_id, person_id, month, insurance, base_fen, unit_fen, person_fen,
                                    due_base_fen, due_unit_fen, due_person_fen, reason, note, state)
select %(id)s, n.unit_id, u.agency_id, n.person_id, %(month)s, n.insurance, n.base, n.unit, n.person, n.due_base, n.due_unit, n.due_person,
       n.reason,
       case when n.closed then %(off)s::text when e.id is not null then %(undeclared)s::text
            when d.id is not null then '该月单位部分缓缴中，补差随以后的核定单缴纳'
            when b.state in ('issued', 'part_paid') then '该月核定单尚未缴清，原欠费仍按原单缴纳'
            when b.state = 'moved' then '该月欠费已转补缴单，补差另列' else '' end,
       case when n.closed then 'closed' when e.id is not null then 'held' else 'trial' end
from unnest(%(units)s::int[], %(people)s::bigint[], %(types)s::int[], %(bases)s::bigint[], %(unit)s::bigint[], %(person)s::bigint[],
            %(due_bases)s::bigint[], %(due_unit)s::bigint[], %(due_person)s::bigint[], %(reasons)s::text[], %(closed)s::bool[])
     as n (unit_id, person_id, insurance, base, unit, person, due_base, due_unit, due_person, reason, closed)
join parties_unit u on u.id = n.unit_id
left join levy_bill b on b.unit_id = n.unit_id and b.month = %(month)s and b.kind = 'monthly'
left join lateral (select l.id from levy_billline l join levy_estimate e on e.line_id = l.id and e.settled_at is null
                   where l.bill_id = b.id and l.insurance = n.insurance limit 1) e on true
left join lateral (select d.id from levy_deferral d where d.unit_id = n.unit_id and d.first_month <= %(month)s and d.last_month >= %(month)s
                   and d.insurance_mask & (1 << array_position(%(order)s::int[], n.insurance) - 1) <> 0 limit 1) d on true
"""


def _store(recalculation_id: int, month: Month, lines: Sequence[_Line]) -> None:
    if not lines:
        return
    off = {(unit, person, of, insurance) for unit, person, of, insurance in written_off(sorted({x.person_id for x in lines}))}
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            {
                "id": recalculation_id,
                "month": month,
                "off": WRITTEN_OFF,
                "undeclared": UNDECLARED,
                "order": [i.value for i in INSURANCES],
                "units": [x.unit_id for x in lines],
                "people": [x.person_id for x in lines],
                "types": [x.insurance.value for x in lines],
                "bases": [x.was.base_fen for x in lines],
                "unit": [x.was.unit_fen for x in lines],
                "person": [x.was.person_fen for x in lines],
                "due_bases": [x.due.base_fen for x in lines],
                "due_unit": [x.due.unit_fen for x in lines],
                "due_person": [x.due.person_fen for x in lines],
                "reasons": [x.reason for x in lines],
                "closed": [(x.unit_id, x.person_id, month, x.insurance) in off for x in lines],
            },
        )


def finish(recalculation_id: int, *, at: datetime) -> None:
    """Every piece is done: the trial waits for its second person."""
    found = Recalculation.objects.select_for_update().get(pk=recalculation_id)
    if found.state != RecalculationState.COMPUTING:
        return
    with connection.cursor() as cursor:
        cursor.execute("select count(distinct person_id) from levy_recalculationline where recalculation_id = %s", [recalculation_id])
        people = int(cursor.fetchone()[0])
    Recalculation.objects.filter(pk=recalculation_id).update(state=RecalculationState.TRIAL, computed_at=at, people=people)
    record([Trace("levy.recalculation_computed", f"{recalculation_id}", after={"people": people})], at=at)


def fail(recalculation_id: int, note: str, *, at: datetime) -> None:
    """Something stops the trial (a rule without a value, a unit without its size): say so; the place is free for another one."""
    Recalculation.objects.filter(pk=recalculation_id, state=RecalculationState.COMPUTING).update(
        state=RecalculationState.FAILED, note=note[:300]
    )
    record([Trace("levy.recalculation_stopped", f"{recalculation_id}", after={"note": note})], at=at)


def discard(recalculation_id: int, *, at: datetime) -> None:
    """放弃 a trial (also one that is still computing). Raises: NotReleasableError."""
    found = Recalculation.objects.select_for_update().filter(pk=recalculation_id).first()
    if found is None or found.state not in (RecalculationState.COMPUTING, RecalculationState.TRIAL):
        raise NotReleasableError("这个试算已经处理过，请刷新页面查看")
    Recalculation.objects.filter(pk=recalculation_id).update(state=RecalculationState.DISCARDED)
    record([Trace("levy.recalculation_discarded", f"{recalculation_id}")], at=at)


# What has been charged for a trial's lines in the meantime is not what the trial compared with.
_MOVED_ON = f"""
with wanted as (select unit_id, person_id, month, insurance, unit_fen, person_fen from levy_recalculationline
                where recalculation_id = %(id)s and state = 'trial'),
keys as (select distinct unit_id, person_id, month from wanted),
now as (
  select unit_id, person_id, month, insurance, sum(unit_fen) as unit_fen, sum(person_fen) as person_fen from (
    select a.unit_id, a.person_id, a.month, t.insurance, t.unit_fen, t.person_fen
    from keys k join levy_assessment a on a.unit_id = k.unit_id and a.person_id = k.person_id and a.month = k.month
    cross join lateral (values {
    ", ".join(
        "({}, {}, {})".format(i.value, *(bulk.AMOUNT_COLUMNS.get((i, p), "0") for p in Payer))
        for i in INSURANCES
        if i is not Insurance.MATERNITY
    )
}) as t (insurance, unit_fen, person_fen)
    union all
    select l.unit_id, l.person_id, l.month, l.insurance, l.unit_fen, l.person_fen
    from keys k join levy_line l using (unit_id, person_id, month)
    union all
    select r.unit_id, r.person_id, r.month, r.insurance, -r.unit_fen, -r.person_fen
    from keys k join levy_refunddue r using (unit_id, person_id, month)) x
  group by 1, 2, 3, 4)
select count(*) from wanted w left join now n using (unit_id, person_id, month, insurance)
where (w.unit_fen, w.person_fen) is distinct from (coalesce(n.unit_fen, 0), coalesce(n.person_fen, 0))
"""


def release(recalculation_id: int, rulebook: Rulebook, *, at: datetime) -> Released:
    """复核生效 of a finished trial by a second person, whole or not at all.

    Raises: NotReleasableError when it is no trial any more, when rules or charges have moved on since; SamePersonError; MonthBusyError.
    """
    take_time()
    found = Recalculation.objects.select_for_update().filter(pk=recalculation_id).first()
    if found is None or found.state != RecalculationState.TRIAL:
        raise NotReleasableError("这个试算已经处理过或还没有算完，请刷新页面查看")
    if found.computed_by == current().account_id:
        raise SamePersonError
    months = sorted(int(m) for m in found.changes)
    hold(found.place, months)
    now = what_changed(found.place, found.first_month, found.last_month, rulebook)
    if {str(month): changes for month, changes in now.items()} != found.changes:
        raise NotReleasableError("试算之后参数又有变动，请放弃本次试算，重新试算")
    with connection.cursor() as cursor:
        cursor.execute(_MOVED_ON, {"id": recalculation_id})
        if moved := int(cursor.fetchone()[0]):
            raise NotReleasableError(f"试算之后有 {moved} 笔应缴额因其他办件发生变动，请放弃本次试算，重新试算")
    Recalculation.objects.filter(pk=recalculation_id).update(
        state=RecalculationState.RELEASED, released_by=current().account_id, released_name=current().name[:50], released_at=at
    )
    done = charge("x.recalculation_id = %(id)s", {"id": recalculation_id, "from": "trial", "at": at})
    for month in months:
        keep(rulebook, month, found.place, recalculation_id=recalculation_id, at=at)
    told = {"lines": done.lines, "up": done.up, "down": done.down}
    record([Trace("levy.recalculation_released", f"{found.place} {found.first_month}–{found.last_month}", after=told)], at=at)
    return done
