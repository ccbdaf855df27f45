"""批次管理: where each kind of run is begun, every run of the place with how far it is; one that stopped goes on, one that can be taken
back is."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.casework.jobs import defer
from shebao.channels import errors
from shebao.channels.desk.pages import actor_of, clean, engine_of, live_of, said, show
from shebao.channels.guards import agency
from shebao.levy import run_kinds
from shebao.levy.desk_queries import account_names
from shebao.levy.run_kinds import KINDS, Standing, lasts, standing, standings

WORDS = {
    "done": ("已完成", "ok"),
    "failed": ("失败", "err"),
    "running": ("执行中", "info"),
    "queued": ("排队中", "info"),
    "waiting": ("等待中", "warn"),
    "stopped": ("已中断", "err"),
}
REFRESH_SECONDS = 5
REASON_MAX = 100


@agency(Post.FINANCE, Post.REVIEWER)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Runs, newest first, of every kind or of one."""
    kind = clean(request.GET.get("kind"), 30)
    place = live_of(request).place
    kind = kind if kind in KINDS else ""
    found, last = standings(place, kind=kind), lasts(place)
    names = _names([s.run.started_by for s in found])
    context = {
        "rows": [row_of(s, names) for s in found],
        "kinds": [
            {
                "kind": k,
                "last": row_of(last[k.code], {}) if k.code in last else None,
                "may": bool(k.start and k.starters & actor_of(request).posts),
            }
            for k in KINDS.values()
            if kind in ("", k.code)
        ],
        "tabs_of": [
            {"label": label, "url": f"/w/runs?kind={code}" if code else "/w/runs", "current": code == kind}
            for code, label in (("", "全部"), *((k.code, k.label) for k in KINDS.values()))
        ],
        "kind": kind,
        "live": any(s.state in ("running", "queued") for s in found),
        "seconds": REFRESH_SECONDS,
    }
    return show(request, "runs", "批次管理", context)


@agency(Post.FINANCE, Post.REVIEWER)
@require_GET
def page(request: HttpRequest, kind: str, run_id: int) -> HttpResponse:
    """One run: how far, who, when, and what can be done with it."""
    return _page(request, kind, run_id)


@agency(Post.FINANCE, Post.REVIEWER)
@require_POST
def restart(request: HttpRequest, kind: str, run_id: int) -> HttpResponse:
    """Queue what is missing of a run again, both or neither."""
    place = live_of(request).place
    if standing(place, kind, run_id) is None:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            found = run_kinds.restart(place, kind, run_id, at=now())
            defer(found.kind.job, **{found.kind.argument: run_id})
    except ShebaoError as error:
        return _page(request, kind, run_id, refused=error)
    return HttpResponseRedirect(f"/w/runs/{kind}/{run_id}")


@agency(Post.FINANCE)
@require_POST
def reverse(request: HttpRequest, kind: str, run_id: int) -> HttpResponse:
    """冲回 a run whose kind allows it."""
    place, moment, reason = live_of(request).place, now(), clean(request.POST.get("typed"), REASON_MAX)
    if standing(place, kind, run_id) is None:
        return errors.page(request, 404)
    try:
        if not reason:
            raise run_kinds.NotReversibleRunError("请填写原因，写明为什么不要这个批次")
        with acting(engine_of(actor_of(request))):
            run_kinds.reverse(place, kind, run_id, reason, on=moment.date(), at=moment)
    except ShebaoError as error:
        return _page(request, kind, run_id, refused=error)
    return HttpResponseRedirect(f"/w/runs/{kind}/{run_id}")


def _page(request: HttpRequest, kind: str, run_id: int, refused: ShebaoError | None = None) -> HttpResponse:
    found = standing(live_of(request).place, kind, run_id)
    if found is None:
        return errors.page(request, 404)
    finance = Post.FINANCE in actor_of(request).posts
    context: dict[str, object] = {
        "row": row_of(found, _names([found.run.started_by])),
        "live": found.state in ("running", "queued"),
        "seconds": REFRESH_SECONDS,
        "may_restart": found.state == "stopped",
        "why_not": found.kind.why_not_reversible(found.run),
        "may_reverse": finance and not found.kind.why_not_reversible(found.run),
    }
    if refused is not None:
        context |= said(refused)
    title = f"{found.kind.label}　{found.run.about}"
    crumbs = (("批次管理", "/w/runs"), (title, None))
    return show(request, "run", title, context, crumbs=crumbs, status=refused.status if refused else 200)


def row_of(found: Standing, names: dict[int, str]) -> dict[str, object]:
    """A run as lists show it."""
    word, tone = (found.kind.undo[1], "mute") if found.state == "reversed" else WORDS.get(found.state, (found.state, "mute"))
    return {
        "standing": found,
        "run": found.run,
        "kind": found.kind,
        "word": word,
        "tone": tone,
        "by": names.get(found.run.started_by, "系统"),
        "url": f"/w/runs/{found.kind.code}/{found.run.id}",
        "own_page": found.kind.page(found.run),
    }


def _names(ids: list[int]) -> dict[int, str]:
    """Who started. Accounts are not the desk's to read; only these names are."""
    with acting(ENGINE):
        return account_names([i for i in ids if i])
