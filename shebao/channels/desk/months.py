"""月度核定: the months of the place, starting (or going on with) a run, its progress."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.months import month_of, shift
from shebao.base.terms import Post
from shebao.casework.jobs import defer
from shebao.channels import errors
from shebao.channels.desk.pages import actor_of, engine_of, live_of, said, show
from shebao.channels.guards import agency
from shebao.levy import assessing
from shebao.levy.billing import due_date
from shebao.levy.desk_queries import MonthLine, find_run, months_of
from shebao.levy.models import MonthState
from shebao.levy.queries import Progress
from shebao.levy.queries import progress as progress_of
from shebao.policy.rulebook import standard

MONTHS_SHOWN = 12
MONTHS_MIN = 2
STATE_WORDS = {MonthState.OPEN: ("未核定", "mute"), MonthState.ASSESSING: ("核定中", "info"), MonthState.ASSESSED: ("已核定", "ok")}


@dataclass(frozen=True, slots=True)
class Row:
    """A month with what may be done with it."""

    line: MonthLine
    word: str
    tone: str
    may_start: bool
    again: str  # the word on the button: 开始核定, 继续核定, 重新核定
    progress: Progress | None


@agency(Post.FINANCE, Post.REVIEWER)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Months, newest first."""
    return _page(request)


@agency(Post.FINANCE, Post.REVIEWER)
@require_POST
def start(request: HttpRequest, month: int) -> HttpResponse:
    """Begin the run and queue it, both or neither. Starting an interrupted run again goes on where it was."""
    moment, place = now(), live_of(request).place
    if not 1 <= month % 100 <= 12:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            run_id = assessing.begin(place, month, at=moment)
            defer("assess_month", run_id=run_id)
    except ShebaoError as error:
        return _page(request, refused=error)
    return HttpResponseRedirect(f"/w/months#m{month}")


@agency(Post.FINANCE, Post.REVIEWER)
@require_GET
def progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """How far a run is, for the page that asks again and again; when it has ended the page is loaded anew."""
    run = find_run(run_id)
    if run is None or run.place != live_of(request).place:
        return errors.page(request, 404)
    response = render(request, "desk/month_progress.html", {"run": run, "progress": progress_of(run_id)})
    if run.state != "running":
        response["HX-Refresh"] = "true"
    return response


def _page(request: HttpRequest, refused: ShebaoError | None = None) -> HttpResponse:
    place, moment = live_of(request).place, now()
    present = month_of(moment.date())
    lines = months_of(place, [shift(present, -i) for i in range(MONTHS_SHOWN)])
    rows = [_row(line) for line in _worth_showing(lines)]
    context: dict[str, object] = {
        "rows": rows,
        "present": present,
        "place": standard().place(place).label,
        "due": _due(place, moment),
        "running": [row for row in rows if row.progress],
        "former": next((row.line.run for row in rows if row.line.state is MonthState.ASSESSED), None),
    }
    if refused is not None:
        context |= said(refused)
    return show(request, "months", "月度核定", context, status=refused.status if refused else 200)


def _worth_showing(lines: list[MonthLine]) -> list[MonthLine]:
    """Months, newest first, down to the first one that was ever assessed: older ones were settled before this system."""
    touched = [i for i, line in enumerate(lines) if line.run is not None]
    return lines[: max(touched[-1] + 1 if touched else 0, MONTHS_MIN)]


def _row(line: MonthLine) -> Row:
    word, tone = STATE_WORDS[line.state]
    failed = line.run is not None and line.run.state == "failed"
    running = line.run is not None and line.run.state == "running"
    if failed and line.state is MonthState.OPEN:
        word, tone = "核定失败", "err"
    return Row(
        line,
        word,
        tone,
        may_start=line.state is not MonthState.ASSESSED,
        again="继续核定" if running else "重新核定" if failed else "开始核定",
        progress=progress_of(line.run.pk) if line.run is not None and running else None,
    )


def _due(place: str, at: datetime) -> str:
    """The last day to pay bills issued today, or why it is not known."""
    try:
        return due_date(standard(), at.date(), place).isoformat()
    except ShebaoError as error:
        return error.text
