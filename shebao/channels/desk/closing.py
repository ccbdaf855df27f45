"""日结 and 月结 at the desk: how far the books are closed, what stands in the way, and the two acts."""

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.months import last_day, month_shown
from shebao.base.terms import Post
from shebao.channels import errors
from shebao.channels.desk.books import fund_label
from shebao.channels.desk.pages import actor_of, clean, engine_of, live_of, show
from shebao.channels.guards import agency
from shebao.ledger import closing
from shebao.ledger.queries import closed
from shebao.levy.desk_queries import account_names
from shebao.policy.rulebook import standard

DAYS_SHOWN, MONTHS_SHOWN = 14, 12


@agency(Post.FINANCE)
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Closed days and months, and what is next."""
    return _page(request)


@agency(Post.FINANCE)
@require_POST
def days(request: HttpRequest) -> HttpResponse:
    """日结 up to a day."""
    moment, text = now(), clean(request.POST.get("to"), 10)
    try:
        to = date.fromisoformat(text)
    except ValueError:
        return _page(request, problems=[("to", "日期请按 2026-11-21 的样子填写")], status=422)
    try:
        with acting(engine_of(actor_of(request))):
            done = closing.close_days(live_of(request).place, to, at=moment)
    except ShebaoError as error:
        return _page(request, problems=[("to", error.text)], status=error.status)
    return HttpResponseRedirect(f"/w/books/closing?done={len(done)}")


@agency(Post.FINANCE)
@require_POST
def month(request: HttpRequest, month: int) -> HttpResponse:
    """月结 by the first, or 复核 by the second."""
    if not (190001 <= month <= 299912 and 1 <= month % 100 <= 12):
        return errors.page(request, 404)
    act = closing.confirm_month if request.POST.get("act") == "confirm" else closing.close_month
    try:
        with acting(engine_of(actor_of(request))):
            act(live_of(request).place, month, at=now())
    except ShebaoError as error:
        return _page(request, problems=[(None, error.text)], status=error.status)
    return HttpResponseRedirect(f"/w/books/closing?month={month}")


def _page(request: HttpRequest, *, problems: list[tuple[str | None, str]] | None = None, status: int = 200) -> HttpResponse:
    place, today = live_of(request).place, now().date()
    stands = closed(place, MONTHS_SHOWN)
    yesterday = today - timedelta(days=1)
    next_month = closing.month_to_close(place, today)
    waits = stands.month(next_month)
    with acting(ENGINE):  # the sub-ledgers are of every agency of the place
        controls = closing.controls(place)
        why_not = closing.why_not_closable(place, next_month, stands.to)
        recent = closing.recent_days(place, DAYS_SHOWN)
        names = account_names(
            [*(d.closed_by for d in recent), *(m.closed_by for m in stands.months), *(m.confirmed_by or 0 for m in stands.months)]
        )
    told = dict(problems or [])
    context: dict[str, object] = {
        "place": standard().place(place).label,
        "closed_to": stands.to,
        "open_days": (yesterday - stands.to).days if stands.to else None,
        "days_due": stands.to is None or stands.to < yesterday,
        "to_field": {
            "name": "to", "label": "日结到（含）", "kind": "date", "required": True,
            "value": clean(request.POST.get("to"), 10) or yesterday.isoformat(),
            "hint": "从上次日结的次日起，逐日结到这一天；当天要等次日", "error": told.get("to", ""),
        },
        "next_month": next_month,
        "next_last": last_day(next_month),
        "waits": waits,
        "mine": waits is not None and waits.closed_by == actor_of(request).account_id,
        "why_not": why_not,
        "controls": [{"control": c, "fund": fund_label(c.fund)} for c in controls if c.ledger_fen or c.sub_ledger_fen],
        "agree": all(not c.difference_fen for c in controls),
        "days": recent,
        "months": stands.months,
        "names": names,
        "done": clean(request.GET.get("done"), 6),
        "settled": next((m for m in stands.months if str(m.month) == request.GET.get("month")), None),
        "month_shown": month_shown,
        "errors": problems or [],
        "has_errors": bool(problems),
    }  # fmt: skip
    return show(request, "books_closing", "日结月结", context, status=status)
