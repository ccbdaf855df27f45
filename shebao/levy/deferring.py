"""缓缴: what a unit may pay later, which bills that covers, and what is due of a bill on a day. Everybody who asks whether something is
overdue asks here."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_shown, span
from shebao.base.months import shift as shifted
from shebao.base.terms import INSURANCES, Insurance, insurances_in, mask_of
from shebao.levy.models import Bill, BillState, Deferral, Run

# What is overdue of a bill `b` on %(on)s, fen. Payments count for what is not deferred first, so at most deferred_fen is put off.
OVERDUE_FEN = """
(case when b.state = 'paid' or b.due_date >= %(on)s then 0
      when b.deferred_until is null then b.unit_fen + b.person_fen - b.paid_fen
      when b.deferred_until >= %(on)s then greatest(b.unit_fen + b.person_fen - b.paid_fen - b.deferred_fen, 0)
      else b.unit_fen + b.person_fen - b.paid_fen end)
"""
# Since when it is: the deferred rest of a bill falls due when the deferral ends.
DUE_SINCE = """
(case when b.deferred_until is not null and b.unit_fen + b.person_fen - b.paid_fen <= b.deferred_fen
      then greatest(b.due_date, b.deferred_until) else b.due_date end)
"""


class AlreadyDeferredError(ShebaoError):
    """One of the types of one of the months is put off already."""

    code = "DFR-90"

    def __init__(self) -> None:
        super().__init__("所选险种和费款所属期中有的已经办理缓缴，不用重复办理；请核对后重新选择")


@dataclass(frozen=True, slots=True)
class NewDeferral:
    """A deferral to grant: the unit part of types for months first to last (both included), payable until repay_by."""

    unit_id: int
    agency_id: int
    scheme: str
    insurances: tuple[Insurance, ...]
    first_month: Month
    last_month: Month
    repay_by: date
    agreement: str
    case_id: int | None


def grant(deferral: NewDeferral, *, at: datetime) -> int:
    """缓缴 takes effect: unpaid bills of its months are marked at once, later ones when they are issued. Returns the deferral.

    Raises: AlreadyDeferredError.
    """
    with connection.cursor() as cursor:  # one at a time a unit: two inserts under an exclusion constraint would wait for each other
        cursor.execute("select 1 from parties_unit where id = %s for no key update", [deferral.unit_id])
    try:
        with transaction.atomic():
            made = Deferral.objects.create(
                unit_id=deferral.unit_id,
                agency_id=deferral.agency_id,
                scheme=deferral.scheme,
                insurance_mask=mask_of(deferral.insurances),
                first_month=deferral.first_month,
                last_month=deferral.last_month,
                repay_by=deferral.repay_by,
                agreement=deferral.agreement,
                granted_at=at,
                case_id=deferral.case_id,
            )
    except IntegrityError as error:
        raise AlreadyDeferredError from error
    with connection.cursor() as cursor:
        cursor.execute(
            "select id from levy_bill where unit_id = %s and month between %s and %s and state <> 'paid' order by id for update",
            [deferral.unit_id, deferral.first_month, deferral.last_month],
        )
        _mark([row[0] for row in cursor.fetchall()])
    told = {"types": [i.key for i in deferral.insurances], "months": [deferral.first_month, deferral.last_month]}
    record([Trace("levy.deferred", f"{deferral.unit_id}", after=told, unit_id=deferral.unit_id, agency_id=deferral.agency_id)], at=at)
    return made.pk


def mark_bills(run: Run) -> int:
    """Mark the bills that a run has just issued where a deferral covers them. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select b.id from levy_bill b join levy_deferral d on d.unit_id = b.unit_id and b.month between d.first_month and d.last_month
            where b.run_id = %s and b.state <> 'paid' group by b.id order by b.id
            """,
            [run.pk],
        )
        bills = [row[0] for row in cursor.fetchall()]
    _mark(bills)
    return len(bills)


_FLAG = "case l.insurance " + " ".join(f"when {i.value} then {i.flag}" for i in INSURANCES) + " end"


def _mark(bills: list[int]) -> None:
    if not bills:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            update levy_billline l set deferred_fen = least(l.unit_fen, l.unit_fen + l.person_fen - l.paid_fen)
            from levy_bill b join levy_deferral d on d.unit_id = b.unit_id and b.month between d.first_month and d.last_month
            where l.bill_id = b.id and b.id = any(%s) and d.insurance_mask & ({_FLAG}) <> 0 and l.origin in ('normal', 'estimate')
            """,
            [bills],
        )
        cursor.execute(
            """
            update levy_bill b set deferred_fen = n.fen, deferred_until = n.until
            from (select l.bill_id, sum(l.deferred_fen)::bigint as fen, min(d.repay_by) as until
                  from levy_billline l join levy_bill x on x.id = l.bill_id
                  join lateral (select min(repay_by) as repay_by from levy_deferral d
                                where d.unit_id = x.unit_id and x.month between d.first_month and d.last_month) d on true
                  where l.bill_id = any(%s) group by 1) n
            where b.id = n.bill_id and n.fen > 0
            """,
            [bills],
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what is open of a bill, fen, and until when it is to be paid."""

    amount_fen: int
    due_date: date
    deferred: bool


def open_parts(bill: Bill) -> tuple[Part, ...]:
    """What is open of a bill, the deferred part apart: late fees run for each part from its own due date."""
    later = min(bill.deferred_fen, bill.open_fen)
    parts = [Part(bill.open_fen - later, bill.due_date, False)]
    if bill.deferred_until is not None:
        parts.append(Part(later, max(bill.due_date, bill.deferred_until), True))
    return tuple(part for part in parts if part.amount_fen)


def overdue_fen(bill: Bill, on: date) -> int:
    """What is overdue of a bill on a day, fen."""
    return sum(part.amount_fen for part in open_parts(bill) if part.due_date < on)


def deferred_fen(bill: Bill, on: date) -> int:
    """What is open of a bill and put off on a day, fen."""
    return sum(part.amount_fen for part in open_parts(bill) if part.deferred and on <= part.due_date)


def bill_word(bill: Bill, on: date) -> tuple[str, str]:
    """缴费状态 of a bill on a day and its tone: 已到账, 欠费, 缓缴中, 部分到账, 待缴费."""
    if bill.state == BillState.PAID:
        return "已到账", "ok"
    if overdue_fen(bill, on):
        return "欠费", "err"
    if deferred_fen(bill, on) == bill.open_fen:
        return "缓缴中", "info"
    return ("部分到账", "warn") if bill.state == BillState.PART_PAID else ("待缴费", "info")


def deferrals_of(unit_id: int) -> list[Deferral]:
    """Deferrals of a unit, newest first."""
    return list(Deferral.objects.filter(unit_id=unit_id).order_by("-first_month", "-id"))


def deferred_types(unit_id: int, months: tuple[Month, Month], on: date) -> dict[Month, tuple[Insurance, ...]]:
    """Whether, and in which types, a unit's months (first and last, both included) are deferred on a day: by month, only those that are."""
    found: dict[Month, int] = {}
    first, last = months
    for deferral in Deferral.objects.filter(unit_id=unit_id, first_month__lte=last, last_month__gte=first, repay_by__gte=on):
        for month in span(max(first, deferral.first_month), shifted(min(last, deferral.last_month), 1)):
            found[month] = found.get(month, 0) | deferral.insurance_mask
    return {month: insurances_in(mask) for month, mask in sorted(found.items())}


def months_words(deferral: Deferral) -> str:
    """费款所属期 of a deferral in words."""
    first, last = month_shown(deferral.first_month), month_shown(deferral.last_month)
    return first if deferral.first_month == deferral.last_month else f"{first}至{last}"
