"""What every answer says to the browser: no scripts from elsewhere, no frame, no guessing, nothing of people's data in any cache."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from tests.db.web_support import ITEM, Browser, Town, is_page, town

DATA = ("/u/", "/u/staff", "/u/bills", "/u/staff.xlsx", f"{ITEM}/new", "/u/certificates")


@pytest.fixture(scope="module")
def place(database: str) -> Iterator[Town]:
    with town() as made:
        yield made


def is_guarded(answer: Any) -> None:
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff" and answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY" and "camera=()" in answer["Permissions-Policy"]
    assert "Server" not in answer and "X-Powered-By" not in answer


def test_pages_with_data_are_guarded_and_kept_by_nobody(place: Town) -> None:
    browser = Browser("op_a")
    for path in DATA:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        is_guarded(answer)
        assert answer["Cache-Control"] == "no-store"


def test_answers_that_say_no_are_guarded_like_all_others(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, link = Browser("op_a"), connections["default"]
    answers = {
        302: Client().get("/u/"),
        400: Client().get("/", headers={"host": "evil.example"}),
        403: browser.client.post("/sign-out"),
        404: browser.get("/u/cases/987654321"),
        405: browser.client.put("/u/", headers={"X-CSRFToken": browser.client.cookies["csrftoken"].value}),
        409: browser.post(f"/u/cases/{place.draft_id}/submit", {"version": "99"}),
        413: browser.client.post(f"{ITEM}/upload", CONTENT_LENGTH=str(10**10)),
        414: browser.get("/u/staff?q=" + "x" * 9000),
        422: browser.post(f"{ITEM}/new", {"action": "save"}),
        401: Client().get("/api/v1/cases"),
    }
    link.close()
    monkeypatch.setitem(link.settings_dict, "HOST", "/nowhere")
    answers[503] = browser.get("/u/")
    monkeypatch.undo()
    for status, answer in answers.items():
        assert answer.status_code == status
        is_guarded(answer)
        assert answer["Cache-Control"] == "no-store", status


@pytest.mark.parametrize(
    "path", ["/static/app.js", "/static/icons.svg", "/static/no-such-file.js", "/static/../settings.py", "/static/%2e%2e/app.py"]
)
def test_files_are_guarded_too_and_nothing_outside_their_folder_is_one(place: Town, path: str) -> None:
    answer = Client().get(path)
    if answer.status_code == 404:
        is_page(answer, 404)
    else:
        assert answer.status_code == 200 and path in ("/static/app.js", "/static/icons.svg")
    is_guarded(answer)


def test_no_page_carries_a_script_or_a_style_of_its_own(place: Town) -> None:
    browser = Browser("op_a")
    for path in (*DATA[:3], "/", "/items", f"/u/cases/{place.draft_id}", "/u/nothing"):
        page = browser.get(path).content.decode()
        assert "<script>" not in page and "<style" not in page and " onclick=" not in page and ' style="' not in page, path
        assert "javascript:" not in page, path
