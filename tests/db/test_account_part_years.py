"""当年结算 at the desk and by command: a trial, one who proposes and another who settles, and the difference when the year's own rate comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import date
from typing import Any

import pytest

from shebao.accounts import part_year_review, settling
from shebao.accounts.models import EndKind, PartYear, PartYearProposal
from shebao.accounts.part_year import NotSettleableError
from shebao.accounts.part_year_review import ProposalError, SameHandsError
from shebao.base.actor import Actor, Role
from shebao.policy.rulebook import Rulebook, standard
from shebao.runs import account_interest
from shebao.site import console_accounts
from tests import make
from tests.db import support
from tests.db.accounts_support import at, books_agree, credit
from tests.db.support import ENGINE, PLACE, acting, as_owner
from tests.db.web_support import Browser, is_page, words

ON = date(2026, 11, 10)


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[Any]:
    """Six people, each with 10,000.00 of 2025 (settled at 1.50 %) and 600.00 a month from January to March 2026."""
    make.agency(1), make.agency(2)
    unit = make.unit(people=8)
    who = [e.person_id for e in unit.staff]
    for p in who:
        credit(f"was:{p}", [(p, 202501, 1_000_000)], date(2025, 1, 5))
    account_interest.settle(PLACE, 2025, clock=lambda: at(date(2026, 1, 2)))
    for p in who:
        for n in (1, 2, 3):
            credit(f"c{n}:{p}", [(p, 202600 + n, 60_000)], date(2026, n, 15))
    for i, p in enumerate(who[:2]):
        make.individual(p, f"own{i}")
    make.finance(username="fin1"), make.finance(username="fin2"), make.reviewer(username="rev1"), make.finance(2, username="fin9")
    yield iter(who)


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")


@contextmanager
def clerk(number: int) -> Iterator[None]:
    with acting(Actor(Role.ENGINE, number, "财务", 0, 1)):
        yield


def propose(
    person: int, kind: EndKind = EndKind.DEATH, month: int = 202611, by: int = 71, rulebook: Rulebook | None = None
) -> PartYearProposal:
    with clerk(by):
        return part_year_review.propose(
            person, kind, month, "审批表 1 号", place=PLACE, agency_id=1, rulebook=rulebook or standard(), at=at(ON)
        )


def decide(person: int, *, confirm: bool = True, by: int = 72, agency: int = 1) -> PartYear | None:
    with clerk(by):
        return part_year_review.decide(person, confirm=confirm, place=PLACE, agency_id=agency, rulebook=standard(), at=at(ON))


def number_of(person: int) -> str:
    return str(as_owner("select number from parties_person where id = %s", [person])[0][0])


# 10,000.00 of January 2025 bore 150.00 (twelve months of 1.50 %): 10,150.00. Ten months of it at 1.50 %: 126.875, half up 126.88.
# 600.00 × (10 + 9 + 8) = 16,200.00 months; × 1.50 % ÷ 12 = 20.25. Balance 10,150.00 + 1,800.00 + 147.13 = 12,097.13.
INTEREST, BALANCE = 14_713, 1_209_713


def test_the_desk_tries_proposes_and_another_one_settles(town: Any) -> None:
    person = next(town)
    first, second, reviewer, other = Browser("fin1"), Browser("fin2"), Browser("rev1"), Browser("fin9")
    page = f"/w/people/{number_of(person)}/account"
    told = words(first.get(page))
    assert "办理当年结算" in told and "办理当年结算" not in words(reviewer.get(page))
    told = words(first.get(f"{page}/part-year?kind=death"))
    for word in (
        "147.13",
        "12,097.13",
        "10,150.00 元 × 1.5% × 10 ÷ 12 = 126.88",
        "16,200.00 × 1.5% ÷ 12 = 20.25",
        "2025 年公布的",
        "多退少补",
    ):
        assert word in told, word
    assert not as_owner("select 1 from accounts_partyearproposal where person_id = %s", [person]), "a trial writes nothing"
    assert "请写明依据" in words(first.post(f"{page}/part-year", {"kind": "death", "reason": " "}))
    assert "请选择原因" in words(first.get(f"{page}/part-year?kind=fun"))
    is_page(reviewer.post(f"{page}/part-year", {"kind": "death", "reason": "x"}), 403)
    is_page(reviewer.post(f"{page}/part-year/decide", {"act": "confirm"}), 403)
    assert first.post(f"{page}/part-year", {"kind": "death", "reason": "死亡医学证明 7 号"}).status_code == 302
    answer = first.post(f"{page}/part-year/decide", {"act": "confirm"})
    assert answer.status_code == 403 and "提出和复核不能是同一人" in words(answer)
    is_page(other.post(f"{page}/part-year/decide", {"act": "confirm"}), 404)
    assert not as_owner("select 1 from accounts_partyear where person_id = %s", [person])
    assert number_of(person) in words(second.get("/w/settlements"))
    told = words(second.get(page))
    assert "当年结算待复核" in told and "死亡医学证明 7 号" in told and "复核同意，结算入账" in told
    before = books_agree()
    assert second.post(f"{page}/part-year/decide", {"act": "confirm"}).status_code == 302
    assert as_owner("select interest_fen, balance_fen, paid_fen from accounts_partyear where person_id = %s", [person]) == [
        (INTEREST, BALANCE, BALANCE)
    ]
    assert books_agree() == before - (BALANCE - INTEREST)
    told = words(first.get(page))
    assert "12,097.13" in told and "本年利率公布后办理" in told and "当年结算待复核" not in told
    # The person's own page tells of it, and who did it is on record.
    assert "12,097.13" in words(Browser("own0").get("/p/account")) and "当年结算" in words(Browser("own0").get("/p/account"))
    told = Browser("own0").call("GET", "/api/v1/me/account").json()["part_years"]
    assert [(p["kind"], p["interest"], p["paid"], p["again"]) for p in told] == [("death", "147.13", "12097.13", None)]
    actions = {a for (a,) in as_owner("select action from audit_event where person_id = %s", [person])}
    assert {"accounts.part_year_proposed", "accounts.part_year"} <= actions


def test_what_came_in_after_the_proposal_is_looked_at_before_it_is_settled(town: Any) -> None:
    person = next(town)
    propose(person, EndKind.RETIREMENT)
    with pytest.raises(ProposalError, match="已有人提出"):
        propose(person)
    credit(f"late:{person}", [(person, 202610, 60_000)], date(2026, 10, 15))
    with pytest.raises(NotSettleableError, match="提出之后账户有变动"):
        decide(person)
    assert not as_owner("select 1 from accounts_partyear where person_id = %s", [person])
    with pytest.raises(SameHandsError):
        decide(person, by=71)
    with pytest.raises(ProposalError):
        decide(person, agency=2)
    assert decide(person, confirm=False) is None
    propose(person, EndKind.RETIREMENT)
    part = decide(person)
    assert part is not None and part.paid_fen == 0 and part.balance_fen == BALANCE + 60_000 + 75  # a month of it: 0.75
    with pytest.raises(NotSettleableError, match="没有重复结算"):
        propose(person)
    books_agree()


def test_without_a_published_rate_and_before_its_month_nothing_is_settled_and_a_sentence_says_why(town: Any) -> None:
    person = next(town)
    none = Rulebook(standard().places.values(), [r for r in standard().all(PLACE) if r.id != settling.RATE or r.value is None])
    with pytest.raises(Exception, match=r"个人账户记账利率.*尚未确定，请先补充该参数"):
        propose(person, rulebook=none)
    with pytest.raises(NotSettleableError, match="还没有到"):
        propose(person, month=202612)
    with pytest.raises(NotSettleableError, match="已经结算"):
        propose(person, month=202503)
    assert not as_owner("select 1 from accounts_partyearproposal where person_id = %s", [person])


def test_the_command_tries_and_proposes_and_the_desk_decides(
    town: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import argparse

    monkeypatch.setattr(console_accounts, "_open", lambda: None)
    person = next(town)
    parser = argparse.ArgumentParser()
    console_accounts.register(parser.add_subparsers())

    def run(*given: str) -> tuple[int, str]:
        asked = parser.parse_args(["account", "part-year", number_of(person), *given])
        code = asked.func(asked)
        out = capsys.readouterr()
        return code, out.out + out.err

    code, told = run("--kind", "transfer", "--month", "2026-11")
    assert code == 0 and "12,097.13" in told and "试算没有记账" in told
    code, told = run("--kind", "transfer", "--account", "nobody", "--reason", "x")
    assert code == 2 and "“nobody”不是基金财务岗位的账号" in told
    assert not as_owner("select 1 from accounts_partyearproposal where person_id = %s", [person])
    code, told = run("--kind", "transfer", "--account", "fin1", "--reason", "联系函 3 号", "--json")
    assert code == 0 and '"paid": "12097.13"' in told
    page = f"/w/people/{number_of(person)}/account"
    assert Browser("fin1").post(f"{page}/part-year/decide", {"act": "confirm"}).status_code == 403
    assert Browser("fin2").post(f"{page}/part-year/decide", {"act": "decline"}).status_code == 302
    assert as_owner("select state from accounts_partyearproposal where person_id = %s", [person]) == [("declined",)]


def test_two_who_settle_at_once_settle_it_once(town: Any) -> None:
    person = next(town)
    propose(person, EndKind.TRANSFER)

    def settle(i: int, racer: int) -> str:
        try:
            return "done" if decide(person, by=80 + racer) else "none"
        except ProposalError:
            return "late"

    assert sorted(support.race(1, 3, settle)[0]) == ["done", "late", "late"]
    books_agree()


def test_when_the_year_s_own_rate_is_published_the_difference_is_booked_and_shown(town: Any) -> None:
    """Stands last: it settles 2026 by a rule book that has its rate."""
    person = next(town)
    propose(person, EndKind.TRANSFER)
    decide(person)
    rule = standard().rule(settling.RATE, date(2025, 12, 31), PLACE)
    own = copy(rule)
    own.valid_from, own.valid_to, own.value = date(2026, 1, 1), date(2026, 12, 31), 26_000
    later = Rulebook(
        standard().places.values(), [*(r for r in standard().all(PLACE) if r.id != settling.RATE or r.valid_from.year < 2026), own]
    )
    on = date(2027, 7, 1)
    with acting(ENGINE):
        run_id = settling.begin(PLACE, 2026, rulebook=later, on=on, at=at(on))
        work = settling.plan(run_id)
        for chunk in work.chunks:
            settling.do_chunk(work, chunk)
        settling.publish(run_id, rulebook=later, on=on, at=at(on))
    # 10,150.00 × 2.60 % × 10 ÷ 12 = 219.92; 16,200.00 × 2.60 % ÷ 12 = 35.10; less 147.13: 107.89 to be paid still.
    told = words(Browser("fin1").get(f"/w/people/{number_of(person)}/account"))
    assert "2.6%，差额 +107.89 元" in told, told[-900:]
    books_agree()
