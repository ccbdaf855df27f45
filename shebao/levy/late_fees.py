"""滞纳金 of many dues at once: by the dated rule, from the day after each due date up to a day, rounded once a due."""

from collections.abc import Sequence
from datetime import date

from shebao.base.terms import Insurance
from shebao.levy.deferring import open_parts
from shebao.levy.models import OPEN_STATES, Bill, BillKind
from shebao.levy.shares import Owed
from shebao.levy.suspension import Deferred, suspended
from shebao.policy.explain import Explained
from shebao.policy.late_fee import FeeRate, explain_late_fee, fee_rate
from shebao.policy.rulebook import Rulebook


def late_fees(dues: Sequence[Owed], unit_id: int, on: date, place: str, rulebook: Rulebook) -> list[int]:
    """What is added to each due if it is demanded on that day, fen. The unit owes it, for its own and for the people's parts.

    The unit part of what was deferred counts from the end of the deferral. Raises: RuleMissing for days without a rule.
    """
    deferred = suspended([unit_id], on)
    rates: dict[tuple[date, bool, int], FeeRate] = {}

    def fee(principal_fen: int, due_date: date, due: Owed) -> int:
        key = (due_date, due.insurance is Insurance.INJURY, due.month)
        if key not in rates:
            rates[key] = fee_rate(due_date, on, place, rulebook, due.insurance, due.month)
        return rates[key].of(principal_fen)

    found = []
    for due in dues:
        unit_due = _unit_due(deferred, unit_id, due.month, due.insurance, due.origin, due.due_date)
        if unit_due == due.due_date:
            found.append(fee(due.open_fen, due.due_date, due))
        else:
            found.append(fee(due.open_person_fen, due.due_date, due) + fee(due.open_unit_fen, unit_due, due))
    return found


def _unit_due(deferred: Deferred, unit_id: int, month: int, insurance: Insurance, origin: str, due_date: date) -> date:
    last = deferred.get((unit_id, month, insurance.value)) if origin == "normal" else None
    return max(due_date, last) if last else due_date


def running_fee(unit_id: int, place: str, on: date, rulebook: Rulebook) -> int:
    """滞纳金 that the unit's overdue months would bear if they were paid on a day, fen; deferred parts from the end of their deferral.

    Raises: RuleMissing.
    """
    bills = Bill.objects.filter(unit_id=unit_id, kind=BillKind.MONTHLY, state__in=OPEN_STATES, due_date__lt=on)
    total = 0
    for bill in bills:
        for part in open_parts(bill):
            if part.due_date < on:
                total += fee_rate(part.due_date, on, place, rulebook, None, bill.month).of(part.amount_fen)
    return total


def explain_fee(due: Owed, on: date, place: str, rulebook: Rulebook) -> list[Explained]:
    """怎么算的: one explanation, or two where the unit part was deferred and counts from another day. Raises: RuleMissing."""
    unit_due = _unit_due(suspended([due.unit_id], on), due.unit_id, due.month, due.insurance, due.origin, due.due_date)
    if unit_due == due.due_date:
        return [explain_late_fee(due.open_fen, due.due_date, on, place, rulebook, due.insurance, due.month)]
    parts = ((due.open_person_fen, due.due_date), (due.open_unit_fen, unit_due))
    return [explain_late_fee(fen, day, on, place, rulebook, due.insurance, due.month) for fen, day in parts]
