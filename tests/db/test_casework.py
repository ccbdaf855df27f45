"""办件: its states and words, what may be done in which, and that nothing is lost on the way back and forth."""

from typing import Any

import pytest
from django.db import IntegrityError

from shebao.base.errors import RefusedError
from shebao.casework import operations, queries, review
from shebao.casework.cases import NoSuchCaseError, StaleCaseError, WrongStateError
from shebao.casework.item import Audience, ServiceItem, item_of
from shebao.casework.models import Case, CaseState, Event, Filing, FilingState
from shebao.casework.operations import CoreFixedError
from shebao.casework.review import ClaimedError, Decision, NotReviewerError, ReasonMissingError, Return
from tests.db import support
from tests.db.support import ADD, AT, ENGINE, STOP, acting, addition, ask, context, moment, operator, reviewer

UNIT: list[int] = []
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency(1), support.make_agency(2)
    UNIT[:] = [support.make_unit("本公司", vip=False), support.make_unit("别公司", agency=2, vip=False)]


def ours(**more: Any) -> Any:
    return context(UNIT[0], vip=False, **more)


def clerk() -> Any:
    return operator(UNIT[0])


def saved(typed: dict[str, Any] | None = None, *, as_draft: bool = False) -> Case:
    with acting(clerk()):
        case = operations.save_new(item_of(ADD), ours(), typed or addition(), key=None, as_draft=as_draft).case_id
        return Case.objects.get(pk=case)


def submitted(typed: dict[str, Any] | None = None) -> Case:
    case = saved(typed)
    with acting(clerk()):
        operations.submit(case.pk, case.version, ours())
    return fresh(case)


def fresh(case: Case) -> Case:
    with acting(ENGINE):
        return Case.objects.get(pk=case.pk)


def filing_of(case: Case) -> Filing:
    with acting(ENGINE):
        return Filing.objects.get(case=case)


def timeline(case: Case) -> list[str]:
    with acting(ENGINE):
        return list(Event.objects.filter(case=case).order_by("id").values_list("text", flat=True))


def decided(case: Case, decision: Decision, *, by: int = 200) -> review.Outcome:
    with acting(reviewer(by)):
        return review.decide(case.pk, fresh(case).version, decision, ours())


def test_a_filing_goes_from_draft_to_review_to_the_end_in_the_words_of_the_guide() -> None:
    case = saved()
    assert (CaseState(case.state).label, case.round, case.version) == ("未提交", 0, 1)
    day, sequence = case.number.split("-")
    assert day == "ZY20261110" and len(sequence) == 6
    with acting(clerk()):
        assert [c.pk for c in queries.todo(UNIT[0]).rows] == [case.pk]
        operations.submit(case.pk, 1, ours())
    case = fresh(case)
    assert (CaseState(case.state).label, case.round, case.automatic, case.submitted_by) == ("进行中", 1, False, 100)
    assert decided(case, Decision()) == review.Outcome(1, 0)
    case = fresh(case)
    assert (CaseState(case.state).label, case.reviewed_by, case.ended_at) == ("结束", 200, AT)
    assert timeline(case) == ["保存", "提交审批，1 人，等待窗口审核", "1 人通过"]
    with acting(clerk()):
        assert case.pk in [c.pk for c in queries.done(UNIT[0]).rows] and not queries.todo(UNIT[0]).rows


def test_a_vip_units_filing_waits_for_nobody() -> None:
    vip = support.make_unit(vip=True)
    case = support.file(ADD, context(vip), addition())
    with acting(ENGINE):
        assert Case.objects.get(pk=case).automatic
        assert review.review_automatically(case, context(vip)) == review.Outcome(1, 0)
        assert review.review_automatically(case, context(vip)) is None
    assert ask("select count(*) from enrolment_spell where unit_id = %s", [vip]) == [(1,)]
    assert timeline(Case(pk=case))[1:] == ["提交审批，1 人，系统自动审核", "1 人通过"]


def test_an_ordinary_units_wage_change_is_reviewed_by_the_system_too() -> None:
    (number,) = support.hire(UNIT[0])
    typed = {"id_number": number, "name": "张三甲", "declared_wage": "9000"}
    with acting(clerk()):
        case = operations.save_new(item_of(support.CHANGE), ours(), typed, key=None).case_id
        operations.submit(case, 1, ours())
        assert Case.objects.get(pk=case).automatic


def test_a_returned_filing_keeps_its_number_is_repaired_where_it_is_pinned_and_comes_again_in_round_two() -> None:
    case = submitted()
    filing = filing_of(case)
    back = Return("申报工资与劳动合同不一致，请核对", ("declared_wage",))
    assert decided(case, Decision(returns={filing.pk: back})) == review.Outcome(0, 1)
    returned, row = fresh(case), filing_of(case)
    assert (returned.state, returned.returned, returned.return_reason, returned.number) == ("draft", True, back.reason, case.number)
    assert (FilingState(row.state).label, row.return_reason, row.pins) == ("回退", back.reason, ["declared_wage"])
    with acting(clerk()):
        operations.save_again(case.pk, returned.version, ours(), addition(filing.id_number, declared_wage="8500"))
        again = fresh(case)
        operations.submit(case.pk, again.version, ours())
    again, row = fresh(case), filing_of(case)
    assert (again.round, again.returned, again.return_reason, row.state, row.pins, row.round) == (2, False, "", "review", None, 2)
    assert decided(case, Decision(), by=201).done == 1
    assert timeline(case) == [
        "保存",
        "提交审批，1 人，等待窗口审核",
        "1 人退回：申报工资与劳动合同不一致，请核对",
        "修改并保存",
        "第 2 次提交审批，1 人，等待窗口审核",
        "1 人通过",
    ]
    wage = "select wage_fen from enrolment_wage w join parties_person p on p.id = w.person_id where p.id_number = %s"
    assert ask(wage, [filing.id_number]) == [(850_000,)]


def test_returning_without_a_reason_is_refused_and_changes_nothing() -> None:
    case = submitted()
    for decision in (Decision(return_all=Return("  ")), Decision(returns={filing_of(case).pk: Return("")})):
        with pytest.raises(ReasonMissingError, match="请填写不通过原因，单位才知道该怎样修改"):
            decided(case, decision)
    assert (fresh(case).state, fresh(case).version) == (case.state, case.version)


def test_long_reasons_and_odd_pins_are_kept_within_bounds() -> None:
    case = submitted()
    decided(case, Decision(return_all=Return("长" * 900, ('a"b\\', "name"))))
    assert fresh(case).return_reason == "长" * 300 and filing_of(case).pins == ['a"b\\', "name"]


def test_who_enters_never_reviews_and_without_the_post_nobody_does() -> None:
    case = submitted()
    same = reviewer(100)
    outside = operator(UNIT[0], 5)
    for actor, sentence in ((same, "录入和审核不能是同一人"), (outside, "您的岗位没有审核权限")):
        for act in (lambda: review.claim(case.pk, at=AT), lambda: review.decide(case.pk, case.version, Decision(), ours())):
            with pytest.raises(NotReviewerError, match=sentence), acting(actor):
                act()
    with pytest.raises(NoSuchCaseError, match="没有找到这个办件"), acting(reviewer(300, agency=2)):
        review.claim(case.pk, at=AT)
    with pytest.raises(IntegrityError, match="casework_case_two_people"), acting(ENGINE):
        Case.objects.filter(pk=case.pk).update(reviewed_by=100)
    assert fresh(case).version == case.version


def test_a_claimed_case_is_its_reviewers_until_released() -> None:
    case = submitted()
    with acting(reviewer(200)):
        review.claim(case.pk, at=AT)
        review.claim(case.pk, at=AT)
    version = fresh(case).version
    assert version == case.version + 1
    with pytest.raises(ClaimedError, match="这个办件已由审核甲领取，请选择其他办件"), acting(reviewer(201)):
        review.claim(case.pk, at=AT)
    with pytest.raises(ClaimedError, match="这个办件已由审核甲领取"), acting(reviewer(201)):
        review.decide(case.pk, version, Decision(), ours())
    with pytest.raises(ClaimedError, match="只有领取人可以把办件放回队列"), acting(reviewer(201)):
        review.release(case.pk, at=AT)
    with pytest.raises(WrongStateError, match="现在的状态是“进行中”，不能退单"), acting(clerk()):
        operations.withdraw(case.pk, version, at=AT)
    with acting(reviewer(200)):
        review.release(case.pk, at=AT)
    assert fresh(case).claimed_by is None
    assert decided(case, Decision(), by=201).done == 1
    with pytest.raises(WrongStateError, match="现在的状态是“结束”，不能领取"), acting(reviewer(200)):
        review.claim(case.pk, at=AT)


def test_an_old_page_changes_nothing_and_says_what_holds_now() -> None:
    case = submitted()
    old = case.version - 1
    acts = (
        lambda: operations.withdraw(case.pk, old, at=AT),
        lambda: operations.save_again(case.pk, old, ours(), addition()),
        lambda: operations.submit(case.pk, old, ours()),
    )
    sentence = f"办件 {case.number} 刚刚被更改，现在的状态是“进行中”；您的页面是旧内容，请打开最新内容核对后再操作"
    for act in acts:
        with pytest.raises(StaleCaseError) as stale, acting(clerk()):
            act()
        assert stale.value.text == sentence
    with pytest.raises(StaleCaseError), acting(reviewer()):
        review.decide(case.pk, old, Decision(), ours())
    assert fresh(case).version == case.version


def test_a_case_in_review_is_not_edited_or_submitted_again_and_another_units_is_not_there() -> None:
    case = submitted()
    for act, what in (
        (lambda: operations.save_again(case.pk, case.version, ours(), addition()), "再修改"),
        (lambda: operations.submit(case.pk, case.version, ours()), "提交审批"),
        (lambda: operations.remove_rows(case.pk, [filing_of(case).pk], at=AT), "删除"),
        (lambda: operations.amend_row(case.pk, filing_of(case).pk, ours(), {}), "再修改"),
    ):
        with pytest.raises(WrongStateError, match=f"现在的状态是“进行中”，不能{what}"), acting(clerk()):
            act()
    with (
        pytest.raises(NoSuchCaseError, match="没有找到这个办件，它可能已被删除，或者不属于您所在的单位"),
        acting(operator(UNIT[1], agency=2)),
    ):
        operations.withdraw(case.pk, case.version, at=AT)


def test_core_fields_are_fixed_once_saved_and_the_others_are_free_until_submitted() -> None:
    case = saved()
    number = filing_of(case).id_number
    for changed, label in ((addition(), "公民身份号码"), (addition(number, name="李四"), "姓名")):
        with pytest.raises(CoreFixedError, match=f"{label}保存后不能修改；如填错，请退单后重新办理"), acting(clerk()):
            operations.save_again(case.pk, case.version, ours(), changed)
    assert fresh(case).version == case.version
    with acting(clerk()):
        operations.save_again(case.pk, case.version, ours(), addition("", name="", declared_wage="8500") | {"id_number": "", "name": ""})
    assert filing_of(case).values["declared_wage"] == 850_000 and filing_of(case).id_number == number


def test_a_draft_keeps_what_was_typed_even_with_errors_and_is_not_submitted_with_them() -> None:
    case = saved(addition("42010", declared_wage="八千"), as_draft=True)
    assert filing_of(case).typed["declared_wage"] == "八千" and filing_of(case).values is None
    with pytest.raises(RefusedError, match="公民身份号码只有 5 位，应为 18 位"), acting(clerk()):
        operations.submit(case.pk, 1, ours())
    assert (fresh(case).state, fresh(case).round) == ("draft", 0)
    with acting(clerk()):
        operations.save_again(case.pk, 1, ours(), addition())
        operations.submit(case.pk, 2, ours())
    assert fresh(case).state == "review"


def test_what_became_wrong_between_saving_and_submitting_is_told_on_submission() -> None:
    typed = addition()
    case = saved(typed)
    other = support.make_unit("快公司")
    support.take_effect(ADD, context(other), dict(typed))
    with pytest.raises(RefusedError, match="此人在快公司未停保"), acting(clerk()):
        operations.submit(case.pk, 1, ours())
    assert fresh(case).state == "draft"


def test_what_became_wrong_between_submitting_and_passing_goes_back_with_the_reason() -> None:
    typed = addition()
    case = submitted(typed)
    other = support.make_unit("更快公司")
    support.take_effect(ADD, context(other), dict(typed))
    assert decided(case, Decision()) == review.Outcome(0, 1)
    assert fresh(case).return_reason == "此人在更快公司未停保，请联系原单位办理暂停缴费，停保后再增员"
    assert filing_of(case).pins == ["id_number"]


def test_a_withdrawn_case_is_over() -> None:
    for case in (saved(), submitted()):
        with acting(clerk()):
            operations.withdraw(case.pk, case.version, at=AT)
        assert CaseState(fresh(case).state).label == "已退单" and filing_of(case).state == FilingState.WITHDRAWN
        with pytest.raises(WrongStateError, match="现在的状态是“已退单”，不能提交审批"), acting(clerk()):
            operations.submit(case.pk, fresh(case).version, ours())
        assert timeline(case)[-1] == "退单"


def test_the_version_of_the_item_stays_with_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    case = submitted()
    item = item_of(ADD)
    newer = ServiceItem(**{f: getattr(item, f) for f in item.__dataclass_fields__} | {"version": 2, "audience": frozenset({Audience.UNIT})})
    monkeypatch.setitem(__import__("shebao.casework.item", fromlist=["CATALOGUE"]).CATALOGUE, (ADD, 2), newer)
    assert item_of(ADD).version == 2 and fresh(case).item_version == 1
    assert saved().item_version == 2
    decided(case, Decision())
    assert fresh(case).state == CaseState.DONE


def test_numbers_are_unique_over_items_and_days() -> None:
    (number,) = support.hire(UNIT[0], month=202601)
    typed = {"id_number": number, "name": "张三甲", "reason": "6301"}
    with acting(clerk()):
        stop = operations.save_new(item_of(STOP), context(UNIT[0], moment(202612, 3)), typed, key=None).case_id
        numbers = [c.number for c in Case.objects.order_by("id")]
    assert fresh(Case(pk=stop)).number.startswith("JY20261203-")
    sequences = [int(n.split("-")[1]) for n in numbers]
    assert sequences == sorted(set(sequences))
