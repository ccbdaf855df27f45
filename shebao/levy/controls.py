"""What the sub-ledgers of collection say of the control accounts: bills and dues, receipts, credits. Asked at every 月结.

The independent auditor asks the same with words of its own (shebao/auditor); neither knows the other.
"""

from collections.abc import Mapping
from datetime import date

from django.db import connection

from shebao.ledger.models import AccountKind

KINDS = (
    AccountKind.RECEIVABLE,
    AccountKind.LATE_FEE_DUE,
    AccountKind.INTEREST_DUE,
    AccountKind.BANK,
    AccountKind.TRANSIT,
    AccountKind.SUSPENSE,
    AccountKind.REFUND_DUE,
    AccountKind.FISCAL,
    AccountKind.ADVANCE,
)

# What is still open on bills that stand; dues of flexible workers that are on no bill; what came in, shared out or not (what was handed
# over is no new money); what banks took for debits; what is going back, and has gone; credits; what left the
# account otherwise.
_SUMS = """
with here as (select id from parties_agency where place = %(place)s),
told as (
  select r.id, r.allocated_fen, case when r.parent_id is null then r.amount_fen else 0 end as amount_fen,
         case when r.channel in ('tax', 'bank') and r.arrived_on is null then 'transit' else 'bank' end as kind
  from levy_receipt r where r.agency_id in (select id from here) and r.state not in ('pending', 'void')),
back as (
  select l.fund, l.source, l.amount_fen, r.state = 'paid' as paid
  from levy_refundline l join levy_refund r on r.id = l.refund_id where r.place = %(place)s and r.booked),
debits as (
  select case when f.arrived_on is null then 'transit' else 'bank' end as kind,
         case when f.part = 1 then (select coalesce(sum(c.posted_fen), 0) from levy_debitchunk c where c.batch_id = b.id)
              else f.taken_fen - f.suspense_fen end as fen
  from levy_debitbatch b join levy_debitfile f on f.batch_id = b.id where b.place = %(place)s)
select l.insurance, case l.origin when 'late_fee' then 'late_fee_due' when 'interest' then 'interest_due' else 'receivable' end,
       sum(l.unit_fen + l.person_fen - l.paid_fen - l.moved_fen - l.written_off_fen)::bigint
from levy_billline l join levy_bill b on b.id = l.bill_id
where b.agency_id in (select id from here) and b.state <> 'cancelled' group by 1, 2
union all
select d.insurance, v.kind, sum(v.fen)::bigint from levy_flexdue d
cross join lateral (values ('receivable', d.total_fen), ('interest_due', d.interest_fen)) v (kind, fen)
where d.agency_id in (select id from here) and d.state in ('open', 'sent') group by 1, 2
union all
select l.insurance, t.kind, sum(s.amount_fen)::bigint from told t join levy_allocation s on s.receipt_id = t.id
join levy_billline l on l.id = s.line_id group by 1, 2
union all
select 0, kind, sum(amount_fen - allocated_fen)::bigint from told group by 2
union all
select 0, 'suspense', -sum(amount_fen - allocated_fen)::bigint from told
union all
select 110, kind, sum(fen)::bigint from debits group by 2
union all
select insurance, 'suspense', -sum(credit_fen - used_fen)::bigint from levy_estimate
where agency_id in (select id from here) group by 1
union all
select fund, 'suspense', sum(amount_fen)::bigint from back where source in ('suspense', 'credit') group by 1
union all
select fund, 'refund_due', -sum(amount_fen)::bigint from back where not paid group by 1
union all
select fund, 'bank', -sum(amount_fen)::bigint from back where paid group by 1
union all
select p.fund, v.kind, sum(v.sign * p.amount_fen)::bigint from levy_outgoing o join levy_outgoingpart p on p.outgoing_id = o.id
cross join lateral (values (o.kind, 1), ('bank', -1)) v (kind, sign)
where o.agency_id in (select id from here) and o.state = 'confirmed' and o.returned_on is null group by 1, 2
"""


def sums(place: str) -> Mapping[tuple[int, AccountKind], int]:
    """(fund, kind) → fen, debit positive, of every control account behind which collection stands."""
    told: dict[tuple[int, AccountKind], int] = {(0, kind): 0 for kind in KINDS}
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"place": place})
        for fund, kind, fen in cursor.fetchall():
            key = (fund, AccountKind(kind))
            told[key] = told.get(key, 0) + (fen or 0)
    return told


def unfinished(place: str, to: date) -> list[str]:
    """What stands in the way of closing a day: debit batches whose answer is still being booked, as of the day it came."""
    with connection.cursor() as cursor:
        cursor.execute("select number from levy_debitbatch where place = %s and state = 'answered' order by id", [place])
        return [f"批扣批次 {number} 已回盘、还没有入账完，请在“批次管理”等它完成" for (number,) in cursor.fetchall()]
