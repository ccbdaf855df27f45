"""The register on any day, by page, by program and for the desk; and what a former employer is no longer told."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.enrolment import operations as enrolment
from shebao.parties.changes import Change, change_people, change_units
from tests import make
from tests.db.web_support import Browser, Town, is_page, is_problem, town, words

THEN, NOW_ = "2026-10-31", "2026-11-10"


@pytest.fixture(scope="module")
def place(database: str) -> Iterator[tuple[Town, dict[str, Browser]]]:
    """People of unit A change in November; one of them leaves with the end of October and moves house afterwards."""
    with town() as made:
        stays, leaves = made.a.staff
        with acting(ENGINE):
            enrolment.stop([enrolment.Stop(leaves.person_id, made.a.id, 202611, "6301", None)], at=make.instant(202610, 20))
            change_people([Change(leaves.person_id, {"mobile": "13911110001"}, date(2026, 10, 15))], at=make.instant(202610, 15))
            change_people(
                [
                    Change(stays.person_id, {"name": "改名后", "education": "21"}, date(2026, 11, 5), None, True),
                    Change(leaves.person_id, {"mobile": "13922220002", "home_address": "新家示例路 1 号"}, date(2026, 11, 6)),
                ],
                at=make.instant(202611, 6),
            )
            change_units([Change(made.a.id, {"fax": "027-85550199"}, date(2026, 11, 6))], at=make.instant(202611, 6))
        yield made, {who: made.browser(who) for who in ("op_a", "op_b", "reviewer_1")}


def api(browser: Browser, path: str) -> Any:
    answer = browser.call("GET", f"/api/v1/{path}", "")
    assert answer.status_code == 200, (path, answer.content)
    return answer.json()


def test_the_roster_by_page_and_by_program_tells_the_same_for_any_day(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    stays, leaves = made.a.staff
    for path, api_path, names in (
        ("/u/staff", "staff", {"改名后"}),
        (f"/u/staff?as_of={THEN}", f"staff?as_of={THEN}", {stays.name, leaves.name}),
    ):
        page, told = words(browsers["op_a"].get(path)), api(browsers["op_a"], api_path)
        assert {row["name"] for row in told["staff"]} == names and all(name in page for name in names)
        assert (f"以下为登记库截至 {THEN} 的记载" in page) is ("as_of" in path) and told["as_of"] == (THEN if "as_of" in path else NOW_)
    stopped = api(browsers["op_a"], "staff?cover=stopped")["staff"]
    assert [row["name"] for row in stopped] == [leaves.name] and stopped[0]["to_month"] == 202611


def test_one_employee_with_facts_and_history_as_known_on_the_day(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    now = api(browsers["op_a"], f"staff/{made.person}")
    then = api(browsers["op_a"], f"staff/{made.person}?as_of={THEN}")
    assert (now["name"], now["education"]) == ("改名后", "21") and (then["name"], then["education"]) == (made.a.staff[0].name, "")
    assert {v["field"] for v in now["history"]} == {"name", "education"} and then["history"] == []
    page = words(browsers["op_a"].get(f"/u/staff/{made.person_id}"))
    assert "大学本科" in page and "信息订正" in page
    page = words(browsers["op_a"].get(f"/u/staff/{made.person_id}?as_of={THEN}"))
    assert "大学本科" not in page and "改名后" not in page
    assert browsers["op_b"].get(f"/u/staff/{made.person_id}?as_of={THEN}").status_code == 404
    is_problem(browsers["op_b"].call("GET", f"/api/v1/staff/{made.person}", ""), 404)


def test_a_former_employer_is_told_what_was_registered_until_the_cover_ended(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    left = made.a.staff[1].person_id
    page = words(browsers["op_a"].get(f"/u/staff/{left}"))
    assert "13911110001" in page and "13922220002" not in page and "新家示例路" not in page and "只显示在本单位参保期间" in page
    with acting(ENGINE):
        from shebao.parties.models import Person

        number = Person.objects.get(pk=left).number
    told = api(browsers["op_a"], f"staff/{number}")
    assert told["mobile"] == "13911110001" and told["home_address"] == "" and "13922220002" not in str(told)


def test_the_unit_itself(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    assert api(browsers["op_a"], "unit")["fax"] == "027-85550199" and api(browsers["op_a"], f"unit?as_of={THEN}")["fax"] == ""
    assert api(browsers["op_b"], "unit")["fax"] == "" and api(browsers["op_b"], "unit")["history"] == []
    assert "027-85550199" in words(browsers["op_a"].get("/u/unit"))
    assert "027-85550199" not in words(browsers["op_a"].get(f"/u/unit?as_of={THEN}"))
    assert api(browsers["op_a"], "unit")["terms"][0]["insurance_codes"]


@pytest.mark.parametrize(
    ("day", "told"), [("2026-11-11", "不能晚于今天"), ("2020-01-01", "早于登记库的第一条记载"), ("2026-13-01", "有没有这一天")]
)
def test_a_day_that_cannot_be_asked_for_is_told_by_every_channel(place: tuple[Town, dict[str, Browser]], day: str, told: str) -> None:
    made, browsers = place
    for path in ("/u/staff", "/u/staff.xlsx", "/u/changes", "/u/changes.xlsx", "/u/unit", f"/u/staff/{made.person_id}"):
        is_page(browsers["op_a"].get(f"{path}?as_of={day}"), 422, told, "不能按这一天查询")
    is_page(browsers["reviewer_1"].get(f"/w/people/{made.person}?as_of={day}"), 422, told)
    for path in ("staff", "unit", f"staff/{made.person}"):
        answer = browsers["op_a"].call("GET", f"/api/v1/{path}?as_of={day}", "")
        is_problem(answer, 422)
        assert answer.json()["code"] == "INF-01" and told in answer.json()["title"]


def test_the_desk_sees_a_person_as_known_on_the_day_and_every_change(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    assert "改名后" in words(browsers["reviewer_1"].get(f"/w/people/{made.person}"))
    then = words(browsers["reviewer_1"].get(f"/w/people/{made.person}?as_of={THEN}"))
    assert "改名后" not in then and made.a.staff[0].name in then


def test_a_roster_can_be_asked_for_by_type_and_by_the_beginning_of_a_number(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    assert len(api(browsers["op_a"], "staff?insurance=110")["staff"]) == 1 and api(browsers["op_a"], "staff?insurance=510")["staff"] == []
    assert len(api(browsers["op_a"], f"staff?q={made.a.staff[0].id_number[:8]}")["staff"]) == 1
    for wrong in ("insurance=999", "cover=x", "month=202613", "after=x"):
        is_problem(browsers["op_a"].call("GET", f"/api/v1/staff?{wrong}", ""), 400)
