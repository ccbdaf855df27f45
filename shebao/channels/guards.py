"""Who may open an address. Every view carries a guard; a test holds that none is without."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.http.response import HttpResponseBase

from shebao.access import rights
from shebao.access.rights import Level
from shebao.base.actor import Actor, Role
from shebao.base.terms import Post
from shebao.casework.item import Audience, ServiceItem, item_by_slug, items_for

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


@dataclass(frozen=True, slots=True)
class Guard:
    """roles: who may come; posts: one of these is needed (none named: any). Open to everyone when no role is named.

    partner: a program of this partner, by its signature (channels/partners/signature.py); no sign-in opens such an address.
    """

    roles: frozenset[Role] = frozenset()
    posts: frozenset[Post] = frozenset()
    api: bool = False
    partner: str = ""

    @property
    def open(self) -> bool:
        return not self.roles and not self.partner

    def admits(self, actor: Actor) -> bool:
        """Whether an actor may come in."""
        return self.open or (actor.role in self.roles and (not self.posts or bool(self.posts & actor.posts)))


def everyone(view: View) -> View:
    """Open to the public."""
    return _with(view, Guard())


def unit_operators(view: View) -> View:
    """For 单位经办人."""
    return _with(view, Guard(frozenset({Role.UNIT}), frozenset({Post.UNIT_OPERATOR})))


def unit_accounts(view: View) -> View:
    """For whoever acts for a unit, in whichever post."""
    return _with(view, Guard(frozenset({Role.UNIT})))


def unit_leads(view: View) -> View:
    """For 主经办人, who keeps the unit's operators."""
    return _with(view, Guard(frozenset({Role.UNIT}), frozenset({Post.UNIT_LEAD})))


def unit_api(view: View) -> View:
    """For a unit's programs: the same accounts, answers in JSON."""
    return _with(view, Guard(frozenset({Role.UNIT}), frozenset({Post.UNIT_OPERATOR}), api=True))


def individuals(view: View) -> View:
    """For 个人: the own affairs of one insured person."""
    return _with(view, Guard(frozenset({Role.PERSON}), frozenset({Post.INDIVIDUAL})))


def person_api(view: View) -> View:
    """For a person's programs: the same accounts, answers in JSON."""
    return _with(view, Guard(frozenset({Role.PERSON}), frozenset({Post.INDIVIDUAL}), api=True))


def signed_in(view: View) -> View:
    """For anyone with a sign-in."""
    return _with(view, Guard(frozenset({Role.UNIT, Role.PERSON, Role.AGENCY, Role.ADMIN, Role.AUDITOR})))


def message_readers(view: View) -> View:
    """For those who get messages: operators of units, and people."""
    return _with(view, Guard(frozenset({Role.UNIT, Role.PERSON}), frozenset({Post.UNIT_OPERATOR, Post.INDIVIDUAL})))


def agency(*posts: Post) -> Callable[[View], View]:
    """For the agency's posts."""
    return lambda view: _with(view, Guard(frozenset({Role.AGENCY}), frozenset(posts)))


def filers_and_reviewers(view: View) -> View:
    """For those who file and those who review: photos and scans, each of one's own unit or agency."""
    return _with(view, Guard(frozenset({Role.UNIT, Role.AGENCY}), frozenset({Post.UNIT_OPERATOR, Post.REVIEWER, Post.CLERK})))


def partner(name: str) -> Callable[[View], View]:
    """For a partner's programs, by their signature."""
    return lambda view: _with(view, Guard(api=True, partner=name))


def administrators(view: View) -> View:
    """For 系统管理员."""
    return _with(view, Guard(frozenset({Role.ADMIN}), frozenset({Post.ADMINISTRATOR})))


def auditors(view: View) -> View:
    """For 稽核审计."""
    return _with(view, Guard(frozenset({Role.AUDITOR}), frozenset({Post.AUDITOR})))


# What an operator needs for an address of one 事项 (a route with the item's slug); every other step of it is 录入.
LEVEL_OF = {"portal-item": Level.QUERY, "api-file": Level.SUBMIT}
# Addresses that are no 事项 but may be kept back from an operator all the same.
_ROUTES_OF = {
    "service.staff": "portal-staff portal-staff-export portal-employee portal-reveal portal-changes portal-changes-export"
    " api-staff api-employee",
    "service.bills": "portal-account portal-bills portal-bill portal-bill-print portal-bill-person portal-order-detail portal-arrears"
    " portal-arrears-export portal-arrears-person portal-payments portal-payments-export api-bills api-bill api-due",
    "service.certificates": "portal-certificates portal-paper portal-bundle-new portal-bundle portal-bundle-progress portal-bundle-zip"
    " api-bundles api-bundle api-bundle-zip",
}
SERVICE_OF = {route: service for service, routes in _ROUTES_OF.items() for route in routes.split()}


# Pages of an item beside its form: the item's slug and what an operator needs.
ITEM_OF = {
    "portal-months": ("declare-month", Level.QUERY),
    "portal-month": ("declare-month", Level.QUERY),
    "portal-month-declare": ("declare-month", Level.SUBMIT),
}
PAGES_OF_ITEMS = {"levy.declare_month": "/u/months"}  # items that are better done on a page of their own than in a form


def page_of(item: ServiceItem) -> str:
    """Where an item begins in the unit portal."""
    return PAGES_OF_ITEMS.get(item.code, f"/u/items/{item.slug}/")


def without_right(actor: Actor, route: str, slug: str) -> rights.NoRightError | None:
    """Why an operator may not open an address: the rights that the 主经办人 gave, said once for pages and API."""
    if service := SERVICE_OF.get(route):
        needed = Level.QUERY
        if not rights.may(actor, service, needed):
            return rights.NoRightError(rights.SERVICES[service], needed)
    slug, level = ITEM_OF.get(route, (slug, LEVEL_OF.get(route, Level.FILE)))
    if slug and (item := item_by_slug(slug)) is not None:
        needed = level
        if not rights.may(actor, item.code, needed):
            return rights.NoRightError(item.title, needed)
    return None


def open_items(actor: Actor) -> list[ServiceItem]:
    """The items that an operator may see: of menus and grids."""
    return [item for item in items_for(Audience.UNIT) if rights.may(actor, item.code, Level.QUERY)]


def guard_of(view: Callable[..., Any]) -> Guard | None:
    """The guard of a view, if it has one."""
    found = getattr(view, "guard", None)
    return found if isinstance(found, Guard) else None


def _with(view: View, guard: Guard) -> View:
    view.guard = guard  # type: ignore[attr-defined]
    return view
