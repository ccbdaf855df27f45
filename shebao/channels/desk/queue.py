"""社保业务审批入口: the lists of cases that wait, that I hold, that I decided; taking a case."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.casework import review
from shebao.casework.item import item_of
from shebao.casework.models import Case, CaseState, Channel
from shebao.casework.queries import CHANNEL_CHOICES, Wanted, item_choices, people_counts
from shebao.casework.queues import BY_CODE, WAITING, Queue, next_waiting, queue, queue_heads, queues_for
from shebao.channels import errors
from shebao.channels.desk.pages import actor_of, address, clean, number_of, said, show
from shebao.channels.desk.words import age, state_words
from shebao.channels.guards import agency
from shebao.levy.desk_queries import unit_ids, unit_names

# What a column of a queue is called, and its class.
COLUMNS: dict[str, str | tuple[str, str]] = {
    "about": "事项与对象",
    "unit": "单位",
    "people": ("人数", "r"),
    "channel": "渠道",
    "submitted": "提交时间",
    "first": "初审与复核原因",
    "age": "已等",
    "state": "状态",
}


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def listed(request: HttpRequest, name: str) -> HttpResponse:
    """A queue with its filters."""
    found = BY_CODE.get(name)
    if found is None or not found.posts & actor_of(request).posts:
        return errors.page(request, 404)
    return _page(request, found)


@agency(Post.REVIEWER)
@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """领取 one case of the list, or the one that waits longest; leads to its review page."""
    actor, moment = actor_of(request), now()
    case_id = number_of(request.POST.get("case"), 0)
    if not case_id:
        found = next_waiting(agency_id=actor.agency_id, account_id=actor.account_id, at=moment)
        if found is None:
            return HttpResponseRedirect("/w/queue/waiting?empty=1")
        case_id = found.pk
    try:
        with acting(actor):
            review.claim(case_id, at=moment)
    except ShebaoError as error:
        return _page(request, WAITING, refused=error)
    return HttpResponseRedirect(f"/w/cases/{case_id}")


def _page(request: HttpRequest, name: Queue, refused: ShebaoError | None = None) -> HttpResponse:
    actor, moment = actor_of(request), now()
    asked = request.GET
    item_code, unit, channel = clean(asked.get("item"), 60), clean(asked.get("unit"), 60), clean(asked.get("channel"))
    search = clean(asked.get("q"))
    wanted = Wanted(item_code=item_code, channel=channel, search=search, unit_ids=unit_ids(unit) if unit else None)
    found = queue(name, wanted, agency_id=actor.agency_id, account_id=actor.account_id, at=moment, page=number_of(asked.get("page")))
    heads = queue_heads(agency_id=actor.agency_id, account_id=actor.account_id, at=moment)
    units, people = unit_names([c.unit_id for c in found.rows]), people_counts([c.pk for c in found.rows])
    filtered = bool(item_code or unit or channel or search)
    context: dict[str, object] = {
        "queue": name,
        "columns": [*(COLUMNS[column] for column in name.columns), {"label": "操作", "class": "tight"}],
        "oldest": age(heads[name.code].oldest_at, moment) if name.code in heads else None,
        "tabs_of": [
            {
                "label": q.title,
                "url": f"/w/queue/{q.code}",
                "count": heads[q.code].count if q.code in heads else None,
                "current": q is name,
            }
            for q in queues_for(actor.posts)
        ],
        "rows": [_row(case, units, people, moment, actor.account_id) for case in found.rows],
        "found": found,
        "base": address(item=item_code, unit=unit, channel=channel, q=search) + "page=",
        "filters": [
            {"name": "item", "label": "事项", "kind": "choice", "choices": item_choices(), "value": item_code, "prompt": "全部事项"},
            {"name": "unit", "label": "单位名称或编号", "kind": "text", "value": unit},
            {"name": "channel", "label": "渠道", "kind": "choice", "choices": CHANNEL_CHOICES, "value": channel, "prompt": "全部渠道"},
            {"name": "q", "label": "顺序号、身份证或姓名", "kind": "text", "value": search},
        ],
        "filtered": filtered,
        "empty_text": "没有符合条件的办件，请放宽条件再查。" if filtered else name.empty,
        "may_take": Post.REVIEWER in actor.posts and name.take,
        "nothing_left": bool(asked.get("empty")),
    }
    if refused is not None:
        context |= said(refused)
    return show(request, "queue", name.title, context, status=refused.status if refused else 200)


def _row(case: Case, units: dict[int, tuple[str, str]], people: dict[int, int], at: datetime, account_id: int) -> dict[str, object]:
    number, name = units.get(case.unit_id, ("", "新单位" if case.unit_id == 0 else ""))
    word, tone = state_words(case)
    waiting = age(case.submitted_at, at) if case.state == "review" else None
    return {
        "case": case,
        "item": item_of(case.item_code, case.item_version).title,
        "unit_number": number,
        "unit_name": name,
        "people": people.get(case.pk, 0),
        "age": waiting,
        "word": word,
        "tone": tone,
        "channel": dict(CHANNEL_CHOICES).get(case.channel, ""),
        "own": account_id in (case.submitted_by, case.created_by),
        "first_mine": case.first_by == account_id,
        "url": f"/w/counter/cases/{case.pk}"
        if case.channel == Channel.COUNTER and case.state == CaseState.DRAFT
        else f"/w/cases/{case.pk}",
    }
