"""网上办事资格: slips printed once with secrets nobody keeps, the counter's items with two people, acceptance by version, 法人注册."""

import json
import logging
import re
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import check_password
from django.db import DatabaseError, IntegrityError
from django.test import Client

from shebao.access import acceptance, registrations, slips
from shebao.access import operations as access
from shebao.access.acting import acting
from shebao.access.models import Account, Operator, Slip
from shebao.access.operations import SignInRefused
from shebao.access.slips import AlreadyQualifiedError, NewOperator, NoSuchSlipError, Printed, SlipGoneError
from shebao.base.actor import ENGINE, PUBLIC, Actor, Role
from shebao.base.errors import RefusedError
from shebao.base.terms import Post
from shebao.casework import operations, review
from shebao.casework.item import item_of
from shebao.casework.models import Case, CaseState, Channel
from shebao.channels.papers import slip_pdf
from shebao.parties.queries import get_unit
from shebao.policy import agreed
from tests import make
from tests.db.support import as_owner, ask, attempt, race

pytestmark = pytest.mark.usefixtures("database")
AT = make.AT
ISSUE, REISSUE, ENTRY = "access.qualification", "access.slip_reissue", "access.operator_entry"
VIP, STOP = "access.vip_evaluation", "access.qualification_stop"


def clerk(agency: int = 1) -> Actor:
    return make.account(Post.CLERK, agency_id=agency)


def someone(**more: Any) -> dict[str, Any]:
    new = make.person()
    return {"capacity": "operator", "operator_name": new.name, "operator_number": new.id_number, "operator_mobile": "13800000001", **more}


def enter(unit: make.MadeUnit, code: str, typed: dict[str, Any], *, by: Actor | None = None, when: datetime = AT) -> Case:
    """At the counter, up to 提交审批."""
    context = replace(unit.context(when), counter=True)
    with acting(by or clerk(unit.agency_id)):
        saved = operations.save_new(item_of(code), context, typed, key=uuid4(), channel=Channel.COUNTER)
        operations.submit(saved.case_id, 1, context)
        return Case.objects.get(pk=saved.case_id)


def passed(unit: make.MadeUnit, case: Case, *, by: Actor | None = None, when: datetime = AT) -> Case:
    context = replace(unit.context(when), counter=True)
    with acting(by or make.reviewer(unit.agency_id)):
        version = Case.objects.get(pk=case.pk).version
        review.decide(case.pk, version, review.Decision(), context)
        return Case.objects.get(pk=case.pk)


def qualified() -> tuple[make.MadeUnit, int]:
    """A unit with its qualification through the counter. Returns: the unit and its account."""
    unit = make.unit()
    passed(unit, enter(unit, ISSUE, someone(agreement="2011-01")))
    ((account,),) = ask("select account_id from access_operator where unit_id = %s", [unit.id])
    return unit, account


def slip_of(account: int) -> int:
    return int(ask("select id from access_slip where account_id = %s and state = 'ready'", [account])[0][0])


def printed(account: int, *, by: Actor | None = None) -> Printed:
    with acting(by or clerk()):
        return slips.print_slip(slip_of(account), at=AT, handed_by="agency")


def sign_in(username: str, password: str, at: datetime = AT) -> access.SignedIn:
    return access.sign_in(username, password, at=at, address="", agent="test")


# --- 申请 and 密码条 ---


def test_a_unit_gets_its_account_from_a_clerk_and_another_person() -> None:
    unit, both = make.unit(), make.account(Post.CLERK)
    case = enter(unit, ISSUE, someone(agreement="2011-01"), by=both)
    assert case.state == CaseState.REVIEW and not case.automatic
    reviewing = replace(both, posts=frozenset({Post.CLERK, Post.REVIEWER}))
    with pytest.raises(review.NotReviewerError, match="不能是同一人"):
        passed(unit, case, by=reviewing)
    assert ask("select count(*) from access_account where unit_id = %s", [unit.id]) == [(0,)]
    assert passed(unit, case).state == CaseState.DONE
    row = ask("select agreement_code, agreement_version, case_id, stopped_at from access_qualification where unit_id = %s", [unit.id])
    assert row == [("online_service", "2011-01", case.pk, None)]
    assert ask("select lead, revoked_at from access_operator where unit_id = %s", [unit.id]) == [(True, None)]
    assert ask("select vip from parties_unit where id = %s", [unit.id]) == [(False,)]
    state = ask("select serial, state, download_password from access_certificate where unit_id = %s", [unit.id])[0]
    assert re.fullmatch(r"WH20261110\d{6}", state[0]) and state[1:] == ("waiting", "!")


def test_the_promise_must_be_the_version_in_force_and_a_second_application_is_refused() -> None:
    unit, _ = qualified()
    with pytest.raises(RefusedError) as refused:
        enter(unit, ISSUE, someone(agreement="2011-01"))
    assert [r.code for r in refused.value.refusals] == ["QUA-03"]
    with pytest.raises(RefusedError) as refused:
        enter(make.unit(), ISSUE, someone(agreement="1999-01"))
    assert refused.value.refusals[0].field == "agreement"
    with pytest.raises(RefusedError) as refused:
        enter(make.unit(kind="window"), ISSUE, someone(agreement="2011-01"))
    assert [r.code for r in refused.value.refusals] == ["QUA-12"]
    with acting(ENGINE), pytest.raises(AlreadyQualifiedError):
        new = NewOperator(unit.id, "张三", "operator", make.person().id_number, "13800000002", AT.date())
        slips.qualify(new, ("online_service", "2011-01"), at=AT)


def test_nobody_can_sign_in_before_the_slip_is_printed_and_its_password_opens_the_account_once_changed() -> None:
    _, account = qualified()
    ((username,),) = ask("select username from access_account where id = %s", [account])
    for guess in ("", "!", "UNUSABLE"):
        with pytest.raises(SignInRefused):
            sign_in(username, guess)
    told = printed(account)
    assert told.username == username and told.password and told.download_password and told.password != told.download_password
    done = sign_in(username, told.password)
    assert done.must_change_password
    with acting(done.actor):
        access.change_password(told.password, "meine neue 12", at=AT)
    with pytest.raises(SignInRefused):
        sign_in(username, told.password)
    assert not sign_in(username, "meine neue 12").must_change_password


def test_a_slip_is_printed_once_and_the_second_time_leads_to_a_new_one() -> None:
    _, account = qualified()
    slip, who = slip_of(account), clerk()
    with acting(who):
        slips.print_slip(slip, at=AT, handed_by="agency")
        with pytest.raises(SlipGoneError, match="只打印一次；如需重新领取，请办理“密码条补发”"):
            slips.print_slip(slip, at=AT, handed_by="agency")
    assert ask("select state, ended_by from access_slip where id = %s", [slip]) == [("printed", who.account_id)]
    for change in ("state = 'ready', ended_at = null, ended_by = null", "account_id = account_id + 1", "reason = 'x'"):
        with pytest.raises(IntegrityError, match="once"):
            as_owner(f"update access_slip set {change} where id = %s", [slip])


def test_of_two_clerks_who_print_the_same_slip_in_one_instant_one_gets_it() -> None:
    ready = [qualified()[1] for _ in range(4)]
    numbers, who = [slip_of(account) for account in ready], [clerk(), clerk()]

    def act(i: int, racer: int) -> Printed:
        with acting(who[racer]):
            return slips.print_slip(numbers[i], at=AT, handed_by="agency")

    for i, outcome in enumerate(race(len(ready), 2, act)):
        won = [each for each in outcome if isinstance(each, Printed)]
        assert len(won) == 1 and [type(each) for each in outcome if each not in won] == [SlipGoneError]
        with acting(ENGINE):
            assert check_password(won[0].password or "", Account.objects.get(pk=ready[i]).password)


def test_the_secrets_of_a_slip_are_kept_nowhere_in_readable_form(caplog: pytest.LogCaptureFixture) -> None:
    _, account = qualified()
    with caplog.at_level(logging.DEBUG):
        told = printed(account)
        content = slip_pdf(told, at=AT)
    assert content.startswith(b"%PDF")
    for secret in (told.password or "", told.download_password or ""):
        assert len(secret) == 12 and not set(secret) & set("IlLOo01i")
        assert secret not in caplog.text and secret not in repr(told)
        for (table,) in as_owner("select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"):
            assert as_owner(f"select count(*) from {table} t where t::text like %s", [f"%{secret}%"]) == [(0,)], table
    with acting(ENGINE):
        stored = Account.objects.get(pk=account).password
    ((digest,),) = ask("select download_password from access_certificate where account_id = %s", [account])
    assert stored.startswith("argon2$") and check_password(told.download_password or "", digest)


def test_only_the_agency_that_hands_it_out_prints_a_slip() -> None:
    _, account = qualified()
    slip = slip_of(account)
    for actor, by in ((clerk(2), "agency"), (clerk(), "unit")):
        with acting(actor), pytest.raises(NoSuchSlipError):
            slips.print_slip(slip, at=AT, handed_by=by)
    assert attempt(make.operator(make.unit()), "select 1 from access_slip") == "42501"


def test_the_slip_as_paper_says_every_secret_once_below_the_fold() -> None:
    import io

    import pypdf

    _, account = qualified()
    told = printed(account)
    page = pypdf.PdfReader(io.BytesIO(slip_pdf(told, at=AT))).pages
    assert len(page) == 1
    text = re.sub(r"\s", "", page[0].extract_text())
    for word in (told.username, told.password, told.serial, told.download_password, told.unit_number, "折叠线", "单位密码", "证书序列号"):
        assert text.count(str(word)) == 1, word


# --- 补发, 采集, 停用 ---


def test_a_reissue_makes_the_lost_worthless_at_once_and_gives_a_new_serial() -> None:
    unit, account = qualified()
    told = printed(account)
    live = sign_in(told.username, told.password or "")
    passed(unit, enter(unit, REISSUE, {"holder": told.username, "what": "both", "reason": "密码条遗失"}))
    with acting(live.actor):
        from shebao.access.queries import find_live

        assert find_live(live.signin_id, access.digest(live.token), at=AT, idle_minutes=30) is None
    with pytest.raises(SignInRefused):
        sign_in(told.username, told.password or "")
    again = printed(account)
    assert again.serial != told.serial and sign_in(again.username, again.password or "").must_change_password
    assert ask("select state from access_certificate where account_id = %s order by id", [account]) == [("void",), ("waiting",)]


def test_a_reissue_of_the_certificate_alone_leaves_the_password_and_an_unprinted_slip_goes_with_all_on_it() -> None:
    unit, account = qualified()
    told = printed(account)
    ((number,),) = ask("select id_number from access_operator where account_id = %s", [account])
    passed(unit, enter(unit, REISSUE, {"holder": number, "what": "certificate", "reason": "证书损坏"}))
    alone = printed(account)
    assert alone.password is None and alone.serial != told.serial
    assert sign_in(told.username, told.password or "")
    other, fresh = qualified()
    passed(other, enter(other, REISSUE, {"holder": printed_name(fresh), "what": "certificate", "reason": "还没领"}))
    assert ask("select state, with_password from access_slip where account_id = %s order by id", [fresh]) == [
        ("void", True),
        ("ready", True),
    ]


def printed_name(account: int) -> str:
    return str(ask("select username from access_account where id = %s", [account])[0][0])


@pytest.mark.parametrize(
    ("code", "typed", "refused"),
    [
        (REISSUE, {"holder": "nobody", "what": "both", "reason": "x"}, "QUA-04"),
        (ENTRY, {"act": "add", "capacity": "operator", "operator_number": "42019919950304100", "lead": "no"}, "FLD-11"),
        (STOP, {"act": "resume", "reason": "x"}, "QUA-10"),
        (VIP, {"act": "withdraw", "opinion": "x"}, "QUA-11"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_code(code: str, typed: dict[str, Any], refused: str) -> None:
    unit, _ = qualified()
    with pytest.raises(RefusedError) as error:
        enter(unit, code, typed)
    assert refused in [r.code for r in error.value.refusals]


def test_without_qualification_there_is_nothing_to_reissue_evaluate_or_stop() -> None:
    unit = make.unit()
    for code, typed in (
        (REISSUE, {"holder": "x", "what": "both", "reason": "x"}),
        (VIP, {"act": "grant", "opinion": "好"}),
        (STOP, {"act": "stop", "reason": "x"}),
    ):
        with pytest.raises(RefusedError) as error:
            enter(unit, code, typed)
        assert "QUA-02" in [r.code for r in error.value.refusals], code


def test_the_only_lead_stays_until_another_one_leads() -> None:
    unit, account = qualified()
    ((number,),) = ask("select id_number from access_operator where account_id = %s", [account])
    with pytest.raises(RefusedError) as error:
        enter(unit, ENTRY, {"act": "revoke", "capacity": "operator", "operator_number": number, "lead": "no"})
    assert [r.code for r in error.value.refusals] == ["QUA-07"]
    second = someone(act="add", valid_until="", lead="no")
    passed(unit, enter(unit, ENTRY, second))
    passed(unit, enter(unit, ENTRY, {"act": "lead", "capacity": "operator", "operator_number": second["operator_number"], "lead": "no"}))
    passed(unit, enter(unit, ENTRY, {"act": "revoke", "capacity": "operator", "operator_number": number, "lead": "no"}))
    rows = ask("select lead, revoked_at is not null from access_operator where unit_id = %s order by account_id", [unit.id])
    assert rows == [(True, True), (True, False)]


def test_a_new_operator_needs_a_name_and_a_mobile_and_a_term_that_is_not_over() -> None:
    unit, _ = qualified()
    for change, code in (
        ({"operator_name": ""}, "QUA-05"),
        ({"operator_mobile": ""}, "QUA-05"),
        ({"valid_until": "2026-11-09"}, "QUA-08"),
    ):
        with pytest.raises(RefusedError) as error:
            enter(unit, ENTRY, someone(act="add", lead="no") | change)
        assert [r.code for r in error.value.refusals] == [code]
    assert enter(unit, ENTRY, someone(act="add", lead="no", valid_until="2026-11-10")).state == CaseState.REVIEW


def test_a_stopped_unit_is_out_at_once_and_comes_back_with_its_own_password() -> None:
    unit, account = qualified()
    told = printed(account)
    client = Client(SERVER_NAME="localhost")
    client.post("/sign-in", {"username": told.username, "password": told.password})
    assert client.get("/password").status_code == 200
    passed(unit, enter(unit, STOP, {"act": "stop", "reason": "注册资料虚假，经核实"}))
    assert client.get("/password").status_code == 302
    with pytest.raises(SignInRefused, match="用户名或密码不正确"):
        sign_in(told.username, told.password or "")
    with pytest.raises(RefusedError, match="已经停用"):
        enter(unit, STOP, {"act": "stop", "reason": "x"})
    passed(unit, enter(unit, STOP, {"act": "resume", "reason": "已补正"}))
    assert sign_in(told.username, told.password or "")


# --- VIP 评估 ---


def test_the_evaluation_shows_the_units_own_figures_and_criteria_nobody_published_as_such() -> None:
    from shebao.items.qualification.vip_evaluation import measured

    unit, _ = qualified()
    operator = make.operator(unit)
    for when in (date(2026, 9, 1), date(2026, 10, 1)):
        make.case(
            unit,
            "enrolment.add_employee",
            make.addition(unit),
            by=operator,
            submit=True,
            when=datetime(*when.timetuple()[:3], 9, tzinfo=AT.tzinfo),
        )
    as_owner("update casework_filing set round = 2 where id = (select max(id) from casework_filing where unit_id = %s)", [unit.id])
    with acting(ENGINE):
        found = {m.rule_id: m for m in measured(replace(unit.context(), counter=True))}
    assert found["vip.months_of_use_min"].has == "2 个月"
    assert found["vip.returned_share_max"].has == "50%（1 / 2 行）"
    assert found["vip.overdue_bills_max"].has == "0 张"
    assert {(m.asked, m.met) for m in found.values()} == {("未规定，由评估人判断", None)}


def test_vip_is_granted_by_a_clerk_and_two_reviewers_and_taken_back_the_same_way() -> None:
    unit, _ = qualified()
    case = enter(unit, VIP, {"act": "grant", "opinion": "申报规范，资料齐全"})
    first, second = make.reviewer(), make.reviewer()
    assert passed(unit, case, by=first).state == CaseState.REVIEW
    assert ask("select vip from parties_unit where id = %s", [unit.id]) == [(False,)]
    with pytest.raises(review.NotReviewerError):
        passed(unit, case, by=first)
    assert passed(unit, case, by=second).state == CaseState.DONE
    assert ask("select vip from parties_unit where id = %s", [unit.id]) == [(True,)]
    again = enter(unit, VIP, {"act": "withdraw", "opinion": "多次退回"})
    passed(unit, again, by=first)
    passed(unit, again, by=second)
    assert ask("select vip from parties_unit where id = %s", [unit.id]) == [(False,)]
    acts = ask(
        "select before::text, after::text from audit_event where action = 'access.vip_changed' and unit_id = %s order by id", [unit.id]
    )
    assert [json.loads(after)["vip"] for _, after in acts] == [True, False]


# --- acceptance ---


@pytest.fixture
def newcomer() -> tuple[Client, Account]:
    """Somebody who changed the first password and has accepted nothing yet."""
    _, account = qualified()
    told = printed(account)
    with acting(ENGINE):
        Account.objects.filter(pk=account).update(must_change_password=False)
    client = Client(SERVER_NAME="localhost")
    client.post("/sign-in", {"username": told.username, "password": told.password})
    with acting(ENGINE):
        return client, Account.objects.get(pk=account)


def test_before_the_agreements_are_accepted_every_page_leads_to_them_and_out(newcomer: tuple[Client, Account]) -> None:
    client, _ = newcomer
    for path in ("/u/", "/u/staff", "/u/items/add-employee/new"):
        assert client.get(path).headers["location"].startswith("/agreements?next=/u/"), path
    page = client.get("/agreements").content.decode()
    assert "武汉市社会保险网上办事承诺书" in page and "武汉市社会保险网上办事服务条款" in page and 'action="/sign-out"' in page
    assert client.post("/agreements", {"shown": shown()}).status_code == 422
    client.post("/sign-out")
    assert client.get("/agreements").status_code == 302


def shown() -> list[str]:
    return [acceptance.key(agreed.in_force(code, AT.date())) for code in acceptance.OF_UNITS]


def test_accepting_is_stored_with_version_time_and_address_and_opens_the_hall(newcomer: tuple[Client, Account]) -> None:
    client, account = newcomer
    answer = client.post("/agreements", {"agree": "1", "shown": shown(), "next": "/u/staff"}, REMOTE_ADDR="203.0.113.7")
    assert answer.status_code == 302 and answer["location"] == "/u/staff"
    assert client.get("/u/").status_code == 200
    rows = ask("select code, version, address from access_acceptance where account_id = %s order by code", [account.pk])
    assert rows == [("online_service", "2011-01", "203.0.113.7"), ("service_terms", "2011-01", "203.0.113.7")]
    client.post("/agreements", {"agree": "1", "shown": shown()})
    assert ask("select count(*) from access_acceptance where account_id = %s", [account.pk]) == [(2,)]
    with pytest.raises(DatabaseError, match="append-only"):
        as_owner("update access_acceptance set version = 'x' where account_id = %s", [account.pk])


def test_a_program_is_refused_with_a_code_until_its_account_has_accepted(newcomer: tuple[Client, Account]) -> None:
    client, _ = newcomer
    token = {"HTTP_AUTHORIZATION": f"Bearer {client.cookies['shebao'].value}"}
    answer = Client(SERVER_NAME="localhost").get("/api/v1/staff", **token)
    assert (answer.status_code, answer.json()["code"]) == (403, "ACC-06")
    client.post("/agreements", {"agree": "1", "shown": shown()})
    assert Client(SERVER_NAME="localhost").get("/api/v1/staff", **token).status_code == 200


def test_a_new_version_in_force_is_asked_for_again_and_the_former_one_cannot_be_accepted_instead(
    newcomer: tuple[Client, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = newcomer
    former = shown()
    client.post("/agreements", {"agree": "1", "shown": former})
    assert client.get("/u/").status_code == 200
    known = agreed.in_force("service_terms", AT.date())
    later = known.model_copy(update={"version": "2026-11", "since": date(2020, 1, 1)})
    monkeypatch.setattr(acceptance, "in_force", lambda code, on: later if code == "service_terms" else agreed.in_force(code, on))
    assert client.get("/u/").headers["location"].startswith("/agreements")
    assert "现行版本" in client.post("/agreements", {"agree": "1", "shown": former}).content.decode()
    assert client.get("/u/").status_code == 302
    client.post("/agreements", {"agree": "1", "shown": [former[0], "service_terms:2026-11"]})
    assert client.get("/u/").status_code == 200


def test_the_agreements_are_public_by_version() -> None:
    client = Client(SERVER_NAME="localhost")
    page = client.get("/agreements/service_terms/2011-01").content.decode()
    assert "主办方有权暂停其单位（个人）用户资格" in page and "2011-01" in page
    for path in ("/agreements/service_terms/1999-01", "/agreements/nothing/2011-01", "/agreements/..%2f/2011-01"):
        assert client.get(path).status_code == 404


# --- 法人注册 ---


def told(unit: make.MadeUnit, **change: Any) -> registrations.Told:
    new = make.person()
    with acting(ENGINE):
        number = get_unit(unit.id).number
    given = registrations.Told(unit.agency_id, number, unit.name, "legal", new.name, new.id_number, "13800000003")
    return replace(given, **change)


def registered(given: registrations.Told, address: str = "198.51.100.9") -> int:
    number = registrations.register(given, at=AT, address=address)
    return int(ask("select id from access_registration where number = %s", [number])[0][0])


def test_the_agency_confirms_what_fits_the_register_and_the_slip_waits() -> None:
    unit = make.unit()
    row = registered(told(unit))
    with acting(clerk()):
        assert [c.obstacle for c in registrations.waiting() if c.registration.pk == row] == [""]
        account = registrations.confirm(row, at=AT)
        with pytest.raises(registrations.NotRegistrableError, match="他人处理"):
            registrations.confirm(row, at=AT)
    assert printed(account).unit_name == unit.name
    with acting(ENGINE):
        assert Operator.objects.get(pk=account).capacity == "legal" and Slip.objects.filter(account_id=account).count() == 1


def test_what_does_not_fit_can_only_be_declined() -> None:
    unit, other = make.unit(), make.unit(agency_id=2)
    have, _ = qualified()
    wrong = {
        registered(told(unit, unit_number="4201009999999")): "没有这个单位编号",
        registered(told(unit, unit_name="别的公司")): "名称与登记的不一致",
        registered(told(other, agency_id=1)): "没有这个单位编号",
        registered(told(have)): "已有网上办事资格",
    }
    with acting(clerk()):
        seen = {c.registration.pk: c.obstacle for c in registrations.waiting()}
    for row, sentence in wrong.items():
        assert sentence in seen[row]
        with acting(clerk()), pytest.raises(registrations.NotRegistrableError, match=sentence):
            registrations.confirm(row, at=AT)
        with acting(clerk()), pytest.raises(registrations.NotRegistrableError, match="填写退回的原因"):
            registrations.decline(row, " ", at=AT)
        with acting(clerk()):
            registrations.decline(row, sentence, at=AT)
    assert ask("select count(*) from access_account where unit_id = %s", [unit.id]) == [(0,)]


def test_another_agency_neither_sees_nor_decides_a_registration() -> None:
    row = registered(told(make.unit()))
    with acting(clerk(2)):
        assert row not in [c.registration.pk for c in registrations.waiting()]
        with pytest.raises(registrations.NotRegistrableError, match="没有找到"):
            registrations.confirm(row, at=AT)


def form(given: registrations.Told) -> dict[str, Any]:
    names = ("unit_number", "unit_name", "capacity", "name", "id_number", "mobile")
    return {"agency": str(given.agency_id), **{name: getattr(given, name) for name in names}}


def test_the_public_page_answers_the_same_whether_the_unit_exists_or_not() -> None:
    client = Client(SERVER_NAME="localhost")
    pages = []
    for given in (told(make.unit()), told(make.unit(), unit_number="4201008888888"), told(qualified()[0])):
        answer = client.post("/register", form(given), REMOTE_ADDR="198.51.100.1")
        pages.append((answer.status_code, re.sub(r"FR[0-9A-Z]{8}|[A-Za-z0-9]{64}", "", answer.content.decode())))
    assert len(set(pages)) == 1 and pages[0][0] == 200 and "受理编号" in pages[0][1]


def test_registering_is_limited_by_address_and_by_unit_number_alike_for_known_and_unknown() -> None:
    unit = make.unit()
    for given in (told(unit), told(unit, unit_number="4201007777777")):
        for i in range(registrations.UNIT_MAX):
            registered(replace(given, id_number=make.person().id_number), f"192.0.2.{i}")
        with pytest.raises(registrations.TooManyRegistrationsError):
            registered(given, "192.0.2.99")
    for _ in range(registrations.ADDRESS_MAX):
        registered(told(make.unit()), "192.0.2.200")
    with pytest.raises(registrations.TooManyRegistrationsError):
        registered(told(make.unit()), "192.0.2.200")
    assert registered(told(make.unit()), "192.0.2.201")


def test_a_form_with_mistakes_says_what_to_mend_and_stores_nothing() -> None:
    before = ask("select count(*) from access_registration")
    given = form(told(make.unit())) | {"unit_number": "123", "mobile": "1", "id_number": "420199199503041"}
    page = Client(SERVER_NAME="localhost").post("/register", given)
    text = page.content.decode()
    assert page.status_code == 422 and "单位编号是 13 位数字" in text and 'href="#id_mobile"' in text and 'href="#id_id_number"' in text
    assert ask("select count(*) from access_registration") == before
    assert attempt(PUBLIC, "select 1 from access_registration") == "42501"
    assert attempt(Actor(Role.UNIT, 1, unit_id=1), "select 1 from access_registration") == "42501"
