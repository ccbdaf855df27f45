"""Requests that no page of ours sends: wrong method, unknown address, foreign host, too much, no database. Never a traceback."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client, override_settings

from shebao.channels.guards import guard_of
from tests.db.test_web_reach import filled, routes, values_of
from tests.db.web_support import ITEM, Browser, Town, fingerprint, is_page, is_problem, town, words

METHODS = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE")
MORE = {"/api/v1/me/debit": {"PUT", "DELETE"}}  # a thing that one has or has not


@pytest.fixture(scope="module")
def place(database: str) -> Iterator[tuple[Town, dict[str, Browser]]]:
    with town() as made:
        yield (
            made,
            {
                who: made.browser(who)
                for who in ("public", "op_a", "lead_a", "reviewer_1", "clerk_1", "finance_1", "admin_1", "auditor", "person_a")
            },
        )


def addresses(made: Town) -> Iterator[tuple[str, str, bool]]:
    """Every address with somebody who may open it, and whether it belongs to the API."""
    for route, entry in routes():
        guard = guard_of(entry.callback)
        assert guard is not None, route
        if guard.partner:  # only a signature gets that far: tests/db/test_tax_hearing.py
            continue
        who = "public" if guard.open else next(w for w, actor in made.accounts.items() if guard.admits(actor))
        yield filled(route, values_of(route, made, absent=False)), who, route.startswith("api/")


def test_a_wrong_method_gets_a_sentence_and_the_right_ones_on_every_address(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    before = fingerprint()
    for i, (path, who, api) in enumerate(addresses(made)):
        more = MORE.get(path, set())
        method = next(m for m in METHODS[i % len(METHODS) :] + METHODS if m not in more)  # by turns: the way is the same for all
        answer = browsers[who].call(method, path) if api else browsers[who].client.generic(method, path, headers=_csrf(browsers[who]))
        (is_problem if api else is_page)(answer, 405)
        assert set(answer["Allow"].split(", ")) <= {"GET", "HEAD", "POST"} | more, path
    assert fingerprint() == before


def _csrf(browser: Browser) -> dict[str, str]:
    if "csrftoken" not in browser.client.cookies:
        browser.get("/sign-in")
    return {"X-CSRFToken": browser.client.cookies["csrftoken"].value}


def test_head_is_get_without_the_content(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    for path, who in (("/", "public"), ("/u/", "op_a"), ("/u/staff", "op_a"), ("/w/queue/waiting", "reviewer_1"), ("/a/trace", "auditor")):
        whole, head = browsers[who].get(path), browsers[who].client.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        assert head["Content-Type"] == whole["Content-Type"] and int(head["Content-Length"]) > 1000
    assert browsers["op_a"].client.head("/u/cases/987654321").status_code == 404
    assert Client().head("/u/").status_code == 302


@pytest.mark.parametrize(
    "path", ["/nothing", "/u/nothing", "/w/cases/x", "/u/cases/-1", "/u/cases/1.5", "/u/cases/１２", "/admin/", "/.env", "/u/../a"]
)
def test_an_unknown_address_is_our_404_for_everybody(place: tuple[Town, dict[str, Browser]], path: str) -> None:
    _, browsers = place
    for who in ("public", "op_a", "reviewer_1", "auditor"):
        is_page(browsers[who].get(path), 404, "没有找到")


def test_an_unknown_address_of_the_api_is_a_problem(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    for who in ("public", "op_a"):
        is_problem(browsers[who].call("GET", "/api/v1/nothing"), 404)
        is_problem(browsers[who].call("POST", "/api/nothing"), 404)


@pytest.mark.parametrize("path", ["/", "/u/", "/sign-in", "/api/v1/cases"])
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:80@evil", "", "a b", "127.0.0.1\tx"])
def test_a_foreign_host_is_refused_without_a_look_inside(place: Any, host: str, path: str) -> None:
    answer = Client().get(path, headers={"host": host})
    (is_problem if path.startswith("/api") else is_page)(answer, 400)
    assert "ALLOWED_HOSTS" not in answer.content.decode() and "evil" not in answer.content.decode()


def test_a_form_over_the_limit_is_told_the_limit_and_nothing_is_saved(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    before = fingerprint()
    much = {"name": "长" * (10 * 2**20 // 3)}
    is_page(browsers["op_a"].post(f"{ITEM}/new", much), 413, "2 MB", "没有保存")
    form = "&".join(["a=1"] * (settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1))
    answer = browsers["op_a"].client.generic(
        "POST", f"{ITEM}/new", form, "application/x-www-form-urlencoded", headers=_csrf(browsers["op_a"])
    )
    is_page(answer, 413, "4,000", "没有保存")
    is_page(browsers["op_a"].get(f"/u/todo?{form}"), 414, "太长")
    assert fingerprint() == before


def test_an_upload_over_the_limit_is_told_the_limit_and_nothing_is_kept(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    before = fingerprint()
    with override_settings(UPLOAD_BYTES_MAX=2**20):
        for size in (2**20 + 1, 3 * 2**20):
            answer = browsers["op_a"].post(f"{ITEM}/upload", {"file": SimpleUploadedFile("名册.xlsx", b"x" * size)})
            assert answer.status_code == 413 and "1 MB" in words(answer)
    assert fingerprint() == before


def test_a_body_that_says_it_is_huge_is_refused_before_it_is_read(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    for path, refused in ((f"{ITEM}/upload", is_page), ("/api/v1/items/add-employee/check", is_problem)):
        refused(browsers["op_a"].client.generic("POST", path, b"x", CONTENT_LENGTH=str(10**12)), 413)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--b\r\nContent-Disposition: form-data; name", "multipart/form-data; boundary=b"),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=" + "b" * 300),
        (b"a=%FF%FE", "application/x-www-form-urlencoded; charset=utf-16"),
        (b"name=a%00b", "application/x-www-form-urlencoded"),
        (b"a%00b=1", "application/x-www-form-urlencoded"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"%", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"<x/>", "text/xml"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused_with_a_page(place: tuple[Town, dict[str, Browser]], body: bytes, kind: str) -> None:
    _, browsers = place
    before = fingerprint()
    for path in (f"{ITEM}/new", f"{ITEM}/lookup", f"{ITEM}/upload", "/sign-in", "/u/cases/1/submit", "/u/certificates"):
        answer = browsers["op_a"].client.generic("POST", path, body, kind, headers=_csrf(browsers["op_a"]))
        looked_at_nothing = path.endswith("/lookup") and answer.status_code == 200
        assert looked_at_nothing or answer.status_code in (400, 403, 409, 422), (path, answer.status_code)
        assert re.search(r"[一-鿿]{6}", words(answer)), path
    assert fingerprint() == before


@pytest.mark.parametrize(
    "path", ["/u/staff?q=%00", "/w/search?q=a%00b", "/v?code=%00", "/v/%00", "/w/units/%00", "/api/v1/cases/%00", "/items?%00=1"]
)
def test_nul_is_refused_wherever_it_stands(place: tuple[Town, dict[str, Browser]], path: str) -> None:
    _, browsers = place
    who = {"/u": "op_a", "/w": "reviewer_1"}.get(path[:2], "public")
    (is_problem if path.startswith("/api") else is_page)(browsers[who].get(path), 400)


def test_a_lost_database_is_a_page_of_503_and_the_next_request_works_again(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    link = connections["default"]
    there = link.settings_dict["HOST"]
    link.close()
    link.settings_dict["HOST"] = "/nowhere"
    try:
        is_page(browsers["op_a"].get("/u/"), 503, "数据库暂时连接不上", "没有生效")
        is_page(browsers["op_a"].post("/sign-in", {"username": "op_a", "password": "x"}), 503)
        is_page(Client().get("/"), 503)
        assert Client().get("/health").status_code == 503
        is_problem(browsers["op_a"].call("GET", "/api/v1/cases"), 503)
    finally:
        link.settings_dict["HOST"] = there
    assert browsers["op_a"].get("/u/").status_code == 200


def test_a_connection_that_dies_in_the_middle_of_a_request_is_a_page_too(
    place: tuple[Town, dict[str, Browser]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shebao.channels.portal import home

    def killed(*_: Any, **__: Any) -> None:
        with connections["default"].cursor() as cursor:
            cursor.execute("select pg_backend_pid()")
            pid = cursor.fetchone()[0]
            _end_session(pid)
            cursor.execute("select 1")

    monkeypatch.setattr(home, "find_cases", killed)
    _, browsers = place
    is_page(browsers["op_a"].get("/u/"), 503)
    monkeypatch.undo()
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")
    assert browsers["op_a"].get("/u/").status_code == 200


def _end_session(pid: int) -> None:
    import psycopg

    from shebao.site import database

    with psycopg.connect(database._administrator(), autocommit=True) as link:
        link.execute("select pg_terminate_backend(%s)", [pid])


def test_our_own_mistake_is_a_page_with_a_number_and_undoes_everything(
    place: tuple[Town, dict[str, Browser]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shebao.casework import operations

    made, browsers = place
    kept = operations.save_new

    def half(*given: Any, **more: Any) -> Any:
        kept(*given, **more)
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr(operations, "save_new", half)
    before = fingerprint()
    from tests import make

    answer = browsers["op_a"].post(f"{ITEM}/new", make.addition(made.a) | {"action": "save"})
    is_page(answer, 500, "追踪号")
    assert "secret" not in answer.content.decode() and "ZeroDivision" not in answer.content.decode()
    assert fingerprint() == before


def test_no_process_shows_its_inside(place: Any) -> None:
    assert settings.DEBUG is False
    assert not any("debug" in name for name in settings.MIDDLEWARE + settings.INSTALLED_APPS)
