"""Steps out of order: twice, backwards, from an old page, in two tabs. One effect, and a page that says what is."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests import make
from tests.db.web_support import ADD, ITEM, Browser, Town, ask, fingerprint, is_page, town, words


@pytest.fixture(scope="module")
def place(database: str) -> Iterator[Town]:
    with town() as made:
        yield made


def hidden(page: str) -> dict[str, str]:
    """Key and version as a page offers them."""
    return {name: found[-1] for name in ("key", "version") if (found := re.findall(rf'name="{name}" value="([^"]+)"', page))}


def draft(place: Town) -> int:
    return make.case(place.a, ADD, make.addition(place.a), by=place.accounts["op_a"])


def state(case_id: int) -> tuple[str, int, int]:
    return ask("select state, round, version from casework_case where id = %s", [case_id])[0]


def leads_to(answer: object, path: str) -> None:
    assert f'href="{path}"' in answer.content.decode()  # type: ignore[attr-defined]


def test_saving_twice_is_one_case(place: Town) -> None:
    browser, typed = Browser("op_a"), make.addition(place.a) | {"action": "save", "key": str(uuid4())}
    count = ask("select count(*) from casework_case")[0][0]
    first, again = browser.post(f"{ITEM}/new", typed), browser.post(f"{ITEM}/new", typed)
    assert first.status_code == 302 and first["Location"] == again["Location"]
    assert ask("select count(*) from casework_case")[0][0] == count + 1


def test_going_back_and_saving_something_else_under_the_same_key_leads_to_what_was_saved(place: Town) -> None:
    browser, typed = Browser("op_a"), make.addition(place.a) | {"action": "save", "key": str(uuid4())}
    case_path = browser.post(f"{ITEM}/new", typed)["Location"].split("?")[0]
    before = fingerprint()
    answer = browser.post(f"{ITEM}/new", typed | {"declared_wage": "9999"})
    is_page(answer, 409, "已经用于另一项内容")
    leads_to(answer, case_path)
    assert fingerprint() == before


def test_the_key_of_another_account_opens_nothing_of_it(place: Town) -> None:
    key = str(uuid4())
    Browser("op_a").post(f"{ITEM}/new", make.addition(place.a) | {"action": "save", "key": key})
    other = Browser("op_b")  # signing in counts its tries; what matters is what the post writes
    before = fingerprint()
    answer = other.post(f"{ITEM}/new", make.addition(place.b) | {"action": "save", "key": key})
    assert answer.status_code == 409
    assert not re.search(r"/u/cases/\d+", answer.content.decode())
    assert {t for t, was in before.items() if fingerprint()[t] != was} == set()


def test_submitting_twice_is_one_submission(place: Town) -> None:
    browser, case_id = Browser("op_a"), draft(place)
    form = hidden(browser.get(f"/u/cases/{case_id}").content.decode())
    answers = [browser.post(f"/u/cases/{case_id}/submit", form) for _ in range(3)]
    assert [(a.status_code, a["Location"]) for a in answers] == [(302, f"/u/cases/{case_id}")] * 3
    assert state(case_id)[:2] == ("review", 1)


def test_submitting_again_from_an_old_page_tells_the_present_state(place: Town) -> None:
    browser, case_id = Browser("op_a"), draft(place)
    old = hidden(browser.get(f"/u/cases/{case_id}").content.decode())
    newer = hidden(browser.get(f"/u/cases/{case_id}").content.decode())
    assert old["key"] != newer["key"]
    browser.post(f"/u/cases/{case_id}/submit", newer)
    before = fingerprint()
    answer = browser.post(f"/u/cases/{case_id}/submit", old)
    is_page(answer, 409, "进行中")
    leads_to(answer, f"/u/cases/{case_id}")
    assert fingerprint() == before


def test_the_form_behind_the_back_button_cannot_be_saved_after_submitting(place: Town) -> None:
    browser, case_id = Browser("op_a"), draft(place)
    form = hidden(browser.get(f"/u/cases/{case_id}/edit").content.decode())
    browser.post(f"/u/cases/{case_id}/submit", hidden(browser.get(f"/u/cases/{case_id}").content.decode()))
    before = fingerprint()
    for answer in (browser.get(f"/u/cases/{case_id}/edit"), browser.post(f"/u/cases/{case_id}/edit", form | {"declared_wage": "9000"})):
        is_page(answer, 409, "进行中")
        leads_to(answer, f"/u/cases/{case_id}")
    assert fingerprint() == before


def test_of_two_tabs_the_second_save_is_told_and_overwrites_nothing(place: Town) -> None:
    browser, typed = Browser("op_a"), make.addition(place.a)
    case_id = make.case(place.a, ADD, typed, by=place.accounts["op_a"])
    tabs = [hidden(browser.get(f"/u/cases/{case_id}/edit").content.decode()) for _ in range(2)]
    first = browser.post(f"/u/cases/{case_id}/edit", typed | tabs[0] | {"declared_wage": "9001", "action": "save"})
    assert first.status_code == 302
    answer = browser.post(f"/u/cases/{case_id}/edit", typed | tabs[1] | {"declared_wage": "9002", "action": "save"})
    is_page(answer, 409, "请打开最新内容")
    leads_to(answer, f"/u/cases/{case_id}")
    assert ask("select values->>'declared_wage' from casework_filing where case_id = %s", [case_id]) == [("900100",)]


def test_with_scripts_the_second_tab_is_led_to_the_newest_content(place: Town) -> None:
    browser, case_id = Browser("op_a"), draft(place)
    answer = browser.post(f"/u/cases/{case_id}/submit", {"version": "99"}, headers={"hx-request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, f"/u/cases/{case_id}")


def test_steps_that_are_not_next_are_refused_and_nothing_moves(place: Town) -> None:
    browser, desk, case_id = Browser("op_a"), Browser("reviewer_1"), draft(place)
    before = fingerprint()
    for path in (f"/w/cases/{case_id}/claim", f"/w/cases/{case_id}/release", f"/w/cases/{case_id}/decide"):
        answer = desk.post(path, {"act": "pass", "version": "1"})
        assert answer.status_code in (404, 409), (path, answer.status_code)
        assert re.search(r"[一-鿿]{6}", words(answer))
    assert fingerprint() == before
    browser.post(f"/u/cases/{case_id}/submit", hidden(browser.get(f"/u/cases/{case_id}").content.decode()))
    before = fingerprint()
    assert desk.post(f"/w/cases/{case_id}/release").status_code == 409  # it was not taken
    assert fingerprint() == before


def test_what_another_reviewer_took_is_not_decided(place: Town) -> None:
    make.reviewer(1, "another")
    browser, case_id = Browser("op_a"), draft(place)
    browser.post(f"/u/cases/{case_id}/submit", hidden(browser.get(f"/u/cases/{case_id}").content.decode()))
    assert Browser("another").post(f"/w/cases/{case_id}/claim").status_code == 302
    before = fingerprint()
    for path in ("decide", "claim"):
        answer = Browser("reviewer_1").post(f"/w/cases/{case_id}/{path}", {"act": "pass", "version": str(state(case_id)[2])})
        assert answer.status_code == 409 and "领取" in words(answer), path
    assert fingerprint() == before


def test_of_two_decisions_one_counts_and_the_slower_is_told_what_happened(place: Town) -> None:
    browser, desk, case_id = Browser("op_a"), Browser("reviewer_1"), draft(place)
    browser.post(f"/u/cases/{case_id}/submit", hidden(browser.get(f"/u/cases/{case_id}").content.decode()))
    desk.post(f"/w/cases/{case_id}/claim")
    old = {"version": str(state(case_id)[2])}
    assert desk.post(f"/w/cases/{case_id}/decide", old | {"act": "pass"}).status_code == 302
    before = fingerprint()
    answer = desk.post(f"/w/cases/{case_id}/decide", old | {"act": "back", "other": "改主意"})
    assert answer.status_code == 409 and "没有保存" in words(answer)
    assert fingerprint() == before
    assert state(case_id)[0] == "done"


def test_a_case_that_somebody_took_cannot_be_withdrawn(place: Town) -> None:
    browser, case_id = Browser("op_a"), draft(place)
    page = browser.get(f"/u/cases/{case_id}").content.decode()
    browser.post(f"/u/cases/{case_id}/submit", hidden(page))
    Browser("reviewer_1").post(f"/w/cases/{case_id}/claim")
    answer = browser.post(f"/u/cases/{case_id}/withdraw", {"version": str(state(case_id)[2])})
    is_page(answer, 409, "不能退单")
    assert state(case_id)[0] == "review"


def test_an_upload_sent_twice_is_one_batch(place: Town) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    browser, key = Browser("op_a"), str(uuid4())
    answers = [browser.post(f"{ITEM}/upload", {"key": key, "file": SimpleUploadedFile("名册.xlsx", b"the same bytes")}) for _ in range(2)]
    assert answers[0].status_code == answers[1].status_code == 302 and answers[0]["Location"] == answers[1]["Location"]
    other = browser.post(f"{ITEM}/upload", {"key": key, "file": SimpleUploadedFile("名册.xlsx", b"other bytes")})
    is_page(other, 409)
    leads_to(other, answers[0]["Location"])
