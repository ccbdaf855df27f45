"""What the pages of the portal share: the frame with the counts of the menu, submission keys, answers that say no."""

from collections.abc import Mapping
from uuid import UUID, uuid4

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from shebao.access.queries import Live
from shebao.base.actor import Actor
from shebao.base.errors import ShebaoError
from shebao.casework.models import Submission
from shebao.channels import errors
from shebao.channels.frame import frame

Crumbs = tuple[tuple[str, str | None], ...]
HOME = ("首页", "/u/")
LAYOUT = "layouts/portal.html"


def actor_of(request: HttpRequest) -> Actor:
    """The acting operator."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def live_of(request: HttpRequest) -> Live:
    """The operator's sign-in: unit, agency, place."""
    live: Live = request.live  # type: ignore[attr-defined]
    return live


def show(
    request: HttpRequest, template: str, title: str, context: Mapping[str, object], *, crumbs: Crumbs = (), status: int = 200
) -> HttpResponse:
    """A page of the portal."""
    shared = frame(request, title, crumbs=crumbs, counts=menu_counts(actor_of(request).unit_id))
    return render(request, f"portal/{template}.html", shared | {"key": uuid4(), "layout": LAYOUT, **context}, status=status)


def piece(request: HttpRequest, template: str, context: Mapping[str, object], *, status: int = 200) -> HttpResponse:
    """A fragment for htmx."""
    return render(request, f"portal/{template}.html", {"live": live_of(request), "key": uuid4(), **context}, status=status)


def menu_counts(unit_id: int) -> dict[str, int]:
    """What waits for the unit: cases, messages nobody read, questions with an answer. On every page of the portal: one plain query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select (select count(*) from casework_case where unit_id = %(unit)s and state in ('draft', 'checking')),
                   (select count(*) from contact_message where unit_id = %(unit)s and read_at is null),
                   (select count(*) from contact_question where unit_id = %(unit)s and state = 'answered')
            """,
            {"unit": unit_id},
        )
        return dict(zip(("todo", "unread", "answered"), cursor.fetchone(), strict=True))


def key_of(request: HttpRequest) -> UUID | None:
    """The submission key of a form; None when it is missing or was tampered with."""
    try:
        return UUID(request.POST.get("key", ""))
    except ValueError:
        return None


def saved_under(key: UUID | None, cases: str = "/u/cases") -> str:
    """Where the content stands that was saved under a key before; empty when there is none."""
    known = Submission.objects.filter(key=key).values_list("case_id", flat=True).first() if key else None
    return f"{cases}/{known}" if known else ""


def number_of(text: str | None, default: int = 0) -> int:
    """A small whole number of an address or a hidden field."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else default


def by_htmx(request: HttpRequest) -> bool:
    """Whether only a fragment is wanted."""
    return request.headers.get("HX-Request") == "true"


def clash(request: HttpRequest, error: ShebaoError, newest: str) -> HttpResponse:
    """409: the content moved on meanwhile, or was submitted before. Leads to the newest content."""
    if by_htmx(request):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = newest
        return response
    return errors.page(request, 409, text=error.text, back_url=newest)
