"""All items of the hall. One line an item."""

from shebao.casework.item import register
from shebao.items.arrears import back_payment, issue_order, roll_back, write_off
from shebao.items.enrolment import add_employee, change_wage, stop_employee

ITEMS = (
    add_employee.ITEM,
    stop_employee.ITEM,
    change_wage.ITEM,
    back_payment.ITEM,
    issue_order.ITEM,
    roll_back.ITEM,
    write_off.ITEM,
)


def enter() -> None:
    """Enter every item into the catalogue."""
    register(ITEMS)
