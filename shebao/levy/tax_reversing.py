"""冲正: a payment that the tax office told of was none. It is taken away from its bill, booked back, and the bill is open again.

Only money that is still on its way (在途) and still where it was booked can go back by itself. What has arrived, was refunded or handed
over is left as it is, with a note: two people of finance decide about money in the bank.
"""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection, transaction

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import UNASSIGNED_FUND, Booking, Side, book
from shebao.levy import late_payments, paid
from shebao.levy.matching import by_account, hold
from shebao.levy.models import BillKind, BillLine, Receipt, ReceiptState
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
    """Take one receipt away. Returns why it could not be done, or nothing."""
    number = Receipt.objects.values_list("bill__number", flat=True).get(pk=receipt_id)
    held = hold([number] if number else [], [])  # bills before receipts, as every payment takes them
    receipt = Receipt.objects.select_for_update().get(pk=receipt_id)
    if receipt.arrived_on is not None:
        return "款项已确认到账，不能自动冲正，请财务核对后办理退费"
    if receipt.moved_fen or receipt.state not in (ReceiptState.ALLOCATED, ReceiptState.SUSPENSE):
        return "款项已办理退费、移交或其他处理，不能自动冲正，请财务核对"
    late_payments.take_back([receipt.pk], place=_place(receipt), on=on, at=at, why="原缴费已冲正")
    shares = _shares(receipt, held.all_lines)
    for line, fen in shares:
        line.paid_fen -= fen
    for bill in held.bills.values():
        bill.paid_fen -= receipt.allocated_fen
        bill.state = bill.state_now()
        if bill.open_fen:
            bill.paid_on = None
        bill.save(update_fields=["paid_fen", "state", "paid_on"])
    BillLine.objects.bulk_update([line for line, _ in shares], ["paid_fen"])
    opened = held.opened()
    with connection.cursor() as cursor:
        orders = [bill.pk for bill in opened if bill.kind == BillKind.ARREARS]
        cursor.execute("update levy_takendue set state = 'ordered' where order_id = any(%s) and state = 'paid'", [orders])
        cursor.execute("update levy_backpayment set state = 'ordered' where order_id = any(%s) and state = 'paid'", [orders])
        cursor.execute(
            "insert into levy_allocation (receipt_id, line_id, amount_fen) select %s, * from unnest(%s::bigint[], %s::bigint[])",
            [receipt.pk, [line.pk for line, _ in shares], [-fen for _, fen in shares]],
        )
    sides = [
        side for (fund, kind), fen in by_account(shares).items() for side in (Side(fund, kind, fen), Side(fund, AccountKind.TRANSIT, -fen))
    ]
    rest = receipt.amount_fen - receipt.allocated_fen
    sides += [Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, rest), Side(UNASSIGNED_FUND, AccountKind.TRANSIT, -rest)]
    book([Booking(f"reversal:{receipt.pk}", "税务冲正", f"receipt:{receipt.serial}", tuple(sides))], place=_place(receipt), on=on, at=at)
    Receipt.objects.filter(pk=receipt.pk).update(state=ReceiptState.VOID, allocated_fen=0, reason=f"税务冲正 {reversal.serial}"[:120])
    if opened:
        paid.opened_again(opened, place=_place(receipt), on=on, at=at)
    record([Trace("levy.tax_reversed", receipt.serial, agency_id=receipt.agency_id, after={"reversal": reversal.serial})], at=at)
    return ""


def _shares(receipt: Receipt, lines: Sequence[BillLine]) -> list[tuple[BillLine, int]]:
    """Where the receipt's money is now, by line under lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select line_id, sum(amount_fen)::bigint from levy_allocation where receipt_id = %s group by 1 having sum(amount_fen) <> 0",
            [receipt.pk],
        )
        now = dict(cursor.fetchall())
    known = {line.pk: line for line in lines}
    return [(known[line], fen) for line, fen in sorted(now.items())]


def _place(receipt: Receipt) -> str:
    return str(Agency.objects.values_list("place", flat=True).get(pk=receipt.agency_id))
