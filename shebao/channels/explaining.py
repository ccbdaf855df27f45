"""怎么算的: the explanation of a person's month on a bill, for page and API alike; and of a flexible worker's months."""

from collections.abc import Collection
from typing import Any

from shebao.base.money import yuan
from shebao.base.months import Month
from shebao.channels import due_changes
from shebao.levy.flexible import dues_of
from shebao.levy.flexible_billing import explanations
from shebao.levy.models import Bill
from shebao.levy.queries import PersonDue, declared_for, find_due
from shebao.levy.relief import size_of
from shebao.parties.models import Person
from shebao.policy.explain import Explained
from shebao.policy.levy import month_rates
from shebao.policy.levy_explained import explain_month
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason


def explain_person(bill: Bill, person_id: int) -> tuple[PersonDue, Explained] | None:
    """A person's dues on a bill with every step, or None when the person is not on it.

    The calculation is done anew from the declared wage of that time; it is checked against what was assessed.
    """
    due = find_due(bill.unit_id, person_id, bill.month)
    declared = declared_for(bill.unit_id, person_id, bill.month)
    if due is None or declared is None:
        return None
    size = size_of(bill.unit_id, bill.month, month_rates(standard(), bill.month, bill.unit.place))
    return due, explain_month(declared.wage_fen, due.mask, due.injury_class, bill.month, bill.unit.place, standard(), size)


def explain_due(bill: Bill, person_number: str) -> dict[str, Any] | None:
    """The same as plain data, by 个人编号."""
    person = Person.objects.filter(number=person_number).first()
    found = explain_person(bill, person.pk) if person else None
    if person is None or found is None:
        return None
    due, explained = found
    later = [row for row in due_changes.of_person(person.pk, [bill.unit_id]) if row["change"].month == bill.month]
    amounts = {f"{insurance.key}.{payer.value}": yuan(fen) for (insurance, payer), fen in due.amounts_fen.items()}
    return {
        "number": person.number,
        "name": person.name,
        "month": bill.month,
        "amounts": amounts,
        "explain": explained.to_dict(),
        "changes": due_changes.in_json(later),
    }


def month_reasons(person_id: int, place: str, months: Collection[Month]) -> list[tuple[Month, dict[str, Any]]]:
    """The steps of a flexible worker's months, newest first, as ui.explanation takes them; months whose rules moved on are left out."""
    dues = [due for due in dues_of(person_id) if due.month in set(months)]
    found = explanations(dues, place, standard())
    return [(month, told) for month in sorted(found, reverse=True) if (told := reason(found[month].to_dict())) is not None]
