"""Line by line: which receipt, batch or refund a movement on the statement is. What is none of them becomes a difference; its money is
booked into suspense, so that the books hold what the bank holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import connection

from shebao.levy import debiting, outgoing, refunding, telling
from shebao.levy.matching import settle
from shebao.levy.models import IN_TRANSIT, Bill, Channel, Receipt, ReceiptState
from shebao.levy.payments import Payment, new_receipts
from shebao.levy.reconcile_models import DifferenceKind, Outcome, Statement, StatementLine
from shebao.levy.refund_models import Refund, RefundState

__all__ = ["Found", "match_lines"]

Batch = tuple[int, list[str], int]  # fen; serials of its receipts, or the part of a 批扣 batch (0: it has receipts)


@dataclass(frozen=True, slots=True)
class Found:
    """A difference that a line is; fen."""

    kind: DifferenceKind
    line: StatementLine
    ours_fen: int | None
    receipt_id: int | None


@dataclass
class _Work:
    statement: Statement
    place: str
    on: date
    at: datetime
    receipts: dict[str, Receipt] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)  # what earlier lines were matched to
    known_serials: set[str] = field(default_factory=set)
    arriving: list[tuple[StatementLine, Receipt]] = field(default_factory=list)
    differing: list[tuple[StatementLine, DifferenceKind, int | None, Receipt | None]] = field(default_factory=list)

    def matched(self, line: StatementLine, to: str) -> None:
        line.outcome, line.matched_to, line.booked = Outcome.MATCHED.value, to, True
        self.seen.add(to)


def match_lines(statement: Statement, lines: Sequence[StatementLine], *, place: str, on: date, at: datetime) -> list[Found]:
    """Decide every line of a statement that has no outcome yet. Each ends as matched or as a difference. Returns the differences."""
    work = _Work(statement, place, on, at)
    references = sorted({word for line in lines for word in (line.reference, line.serial) if word})
    work.receipts = {r.serial: r for r in Receipt.objects.select_for_update().filter(serial__in=references, parent=None).order_by("id")}
    work.seen = set(
        StatementLine.objects.filter(
            statement__account_id=statement.account_id, matched_to__in=[f"receipt:{serial}" for serial in work.receipts]
        ).values_list("matched_to", flat=True)
    )
    work.known_serials = set(
        StatementLine.objects.filter(statement__account_id=statement.account_id, serial__in=[line.serial for line in lines])
        .exclude(statement_id=statement.pk)
        .exclude(outcome=None)
        .values_list("serial", flat=True)
    )
    refunds = {r.serial: r for r in Refund.objects.select_for_update().filter(number__in={ref[:10] for ref in references}).order_by("id")}
    batches = _batches(references, place)
    for line in lines:
        if line.direction == "debit":
            _debit(line, refunds, work)
        else:
            _credit(line, refunds, batches, work)
    telling.arrive([r.serial for _, r in work.arriving], place=place, on=on, at=at)
    found = _into_suspense(work)
    _write(lines)
    return found


def _batches(references: Sequence[str], place: str) -> dict[str, Batch]:
    """Batches paid in one sum, by number."""
    found: dict[str, Batch] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select batch, sum(amount_fen)::bigint, array_agg(serial order by id) from levy_receipt
            where batch = any(%s) and channel in ('tax', 'bank') and arrived_on is null and state <> 'void' and parent_id is null group by 1
            """,
            [list(references)],
        )
        found.update({batch: (fen, serials, 0) for batch, fen, serials in cursor.fetchall()})
    found.update({f.batch.number: (f.taken_fen, [], f.part) for f in reversed(debiting.waiting_files(place))})
    return found


def _debit(line: StatementLine, refunds: dict[str, Refund], work: _Work) -> None:
    refund = refunds.get(line.reference)
    if refund is not None and refund.amount_fen == line.amount_fen and refund.state == RefundState.INSTRUCTED:
        refunding.paid([refund], on=work.on, at=work.at)
        work.matched(line, f"refund:{refund.number}")
    else:
        line.outcome = Outcome.DIFFERENCE.value
        ours = refund.amount_fen if refund is not None and refund.state == RefundState.INSTRUCTED else None
        work.differing.append((line, DifferenceKind.UNKNOWN_DEBIT, ours, None))


def _credit(line: StatementLine, refunds: dict[str, Refund], batches: dict[str, Batch], work: _Work) -> None:
    refund = refunds.get(line.reference)
    if refund is not None and (refund.amount_fen, refund.state) == (line.amount_fen, RefundState.PAID):
        refunding.returned([refund], "收款账户退票，款项已退回收入户", on=work.on, at=work.at)
        work.matched(line, f"return:{refund.number}")
        return
    if _takes_back(line, work):
        return
    receipt = work.receipts.get(line.reference) or work.receipts.get(line.serial)
    if receipt is not None and receipt.state not in (ReceiptState.VOID, ReceiptState.PENDING):
        to = f"receipt:{receipt.serial}"
        if to in work.seen or line.serial in work.known_serials or receipt.channel == Channel.STATEMENT:
            _differs(line, DifferenceKind.TWICE, receipt.amount_fen, receipt, work)
        elif receipt.amount_fen != line.amount_fen:
            _differs(line, DifferenceKind.AMOUNT, receipt.amount_fen, receipt, work)
        else:
            work.matched(line, to)
            if receipt.channel in IN_TRANSIT and receipt.arrived_on is None:
                work.arriving.append((line, receipt))
        return
    if (batch := batches.get(line.reference)) is not None:
        _batch(line, batch, work)
        return
    twice = line.serial in work.known_serials or (line.reference and f"batch:{line.reference}" in work.seen)
    _differs(line, DifferenceKind.TWICE if twice else DifferenceKind.UNKNOWN, None, None, work)


def _batch(line: StatementLine, batch: Batch, work: _Work) -> None:
    fen, serials, part = batch
    to = f"batch:{line.reference}"
    if to in work.seen:
        _differs(line, DifferenceKind.TWICE, fen, None, work)
    elif fen != line.amount_fen:
        _differs(line, DifferenceKind.AMOUNT, fen, None, work)
    else:
        work.matched(line, to)
        if part:
            debiting.arrive(line.reference, fen, arrived_on=work.on, at=work.at, part=part)
        else:
            telling.arrive(serials, place=work.place, on=work.on, at=work.at)


def _takes_back(line: StatementLine, work: _Work) -> bool:
    """冲正: an outgoing movement that we could not explain comes back under the same reference."""
    if not line.reference:
        return False
    former = (
        StatementLine.objects.filter(
            statement__account_id=work.statement.account_id, direction="debit", outcome=Outcome.DIFFERENCE, booked=False,
            reference=line.reference, amount_fen=line.amount_fen,
        )
        .order_by("id").first()
    )  # fmt: skip
    former = former or next(
        (
            other
            for other, kind, _, _ in work.differing
            if kind is DifferenceKind.UNKNOWN_DEBIT
            and not other.booked
            and (other.reference, other.amount_fen) == (line.reference, line.amount_fen)
        ),
        None,
    )
    if former is None:
        if outgoing.given_back(line, place=work.place, on=work.on, at=work.at) is None:
            return False
        work.matched(line, f"reversal:{line.reference}")
        return True
    former.booked = True  # the two cancel each other; the difference ends when the day is summed up
    StatementLine.objects.filter(pk=former.pk).update(booked=True)
    work.matched(line, f"reversal:{former.serial}")
    return True


def _differs(line: StatementLine, kind: DifferenceKind, ours_fen: int | None, receipt: Receipt | None, work: _Work) -> None:
    line.outcome = Outcome.DIFFERENCE.value
    work.differing.append((line, kind, ours_fen, receipt))


def _into_suspense(work: _Work) -> list[Found]:
    """Money that came in and is nobody's yet stands in suspense, under the payer's reference where that is free: whoever tells of it
    later finds it there. A reference that is a bill of ours goes to that bill."""
    came = [one for one in work.differing if one[0].direction == "credit"]
    bills = dict(Bill.objects.filter(number__in={one[0].reference for one in came if one[0].reference}).values_list("number", "agency_id"))
    fresh: dict[int, Receipt] = {}
    by_agency: dict[int, list[tuple[StatementLine, Payment]]] = {}
    taken = set(work.receipts)
    for line, kind, _, _ in came:
        free = kind is DifferenceKind.UNKNOWN and line.reference and line.reference not in bills and line.reference not in taken
        serial = line.reference[:40] if free and len(line.reference) <= 40 else f"DZ{line.pk:010d}"
        taken.add(serial)
        number = line.reference if kind is DifferenceKind.UNKNOWN and line.reference in bills else ""
        payment = Payment(serial, number, line.counterparty, line.amount_fen, line.booked_on)
        by_agency.setdefault(bills.get(number, work.statement.agency_id), []).append((line, payment))
    for agency_id, ones in sorted(by_agency.items()):
        receipts = new_receipts(
            [payment for _, payment in ones], None, agency_id, ReceiptState.SUSPENSE, work.at, channel=Channel.STATEMENT
        )
        settle(receipts, place=work.place, on=work.on, at=work.at)
        by_serial = {r.serial: r for r in receipts}
        for line, payment in ones:
            receipt = by_serial[payment.serial]
            fresh[line.pk] = receipt
            line.booked = True
            if not payment.bill_number:
                Receipt.objects.filter(pk=receipt.pk).update(reason="对账单到账，尚不知用途")
            elif receipt.state == ReceiptState.ALLOCATED:
                work.matched(line, f"receipt:{receipt.serial}")
    return [
        Found(kind, line, ours, fresh[line.pk].pk if line.pk in fresh else (receipt.pk if receipt else None))
        for line, kind, ours, receipt in work.differing
        if line.outcome == Outcome.DIFFERENCE
    ]


def _write(lines: Iterable[StatementLine]) -> None:
    rows = list(lines)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update levy_statementline s set outcome = n.outcome, matched_to = n.matched_to, booked = n.booked
            from unnest(%s::bigint[], %s::text[], %s::text[], %s::bool[]) as n (id, outcome, matched_to, booked) where s.id = n.id
            """,
            [[r.pk for r in rows], [r.outcome for r in rows], [r.matched_to for r in rows], [r.booked for r in rows]],
        )
