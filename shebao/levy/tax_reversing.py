"""冲正: a payment that the tax office told of was none. It is taken away from its bill, booked back, and the bill is open again.

Only money that is still on its way (在途) and still where it was booked can go back by itself. What has arrived, was refunded or handed
over is left as it is, with a note: two people of finance decide about money in the bank.
"""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import UNASSIGNED_FUND, Booking, Side, book
from shebao.levy import matching
from shebao.levy.models import Receipt, ReceiptState
from shebao.levy.tax_models import ReversalState, TaxPayment, TaxReversal
from shebao.parties.models import Agency


def go_on(serials: Sequence[str], *, on: date, at: datetime) -> dict[str, str]:
    """Do the reversals that wait for these payments, as far as they can be done. As the engine.

    Returns: by 税票号 of those that have a payment, why it could not be reversed; empty when it is.
    """
    waiting = {
        r.of: r for r in TaxReversal.objects.select_for_update().filter(of__in=list(serials), state=ReversalState.WAITING).order_by("of")
    }
    told: dict[str, str] = {}
    for payment in TaxPayment.objects.filter(serial__in=list(waiting)).order_by("receipt_id"):
        reversal = waiting[payment.serial]
        try:
            with transaction.atomic():
                reason = _not_as_told(payment, reversal) or _reverse(payment.receipt_id, reversal, on=on, at=at)
        except ShebaoError as error:
            reason = error.text
        reversal.note = reason[:200]
        if not reason:
            reversal.state, reversal.receipt_id = ReversalState.DONE, payment.receipt_id
        reversal.save(update_fields=["state", "note", "receipt"])
        told[payment.serial] = reason
    return told


def _not_as_told(payment: TaxPayment, reversal: TaxReversal) -> str:
    return "" if payment.amount_fen == reversal.amount_fen else "冲正金额与原税票不符，只能整笔冲正，请与税务核对"


def _reverse(receipt_id: int, reversal: TaxReversal, *, on: date, at: datetime) -> str:
    """Take one receipt away. Returns why it could not be done, or nothing. Bills are locked before the receipt, as every payment does."""
    matching.hold(matching.bills_of(receipt_id), [])
    receipt = Receipt.objects.select_for_update().get(pk=receipt_id)
    if receipt.arrived_on is not None:
        return "款项已确认到账，不能自动冲正，请财务核对后办理退费"
    if receipt.moved_fen or receipt.state not in (ReceiptState.ALLOCATED, ReceiptState.SUSPENSE):
        return "款项已办理退费、移交或其他处理，不能自动冲正，请财务核对"
    place = str(Agency.objects.values_list("place", flat=True).get(pk=receipt.agency_id))
    for number in matching.bills_of(receipt.pk):
        matching.release(receipt, number, key=f"reversal:{receipt.pk}:{number}", place=place, on=on, at=at, why="原缴费已冲正")
    sides = (
        Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, receipt.amount_fen),
        Side(UNASSIGNED_FUND, AccountKind.TRANSIT, -receipt.amount_fen),
    )
    book([Booking(f"reversal:{receipt.pk}", "税务冲正", f"receipt:{receipt.serial}", sides)], place=place, on=on, at=at)
    receipt.state, receipt.reason = ReceiptState.VOID, f"税务冲正 {reversal.serial}：{reversal.reason}"[:120]
    receipt.save(update_fields=["state", "reason"])
    record([Trace("levy.tax_reversed", receipt.serial, agency_id=receipt.agency_id, after={"reversal": reversal.serial})], at=at)
    return ""
