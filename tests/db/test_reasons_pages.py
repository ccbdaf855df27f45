"""为什么变 as people meet it: on the unit's bill and its employee's page, at the desk, on the paper and in the API, a sentence and 怎么算的."""

from collections.abc import Iterator
from typing import Any

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.terms import Post
from shebao.channels.papers import assessment_of
from shebao.enrolment.corrections import WageCorrection, correct_wages
from shebao.levy import differences
from shebao.levy.causes import Because, note
from shebao.levy.models import Bill, CauseKind
from shebao.parties.corrections import NewCorrection, note_corrections
from shebao.parties.models import CorrectionKind, Person
from shebao.parties.queries import get_unit
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.portal_support import Portal
from tests.db.support import assess, hire, make_agency, make_unit, moment, person_ids

WHY = "申报工资订正：由“8,000.00 元”改为“"


def put_right(unit: int, person: int, month: int, wage_fen: int) -> None:
    """An effect of 申报工资订正, as its item does it."""
    at = moment(202609)
    with acting(Actor(Role.ENGINE, 1, "审核甲")):
        before = differences.by_register([person])
        correct_wages([WageCorrection(person, unit, month, month + 1, wage_fen, None)], at=at)
        found = differences.between(before, differences.by_register([person]), differences.charged([person]))
        told = f"{wage_fen // 100:,}.00 元"
        line = NewCorrection(unit, 1, person, CorrectionKind.WAGE, "申报工资", "8,000.00 元", told, "工资单录错", 0, 0, None)
        (course,) = note_corrections([line], at=at)
        (cause,) = note([Because(CauseKind.WAGE, unit, 1, person, None, course)], at=at)
        differences.settle(found, {unit: 1}, at=at, causes=[cause] * len(found))


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """August is assessed; one person's wage of August is put up, another's down; September's bill takes what is owed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        unit = make_unit("示例科技公司", vip=True)
        up, down = person_ids(hire(unit, 2, month=202608, wage_fen=800_000, at=moment(202608)))
        assess(202608, at=moment(202608, 28))
        put_right(unit, up, 202608, 1_000_000)
        put_right(unit, down, 202608, 700_000)
        assess(202609, at=moment(202609, 28))
        make_account("hr", Post.UNIT_OPERATOR, unit=unit)
        make_account("fin", Post.FINANCE, agency=1)
        make_account("rev", Post.REVIEWER, agency=1)
        with acting(ENGINE):
            bill = Bill.objects.select_related("unit").get(unit_id=unit, month=202609)
            people = {"up": Person.objects.get(pk=up), "down": Person.objects.get(pk=down)}
        yield {"unit": unit, "bill": bill, **people, "hr": Portal("hr"), "fin": Desk("fin"), "rev": Desk("rev")}


def test_the_units_bill_says_why_and_how_each_difference_came_about(town: dict[str, Any]) -> None:
    page = town["hr"].get(f"/u/bills/{town['bill'].number}")
    assert "补缴、补差明细" in page and f"{WHY}10,000.00 元”；工资单录错" in page
    assert "2026 年 8 月养老 480.00 元怎么算的" in page and "此前已核定" in page and "申报工资 10,000.00 元" in page
    one = town["hr"].get(f"/u/bills/{town['bill'].number}/people/{town['up'].pk}")
    assert WHY in one and "2026 年 8 月养老 480.00 元怎么算的" in one


def test_the_employees_page_and_the_register_tell_what_goes_back(town: dict[str, Any]) -> None:
    page = town["hr"].get(f"/u/staff/{town['down'].pk}")
    assert "以前月份的变动" in page and "退收" in page and f"{WHY}7,000.00 元”" in page and "多缴待退" in page
    held = town["hr"].get("/u/registration")
    assert "待退差额" in held and "2026 年 8 月养老 240.00 元怎么算的" in held


def test_the_desk_sees_the_same_on_bill_and_person(town: dict[str, Any]) -> None:
    page = town["fin"].get(f"/w/bills/{town['bill'].number}")
    assert "补缴、补差明细" in page and WHY in page and "怎么算的" in page
    person = town["rev"].get(f"/w/people/{town['up'].number}")
    assert "以前月份的变动" in person and "补收" in person and WHY in person


def test_the_paper_and_the_api_say_why(town: dict[str, Any]) -> None:
    with acting(ENGINE):
        notices = assessment_of(town["bill"], get_unit(town["unit"]))["notices"]
    assert any(n.startswith("补缴、补差：") and f"718.00 元：{WHY}10,000.00 元”" in n for n in notices)
    answer = town["hr"].client.get(f"/api/v1/bills/{town['bill'].number}").json()
    assert {d["origin"] for d in answer["differences"]} == {"diff"}
    pension = next(d for d in answer["differences"] if d["insurance"] == "110")
    (change,) = pension["changes"]
    assert (change["unit"], change["person"]) == (pension["unit"], pension["person_part"]) == ("320.00", "160.00")
    assert change["why"].startswith(WHY) and {s["key"] for s in change["explain"]["steps"]} >= {"why", "was", "pension.unit", "difference"}
