"""个人账户 of a person and 缴费账户 of a unit, for the desk. Every look is on record."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from shebao.access.acting import acting
from shebao.accounts import part_year_review
from shebao.accounts.models import EndKind
from shebao.accounts.part_year import attempt
from shebao.accounts.queries import accounts_of
from shebao.audit.operations import Trace, record
from shebao.base.clock import now, today
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.channels import errors, unit_account
from shebao.channels.desk.look import DESK
from shebao.channels.desk.pages import actor_of, engine_of, live_of, number_of, said, show
from shebao.channels.desk.suspense import names
from shebao.channels.guards import agency
from shebao.channels.rights import account_context
from shebao.levy.desk_queries import find_person, find_unit
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason

BILLS = frozenset({Post.FINANCE, Post.REVIEWER})  # who may open a bill


@agency(*DESK)
@require_GET
def person(request: HttpRequest, number: str) -> HttpResponse:
    """The account of a person: years, credits, interest with 怎么算的, part years."""
    return person_page(request, number)


def person_page(request: HttpRequest, number: str, error: ShebaoError | None = None) -> HttpResponse:
    """The page of an account, with the refusal of what was asked on it."""
    found = find_person(number)
    if found is None:
        return errors.page(request, 404)
    record([Trace("accounts.looked", found.number, person_id=found.pk)], at=now())
    accounts = accounts_of(found.pk)
    asked = request.GET.get("place", "")
    account = next((a for a in accounts if not asked or a.place == asked), None)
    context = account_context(account, number_of(request.GET.get("year"), 0)) if account else {"account": None}
    more = {
        "person": found,
        "base": f"/w/people/{found.number}/account",
        "others": [a for a in accounts if account and a.place != account.place],
        **(_proposal(request, found.pk, account.place) if account else {}),
        **(said(error) if error else {}),
    }
    crumbs = (("人员快查", "/w/people"), (found.name, f"/w/people/{found.number}"), ("个人账户", None))
    title, status = f"{found.name}的个人账户", error.status if error else 200
    return show(request, "person_account", title, context | more, crumbs=crumbs, status=status)


def _proposal(request: HttpRequest, person_id: int, place: str) -> dict[str, Any]:
    """The 当年结算 that waits, as it would come out now; what the finance desk needs to begin one."""
    actor = actor_of(request)
    made = part_year_review.waiting(person_id, place)
    told: dict[str, Any] = {
        "proposal": made,
        "proposal_why": None,
        "why_not": "",
        "finance": Post.FINANCE in actor.posts,
        "me": actor.account_id,
        "place": live_of(request).place,
        "end_kinds": [(k.value, k.label) for k in EndKind],
    }
    if made is None:
        return told
    told["names"] = names([made.proposed_by])
    try:
        with acting(engine_of(actor)):
            tried = attempt(person_id, EndKind(made.kind), made.month, place=place, rulebook=standard(), at=now())
        return told | {"proposal_why": reason(tried.explained.to_dict())}
    except ShebaoError as error:
        return told | {"why_not": error.text}


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
