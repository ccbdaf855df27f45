"""滞纳金 of bills that are paid late without an order: what ran up on each part until the day it was paid (docs/decisions/0016).

Money goes to the principal it names. Its late fee is determined in the same transaction, put onto a 滞纳金核定单 of its own and booked; it
bears no late fee itself. Whoever allocates receipts calls `charge`; whoever takes a payment away from its bill calls `take_back`.
Sets, not loops: a file of 900,000 receipts in time costs nothing here, a late one seven statements however many are late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import month_of
from shebao.base.terms import Insurance
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book
from shebao.levy.billing import due_date
from shebao.levy.models import MONTHLY_ORIGINS, Bill, BillKind, BillLine, BillState, Deferral, LateFee, Origin, Receipt, ReliefLine
from shebao.levy.suspension import Deferred, suspended
from shebao.papers.operations import revoke_of
from shebao.policy.explain import Step
from shebao.policy.late_fee import FeeRate, fee_rate
from shebao.policy.rulebook import Rulebook, standard

Shares = Sequence[tuple[BillLine, int]]


class FeePaidError(ShebaoError):
    """The payment that is to be taken back made a late fee due, and that one is paid already."""

    code = "FEE-02"

    def __init__(self, number: str) -> None:
        super().__init__(f"这笔缴费产生的滞纳金（滞纳金核定单 {number}）已有到账，请先把滞纳金的到账退回或转出，再处理本笔")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a receipt that came in after the day it was due."""

    receipt: Receipt
    bill: Bill
    line: BillLine
    principal_fen: int
    from_day: date
    rate: FeeRate

    @property
    def fee_fen(self) -> int:
        return self.rate.of(self.principal_fen)


def charge(
    receipts: Sequence[Receipt],
    shared: Sequence[Shares],
    bills: Mapping[int, Bill],
    *,
    place: str,
    on: date,
    at: datetime,
    rulebook: Rulebook | None = None,
) -> int:
    """Determine, bill and book the late fee of receipts that have just been shared over their bills' lines.

    Args: shared: of each receipt the lines (of one bill) and fen it went to; the lines' paid_fen has them in already. bills: by id,
    under lock.
    Returns: fen charged.  Raises: RuleMissing, CalendarMissing.
    """
    # The bill of the lines: a receipt that is claimed for a second bill keeps the first one as its own.
    late = [
        (receipt, bill, shares)
        for receipt, shares in zip(receipts, shared, strict=True)
        if shares and _may_be_late(bill := bills[shares[0][0].bill_id], receipt.paid_on)
    ]
    if not late:
        return 0
    parts = [part for part in _parts(late, place, rulebook or standard()) if part.fee_fen]
    if parts:
        _issue(parts, rulebook or standard(), place=place, on=on, at=at)
    return sum(part.fee_fen for part in parts)


def _may_be_late(bill: Bill, paid_on: date) -> bool:
    """Months of a flexible worker bear no late fee, nor does a late fee."""
    return bill.kind in (BillKind.MONTHLY, BillKind.ARREARS) and bill.due_date < paid_on


def _parts(late: Sequence[tuple[Receipt, Bill, Shares]], place: str, rulebook: Rulebook) -> list[Part]:
    rates: dict[tuple[date, date, bool, int | None], FeeRate] = {}

    def rate(from_day: date, paid_on: date, line: BillLine, month: int | None) -> FeeRate:
        key = (from_day, paid_on, line.insurance == Insurance.INJURY.value, month)
        if key not in rates:
            rates[key] = fee_rate(from_day, paid_on, place, rulebook, Insurance(line.insurance), month)
        return rates[key]

    deferred = suspended(sorted({bill.unit_id for _, bill, _ in late}), date.max)
    so_far = {line.pk: line.paid_fen for _, _, shares in late for line, _ in shares}  # before this call, then counted up again
    for _, _, shares in late:
        for line, fen in shares:
            so_far[line.pk] -= fen
    own = _people_open(late, deferred)
    found = []
    for receipt, bill, shares in late:
        month = bill.month if bill.kind == BillKind.MONTHLY else None
        for line, fen in shares:
            for principal_fen, from_day in _days_of(bill, line, fen, so_far[line.pk], own.get(line.pk, 0), deferred):
                if principal_fen and from_day < receipt.paid_on:
                    applied = rate(from_day, receipt.paid_on, line, month)
                    if applied.days:
                        found.append(Part(receipt, bill, line, principal_fen, from_day, applied))
            so_far[line.pk] += fen
    return found


def _days_of(bill: Bill, line: BillLine, fen: int, before_fen: int, own_fen: int, deferred: Deferred) -> list[tuple[int, date]]:
    """What went to a line, by the day from which it was late.

    An order has its late fee up to the day it was made; only when it is paid after its own last day, the days since count too.
    Of a deferred type the people's own part is paid first and was due with the bill, the unit part with the end of the deferral.
    """
    if line.origin == Origin.LATE_FEE:
        return []
    if bill.kind == BillKind.ARREARS:
        return [(fen, bill.issued_on)]
    last = deferred.get((bill.unit_id, bill.month, line.insurance)) if line.origin in MONTHLY_ORIGINS else None
    if last is None or last <= bill.due_date:
        return [(fen, bill.due_date)]
    own = min(fen, max(own_fen - before_fen, 0))
    return [(own, bill.due_date), (fen - own, last)]


def _people_open(late: Sequence[tuple[Receipt, Bill, Shares]], deferred: Deferred) -> dict[int, int]:
    """By line of a deferred type: up to which level of its money it was for the people's own parts."""
    lines = {
        line.pk: line
        for _, bill, shares in late
        for line, _ in shares
        if (bill.unit_id, bill.month, line.insurance) in deferred and line.origin in MONTHLY_ORIGINS
    }
    if not lines:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "select line_id, sum(person_fen)::bigint from levy_takendue where line_id = any(%s) and state <> 'rolled_back' group by 1",
            [list(lines)],
        )
        taken = dict(cursor.fetchall())
    return {pk: line.person_fen - taken.get(pk, 0) for pk, line in lines.items()}


def _issue(parts: Sequence[Part], rulebook: Rulebook, *, place: str, on: date, at: datetime) -> None:
    """One 滞纳金核定单 a receipt, with a line a type; what it is made of; and its booking."""
    by_receipt: dict[int, list[Part]] = {}
    for part in parts:
        by_receipt.setdefault(part.receipt.pk, []).append(part)
    due = due_date(rulebook, on, place)
    receipts = list(by_receipt)
    heads = [by_receipt[pk][0].bill for pk in receipts]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_bill (kind, number, unit_id, agency_id, month, issued_on, due_date, headcount, unit_fen, person_fen,
                                   late_fee_fen, paid_fen, state)
            select 'late_fee', 'ZN' || %s || '-' || lpad(nextval('levy_bill_number')::text, 7, '0'), n.unit_id, n.agency_id, %s, %s, %s,
                   n.heads, 0, 0, n.fee, 0, 'issued'
            from unnest(%s::int[], %s::int[], %s::int[], %s::bigint[]) with ordinality as n (unit_id, agency_id, heads, fee, i)
            order by n.i returning id, number
            """,
            [
                *(month_of(on), month_of(on), on, due),
                [b.unit_id for b in heads],
                [b.agency_id for b in heads],
                [b.headcount for b in heads],
                [sum(p.fee_fen for p in by_receipt[pk]) for pk in receipts],
            ],
        )
        made: dict[int, tuple[int, str]] = dict(zip(receipts, cursor.fetchall(), strict=True))
        lines: dict[tuple[int, int], int] = {}
        for part in parts:
            key = (part.receipt.pk, part.line.insurance)
            lines[key] = lines.get(key, 0) + part.fee_fen
        cursor.execute(
            """
            insert into levy_billline (bill_id, insurance, origin, headcount, base_fen, unit_fen, person_fen, paid_fen)
            select n.bill_id, n.insurance, 'late_fee', b.headcount, 0, n.fee, 0, 0
            from unnest(%s::bigint[], %s::int[], %s::bigint[]) as n (bill_id, insurance, fee) join levy_bill b on b.id = n.bill_id
            """,
            [[made[pk][0] for pk, _ in lines], [insurance for _, insurance in lines], list(lines.values())],
        )
        cursor.execute(
            """
            insert into levy_latefee (bill_id, receipt_id, line_id, unit_id, agency_id, month, insurance, principal_fen, from_day, paid_on,
                                      days, day_rates_ppm, fee_fen, charged_at)
            select n.*, %s from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], %s::bigint[],
                                       %s::date[], %s::date[], %s::int[], %s::int[], %s::bigint[]) as n
            """,
            [
                at,
                [made[p.receipt.pk][0] for p in parts],
                [p.receipt.pk for p in parts],
                [p.line.pk for p in parts],
                [p.bill.unit_id for p in parts],
                [p.bill.agency_id for p in parts],
                [p.bill.month for p in parts],
                [p.line.insurance for p in parts],
                [p.principal_fen for p in parts],
                [p.from_day for p in parts],
                [p.receipt.paid_on for p in parts],
                [p.rate.days for p in parts],
                [p.rate.day_rates_ppm for p in parts],
                [p.fee_fen for p in parts],
            ],
        )
    sides: dict[int, list[Side]] = {}
    for (pk, insurance), fee in sorted(lines.items()):
        sides.setdefault(pk, []).extend(_sides(insurance, fee))
    bookings = [Booking(f"late-fee:{made[pk][0]}", "逾期缴费滞纳金应收", f"bill:{made[pk][1]}", tuple(s)) for pk, s in sides.items()]
    book(bookings, place=place, on=on, at=at)
    record(
        [
            Trace("levy.late_fee", made[pk][1], after={"bill": b.number, "fen": sum(p.fee_fen for p in by_receipt[pk])}, unit_id=b.unit_id)
            for pk, b in zip(receipts, heads, strict=True)
        ],
        at=at,
    )


def _sides(fund: int, fen: int) -> tuple[Side, Side]:
    return Side(fund, AccountKind.LATE_FEE_DUE, fen), Side(fund, AccountKind.LATE_FEE, -fen)


def take_back(receipt_id: int, bill_id: int, *, place: str, on: date, at: datetime, why: str = "原缴费已退回或转出") -> int:
    """The payment of a receipt is taken away from a bill: the late fee it made due there is not owed (yet) and is reversed.

    What is owed again bears its late fee when it is paid. Returns fen reversed.  Raises: FeePaidError (nothing happens then).
    """
    fees = list(LateFee.objects.filter(receipt_id=receipt_id, line__bill_id=bill_id, reversed_at=None).order_by("id"))
    if not fees:
        return 0
    bills = {b.pk: b for b in Bill.objects.select_for_update().filter(pk__in={f.bill_id for f in fees}).order_by("id")}
    for bill in bills.values():
        if bill.paid_fen:
            raise FeePaidError(bill.number)
    for bill in bills.values():
        bill.written_off_fen, bill.state = bill.late_fee_fen, BillState.CANCELLED
    lines = list(BillLine.objects.select_for_update().filter(bill_id__in=list(bills)).order_by("id"))
    with connection.cursor() as cursor:
        cursor.execute("update levy_billline set written_off_fen = unit_fen where bill_id = any(%s)", [list(bills)])
        cursor.execute(
            "update levy_bill set written_off_fen = late_fee_fen, state = 'cancelled' where id = any(%s)",
            [list(bills)],
        )
        cursor.execute("update levy_latefee set reversed_at = %s where bill_id = any(%s) and reversed_at is null", [at, list(bills)])
    sides: dict[int, list[Side]] = {}
    for line in lines:
        sides.setdefault(line.bill_id, []).extend(_sides(line.insurance, -line.unit_fen))
    book(
        [
            Booking(f"late-fee-back:{pk}", "原缴费退回或转出，冲销滞纳金应收", f"bill:{bills[pk].number}", tuple(s))
            for pk, s in sides.items()
        ],
        place=place,
        on=on,
        at=at,
    )
    by_unit: dict[int, list[str]] = {}
    for bill in bills.values():
        by_unit.setdefault(bill.unit_id, []).append(bill.number)
    for unit_id, numbers in by_unit.items():
        revoke_of(unit_id, numbers, why, at)
    record([Trace("levy.late_fee_reversed", b.number, unit_id=b.unit_id) for b in bills.values()], at=at)
    return sum(f.fee_fen for f in fees)


def fees_of_bill(bill: Bill) -> list[LateFee]:
    """What a 滞纳金核定单 is made of."""
    return list(LateFee.objects.filter(bill=bill).select_related("receipt", "line__bill").order_by("month", "insurance", "from_day"))


def fees_for_bill(bill: Bill) -> list[LateFee]:
    """The late fees that payments of a bill have made due so far, oldest first; those taken back are left out."""
    found = LateFee.objects.filter(line__bill=bill, reversed_at=None).select_related("bill", "receipt", "line__bill")
    return list(found.order_by("paid_on", "id"))


def whence(fees: Sequence[LateFee]) -> dict[int, tuple[Step, ...]]:
    """Why each fee counts from its day and on its principal: 缓缴 of the unit part, an order that had its fee, 减免. Two queries."""
    units = sorted({fee.unit_id for fee in fees})
    deferrals = list(Deferral.objects.filter(unit_id__in=units)) if fees else []
    reliefs = {(r.unit_id, r.month, r.insurance): r for r in ReliefLine.objects.filter(unit_id__in=units)} if fees else {}
    found: dict[int, tuple[Step, ...]] = {}
    for fee in fees:
        bill, steps = fee.line.bill, []
        if bill.kind == BillKind.ARREARS:
            told = f"补缴单 {bill.number} 已含至开单日 {bill.issued_on} 的滞纳金；过了该单截止日 {bill.due_date} 缴纳，自开单次日起另计"
            steps.append(Step("order", "起算日", told, None))
        elif fee.from_day > bill.due_date:
            flag = Insurance(fee.insurance).flag
            covering = [d for d in deferrals if d.unit_id == fee.unit_id and d.first_month <= fee.month <= d.last_month]
            named = next((d.agreement for d in covering if d.insurance_mask & flag and d.repay_by == fee.from_day), "")
            told = f"单位部分缓缴至 {fee.from_day}" + (f"（{named}）" if named else "") + f"，缴费截止日 {bill.due_date} 之后至缓缴期满不计"
            steps.append(Step("deferral", "缓缴期间不计", told, None))
        if (relief := reliefs.get((fee.unit_id, fee.month, fee.insurance))) is not None and bill.kind == BillKind.MONTHLY:
            told = f"本金按减免后的应缴计：单位部分已减免 {yuan_shown(relief.relief_fen)} 元" + (f"（{relief.law}）" if relief.law else "")
            steps.append(Step("relief", "减免部分不计", told, None))
        found[fee.pk] = tuple(steps)
    return found
