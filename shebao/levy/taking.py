"""Taking dues out of bills and giving them back: the rows, the bills' lines, the bills, in memory first and then in a few statements."""

from collections.abc import Iterable, Sequence
from datetime import date

from django.db import connection

from shebao.levy.models import Bill, BillLine, BillState, Origin, TakenDue, TakenState
from shebao.levy.shares import Owed


def locked_bills(bill_ids: Iterable[int]) -> dict[int, Bill]:
    """Bills by id, under lock in the order every payment takes them in."""
    return {bill.pk: bill for bill in Bill.objects.select_for_update().filter(pk__in=set(bill_ids)).order_by("id")}


def units_taken(line_ids: Iterable[int]) -> dict[int, int]:
    """The unit parts that were taken out of lines and are not back on them, fen by line: they cannot be deferred there any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select line_id, sum(unit_fen)::bigint from levy_takendue where line_id = any(%s) and state <> 'rolled_back' group by 1",
            [list(line_ids)],
        )
        return dict(cursor.fetchall())


def take(
    dues: Sequence[Owed],
    fees: Sequence[int],
    *,
    bills: dict[int, Bill],
    state: TakenState,
    order_id: int | None,
    case_id: int | None,
    unit_id: int,
    agency_id: int,
    on: date,
) -> None:
    """Take dues out of their bills, onto an order or written off. Each can be taken once: the database holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_takendue (unit_id, agency_id, person_id, month, insurance, origin, base_fen, unit_fen, person_fen, paid_fen,
                                       late_fee_fen, level_fen, line_id, due_date, order_id, case_id, state, taken_on)
            select %s, %s, n.person_id, n.month, n.insurance, n.origin, n.base_fen, n.unit_fen, n.person_fen, n.paid_fen,
                   n.fee, l.paid_fen, l.id, n.due_date, %s, %s, %s, %s
            from unnest(%s::bigint[], %s::int[], %s::int[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                        %s::bigint[], %s::bigint[], %s::date[])
                 as n (person_id, month, insurance, origin, base_fen, unit_fen, person_fen, paid_fen, fee, line_id, due_date)
            join levy_billline l on l.id = n.line_id
            """,
            [
                unit_id,
                agency_id,
                order_id,
                case_id,
                state.value,
                on,
                [d.person_id for d in dues],
                [d.month for d in dues],
                [d.insurance.value for d in dues],
                [d.origin for d in dues],
                [d.base_fen for d in dues],
                [d.open_unit_fen for d in dues],
                [d.open_person_fen for d in dues],
                [d.paid_fen for d in dues],
                list(fees),
                [d.line_id for d in dues],
                [d.due_date for d in dues],
            ],
        )
    off = state is TakenState.WRITTEN_OFF
    lines = {line.pk: line for line in BillLine.objects.select_for_update().filter(pk__in={d.line_id for d in dues}).order_by("id")}
    for due in dues:
        for row in (lines[due.line_id], bills[due.bill_id]):
            if off:
                row.written_off_fen += due.open_fen
            else:
                row.moved_fen += due.open_fen
    _store(bills.values(), lines.values())


def give_back(order: Bill, bills: dict[int, Bill]) -> None:
    """Put the dues of an order back onto the bills they came from. The order itself has nothing open any more."""
    taken = list(TakenDue.objects.filter(order_id=order.pk, state=TakenState.ORDERED).select_related("line"))
    rows = BillLine.objects.select_for_update().filter(pk__in={t.line_id for t in taken}) | BillLine.objects.select_for_update().filter(
        bill_id=order.pk
    )
    lines = {line.pk: line for line in rows.order_by("id")}
    for due in taken:
        lines[due.line_id].moved_fen -= due.taken_fen
        bills[due.line.bill_id].moved_fen -= due.taken_fen
    for line in lines.values():
        if line.bill_id == order.pk:
            if line.origin == Origin.LATE_FEE:
                line.written_off_fen = line.unit_fen
            else:
                line.moved_fen = line.unit_fen + line.person_fen
    order.moved_fen, order.written_off_fen, order.state = order.unit_fen + order.person_fen, order.late_fee_fen, BillState.ROLLED_BACK
    with connection.cursor() as cursor:
        cursor.execute(
            "update levy_takendue t set state = 'rolled_back', back_level_fen = l.paid_fen from levy_billline l"
            " where l.id = t.line_id and t.order_id = %s and t.state = 'ordered'",
            [order.pk],
        )
    _store(bills.values(), lines.values())


def _store(bills: Iterable[Bill], lines: Iterable[BillLine]) -> None:
    bills, lines = list(bills), list(lines)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update levy_billline l set moved_fen = n.moved, written_off_fen = n.off
            from unnest(%s::bigint[], %s::bigint[], %s::bigint[]) as n (id, moved, off) where l.id = n.id
            """,
            [[line.pk for line in lines], [line.moved_fen for line in lines], [line.written_off_fen for line in lines]],
        )
        cursor.execute(
            """
            update levy_bill b set moved_fen = n.moved, written_off_fen = n.off, state = n.state,
                   paid_on = case when n.state in ('issued', 'part_paid') then null else b.paid_on end
            from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]) as n (id, moved, off, state) where b.id = n.id
            """,
            [
                [bill.pk for bill in bills],
                [bill.moved_fen for bill in bills],
                [bill.written_off_fen for bill in bills],
                [bill.state_now().value for bill in bills],
            ],
        )
