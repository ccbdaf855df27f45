"""欠费补缴, 生成欠费补缴单, 欠费补缴回退, 当月欠费注销 (单位篇 五, 六). Each scenario that needs a bill takes a month of its own."""

from datetime import datetime

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.months import span
from shebao.levy import orders
from shebao.levy.models import Bill
from shebao.levy.orders import Registration
from shebao.levy.owing import owed_on
from shebao.policy.rulebook import standard
from tests import make
from tests.db.refused import Scenario, Typed, World

MONTHS = span(202501, 202601)
_left = iter(list(MONTHS))
IN_OCTOBER = datetime(2026, 10, 12, 9, tzinfo=ZONE)
IN_NOVEMBER = datetime(2026, 11, 12, 9, tzinfo=ZONE)


def owing(world: World, heads: int = 1) -> list[make.Employee]:
    """People of the unit with one unpaid month that is past its due date."""
    month = next(_left)
    people = [world.hire(since=month) for _ in range(heads)]
    make.month_assessed(month)
    return people


def bill_of(world: World) -> Bill:
    with acting(ENGINE):
        return Bill.objects.filter(unit_id=world.unit.id, kind="monthly").latest("id")


def paid(world: World, but: int = 0) -> None:
    bill = bill_of(world)
    make.pay([(bill.number, bill.open_fen - but)])


def registered(world: World) -> make.Employee:
    (somebody,) = owing(world)
    with acting(ENGINE):
        orders.register([Registration(somebody.person_id, None)], unit_id=world.unit.id, agency_id=1, at=world.at)
    return somebody


def ordered(world: World) -> tuple[make.Employee, Bill]:
    somebody = registered(world)
    with acting(ENGINE):
        order = orders.issue(
            world.unit.id, agency_id=1, place=make.PLACE, case_id=None, rulebook=standard(), on=world.at.date(), at=world.at
        )
    return somebody, order


def paying(somebody: make.Employee, **changed: str) -> Typed:
    return {"id_number": somebody.id_number, "name": somebody.name, "note": ""} | changed


def to_the_fen(world: World) -> Typed:
    """All of the bill but one fen is paid: one of the two owes it, the other nothing any more."""
    people = owing(world, 2)
    paid(world, but=1)
    with acting(ENGINE):
        open_ones = {due.person_id for due in owed_on([bill_of(world).pk]) if due.open_fen}
    (clear,) = [p for p in people if p.person_id not in open_ones]
    return paying(clear)


def paid_since(world: World) -> Typed:
    registered(world)
    paid(world)
    return {"note": ""}


def paid_order(world: World) -> Typed:
    _, order = ordered(world)
    make.pay([(order.number, order.total_fen)])
    return {"target": order.number, "reason": "", "note": ""}


def striking(somebody: make.Employee, **changed: str) -> Typed:
    told = {"id_number": somebody.id_number, "name": somebody.name, "reason": "职工已离职，未及时办理停保", "confirm": "确认注销"}
    return told | changed


def this_month(world: World) -> make.Employee:
    """Somebody of a unit whose bill of the month that is now has been issued and not paid."""
    month = world.at.year * 100 + world.at.month
    somebody = world.hire(since=month)
    make.month_assessed(month, at=world.at.replace(day=5))
    return somebody


def struck_off(world: World) -> Typed:
    somebody = this_month(world)
    case = make.case(world.unit, "arrears.write_off", striking(somebody), by=world.clerk, submit=True, when=world.at)
    make.reviewed(case, world.unit, when=world.at)
    return striking(somebody)


def hired_after(world: World) -> Typed:
    this_month(world)
    return striking(world.hire(since=202611))


SCENARIOS = [
    Scenario("back-payment", "ARR-01", "never insured here", lambda w: paying(w.hire(make.unit())), "没有在本单位参保"),
    Scenario("back-payment", "ARR-02", "registered already", lambda w: paying(registered(w)), "不用重复办理"),
    Scenario("back-payment", "ARR-03", "on an order already", lambda w: paying(ordered(w)[0]), "请按该单缴费"),
    Scenario("back-payment", "ARR-04", "owes nothing", lambda w: paying(w.hire(since=202611)), "不用补缴"),
    Scenario("back-payment", "ARR-05", "the own share is paid to the fen", to_the_fen, "已没有余额"),
    Scenario("back-payment", "ENR-23", "another name", lambda w: paying(owing(w)[0], name="李四"), "姓名与参保登记的不一致"),
    Scenario("issue-order", "ARR-10", "nobody is registered", lambda w: {"note": "先看看"}, "请先办理“单位员工欠费补缴”"),
    Scenario("issue-order", "ARR-11", "paid since it was registered", paid_since, "不用生成补缴单"),
    Scenario(
        "roll-back", "ARR-20", "a number nobody has", lambda w: {"target": "BJ209901-0000001", "reason": "", "note": ""}, "没有这张补缴单"
    ),
    Scenario("roll-back", "ARR-21", "the order is paid", paid_order, ""),
    Scenario(
        "roll-back", "ARR-22", "nothing to roll back", lambda w: {"target": "BJ209901-0000001", "reason": "", "note": ""}, "没有可以回退的"
    ),
    Scenario("write-off", "ARR-30", "never insured here", lambda w: striking(w.hire(make.unit())), "没有在本单位参保"),
    Scenario("write-off", "ENR-23", "another name", lambda w: striking(w.hire(), name="李四"), "姓名与参保登记的不一致"),
    Scenario("write-off", "ARR-31", "no bill this month yet", lambda w: striking(w.hire()), ""),
    Scenario("write-off", "ARR-32", "written off already", struck_off, "不用重复办理", at=IN_OCTOBER),
    Scenario("write-off", "ARR-33", "hired after the bill", hired_after, "没有欠费", at=IN_NOVEMBER),
]
