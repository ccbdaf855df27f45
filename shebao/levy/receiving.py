"""到账: money that arrives is matched to its bill, shared out to the fen, booked; what cannot be matched waits in suspense."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.ledger.models import AccountKind, PostingState
from shebao.ledger.operations import UNASSIGNED_FUND, Booking, Side, book
from shebao.levy.matching import settle
from shebao.levy.models import Channel, Receipt, ReceiptFile, ReceiptState
from shebao.levy.payments import Payment as Payment
from shebao.levy.payments import new_receipts
from shebao.levy.telling import Told as Told
from shebao.levy.telling import ToldAs as ToldAs
from shebao.levy.telling import arrive as arrive
from shebao.levy.telling import receive_told as receive_told


class FileKnownError(ShebaoError):
    """The same bytes, or the same batch number, came before."""

    code = "RCP-01"


class SerialKnownError(ShebaoError):
    """A single payment with this 流水号 is recorded already."""

    code = "RCP-02"


class NotPendingError(ShebaoError):
    """Somebody else confirmed or voided it meanwhile."""

    code = "RCP-03"


class SamePersonError(ShebaoError):
    """Who enters never confirms."""

    code = "RCP-04"
    status = 403


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a file or an entry."""

    receipts: int
    allocated: int
    suspended: int
    known: int
    total_fen: int


def receive_file(
    sha256: bytes, batch: str, name: str, payments: Sequence[Payment], *, place: str, agency_id: int, on: date, at: datetime
) -> Received:
    """Apply a checked file whole. The reporting side vouches for it; nothing in it is dropped.

    Raises: FileKnownError when the same file or batch was applied before (nothing happens then).
    """
    known = ReceiptFile.objects.filter(sha256=sha256).first() or ReceiptFile.objects.filter(batch=batch).first()
    if known is not None:
        same = bytes(known.sha256) == sha256
        raise FileKnownError(
            f"这个文件已于 {known.received_at:%Y-%m-%d} 入账，没有重复处理"
            if same
            else f"批次号 {batch} 已于 {known.received_at:%Y-%m-%d} 入账，但本次文件内容不同；请与对方核对，用新的批次号重新出盘"
        )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_receiptfile (sha256, batch, name, lines, total_fen, agency_id, received_by, received_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing returning id
            """,
            [sha256, batch, name[:120], len(payments), sum(p.amount_fen for p in payments), agency_id, current().account_id, at],
        )
        row = cursor.fetchone()
    if row is None:
        raise FileKnownError("这个文件正在或已经入账，没有重复处理")
    fresh = new_receipts(sorted(payments, key=_by_bill), row[0], agency_id, ReceiptState.SUSPENSE, at)
    outcome = settle(fresh, place=place, on=on, at=at)
    record([Trace("levy.receipt_file", batch, after={"lines": len(payments)}, agency_id=agency_id)], at=at)
    return Received(
        receipts=len(payments),
        allocated=outcome.count(ReceiptState.ALLOCATED),
        suspended=outcome.count(ReceiptState.SUSPENSE),
        known=len(payments) - len(fresh),
        total_fen=sum(p.amount_fen for p in payments),
    )


def _by_bill(payment: Payment) -> tuple[str, str]:
    return payment.bill_number, payment.serial


def enter_by_hand(payment: Payment, *, agency_id: int, place: str, on: date, at: datetime) -> int:
    """Finance enters a payment; it counts once another one of finance confirms it. Booked as pending until then.

    Raises: SerialKnownError.
    """
    receipt = next(iter(new_receipts([payment], None, agency_id, ReceiptState.PENDING, at, channel=Channel.HAND)), None)
    if receipt is None:
        raise SerialKnownError(f"流水号 {payment.serial} 已经登记过，请核对是否重复")
    sides = (
        Side(UNASSIGNED_FUND, AccountKind.BANK, payment.amount_fen),
        Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, -payment.amount_fen),
    )
    booking = Booking(f"hand:{receipt.pk}", "手工登记到账，待复核", f"receipt:{receipt.pk}", sides, PostingState.PENDING)
    book([booking], place=place, on=on, at=at)
    record([Trace("levy.receipt_entered", payment.serial, after={"amount_fen": payment.amount_fen})], at=at)
    return receipt.pk


def confirm(receipt_id: int, *, place: str, on: date, at: datetime) -> ReceiptState:
    """复核 a payment entered by hand: it is allocated and booked.

    Raises: NotPendingError, SamePersonError.
    """
    receipt = _pending(receipt_id)
    if receipt.entered_by == current().account_id:
        raise SamePersonError("登记和复核不能是同一人，请由另一位财务人员复核")
    receipt.confirmed_by = current().account_id
    state = settle([receipt], place=place, on=on, at=at, resolves=f"hand:{receipt.pk}")[0]
    record([Trace("levy.receipt_confirmed", receipt.serial)], at=at)
    return state


def void(receipt_id: int, *, place: str, on: date, at: datetime) -> None:
    """作废 a payment entered by hand that nobody has confirmed yet. Raises: NotPendingError."""
    receipt = _pending(receipt_id)
    Receipt.objects.filter(pk=receipt.pk).update(state=ReceiptState.VOID)
    booking = Booking(f"void:{receipt.pk}", "手工登记到账作废", f"receipt:{receipt.pk}", (), PostingState.VOID, f"hand:{receipt.pk}")
    book([booking], place=place, on=on, at=at)
    record([Trace("levy.receipt_voided", receipt.serial)], at=at)


def _pending(receipt_id: int) -> Receipt:
    receipt = Receipt.objects.select_for_update().filter(pk=receipt_id).first()
    if receipt is None or receipt.state != ReceiptState.PENDING:
        raise NotPendingError("这笔到账已由他人处理，请刷新页面查看结果")
    return receipt
