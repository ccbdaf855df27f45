"""登记证: who has not verified it for a year, and the certificate of a unit to print at the counter."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import now, today
from shebao.base.terms import Post
from shebao.channels import errors
from shebao.channels.desk.pages import actor_of, live_of, number_of, show
from shebao.channels.guards import agency
from shebao.channels.portal.batch import download
from shebao.channels.portal.bills import PDF_TYPE
from shebao.channels.registration_papers import certificate_pdf
from shebao.levy.desk_queries import find_unit
from shebao.parties.registered import unverified
from shebao.policy.rulebook import standard

PAGE_SIZE = 50
YEARS_BACK = 5


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def verifications(request: HttpRequest) -> HttpResponse:
    """登记证验证: units not verified for a year, overdue once the year's window has ended."""
    actor, day = actor_of(request), today()
    years = [day.year - i for i in range(YEARS_BACK)]
    year = number_of(request.GET.get("year"), day.year)
    year = year if year in years else day.year
    rule = standard().find("registration.verification_window", day, live_of(request).place)
    last: date | None = rule.value.days(year)[1] if rule is not None and rule.value is not None else None
    rows = unverified(year, agency_id=actor.agency_id, after=number_of(request.GET.get("after"), 0), limit=PAGE_SIZE + 1)
    context = {
        "year": year,
        "years": [{"label": f"{y} 年度", "url": f"?year={y}", "current": y == year} for y in years],
        "rows": rows[:PAGE_SIZE],
        "more": rows[PAGE_SIZE - 1].unit_id if len(rows) > PAGE_SIZE else 0,
        "rule": rule,
        "last": last,
        "days_late": max((day - last).days, 0) if last else 0,
    }
    return show(request, "verifications", "登记证验证", context)


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def certificate(request: HttpRequest, number: str) -> HttpResponse:
    """社会保险登记证 of a unit, sealed."""
    unit = find_unit(number)
    if unit is None:
        return errors.page(request, 404)
    content = certificate_pdf(unit, account_id=actor_of(request).account_id, at=now())
    return download(content, f"社会保险登记证-{unit.number}.pdf", PDF_TYPE, inline=True)
