"""月度申报 (seed 000; 社会保险法 第六十二条) and 缓缴 (seed 001, 问 11; the documents of 2022)."""

from datetime import datetime
from typing import Any

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.money import yuan
from shebao.base.terms import Insurance, mask_of
from shebao.casework import review
from shebao.casework.models import Case
from shebao.levy.models import Bill
from shebao.levy.statement import statement
from shebao.policy.rulebook import standard
from tests import make
from tests.db.refused import Scenario, Typed, World

IN_DECEMBER = datetime(2026, 12, 9, 9, tzinfo=ZONE)
MASK_2022 = mask_of([Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY, Insurance.MEDICAL])
IN_2022 = datetime(2022, 7, 26, 10, tzinfo=ZONE)


def figures(world: World, month: int = 202612) -> Typed:
    """What the statement of a month says."""
    with acting(ENGINE):
        this = statement(world.unit.id, make.PLACE, month, standard()).this
    return {"month": str(month), "headcount": str(this.heads), "total": yuan(this.total_fen)}


def staffed(world: World) -> Typed:
    world.hire()
    return figures(world)


def declared(world: World) -> Typed:
    typed = staffed(world)
    make.reviewed(make.case(world.unit, "levy.declare_month", typed, by=world.clerk, submit=True, when=world.at), world.unit, when=world.at)
    return typed


def billed(world: World) -> Typed:
    world.hire(since=202512)
    make.month_assessed(202512)
    return figures(world, 202512)


def wish(world: World, **changed: Any) -> Typed:
    """缓缴 of the pension part of June and July 2022, asked for by a unit that was there then."""
    world.move(202201, MASK_2022)
    world.hire(since=202205)
    told = {"scheme": "hardship", "insurances": ["110"], "first_month": "202206", "last_month": "202207", "reason": "受疫情影响停业"}
    return told | {"commitment": "2022-05"} | changed


def deferred(world: World) -> Typed:
    """Granted once, asked for again a month longer."""
    typed = wish(world)
    case = make.case(world.unit, "levy.defer", typed, by=world.clerk, submit=True, when=world.at)
    for reviewer in (make.reviewer(), make.reviewer()):
        with acting(reviewer):
            version = Case.objects.get(pk=case).version
            review.decide(case, version, review.Decision(), world.unit.context(world.at))
    return dict(typed) | {"last_month": "202208"}


def paid(world: World) -> Typed:
    typed = wish(world, last_month="202206")
    make.month_assessed(202206, at=datetime(2022, 7, 25, 9, tzinfo=ZONE))
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=world.unit.id, month=202206)
    make.pay([(bill.number, bill.open_fen)], at=world.at)
    return typed


SCENARIOS = [
    Scenario("declare-month", "DCL-01", "before declarations began", lambda w: {**staffed(w), "month": "202112"}, "", at=IN_DECEMBER),
    Scenario("declare-month", "DCL-02", "a month to come", lambda w: {**staffed(w), "month": "202701"}, "", at=IN_DECEMBER),
    Scenario(
        "declare-month", "DCL-03", "nobody insured", lambda w: {"month": "202612", "headcount": "1", "total": "1.00"}, "", at=IN_DECEMBER
    ),
    Scenario("declare-month", "DCL-04", "declared with the same figures", declared, "已由", at=IN_DECEMBER),
    Scenario("declare-month", "DCL-05", "the bill is out", billed, ""),
    Scenario("declare-month", "DCL-06", "one head more than the statement", lambda w: {**staffed(w), "headcount": "2"}, "", at=IN_DECEMBER),
    Scenario("defer", "DFR-01", "no policy today", lambda w: {**wish(w), "commitment": "2022-05"}, "没有施行中的缓缴政策"),
    Scenario("defer", "DFR-02", "the end before the beginning", lambda w: wish(w, last_month="202205"), "起止月不正确", at=IN_2022),
    Scenario(
        "defer", "DFR-03", "a type the document leaves out", lambda w: wish(w, scheme="expanded", insurances=["410"]), "不含", at=IN_2022
    ),
    Scenario(
        "defer", "DFR-04", "a month before the document's first", lambda w: wish(w, first_month="202203"), "可缓缴的费款所属期", at=IN_2022
    ),
    Scenario("defer", "DFR-05", "a document whose first month nobody verified", lambda w: wish(w, scheme="small"), "尚未核实", at=IN_2022),
    Scenario("defer", "DFR-06", "deferred already", deferred, "不用重复申请", at=IN_2022),
    Scenario(
        "defer", "DFR-07", "before the unit had types", lambda w: wish(w, first_month="202112", last_month="202112"), "没有参加", at=IN_2022
    ),
    Scenario("defer", "DFR-08", "paid already", paid, "都已缴清", at=datetime(2022, 7, 27, 10, tzinfo=ZONE)),
]
