"""个人 sign in, see themselves, and nobody else; one account a person."""

from collections.abc import Iterator

import pytest

from shebao.access.acting import acting
from shebao.access.individuals import HasAccountError, open_account
from shebao.base.actor import ENGINE
from shebao.contact.messages import tell_people, unread_of_person
from shebao.parties.models import Person
from tests import make
from tests.db.web_support import Browser, is_page, words


@pytest.fixture(scope="module")
def two(database: str) -> Iterator[tuple[Person, Person]]:
    """Two employees of one unit, each with an account."""
    make.agency()
    unit = make.unit(people=2)
    found = [Person.objects.using("owner").get(pk=employee.person_id) for employee in unit.staff]
    for i, person in enumerate(found):
        make.individual(person.pk, f"self{i}")
    yield found[0], found[1]


def test_a_person_sees_the_own_page_and_no_page_of_units_or_the_desk(two: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")
    mine, other = two
    browser = Browser("self0")
    told = words(browser.get("/p/"))
    assert mine.number in told and other.number not in told and "由单位参保，缴费由单位办理" in told
    for address in ("/u/", "/w/", "/a/accounts", "/u/staff"):
        is_page(browser.get(address), 403)
    assert browser.call("GET", "/api/v1/staff").status_code == 403


def test_messages_reach_the_person_they_are_for(two: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")
    with acting(ENGINE):
        tell_people([(two[0].pk, "批扣成功", "已扣 899.60 元")], at=make.AT, url="/p/")
        assert unread_of_person(two[0].pk) == 1 and unread_of_person(two[1].pk) == 0
    mine, other = Browser("self0"), Browser("self1")
    assert "已扣 899.60 元" in words(mine.get("/messages")) and "899.60" not in words(other.get("/messages"))
    assert mine.post("/messages/read").status_code == 302
    with acting(ENGINE):
        assert unread_of_person(two[0].pk) == 0


def test_a_person_has_one_account_and_an_account_belongs_to_one_person(two: tuple[Person, Person]) -> None:
    with acting(ENGINE), pytest.raises(HasAccountError, match="已有个人账号"):
        open_account(two[0].pk, "某", "another", "!", agency_id=1, on=make.AT.date(), at=make.AT)
