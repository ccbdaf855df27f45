"""个人工资年度申报 and 非统筹退休人员工资申报 (单位篇 九)."""

from datetime import datetime

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.enrolment import operations as enrolment
from tests import make
from tests.db.refused import Scenario, Typed, World

BEYOND_THE_RULES = datetime(2028, 1, 12, 9, tzinfo=ZONE)


def row(somebody: make.Employee, **changed: str) -> Typed:
    return {"year": "2027", "id_number": somebody.id_number, "name": somebody.name, "average_wage": "9000"} | changed


def stopped(world: World) -> Typed:
    somebody = world.hire()
    with acting(ENGINE):
        enrolment.stop([enrolment.Stop(somebody.person_id, world.unit.id, 202612, "6301", None)], at=world.at)
    return row(somebody)


def retiree(**changed: str) -> Typed:
    new = make.person()
    typed = {"year": "2027", "id_number": new.id_number, "name": new.name, "kind": "outside", "average_pension": "3500.5"}
    return typed | {"change": "declare"} | changed


def declared(world: World, at: make.MadeUnit | None = None) -> Typed:
    """A retiree that the unit (or another one) has declared already."""
    unit, typed = at or world.unit, retiree()
    make.reviewed(make.case(unit, "enrolment.outside_retirees", typed, submit=True), unit)
    return typed


def still_at_work(world: World) -> Typed:
    somebody = world.hire()
    return retiree(id_number=somebody.id_number, name=somebody.name)


SCENARIOS = [
    Scenario("annual-wages", "ANN-01", "no window is published", lambda w: row(w.hire()), "尚未公布", at=BEYOND_THE_RULES),
    Scenario("annual-wages", "ANN-02", "the year after next", lambda w: row(w.hire(), year="2028"), "现在可以申报的社保年度"),
    Scenario("annual-wages", "ANN-03", "insured through another unit", lambda w: row(w.hire(make.unit())), ""),
    Scenario("annual-wages", "ANN-04", "stopped before the year begins", stopped, ""),
    Scenario("annual-wages", "ANN-05", "insured one month after the year began", lambda w: row(w.hire(since=202702)), ""),
    Scenario("annual-wages", "ANN-06", "another name", lambda w: row(w.hire(), name="李四"), "姓名与参保登记的不一致"),
    Scenario("outside-retirees", "ANN-02", "a year long past", lambda w: retiree(year="2019"), "现在可以申报的社保年度"),
    Scenario("outside-retirees", "ANN-06", "another name", lambda w: {**declared(w), "name": "王某"}, "不一致"),
    Scenario("outside-retirees", "ANN-10", "declared by another unit", lambda w: declared(w, make.unit(vip=True)), ""),
    Scenario("outside-retirees", "ANN-11", "insured at work", still_at_work, ""),
    Scenario("outside-retirees", "ANN-12", "an end for somebody never declared", lambda w: retiree(change="end"), ""),
    Scenario("outside-retirees", "ANN-13", "no pension", lambda w: retiree(average_pension=""), ""),
]
