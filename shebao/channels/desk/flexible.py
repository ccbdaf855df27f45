"""灵活就业 on the desk: start a month's dues or the end of a year, see what the runs made."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.months import month_of, month_shown, shift
from shebao.base.terms import Post
from shebao.casework.jobs import defer
from shebao.channels.desk.pages import actor_of, engine_of, live_of, said, show
from shebao.channels.desk.runs import REFRESH_SECONDS
from shebao.channels.guards import agency
from shebao.levy import flexible_month
from shebao.levy.flexible_month import KIND, runs_of
from shebao.policy.rulebook import standard

MONTHS_OFFERED = 6
STATES = {"running": ("执行中", "info"), "done": ("完成", "ok"), "failed": ("失败", "err")}


@agency(Post.FINANCE, Post.REVIEWER)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """The runs, and forms to start the next."""
    return _page(request)


@agency(Post.FINANCE, Post.REVIEWER)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Begin a run and queue it, both or neither; an interrupted one goes on where it was."""
    moment, place = now(), live_of(request).place
    what, text = request.POST.get("what", ""), request.POST.get("which", "")
    if what not in ("month", "year") or not (text.isascii() and text.isdigit() and len(text) in (4, 6)):
        return HttpResponseRedirect("/w/flexible")
    try:
        with acting(engine_of(actor_of(request))):
            if what == "month":
                if not 1 <= int(text) % 100 <= 12:
                    return HttpResponseRedirect("/w/flexible")
                run_id = flexible_month.begin(place, int(text), at=moment)
            else:
                year = flexible_month.year_by_code(int(text), place, standard())
                run_id = flexible_month.begin_year(place, year, rulebook=standard(), at=moment)
            defer("run_flexible", run_id=run_id)
    except ShebaoError as error:
        return _page(request, refused=error)
    return HttpResponseRedirect("/w/flexible")


def _page(request: HttpRequest, refused: ShebaoError | None = None) -> HttpResponse:
    place, month = live_of(request).place, month_of(now().date())
    runs = runs_of(place)
    context: dict[str, object] = {
        "runs": [
            {
                "run": run,
                "what": f"{month_shown(run.month)}应缴" if run.kind == KIND else f"截至{month_shown(run.month)}的社保年度结转",
                "state": STATES.get(run.state, (run.state, "mute")),
            }
            for run in runs
        ],
        "months": [(shift(month, -i), month_shown(shift(month, -i))) for i in range(MONTHS_OFFERED)],
        "live": any(run.state == "running" for run in runs),
        "seconds": REFRESH_SECONDS,
        "month": month,
        "year": month // 100 - 1,
    }
    if refused is not None:
        context |= said(refused)
    return show(request, "flexible", "灵活就业应缴", context, status=refused.status if refused else 200)


urls: list[URLPattern] = [
    path("flexible", listed, name="desk-flexible"),
    path("flexible/start", start, name="desk-flexible-start"),
]
