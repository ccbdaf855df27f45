"""个人账户年度结算 at the desk: the years of the place with their rates, a trial of one, the start of the run."""

from datetime import date

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.accounts import part_year_review, settling, trying
from shebao.accounts.models import YearState
from shebao.accounts.queries import settled_years
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.casework.jobs import defer
from shebao.channels import errors
from shebao.channels.desk.pages import actor_of, engine_of, live_of, said, show
from shebao.channels.guards import agency
from shebao.policy.account import RATE
from shebao.policy.rulebook import standard
from shebao.policy.shapes import percent

TITLE = "个人账户年度结算"
LIST = (TITLE, "/w/settlements")
STATES = {
    YearState.OPEN: ("记账中", "mute"),
    YearState.SETTLING: ("结算中", "info"),
    YearState.SETTLED: ("已结算", "ok"),
}


@agency(Post.FINANCE)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Years, newest first: rate, state, figures, and what stands in the way of the next one."""
    place, on = live_of(request).place, now().date()
    rows = []
    for year, state, run in settled_years(place):
        done = state == YearState.SETTLED
        row = {"year": year, "state": STATES[state], "run": run, "done": done, "why_not": "" if done else _why_not(place, year, on)}
        rows.append(_rate(place, year) | row)
    return show(
        request,
        "settlements",
        TITLE,
        {
            "rows": rows,
            "place": standard().place(place).label,
            "part_years": part_year_review.all_waiting(actor_of(request).agency_id),
        },
    )


@agency(Post.FINANCE)
@require_GET
def trial(request: HttpRequest, year: int) -> HttpResponse:
    """试算 of a year, or 复算 of a settled one beside what was booked; nothing is written."""
    return _trial(request, year)


@agency(Post.FINANCE)
@require_POST
def start(request: HttpRequest, year: int) -> HttpResponse:
    """Begin the settlement (or go on with one) and queue it, both or neither."""
    moment, place = now(), live_of(request).place
    if not _known(place, year):
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            run_id = settling.begin(place, year, rulebook=standard(), on=moment.date(), at=moment)
            defer("settle_accounts", run_id=run_id)
    except ShebaoError as error:
        return _trial(request, year, error)
    return HttpResponseRedirect(f"/w/runs/{settling.KIND}/{run_id}")


def _trial(request: HttpRequest, year: int, refused: ShebaoError | None = None) -> HttpResponse:
    place, on = live_of(request).place, now().date()
    known = next((row for row in settled_years(place) if row[0] == year), None)
    if known is None:
        return errors.page(request, 404)
    _, state, run = known
    done = run if state == YearState.SETTLED else None
    tried, why_not = None, ""
    try:
        with acting(engine_of(actor_of(request))):  # sums of the whole place, without names
            rate_ppm = done.rate_ppm if done else int(settling.check(place, year, rulebook=standard(), on=on).value)
            tried = trying.attempt(place, year, rate_ppm)
    except ShebaoError as error:
        why_not = error.text
    context = _rate(place, year) | {
        "year": year,
        "tried": tried,
        "done": done,
        "agrees": bool(done and tried and (tried.interest_fen, tried.closing_fen) == (done.interest_fen, done.total_fen)),
        "why_not": why_not,
        "place": standard().place(place).label,
        "gap": percent(settling.GAP_PPM),
    }
    if done:
        context |= {"rate": percent(done.rate_ppm), "source": done.rate_source}
    if refused is not None:
        context |= said(refused)
    title = f"{year} 年结算{'复算' if done else '试算'}"
    return show(request, "settlement", title, context, crumbs=(LIST, (title, None)), status=refused.status if refused else 200)


def _known(place: str, year: int) -> bool:
    return any(known == year for known, _, _ in settled_years(place))


def _why_not(place: str, year: int, on: date) -> str:
    try:
        settling.check(place, year, rulebook=standard(), on=on)
    except ShebaoError as error:
        return error.text
    return ""


def _rate(place: str, year: int) -> dict[str, object]:
    """The published rate of a year, with its source and how far it may be trusted."""
    rule = standard().find(RATE, date(year, 12, 31), place)
    if rule is None or rule.value is None:
        return {"rate": "尚未公布", "source": "；".join(rule.source) if rule else "", "status": "", "verify": False}
    return {
        "rate": percent(int(rule.value)),
        "source": "；".join([*([rule.law] if rule.law else []), *rule.source]),
        "status": rule.status.label,
        "verify": rule.status.verify_before_production,
    }


urls: list[URLPattern] = [
    path("settlements", listed, name="desk-settlements"),
    path("settlements/<int:year>", trial, name="desk-settlement"),
    path("settlements/<int:year>/start", start, name="desk-settlement-start"),
]
