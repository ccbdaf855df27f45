"""增员, 暂停缴费, 个人工资变更 (seed 004, 单位篇 二, 三, 四)."""

from datetime import date, datetime

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.terms import Insurance, Sex
from shebao.enrolment import operations as enrolment
from shebao.parties.models import Unit
from tests import make
from tests.db.refused import Scenario, Typed, World

LEAP_DAY = datetime(2028, 2, 29, 9, tzinfo=ZONE)


def of_age(world: World, birth: date, sex: Sex) -> Typed:
    return world.addition(make.person(birth=birth, sex=sex))


def elsewhere(world: World, kind: str = "employer") -> Typed:
    return world.addition(world.hire(make.unit(kind=kind)))


def closed(world: World) -> Typed:
    typed = world.addition()
    Unit.objects.using("owner").filter(pk=world.unit.id).update(closed_on=date(2026, 10, 31))
    return typed


def stopped_next_month(world: World, at: make.MadeUnit | None = None) -> make.Employee:
    """Somebody whose cover ends with November."""
    somebody = world.hire(at)
    with acting(ENGINE):
        enrolment.stop([enrolment.Stop(somebody.person_id, (at or world.unit).id, 202612, "6301", None)], at=world.at)
    return somebody


def leaving(somebody: make.Employee, **changed: str) -> Typed:
    return {"id_number": somebody.id_number, "name": somebody.name, "reason": "6301", "note": ""} | changed


def earning(somebody: make.Employee, wage: str = "9000", **changed: str) -> Typed:
    return {"id_number": somebody.id_number, "name": somebody.name, "declared_wage": wage} | changed


def in_arrears(world: World) -> Typed:
    somebody = world.hire(since=202608)
    with acting(ENGINE):
        known = make.Bill.objects.filter(month=202608).exists()
    if not known:
        make.month_assessed(202608)
    return leaving(somebody)


SCENARIOS = [
    Scenario("add-employee", "ENR-01", "another name than the registered one", lambda w: {**stopped(w), "name": "李四"}, "登记为"),
    Scenario("add-employee", "ENR-02", "insured through another unit", elsewhere, "未停保，请联系原单位"),
    Scenario("add-employee", "ENR-03", "insured here already", lambda w: w.addition(w.hire()), "不用重复增员"),
    Scenario("add-employee", "ENR-04", "a man of fifty on the day", lambda w: of_age(w, date(1976, 11, 10), Sex.MALE), "此人 50 周岁"),
    Scenario("add-employee", "ENR-04", "a woman of forty on the day", lambda w: of_age(w, date(1986, 11, 10), Sex.FEMALE), "此人 40 周岁"),
    Scenario("add-employee", "ENR-04", "fifteen until tomorrow", lambda w: of_age(w, date(2010, 11, 11), Sex.MALE), "此人 15 周岁"),
    Scenario(
        "add-employee",
        "ENR-04",
        "forty on a leap day",
        lambda w: of_age(w, date(1988, 2, 29), Sex.FEMALE),
        "此人 40 周岁",
        at=LEAP_DAY,
    ),
    Scenario(
        "add-employee",
        "ENR-05",
        "fewer types than the unit has",
        lambda w: w.addition(insurances=[str(Insurance.PENSION.value)]),
        "须与单位一致",
    ),
    Scenario(
        "add-employee", "ENR-06", "back from a month to come", lambda w: w.addition(backdated_from="202612"), "不能晚于本月（202611）"
    ),
    Scenario("add-employee", "ENR-07", "the fourth month back", lambda w: w.addition(backdated_from="202608"), "最早从 202609 起"),
    Scenario("add-employee", "ENR-08", "insured through the flexible window", lambda w: elsewhere(w, "window"), "个人流动窗口"),
    Scenario("add-employee", "ENR-08", "insured as a resident", lambda w: elsewhere(w, "residents"), "请本人先办理停保"),
    Scenario("add-employee", "ENR-08", "insured as a student", lambda w: elsewhere(w, "students"), "请本人先办理停保"),
    Scenario("add-employee", "ENR-09", "a unit that was closed", closed, "本单位已注销"),
    Scenario(
        "add-employee",
        "ENR-10",
        "the old cover reaches into this month",
        lambda w: w.addition(stopped_next_month(w, make.unit())),
        "起始月最早为 202612",
    ),
    Scenario("stop-employee", "ENR-20", "insured through another unit", lambda w: leaving(w.hire(make.unit())), "不在本单位参保"),
    Scenario("stop-employee", "ENR-21", "one unpaid month past its due date", in_arrears, "费款所属期 202608"),
    Scenario("stop-employee", "ENR-22", "stopped already", lambda w: leaving(stopped_next_month(w)), "不用重复办理"),
    Scenario("stop-employee", "ENR-23", "another name", lambda w: leaving(w.hire(), name="李四"), "姓名与参保登记的不一致"),
    Scenario("change-wage", "ENR-23", "another name", lambda w: earning(w.hire(), name="李四"), "姓名与参保登记的不一致"),
    Scenario("change-wage", "ENR-30", "insured through another unit", lambda w: earning(w.hire(make.unit())), "不能变更工资"),
    Scenario("change-wage", "ENR-31", "the same wage", lambda w: earning(w.hire(wage_fen=800_000), "8000.00"), "不用变更"),
]


def stopped(world: World) -> Typed:
    """Somebody insured here before, free since October."""
    somebody = world.hire()
    with acting(ENGINE):
        enrolment.stop([enrolment.Stop(somebody.person_id, world.unit.id, 202610, "6301", None)], at=world.at)
    return world.addition(somebody)
