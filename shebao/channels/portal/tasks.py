"""待办任务列表 and 已办任务列表, and the search of the header."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import now, today
from shebao.casework.item import items
from shebao.casework.models import CaseState
from shebao.channels.guards import unit_operators
from shebao.channels.portal.case_lists import PAGE_ROWS, Wanted, find_cases
from shebao.channels.portal.pages import HOME, actor_of, live_of, number_of, show
from shebao.channels.portal.words import case_line, cutoff_of, nothing_waits
from shebao.channels.public.help import query_of
from shebao.channels.searching import found_by_unit
from shebao.contact.queries import find_booking

WAITING = (CaseState.DRAFT, CaseState.CHECKING)
DONE = (CaseState.REVIEW, CaseState.DONE, CaseState.WITHDRAWN)
FOUND_MAX = 8


@unit_operators
@require_GET
def todo(request: HttpRequest) -> HttpResponse:
    """待办任务列表: what is not submitted, is being checked, or came back."""
    return _list(request, "todo", "待办任务列表", WAITING)


@unit_operators
@require_GET
def done(request: HttpRequest) -> HttpResponse:
    """已办任务列表: what was submitted, with its 审批结果."""
    return _list(request, "done", "已办任务列表", DONE)


def _list(request: HttpRequest, name: str, title: str, states: tuple[CaseState, ...]) -> HttpResponse:
    given = {key: request.GET.get(key, "").strip()[:40] for key in ("item", "state", "returned", "q")}
    wanted = Wanted(given["item"], given["state"], given["returned"], given["q"])
    found = find_cases(actor_of(request).unit_id, [s.value for s in states], wanted, number_of(request.GET.get("page"), 1))
    waiting = name == "todo"
    filters = [
        {
            "name": "item",
            "label": "事项",
            "kind": "choice",
            "required": False,
            "prompt": "全部事项",
            "value": wanted.item,
            "choices": [(i.code, i.title) for i in items()],
        },
        {
            "name": "state",
            "label": "业务状态" if waiting else "审批结果",
            "kind": "choice",
            "required": False,
            "prompt": "全部",
            "value": wanted.state,
            "choices": [(s.value, s.label) for s in states],
        },
        {"name": "q", "label": "业务顺序号 / 姓名", "kind": "search", "required": False, "value": wanted.text},
    ]
    if waiting:
        filters.insert(
            2,
            {
                "name": "returned",
                "label": "回退标志",
                "kind": "choice",
                "required": False,
                "prompt": "全部",
                "value": wanted.returned,
                "choices": [("yes", "是"), ("no", "否")],
            },
        )
    live = live_of(request)
    context = {
        "lines": [case_line(case) for case in found.cases],
        "filters": filters,
        "filtered": any(given.values()),
        "page": found.number,
        "pages": found.pages,
        "total": found.total,
        "size": PAGE_ROWS,
        "base": f"?{urlencode({k: v for k, v in given.items() if v})}&page=".replace("?&", "?"),
        "saved": request.GET.get("saved") == "1",
        "nothing": nothing_waits(cutoff_of(live.place, today()), today(), vip=live.vip),
    }
    return show(request, name, title, context, crumbs=(HOME, (title, None)))


@unit_operators
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """全站搜索: items, own staff, cases, bills, bookings, questions, 常见问题 and notices, in groups."""
    text = query_of(request)
    actor = actor_of(request)
    every = [state.value for state in CaseState]
    context = {
        "q": text,
        "search_text": text,
        "found": found_by_unit(text, actor.unit_id, now()),
        "lines": [case_line(case) for case in find_cases(actor.unit_id, every, Wanted(text=text), 1).cases[:FOUND_MAX]] if text else [],
        "booking": find_booking(text) if text.isdigit() else None,
    }
    return show(request, "search", f"搜索“{text}”" if text else "搜索", context, crumbs=(HOME, ("搜索", None)))
