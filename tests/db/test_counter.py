"""窗口受理 and 复核: what only the counter may enter, and what two people have to review."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError

from shebao.access.acting import acting
from shebao.base.actor import Actor, Role
from shebao.base.errors import RefusedError
from shebao.base.terms import Post
from shebao.casework import item as catalogue
from shebao.casework import operations, review
from shebao.casework.item import Context, ServiceItem, item_of
from shebao.casework.models import Case, CaseState, Channel
from shebao.casework.operations import OtherSideError
from tests.db.support import (
    ADD,
    AT,
    STOP,
    addition,
    as_owner,
    ask,
    context,
    hire,
    make_agency,
    make_unit,
    new_id_number,
    operator,
    reviewer,
    sqlstate,
)

pytestmark = pytest.mark.usefixtures("database")
OLD = date(1970, 5, 1)  # 56 in November 2026: too old to be insured online for the first time


def clerk(account: int = 250) -> Actor:
    return Actor(Role.AGENCY, account, "窗口甲", 0, 1, frozenset({Post.CLERK}))


@pytest.fixture(scope="module")
def unit(database: str) -> int:
    make_agency()
    return make_unit(vip=True)


def at_counter(unit: int) -> Context:
    return replace(context(unit), counter=True)


def enter(unit: int, typed: dict[str, Any], code: str = ADD, *, by: Actor | None = None) -> Case:
    with acting(by or clerk()):
        saved = operations.save_new(item_of(code), at_counter(unit), typed, key=None, channel=Channel.COUNTER)
        operations.submit(saved.case_id, 1, at_counter(unit))
        return Case.objects.get(pk=saved.case_id)


def decide(case: Case, by: Actor, decision: review.Decision | None = None, *, unit: int) -> review.Outcome:
    with acting(by):
        now = Case.objects.get(pk=case.pk)
        return review.decide(case.pk, now.version, decision or review.Decision(), at_counter(unit))


def test_online_somebody_too_old_for_a_first_insurance_is_refused_and_sent_to_the_counter(unit: int) -> None:
    with acting(operator(unit)), pytest.raises(RefusedError) as refused:
        operations.save_new(item_of(ADD), context(unit), addition(new_id_number(OLD)), key=None)
    assert [r.code for r in refused.value.refusals] == ["ENR-04"] and "窗口" in refused.value.refusals[0].text


def test_the_counter_enters_the_same_person_and_the_reviewer_is_told_why_it_came_there(unit: int) -> None:
    case = enter(unit, addition(new_id_number(OLD)))
    assert (case.state, case.automatic) == (CaseState.REVIEW, False), "a VIP unit's counter case is not passed by the system"
    ((warnings,),) = ask("select warnings from casework_filing where case_id = %s", [case.pk])
    assert [w["code"] for w in json.loads(warnings)] == ["ENR-04", "ENR-W4"], "the age, and that no photo is on record"
    assert decide(case, reviewer(), unit=unit).done == 1
    assert ask("select count(*) from enrolment_spell where case_id = %s", [case.pk]) == [(1,)]


def test_whoever_entered_a_case_at_the_counter_does_not_review_it(unit: int) -> None:
    both = Actor(Role.AGENCY, 251, "窗口乙", 0, 1, frozenset({Post.CLERK, Post.REVIEWER}))
    case = enter(unit, addition(), by=both)
    with pytest.raises(review.NotReviewerError, match="不能是同一人"):
        decide(case, both, unit=unit)


def test_the_unit_sees_a_counter_case_but_cannot_submit_mend_or_withdraw_it(unit: int) -> None:
    with acting(clerk()):
        saved = operations.save_new(item_of(ADD), at_counter(unit), addition(), key=None, channel=Channel.COUNTER)
    with acting(operator(unit)):
        assert Case.objects.filter(pk=saved.case_id).exists()
    for act in (
        lambda: operations.submit(saved.case_id, 1, context(unit)),
        lambda: operations.save_again(saved.case_id, 1, context(unit), addition()),
        lambda: operations.withdraw(saved.case_id, 1, at=AT, context=context(unit)),
    ):
        with acting(operator(unit)), pytest.raises(OtherSideError, match="窗口"):
            act()


def test_the_clerk_cannot_submit_what_the_unit_filed(unit: int) -> None:
    with acting(operator(unit)):
        saved = operations.save_new(item_of(ADD), context(unit), addition(), key=None)
    with acting(clerk()), pytest.raises(OtherSideError, match="单位"):
        operations.submit(saved.case_id, 1, at_counter(unit))


@pytest.fixture
def two_people(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceItem]:
    """暂停缴费 as it would be if it needed two reviewers."""
    item = replace(item_of(STOP), second_review=lambda rows, ctx: "测试：金额超过一人审核的限额")
    monkeypatch.setitem(catalogue.CATALOGUE, (item.code, item.version), item)
    yield item


def stop_case(unit: int) -> tuple[Case, str]:
    (number,) = hire(unit)
    with acting(operator(unit)):
        saved = operations.save_new(item_of(STOP), context(unit), {"id_number": number, "name": "张三甲", "reason": "6301"}, key=None)
        operations.submit(saved.case_id, 1, context(unit))
        return Case.objects.get(pk=saved.case_id), number


def open_spells(number: str) -> int:
    sql = "select count(*) from enrolment_spell s join parties_person p on p.id = s.person_id"
    return int(ask(f"{sql} where p.id_number = %s and s.known_to is null and s.to_month is null", [number])[0][0])


def test_nothing_takes_effect_until_the_second_reviewer_confirms(unit: int, two_people: ServiceItem) -> None:
    case, number = stop_case(unit)
    assert not case.automatic and case.second_reason.startswith("测试")
    with acting(reviewer(200)):
        outcome = review.decide(case.pk, case.version, review.Decision(), context(unit))
    assert outcome.second and (outcome.done, open_spells(number)) == (0, 1)
    with acting(reviewer(201)):
        now = Case.objects.get(pk=case.pk)
        assert (now.state, now.first_by, now.claimed_by) == (CaseState.REVIEW, 200, None)
        assert review.decide(case.pk, now.version, review.Decision(), context(unit)).done == 1
    assert open_spells(number) == 0


def test_the_first_reviewer_cannot_be_the_second_and_the_database_holds_it_too(unit: int, two_people: ServiceItem) -> None:
    case, _ = stop_case(unit)
    with acting(reviewer(200)):
        review.decide(case.pk, case.version, review.Decision(), context(unit))
        with pytest.raises(review.NotReviewerError, match="初审和复核不能是同一人"):
            review.decide(case.pk, case.version + 1, review.Decision(), context(unit))
    with pytest.raises(IntegrityError) as broken:
        as_owner("update casework_case set reviewed_by = first_by where id = %s", [case.pk])
    assert sqlstate(broken.value) == "23514"


def test_the_second_reviewer_may_return_everything_and_the_next_round_begins_anew(unit: int, two_people: ServiceItem) -> None:
    case, number = stop_case(unit)
    with acting(reviewer(200)):
        review.decide(case.pk, case.version, review.Decision(), context(unit))
    with acting(reviewer(201)):
        back = review.Decision(return_all=review.Return("证明材料不清晰"))
        assert review.decide(case.pk, case.version + 1, back, context(unit)).returned == 1
        now = Case.objects.get(pk=case.pk)
        assert (now.state, now.returned, now.first_by) == (CaseState.DRAFT, True, None)
    assert open_spells(number) == 1
    with acting(operator(unit)):
        operations.submit(case.pk, now.version, context(unit))
    with acting(reviewer(201)):
        again = Case.objects.get(pk=case.pk)
        assert review.decide(case.pk, again.version, review.Decision(), context(unit)).second, "whoever returned it may be first now"


def test_what_the_first_reviewer_returned_goes_back_when_the_second_confirms_the_rest(unit: int, two_people: ServiceItem) -> None:
    numbers = hire(unit, 2)
    rows = [{"id_number": n, "name": f"张三{'甲乙'[i]}", "reason": "6301"} for i, n in enumerate(numbers)]
    with acting(operator(unit)):
        case_id = operations.file_many(item_of(STOP), context(unit), rows, key=None, channel=Channel.API)
    ((bad,),) = ask("select id from casework_filing where case_id = %s and id_number = %s", [case_id, numbers[0]])
    with acting(reviewer(200)):
        case = Case.objects.get(pk=case_id)
        review.decide(case_id, case.version, review.Decision({bad: review.Return("缺少辞职报告", ("reason",))}), context(unit))
    with acting(reviewer(201)):
        outcome = review.decide(case_id, case.version + 1, review.Decision(), context(unit))
    assert (outcome.done, outcome.returned) == (1, 1) and (open_spells(numbers[0]), open_spells(numbers[1])) == (1, 0)
    ((reason, pins),) = ask("select return_reason, pins from casework_filing where id = %s", [bad])
    assert (reason, json.loads(pins)) == ("缺少辞职报告", ["reason"])
