"""问题报告 and 通知公告: who may say what to whom, and that what was said stays said."""

from datetime import date, timedelta

import pytest

from shebao.access.acting import acting
from shebao.base.actor import PUBLIC
from shebao.contact import messages, notices, queries, questions, refusals
from shebao.contact.models import NoticeState, QuestionState
from shebao.contact.notices import NoticeData
from tests.db import support
from tests.db.contact_support import NOW

TODAY = NOW.date()
CLERK, OTHER = 200, 201


@pytest.fixture(scope="module", autouse=True)
def town(database: str) -> None:
    support.make_agency(1), support.make_agency(2)


@pytest.fixture
def unit() -> int:
    return support.make_unit()


def ask(unit: int, subject: str = "怎么办", *, account: int = 100, agency: int = 1) -> str:
    with acting(support.operator(unit, account, agency=agency)):
        return questions.ask("item", subject, "具体内容", agency_id=agency, at=NOW, case_number="ZY1").number


def question(number: str):  # type: ignore[no-untyped-def]
    with acting(support.reviewer()):
        return queries.find_question(number)


def test_a_question_goes_its_rounds_and_the_unit_is_told_of_each_answer(unit: int) -> None:
    number = ask(unit)
    with acting(support.reviewer(CLERK)):
        assert number in [q.number for q in queries.question_queue()]
        questions.claim(number, at=NOW)
        questions.claim(number, at=NOW)  # again is harmless
        questions.answer(number, "先办增员", at=NOW + timedelta(hours=1))
        assert number not in [q.number for q in queries.question_queue()]
    with acting(support.operator(unit)):
        assert messages.unread(unit) == 1 and messages.messages_of(unit)[0].url == f"/u/questions/{number}"
        questions.ask_on(number, "还是不行", at=NOW + timedelta(hours=2))
    found = question(number)
    assert (found.state, found.rounds, found.waiting_since) == (QuestionState.OPEN, 2, NOW + timedelta(hours=2))
    with acting(support.reviewer(OTHER)):
        questions.answer(number, "请带材料到窗口", at=NOW + timedelta(hours=3))  # answered without claiming first
    with acting(support.operator(unit)):
        questions.close(number, at=NOW + timedelta(hours=4))
        assert [(line.side, line.text) for line in queries.lines_of(queries.find_question(number))] == [
            ("unit", "具体内容"),
            ("agency", "先办增员"),
            ("unit", "还是不行"),
            ("agency", "请带材料到窗口"),
        ]
        with pytest.raises(refusals.QuestionMovedError, match="已经关闭，请另提一个新问题"):
            questions.ask_on(number, "再问", at=NOW)
    with acting(support.reviewer(CLERK)), pytest.raises(refusals.QuestionMovedError, match="单位已经关闭"):
        questions.answer(number, "晚了", at=NOW)


def test_what_is_added_before_the_answer_belongs_to_the_same_round(unit: int) -> None:
    number = ask(unit)
    with acting(support.operator(unit)):
        questions.ask_on(number, "补充一张截图的说明", at=NOW + timedelta(hours=5))
    assert (question(number).rounds, question(number).waiting_since) == (1, NOW)


def test_a_claimed_question_is_answered_by_its_holder_only(unit: int) -> None:
    number = ask(unit)
    with acting(support.reviewer(CLERK, name="赵")):
        questions.claim(number, at=NOW)
    with acting(support.reviewer(OTHER)):
        for act in (lambda: questions.claim(number, at=NOW), lambda: questions.answer(number, "抢答", at=NOW)):
            with pytest.raises(refusals.QuestionMovedError, match="已由赵领取"):
                act()
        with pytest.raises(refusals.QuestionMovedError, match="只有领取人"):
            questions.release(number, at=NOW)
    with acting(support.reviewer(CLERK)):
        questions.release(number, at=NOW)
    assert question(number).state == QuestionState.OPEN


def test_of_twenty_reviewers_one_gets_the_question(unit: int) -> None:
    number = ask(unit)

    def claim(_: int, racer: int) -> str:
        with acting(support.reviewer(500 + racer)):
            questions.claim(number, at=NOW)
        return "mine"

    outcomes = support.race(1, 20, claim)[0]
    assert outcomes.count("mine") == 1 and sum(isinstance(o, refusals.QuestionMovedError) for o in outcomes) == 19


@pytest.mark.parametrize(
    ("category", "subject", "text", "sentence"),
    [
        ("item", " ", "x", "请填写一句话说明问题"),
        ("item", "x", "\u200b\n ", "请填写问题的具体内容"),
        ("none", "x", "x", "请选择问题的类别"),
        ("item", "字" * 61, "x", "最多 60 字，现在有 61 字"),
        ("item", "x", "字" * 2001, "最多 2000 字，现在有 2001 字"),
    ],
)
def test_an_empty_or_endless_question_is_refused(unit: int, category: str, subject: str, text: str, sentence: str) -> None:
    with acting(support.operator(unit)), pytest.raises(refusals.NothingSaidError, match=sentence):
        questions.ask(category, subject, text, agency_id=1, at=NOW)


def test_a_text_of_exactly_the_limit_is_kept_whole(unit: int) -> None:
    with acting(support.operator(unit)):
        asked = questions.ask("item", "字" * 60, "第一行\r\n" + "字" * 1996, agency_id=1, at=NOW)
        assert queries.lines_of(asked)[0].text == "第一行\n" + "字" * 1996


def test_nobody_speaks_for_the_other_side_or_in_another_units_question(unit: int) -> None:
    number, stranger = ask(unit), support.make_unit("别的公司")
    key = question(number).pk
    line = (
        "insert into contact_questionline (question_id, unit_id, agency_id, side, text, at, account_id, account_name)"
        " values (%s, %s, 1, %s, 'x', now(), 1, 'x')"
    )
    assert support.attempt(support.operator(unit), line, [key, unit, "unit"]) == 1
    assert support.attempt(support.operator(unit), line, [key, unit, "agency"]) == "42501"
    assert support.attempt(support.reviewer(), line, [key, unit, "unit"]) == "42501"
    assert support.attempt(support.operator(stranger), line, [key, stranger, "unit"]) == "23503"  # the key of unit and question
    assert support.attempt(support.operator(stranger), line, [key, unit, "unit"]) == "42501"
    answered = "update contact_question set state = 'answered' where id = %s"
    assert support.attempt(support.operator(unit), answered, [key]) == "42501"
    assert support.attempt(support.reviewer(agency=2), answered, [key]) == 0


# --- notices ---


def data(audience: str = "agency", *, unit: int | None = None, first: date = TODAY, last: date | None = None) -> NoticeData:
    return NoticeData("标题", "正文", audience, unit, first, last)


def published(audience: str = "agency", *, agency: int = 1, **more) -> int:  # type: ignore[no-untyped-def]
    with acting(support.reviewer(CLERK, agency=agency)):
        made = notices.save_notice(None, data(audience, **more), at=NOW)
    with acting(support.reviewer(OTHER, agency=agency)):
        notices.publish(made, at=NOW)
    return made


def seen(actor, day: date = TODAY) -> set[int]:  # type: ignore[no-untyped-def]
    with acting(actor):
        return {n.pk for n in notices.notices_for(day, 1000)}


def test_a_notice_takes_two_people(unit: int) -> None:
    with acting(support.reviewer(CLERK)):
        made = notices.save_notice(None, data(), at=NOW)
        with pytest.raises(refusals.SameWriterError, match="起草和发布不能是同一人"):
            notices.publish(made, at=NOW)
    assert made not in seen(support.operator(unit))
    with acting(support.reviewer(OTHER)):
        with pytest.raises(refusals.NoticeMovedError, match="不能由他人修改"):  # else the publisher would be a writer too
            notices.save_notice(made, data(), at=NOW)
        notices.publish(made, at=NOW)
        with pytest.raises(refusals.NoticeMovedError, match="现在是“已发布”，不能发布"):
            notices.publish(made, at=NOW)
    assert made in seen(support.operator(unit))
    own = "update contact_notice set published_by = written_by where id = %s"
    assert support.attempt(support.reviewer(OTHER), own, [made]) in ("23001", "23514")


def test_who_sees_a_notice_follows_from_whom_it_is_for() -> None:
    a, b, c = support.make_unit("甲"), support.make_unit("乙"), support.make_unit("丙", agency=2)
    every, agency, one = published("all"), published("agency"), published("unit", unit=a)
    readers = {"a": support.operator(a), "b": support.operator(b), "c": support.operator(c, agency=2), "public": PUBLIC}
    wanted = {"a": {every, agency, one}, "b": {every, agency}, "c": {every}, "public": {every}}
    mine = {every, agency, one}
    assert {name: seen(actor) & mine for name, actor in readers.items()} == wanted
    with acting(readers["b"]):
        assert notices.find_notice(one, NOW) is None and notices.find_notice(every, NOW) is not None
    with acting(readers["a"]):
        assert messages.messages_of(a)[0].url == f"/notices/{one}"  # a notice to one unit is a message too


def test_a_notice_shows_from_its_first_day_to_its_last(unit: int) -> None:
    first, last = TODAY + timedelta(days=1), TODAY + timedelta(days=3)
    made, actor = published("agency", first=first, last=last), support.operator(unit)
    shown = [made in seen(actor, day) for day in (TODAY, first, last, last + timedelta(days=1))]
    assert shown == [False, True, True, False]


def test_what_was_published_is_withdrawn_and_never_edited(unit: int) -> None:
    made = published()
    with acting(support.reviewer(CLERK)):
        with pytest.raises(refusals.NoticeMovedError, match="撤回后另写一条"):
            notices.save_notice(made, data(), at=NOW)
        with pytest.raises(refusals.NoticeWrongError, match="写明撤回的原因"):
            notices.withdraw(made, " ", at=NOW)
        notices.withdraw(made, "日期有误", at=NOW)
        with pytest.raises(refusals.NoticeMovedError, match="已撤回"):
            notices.withdraw(made, "再来", at=NOW)
    assert made not in seen(support.operator(unit))
    assert support.attempt(support.reviewer(), "update contact_notice set state = 'published' where id = %s", [made]) == "23001"
    other = published()
    assert support.attempt(support.reviewer(), "update contact_notice set text = 'x' where id = %s", [other]) == "23001"
    assert support.attempt(support.reviewer(agency=2), "update contact_notice set text = 'x' where id = %s", [other]) == 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"title": " "}, "请填写通知的标题和正文"),
        ({"text": ""}, "请填写通知的标题和正文"),
        ({"title": "字" * 81}, "标题最多 80 字"),
        ({"audience": "some"}, "请选择通知的对象"),
        ({"audience": "unit", "unit_id": None}, "没有找到这个单位"),
        ({"to_date": TODAY - timedelta(days=1)}, "结束日期不能早于开始日期"),
    ],
)
def test_a_notice_that_lacks_something_is_refused(changed: dict[str, object], sentence: str) -> None:
    given = {"title": "标题", "text": "正文", "audience": "agency", "unit_id": None, "from_date": TODAY, "to_date": TODAY} | changed
    with acting(support.reviewer()), pytest.raises(refusals.NoticeWrongError, match=sentence):
        notices.save_notice(None, NoticeData(**given), at=NOW)  # type: ignore[arg-type]


def test_a_draft_is_thrown_away_with_a_reason_and_stays_on_record() -> None:
    with acting(support.reviewer()):
        made = notices.save_notice(None, data(), at=NOW)
        notices.withdraw(made, "写错了", at=NOW)
        assert notices.kept_notice(made).state == NoticeState.WITHDRAWN  # type: ignore[union-attr]


# --- messages of cases ---


def test_a_unit_is_told_once_when_its_case_comes_back_and_once_when_it_ends() -> None:
    unit = support.make_unit(vip=False)
    ctx = support.context(unit, vip=False)
    case = support.file(support.ADD, ctx, support.addition())
    with acting(support.reviewer()):
        back = support.review.Decision(return_all=support.review.Return("缺合同"))
        support.review.decide(case, 2, back, ctx)
    with acting(support.operator(unit)):
        (told,) = messages.messages_of(unit)
        assert told.case_id == case and "被退回" in told.title and "缺合同" in told.text and messages.unread(unit) == 1
        assert messages.read([told.pk], at=NOW) == 1 and messages.read([told.pk], at=NOW) == 0
        assert messages.messages_of(unit)[0].read_name == "经办甲" and messages.unread(unit) == 0
    with acting(support.operator(support.make_unit("邻居"))):
        assert messages.messages_of(unit) == [] and messages.read([told.pk], at=NOW) == 0


def test_a_vip_units_case_that_the_system_passes_is_told_too() -> None:
    unit = support.make_unit()
    support.take_effect(support.ADD, support.context(unit), support.addition())
    with acting(support.operator(unit)):
        assert [m.title for m in messages.messages_of(unit)] == ["增员（续保）已办结"]
