"""All items of the hall. One line an item."""

from shebao.casework.item import register
from shebao.items.enrolment import add_employee, annual_wages, change_wage, outside_retirees, stop_employee

ITEMS = (
    add_employee.ITEM,
    stop_employee.ITEM,
    change_wage.ITEM,
    annual_wages.ITEM,
    outside_retirees.ITEM,
)


def enter() -> None:
    """Enter every item into the catalogue."""
    register(ITEMS)
