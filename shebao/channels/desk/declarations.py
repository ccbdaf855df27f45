"""申报情况: who has not declared a month yet, for the desk, with export. The list is also what reminders go by."""

from datetime import datetime, time

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.clock import ZONE, now
from shebao.base.months import MonthError, month_of, month_shown, shift
from shebao.base.months import month as month_in
from shebao.base.terms import Post
from shebao.channels.desk.pages import actor_of, address, clean, engine_of, live_of, number_of, show
from shebao.channels.guards import agency
from shebao.channels.portal.batch import download
from shebao.contact.messages import tell, told_since
from shebao.levy.declared_queries import Undeclared, declared_counts, undeclared
from shebao.levy.models import MonthState
from shebao.levy.months import state_of
from shebao.policy.declaration import types_rule
from shebao.policy.rulebook import standard
from shebao.surfaces.workbook.export import ExportKind, export_workbook

SIZE = 50
EXPORT_ROWS_MAX = 100_000
HEADERS = ("序号", "单位编号", "单位名称", "联系人", "联系电话", "参保人数", "上月缴费额（元）", "按上月核定额（元）")
KINDS = (
    ExportKind.NUMBER, ExportKind.TEXT, ExportKind.TEXT, ExportKind.TEXT, ExportKind.TEXT, ExportKind.NUMBER, ExportKind.MONEY,
    ExportKind.MONEY,
)  # fmt: skip
WIDTHS = (6, 16, 32, 12, 16, 10, 18, 18)
MONTHS_OFFERED = 6
REMINDER = (
    "{month}的养老、失业、工伤保险费还没有申报。请核对申报表后确认申报，并在申报后的 10 个工作日内缴费；"
    "不按规定申报的，按上月缴费额的 110% 核定，补办申报后结算。"
)


@agency(Post.REVIEWER, Post.CLERK, Post.FINANCE)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Units that have not declared, most people first."""
    agency_id, place, present = actor_of(request).agency_id, live_of(request).place, month_of(now().date())
    month, search, page = _month(request.GET.get("month", ""), present), clean(request.GET.get("q")), number_of(request.GET.get("page"))
    rule = types_rule(standard(), month, place)
    found = undeclared(agency_id, place, month, standard(), search=search, page=page, size=SIZE)
    done, fen = declared_counts(agency_id, month)
    choices = tuple((str(m), month_shown(m)) for m in (shift(present, -i) for i in range(MONTHS_OFFERED)))
    context = {
        "reminded": number_of(request.GET.get("reminded"), -1),
        "may_remind": bool(actor_of(request).posts & {Post.REVIEWER, Post.CLERK}),
        "rows": found.rows if rule else [],
        "total": found.total if rule else 0,
        "done": done,
        "done_fen": fen,
        "month": month,
        "assessed": state_of(place, month) is MonthState.ASSESSED,
        "rule": rule,
        "search": search,
        "page": page,
        "pages": max(1, -(-found.total // SIZE)),
        "size": SIZE,
        "base": address(month=month, q=search) + "page=",
        "filters": [
            {"name": "month", "label": "费款所属期", "kind": "choice", "value": str(month), "choices": choices, "required": True},
            {"name": "q", "label": "单位名称或编号", "kind": "text", "value": search},
        ],
    }
    return show(request, "declarations", "申报情况", context)


@agency(Post.REVIEWER, Post.CLERK, Post.FINANCE)
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The whole list as .xlsx, for telephone and mail."""
    month = _month(request.GET.get("month", ""), month_of(now().date()))
    rows = undeclared(actor_of(request).agency_id, live_of(request).place, month, standard(), size=EXPORT_ROWS_MAX).rows
    title = f"未申报单位（{month_shown(month)}）"
    content = export_workbook(title, HEADERS, (_line(i, row) for i, row in enumerate(rows, 1)), kinds=KINDS, widths=WIDTHS)
    return download(content, f"未申报单位-{month}.xlsx")


@agency(Post.REVIEWER, Post.CLERK)
@require_POST
def remind(request: HttpRequest) -> HttpResponse:
    """A message to every unit that has still to declare; a unit is reminded of a month once a day."""
    actor, moment, place = actor_of(request), now(), live_of(request).place
    month = _month(request.POST.get("month", ""), month_of(moment.date()))
    waiting = [row.unit_id for row in undeclared(actor.agency_id, place, month, standard(), size=EXPORT_ROWS_MAX).rows]
    title = f"请申报{month_shown(month)}社会保险费"
    with acting(engine_of(actor)):
        told = told_since(title, datetime.combine(moment.date(), time(), ZONE), waiting)
        fresh = [unit_id for unit_id in waiting if unit_id not in told]
        tell(fresh, title, REMINDER.format(month=month_shown(month)), at=moment, url=f"/u/months/{month}")
        record([Trace("levy.reminded", f"{month}", after={"units": len(fresh)}, agency_id=actor.agency_id)], at=moment)
    return HttpResponseRedirect(f"/w/declarations?month={month}&reminded={len(fresh)}")


def _line(i: int, row: Undeclared) -> tuple[int | str, ...]:
    return i, row.number, row.name, row.contact_name, row.contact_phone, row.heads, row.last_fen, row.estimate_fen


def _month(typed: str, present: int) -> int:
    try:
        return month_in(typed)
    except MonthError:
        return present
