"""经办工作台: what waits, since when, what I hold, what was done today; for finance the money that waits and this month's collection."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import now
from shebao.base.terms import Post
from shebao.casework.item import item_of
from shebao.casework.queries import Wanted, midnight
from shebao.casework.queues import MINE, WAITING, queue, queue_heads, throughput
from shebao.channels.desk import finance
from shebao.channels.desk.pages import actor_of, live_of, show
from shebao.channels.desk.words import age
from shebao.channels.guards import agency
from shebao.channels.searching import news_line
from shebao.contact.notices import notices_for
from shebao.levy.desk_queries import unit_names

MINE_SHOWN = 6
NEWS_SHOWN = 5


@agency()
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """工作台."""
    actor, moment = actor_of(request), now()
    context: dict[str, object] = {
        "reviewing": Post.REVIEWER in actor.posts,
        "finance": Post.FINANCE in actor.posts,
        "today": moment.date(),
        "news": [news_line(n) for n in notices_for(moment.date(), NEWS_SHOWN)],
    }
    if Post.REVIEWER in actor.posts:
        context |= _reviewer(actor.agency_id, actor.account_id, moment)
    if Post.FINANCE in actor.posts:
        context |= finance.workbench(actor.agency_id, live_of(request).place, moment)
    return show(request, "home", "工作台", context, crumbs=())


def _reviewer(agency_id: int, account_id: int, at: datetime) -> dict[str, object]:
    heads = queue_heads(agency_id=agency_id, account_id=account_id, at=at)
    day = throughput(agency_id=agency_id, account_id=account_id, since=midnight(at.date()))
    lists = {
        one.code: queue(one, Wanted(), agency_id=agency_id, account_id=account_id, at=at, size=MINE_SHOWN).rows for one in (MINE, WAITING)
    }
    shown = [*lists["mine"], *lists["waiting"]]
    units = unit_names([c.unit_id for c in shown])
    return {
        "waiting": heads["waiting"],
        "waiting_age": age(heads["waiting"].oldest_at, at),
        "mine": heads["mine"],
        "second": heads["second"],
        "late": heads["late"],
        "mine_age": age(heads["mine"].oldest_at, at),
        "day": day,
        "lists": {
            code: [
                {
                    "case": case,
                    "item": item_of(case.item_code, case.item_version).title,
                    "unit_name": units.get(case.unit_id, ("", ""))[1],
                    "age": age(case.submitted_at, at),
                }
                for case in cases
            ]
            for code, cases in lists.items()
        },
    }
