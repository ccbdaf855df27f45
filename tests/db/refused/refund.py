"""多缴退费申请: nothing to have back, nothing of the chosen kinds, an account that can be none."""

from contextlib import suppress
from typing import Any

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.levy.models import Bill
from tests import make
from tests.db.refused import Scenario, Typed, World

_months = iter(range(202508, 202513))


def paid_twice(world: World, **changed: Any) -> Typed:
    """A bill of the unit, paid, and 9 yuan more."""
    world.hire(since=202508)
    bill = None
    while bill is None:
        month = next(_months)
        with suppress(ShebaoError):
            make.month_assessed(month)
        with acting(ENGINE):
            bill = Bill.objects.filter(unit_id=world.unit.id, month=month).first()
    make.pay([(bill.number, bill.open_fen + 900)])
    return {"kinds": ["suspense"], "bank": "示例银行", "account": "42010012345678", "reason": "重复缴费"} | changed


def nothing(world: World) -> Typed:
    world.hire()
    return {"kinds": ["suspense"], "bank": "示例银行", "account": "42010012345678", "reason": "重复缴费"}


SCENARIOS = [
    Scenario("refund", "RFD-20", "nothing was paid too much", nothing, "没有可以退的款项"),
    Scenario("refund", "RFD-21", "of the chosen kind there is nothing", lambda w: paid_twice(w, kinds=["credit"]), "没有可以退的"),
    Scenario("refund", "RFD-10", "an account with letters", lambda w: paid_twice(w, account="A-1"), "银行账号应为"),
]
