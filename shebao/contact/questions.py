"""问题报告: a unit asks, the agency answers, the unit asks on or closes. What was said stays as it was said."""

from datetime import datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.contact import refusals
from shebao.contact.messages import tell
from shebao.contact.models import Question, QuestionLine, QuestionState

CATEGORIES = (
    ("item", "业务办理"),
    ("payment", "缴费与到账"),
    ("sign_in", "登录与账号"),
    ("page", "网页与下载"),
    ("complaint", "意见建议"),
    ("other", "其他"),
)
SUBJECT_MAX, TEXT_MAX = 60, 2000


def ask(category: str, subject: str, text: str, *, agency_id: int, at: datetime, case_number: str = "") -> Question:
    """A unit's question to its agency. Raises: NothingSaidError."""
    actor = current()
    subject, text = _said(subject, "一句话说明问题", SUBJECT_MAX), _said(text, "问题的具体内容", TEXT_MAX)
    if category not in dict(CATEGORIES):
        raise refusals.NothingSaidError("请选择问题的类别")
    question = Question.objects.create(
        number=_next_number(at),
        unit_id=actor.unit_id,
        agency_id=agency_id,
        category=category,
        subject=subject,
        case_number=case_number.strip()[:24],
        asked_by_name=actor.name[:50],
        asked_at=at,
        waiting_since=at,
        changed_at=at,
    )
    _add(question, "unit", text, at)
    record([Trace("contact.asked", question.number)], at=at)
    return question


def ask_on(number: str, text: str, *, at: datetime) -> None:
    """再问: a further round; it waits again. Raises: NoQuestionError, QuestionMovedError, NothingSaidError."""
    question = _locked(number)
    if question.state == QuestionState.CLOSED:
        raise refusals.QuestionMovedError("这个问题已经关闭，请另提一个新问题，并写上原来的编号")
    _add(question, "unit", _said(text, "要补充的内容", TEXT_MAX), at)
    if question.state == QuestionState.ANSWERED:  # what was added before an answer came belongs to the same round
        question.state, question.rounds, question.waiting_since = QuestionState.OPEN, question.rounds + 1, at
    question.changed_at = at
    question.save(update_fields=["state", "rounds", "waiting_since", "changed_at"])
    record([Trace("contact.asked_on", number)], at=at)


def close(number: str, *, at: datetime) -> None:
    """关闭, by the unit when it is content. Raises: NoQuestionError, QuestionMovedError."""
    question = _locked(number)
    if question.state == QuestionState.CLOSED:
        raise refusals.QuestionMovedError("这个问题已经关闭，不用重复操作")
    question.state, question.changed_at = QuestionState.CLOSED, at
    question.save(update_fields=["state", "changed_at"])
    record([Trace("contact.question_closed", number, unit_id=question.unit_id)], at=at)


def claim(number: str, *, at: datetime) -> None:
    """领取: nobody else answers meanwhile. Claiming one's own again is harmless. Raises: NoQuestionError, QuestionMovedError."""
    question = _locked(number)
    actor = current()
    if question.state == QuestionState.CLAIMED:
        if question.claimed_by == actor.account_id:
            return
        raise refusals.QuestionMovedError(f"这个问题已由{question.claimed_name}领取，请选择其他问题")
    if question.state != QuestionState.OPEN:
        raise refusals.QuestionMovedError("这个问题已经答复或关闭，不用再领取")
    question.state, question.claimed_by, question.claimed_name, question.changed_at = (
        QuestionState.CLAIMED,
        actor.account_id,
        actor.name[:50],
        at,
    )
    question.save(update_fields=["state", "claimed_by", "claimed_name", "changed_at"])
    record([Trace("contact.question_claimed", number, unit_id=question.unit_id)], at=at)


def release(number: str, *, at: datetime) -> None:
    """放回. Raises: NoQuestionError, QuestionMovedError."""
    question = _locked(number)
    if question.state != QuestionState.CLAIMED or question.claimed_by != current().account_id:
        raise refusals.QuestionMovedError("只有领取人可以把问题放回")
    question.state, question.claimed_by, question.claimed_name, question.changed_at = QuestionState.OPEN, None, "", at
    question.save(update_fields=["state", "claimed_by", "claimed_name", "changed_at"])
    record([Trace("contact.question_released", number, unit_id=question.unit_id)], at=at)


def answer(number: str, text: str, *, at: datetime) -> None:
    """答复 by the agency; the unit is told. An answer may be followed by another one.

    Raises: NoQuestionError, QuestionMovedError, NothingSaidError.
    """
    question = _locked(number)
    actor = current()
    if question.state == QuestionState.CLOSED:
        raise refusals.QuestionMovedError("单位已经关闭这个问题，不能再答复")
    if question.state == QuestionState.CLAIMED and question.claimed_by != actor.account_id:
        raise refusals.QuestionMovedError(f"这个问题已由{question.claimed_name}领取，请选择其他问题")
    _add(question, "agency", _said(text, "答复内容", TEXT_MAX), at)
    question.state, question.claimed_by, question.claimed_name, question.changed_at = (
        QuestionState.ANSWERED,
        actor.account_id,
        actor.name[:50],
        at,
    )
    question.save(update_fields=["state", "claimed_by", "claimed_name", "changed_at"])
    tell([question.unit_id], "问题已答复", f"“{question.subject}”有了答复，请查看。", at=at, url=f"/u/questions/{number}")
    record([Trace("contact.answered", number, unit_id=question.unit_id)], at=at)


def _locked(number: str) -> Question:
    question = Question.objects.select_for_update().filter(number=number).first()
    if question is None:
        raise refusals.NoQuestionError
    return question


def _add(question: Question, side: str, text: str, at: datetime) -> None:
    actor = current()
    QuestionLine.objects.create(
        question=question,
        unit_id=question.unit_id,
        agency_id=question.agency_id,
        side=side,
        text=text,
        at=at,
        account_id=actor.account_id,
        account_name=actor.name[:50],
    )


def _said(text: str, what: str, most: int) -> str:
    """Lines are kept, other characters that cannot be seen are not."""
    clean = "".join(c for c in text.replace("\r\n", "\n") if c == "\n" or c.isprintable()).strip()
    if not clean:
        raise refusals.NothingSaidError(f"请填写{what}")
    if len(clean) > most:
        raise refusals.NothingSaidError(f"{what}最多 {most} 字，现在有 {len(clean)} 字，请删减")
    return clean


def _next_number(at: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("select nextval('contact_question_number')")
        return f"WT{at.astimezone(ZONE):%Y%m%d}{int(cursor.fetchone()[0]) % 1_000_000:06d}"
