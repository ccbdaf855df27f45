"""重新核定: what changed rules make of assessed months. One person computes a trial, another one releases it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.months import MonthError, month, month_of, shift
from shebao.base.terms import Post
from shebao.casework.jobs import defer
from shebao.channels import errors
from shebao.channels.desk.pages import actor_of, clean, engine_of, live_of, number_of, said, show
from shebao.channels.guards import agency
from shebao.levy import recalculating
from shebao.levy.models import LineState, Recalculation, RecalculationState
from shebao.levy.recalculation_queries import changes_of, find, lines_of, listed, progress_of, sums_of
from shebao.policy.rulebook import standard

SIZE = 50
WORDS = {
    RecalculationState.COMPUTING: ("试算中", "info"),
    RecalculationState.TRIAL: ("待复核", "warn"),
    RecalculationState.RELEASED: ("已生效", "ok"),
    RecalculationState.DISCARDED: ("已放弃", "mute"),
    RecalculationState.FAILED: ("试算中止", "err"),
}
LINE_TONES = {LineState.TRIAL: "warn", LineState.CHARGED: "ok", LineState.HELD: "info", LineState.CLOSED: "mute"}
LIST = ("重新核定", "/w/recalculations")


@agency(Post.FINANCE, Post.REVIEWER)
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Trials of the place, newest first, and the form for a new one."""
    return _page(request)


def _page(request: HttpRequest, refused: ShebaoError | None = None, given: tuple[str, str] | None = None) -> HttpResponse:
    present = month_of(now().date())
    first, last = given or (str(shift(present, -3)), str(shift(present, -1)))
    context: dict[str, Any] = {
        "rows": [{"found": r, "word": WORDS[RecalculationState(r.state)]} for r in listed(live_of(request).place)],
        "fields": [
            {"name": name, "label": label, "kind": "month", "required": True, "value": value, "example": str(present)}
            for name, label, value in (("first", "费款所属期起", first), ("last", "费款所属期止", last))
        ],
        "place": standard().place(live_of(request).place).label,
    }
    if refused is not None:
        context |= said(refused)
    return show(request, "recalculations", LIST[0], context, status=refused.status if refused else 200)


@agency(Post.FINANCE, Post.REVIEWER)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Begin a trial and queue it, both or neither."""
    given = clean(request.POST.get("first"), 10), clean(request.POST.get("last"), 10)
    try:
        first, last = (month(text) for text in given)
        if first > last:
            raise MonthError("起始年月不能晚于截止年月，请核对")
    except MonthError as error:
        return _page(request, ShebaoError(str(error)), given)
    try:
        with acting(engine_of(actor_of(request))):
            made = recalculating.begin(live_of(request).place, first, last, standard(), at=now())
            defer("recalculate", recalculation_id=made)
    except ShebaoError as error:
        return _page(request, error, given)
    return HttpResponseRedirect(f"/w/recalculations/{made}")


@agency(Post.FINANCE, Post.REVIEWER)
@require_GET
def one(request: HttpRequest, run_id: int) -> HttpResponse:
    """A trial: which rules changed, who differs by how much and why."""
    return _one(request, run_id)


def _one(request: HttpRequest, run_id: int, refused: ShebaoError | None = None) -> HttpResponse:
    found = find(run_id)
    if found is None or found.place != live_of(request).place:
        return errors.page(request, 404)
    page, search = number_of(request.GET.get("page")), clean(request.GET.get("q"), 30)
    rows, total = lines_of(found, search=search, page=page, size=SIZE)
    context: dict[str, Any] = {
        "found": found,
        "word": WORDS[RecalculationState(found.state)],
        "changes": changes_of(found),
        "sums": sums_of(found),
        "progress": progress_of(found) if found.state == RecalculationState.COMPUTING else None,
        "rows": rows,
        "total": total,
        "page": page,
        "pages": max(1, -(-total // SIZE)),
        "size": SIZE,
        "search": search,
        "base": f"?q={search}&page=" if search else "?page=",
        "tones": {state.value: tone for state, tone in LINE_TONES.items()},
        "mine": found.computed_by == actor_of(request).account_id,
        "open": found.state == RecalculationState.TRIAL,
    }
    if refused is not None:
        context |= said(refused)
    title = f"重新核定第 {found.pk} 号"
    return show(request, "recalculation", title, context, crumbs=(LIST, (title, None)), status=refused.status if refused else 200)


@agency(Post.FINANCE, Post.REVIEWER)
@require_GET
def progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """How far a trial is; when it has ended the page is loaded anew."""
    found = find(run_id)
    if found is None or found.place != live_of(request).place:
        return errors.page(request, 404)
    response = render(request, "desk/recalculation_progress.html", {"found": found, "progress": progress_of(found)})
    if found.state != RecalculationState.COMPUTING:
        response["HX-Refresh"] = "true"
    return response


@agency(Post.FINANCE, Post.REVIEWER)
@require_POST
def release(request: HttpRequest, run_id: int) -> HttpResponse:
    """复核生效, by another person than who computed it."""
    return _acted(request, run_id, lambda found: recalculating.release(found.pk, standard(), at=now()))


@agency(Post.FINANCE, Post.REVIEWER)
@require_POST
def discard(request: HttpRequest, run_id: int) -> HttpResponse:
    """放弃."""
    return _acted(request, run_id, lambda found: recalculating.discard(found.pk, at=now()))


def _acted(request: HttpRequest, run_id: int, act: Any) -> HttpResponse:
    found: Recalculation | None = find(run_id)
    if found is None or found.place != live_of(request).place:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            act(found)
    except ShebaoError as error:
        return _one(request, run_id, error)
    return HttpResponseRedirect(f"/w/recalculations/{run_id}")
