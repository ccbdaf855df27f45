"""What the pages of the 个人 portal share: the frame, who is acting, answers that say no."""

from collections.abc import Mapping
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from shebao.access.queries import Live
from shebao.base.actor import Actor, Role
from shebao.channels.frame import frame
from shebao.contact.messages import unread_of_person

Crumbs = tuple[tuple[str, str | None], ...]
HOME = ("首页", "/p/")
LAYOUT = "layouts/personal.html"


def actor_of(request: HttpRequest) -> Actor:
    """The acting person; `person_id` is theirs, `agency_id` the agency that gave the account."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def live_of(request: HttpRequest) -> Live:
    """The sign-in: agency and place."""
    live: Live = request.live  # type: ignore[attr-defined]
    return live


def engine_of(actor: Actor) -> Actor:
    """The engine, for writes that only it may make, in the name of the person that asked."""
    return Actor(Role.ENGINE, actor.account_id, actor.name, 0, actor.agency_id, person_id=actor.person_id)


def show(
    request: HttpRequest, template: str, title: str, context: Mapping[str, object], *, crumbs: Crumbs | None = None, status: int = 200
) -> HttpResponse:
    """A page of the portal (templates in channels/templates/personal). crumbs: what comes after 首页; None for the title alone."""
    path: Crumbs = () if crumbs == () else (HOME, *(crumbs or ((title, None),)))
    shared = frame(request, title, crumbs=path, counts={"unread": unread_of_person(actor_of(request).person_id)})
    return render(request, f"personal/{template}.html", shared | {"key": uuid4(), "layout": LAYOUT, "errors": [], **context}, status=status)
