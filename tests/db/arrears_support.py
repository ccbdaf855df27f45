"""What the tests of 欠费 share: short names for the operations, and what must hold after every step."""

from collections.abc import Sequence
from datetime import date, datetime, time

from django.db.models import F, Sum

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import orders
from shebao.levy.models import BackPayment, Bill, BillLine, BillState, LateFee, Origin, TakenDue
from shebao.levy.orders import Registration
from shebao.levy.owing import owed_on
from shebao.levy.shares import Owed
from shebao.policy.rulebook import standard
from tests.db.support import PLACE, ask

FOREVER = date(2099, 1, 1)


def at(on: date) -> datetime:
    return datetime.combine(on, time(10), ZONE)


def register(unit: int, people: Sequence[int], on: date) -> None:
    with acting(ENGINE):
        orders.register([Registration(p, None) for p in people], unit_id=unit, agency_id=1, at=at(on))


def issue(unit: int, on: date) -> Bill:
    with acting(ENGINE):
        return orders.issue(unit, agency_id=1, place=PLACE, case_id=None, rulebook=standard(), on=on, at=at(on))


def roll_back(order: Bill, on: date) -> None:
    with acting(ENGINE):
        orders.roll_back(order.number, unit_id=order.unit_id, place=PLACE, case_id=None, on=on, at=at(on))


def owing(unit: int, on: date) -> list[Owed]:
    """What is owed on the unit's months that are overdue by then."""
    with acting(ENGINE):
        bills = Bill.objects.filter(unit_id=unit, kind="monthly", due_date__lt=on).order_by("month")
        return owed_on(list(bills.values_list("pk", flat=True)))


def everything_agrees() -> None:
    """Bills and their lines, dues of people, taken dues and the books say the same; every due of a person is owed or settled once."""
    with acting(ENGINE):
        _books()
        _bills_and_lines()
        _people()


def _books() -> None:
    rows = trial_balance(PLACE, FOREVER)
    assert sum(r.balance_fen for r in rows) == 0

    def balances(kind: AccountKind) -> dict[int, int]:
        return {r.fund: r.balance_fen for r in rows if r.kind is kind and r.balance_fen}

    opened = F("unit_fen") + F("person_fen") - F("paid_fen") - F("moved_fen") - F("written_off_fen")

    def lines(fees: bool) -> dict[int, int]:
        found = BillLine.objects.filter(origin=Origin.LATE_FEE) if fees else BillLine.objects.exclude(origin=Origin.LATE_FEE)
        return {f: fen for f, fen in found.values_list("insurance").annotate(fen=Sum(opened)).values_list("insurance", "fen") if fen}

    assert balances(AccountKind.RECEIVABLE) == lines(False)
    assert balances(AccountKind.LATE_FEE_DUE) == lines(True)
    # Income is what was ever billed for months, but for what was written off; the fees of live orders beside it.
    months = BillLine.objects.filter(bill__kind="monthly")
    income = {
        f: fen
        for f, fen in months.values_list("insurance").annotate(fen=Sum(F("unit_fen") + F("person_fen") - F("written_off_fen")))
        if fen
    }
    assert {fund: -fen for fund, fen in balances(AccountKind.INCOME).items()} == income
    fees = BillLine.objects.filter(origin=Origin.LATE_FEE).values_list("insurance").annotate(fen=Sum(F("unit_fen") - F("written_off_fen")))
    assert {fund: -fen for fund, fen in balances(AccountKind.LATE_FEE).items()} == {f: fen for f, fen in fees if fen}
    banked = ask("select coalesce(sum(amount_fen), 0) from levy_receipt where state in ('allocated', 'suspense')")[0][0]
    assert sum(fen for kind in (AccountKind.BANK, AccountKind.TRANSIT) for fen in balances(kind).values()) == banked


def _bills_and_lines() -> None:
    for bill in Bill.objects.all():
        lines = list(bill.lines.all())
        principal = [line for line in lines if line.origin != Origin.LATE_FEE]
        fees = [line for line in lines if line.origin == Origin.LATE_FEE]
        assert bill.unit_fen == sum(line.unit_fen for line in principal) and bill.person_fen == sum(line.person_fen for line in principal)
        assert bill.late_fee_fen == sum(line.unit_fen for line in fees)
        for part in ("paid_fen", "moved_fen", "written_off_fen", "open_fen"):
            assert getattr(bill, part) == sum(getattr(line, part) for line in lines), (bill.number, part)
        assert bill.state == bill.state_now()
        if bill.kind == "monthly":
            for line in lines:
                moved = TakenDue.objects.filter(line=line).exclude(state="rolled_back")
                parts = moved.values_list("state").annotate(fen=Sum(F("unit_fen") + F("person_fen"))).values_list("state", "fen")
                by_state = dict(parts)
                assert line.written_off_fen == by_state.pop("written_off", 0) and line.moved_fen == sum(by_state.values())
        elif bill.kind == "late_fee":
            assert not principal and bill.late_fee_fen == sum(f.fee_fen for f in LateFee.objects.filter(bill=bill))
        else:
            taken = TakenDue.objects.filter(order=bill)
            assert sum(t.taken_fen for t in taken) == bill.unit_fen + bill.person_fen
            assert sum(t.late_fee_fen for t in taken) == bill.late_fee_fen
            state = {BillState.PAID: "paid", BillState.ROLLED_BACK: "rolled_back"}.get(BillState(bill.state), "ordered")
            assert {t.state for t in taken} == {state}
            assert set(BackPayment.objects.filter(order=bill).values_list("state", flat=True)) <= {
                "cancelled" if state == "rolled_back" else state
            }


def _people() -> None:
    """Every due of a person and month and type: what is open on its bill, plus what was taken, plus its share of what came in = the due."""
    dues = owed_on(list(Bill.objects.filter(kind="monthly").values_list("pk", flat=True)))
    by_line: dict[int, int] = {}
    for due in dues:
        assert 0 <= due.open_unit_fen <= due.unit_fen and 0 <= due.open_person_fen <= due.person_fen
        by_line[due.line_id] = by_line.get(due.line_id, 0) + due.open_fen
    for line in BillLine.objects.filter(bill__kind="monthly"):
        assert by_line.get(line.pk, 0) == line.open_fen, line.pk
    whole: dict[tuple[int, int, int, int, str], int] = {}
    for due in dues:
        key = (due.line_id, due.person_id, due.month, due.insurance.value, due.origin)
        assert key not in whole
        whole[key] = due.unit_fen + due.person_fen
    for t in TakenDue.objects.exclude(state="rolled_back"):
        key = (t.line_id, t.person_id, t.month, t.insurance, t.origin)
        assert key not in whole, "owed on its bill and taken out of it"
        whole[key] = t.taken_fen + t.paid_fen
    totals: dict[int, int] = {}
    for (line_id, *_), fen in whole.items():
        totals[line_id] = totals.get(line_id, 0) + fen
    for line in BillLine.objects.filter(bill__kind="monthly"):
        assert totals.get(line.pk, 0) == line.unit_fen + line.person_fen
