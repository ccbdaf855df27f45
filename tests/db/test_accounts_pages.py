"""个人账户 through page, paper, API and command alike: the worked cases to the fen, the own account alone, every look on record."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from shebao.accounts.models import EndKind, EntryKind
from shebao.accounts.part_year import settle_part_year
from shebao.accounts.queries import months_counted
from shebao.accounts.registering import NewFacts, register_facts
from shebao.policy.rulebook import standard
from shebao.runs import account_interest
from tests import make
from tests.db.accounts_support import at, credit
from tests.db.support import ENGINE, acting, as_owner, ask
from tests.db.web_support import Browser, is_page, is_problem, words

PLACE = "420100"
ON = date(2023, 1, 5)


@pytest.fixture(scope="module")
def people(database: str) -> Iterator[list[Any]]:
    """PA1 and PA3 as they are in facts: one has 10,000.00 and twelve months of 2022, the other six months of 2023; both years settled."""
    make.agency()
    unit = make.unit(people=3)
    pa1, pa3, none = (employee.person_id for employee in unit.staff)
    credit("brought", [(pa1, 202201, 1_000_000)], date(2022, 1, 1), kind=EntryKind.BROUGHT)
    for n in range(1, 13):
        credit(f"a{n}", [(pa1, 202200 + n, 33_792)], date(2022, n, 15))
    account_interest.settle(PLACE, 2022, clock=lambda: at(date(2023, 7, 1)))
    for n in range(7, 13):
        credit(f"b{n}", [(pa3, 202300 + n, 50_000)], date(2023, n, 15))
    account_interest.settle(PLACE, 2023, clock=lambda: at(date(2024, 7, 1)))
    with acting(ENGINE):
        register_facts([NewFacts(pa1, 199601, 25, 300, "示例")], from_day=date(2022, 1, 1), at=at(ON))
    for i, person in enumerate((pa1, pa3, none), 1):
        make.individual(person, f"me{i}")
    yield [unit, pa1, pa3, none]


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")


def test_the_worked_cases_stand_on_the_own_page_with_their_explanation(people: list[Any]) -> None:
    told = words(Browser("me1").get("/p/account?year=2022"))
    for word in ("14,801.46", "14,801.42", "26,357.76", "134.42", "612.00", "6.12%", "怎么算的", "26 年 0 个月", "2 年 1 个月"):
        assert word in told, word
    told = words(Browser("me2").get("/p/account?year=2023"))
    for word in ("3,034.74", "3,064.49", "10,500.00", "34.74", "3.97%"):
        assert word in told, word


def test_who_has_no_account_is_told_so_and_nobody_sees_anothers(people: list[Any]) -> None:
    told = words(Browser("me3").get("/p/account"))
    assert "还没有个人账户记录" in told and "14,801.46" not in told
    assert "还没有可以出具权益记录单的年度" in words(Browser("me3").get("/p/record"))
    assert "14,801.46" not in words(Browser("me2").get("/p/account?year=2022"))
    for address in ("/p/account", "/p/record", "/p/record/2022.pdf"):
        assert Browser().get(address).status_code == 302


def test_the_record_is_a_page_and_a_sealed_paper_that_verifies(people: list[Any]) -> None:
    browser = Browser("me1")
    told = words(browser.get("/p/record?year=2022"))
    assert "14,801.46 元" in told and "746.42 元" in told and "337.92" in told and "6.12%" in told
    answer = browser.get("/p/record/2022.pdf")
    assert answer.status_code == 200 and answer["Content-Type"] == "application/pdf"
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    assert "14,801.46" in text and "社会保险个人权益记录单" in text.replace(" ", "").replace("\n", "")
    code, title, facts = as_owner("select code, title, facts from papers_paper where kind = 'rights_record'")[0]
    seen = words(Browser().get(f"/v/{code}"))
    assert "14,801.46 元" in seen and "2022 年" in seen and title in seen
    assert browser.get("/p/record/2022.pdf").content == answer.content  # asked for twice in a minute it is the same
    assert len(as_owner("select 1 from papers_paper where kind = 'rights_record'")) == 1
    for wrong in ("2021", "2019"):
        is_page(browser.get(f"/p/record/{wrong}.pdf"), 404)
    person = as_owner("select name, id_number from parties_person where id = %s", [people[1]])[0]
    assert person[1] not in json.dumps(facts) and person[0] not in json.dumps(facts, ensure_ascii=False)


def test_every_look_is_on_record(people: list[Any]) -> None:
    def looks(action: str) -> int:
        return len(as_owner("select 1 from audit_event where action = %s and person_id = %s", [action, people[1]]))

    browser = Browser("me1")
    before = looks("accounts.looked"), looks("accounts.record_looked")
    browser.get("/p/account"), browser.get("/p/record")
    assert (looks("accounts.looked"), looks("accounts.record_looked")) == (before[0] + 1, before[1] + 1)


def test_the_api_tells_a_person_the_same(people: list[Any]) -> None:
    browser = Browser("me1")
    told = browser.call("GET", "/api/v1/me/account?year=2022").json()
    assert told["balance"] == "15389.08" and told["settled_to"] == 2023
    year = told["year"]
    assert (year["product"], year["interest_opening"], year["interest_credits"], year["closing"]) == (
        "26357.76",
        "612.00",
        "134.42",
        "14801.46",
    )
    assert year["explain"]["steps"][-1]["amount"] == "14801.42" and len(year["entries"]) == 13
    assert told["months"] == {"actual": 312, "paid": 12, "carried": 300, "deemed": 25}
    is_problem(browser.call("GET", "/api/v1/me/account?year=1999"), 404)
    assert browser.call("GET", "/api/v1/me/account?year=99999").status_code == 400
    is_problem(Browser("me3").call("GET", "/api/v1/me/account"), 404)
    assert Browser().call("GET", "/api/v1/me/account").status_code == 401


def test_the_command_explains_the_worked_cases_and_refuses_a_year_without_a_rate() -> None:
    def explain(*given: str) -> Any:
        command = [sys.executable, "-m", "shebao.site.command", "account", "explain", "--json", *given]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    told = json.loads(explain("--year", "2022", "--opening", "10000", "--credits", "337.92").stdout)
    assert (told["product"], told["interest_credits"], told["closing"], told["yearly"]) == ("26357.76", "134.42", "14801.46", "14801.42")
    told = json.loads(explain("--year", "2023", "--credits", "0,0,0,0,0,0,500,500,500,500,500,500").stdout)
    assert (told["product"], told["interest_credits"], told["closing"], told["yearly"]) == ("10500.00", "34.74", "3034.74", "3064.49")
    refused = explain("--year", "2026", "--credits", "100")
    assert refused.returncode == 2 and "尚未确定，请先补充该参数" in refused.stderr + refused.stdout
    assert explain("--year", "2022", "--credits", "1,2").returncode == 2


def test_the_desk_sees_the_account_with_part_years_and_the_unit_its_own_months(people: list[Any]) -> None:
    unit, pa1, pa3, _ = people
    with acting(ENGINE):
        settle_part_year(
            pa3, EndKind.RETIREMENT, 202603, place=PLACE, agency_id=1, rulebook=standard(), on=date(2026, 3, 10), at=at(date(2026, 3, 10))
        )
    make.reviewer(username="desk1")
    desk = Browser("desk1")
    number, other = (as_owner("select number from parties_person where id = %s", [p])[0][0] for p in (pa1, pa3))
    told = words(desk.get(f"/w/people/{number}"))
    assert "15,389.08 元" in told and "各年、记账和利息" in told
    assert "14,801.42" in words(desk.get(f"/w/people/{number}/account?year=2022"))
    assert "退休" in words(desk.get(f"/w/people/{other}/account"))
    is_page(desk.get("/w/people/9999999999/account"), 404)
    unit_number = as_owner("select number from parties_unit where id = %s", [unit.id])[0][0]
    make.month_assessed(202610)
    told = words(desk.get(f"/w/units/{unit_number}/account"))
    bill = ask("select number, unit_fen + person_fen from levy_bill where unit_id = %s", [unit.id])[0]
    assert bill[0] in told and f"{bill[1] / 100:,.2f}" in told
    make.operator(unit, "own1")
    own = words(Browser("own1").get("/u/account"))
    assert bill[0] in own and f"{bill[1] / 100:,.2f}" in own and "14,801.46" not in own


def test_the_register_answers_for_a_past_day_and_as_it_stood(people: list[Any]) -> None:
    pa1 = people[1]
    later = at(date(2026, 6, 1))
    with acting(ENGINE):
        before = months_counted(pa1)
        register_facts([NewFacts(pa1, 199601, 30, 300, "订正：视同缴费 30 个月")], from_day=date(2022, 1, 1), at=later)
        assert (months_counted(pa1).deemed, before.deemed) == (30, 25)
        assert months_counted(pa1, known_at=at(date(2026, 1, 1))).deemed == 25
        assert months_counted(pa1, on=date(2021, 12, 31)).deemed == 0
        assert months_counted(pa1, until=202206).paid == 6
