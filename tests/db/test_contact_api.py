"""The open API of appointments and guides: the same operations, the same sentences."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.db.web_support import Browser, Town, is_problem, town


@pytest.fixture(scope="module")
def place(database: str) -> Iterator[tuple[Town, dict[str, Browser]]]:
    with town() as made:
        yield made, {who: made.browser(who) for who in ("public", "op_a", "op_b", "op_c")}


def get(browser: Browser, path: str) -> Any:
    answer = browser.call("GET", f"/api/v1/{path}", "")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_program_sees_what_remains_books_a_place_and_gives_it_back(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    (office,) = get(browsers["op_b"], "offices")["offices"]
    assert office["waiting"] == 0 and "other" in [i["code"] for i in office["items"]]
    (day, *_) = get(browsers["op_b"], f"offices/{office['id']}/slots?from=2026-11-23&days=1")["days"]
    first = day["slots"][0]
    assert (day["day"], first["from"], first["left"], first["bookable"]) == ("2026-11-23", "09:00", 2, True)  # one is op_a's
    body = f'{{"slot": {first["id"]}, "item": "other", "case_number": "ZY1"}}'
    booked = browsers["op_b"].call("POST", "/api/v1/bookings", body)
    assert booked.status_code == 201 and booked.json()["state_label"] == "已预约"
    number = booked.json()["number"]
    twice = browsers["op_b"].call("POST", "/api/v1/bookings", body)
    is_problem(twice, 409)
    assert twice.json()["code"] == "CON-07" and number in twice.json()["title"]
    assert [b["number"] for b in get(browsers["op_b"], "bookings")["bookings"]] == [number]
    is_problem(browsers["op_a"].call("POST", f"/api/v1/bookings/{number}/cancel"), 404)
    gone = browsers["op_b"].call("POST", f"/api/v1/bookings/{number}/cancel")
    assert gone.status_code == 200 and gone.json()["state"] == "cancelled"
    assert get(browsers["op_b"], f"offices/{office['id']}/slots?from=2026-11-23&days=1")["days"][0]["slots"][0]["left"] == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"slot": 999999999, "item": "other"}', 404),
        ('{"slot": "1", "item": "other"}', 400),
        ('{"slot": true, "item": "other"}', 400),
        ('{"slot": 9999999999999999999999, "item": "other"}', 400),
        ('{"item": "other"}', 400),
        ('{"slot": 1, "item": "other", "more": 1}', 400),
    ],
)
def test_a_wrong_request_is_a_problem_with_a_sentence(place: tuple[Town, dict[str, Browser]], body: str, status: int) -> None:
    is_problem(place[1]["op_b"].call("POST", "/api/v1/bookings", body), status)


def test_another_agencys_office_and_slots_are_as_if_they_were_not_there(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    assert get(browsers["op_c"], "offices")["offices"] == [] and get(browsers["op_c"], "bookings")["bookings"] == []
    is_problem(browsers["op_c"].call("GET", f"/api/v1/offices/{made.office_id}/slots"), 404)
    for days in ("0", "32", "x", "9" * 5000, "１"):
        is_problem(browsers["op_b"].call("GET", f"/api/v1/offices/{made.office_id}/slots?days={days}"), 400)
    is_problem(browsers["op_b"].call("GET", f"/api/v1/offices/{made.office_id}/slots?from=2026-02-30"), 400)


def test_messages_come_by_api_and_stay_unread(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    for _ in range(2):
        told = get(browsers["op_a"], "messages")["messages"]
        assert told[0]["id"] == made.message_id and told[0]["read"] is False
    assert get(browsers["op_b"], "messages")["messages"] == []


def test_guides_are_for_everybody_and_found_by_any_word(place: tuple[Town, dict[str, Browser]]) -> None:
    public = place[1]["public"]
    assert [i["slug"] for i in get(public, "items?q=离职")["items"]] == ["stop-employee"]
    assert get(public, "items?q=zy")["items"][0]["slug"] == "add-employee"
    guide = get(public, "items/add-employee")
    assert [p["name"] for p in guide["paths"]][:2] == ["VIP 单位", "普通单位"]
    assert guide["paths"][0]["automatic"] is True and guide["paths"][1]["automatic"] is False
    assert guide["refusals"] and all(r["code"] and r["text"] for r in guide["refusals"])
    is_problem(public.call("GET", "/api/v1/items/no-such-item"), 404)
