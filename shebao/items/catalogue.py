"""All items of the hall. One line an item."""

from shebao.casework.item import register
from shebao.items.arrears import back_payment, issue_order, roll_back, write_off
from shebao.items.corrections import correct_class, correct_person, correct_spell, correct_wage, special_group
from shebao.items.enrolment import add_employee, annual_wages, change_wage, outside_retirees, stop_employee
from shebao.items.flexible import cancel_arrears, change_tier, debit, enrol, extend, pay_gap, stop
from shebao.items.levy import declare_month, defer, refund
from shebao.items.qualification import operator_entry, qualification, qualification_stop, slip_reissue, vip_evaluation
from shebao.items.register import change_person, change_unit, maintain_education
from shebao.items.registration import change_registration, close_unit, register_size, register_unit, reissue_certificate, verify_unit

ITEMS = (
    add_employee.ITEM,
    stop_employee.ITEM,
    change_wage.ITEM,
    declare_month.ITEM,
    defer.ITEM,
    refund.ITEM,
    change_person.ITEM,
    change_unit.ITEM,
    maintain_education.ITEM,
    register_unit.ITEM,
    change_registration.ITEM,
    close_unit.ITEM,
    verify_unit.ITEM,
    reissue_certificate.ITEM,
    register_size.ITEM,
    correct_spell.ITEM,
    correct_wage.ITEM,
    correct_class.ITEM,
    correct_person.ITEM,
    special_group.ITEM,
    annual_wages.ITEM,
    outside_retirees.ITEM,
    qualification.ITEM,
    operator_entry.ITEM,
    slip_reissue.ITEM,
    vip_evaluation.ITEM,
    qualification_stop.ITEM,
    back_payment.ITEM,
    issue_order.ITEM,
    roll_back.ITEM,
    write_off.ITEM,
    enrol.ITEM,
    stop.ITEM,
    change_tier.ITEM,
    debit.ITEM,
    cancel_arrears.ITEM,
    pay_gap.ITEM,
    extend.ITEM,
)

FORMER = (extend.FORMER,)  # versions that nobody files any more; stored filings name them


def enter() -> None:
    """Enter every item into the catalogue."""
    register(ITEMS)
    register(FORMER)
