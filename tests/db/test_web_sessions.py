"""Signing in by those who should not: planted and forged cookies, guesses, other sites' forms, numbers tried out one by one."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core import signing
from django.test import Client, override_settings

from shebao.access import operations as access
from shebao.access.limits import FAILURES_MAX, LOCKED_MINUTES
from shebao.base.terms import Post
from shebao.channels import looking
from shebao.channels.middleware import COOKIE
from tests import make
from tests.db.web_support import ITEM, Browser, Town, ask, fingerprint, is_page, is_problem, town, words

SALT = "shebao.sign-in"


@pytest.fixture(scope="module")
def place(database: str) -> Iterator[Town]:
    with town() as made:
        yield made


@pytest.fixture
def fresh(place: Town) -> tuple[Town, str]:
    """An operator of unit A that no other test uses."""
    actor = make.operator(place.a)
    return place, ask("select username from access_account where id = %s", [actor.account_id])[0][0]


def with_cookie(text: str) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.cookies[COOKIE] = text
    return client


def is_out(client: Client) -> None:
    """Treated as nobody: every page of the portal leads to the sign-in, the API says 401."""
    answer = client.get("/u/")
    assert answer.status_code == 302 and answer["Location"].startswith("/sign-in")
    assert client.get("/").status_code == 200
    is_problem(Client().get("/api/v1/cases", headers={"authorization": f"Bearer {client.cookies[COOKIE].value}"}), 401)


# --- forms of other sites ---


def test_a_form_without_its_token_or_from_elsewhere_changes_nothing(place: Town) -> None:
    browser = Browser("op_a")
    before = fingerprint()
    client, token = browser.client, browser.client.cookies["csrftoken"].value
    form = make.addition(place.a) | {"action": "save"}
    for path in (
        f"{ITEM}/new",
        f"/u/cases/{place.draft_id}/submit",
        f"/u/cases/{place.draft_id}/withdraw",
        "/password",
        "/sign-out",
        "/face",
    ):
        is_page(client.post(path, form), 403, "没有执行")
        is_page(client.post(path, form | {"csrfmiddlewaretoken": "x" * 64}), 403, "没有执行")
        is_page(client.post(path, form | {"csrfmiddlewaretoken": token}, headers={"origin": "https://evil.example"}), 403, "没有执行")
        is_page(client.post(path, form | {"csrfmiddlewaretoken": token}, headers={"origin": "null"}), 403, "没有执行")
    assert fingerprint() == before
    assert client.get("/u/").status_code == 200


def test_a_cookie_alone_acts_for_no_program(place: Town) -> None:
    client = with_cookie(Browser("op_a").cookie)
    before = fingerprint()
    body = json.dumps({"submission_key": "0" * 32, "filings": [make.addition(place.a)]})
    is_problem(client.post("/api/v1/items/add-employee/filings", body, content_type="application/json"), 401)
    is_problem(client.post("/api/v1/cases/x/withdraw", '{"version": 1}', content_type="application/json"), 401)
    is_problem(client.post("/api/v1/items/add-employee/filings", body, content_type="text/plain"), 401)
    assert fingerprint() == before


# --- cookies ---


def test_what_was_planted_before_the_sign_in_is_worth_nothing_after(fresh: tuple[Town, str]) -> None:
    _, username = fresh
    browser = Browser()
    browser.client.get("/sign-in")
    browser.client.cookies[COOKIE] = planted = "planted-by-somebody"
    form_token = browser.client.cookies["csrftoken"].value
    assert browser.sign_in(username).status_code == 302
    assert browser.cookie != planted
    is_out(with_cookie(planted))
    assert browser.client.cookies["csrftoken"].value != form_token


def test_every_sign_in_has_its_own_token_and_ends_by_itself(fresh: tuple[Town, str]) -> None:
    _, username = fresh
    first, second = Browser(username), Browser(username)
    copy = first.cookie
    assert copy != second.cookie
    assert first.post("/sign-out").status_code == 302
    is_out(with_cookie(copy))
    assert second.get("/u/").status_code == 200


def test_a_new_password_ends_the_other_sign_ins(fresh: tuple[Town, str]) -> None:
    _, username = fresh
    mine, other = Browser(username), Browser(username)
    form = {"old": make.PASSWORD, "new": "another-long-word-7", "again": "another-long-word-7"}
    assert mine.post("/password", form).status_code == 302
    is_out(with_cookie(other.cookie))
    assert mine.get("/u/").status_code == 200


def test_an_edited_cookie_is_nobodys(fresh: tuple[Town, str]) -> None:
    place, username = fresh
    good = Browser(username).cookie
    said = signing.loads(good, salt=SALT)
    edits: list[str] = [good[:-1], good[1:], good[: len(good) // 2], good + "x", "", ":", "::", "é", "0" * 4000, good.replace(":", ";")]
    edits += [signing.dumps(said, salt="another.salt", compress=True), signing.dumps(said, key="another key", salt=SALT)]
    body, stamp, signature = good.rsplit(":", 2)
    other = signing.dumps(said | {"u": place.b.id}, key="guessed", salt=SALT, compress=True)
    edits += [f"{other.rsplit(':', 2)[0]}:{stamp}:{signature}", f"{body}:{stamp}0:{signature}"]
    for text in edits:
        is_out(with_cookie(text))
    assert with_cookie(good).get("/u/").status_code == 200


@pytest.mark.parametrize(
    "claim",
    [
        {"u": "b"},
        {"r": "shebao_agency"},
        {"r": "shebao_engine"},
        {"r": "shebao_reader"},
        {"r": "shebao_admin"},
        {"g": 1},
        {"a": "b"},
        {"u": 0},
        {"s": 0},
    ],
    ids=str,
)
def test_a_claim_that_the_account_does_not_bear_out_is_worth_nothing(fresh: tuple[Town, str], claim: dict[str, Any]) -> None:
    """Even one with our own signature: the row of the account decides, not what a cookie said once."""
    place, username = fresh
    said = signing.loads(Browser(username).cookie, salt=SALT)
    known = {("u", "b"): place.b.id, ("a", "b"): place.accounts["op_b"].account_id}
    ((name, value),) = claim.items()
    client = with_cookie(signing.dumps(said | {name: known.get((name, value), value)}, salt=SALT, compress=True))
    is_out(client)
    for path in ("/w/", "/w/months", "/a/accounts", "/a/trace"):
        assert client.get(path).status_code == 302, path


@pytest.mark.parametrize(
    "said", [None, [], "text", 7, {}, {"r": "shebao_unit"}, {"r": 5, "a": 1, "n": "", "u": 1, "g": 0, "s": 1, "t": "x"}], ids=str
)
def test_a_signed_cookie_of_another_shape_is_nobodys(place: Town, said: Any) -> None:
    is_out(with_cookie(signing.dumps(said, salt=SALT, compress=True)))


def test_an_account_that_moves_to_another_unit_keeps_nothing_of_its_former_reach(fresh: tuple[Town, str]) -> None:
    place, username = fresh
    for change, values in (("unit_id = %s", [place.b.id]), ("disabled_at = now()", [])):
        browser = Browser(username)
        assert browser.get(f"/u/cases/{place.draft_id}").status_code == 200
        ask(f"update access_account set {change} where username = %s", [*values, username])
        is_out(with_cookie(browser.cookie))
        ask("update access_account set unit_id = %s, disabled_at = null where username = %s", [place.a.id, username])


def test_a_post_that_ends_ends_what_it_opened_at_once(place: Town) -> None:
    actor = make.account(Post.REVIEWER, username="leaving")
    browser = Browser("leaving")
    assert browser.get("/w/queue/waiting").status_code == 200
    ask("update access_grant set to_date = '2026-11-10' where account_id = %s", [actor.account_id])
    is_page(browser.get("/w/queue/waiting"), 403)
    is_page(browser.post(f"/w/cases/{place.review_id}/claim"), 403)


def test_the_cookies_stay_out_of_scripts_and_on_this_site(place: Town) -> None:
    for secure in (False, True):
        with override_settings(SIGNIN_COOKIE_SECURE=secure, CSRF_COOKIE_SECURE=secure):
            client = Client()
            client.get("/sign-in")
            client.post("/sign-in", {"username": "op_a", "password": make.PASSWORD})
            client.post("/face", {"mode": "elder"})
            for name in (COOKIE, "csrftoken"):
                cookie = client.cookies[name]
                assert (bool(cookie["httponly"]), cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", secure), name
            assert bool(client.cookies["mode"]["secure"]) == secure
            assert not client.cookies[COOKIE]["max-age"]  # gone with the browser
    assert settings.BASE_URL.startswith("http:") or settings.SIGNIN_COOKIE_SECURE


# --- guesses ---


def test_five_wrong_passwords_lock_the_account_through_the_page_and_the_api(fresh: tuple[Town, str]) -> None:
    _, username = fresh
    browser = Browser()
    for i in range(FAILURES_MAX):
        if i % 2:
            answer = browser.call("POST", "/api/v1/sign-in", json.dumps({"username": username, "password": "wrong"}))
            is_problem(answer, 422)
        else:
            assert browser.sign_in(username, "wrong").status_code == 422
    answer = browser.sign_in(username)
    assert answer.status_code == 422 and f"锁定 {LOCKED_MINUTES} 分钟" in words(answer)
    assert COOKIE not in browser.client.cookies
    assert "锁定" in browser.call("POST", "/api/v1/sign-in", json.dumps({"username": username, "password": make.PASSWORD})).json()["title"]
    assert Browser("op_b").get("/u/").status_code == 200


def test_an_unknown_name_and_a_wrong_password_are_told_apart_by_nothing(fresh: tuple[Town, str], monkeypatch: pytest.MonkeyPatch) -> None:
    _, username = fresh
    hashed: list[str] = []

    def counting(given: str, stored: str) -> bool:
        hashed.append(stored[:7])
        return check_password(given, stored)

    monkeypatch.setattr(access, "check_password", counting)
    pages = []
    for name in (username, "nobody-of-this-name", "' or 1=1 --", "字" * 200):
        answer = Browser().sign_in(name, "wrong")
        pages.append((answer.status_code, re.sub(r"[0-9a-f]{12}|[A-Za-z0-9]{64}", "", words(answer).replace(name[:60], ""))))
    assert len(set(pages)) == 1, pages
    assert hashed == ["argon2$"] * 4


def test_a_sign_in_leaves_its_trace_through_every_door(fresh: tuple[Town, str]) -> None:
    _, username = fresh
    Browser(username)
    Browser().call("POST", "/api/v1/sign-in", json.dumps({"username": username, "password": make.PASSWORD}))
    assert ask("select count(*) from audit_event where action = 'access.signed_in' and subject = %s", [username]) == [(2,)]


# --- where to after signing in ---

ELSEWHERE = (
    *("//evil.example", "https://evil.example", "http:evil.example", "https:/evil.example", "http://localhost@evil.example"),
    *("///evil.example", "/\t/evil.example", "\\\\evil.example", "/\\evil.example", " //evil.example", "evil.example"),
    *("javascript:alert(1)", "data:text/html,x", "/" + "x" * 5000),
)


@pytest.mark.parametrize("address", ELSEWHERE, ids=lambda a: ascii(a[:24]))
def test_signing_in_leads_nowhere_else(place: Town, address: str) -> None:
    answer = Browser().sign_in("op_b", next=address)
    assert (answer.status_code, answer["Location"]) == (302, "/u/")
    page = Browser().get("/sign-in", {"next": address}).content.decode()
    kept = re.findall(r'name="next" value="([^"]*)"', page)
    assert kept and all(value.startswith("/sign-in?") for value in kept), kept  # the switch of the display leads back to this page
    assert Browser().post("/face", {"mode": "elder", "next": address})["Location"] == "/"


def test_signing_in_leads_back_to_the_page_that_was_wanted(place: Town) -> None:
    wanted = f"/u/cases/{place.draft_id}?saved=1"
    assert Client().get(wanted)["Location"] == "/sign-in?next=" + quote(wanted)
    assert Browser().sign_in("op_a", next=wanted)["Location"] == wanted


# --- numbers tried out one by one ---


def test_every_look_up_of_a_person_is_on_record_without_the_number(fresh: tuple[Town, str]) -> None:
    place, username = fresh
    browser, number = Browser(username), place.b.staff[0].id_number
    browser.post(f"{ITEM}/lookup", {"id_number": number})
    browser.post(f"{ITEM}/new", {"id_number": number, "action": "look_up"})
    browser.post(f"{ITEM}/validate?field=id_number", {"id_number": number})
    rows = ask("select subject, address from audit_event where action = 'person.searched' and account_name = %s", [_name(username)])
    assert rows == [(f"{number[:4]}**********{number[-4:]}", "127.0.0.1")] * 3
    Browser("reviewer_1").get("/w/people", {"q": number})
    Browser("reviewer_1").get(f"/w/people/{place.person}")
    Browser("op_a").post(f"/u/staff/{place.person_id}/reveal")
    found = {action for (action,) in ask("select action from audit_event")}
    assert {"person.searched", "person.looked", "person.id_number_shown"} <= found


def _name(username: str) -> str:
    return str(ask("select name from access_account where username = %s", [username])[0][0])


def test_looking_up_is_limited_by_account_whichever_way_it_is_asked(fresh: tuple[Town, str], monkeypatch: pytest.MonkeyPatch) -> None:
    place, username = fresh
    monkeypatch.setattr(looking, "LOOK_UPS_MAX", 4)
    browser, number = Browser(username), place.b.staff[0].id_number
    ways = [
        (f"{ITEM}/lookup", {}),
        (f"{ITEM}/new", {"action": "look_up"}),
        (f"{ITEM}/validate?field=id_number", {}),
        (f"{ITEM}/new", {"action": "save"}),
    ]
    first = [browser.post(path, form | {"id_number": number}) for path, form in ways]
    assert [answer.status_code for answer in first] == [200, 200, 200, 422]
    before = ask("select count(*) from audit_event")
    for path, form in ways:
        answer = browser.post(path, form | {"id_number": number})
        assert answer.status_code == 429 and "请稍候再查" in words(answer), path
        assert place.b.staff[0].name not in words(answer)
    assert ask("select count(*) from audit_event") == before
    assert Browser("op_b").post(f"{ITEM}/lookup", {"id_number": number}).status_code == 200
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:10:00")
    assert browser.post(f"{ITEM}/lookup", {"id_number": number}).status_code == 200


def test_the_desk_is_limited_too_and_told_so(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LOOK_UPS_MAX", 2)
    browser = Browser("reviewer_2")
    statuses = [browser.get("/w/people", {"q": f"张示{i}"}).status_code for i in range(3)]
    assert statuses == [200, 200, 429]
    is_page(browser.get("/w/search", {"q": "张示"}), 429)


def test_a_number_that_cannot_be_one_is_not_looked_up(fresh: tuple[Town, str]) -> None:
    _, username = fresh
    browser = Browser(username)
    before = ask("select count(*) from audit_event where action = 'person.searched'")
    for wrong in ("", "1", "42010219960506101X'", "４２０" * 6, "9" * 18):
        assert browser.post(f"{ITEM}/lookup", {"id_number": wrong}).status_code == 200
    assert ask("select count(*) from audit_event where action = 'person.searched'") == before
