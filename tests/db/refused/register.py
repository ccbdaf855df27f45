"""Back months of 增员 (二), general information (七, 八), education by workbook, and the yearly 验证."""

from datetime import date, datetime

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.casework.item import item_of
from shebao.levy.models import PlaceMonth
from shebao.parties.models import Unit
from shebao.parties.registration import verify_year
from tests import make
from tests.db.refused import Scenario, Typed, World

IN_2024 = datetime(2024, 6, 12, 9, tzinfo=ZONE)


def back(world: World, since: int, month: str) -> Typed:
    world.move(since)
    return world.addition(backdated_from=month)


def passed_over(world: World) -> Typed:
    """The place was first assessed for August; June and July were never."""
    with acting(ENGINE):
        known = PlaceMonth.objects.filter(month=202608, state="assessed").exists()
    if not known:
        world.hire(since=202608)
        make.month_assessed(202608)
    return world.addition(backdated_from="202606")


def person(somebody: make.Employee, **changed: str) -> Typed:
    fields = {f.name: "" for f in item_of("register.change_person").fields}
    return fields | {"id_number": somebody.id_number, "name": somebody.name} | changed


def learned(somebody: make.Employee, education: str = "21", **changed: str) -> Typed:
    return {"id_number": somebody.id_number, "name": somebody.name, "education": education} | changed


def as_it_is(world: World) -> Typed:
    """An education registered by one filing and filed once more."""
    somebody = world.hire()
    case = make.case(world.unit, "register.maintain_education", learned(somebody), by=world.clerk, submit=True)
    make.reviewed(case, world.unit)
    return learned(somebody)


def of_unit(world: World) -> Typed:
    """单位一般信息变更 with nothing filled in."""
    return {f.name: "" for f in item_of("register.change_unit").fields}


def verifying(year: str, answer: str = "same") -> Typed:
    return {"year": year, "answer": answer}


def closed(world: World) -> Typed:
    Unit.objects.using("owner").filter(pk=world.unit.id).update(closed_on=date(2026, 10, 31))
    return verifying("2026")


def verified(world: World) -> Typed:
    with acting(ENGINE):
        verify_year(world.unit.id, 2026, {}, late=False, on=world.at.date(), case_id=None)
    return verifying("2026")


SCENARIOS = [
    Scenario("add-employee", "ENR-11", "the month before the unit itself", lambda w: back(w, 202611, "202610"), "起始月最早为 202611"),
    Scenario("add-employee", "ENR-12", "a month that assessment passed over", passed_over, "没有在本系统核定"),
    Scenario("add-employee", "ENR-13", "a month whose floor nobody knows", lambda w: back(w, 202401, "202405"), "尚未确定", at=IN_2024),
    Scenario(
        "change-person", "INF-10", "insured through another unit", lambda w: person(w.hire(make.unit()), mobile="13800005678"), "不在本单位"
    ),
    Scenario(
        "change-person", "INF-11", "another name", lambda w: person(w.hire(), name="李四", mobile="13800005678"), "姓名与参保登记的不一致"
    ),
    Scenario("change-person", "INF-12", "nothing filled in", lambda w: person(w.hire()), "至少改动一项"),
    Scenario("change-unit", "INF-20", "nothing filled in", of_unit, "至少改动一项"),
    Scenario("maintain-education", "INF-10", "insured through another unit", lambda w: learned(w.hire(make.unit())), "不在本单位"),
    Scenario("maintain-education", "INF-11", "another name", lambda w: learned(w.hire(), name="李四"), "姓名与参保登记的不一致"),
    Scenario("maintain-education", "INF-12", "as it is registered already", as_it_is, "没有需要变更的"),
    Scenario("verify-unit", "REG-10", "a unit that was closed", closed, "已于 2026-10-31 注销登记"),
    Scenario("verify-unit", "REG-30", "next year", lambda w: verifying("2027"), "2027 年度还没有开始"),
    Scenario("verify-unit", "REG-31", "the year of registration itself", lambda w: verifying("2025"), "登记当年免验"),
    Scenario("verify-unit", "REG-33", "verified already", verified, "已经验证"),
    Scenario("verify-unit", "REG-34", "says that something has changed", lambda w: verifying("2026", "different"), "请先变更"),
]
