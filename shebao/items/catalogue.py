"""All items of the hall. One line an item."""

from shebao.casework.item import register
from shebao.items.enrolment import add_employee, change_wage, stop_employee
from shebao.items.levy import declare_month, defer

ITEMS = (
    add_employee.ITEM,
    stop_employee.ITEM,
    change_wage.ITEM,
    declare_month.ITEM,
    defer.ITEM,
)


def enter() -> None:
    """Enter every item into the catalogue."""
    register(ITEMS)
