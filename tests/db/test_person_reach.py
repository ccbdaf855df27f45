"""个人 pages and their API, asked for with what belongs to somebody else: answered as if it were not there, and nothing changes."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.levy import flexible_billing
from shebao.levy.models import Bill
from tests import make
from tests.db import debit_support as debits
from tests.db.test_web_reach import parameters, plain, routes
from tests.db.web_support import MONTH, Browser, Town, fingerprint, town, words

NOBODYS = {"bill": "GR209912-9999999", "batch": "PK000000000000000000", "unit_bill": "HD209912-9999999"}
# route: the parameter names what of somebody else
TABLE = {
    "p/bills/<str:number>": ("bill", "unit_bill"),
    "p/bills/<str:number>/cancel": ("bill", "unit_bill"),
    "p/debit/lines/<slug:number>": ("batch",),
    "api/v1/me/bills/<str:number>": ("bill", "unit_bill"),
}
OWN_ONLY = {"p/record/<int:year>.pdf"}  # a year of the own account: names nobody
KEY = str(uuid4())


@pytest.fixture(scope="module")
def place(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, dict[str, str], Browser]]:
    """What belongs to others, by kind; and the stranger (person_b) who asks for it."""
    with town() as made:
        (debtor,) = debits.people(1)
        debits.owe([debtor], [MONTH])
        batch = debits.sent(MONTH, tmp_path_factory.mktemp("debits"))
        make.individual(debtor, "debtor")
        yield made, {"bill": made.person_bill, "unit_bill": made.bill, "batch": batch.number}, Browser("person_b")


def below(prefix: str) -> list[str]:
    return [route for route, _ in routes() if route.startswith(prefix) and parameters(route)]


def ask_for(browser: Browser, method: str, route: str, value: str) -> Any:
    path = "/" + route.replace(f"<{route.split('<')[1].split('>')[0]}>", value)
    if route.startswith("api/"):
        return browser.call(method, path)
    return browser.get(path) if method == "GET" else browser.post(path, {})


def test_every_route_of_a_person_with_a_parameter_is_in_the_table() -> None:
    assert {*below("p/"), *below("api/v1/me")} == {*TABLE, *OWN_ONLY}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("route", TABLE)
def test_what_is_somebody_elses_is_not_there(place: tuple[Town, dict[str, str], Browser], route: str, method: str) -> None:
    _, others, stranger = place
    if method == "DELETE" and not route.startswith("api/"):
        method = "POST"
    before = fingerprint()
    for kind in TABLE[route]:
        theirs, nobodys = (ask_for(stranger, method, route, numbers[kind]) for numbers in (others, NOBODYS))
        assert theirs.status_code in (404, 405), (route, kind, theirs.status_code)
        assert (theirs.status_code, plain(theirs).replace(others[kind], "")) == (
            nobodys.status_code,
            plain(nobodys).replace(NOBODYS[kind], ""),
        )
    assert fingerprint() == before


def test_their_owners_do_reach_them(place: tuple[Town, dict[str, str], Browser]) -> None:
    """The control: the same addresses answer to those whose things they are."""
    _, others, _ = place
    for route, kinds in TABLE.items():
        owner = Browser("debtor" if kinds == ("batch",) else "person_a")
        if not route.endswith("/cancel"):
            assert ask_for(owner, "GET", route, others[kinds[0]]).status_code == 200, route


@pytest.mark.parametrize(
    "path",
    [
        "/p/pay?how=number&number={bill}",
        "/p/pay?how=number&number={unit_bill}",
        "/p/bills?number={bill}&person={person}",
        "/p/account?person={person}&person_id={person_id}",
        "/p/record?person={person}&person_id={person_id}",
        "/p/debit?number={batch}",
        "/p/arrears?person={person}",
        "/api/v1/me/bills?number={bill}&person={person}",
        "/api/v1/me/account?person={person}",
        "/api/v1/me/debit?number={batch}",
    ],
)
def test_a_query_that_names_somebody_else_shows_nothing_of_theirs(place: tuple[Town, dict[str, str], Browser], path: str) -> None:
    made, others, stranger = place
    person_id = made.accounts["person_a"].person_id
    told = {"person": "4200000001", "person_id": person_id} | others
    answer = stranger.call("GET", path.format(**told)) if path.startswith("/api/") else stranger.get(path.format(**told))
    assert answer.status_code in (200, 404), (path, answer.status_code)
    said = words(answer).replace(f'value="{others["bill"]}"', "")
    with acting(ENGINE):
        ((name, total),) = Bill.objects.filter(number=others["bill"]).values_list("person__name", "person_fen")
    assert name not in said and f"{total / 100:,.2f}" not in said, path


def test_the_submission_key_of_somebody_else_gives_nobody_their_bill(place: tuple[Town, dict[str, str], Browser]) -> None:
    made, _, stranger = place
    body = {"agency_id": 1, "tier": 60, "from_month": 202609, "to_month": 202609, "submission_key": KEY}
    first = Browser("person_a").call("POST", "/api/v1/me/bills", json.dumps(body))
    assert first.status_code == 201, first.content.decode()
    second = stranger.call("POST", "/api/v1/me/bills", json.dumps(body))
    assert first.json()["number"] not in second.content.decode()
    if second.status_code == 201:
        with acting(ENGINE):
            assert flexible_billing.find_own(second.json()["number"], made.accounts["person_b"].person_id)
