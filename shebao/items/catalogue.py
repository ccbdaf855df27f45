"""All items of the hall. One line an item."""

from shebao.casework.item import register
from shebao.items.enrolment import add_employee, change_wage, stop_employee
from shebao.items.register import change_person, change_unit, maintain_education

ITEMS = (
    add_employee.ITEM,
    stop_employee.ITEM,
    change_wage.ITEM,
    change_person.ITEM,
    change_unit.ITEM,
    maintain_education.ITEM,
)


def enter() -> None:
    """Enter every item into the catalogue."""
    register(ITEMS)
