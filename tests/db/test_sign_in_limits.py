"""Guessing passwords: a name that exists and one that does not answer alike in every respect; an office is not locked out by one guesser."""

import time
from datetime import timedelta
from itertools import count

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password

from shebao.access import limits
from shebao.access import operations as access
from shebao.access.acting import acting
from shebao.access.administration import reset_password
from shebao.access.limits import ADDRESS_FAILURES_MAX, ADDRESS_MINUTES, BUCKETS, FAILURES_MAX, LOCKED_MINUTES, Kind
from shebao.access.models import Account
from shebao.access.operations import SignInRefused
from shebao.base.actor import ENGINE, PUBLIC
from shebao.base.terms import Post
from tests import make
from tests.db.support import as_owner, ask, race

pytestmark = pytest.mark.usefixtures("database")
AT = make.AT
WRONG = "用户名或密码不正确，请核对后重新输入"
LOCKED = f"连续 {FAILURES_MAX} 次密码错误，账号已锁定 {LOCKED_MINUTES} 分钟，请稍后再试"
CROWDED = f"从您的网络登录失败的次数太多，请 {ADDRESS_MINUTES} 分钟后再试，或换一个网络登录"
OFFICE, _names = "203.0.113.50", count(1)


def someone() -> str:
    name = f"limits-{next(_names)}"
    make.account(Post.REVIEWER, username=name)
    return name


def said(name: str, password: str = "wrong", at: object = AT, address: str = "") -> str:
    try:
        access.sign_in(name, password, at=at, address=address, agent="")  # type: ignore[arg-type]
    except SignInRefused as error:
        return error.text
    return "in"


def test_known_unknown_and_disabled_names_say_the_same_sentences_in_the_same_order() -> None:
    disabled = someone()
    as_owner("update access_account set disabled_at = now() where username = %s", [disabled])
    heard = {name: [said(name) for _ in range(FAILURES_MAX + 2)] for name in (someone(), "nobody-at-all", disabled, "字" * 40)}
    assert set(map(tuple, heard.values())) == {tuple([WRONG] * FAILURES_MAX + [LOCKED] * 2)}
    over = AT + timedelta(minutes=LOCKED_MINUTES)
    for name in heard:
        assert said(name, at=over - timedelta(seconds=1)) == LOCKED
        assert said(name, at=over) == WRONG


def test_the_same_work_is_done_for_a_known_and_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best of many tries with argon2 at work: the class of time, not its digits (other processes run beside this one)."""
    monkeypatch.setattr(Argon2PasswordHasher, "time_cost", 2)
    monkeypatch.setattr(Argon2PasswordHasher, "memory_cost", 16 * 1024)
    monkeypatch.setattr(make, "_hashed", "")
    monkeypatch.setattr(access, "_NO_ACCOUNT_HASH", "")
    known, took = someone(), {"known": 9.0, "unknown": 9.0}
    said("warm-up")
    for i in range(15):
        for kind, name in (("known", known), ("unknown", f"ghost-{i}")):
            with acting(PUBLIC):
                limits.forget(Kind.NAME, name)
            began = time.process_time()
            said(name)
            took[kind] = min(took[kind], time.process_time() - began)
    assert abs(took["known"] - took["unknown"]) < 0.3 * max(took.values()), took


def test_guesses_at_one_name_in_parallel_are_no_more_than_in_a_row() -> None:
    name, checked = someone(), []
    real = access.check_password

    def counting(given: str, stored: str) -> bool:
        checked.append(given)
        return real(given, stored)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "check_password", counting)
        outcomes = race(3, 4, lambda i, racer: said(name, f"guess{i}{racer}"))
    assert len(checked) == FAILURES_MAX
    assert sorted(each for outcome in outcomes for each in outcome) == sorted([WRONG] * FAILURES_MAX + [LOCKED] * 7)


def test_the_right_password_and_a_new_one_from_the_administrator_begin_the_count_again() -> None:
    name = someone()
    for _ in range(FAILURES_MAX - 1):
        said(name)
    assert said(name, make.PASSWORD) == "in"
    for _ in range(FAILURES_MAX):
        assert said(name) == WRONG
    assert said(name, make.PASSWORD) == LOCKED
    ((account,),) = ask("select id from access_account where username = %s", [name])
    with acting(make.account(Post.ADMINISTRATOR)):
        slip = reset_password(account, at=AT)
    assert said(name, slip.password) == "in"


def test_a_spray_over_many_names_from_one_address_is_shut_and_the_office_behind_it_goes_on() -> None:
    regular, stranger = someone(), someone()
    assert said(regular, make.PASSWORD, address=OFFICE) == "in"
    for i in range(ADDRESS_FAILURES_MAX):
        assert said(f"sprayed-{i}", address=OFFICE) == WRONG
    assert said("one-more", address=OFFICE) == said(stranger, address=OFFICE) == said(regular, address=OFFICE) == CROWDED
    assert said(stranger, make.PASSWORD, address=OFFICE) == CROWDED, "nobody can try out a list of stolen passwords from there"
    assert said(regular, make.PASSWORD, address=OFFICE) == "in", "who works there does"
    assert said(stranger, make.PASSWORD, address="203.0.113.51") == "in"
    assert said(stranger, make.PASSWORD, AT + timedelta(minutes=ADDRESS_MINUTES), OFFICE) == "in"


def test_failures_spread_over_the_day_never_shut_an_address() -> None:
    for i in range(ADDRESS_FAILURES_MAX + 5):
        assert said(f"slow-{i}", at=AT + timedelta(minutes=i), address="203.0.113.60") == WRONG


def test_a_proxy_on_this_machine_is_no_place_and_shuts_nobody_out() -> None:
    for i in range(ADDRESS_FAILURES_MAX + 5):
        assert said(f"proxy-{i}", address="127.0.0.1") == WRONG
    assert [limits.is_one_place(a) for a in ("127.0.0.1", "::1", "", "nonsense", "10.1.2.3", "2001:db8::1")] == [False] * 4 + [True] * 2


def test_what_was_typed_is_not_stored_and_the_table_cannot_grow_without_end() -> None:
    said("my-secret-typed-as-name", address="203.0.113.70")
    assert as_owner("select count(*) from access_guess t where t::text like '%%my-secret%%'") == [(0,)]
    assert all(0 <= number < 4 * BUCKETS for (number,) in ask("select id from access_guess"))
    assert limits.bucket(Kind.NAME, "a") != limits.bucket(Kind.ADDRESS, "a")


def test_an_account_whose_slip_was_not_printed_costs_the_same_and_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    name = someone()
    with acting(ENGINE):
        Account.objects.filter(username=name).update(password="!")
    hashed: list[str] = []
    monkeypatch.setattr(access, "check_password", lambda given, stored: bool(hashed.append(stored[:6])))
    assert said(name, "!") == WRONG and hashed == ["argon2"]
    assert make_password("x").startswith("argon2")
