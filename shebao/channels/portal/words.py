"""Words and tones of cases as all pages of the portal show them, in the seeds' terms."""

from dataclasses import dataclass
from datetime import date, datetime

from shebao.casework.item import ServiceItem
from shebao.casework.models import Case, CaseState, Channel, Event, FilingState
from shebao.channels.portal.case_lists import item_of_case
from shebao.policy.rulebook import standard

FILING_WORDS = {
    FilingState.DRAFT: ("未提交", "mute"),
    FilingState.REVIEW: ("进行中", "info"),
    FilingState.DONE: ("通过", "ok"),
    FilingState.RETURNED: ("已退回", "err"),
    FilingState.WITHDRAWN: ("已退单", "mute"),
}
CASE_TONES = {
    CaseState.CHECKING: "info",
    CaseState.DRAFT: "mute",
    CaseState.REVIEW: "info",
    CaseState.DONE: "ok",
    CaseState.WITHDRAWN: "mute",
}
EVENT_WORDS = {"submitted": "now", "claimed": "now", "returned": "err", "refused": "err"}


def state_words(case: Case) -> tuple[str, str]:
    """业务状态 of a case and its tone."""
    if case.state == CaseState.DRAFT and case.returned:
        return "已退回", "err"
    return CaseState(case.state).label, CASE_TONES[CaseState(case.state)]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a list of cases. `action`: what the operator does next, with its address."""

    id: int
    number: str
    title: str
    subject: str
    word: str
    tone: str
    returned: bool
    reason: str
    changed_at: datetime
    action: tuple[str, str]
    version: int


def case_line(case: Case) -> Line:
    """A case in a list. Its `has_errors` is known where find_cases made it."""
    item = item_of_case(case)
    word, tone = state_words(case)
    batch = case.channel == Channel.WORKBOOK
    url = f"/u/cases/{case.pk}"
    if case.state == CaseState.CHECKING:
        action = ("查看进度", url)
    elif case.state != CaseState.DRAFT:
        action = ("查看", url)
    elif case.returned:
        action = ("修改重报", url if batch else f"{url}/edit")
    elif getattr(case, "has_errors", False):
        action = ("修改错误", url) if batch else ("继续填写", f"{url}/edit")
    else:
        action = ("提交审批", url)
    return Line(
        id=case.pk,
        number=case.number,
        title=f"{item.title}{'批量' if batch else ''}",
        subject=case.subject,
        word=word,
        tone=tone,
        returned=case.returned,
        reason=case.return_reason,
        changed_at=case.changed_at,
        action=action,
        version=case.version,
    )


def cutoff_of(place: str, on: date) -> date | None:
    """窗口审核截止日 of this month, where the rulebook has one."""
    rule = standard().find("enrolment.cutoff_day", on, place)
    return date(on.year, on.month, int(rule.value)) if rule is not None and rule.value is not None else None


def nothing_waits(cutoff: date | None, on: date, *, vip: bool) -> str:
    """What an empty list of 待办 says, with what matters next."""
    if vip or cutoff is None:
        return "没有待办。增减员随时可办，系统自动审核。"
    if on > cutoff:
        return f"没有待办。本月窗口审核已于 {cutoff.month} 月 {cutoff.day} 日截止，现在提交的可能到下月审核。"
    return f"没有待办。本月增减员窗口审核截止 {cutoff.month} 月 {cutoff.day} 日。"


def event_line(event: Event, case: Case) -> dict[str, object]:
    """One event of the timeline."""
    tone = EVENT_WORDS.get(event.kind, "")
    if event.kind == "reviewed":
        tone = "err" if "退回" in event.text else "ok"
    what, _, note = event.text.partition("：") if event.kind == "reviewed" else (event.text, "", "")
    who = event.account_name or "系统"
    return {
        "at": event.at,
        "who": who if not (event.kind == "reviewed" and case.automatic) else "系统自动审核",
        "what": what,
        "note": note,
        "tone": tone,
    }


def steps_of(case: Case, item: ServiceItem, *, amended: bool = False) -> list[dict[str, str]]:
    """录入 → 核对 → 提交审批 → 审核 → 结束, as far as the case is. amended: a returned one was mended since."""
    draft, back = case.state == CaseState.DRAFT, case.returned and not amended
    done, gone = case.state == CaseState.DONE, case.state == CaseState.WITHDRAWN
    review = case.state == CaseState.REVIEW
    who = "系统自动审核" if case.automatic else "窗口审核"
    passed = not draft
    return [
        {"title": "录入", "text": "按退回原因修改" if back else "已保存", "state": "now" if back else "done"},
        {"title": "核对", "text": "人员、工资与缴费影响", "state": "now" if draft and not back else "done" if passed else ""},
        {
            "title": "提交审批",
            "text": f"第 {case.round} 次提交" if case.round else "提交后进入审核",
            "state": "done" if passed and not gone else "",
        },
        {"title": "审核", "text": who if case.round else "VIP 单位由系统自动审核", "state": "now" if review else "done" if done else ""},
        {"title": "结束", "text": "已退单" if gone else item_end(item, case), "state": "done" if done else "bad" if gone else ""},
    ]


def item_end(item: ServiceItem, case: Case) -> str:
    """What stands under 结束."""
    return "已办结" if case.state == CaseState.DONE else "生效并可打印"
