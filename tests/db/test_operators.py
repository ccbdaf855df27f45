"""经办人: several a unit, rights by item on page, batch, API and in the database, taken away at once, never one's own."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError
from django.test import Client

from shebao.access import operations as access
from shebao.access import operators, slips
from shebao.access.acting import acting
from shebao.access.models import Account, Operator
from shebao.access.operators import KnownOperatorError, NoSuchOperatorError, NotLeadError, OwnOperatorError
from shebao.access.queries import find_live
from shebao.access.rights import EVERYTHING, Level, NoRightError
from shebao.access.slips import NewOperator
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import ZONE
from shebao.base.terms import Post
from shebao.casework import operations
from shebao.casework.item import item_of
from shebao.casework.models import Case
from tests import make
from tests.db.support import as_owner, ask, attempt, race

pytestmark = pytest.mark.usefixtures("database")
AT, PASSWORD = make.AT, "only for tests 12"
ADD, STOP, CHANGE = "enrolment.add_employee", "enrolment.stop_employee", "enrolment.change_wage"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")


def opened(unit: make.MadeUnit, rights: dict[str, int] | None = None, **more: Any) -> Actor:
    """An operator who printed the slip, changed the password and accepted what is in force."""
    somebody = make.person()
    terms = {"valid_from": date(2026, 11, 1), **more}
    new = NewOperator(unit.id, somebody.name, "operator", somebody.id_number, "13800000001", rights=rights or {EVERYTHING: 3}, **terms)
    with acting(ENGINE):
        account = slips.open_account(new, at=AT, reason="测试", handed_by="agency")
        from django.contrib.auth.hashers import make_password

        Account.objects.filter(pk=account).update(password=make_password(PASSWORD), must_change_password=False)
        make.accepted(Account.objects.get(pk=account))
    posts = {Post.UNIT_OPERATOR} | ({Post.UNIT_LEAD} if more.get("lead") else set())
    return Actor(Role.UNIT, account, somebody.name, unit.id, 0, frozenset(posts), rights=tuple((rights or {EVERYTHING: 3}).items()))


def lead(unit: make.MadeUnit) -> Actor:
    return opened(unit, lead=True)


def name_of(actor: Actor) -> str:
    return str(ask("select username from access_account where id = %s", [actor.account_id])[0][0])


def browser(actor: Actor) -> Client:
    client = Client(SERVER_NAME="localhost")
    answer = client.post("/sign-in", {"username": name_of(actor), "password": PASSWORD})
    assert answer.status_code == 302 and answer["location"] == "/u/", answer.content.decode()[:400]
    return client


def program(client: Client) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {client.cookies['shebao'].value}"}


# --- what the 主经办人 does ---


def test_the_lead_adds_operators_with_rights_and_prints_their_slip_once() -> None:
    unit = make.unit()
    first = lead(unit)
    somebody = make.person()
    new = NewOperator(unit.id, somebody.name, "operator", somebody.id_number, "13800000002", AT.date(), rights={ADD: 2, STOP: 1})
    with acting(first):
        account = operators.add(new, at=AT)
        line = next(each for each in operators.my_unit(AT) if each.account_id == account)
        assert line.rights == {ADD: Level.FILE, STOP: Level.QUERY} and line.state(AT.date()) == "有效" and line.slip_by == "unit"
        told = operators.print_slip(line.slip_id or 0, at=AT)
        with pytest.raises(slips.SlipGoneError):
            operators.print_slip(line.slip_id or 0, at=AT)
        with pytest.raises(KnownOperatorError, match="已是本单位的经办人"):
            operators.add(new, at=AT)
    done = access.sign_in(told.username, told.password or "", at=AT, address="", agent="")
    assert done.must_change_password and done.actor.unit_id == unit.id
    assert ask("select account_name from audit_event where action = 'access.operator_added' and subject = %s", [told.username]) == [
        (first.name,)
    ]


def test_only_the_lead_of_the_own_unit_manages_and_never_the_own_account() -> None:
    unit, other = make.unit(), make.unit()
    first, plain, elsewhere = lead(unit), opened(unit), lead(other)
    for actor, error in ((plain, NotLeadError), (elsewhere, NoSuchOperatorError), (make.operator(unit), NotLeadError)):
        for act in (
            lambda: operators.change(plain.account_id, {ADD: 1}, lead=False, valid_until=None, at=AT),
            lambda: operators.revoke(plain.account_id, at=AT),
            lambda: operators.reissue(plain.account_id, at=AT),
        ):
            with acting(actor), pytest.raises(error):
                act()
    for act in (
        lambda: operators.change(first.account_id, {EVERYTHING: 3}, lead=True, valid_until=None, at=AT),
        lambda: operators.revoke(first.account_id, at=AT),
        lambda: operators.reissue(first.account_id, at=AT),
    ):
        with acting(first), pytest.raises(OwnOperatorError):
            act()
    for change in ("revoked_at = now(), revoked_by = account_id", "added_by = account_id"):
        with pytest.raises(IntegrityError, match="not_self"):
            as_owner(f"update access_operator set {change} where account_id = %s", [first.account_id])
    assert attempt(first, "update access_operator set lead = true") == "42501"
    assert attempt(first, "insert into access_operatorright (account_id, unit_id, item_code, level) values (1, 1, '*', 3)") == "42501"


def test_two_leads_who_revoke_each_other_in_one_instant_leave_one() -> None:
    pairs = []
    for _ in range(6):
        unit = make.unit()
        pairs.append((lead(unit), lead(unit)))

    def act(i: int, racer: int) -> None:
        me, you = pairs[i][racer], pairs[i][1 - racer]
        with acting(me):
            operators.revoke(you.account_id, at=AT)

    for i, outcome in enumerate(race(len(pairs), 2, act)):
        assert sorted(str(type(each)) for each in outcome) == sorted([str(type(None)), str(NotLeadError)]), outcome
        live = ask("select count(*) from access_operator where unit_id = %s and revoked_at is null and lead", [pairs[i][0].unit_id])
        assert live == [(1,)]


def test_revoking_ends_live_sign_ins_and_the_account_for_good() -> None:
    unit = make.unit()
    first, second = lead(unit), opened(unit)
    done = access.sign_in(name_of(second), PASSWORD, at=AT, address="", agent="")
    with acting(done.actor):
        assert find_live(done.signin_id, access.digest(done.token), at=AT, idle_minutes=30)
    with acting(first):
        operators.revoke(second.account_id, at=AT)
    with acting(done.actor):
        assert find_live(done.signin_id, access.digest(done.token), at=AT, idle_minutes=30) is None
    with pytest.raises(access.SignInRefused, match="用户名或密码不正确"):
        access.sign_in(name_of(second), PASSWORD, at=AT, address="", agent="")
    with acting(first), pytest.raises(NoSuchOperatorError):
        operators.change(second.account_id, {EVERYTHING: 3}, lead=False, valid_until=None, at=AT)
    assert ask("select ended_at is not null from access_signin where id = %s", [done.signin_id]) == [(True,)]


def test_an_operator_comes_in_from_the_first_day_to_the_last_and_not_a_day_longer() -> None:
    who = opened(make.unit(), valid_from=date(2026, 11, 10), valid_until=date(2026, 11, 12))
    for day, may in ((9, False), (10, True), (12, True), (13, False)):
        at = AT.replace(day=day)
        if not may:
            with pytest.raises(access.SignInRefused):
                access.sign_in(name_of(who), PASSWORD, at=at, address="", agent="")
            continue
        done = access.sign_in(name_of(who), PASSWORD, at=at, address="", agent="")
        for later, live in ((at, True), (at.replace(day=13, hour=0, minute=1), False)):
            with acting(done.actor):
                as_owner("update access_signin set seen_at = %s where id = %s", [later, done.signin_id])
                assert (find_live(done.signin_id, access.digest(done.token), at=later, idle_minutes=30) is not None) == live, (day, later)


# --- rights by item, every way ---

LEVELS = (Level.NONE, Level.QUERY, Level.FILE, Level.SUBMIT)


@pytest.fixture(scope="module")
def staffed(database: str) -> Iterator[tuple[make.MadeUnit, dict[Level, Client]]]:
    """A unit with an operator at each level for 增员, and none for anything else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")
        unit = make.unit(people=1)
        yield unit, {level: browser(opened(unit, {ADD: level, "service.staff": 1} if level else {"service.staff": 1})) for level in LEVELS}


@pytest.mark.parametrize("level", LEVELS, ids=[level.label for level in LEVELS])
def test_the_page_lets_in_as_far_as_the_right_goes(staffed: tuple[make.MadeUnit, dict[Level, Client]], level: Level) -> None:
    unit, clients = staffed
    client = clients[level]
    home = client.get("/u/").content.decode()
    assert ('href="/u/items/add-employee/"' in home) == (level >= Level.QUERY)
    assert 'href="/u/items/stop-employee/"' not in home and 'href="/u/bills"' not in home and 'href="/u/staff"' in home
    assert client.get("/u/staff").status_code == 200 and client.get("/u/bills").status_code == 403
    assert client.get("/u/items/add-employee/").status_code == (200 if level >= Level.QUERY else 403)
    for path in ("new", "batch", "template.xlsx"):
        assert client.get(f"/u/items/add-employee/{path}").status_code == (200 if level >= Level.FILE else 403), path
    assert client.get("/u/items/stop-employee/").status_code == 403
    before = ask("select count(*) from casework_case where unit_id = %s", [unit.id])[0][0]
    answer = client.post("/u/items/add-employee/new", make.addition(unit) | {"action": "save", "key": str(uuid4())})
    after = ask("select count(*) from casework_case where unit_id = %s", [unit.id])[0][0]
    if level < Level.FILE:
        assert answer.status_code == 403 and "您没有办理“增员（续保）”的权限" in answer.content.decode() and after == before
        return
    assert answer.status_code == 302 and after == before + 1
    case = answer["location"].split("?")[0]
    version = "1"
    submitted = client.post(f"{case}/submit", {"version": version, "key": str(uuid4())})
    assert submitted.status_code == (302 if level >= Level.SUBMIT else 403)
    if level < Level.SUBMIT:
        assert "您没有提交“增员（续保）”的权限，请联系本单位的主经办人" in submitted.content.decode()


@pytest.mark.parametrize("level", LEVELS, ids=[level.label for level in LEVELS])
def test_the_api_lets_in_as_far_as_the_right_goes(staffed: tuple[make.MadeUnit, dict[Level, Client]], level: Level) -> None:
    unit, clients = staffed
    token = program(clients[level])
    client = Client(SERVER_NAME="localhost")

    def call(path: str, body: dict[str, Any]) -> Any:
        return client.post(f"/api/v1/items/{path}", json.dumps(body), content_type="application/json", **token)

    filing = make.addition(unit)
    assert call("add-employee/check", {"filing": filing}).status_code == (200 if level >= Level.FILE else 403)
    answer = call("add-employee/filings", {"submission_key": str(uuid4()), "filings": [filing]})
    assert answer.status_code == (201 if level >= Level.SUBMIT else 403)
    if level < Level.SUBMIT:
        assert answer.json()["code"] == "ACC-20"
    assert call("stop-employee/check", {"filing": {}}).json()["code"] == "ACC-20"
    assert client.get("/api/v1/bills", **token).status_code == 403 and client.get("/api/v1/staff", **token).status_code == 200


@pytest.mark.parametrize("level", LEVELS, ids=[level.label for level in LEVELS])
def test_the_operations_and_the_database_hold_the_same_rights(level: Level) -> None:
    unit = make.unit()
    full, who = opened(unit), opened(unit, {ADD: level} if level else {CHANGE: 1})
    with acting(full):
        saved = operations.save_new(item_of(ADD), unit.context(), make.addition(unit), key=None)
    with acting(who):
        assert Case.objects.filter(pk=saved.case_id).exists() == (level >= Level.QUERY)
    statements = {
        f"update casework_case set subject = 'x' where id = {saved.case_id}": Level.FILE,
        f"update casework_case set state = 'review' where id = {saved.case_id}": Level.SUBMIT,
    }
    for statement, needed in statements.items():
        wanted: int | str = 1 if level >= needed else ("42501" if level >= Level.QUERY else 0)
        assert attempt(who, statement) == wanted, statement
    try:
        with acting(who):
            mine = operations.save_new(item_of(ADD), unit.context(), make.addition(unit), key=None)
            assert level >= Level.FILE
            operations.submit(mine.case_id, 1, unit.context())
            assert level >= Level.SUBMIT
    except NoRightError as error:
        assert level < Level.SUBMIT and "请联系本单位的主经办人" in error.text


def test_a_right_for_everything_covers_items_to_come_and_an_account_without_a_row_acts_for_its_unit() -> None:
    unit = make.unit()
    for actor in (opened(unit), make.operator(unit)):
        for code in (ADD, STOP):
            with acting(actor):
                from shebao.access.rights import require

                require(code, code, Level.SUBMIT)
                require("benefits.not_built_yet", "x", Level.SUBMIT)


def test_a_change_of_rights_holds_from_the_next_request_in_a_sign_in_that_goes_on() -> None:
    unit = make.unit()
    first, second = lead(unit), opened(unit)
    client = browser(second)
    assert client.get("/u/items/stop-employee/new").status_code == 200
    with acting(first):
        operators.change(second.account_id, {ADD: 3}, lead=False, valid_until=None, at=AT)
    assert client.get("/u/items/stop-employee/new").status_code == 403
    assert client.get("/u/items/add-employee/new").status_code == 200
    after = ask("select after::text from audit_event where action = 'access.operator_changed' and unit_id = %s", [unit.id])
    assert json.loads(after[0][0])["rights"] == {ADD: 3}


def test_a_filing_submitted_while_its_operator_is_revoked_was_there_before_or_is_refused() -> None:
    rounds, cases = 8, []
    for _ in range(rounds):
        unit = make.unit()
        first, second = lead(unit), opened(unit)
        with acting(second):
            cases.append((unit, first, second, operations.save_new(item_of(ADD), unit.context(), make.addition(unit), key=None).case_id))

    def act(i: int, racer: int) -> str:
        unit, first, second, case = cases[i]
        if racer:
            with acting(first):
                operators.revoke(second.account_id, at=AT)
            return "revoked"
        with acting(second):
            operations.submit(case, 1, unit.context())
        return "submitted"

    outcomes = race(rounds, 2, act)
    for (_, _, _, case), (submitted, revoked) in zip(cases, outcomes, strict=True):
        assert revoked == "revoked"
        state = ask("select state from casework_case where id = %s", [case])[0][0]
        assert state == ("review" if submitted == "submitted" else "draft"), submitted
        assert submitted == "submitted" or isinstance(submitted, NoRightError)
    for _, _, second, case in cases:
        with acting(second), pytest.raises((NoRightError, DatabaseError, Exception)):
            operations.submit(case, 2, cases[0][0].context())


def test_the_pages_of_the_lead_are_for_the_lead_and_say_what_they_did() -> None:
    unit = make.unit()
    first, second = lead(unit), opened(unit)
    assert browser(second).get("/u/operators").status_code == 403
    client = browser(first)
    page = client.get("/u/operators").content.decode()
    assert second.name in page and "本人" in page and 'href="/u/operators"' in client.get("/u/").content.decode()
    new = make.person()
    typed = {"capacity": "operator", "name": new.name, "id_number": new.id_number, "mobile": "13800000009", "valid_from": "2026-11-10"}
    wrong = client.post("/u/operators/new", typed | {"valid_until": "2026-11-09", "lead": "no", "everything": "0"})
    assert wrong.status_code == 422 and "请至少给一个事项的权限" in wrong.content.decode() and "早于起始日" in wrong.content.decode()
    assert (
        client.post("/u/operators/new", typed | {"lead": "no", "everything": "0", f"right-{ADD}": "3", "right-nonsense": "3"}).status_code
        == 302
    )
    ((account,),) = ask("select account_id from access_operator where id_number = %s", [new.id_number])
    assert ask("select item_code, level from access_operatorright where account_id = %s", [account]) == [(ADD, 3)]
    ((slip,),) = ask("select id from access_slip where account_id = %s", [account])
    answer = client.post(f"/u/operators/slips/{slip}/print")
    assert answer.status_code == 200 and answer.content.startswith(b"%PDF") and answer["Cache-Control"] == "no-store"
    again = client.post(f"/u/operators/slips/{slip}/print")
    assert again.status_code == 409 and "只打印一次" in again.content.decode() and "补发密码条" in again.content.decode()
    assert client.post(f"/u/operators/{account}/revoke").status_code == 302
    own = client.post(f"/u/operators/{first.account_id}/revoke")
    assert own.status_code == 403 and "不能更改自己" in own.content.decode()
    assert client.get(f"/u/operators/{second.account_id}").status_code == 200
    assert client.get(f"/u/operators/{opened(make.unit()).account_id}").status_code == 404


def test_former_accounts_became_operators_with_every_right_in_the_migration() -> None:
    """What 0003 does for accounts that were there before: said in its SQL, tried on accounts without a row."""
    from shebao.access.migrations import __path__ as path

    unit = make.unit()
    a, b = make.operator(unit), make.operator(unit)
    source = (__import__("pathlib").Path(path[0]) / "0003_qualification.py").read_text()
    former = source.split('FORMER = """')[1].split('"""')[0]
    insert, right = former.split(";\n")
    as_owner(insert.rstrip().removesuffix(";") + f" and unit_id = {unit.id}")
    as_owner(right.rstrip() + f" where unit_id = {unit.id}")
    rows = ask("select account_id, lead from access_operator where unit_id = %s order by account_id", [unit.id])
    assert rows == [(a.account_id, True), (b.account_id, False)]
    assert ask("select item_code, level from access_operatorright where unit_id = %s", [unit.id]) == [("*", 3)] * 2


def test_nobody_becomes_an_operator_of_another_unit_and_terms_are_in_order() -> None:
    unit = make.unit()
    who = opened(unit)
    with acting(ENGINE):
        row = Operator.objects.get(pk=who.account_id)
    with pytest.raises(IntegrityError, match="access_operator_order"):
        as_owner("update access_operator set valid_until = valid_from - 1 where account_id = %s", [row.pk])
    with pytest.raises(IntegrityError, match="access_operator_person"):
        twin = opened(unit)
        as_owner("update access_operator set id_number = %s where account_id = %s", [row.id_number, twin.account_id])
    assert replace(who, posts=frozenset()).unit_id == unit.id and AT.tzinfo == ZONE
