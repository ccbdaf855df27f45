"""All items of the hall. One line an item."""

from shebao.casework.item import register
from shebao.items.enrolment import add_employee, change_wage, stop_employee
from shebao.items.qualification import operator_entry, qualification, qualification_stop, slip_reissue, vip_evaluation

ITEMS = (
    add_employee.ITEM,
    stop_employee.ITEM,
    change_wage.ITEM,
    qualification.ITEM,
    operator_entry.ITEM,
    slip_reissue.ITEM,
    vip_evaluation.ITEM,
    qualification_stop.ITEM,
)


def enter() -> None:
    """Enter every item into the catalogue."""
    register(ITEMS)
