"""欠费补缴: people registered for it, the 欠费补缴单 that takes their overdue dues out of the months' bills, and its way back.

An order is a bill of its own: it is paid, allocated and booked like any other. The principal only changes its bill, so the books show
nothing of that; the 滞纳金 is new and is booked when the order is issued, and reversed when it is rolled back.
Lock order: registrations, bills by id, their lines by id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.base.months import month_of
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book
from shebao.levy import paid, taking
from shebao.levy.arrears import overdue_bills
from shebao.levy.billing import due_date
from shebao.levy.late_fees import late_fees
from shebao.levy.models import BackPayment, BackPaymentState, Bill, BillKind, BillState, Origin, Receipt, ReceiptState, TakenDue, TakenState
from shebao.levy.owing import owed_on
from shebao.levy.shares import Owed
from shebao.levy.taking import locked_bills
from shebao.papers.operations import revoke_of
from shebao.policy.rulebook import Rulebook


class AlreadyRegisteredError(ShebaoError):
    """Somebody registered one of these people in the same moment."""

    code = "ARR-90"


class NothingOwedError(ShebaoError):
    """There is nothing to put onto an order (any more)."""

    code = "ARR-91"


class NotRollableError(ShebaoError):
    """The order is paid, is being paid, or was rolled back before."""

    code = "ARR-92"


@dataclass(frozen=True, slots=True)
class Registration:
    """A person whose arrears shall be paid, by an approved filing."""

    person_id: int
    case_id: int | None


def register(people: Sequence[Registration], *, unit_id: int, agency_id: int, at: datetime) -> None:
    """单位员工欠费补缴: these people go onto the unit's next order. Raises: AlreadyRegisteredError (nobody is registered then)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_backpayment (unit_id, agency_id, person_id, state, case_id, registered_at)
            select %s, %s, n.person_id, 'registered', n.case_id, %s from unnest(%s::bigint[], %s::bigint[]) as n (person_id, case_id)
            order by n.person_id on conflict do nothing
            """,
            [unit_id, agency_id, at, [p.person_id for p in people], [p.case_id for p in people]],
        )
        if cursor.rowcount != len(people):
            raise AlreadyRegisteredError("有人员刚刚已登记欠费补缴，没有重复登记；请刷新后核对")
    record([Trace("levy.back_payment", f"{p.person_id}", person_id=p.person_id, case_id=p.case_id, unit_id=unit_id) for p in people], at=at)


@dataclass(frozen=True, slots=True)
class Draft:
    """An order as it would be issued on a day: dues with their late fees, fen."""

    dues: tuple[Owed, ...]
    fees: tuple[int, ...]

    @property
    def unit_fen(self) -> int:
        return sum(due.open_unit_fen for due in self.dues)

    @property
    def person_fen(self) -> int:
        return sum(due.open_person_fen for due in self.dues)

    @property
    def late_fee_fen(self) -> int:
        return sum(self.fees)

    @property
    def total_fen(self) -> int:
        return self.unit_fen + self.person_fen + self.late_fee_fen

    @property
    def people(self) -> list[int]:
        return sorted({due.person_id for due in self.dues})


def draft(unit_id: int, people: Sequence[int], *, on: date, place: str, rulebook: Rulebook) -> Draft:
    """What these people owe in this unit, all types and all overdue months, with the late fee up to the day."""
    dues = owed_on(overdue_bills(unit_id, on), list(people))
    return Draft(tuple(dues), tuple(late_fees(dues, unit_id, on, place, rulebook)))


def issue(unit_id: int, *, agency_id: int, place: str, case_id: int | None, rulebook: Rulebook, on: date, at: datetime) -> Bill:
    """生成欠费补缴单 for everybody who is registered. Who owes nothing any more is taken off the list.

    Raises: NothingOwedError, RuleMissing, CalendarMissing.
    """
    waiting = list(BackPayment.objects.select_for_update().filter(unit_id=unit_id, state=BackPaymentState.REGISTERED).order_by("id"))
    bills = locked_bills(overdue_bills(unit_id, on))
    made = draft(unit_id, [w.person_id for w in waiting], on=on, place=place, rulebook=rulebook)
    if not made.total_fen:
        raise NothingOwedError("没有可以生成补缴单的欠费：请先办理“单位员工欠费补缴”，或核对欠费是否已缴清")
    order = _bill(made, unit_id, agency_id, on, due_date(rulebook, on, place))
    taking.take(
        made.dues,
        made.fees,
        bills=bills,
        state=TakenState.ORDERED,
        order_id=order.pk,
        case_id=case_id,
        unit_id=unit_id,
        agency_id=agency_id,
        on=on,
    )
    ordered = set(made.people)
    BackPayment.objects.filter(pk__in=[w.pk for w in waiting if w.person_id in ordered]).update(
        state=BackPaymentState.ORDERED, order_id=order.pk
    )
    BackPayment.objects.filter(pk__in=[w.pk for w in waiting if w.person_id not in ordered]).update(state=BackPaymentState.CANCELLED)
    book([_fees(order, f"order:{order.pk}", "欠费补缴单滞纳金应收", 1)], place=place, on=on, at=at)
    revoke_of(unit_id, sorted({due.bill_number for due in made.dues}), f"部分费款已转入欠费补缴单 {order.number}，请重新打印", at)
    paid.touched(list(bills.values()), place=place, on=on, at=at)
    trace = Trace("levy.order_issued", order.number, case_id=case_id, unit_id=unit_id, after={"total_fen": order.total_fen})
    record([trace], at=at)
    return order


def _bill(made: Draft, unit_id: int, agency_id: int, on: date, due: date) -> Bill:
    """The order with its lines: by type the dues, and by type the late fee."""
    with connection.cursor() as cursor:
        cursor.execute("select 'QF' || %s || '-' || lpad(nextval('levy_bill_number')::text, 7, '0')", [month_of(on)])
        number = cursor.fetchone()[0]
    order = Bill.objects.create(
        kind=BillKind.ARREARS,
        number=number,
        unit_id=unit_id,
        agency_id=agency_id,
        month=month_of(on),
        issued_on=on,
        due_date=due,
        headcount=len(made.people),
        unit_fen=made.unit_fen,
        person_fen=made.person_fen,
        late_fee_fen=made.late_fee_fen,
    )
    by_type: dict[int, list[tuple[Owed, int]]] = {}
    for due_, fee in zip(made.dues, made.fees, strict=True):
        by_type.setdefault(due_.insurance.value, []).append((due_, fee))
    rows = []
    for insurance, taken in by_type.items():
        heads, base = len({d.person_id for d, _ in taken}), sum(d.base_fen for d, _ in taken)
        rows.append(
            (insurance, Origin.ARREARS, heads, base, sum(d.open_unit_fen for d, _ in taken), sum(d.open_person_fen for d, _ in taken))
        )
        if fees := sum(fee for _, fee in taken):
            rows.append((insurance, Origin.LATE_FEE, heads, 0, fees, 0))
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into levy_billline (bill_id, insurance, origin, headcount, base_fen, unit_fen, person_fen, paid_fen)"
            " values (%s, %s, %s, %s, %s, %s, %s, 0)",
            [(order.pk, *row) for row in rows],
        )
    return order


def _fees(order: Bill, key: str, text: str, sign: int) -> Booking:
    lines = order.lines.filter(origin=Origin.LATE_FEE)
    sides = [
        side
        for line in lines
        for side in (
            Side(line.insurance, AccountKind.LATE_FEE_DUE, sign * line.unit_fen),
            Side(line.insurance, AccountKind.LATE_FEE, -sign * line.unit_fen),
        )
    ]
    return Booking(key, text, f"bill:{order.number}", tuple(sides))


def roll_back(order_number: str, *, unit_id: int, place: str, case_id: int | None, on: date, at: datetime) -> Bill:
    """欠费补缴回退 of an order nothing has come in for: its dues are owed on their months' bills again, its late fee is reversed.

    Raises: NotRollableError with the reason.
    """
    found = Bill.objects.filter(number=order_number, unit_id=unit_id, kind=BillKind.ARREARS).first()
    if found is None:
        raise NotRollableError("没有这张欠费补缴单，请核对单号")
    sources = list(TakenDue.objects.filter(order_id=found.pk).values_list("line__bill_id", flat=True).distinct())
    bills = locked_bills([*sources, found.pk])
    order = bills[found.pk]
    if reason := why_not_rollable(order):
        raise NotRollableError(reason)
    taking.give_back(order, bills)
    BackPayment.objects.filter(order_id=order.pk, state=BackPaymentState.ORDERED).update(state=BackPaymentState.CANCELLED)
    book([_fees(order, f"order-back:{order.pk}", "欠费补缴单回退，冲销滞纳金应收", -1)], place=place, on=on, at=at)
    revoke_of(unit_id, [order.number], "欠费补缴已回退", at)
    revoke_of(unit_id, [bill.number for bill in bills.values()], f"欠费补缴单 {order.number} 已回退，费款转回本单，请重新打印", at)
    record([Trace("levy.order_rolled_back", order.number, case_id=case_id, unit_id=unit_id)], at=at)
    return order


def why_not_rollable(order: Bill) -> str:
    """Why an order cannot be rolled back; empty when it can."""
    if order.state == BillState.ROLLED_BACK:
        return f"补缴单 {order.number} 已经回退，不用重复办理"
    if order.paid_fen or order.state == BillState.PAID:
        return f"补缴单 {order.number} 已有缴费到账，不能回退；如缴错，请携税票到经办机构窗口办理"
    if Receipt.objects.filter(bill_number=order.number, state=ReceiptState.PENDING).exists():
        return f"补缴单 {order.number} 的缴费已由经办机构登记、正在复核，不能回退；请等复核结果"
    return ""


def cancel(people: Sequence[int], *, unit_id: int, case_id: int | None, at: datetime) -> int:
    """欠费补缴回退 of people who are registered but on no order yet. Returns how many."""
    waiting = BackPayment.objects.filter(unit_id=unit_id, person_id__in=list(people), state=BackPaymentState.REGISTERED)
    ids = list(waiting.select_for_update().order_by("id").values_list("id", flat=True))
    count = BackPayment.objects.filter(pk__in=ids, state=BackPaymentState.REGISTERED).update(state=BackPaymentState.CANCELLED)
    if not count:
        raise NotRollableError("没有可以回退的登记：可能已生成补缴单或已取消，请刷新后核对")
    record(
        [Trace("levy.back_payment_cancelled", str(person), person_id=person, case_id=case_id, unit_id=unit_id) for person in people], at=at
    )
    return count
