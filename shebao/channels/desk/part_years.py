"""当年结算 of one account at the desk: trial, proposal, and the second person's decision."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods, require_POST

from shebao.access.acting import acting
from shebao.accounts import part_year_review
from shebao.accounts.models import EndKind
from shebao.accounts.part_year import NotSettleableError, attempt
from shebao.base.clock import now, today
from shebao.base.errors import ShebaoError
from shebao.base.months import month_of
from shebao.base.terms import Post
from shebao.channels import errors
from shebao.channels.desk.accounts import person_page
from shebao.channels.desk.pages import actor_of, clean, engine_of, live_of, said, show
from shebao.channels.guards import agency
from shebao.levy.desk_queries import find_person
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason


@agency(Post.FINANCE)
@require_http_methods(["GET", "HEAD", "POST"])
def part_year(request: HttpRequest, number: str) -> HttpResponse:
    """The trial of a 当年结算 this month; POST proposes it to a second person."""
    if request.method != "POST":
        return _trial(request, number)
    found, place = find_person(number), live_of(request).place
    if found is None:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            part_year_review.propose(
                found.pk, _kind(request.POST.get("kind")), month_of(today()), clean(request.POST.get("reason"), 200), place=place,
                agency_id=actor_of(request).agency_id, rulebook=standard(), at=now(),
            )  # fmt: skip
    except ShebaoError as error:
        return _trial(request, number, error)
    return HttpResponseRedirect(f"/w/people/{found.number}/account?place={place}#h-part-waiting")


def _trial(request: HttpRequest, number: str, error: ShebaoError | None = None) -> HttpResponse:
    found, place = find_person(number), live_of(request).place
    if found is None:
        return errors.page(request, 404)
    base = f"/w/people/{found.number}/account"
    context: dict[str, object] = {"person": found, "base": base, "place_label": standard().place(place).label, "typed": "", "why_not": ""}
    try:
        kind = _kind(request.POST.get("kind") or request.GET.get("kind"))
        with acting(engine_of(actor_of(request))):
            tried = attempt(found.pk, kind, month_of(today()), place=place, rulebook=standard(), at=now())
        context |= {"tried": tried, "reason": reason(tried.explained.to_dict()), "typed": clean(request.POST.get("reason"), 200)}
        title = f"{kind.label}当年结算试算"
    except ShebaoError as refused:
        context |= {"why_not": refused.text}
        title = "当年结算试算"
    if error is not None:
        context |= said(error)
    crumbs = (("人员快查", "/w/people"), (found.name, f"/w/people/{found.number}"), ("个人账户", base), (title, None))
    return show(request, "part_year", title, context, crumbs=crumbs, status=error.status if error else 200)


def _kind(text: str | None) -> EndKind:
    if text not in EndKind.values:
        raise NotSettleableError("请选择原因：退休、关系转出或死亡")
    return EndKind(text)


@agency(Post.FINANCE)
@require_POST
def decide(request: HttpRequest, number: str) -> HttpResponse:
    """复核 what somebody else proposed."""
    found, place = find_person(number), live_of(request).place
    if found is None:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            part_year_review.decide(
                found.pk, confirm=request.POST.get("act") == "confirm", place=place, agency_id=actor_of(request).agency_id,
                rulebook=standard(), at=now(),
            )  # fmt: skip
    except ShebaoError as error:
        return person_page(request, number, error)
    return HttpResponseRedirect(f"/w/people/{found.number}/account?place={place}#h-part")


urls: list[URLPattern] = [
    path("people/<slug:number>/account/part-year", part_year, name="desk-part-year"),
    path("people/<slug:number>/account/part-year/decide", decide, name="desk-part-year-decide"),
]
