"""未申报: what an undeclared month is determined at, how the late declaration settles it, and how a surplus pays later bills.

The bill keeps its number: its estimated lines become what was declared. What had been paid beyond that becomes a credit of the same fund,
which the next bills take by themselves (docs/decisions/0013).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from shebao.base.clock import ZONE
from shebao.base.months import shift
from shebao.base.terms import INSURANCES, Insurance, insurances_in
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book
from shebao.levy import paid
from shebao.levy.models import Bill, BillLine, Estimate, Origin, Run
from shebao.levy.recalculation_effects import charge_held
from shebao.levy.statement import Sums
from shebao.papers.operations import revoke_of
from shebao.policy.declaration import declared_mask, late_window, payment_due, undeclared_ppm
from shebao.policy.formulas import PPM
from shebao.policy.rulebook import Rulebook, standard

# From the bill of the month before: its normal lines and, where that month was not declared either, its determined ones. A type that the
# unit did not owe last month stays assessed by its people (征缴暂行条例 第十条: 没有上月缴费数额的，按职工人数等确定).
_ESTIMATE = """
with made as (
  insert into levy_estimate (unit_id, agency_id, month, line_id, insurance, ratio_ppm, last_unit_fen, last_person_fen, unit_fen, person_fen,
                             estimated_at, credit_fen, used_fen)
  select b.unit_id, b.agency_id, b.month, x.id, x.insurance, %(ppm)s, p.unit_fen, p.person_fen,
         (p.unit_fen * %(ppm)s + %(half)s) / %(million)s, (p.person_fen * %(ppm)s + %(half)s) / %(million)s, %(at)s, 0, 0
  from levy_bill b
  join levy_billline x on x.bill_id = b.id and x.origin = 'normal' and x.insurance = any(%(types)s)
  join levy_bill before on before.unit_id = b.unit_id and before.month = %(previous)s and before.kind = 'monthly'
  join levy_billline p on p.bill_id = before.id and p.insurance = x.insurance and p.origin in ('normal', 'estimate')
  where b.run_id = %(run)s and p.unit_fen + p.person_fen > 0
    and not exists (select 1 from levy_declaration d where d.unit_id = b.unit_id and d.month = b.month)
  order by x.id returning line_id, unit_fen, person_fen)
update levy_billline l set origin = 'estimate', unit_fen = made.unit_fen, person_fen = made.person_fen from made where l.id = made.line_id
"""


def estimate_undeclared(run: Run, rulebook: Rulebook, *, at: datetime) -> int:
    """Determine the declared types of units that did not declare at a share of last month's amounts (社会保险法 第六十二条), by type and
    payer, half up to the fen. Set-based, part of billing a month. Returns the number of lines.

    Raises: RuleMissing.
    """
    mask = declared_mask(rulebook, run.month, run.place)
    if not mask or late_window(rulebook, run.month, at.astimezone(ZONE).date(), run.place):
        return 0
    values: dict[str, Any] = {
        "ppm": undeclared_ppm(rulebook, run.month, run.place),
        "half": PPM // 2,
        "million": PPM,
        "types": [i.value for i in insurances_in(mask)],
        "previous": shift(run.month, -1),
        "run": run.pk,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ESTIMATE, values)
        return int(cursor.rowcount)


def settle(bill: Bill, declaration_id: int, totals: Mapping[Insurance, Sums], *, place: str, at: datetime) -> None:
    """Let the late declaration take the place of what was determined on a bill. The caller holds the bill.

    Who was late stays late: the due date moves only for what nobody could owe before, or while it has not passed.
    """
    estimates = {e.line_id: e for e in Estimate.objects.select_for_update().filter(unit_id=bill.unit_id, month=bill.month, settled_at=None)}
    lines = list(BillLine.objects.select_for_update().filter(bill=bill).order_by("id"))
    on = at.astimezone(ZONE).date()
    was_clear, was_overdue = bill.open_fen == 0, bill.due_date < on
    sides: list[Side] = []
    for line in lines:
        if (estimate := estimates.get(line.pk)) is None:
            continue
        owed_before, paid_before = line.unit_fen + line.person_fen, line.paid_fen
        declared = totals.get(Insurance(line.insurance), Sums())
        line.origin, line.unit_fen, line.person_fen = Origin.NORMAL, declared.unit_fen, declared.person_fen
        line.paid_fen = min(paid_before, declared.total_fen)
        estimate.credit_fen = paid_before - line.paid_fen
        estimate.declaration_id, estimate.settled_at = declaration_id, at
        estimate.settled_unit_fen, estimate.settled_person_fen = declared.unit_fen, declared.person_fen
        less = owed_before - declared.total_fen
        sides += [
            Side(line.insurance, AccountKind.INCOME, less),
            Side(line.insurance, AccountKind.RECEIVABLE, estimate.credit_fen - less),
            Side(line.insurance, AccountKind.SUSPENSE, -estimate.credit_fen),
        ]
    BillLine.objects.bulk_update(lines, ["origin", "unit_fen", "person_fen", "paid_fen"])
    Estimate.objects.bulk_update(
        list(estimates.values()), ["credit_fen", "declaration", "settled_at", "settled_unit_fen", "settled_person_fen"]
    )
    _bring_forward(bill, lines)
    if bill.open_fen and (was_clear or not was_overdue):
        bill.due_date = max(bill.due_date, payment_due(standard(), bill.month, on, place))
    bill.save()
    charge_held(bill.unit_id, bill.month, at=at)
    revoke_of(bill.unit_id, [bill.number], "已补办申报，按实际应缴结算，请重新打印", at)
    if any(side.amount_fen for side in sides):
        key = f"settle:{bill.pk}"
        book([Booking(key, "补办申报结算", f"bill:{bill.number}", tuple(sides))], place=place, on=on, at=at)
    paid.touched([bill], place=place, on=on, at=at)


def _bring_forward(bill: Bill, lines: list[BillLine]) -> None:
    bill.unit_fen, bill.person_fen = sum(x.unit_fen for x in lines), sum(x.person_fen for x in lines)
    bill.paid_fen = sum(x.paid_fen for x in lines)
    bill.state = bill.state_now()
    if bill.open_fen:
        bill.paid_on = None


# Oldest credit first; each takes what the line still owes after the ones before it.
_USE = """
with offered as (
  select e.id as estimate_id, l.id as line_id, e.credit_fen - e.used_fen - e.refunded_fen as rest,
         l.unit_fen + l.person_fen - l.paid_fen - l.moved_fen - l.written_off_fen
           - coalesce(sum(e.credit_fen - e.used_fen - e.refunded_fen) over before, 0) as still
  from levy_bill b join levy_estimate e on e.unit_id = b.unit_id and e.credit_fen > e.used_fen + e.refunded_fen
  join levy_billline l on l.bill_id = b.id and l.insurance = e.insurance and l.origin in ('normal', 'estimate')
  where b.run_id = %(run)s window before as (partition by l.id order by e.id rows between unbounded preceding and 1 preceding)),
used as (
  insert into levy_credituse (estimate_id, line_id, amount_fen, used_at)
  select estimate_id, line_id, least(rest, still), %(at)s from offered where still > 0 order by estimate_id returning *),
counted as (
  update levy_estimate e set used_fen = e.used_fen + u.amount_fen from used u where e.id = u.estimate_id returning 1),
lines as (
  update levy_billline l set paid_fen = l.paid_fen + u.amount_fen
  from (select line_id, sum(amount_fen)::bigint as amount_fen from used group by 1) u where l.id = u.line_id
  returning l.bill_id, l.insurance, u.amount_fen),
bills as (
  update levy_bill b set paid_fen = b.paid_fen + u.amount_fen,
    state = case when b.paid_fen + u.amount_fen = b.unit_fen + b.person_fen then 'paid' else 'part_paid' end,
    paid_on = case when b.paid_fen + u.amount_fen = b.unit_fen + b.person_fen then %(on)s::date end
  from (select bill_id, sum(amount_fen)::bigint as amount_fen from lines group by 1) u where b.id = u.bill_id returning 1)
select insurance, sum(amount_fen)::bigint from lines group by 1
"""


def use_credits(run: Run, *, at: datetime) -> int:
    """Let the credits of units pay the bills that a run has just issued, fund by fund. Returns fen used."""
    on = at.astimezone(ZONE).date()
    with connection.cursor() as cursor:
        cursor.execute(_USE, {"run": run.pk, "at": at, "on": on})
        used: list[tuple[int, int]] = cursor.fetchall()
    if used:
        sides = [side for fund, fen in used for side in (Side(fund, AccountKind.SUSPENSE, fen), Side(fund, AccountKind.RECEIVABLE, -fen))]
        booking = Booking(f"credits:{run.pk}", "上期结算多缴抵扣", f"run:{run.pk}", tuple(sides))
        book([booking], place=run.place, on=on, at=at)
        paid.touched(list(Bill.objects.filter(run=run, paid_fen__gt=0)), place=run.place, on=on, at=at)
    return sum(fen for _, fen in used)


def open_credits(unit_id: int) -> dict[Insurance, int]:
    """What a unit has paid too much and no bill has taken yet, fen by type."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select insurance, sum(credit_fen - used_fen - refunded_fen)::bigint from levy_estimate"
            " where unit_id = %s and credit_fen > used_fen + refunded_fen group by 1",
            [unit_id],
        )
        found = dict(cursor.fetchall())
    return {i: found[i.value] for i in INSURANCES if i.value in found}


def credited(bill: Bill) -> int:
    """How much of a bill was paid by credits of settled months, fen."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select coalesce(sum(u.amount_fen), 0)::bigint from levy_credituse u join levy_billline l on l.id = u.line_id
            where l.bill_id = %s
            """,
            [bill.pk],
        )
        return int(cursor.fetchone()[0])
