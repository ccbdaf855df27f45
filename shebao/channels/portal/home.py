"""单位首页: where the month stands, what waits, what is owed."""

from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.access import rights
from shebao.access.rights import Level, may
from shebao.base.actor import Actor
from shebao.base.clock import now
from shebao.base.money import yuan_shown
from shebao.base.months import Month, month_of, month_shown
from shebao.casework.models import CaseState
from shebao.channels.guards import open_items, page_of, unit_operators
from shebao.channels.portal.bookings import coming
from shebao.channels.portal.case_lists import Wanted, find_cases
from shebao.channels.portal.figures import Forecast, Movement, Waiting, bill_of, forecast, movement, twelve_months, waiting
from shebao.channels.portal.pages import actor_of, live_of, show
from shebao.channels.portal.words import case_line, cutoff_of, nothing_waits
from shebao.channels.searching import news_line
from shebao.contact.notices import notices_for
from shebao.enrolment.queries import headcount
from shebao.levy.declared_queries import Stage, Standing, standings
from shebao.levy.deferring import open_parts
from shebao.levy.models import OPEN_STATES, Bill, BillState
from shebao.levy.queries import open_of_unit
from shebao.policy.rulebook import standard

TASKS_SHOWN = 5
NEWS_SHOWN = 5
USUAL = ("add-employee", "stop-employee", "change-wage", "declare-month", "back-payment")
BATCHES = ("add-employee", "stop-employee")
SERVICES = (
    ("service.bills", {"label": "缴费单与到账", "url": "/u/bills", "icon": "credit-card-2-front"}),
    ("service.certificates", {"label": "参保证明", "url": "/u/certificates", "icon": "file-earmark-text"}),
    ("service.staff", {"label": "花名册", "url": "/u/staff", "icon": "person-lines-fill"}),
)
NOON, EVENING = 12, 18
MORNING = 5


@unit_operators
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """首页."""
    moment, live, unit_id = now(), live_of(request), actor_of(request).unit_id
    on = moment.date()
    month = month_of(on)
    bill, cutoff = bill_of(unit_id, month), cutoff_of(live.place, on)
    expected, moves, cases = forecast(unit_id, month, live.place), movement(unit_id, month), waiting(unit_id)
    overdue_bills, overdue_fen = open_of_unit(unit_id, on)
    todo = find_cases(unit_id, (CaseState.DRAFT, CaseState.CHECKING), Wanted(), 1)
    sees = {code.partition(".")[2]: may(actor_of(request), code, Level.QUERY) for code in rights.SERVICES}
    sees["add"] = may(actor_of(request), "enrolment.add_employee", Level.FILE)
    context = {
        "greeting": greeting(moment),
        "live": live,
        "month": month,
        "deadline": deadline(cutoff, on, vip=live.vip),
        "steps": month_steps(month, bill, expected, moves, cases, on, standings(unit_id, live.place, [month], on, standard())[0]),
        "headcount": headcount(unit_id, month),
        "moves": moves,
        "bill": bill,
        "expected": expected,
        "overdue_bills": overdue_bills,
        "overdue_fen": overdue_fen,
        "cases": cases,
        "todo": [case_line(case) for case in todo.cases[:TASKS_SHOWN]],
        "todo_total": todo.total,
        "nothing": nothing_waits(cutoff, on, vip=live.vip),
        "entries": _entries(actor_of(request)),
        "sees": sees,
        "columns": twelve_months(unit_id, on),
        "coming": coming(unit_id, on),
        "news": [news_line(n) for n in notices_for(on, NEWS_SHOWN)],
    }
    return show(request, "home", "首页", context)


def _entries(actor: Actor) -> list[dict[str, str]]:
    """常用事项: what is done every month, as far as the operator may; the rest stands in the menu and under 全部事项."""
    known = {item.slug: item for item in open_items(actor)}
    usual = [known[slug] for slug in USUAL if slug in known]
    batches = [item for item in usual if item.batch_rows_max and item.slug in BATCHES]
    return [
        *({"label": i.title, "url": page_of(i), "icon": i.icon} for i in usual),
        *({"label": f"{i.title}批量", "url": f"/u/items/{i.slug}/batch", "icon": "file-earmark-spreadsheet"} for i in batches),
        *(entry for code, entry in SERVICES if may(actor, code, Level.QUERY)),
    ]


def greeting(moment: datetime) -> str:
    """上午好, as the hour has it."""
    if MORNING <= moment.hour < NOON:
        return "上午好"
    return "下午好" if NOON <= moment.hour < EVENING else "晚上好"


def deadline(cutoff: date | None, on: date, *, vip: bool) -> tuple[str, str] | None:
    """How long the counter still reviews this month, for units that need it; None where it does not matter."""
    if vip:
        return "全月办理，系统自动审核", "info"
    if cutoff is None:
        return None
    left = (cutoff - on).days
    if left < 0:
        return f"本月窗口审核已于 {cutoff.day} 日截止", "warn"
    return (f"距窗口审核截止还有 {left} 天（{cutoff.month} 月 {cutoff.day} 日）" if left else "今天是窗口审核截止日"), "warn"


def month_steps(
    month: Month, bill: Bill | None, expected: Forecast | None, moves: Movement, cases: Waiting, on: date, stands: Standing
) -> list[dict[str, object]]:
    """人员增减 → 工资核对 → 月度申报 → 费用核定 → 核定单 → 缴费, with real figures. 月度申报 where the place asks for it."""
    declared = [] if stands.stage is Stage.NOT_REQUIRED else [_declared(stands)]
    return [_people(moves, cases), _wages(expected), *declared, _assessed(bill, expected), _bill(month, bill), _paid(bill, on)]


def _declared(stands: Standing) -> dict[str, object]:
    url = f"/u/months/{stands.month}"
    if stands.declaration is not None:
        text = f"已申报 {yuan_shown(stands.declaration.total_fen)} 元\n{stands.declaration.headcount:,} 人"
        return {"title": "月度申报", "text": text, "state": "done", "action": {"label": "看申报表", "url": url, "kind": ""}}
    if not stands.stage.may_declare:
        return {"title": "月度申报", "text": "本月不用申报", "state": "", "tag": (stands.stage.label, stands.stage.tone)}
    text = "按上月 110% 核定\n请补申报" if stands.stage is Stage.ESTIMATED else "每月自主申报\n核对申报表后确认"
    return {"title": "月度申报", "text": text, "state": "now", "action": {"label": "去申报", "url": url, "kind": "primary"}}


def _people(moves: Movement, cases: Waiting) -> dict[str, object]:
    text = f"增员 {moves.added} 人、减员 {moves.stopped} 人"
    if cases.returned:
        action = {"label": "处理退回", "url": "/u/todo?returned=yes", "kind": "danger"}
        return {"title": "人员增减", "text": f"{text}\n{cases.returned} 笔被退回，请修改后重新提交", "state": "bad", "action": action}
    if cases.drafts:
        action = {"label": "去提交", "url": "/u/todo", "kind": ""}
        return {"title": "人员增减", "text": f"{text}\n{cases.drafts} 笔尚未提交审批", "state": "now", "action": action}
    more = f"\n{cases.review} 笔审批中" if cases.review else "\n没有待办"
    return {"title": "人员增减", "text": text + more, "state": "done", "tag": ("随时可办", "ok")}


def _wages(expected: Forecast | None) -> dict[str, object]:
    if expected is None or not expected.people:
        return {"title": "工资核对", "text": "没有在职参保人员" if expected else "参数尚未公布", "state": "", "tag": ("未开始", "mute")}
    clamped = [f"{expected.floored} 人按下限保底" if expected.floored else "", f"{expected.capped} 人按上限封顶" if expected.capped else ""]
    text = f"{expected.people:,} 人已申报工资\n{'，'.join(c for c in clamped if c) or '都在上下限之间'}"
    return {"title": "工资核对", "text": text, "state": "done", "action": {"label": "看花名册", "url": "/u/staff", "kind": ""}}


def _assessed(bill: Bill | None, expected: Forecast | None) -> dict[str, object]:
    if bill is not None:
        return {
            "title": "费用核定",
            "text": f"已核定 {yuan_shown(bill.total_fen)} 元\n{bill.headcount:,} 人",
            "state": "done",
            "tag": ("已完成", "ok"),
        }
    if expected is None:
        return {"title": "费用核定", "text": "本月参数尚未公布", "state": "", "tag": ("未开始", "mute")}
    text = f"预核定 {yuan_shown(expected.total_fen)} 元\n月末由经办机构统一核定"
    return {"title": "费用核定", "text": text, "state": "now", "tag": ("办理中", "info")}


def _bill(month: Month, bill: Bill | None) -> dict[str, object]:
    if bill is None:
        return {"title": "核定单", "text": "核定后生成\n可打印核定表", "state": "", "tag": ("未开始", "mute")}
    action = {"label": "看核定单", "url": f"/u/bills/{bill.number}", "kind": ""}
    return {"title": "核定单", "text": f"{bill.number}\n{month_shown(month)}", "state": "done", "action": action}


def _paid(bill: Bill | None, on: date) -> dict[str, object]:
    if bill is None:
        return {"title": "缴费", "text": "核定后 10 个工作日内\n税务渠道缴纳", "state": "", "tag": ("未开始", "mute")}
    if bill.state == BillState.PAID:
        return {"title": "缴费", "text": f"已到账 {yuan_shown(bill.paid_fen)} 元", "state": "done", "tag": ("已到账", "ok")}
    if bill.state not in OPEN_STATES:
        return {"title": "缴费", "text": BillState(bill.state).label, "state": "done", "tag": (BillState(bill.state).label, "mute")}
    part = open_parts(bill)[0]  # what is due first; the rest may be deferred
    if part.deferred and on <= part.due_date:
        text = f"缓缴 {yuan_shown(part.amount_fen)} 元\n{part.due_date} 前补缴"
        return {"title": "缴费", "text": text, "state": "now", "tag": ("缓缴中", "info")}
    late = on > part.due_date
    text = f"应缴 {yuan_shown(part.amount_fen)} 元\n{'已逾期，' if late else ''}截止 {part.due_date.month} 月 {part.due_date.day} 日"
    action = {"label": "去缴费", "url": f"/u/bills/{bill.number}", "kind": "danger" if late else "primary"}
    return {"title": "缴费", "text": text, "state": "bad" if late else "now", "action": action}
