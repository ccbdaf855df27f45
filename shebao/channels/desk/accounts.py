"""个人账户 of a person and 缴费账户 of a unit, for the desk. Every look is on record."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from shebao.accounts.models import Resettled
from shebao.accounts.queries import accounts_of, part_years_of
from shebao.audit.operations import Trace, record
from shebao.base.clock import now, today
from shebao.base.terms import Post
from shebao.channels import errors, unit_account
from shebao.channels.desk.look import DESK
from shebao.channels.desk.pages import actor_of, number_of, show
from shebao.channels.guards import agency
from shebao.channels.rights import account_context
from shebao.levy.desk_queries import find_person, find_unit

BILLS = frozenset({Post.FINANCE, Post.REVIEWER})  # who may open a bill


@agency(*DESK)
@require_GET
def person(request: HttpRequest, number: str) -> HttpResponse:
    """The account of a person: years, credits, interest with 怎么算的, part years."""
    found = find_person(number)
    if found is None:
        return errors.page(request, 404)
    record([Trace("accounts.looked", found.number, person_id=found.pk)], at=now())
    accounts = accounts_of(found.pk)
    asked = request.GET.get("place", "")
    account = next((a for a in accounts if not asked or a.place == asked), None)
    context = account_context(account, number_of(request.GET.get("year"), 0)) if account else {"account": None}
    again = {r.part_year_id: r for r in Resettled.objects.filter(person=found)}
    more = {
        "person": found,
        "base": f"/w/people/{found.number}/account",
        "others": [a for a in accounts if account and a.place != account.place],
        "parts_years": [{"part": p, "again": again.get(p.pk)} for p in part_years_of(found.pk)],
    }
    crumbs = (("人员快查", "/w/people"), (found.name, f"/w/people/{found.number}"), ("个人账户", None))
    return show(request, "person_account", f"{found.name}的个人账户", context | more, crumbs=crumbs)


@agency(*DESK)
@require_GET
def unit(request: HttpRequest, number: str) -> HttpResponse:
    """The account of a unit: what it owed and paid by month."""
    found = find_unit(number)
    if found is None:
        return errors.page(request, 404)
    record([Trace("unit.looked", found.number, unit_id=found.pk)], at=now())
    context = unit_account.context_of(found.pk, today(), bill_url="/w/bills/" if actor_of(request).posts & BILLS else "")
    crumbs = (("单位快查", "/w/units"), (found.name, f"/w/units/{found.number}"), ("缴费账户", None))
    return show(request, "unit_account", f"{found.name}的缴费账户", context | {"unit": found}, crumbs=crumbs)


urls: list[URLPattern] = [
    path("people/<slug:number>/account", person, name="desk-person-account"),
    path("units/<slug:number>/account", unit, name="desk-unit-account"),
]
