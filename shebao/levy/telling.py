"""Payments that a partner tells of before the money is in the bank (在途), and their arrival when a statement shows them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.ledger.closing import open_day
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import UNASSIGNED_FUND, Booking, Side, book
from shebao.levy import matching
from shebao.levy.matching import claim, settle
from shebao.levy.models import IN_TRANSIT, Bill, Channel, Receipt, ReceiptState
from shebao.levy.payments import Payment, new_receipts
from shebao.levy.refund_models import HeldTold


class ToldAs(str, Enum):
    """What a told payment was to us."""

    NEW = "new"
    KNOWN = "known"  # the same serial with the same content came before: answered as then
    HELD = "held"  # the same serial with other content: waits for two people, nothing was booked


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to one told payment; fen. reason: why something of it is in suspense, or why it is held."""

    serial: str
    status: ToldAs
    receipt_id: int
    state: ReceiptState
    allocated_fen: int
    suspended_fen: int
    reason: str


def receive_told(
    channel: Channel, batch: str, payments: Sequence[Payment], *, place: str, agency_id: int, on: date, at: datetime
) -> list[Told]:
    """Record payments that the tax office (Channel.TAX) or a partner bank (Channel.BANK) tells of. Each serial counts once.

    Matched and shared out like any payment, booked Dr 在途款 / Cr 应收 and, where no bill takes it, Dr 在途款 / Cr 暂收款. Bills are
    cleared for their payers at once; `arrive` follows. What the bank's statement showed before the partner told of it finds its bill now.
    Args: batch: the teller's own name for this lot, kept with each receipt. Returns: one answer a payment, in the order given.
    """
    if channel not in IN_TRANSIT:
        raise ValueError(f"{channel} tells arrivals, not payments on their way")
    ordered = sorted(payments, key=lambda p: (p.bill_number, p.serial))
    fresh = new_receipts(ordered, None, agency_id, ReceiptState.SUSPENSE, at, channel=channel, batch=batch)
    settle(fresh, place=place, on=on, at=at)
    new = {receipt.serial: receipt for receipt in fresh}
    old = {
        r.serial: r for r in Receipt.objects.select_for_update().filter(serial__in={p.serial for p in payments} - new.keys()).order_by("id")
    }
    _adopt([p for p in payments if p.serial in old], old, batch, place=place, on=on, at=at)
    first = {payment.serial: payment for payment in reversed(ordered)}
    found: list[Told] = []
    for payment in payments:
        receipt = new.get(payment.serial) or old[payment.serial]
        status = ToldAs.NEW if payment.serial in new and payment is first[payment.serial] else _again(payment, receipt)
        reason = "流水号已登记，但本次核定单号、金额或日期不同；已转人工核对，没有入账" if status is ToldAs.HELD else receipt.reason
        found.append(Told(payment.serial, status, receipt.pk, ReceiptState(receipt.state), receipt.allocated_fen, receipt.rest_fen, reason))
    held = [(p, (new.get(p.serial) or old[p.serial]).pk) for p, told in zip(payments, found, strict=True) if told.status is ToldAs.HELD]
    _hold(held, channel, batch, agency_id, at)
    if fresh or held:
        after = {"payments": len(payments), "new": len(fresh), "held": len(held)}
        record([Trace("levy.told", batch, after=after, agency_id=agency_id)], at=at)
    return found


def _again(payment: Payment, receipt: Receipt) -> ToldAs:
    same = (receipt.bill_number, receipt.amount_fen, receipt.paid_on) == (payment.bill_number, payment.amount_fen, payment.paid_on)
    return ToldAs.KNOWN if same else ToldAs.HELD


def _adopt(payments: Iterable[Payment], old: dict[str, Receipt], batch: str, *, place: str, on: date, at: datetime) -> None:
    """The statement was faster than the partner: its money, in suspense so far, gets the bill that the partner names."""
    adopted: list[Receipt] = []
    wanted: list[tuple[Receipt, str, int, str]] = []
    numbers = {p.serial: p for p in payments if old[p.serial].channel == Channel.STATEMENT and not old[p.serial].bill_number}
    if not numbers:
        return
    bills = {
        b.number: b for b in Bill.objects.select_for_update().filter(number__in={p.bill_number for p in numbers.values()}).order_by("id")
    }
    for serial, payment in numbers.items():
        receipt = old[serial]
        if receipt.amount_fen != payment.amount_fen or receipt.rest_fen != receipt.amount_fen:
            continue
        receipt.bill_number, receipt.batch, receipt.paid_on = payment.bill_number, batch, payment.paid_on
        bill = bills.get(payment.bill_number)
        receipt.reason = matching.why_not(bill, receipt.agency_id, receipt.amount_fen)
        adopted.append(receipt)
        if not receipt.reason:
            wanted.append((receipt, payment.bill_number, receipt.amount_fen, f"adopted:{receipt.pk}"))
    Receipt.objects.bulk_update(adopted, ["bill_number", "batch", "paid_on", "reason"])
    if wanted:
        claim(wanted, place=place, on=on, at=at)


def _hold(held: Sequence[tuple[Payment, int]], channel: Channel, batch: str, agency_id: int, at: datetime) -> None:
    HeldTold.objects.bulk_create(
        [
            HeldTold(
                receipt_id=receipt_id, serial=p.serial, channel=channel.value, batch=batch, bill_number=p.bill_number,
                payer=p.payer[:100], amount_fen=p.amount_fen, paid_on=p.paid_on, agency_id=agency_id, told_at=at,
            )
            for p, receipt_id in held
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def arrive(serials: Sequence[str], *, place: str, on: date, at: datetime) -> int:
    """The bank's statement of a day shows these payments: Dr 银行存款 / Cr 在途款, by fund as they are allocated now.

    A serial that has arrived before, or never was on its way, is left as it is. Returns how many arrived.
    """
    receipts = list(
        Receipt.objects.select_for_update()
        .filter(serial__in=set(serials), channel__in=[c.value for c in IN_TRANSIT], arrived_on=None, parent=None)
        .exclude(state=ReceiptState.VOID)
        .order_by("id")
    )
    if not receipts:
        return 0
    ids = [r.pk for r in receipts]
    funds: dict[int, list[tuple[int, int]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select a.receipt_id, l.insurance, sum(a.amount_fen)::bigint from levy_allocation a join levy_billline l on l.id = a.line_id
            where a.receipt_id = any(%s) group by 1, 2 having sum(a.amount_fen) <> 0 order by 1, 2
            """,
            [ids],
        )
        for receipt_id, fund, fen in cursor.fetchall():
            funds.setdefault(receipt_id, []).append((fund, fen))
    Receipt.objects.filter(pk__in=ids).update(arrived_on=on)
    bookings = []
    for receipt in receipts:
        parts = [*funds.get(receipt.pk, []), (UNASSIGNED_FUND, receipt.amount_fen - receipt.allocated_fen)]
        sides = [side for fund, fen in parts for side in (Side(fund, AccountKind.BANK, fen), Side(fund, AccountKind.TRANSIT, -fen))]
        bookings.append(Booking(f"arrive:{receipt.pk}", "在途款到账", f"receipt:{receipt.serial}", tuple(sides)))
    book(bookings, place=place, on=open_day(place, on), at=at)
    return len(receipts)
