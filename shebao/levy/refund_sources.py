"""What can be given back, and holding it: suspense of a receipt, 待退差额, credits of settled months, months a person paid by mistake."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import month_shown
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.ledger.operations import UNASSIGNED_FUND
from shebao.levy.models import Bill, BillKind, BillState, DueState, Estimate, FlexDue, Receipt, ReceiptState, RefundDue, TakenDue
from shebao.levy.refund_models import RefundLine, SourceKind
from shebao.levy.suspense import NotPossibleError, TooMuchError, has_arrived

_LOCK = 7_315_020  # one refund of a 待退差额 at a time


class TakenAlreadyError(ShebaoError):
    """Another refund has it."""

    code = "RFD-08"


class NotPaidYetError(ShebaoError):
    """What has not come in cannot go back."""

    code = "RFD-09"


@dataclass(frozen=True, slots=True)
class Source:
    """One source and how much of it, fen. id: of the receipt, 待退差额 or estimate; person_id, month, insurance: of a person's due."""

    kind: SourceKind
    id: int = 0
    amount_fen: int = 0
    person_id: int = 0
    month: int = 0
    insurance: int = 0


def hold(sources: Sequence[Source], agency_id: int) -> list[RefundLine]:
    """The lines of a refund over these sources, each source under lock and found to hold that much.

    Raises: NotPossibleError, TooMuchError, TakenAlreadyError, NotPaidYetError.
    """
    order = [SourceKind.DIFFERENCE, SourceKind.CREDIT, SourceKind.FLEXDUE, SourceKind.SUSPENSE]
    by = {SourceKind.SUSPENSE: _suspense, SourceKind.DIFFERENCE: _difference, SourceKind.CREDIT: _credit, SourceKind.FLEXDUE: _flexdue}
    ordered = sorted(sources, key=lambda s: (order.index(s.kind), s.id, s.person_id, s.month))
    return [by[source.kind](source, agency_id) for source in ordered]


def _suspense(source: Source, agency_id: int) -> RefundLine:
    receipt = Receipt.objects.select_for_update().filter(pk=source.id, agency_id=agency_id).first()
    if receipt is None or receipt.state not in (ReceiptState.ALLOCATED, ReceiptState.SUSPENSE):
        raise NotPossibleError("没有这笔暂收款，或登记还没有复核；请刷新后核对")
    if not has_arrived(receipt):
        raise NotPaidYetError(f"流水 {receipt.serial} 的款项还在途，尚未到账；请等对账单确认到账后再退")
    if not 0 < source.amount_fen <= receipt.rest_fen:
        raise TooMuchError(
            f"流水 {receipt.serial} 的暂收余额为 {yuan_shown(receipt.rest_fen)} 元，不能退 {yuan_shown(source.amount_fen)} 元"
        )
    return RefundLine(source=SourceKind.SUSPENSE.value, fund=UNASSIGNED_FUND, amount_fen=source.amount_fen, receipt=receipt)


def _difference(source: Source, agency_id: int) -> RefundLine:
    with connection.cursor() as cursor:  # the row itself is never changed and cannot be locked
        cursor.execute("select pg_advisory_xact_lock(%s, %s)", [_LOCK, source.id % 2**31])
    due = RefundDue.objects.filter(pk=source.id, agency_id=agency_id).first()
    if due is None:
        raise NotPossibleError("没有这笔待退差额，请刷新后核对")
    what = f"{month_shown(due.month)}{SHORT_LABELS[Insurance(due.insurance)]}的待退差额"
    if RefundLine.objects.filter(refund_due=due, released=False).exists():
        raise TakenAlreadyError(f"{what}已申请退费，不用重复办理")
    if why := not_paid(due):
        raise NotPaidYetError(f"{what}不能退：{why}")
    return RefundLine(
        source=SourceKind.DIFFERENCE.value, fund=due.insurance, amount_fen=due.unit_fen + due.person_fen, refund_due=due, month=due.month
    )


def not_paid(due: RefundDue) -> str:
    """Why what was charged too much has not come in; empty when it has."""
    bill = Bill.objects.filter(unit_id=due.unit_id, month=due.month, kind=BillKind.MONTHLY).first()
    if bill is None or bill.state not in (BillState.PAID, BillState.MOVED):
        return "该月核定单尚未缴清，请缴清后再退"
    taken = TakenDue.objects.filter(unit_id=due.unit_id, person_id=due.person_id, month=due.month, insurance=due.insurance)
    if taken.filter(state__in=["ordered", "written_off"]).exists():
        return "该职工这个月的费款已转入欠费补缴单尚未缴清，或已注销"
    return ""


def _credit(source: Source, agency_id: int) -> RefundLine:
    estimate = Estimate.objects.select_for_update().filter(pk=source.id, agency_id=agency_id).first()
    if estimate is None:
        raise NotPossibleError("没有这笔结算多缴，请刷新后核对")
    rest = estimate.credit_fen - estimate.used_fen - estimate.refunded_fen
    if not 0 < source.amount_fen <= rest:
        raise TooMuchError(
            f"{month_shown(estimate.month)}的结算多缴余额为 {yuan_shown(rest)} 元，不能退 {yuan_shown(source.amount_fen)} 元"
        )
    return RefundLine(
        source=SourceKind.CREDIT.value, fund=estimate.insurance, amount_fen=source.amount_fen, estimate=estimate, month=estimate.month
    )


def _flexdue(source: Source, agency_id: int) -> RefundLine:
    rows = FlexDue.objects.select_for_update(of=("self",)).filter(
        person_id=source.person_id, month=source.month, insurance=source.insurance, agency_id=agency_id
    )
    due = rows.first()
    if due is None or due.state != DueState.PAID:
        raise NotPaidYetError("该月没有已缴的灵活就业费款，请刷新后核对")
    what = f"{month_shown(due.month)}的费款"
    if RefundLine.objects.filter(person_id=due.person_id, month=due.month, fund=due.insurance, released=False).exists():
        raise TakenAlreadyError(f"{what}已申请退费，不用重复办理")
    if not _flexdue_arrived(due):
        raise NotPaidYetError(f"{what}还在途，尚未到账；请等对账单确认到账后再退")
    return RefundLine(
        source=SourceKind.FLEXDUE.value, fund=due.insurance, amount_fen=due.total_fen + due.interest_fen, interest_fen=due.interest_fen,
        person_id=due.person_id, month=due.month,
    )  # fmt: skip


def _flexdue_arrived(due: FlexDue) -> bool:
    """Whether the money of the bill or batch that paid it is in the bank."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select case when %(bill)s::bigint is not null then not exists (
                     select 1 from levy_receipt r join levy_allocation a on a.receipt_id = r.id join levy_billline l on l.id = a.line_id
                     where l.bill_id = %(bill)s and r.channel in ('tax', 'bank') and r.arrived_on is null)
                   when %(batch)s::bigint is not null then coalesce((
                     select bool_and(f.arrived_on is not null) from levy_debitfile f where f.batch_id = %(batch)s), false)
                   else true end
            """,
            {"bill": due.bill_id, "batch": due.batch_id},
        )
        return bool(cursor.fetchone()[0])
