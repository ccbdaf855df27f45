"""Money finds its bill: receipts are matched, shared out over the lines to the fen, written and booked. Sets at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.base.errors import ShebaoError
from shebao.base.money import split, yuan_shown
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import UNASSIGNED_FUND, Booking, Side, book
from shebao.levy import crediting, late_payments, paid, taking
from shebao.levy.models import (
    ENDED_STATES,
    IN_TRANSIT,
    MONTHLY_ORIGINS,
    Bill,
    BillKind,
    BillLine,
    BillState,
    DueState,
    FlexDue,
    Receipt,
    ReceiptState,
)
from shebao.levy.suspension import suspended

Shares = list[tuple[BillLine, int]]


@dataclass(frozen=True, slots=True)
class Held:
    """Bills under lock with their lines, and what of them runs under a deferral on which day."""

    bills: dict[str, Bill]
    lines: dict[int, list[BillLine]]
    deferred: dict[date, dict[tuple[int, int, int], date]]
    gone: dict[int, int]  # by line: unit parts that were taken out of it
    were_clear: frozenset[int]

    @property
    def all_lines(self) -> list[BillLine]:
        return [line for of_bill in self.lines.values() for line in of_bill]

    def newly_clear(self) -> list[Bill]:
        return [bill for bill in self.bills.values() if bill.state == BillState.PAID and bill.pk not in self.were_clear]


def hold(numbers: Iterable[str], days: Iterable[date]) -> Held:
    """Lock bills by number (in the order of their ids) with their lines."""
    bills = {b.number: b for b in Bill.objects.select_for_update().filter(number__in=set(numbers)).order_by("id")}
    lines: dict[int, list[BillLine]] = {bill.pk: [] for bill in bills.values()}
    for line in BillLine.objects.select_for_update().filter(bill_id__in=list(lines)).order_by("id"):
        lines[line.bill_id].append(line)
    units = sorted({bill.unit_id for bill in bills.values()})
    deferred = {day: suspended(units, day) for day in set(days)} if units else {}
    gone = taking.units_taken(line.pk for of_bill in lines.values() for line in of_bill) if any(deferred.values()) else {}
    return Held(bills, lines, deferred, gone, frozenset(bill.pk for bill in bills.values() if bill.state == BillState.PAID))


def settle(receipts: Sequence[Receipt], *, place: str, on: date, at: datetime, resolves: str | None = None) -> list[ReceiptState]:
    """Match receipts to their bills under the bills' locks, share them out, book them. A dozen statements, however many there are."""
    held = hold((r.bill_number for r in receipts), (r.paid_on for r in receipts))
    shared = [_match(receipt, held) for receipt in receipts]
    store(receipts, list(held.bills.values()), held.all_lines, shared)
    late_payments.charge(receipts, shared, {bill.pk: bill for bill in held.bills.values()}, place=place, on=on, at=at)
    if now_clear := held.newly_clear():
        paid.cleared(now_clear, place=place, on=on, at=at)
    paid.touched(list(held.bills.values()), place=place, on=on, at=at)
    book([_booking(receipt, shares, resolves) for receipt, shares in zip(receipts, shared, strict=True)], place=place, on=on, at=at)
    return [ReceiptState(receipt.state) for receipt in receipts]


def claim(receipts: Sequence[tuple[Receipt, str, int, str]], *, place: str, on: date, at: datetime) -> list[int]:
    """Let money that is in suspense pay bills: (receipt under lock, bill number, fen, booking key). Only what is still open of a bill is
    taken; the rest stays in suspense. Returns by receipt how much was taken. The caller has asked `why_not` under the bill's lock."""
    held = hold((number for _, number, _, _ in receipts), (r.paid_on for r, *_ in receipts))
    shared: list[Shares] = []
    for receipt, number, amount_fen, _ in receipts:
        bill = held.bills[number]
        shares = share(bill, held, min(amount_fen, bill.open_fen), on=receipt.paid_on) if bill.open_fen else []
        receipt.allocated_fen += sum(amount for _, amount in shares)
        receipt.bill_id = receipt.bill_id or bill.pk
        receipt.state = ReceiptState.ALLOCATED if receipt.allocated_fen == receipt.amount_fen else ReceiptState.SUSPENSE
        shared.append(shares)
    store([r for r, *_ in receipts], list(held.bills.values()), held.all_lines, shared)
    late_payments.charge([r for r, *_ in receipts], shared, {b.pk: b for b in held.bills.values()}, place=place, on=on, at=at)
    if now_clear := held.newly_clear():
        paid.cleared(now_clear, place=place, on=on, at=at)
    paid.touched(list(held.bills.values()), place=place, on=on, at=at)
    bookings = [
        Booking(key, "暂收款认领", f"receipt:{receipt.serial}", tuple(_out_of_suspense(receipt, shares)))
        for (receipt, _, _, key), shares in zip(receipts, shared, strict=True)
        if shares
    ]
    book(bookings, place=place, on=on, at=at)
    return [sum(amount for _, amount in shares) for shares in shared]


def brought(receipt_id: int, bill_id: int) -> int:
    """How much of a receipt a bill has now, fen."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select coalesce(sum(a.amount_fen), 0)::bigint from levy_allocation a join levy_billline l on l.id = a.line_id
            where a.receipt_id = %s and l.bill_id = %s
            """,
            [receipt_id, bill_id],
        )
        return int(cursor.fetchone()[0])


def bills_of(receipt_id: int) -> dict[str, int]:
    """The bills that money of a receipt is on now: fen by number, in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select b.number, sum(a.amount_fen)::bigint from levy_allocation a join levy_billline l on l.id = a.line_id
            join levy_bill b on b.id = l.bill_id where a.receipt_id = %s group by b.id, b.number having sum(a.amount_fen) > 0 order by b.id
            """,
            [receipt_id],
        )
        return dict(cursor.fetchall())


class CannotReleaseError(ShebaoError):
    """The money of a receipt cannot be taken away from its bill any more."""

    code = "RFD-07"


def release(receipt: Receipt, number: str, *, key: str, place: str, on: date, at: datetime, why: str = "原缴费已退回或转出") -> int:
    """Take what a receipt (under lock) brought to a bill back into suspense; the bill is owed again, the late fee of having paid it
    late is not. Returns fen.

    Raises: CannotReleaseError when what followed stands on it: people taken onto an order, a settled or ended bill; FeePaidError.
    """
    held = hold([number], [])
    bill = held.bills[number]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select a.line_id, sum(a.amount_fen)::bigint from levy_allocation a join levy_billline l on l.id = a.line_id
            where a.receipt_id = %s and l.bill_id = %s group by 1 having sum(a.amount_fen) > 0 order by 1
            """,
            [receipt.pk, bill.pk],
        )
        brought: dict[int, int] = dict(cursor.fetchall())
        cursor.execute(
            """
            select exists (select 1 from levy_takendue t join levy_billline l on l.id = t.line_id
                           where l.bill_id = %s and greatest(t.level_fen, coalesce(t.back_level_fen, 0)) > 0)
            """,
            [bill.pk],
        )
        (stands_on_it,) = cursor.fetchone()
    total = sum(brought.values())
    if not total:
        raise CannotReleaseError(f"这笔到账没有分配给 {number} 的金额，请刷新后核对")
    if stands_on_it or bill.state in ENDED_STATES:
        raise CannotReleaseError(f"{number} 已有人员转入欠费补缴单或单据已结束，不能撤回分配；如确属多收，请办理退费")
    if bill.kind == BillKind.PERSON and FlexDue.objects.filter(bill=bill, state=DueState.REFUNDED).exists():
        raise CannotReleaseError(f"{number} 已有月份办理退费，不能撤回分配；其余月份如需退还，请逐月办理退费")
    shares = [(line, -brought[line.pk]) for line in held.lines[bill.pk] if line.pk in brought]
    for line, fen in shares:
        line.paid_fen += fen
        if line.paid_fen < 0:
            raise CannotReleaseError(f"{number} 已按补申报结算，这笔到账的一部分成为结算多缴，不能撤回分配；请就结算多缴办理退费")
    late_payments.take_back(receipt.pk, bill.pk, place=place, on=on, at=at, why=why)
    bill.paid_fen -= total
    bill.state, bill.paid_on = bill.state_now(), None
    receipt.allocated_fen -= total
    receipt.state = ReceiptState.SUSPENSE
    store([receipt], [bill], held.all_lines, [shares])
    if bill.kind == BillKind.ARREARS and bill.pk in held.were_clear:
        _owed_again(bill)
    # Not only what was 已到账: a bill of which the rest was moved or put off counted for its people too.
    if not crediting.counts(bill.pk, on):
        paid.opened_again([bill], place=place, on=on, at=at)
    book(
        [Booking(key, "撤回分配，转暂收", f"receipt:{receipt.serial}", tuple(_out_of_suspense(receipt, shares)))],
        place=place, on=on, at=at,
    )  # fmt: skip
    return total


def _owed_again(order: Bill) -> None:
    """The people of an arrears order that was cleared are in arrears again, on the same order."""
    with connection.cursor() as cursor:
        cursor.execute("update levy_takendue set state = 'ordered' where order_id = %s and state = 'paid'", [order.pk])
        cursor.execute(
            """
            update levy_backpayment b set state = 'ordered' where order_id = %s and state = 'paid' and not exists (
              select 1 from levy_backpayment o where o.unit_id = b.unit_id and o.person_id = b.person_id
                and o.state in ('registered', 'ordered'))
            """,
            [order.pk],
        )


def _out_of_suspense(receipt: Receipt, shares: Shares) -> list[Side]:
    """Sides of money that leaves suspense for bills, or comes back from them (below zero); the cash goes along from fund to fund."""
    cash = cash_of(receipt)
    total = sum(amount for _, amount in shares)
    sides = [Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, total), Side(UNASSIGNED_FUND, cash, -total)]
    for (fund, kind), amount in by_account(shares).items():
        sides += [Side(fund, cash, amount), Side(fund, kind, -amount)]
    return sides


def _match(receipt: Receipt, held: Held) -> Shares:
    """Decide about one receipt and bring its bill forward, in memory."""
    bill = held.bills.get(receipt.bill_number)
    reason = why_not(bill, receipt.agency_id, receipt.amount_fen)
    shares: Shares = []
    if bill is not None and bill.agency_id != receipt.agency_id:
        bill = None
    elif bill is not None and not reason:
        shares = share(bill, held, min(receipt.amount_fen, bill.open_fen), on=receipt.paid_on)
        if receipt.amount_fen > sum(amount for _, amount in shares):
            reason = f"多缴 {yuan_shown(receipt.amount_fen - sum(amount for _, amount in shares))} 元"
    allocated = sum(amount for _, amount in shares)
    receipt.bill, receipt.allocated_fen, receipt.reason = bill, allocated, reason
    receipt.state = ReceiptState.ALLOCATED if allocated == receipt.amount_fen else ReceiptState.SUSPENSE
    return shares


def why_not(bill: Bill | None, agency_id: int, amount_fen: int) -> str:
    """Why money cannot go to a bill; empty when it can."""
    if bill is None:
        return "没有这个核定单号"
    if bill.agency_id != agency_id:
        return "核定单属于其他经办机构"
    if bill.open_fen == 0 or bill.state in ENDED_STATES:
        return _closed(bill)
    if bill.kind == BillKind.PERSON and amount_fen < bill.open_fen:
        return "个人核定单须一次缴清"
    return ""


def _closed(bill: Bill) -> str:
    """Why nothing is open on a bill."""
    return {
        BillState.CANCELLED: "核定单已作废，请按新的核定单缴费",
        BillState.ROLLED_BACK: "补缴单已回退，请按新的补缴单或核定单缴费",
        BillState.MOVED: "核定单余额已转入欠费补缴单，请按补缴单号缴费",
        BillState.WRITTEN_OFF: "核定单的欠费已注销",
    }.get(BillState(bill.state), "核定单已全部到账，疑似重复缴费")


def _deferred(line: BillLine, held: Held, last: date | None, on: date) -> int:
    if not last or last < on or line.origin not in MONTHLY_ORIGINS:
        return 0
    return min(line.open_fen, line.unit_fen - held.gone.get(line.pk, 0))


def share(bill: Bill, held: Held, amount_fen: int, *, on: date) -> Shares:
    """Share an amount over the open lines of a bill in proportion, to the fen, and bring the bill forward."""
    open_lines = [line for line in held.lines[bill.pk] if line.open_fen]
    # What runs under a deferral is paid last.
    later = held.deferred.get(on, {})
    due = [line.open_fen - _deferred(line, held, later.get((bill.unit_id, bill.month, line.insurance)), on) for line in open_lines]
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


def store(receipts: Sequence[Receipt], bills: Sequence[Bill], lines: Sequence[BillLine], shared: Sequence[Shares]) -> None:
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


# What a line of a bill is owed as.
DUE_KINDS = {"late_fee": AccountKind.LATE_FEE_DUE, "interest": AccountKind.INTEREST_DUE}


def due_kind(line: BillLine) -> AccountKind:
    """The account in which a line is owed."""
    return DUE_KINDS.get(str(line.origin), AccountKind.RECEIVABLE)


def by_account(shares: Sequence[tuple[BillLine, int]]) -> dict[tuple[int, AccountKind], int]:
    """How much goes to which fund's account of what is owed, fen."""
    found: dict[tuple[int, AccountKind], int] = {}
    for line, amount in shares:
        found[line.insurance, due_kind(line)] = found.get((line.insurance, due_kind(line)), 0) + amount
    return dict(sorted(found.items()))


def cash_of(receipt: Receipt) -> AccountKind:
    """Where a receipt's money is: on its way while only told of, in the bank once it has arrived."""
    return AccountKind.TRANSIT if receipt.channel in IN_TRANSIT and receipt.arrived_on is None else AccountKind.BANK


def _booking(receipt: Receipt, shares: Sequence[tuple[BillLine, int]], resolves: str | None) -> Booking:
    cash = cash_of(receipt)
    sides = [side for (fund, kind), amount in by_account(shares).items() for side in (Side(fund, cash, amount), Side(fund, kind, -amount))]
    rest = receipt.amount_fen - receipt.allocated_fen
    if rest:
        sides += [Side(UNASSIGNED_FUND, cash, rest), Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, -rest)]
    text = "到账" if not rest else "到账，部分暂收" if shares else "到账暂收"
    return Booking(f"receipt:{receipt.pk}", text, f"receipt:{receipt.serial}", tuple(sides), resolves_key=resolves)
