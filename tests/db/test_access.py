"""登录与权限: who comes in, how long, with which posts; and that one account never holds posts of two classes."""

import json
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db import DatabaseError, IntegrityError
from django.test import Client

from shebao.access import operations as access
from shebao.access.limits import FAILURES_MAX, LOCKED_MINUTES
from shebao.access.models import Account, Grant, SignIn
from shebao.access.operations import PasswordRefused, SignInRefused, digest
from shebao.access.queries import Live, find_live
from shebao.base.actor import PUBLIC, Actor, Role
from shebao.base.clock import now
from shebao.base.terms import Post
from shebao.channels.middleware import COOKIE
from tests.db import support
from tests.db.support import AT, acting, as_owner, ask

PASSWORD, WRONG = "correct horse 7", "wrong horse 7"
REFUSED = "用户名或密码不正确，请核对后重新输入"
LOCKED = f"连续 {FAILURES_MAX} 次密码错误，账号已锁定 {LOCKED_MINUTES} 分钟，请稍后再试"
HASH = make_password(PASSWORD)
NAMES = count(1)
UNIT: list[int] = []
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()
    UNIT.append(support.make_unit("本公司"))


def account(post: Post = Post.UNIT_OPERATOR, *, fresh: bool = False, granted: bool = True) -> Account:
    place = {"unit_id": UNIT[0]} if post is Post.UNIT_OPERATOR else {"agency_id": 1}
    words = {"username": f"user{next(NAMES)}", "password": HASH, "name": "某人", "post_class": post.post_class, "created_at": AT}
    made = Account.objects.using("owner").create(**words, **place, must_change_password=fresh)
    if granted:
        grant(made, post)
    return made


def grant(to: Account, post: Post, since: date = date(2026, 1, 1), until: date | None = None, *, post_class: str = "", by: int = 0) -> None:
    words = {"post": post, "post_class": post_class or post.post_class, "from_date": since, "to_date": until, "granted_by": by}
    Grant.objects.using("owner").create(account=to, **words)


def enter(who: Account | str, password: str = PASSWORD, at: datetime = AT) -> access.SignedIn:
    name = who if isinstance(who, str) else who.username
    return access.sign_in(name, password, at=at, address="127.0.0.1", agent="test")


def refused(who: Account | str, password: str = WRONG, at: datetime = AT) -> str:
    with pytest.raises(SignInRefused) as error:
        enter(who, password, at)
    return error.value.text


def live(done: access.SignedIn, at: datetime = AT) -> Live | None:
    with acting(done.actor):
        return find_live(done.signin_id, digest(done.token), at=at, idle_minutes=30)


def test_the_right_password_opens_a_sign_in_with_the_posts_of_the_day() -> None:
    done = enter(account())
    assert (done.actor.role, done.actor.unit_id, done.actor.posts) == (Role.UNIT, UNIT[0], frozenset({Post.UNIT_OPERATOR}))
    found = live(done)
    assert found is not None and (found.unit_name, found.place, found.vip, found.agency_id) == ("本公司", "420100", True, 1)
    (stored,) = as_owner("select token_sha256 from access_signin where id = %s", [done.signin_id])
    assert bytes(stored[0]) == digest(done.token) != done.token.encode()


def test_a_wrong_password_an_unknown_name_and_a_disabled_account_hear_the_same_sentence() -> None:
    disabled = account()
    as_owner("update access_account set disabled_at = now() where id = %s", [disabled.pk])
    assert refused(account()) == refused("nobody") == refused(disabled, PASSWORD) == refused("", "") == REFUSED


def test_an_unknown_name_costs_the_same_effort_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    monkeypatch.setattr(access, "check_password", lambda password, encoded: checked.append(encoded.split("$")[0]) or False)
    refused("nobody"), refused(account())
    assert checked == ["argon2", "argon2"]


def test_five_failures_lock_for_a_quarter_of_an_hour_and_a_success_forgets_four() -> None:
    who = account()
    for _ in range(FAILURES_MAX - 1):
        assert refused(who) == REFUSED
    enter(who)
    for _ in range(FAILURES_MAX):
        assert refused(who) == REFUSED
    assert refused(who, PASSWORD) == refused(who) == LOCKED
    assert refused(who, PASSWORD, AT + timedelta(minutes=LOCKED_MINUTES, seconds=-1)) == LOCKED
    enter(who, at=AT + timedelta(minutes=LOCKED_MINUTES))
    assert refused(who, at=AT + timedelta(minutes=LOCKED_MINUTES)) == REFUSED


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/sign-in"])
def test_failures_are_counted_whichever_door_is_tried(path: str) -> None:
    who, client = account(), Client(SERVER_NAME="localhost")
    for _ in range(FAILURES_MAX):
        given: dict[str, Any] = {"username": who.username, "password": WRONG}
        if path.startswith("/api"):
            assert client.post(path, json.dumps(given), content_type="application/json").status_code == 422
        else:
            assert REFUSED in client.post(path, given).content.decode()
    assert refused(who, PASSWORD, now()) == LOCKED


def test_a_disabled_account_is_out_at_once() -> None:
    who = account()
    done = enter(who)
    assert live(done) is not None
    as_owner("update access_account set disabled_at = now() where id = %s", [who.pk])
    assert live(done) is None


def test_an_idle_sign_in_ends_after_half_an_hour_and_a_used_one_goes_on() -> None:
    done = enter(account())
    assert live(done, AT + timedelta(minutes=29, seconds=59)) is not None
    assert live(done, AT + timedelta(minutes=30)) is None
    as_owner("update access_signin set seen_at = %s where id = %s", [AT + timedelta(minutes=20), done.signin_id])
    assert live(done, AT + timedelta(minutes=49)) is not None


def test_a_token_is_worth_nothing_for_another_sign_in_or_account() -> None:
    mine, theirs = enter(account()), enter(account())
    with acting(mine.actor):
        for signin, token in ((mine.signin_id, theirs.token), (theirs.signin_id, theirs.token), (theirs.signin_id, mine.token)):
            assert find_live(signin, digest(token), at=AT, idle_minutes=30) is None


def test_posts_hold_from_their_first_day_until_before_their_last() -> None:
    who = account(Post.REVIEWER, granted=False)
    grant(who, Post.REVIEWER, date(2026, 11, 10), date(2026, 11, 20))
    grant(who, Post.CLERK, date(2026, 11, 15))
    for day, posts in ((9, set()), (10, {Post.REVIEWER}), (19, {Post.REVIEWER, Post.CLERK}), (20, {Post.CLERK})):
        done = enter(who, at=support.moment(202611, day))
        found = live(done, support.moment(202611, day))
        assert found is not None and done.actor.posts == found.posts == posts


def test_one_account_never_holds_posts_of_two_classes() -> None:
    who = account(Post.CLERK)
    grant(who, Post.REVIEWER)
    for post, post_class, named in (
        (Post.FINANCE, "", "access_grant_class"),  # another class than the account's
        (Post.FINANCE, "business", "access_grant_post"),  # a false name for the class
        (Post.ADMINISTRATOR, "", "access_grant_class"),
        (Post.UNIT_OPERATOR, "", "access_grant_class"),
    ):
        with pytest.raises(IntegrityError, match=named):
            grant(who, post, date(2026, 2, 1), post_class=post_class)
    with pytest.raises(IntegrityError, match="access_grant_class"):
        Account.objects.using("owner").filter(pk=who.pk).update(post_class="finance")
    with pytest.raises(IntegrityError, match="access_grant_not_self"):
        grant(who, Post.CLERK, date(2026, 3, 1), by=who.pk)
    with pytest.raises(IntegrityError, match="access_grant_order"):
        grant(who, Post.CLERK, date(2026, 3, 1), date(2026, 3, 1))


def test_an_account_belongs_to_a_unit_or_to_an_agency_as_its_class_says() -> None:
    for post_class, place in (
        ("unit", {"agency_id": 1}),
        ("business", {"unit_id": UNIT[0]}),
        ("finance", {"agency_id": 1, "unit_id": UNIT[0]}),
    ):
        with pytest.raises(IntegrityError, match="access_account_place"):
            Account.objects.using("owner").create(
                username=f"x{post_class}", password="!", name="x", post_class=post_class, created_at=AT, **place
            )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (WRONG, "a fresh password 1", "原密码不正确，请核对后重新输入"),
        (PASSWORD, PASSWORD, "新密码不能与原密码相同，请另设一个"),
        (PASSWORD, "short-9ch", "新密码至少 10 位，请加长"),
        (PASSWORD, "1234567890", "新密码太常见，容易被猜到，请换一个"),
        (PASSWORD, "password", "新密码至少 10 位，请加长；新密码太常见，容易被猜到，请换一个"),
    ],
)
def test_a_password_that_will_not_do_is_refused_with_what_to_do(old: str, new: str, sentence: str) -> None:
    who = account(fresh=True)
    done = enter(who)
    with pytest.raises(PasswordRefused) as error, acting(done.actor):
        access.change_password(old, new, at=AT)
    assert error.value.text == sentence
    assert enter(who).must_change_password


@pytest.mark.parametrize("post", [Post.UNIT_OPERATOR, Post.REVIEWER, Post.FINANCE, Post.ADMINISTRATOR, Post.AUDITOR])
def test_everybody_changes_the_own_password_and_it_is_on_record(post: Post) -> None:
    who = account(post, fresh=True)
    done, elsewhere = enter(who), enter(who)
    with acting(done.actor):
        access.change_password(PASSWORD, "a fresh password 1", at=AT)
        assert access.end_sign_ins(who.pk, at=AT, but=done.signin_id) == 1
    assert live(done) is not None and live(elsewhere) is None
    assert refused(who, PASSWORD) == REFUSED and not enter(who, "a fresh password 1").must_change_password
    assert ask("select action, subject from audit_event where account_id = %s", [who.pk]) == [("access.password_changed", who.username)]


@pytest.mark.parametrize("post", [Post.UNIT_OPERATOR, Post.REVIEWER, Post.FINANCE, Post.ADMINISTRATOR, Post.AUDITOR])
def test_everybody_signs_in_through_the_page_and_it_is_on_record(post: Post) -> None:
    who, client = account(post), Client(SERVER_NAME="localhost")
    answer = client.post("/sign-in", {"username": who.username, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()[:500]
    assert client.cookies[COOKIE]["httponly"] and client.cookies[COOKIE]["samesite"] == "Lax"
    assert ask("select action from audit_event where account_id = %s", [who.pk]) == [("access.signed_in",)]


def test_signing_out_kills_the_cookie_wherever_it_was_copied() -> None:
    who, browser, copy = account(), Client(SERVER_NAME="localhost"), Client(SERVER_NAME="localhost")
    browser.post("/sign-in", {"username": who.username, "password": PASSWORD})
    cookie = browser.cookies[COOKIE].value
    copy.cookies[COOKIE] = cookie
    assert copy.get("/password").status_code == 200
    browser.post("/sign-out")
    copy.cookies[COOKIE] = cookie
    assert copy.get("/password").status_code == 302
    api = Client(SERVER_NAME="localhost", headers={"authorization": f"Bearer {cookie}"})
    assert api.get("/api/v1/staff").status_code == 401
    copy.cookies[COOKIE] = cookie[:-2] + "xx"
    assert copy.get("/password").status_code == 302


def test_a_first_password_has_to_be_changed_before_anything_else() -> None:
    who, client = account(fresh=True), Client(SERVER_NAME="localhost")
    given = {"username": who.username, "password": PASSWORD}
    assert client.post("/sign-in", given).headers["location"] == "/password"
    api = Client(SERVER_NAME="localhost").post("/api/v1/sign-in", json.dumps(given), content_type="application/json")
    assert api.status_code == 403 and "修改初始密码" in str(api.json())
    answer = client.post("/password", {"old": PASSWORD, "new": "a fresh password 1", "again": "a fresh password 1"})
    assert answer.status_code == 302


def test_nobody_reads_another_accounts_row_and_the_public_sets_no_password() -> None:
    mine, theirs = enter(account()), account()
    with acting(mine.actor):
        assert [a.pk for a in Account.objects.all()] == [mine.actor.account_id]
        assert {s.account_id for s in SignIn.objects.all()} == {mine.actor.account_id}
        assert access.end_sign_ins(theirs.pk, at=AT) == 0
    with pytest.raises(DatabaseError, match="permission denied"), acting(PUBLIC):
        Account.objects.filter(pk=theirs.pk).update(password=make_password("mine now 123"))
    with pytest.raises(DatabaseError, match="permission denied"), acting(Actor(Role.UNIT, mine.actor.account_id, unit_id=UNIT[0])):
        Grant.objects.create(
            account_id=mine.actor.account_id, post=Post.UNIT_OPERATOR, post_class="unit", from_date=AT.date(), granted_by=0
        )
