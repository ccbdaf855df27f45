"""What the pages of the desk share: the frame with the counts of the menu, the acting account in the engine's role, small readers."""

from collections.abc import Mapping
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from shebao.access.queries import Live
from shebao.base.actor import Actor, Role
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.casework.queues import queue_heads
from shebao.channels.frame import frame
from shebao.contact.queries import desk_counts
from shebao.levy import refund_queries
from shebao.levy.desk_queries import receipt_sums
from shebao.levy.models import ReceiptState
from shebao.levy.refund_models import RefundState

Crumbs = tuple[tuple[str, str | None], ...]
Errors = list[tuple[str | None, str]]
HOME = ("工作台", "/w/")
LAYOUT = "layouts/desk.html"


def actor_of(request: HttpRequest) -> Actor:
    """The acting account of the agency."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def live_of(request: HttpRequest) -> Live:
    """The sign-in: agency and place."""
    live: Live = request.live  # type: ignore[attr-defined]
    return live


def engine_of(actor: Actor) -> Actor:
    """The engine, for writes that only it may make, in the name of the account that asked: the trace names the person."""
    return Actor(Role.ENGINE, actor.account_id, actor.name, 0, actor.agency_id)


def show(
    request: HttpRequest, template: str, title: str, context: Mapping[str, object], *, crumbs: Crumbs | None = None, status: int = 200
) -> HttpResponse:
    """A page of the desk; a template with a folder is another channel's.

    crumbs: what comes after 工作台; None for the title alone, empty for none at all.
    """
    path: Crumbs = () if crumbs == () else (HOME, *(crumbs or ((title, None),)))
    shared = frame(request, title, crumbs=path, counts=menu_counts(actor_of(request)))
    return render(
        request,
        f"{template if '/' in template else 'desk/' + template}.html",
        shared | {"key": uuid4(), "layout": LAYOUT, "errors": [], **context},
        status=status,
    )


def menu_counts(actor: Actor) -> dict[str, int]:
    """What waits for the posts of an account, for the menu's badges."""
    counts: dict[str, int] = {}
    if Post.REVIEWER in actor.posts:
        heads = queue_heads(agency_id=actor.agency_id, account_id=actor.account_id, at=now())
        counts |= {code: head.count for code, head in heads.items()}
    if actor.posts & {Post.REVIEWER, Post.CLERK}:
        counts |= desk_counts(now().date())
    if Post.FINANCE in actor.posts:
        sums = receipt_sums(actor.agency_id)
        counts |= {"pending": sums[ReceiptState.PENDING].count, "suspense": refund_queries.suspense_sums(actor.agency_id).count}
        waiting = refund_queries.refund_sums(actor.agency_id)
        counts["refunds"] = waiting[RefundState.APPLIED].count + waiting[RefundState.REVIEWED].count
        counts["differences"] = refund_queries.open_differences(actor.agency_id)
    return counts


def said(error: ShebaoError, field: str | None = None) -> dict[str, object]:
    """The context of a page that says no, in the words of the error."""
    return {"errors": [(field, error.text)], "has_errors": True}


def clean(text: str | None, most: int = 40) -> str:
    """What was typed into a box or an address: no control characters (the database refuses NUL), trimmed, cut."""
    return "".join(c for c in (text or "") if c.isprintable()).strip()[:most]


def number_of(text: str | None, default: int = 1) -> int:
    """A small whole number of an address or a hidden field."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default


def address(**parameters: object) -> str:
    """'?a=1&b=2&' of what is given, for pagers: the page's number is put behind it."""
    query = QueryDict(mutable=True)
    for name, value in parameters.items():
        if value not in ("", None):
            query[name] = str(value)
    return "?" + (query.urlencode() + "&" if query else "")
