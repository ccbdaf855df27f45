"""到账: money that arrives is matched to its bill, shared out to the fen, booked; what cannot be matched waits in suspense."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.base.money import split, yuan_shown
from shebao.ledger.models import AccountKind, PostingState
from shebao.ledger.operations import UNASSIGNED_FUND, Booking, Side, book
from shebao.levy import late_payments, paid
from shebao.levy.models import MONTHLY_ORIGINS, Bill, BillKind, BillLine, BillState, Origin, Receipt, ReceiptFile, ReceiptState
from shebao.levy.suspension import suspended


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
class Payment:
    """One payment as reported: fen, the bill it names, the reporting side's own serial."""

    serial: str
    bill_number: str
    payer: str
    amount_fen: int
    paid_on: date
    line: int | None = None


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
    fresh = _new_receipts(sorted(payments, key=_by_bill), row[0], agency_id, ReceiptState.SUSPENSE, at)
    outcome = _settle(fresh, place=place, on=on, at=at)
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
    receipt = next(iter(_new_receipts([payment], None, agency_id, ReceiptState.PENDING, at)), None)
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
    state = _settle([receipt], place=place, on=on, at=at, resolves=f"hand:{receipt.pk}")[0]
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


def _new_receipts(payments: Sequence[Payment], file_id: int | None, agency_id: int, state: ReceiptState, at: datetime) -> list[Receipt]:
    """The receipts, but for those whose serial is on record: a payment counts once, whichever file brings it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_receipt (serial, file_id, line, bill_number, payer, amount_fen, allocated_fen, paid_on, state, reason,
                                      agency_id, entered_by, entered_at)
            select n.serial, %s, n.line, n.bill_number, n.payer, n.amount_fen, 0, n.paid_on, %s, '', %s, %s, %s
            from unnest(%s::text[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::date[])
                 with ordinality as n (serial, line, bill_number, payer, amount_fen, paid_on, i)
            order by n.i on conflict (serial) do nothing returning serial, id
            """,
            [
                file_id,
                state.value,
                agency_id,
                current().account_id,
                at,
                [p.serial for p in payments],
                [p.line for p in payments],
                [p.bill_number for p in payments],
                [p.payer[:100] for p in payments],
                [p.amount_fen for p in payments],
                [p.paid_on for p in payments],
            ],
        )
        ids = dict(cursor.fetchall())
    return [
        Receipt(
            id=ids.pop(p.serial),
            serial=p.serial,
            file_id=file_id,
            line=p.line,
            bill_number=p.bill_number,
            payer=p.payer[:100],
            amount_fen=p.amount_fen,
            paid_on=p.paid_on,
            state=state,
            agency_id=agency_id,
            entered_by=current().account_id,
            entered_at=at,
        )
        for p in payments
        if p.serial in ids
    ]


Shares = list[tuple[BillLine, int]]


def _settle(receipts: Sequence[Receipt], *, place: str, on: date, at: datetime, resolves: str | None = None) -> list[ReceiptState]:
    """Match receipts to their bills under the bills' locks, share them out, book them. A dozen statements, however many there are."""
    bills = {b.number: b for b in Bill.objects.select_for_update().filter(number__in={r.bill_number for r in receipts}).order_by("id")}
    lines: dict[int, list[BillLine]] = {bill.pk: [] for bill in bills.values()}
    for line in BillLine.objects.select_for_update().filter(bill_id__in=list(lines)).order_by("id"):
        lines[line.bill_id].append(line)
    were_clear = {bill.pk for bill in bills.values() if bill.state == BillState.PAID}
    shared = [_match(receipt, bills.get(receipt.bill_number), lines) for receipt in receipts]
    _store(receipts, list(bills.values()), [line for of_bill in lines.values() for line in of_bill], shared)
    late_payments.charge(receipts, shared, {bill.pk: bill for bill in bills.values()}, place=place, on=on, at=at)
    now_clear = [bill for bill in bills.values() if bill.state == BillState.PAID and bill.pk not in were_clear]
    if now_clear:
        paid.cleared(now_clear, place=place, on=on, at=at)
    book([_booking(receipt, shares, resolves) for receipt, shares in zip(receipts, shared, strict=True)], place=place, on=on, at=at)
    return [ReceiptState(receipt.state) for receipt in receipts]


def _match(receipt: Receipt, bill: Bill | None, lines: Mapping[int, Sequence[BillLine]]) -> Shares:
    """Decide about one receipt and bring its bill forward, in memory."""
    reason = ""
    shares: Shares = []
    if bill is None:
        reason = "没有这个核定单号"
    elif bill.agency_id != receipt.agency_id:
        reason, bill = "核定单属于其他经办机构", None
    elif bill.open_fen == 0:
        reason = _closed(bill)
    else:
        shares = _share(bill, lines[bill.pk], min(receipt.amount_fen, bill.open_fen), on=receipt.paid_on)
        if receipt.amount_fen > sum(amount for _, amount in shares):
            reason = f"多缴 {yuan_shown(receipt.amount_fen - sum(amount for _, amount in shares))} 元"
    allocated = sum(amount for _, amount in shares)
    receipt.bill, receipt.allocated_fen, receipt.reason = bill, allocated, reason
    receipt.state = ReceiptState.ALLOCATED if allocated == receipt.amount_fen else ReceiptState.SUSPENSE
    return shares


def _closed(bill: Bill) -> str:
    """Why nothing is open on a bill."""
    return {
        BillState.ROLLED_BACK: "补缴单已回退，请按新的补缴单或核定单缴费",
        BillState.MOVED: "核定单余额已转入欠费补缴单，请按补缴单号缴费",
        BillState.WRITTEN_OFF: "核定单的欠费已注销",
    }.get(BillState(bill.state), "核定单已全部到账，疑似重复缴费")


def _deferred(line: BillLine, last: date | None, on: date) -> int:
    return min(line.open_fen, line.unit_fen) if last and last >= on and line.origin in MONTHLY_ORIGINS else 0


def _share(bill: Bill, lines: Sequence[BillLine], amount_fen: int, *, on: date) -> Shares:
    """Share an amount over the open lines of a bill in proportion, to the fen, and bring the bill forward."""
    open_lines = [line for line in lines if line.open_fen]
    # What runs under a deferral is paid last.
    later = suspended([bill.unit_id], on)
    due = [line.open_fen - _deferred(line, later.get((bill.unit_id, bill.month, line.insurance)), on) for line in open_lines]
    first = min(amount_fen, sum(due))
    parts = split(first, due) if first else [0] * len(due)
    if amount_fen > first:
        rest = split(amount_fen - first, [line.open_fen - fen for line, fen in zip(open_lines, parts, strict=True)])
        parts = [a + b for a, b in zip(parts, rest, strict=True)]
    shares = [(line, part) for line, part in zip(open_lines, parts, strict=True) if part]
    for line, part in shares:
        line.paid_fen += part
    bill.paid_fen += amount_fen
    bill.state = bill.state_now()
    bill.paid_on = on if bill.open_fen == 0 else None
    return shares


def _store(receipts: Sequence[Receipt], bills: Sequence[Bill], lines: Sequence[BillLine], shared: Sequence[Shares]) -> None:
    """Write what was matched in memory."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update levy_billline l set paid_fen = n.paid_fen from unnest(%s::bigint[], %s::bigint[]) as n (id, paid_fen)
            where l.id = n.id and l.paid_fen <> n.paid_fen
            """,
            [[line.pk for line in lines], [line.paid_fen for line in lines]],
        )
        cursor.execute(
            """
            update levy_bill b set paid_fen = n.paid_fen, state = n.state, paid_on = n.paid_on
            from unnest(%s::bigint[], %s::bigint[], %s::text[], %s::date[]) as n (id, paid_fen, state, paid_on)
            where b.id = n.id and b.paid_fen <> n.paid_fen
            """,
            [[b.pk for b in bills], [b.paid_fen for b in bills], [str(b.state) for b in bills], [b.paid_on for b in bills]],
        )
        cursor.execute(
            """
            update levy_receipt r set bill_id = n.bill_id, allocated_fen = n.allocated_fen, state = n.state, reason = n.reason,
                                      confirmed_by = n.confirmed_by
            from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::int[])
                 as n (id, bill_id, allocated_fen, state, reason, confirmed_by)
            where r.id = n.id
            """,
            [
                [r.pk for r in receipts],
                [r.bill_id for r in receipts],
                [r.allocated_fen for r in receipts],
                [str(r.state) for r in receipts],
                [r.reason for r in receipts],
                [r.confirmed_by for r in receipts],
            ],
        )
        # Whoever was on an order that is cleared now is in arrears no more.
        cleared = [b.pk for b in bills if b.kind == BillKind.ARREARS and b.state == BillState.PAID]
        cursor.execute("update levy_takendue set state = 'paid' where order_id = any(%s) and state = 'ordered'", [cleared])
        cursor.execute("update levy_backpayment set state = 'paid' where order_id = any(%s) and state = 'ordered'", [cleared])
        rows = [(r.pk, line.pk, amount) for r, shares in zip(receipts, shared, strict=True) for line, amount in shares]
        cursor.execute(
            "insert into levy_allocation (receipt_id, line_id, amount_fen) select * from unnest(%s::bigint[], %s::bigint[], %s::bigint[])",
            [[row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]],
        )


def _booking(receipt: Receipt, shares: Sequence[tuple[BillLine, int]], resolves: str | None) -> Booking:
    by_account: dict[tuple[int, AccountKind], int] = {}
    for line, amount in shares:
        kind = AccountKind.LATE_FEE_DUE if line.origin == Origin.LATE_FEE else AccountKind.RECEIVABLE
        by_account[line.insurance, kind] = by_account.get((line.insurance, kind), 0) + amount
    sides = [
        side
        for (fund, kind), amount in sorted(by_account.items())
        for side in (Side(fund, AccountKind.BANK, amount), Side(fund, kind, -amount))
    ]
    rest = receipt.amount_fen - receipt.allocated_fen
    if rest:
        sides += [Side(UNASSIGNED_FUND, AccountKind.BANK, rest), Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, -rest)]
    text = "到账" if not rest else "到账，部分暂收" if shares else "到账暂收"
    return Booking(f"receipt:{receipt.pk}", text, f"receipt:{receipt.serial}", tuple(sides), resolves_key=resolves)
