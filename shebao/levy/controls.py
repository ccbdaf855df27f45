"""What the sub-ledgers of collection say of the control accounts: bills and dues, receipts, credits. Asked at every 月结.

The independent auditor asks the same with words of its own (shebao/auditor); neither knows the other.
"""

from collections.abc import Mapping

from django.db import connection

from shebao.ledger.models import AccountKind

KINDS = (
    AccountKind.RECEIVABLE,
    AccountKind.LATE_FEE_DUE,
    AccountKind.INTEREST_DUE,
    AccountKind.BANK,
    AccountKind.TRANSIT,
    AccountKind.SUSPENSE,
)

# What is still open on bills that stand; dues of flexible workers that are on no bill; what came in, shared out or not; credits.
_SUMS = """
with here as (select id from parties_agency where place = %(place)s),
arrived as (
  select r.id, case when r.channel in ('tax', 'bank') and r.arrived_on is null then 'transit' else 'bank' end as kind,
         r.amount_fen, r.allocated_fen
  from levy_receipt r where r.agency_id in (select id from here) and r.state not in ('pending', 'void'))
select l.insurance, case l.origin when 'late_fee' then 'late_fee_due' when 'interest' then 'interest_due' else 'receivable' end,
       sum(l.unit_fen + l.person_fen - l.paid_fen - l.moved_fen - l.written_off_fen)::bigint
from levy_billline l join levy_bill b on b.id = l.bill_id
where b.agency_id in (select id from here) and b.state <> 'cancelled' group by 1, 2
union all
select d.insurance, 'receivable', sum(d.total_fen)::bigint from levy_flexdue d
where d.agency_id in (select id from here) and d.state in ('open', 'sent') group by 1
union all
select d.insurance, 'interest_due', sum(d.interest_fen)::bigint from levy_flexdue d
where d.agency_id in (select id from here) and d.state in ('open', 'sent') group by 1
union all
select l.insurance, a.kind, sum(s.amount_fen)::bigint from arrived a join levy_allocation s on s.receipt_id = a.id
join levy_billline l on l.id = s.line_id group by 1, 2
union all
select 0, kind, sum(amount_fen - allocated_fen)::bigint from arrived group by 2
union all
select 0, 'suspense', -sum(amount_fen - allocated_fen)::bigint from arrived
union all
select insurance, 'suspense', -sum(credit_fen - used_fen)::bigint from levy_estimate
where agency_id in (select id from here) group by 1
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
