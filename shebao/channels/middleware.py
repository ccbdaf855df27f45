"""Around every request: security headers, and the actor with its transaction. An exception undoes the whole request."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.conf import settings
from django.core import signing
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from shebao.access.acceptance import NotAcceptedError, missing
from shebao.access.acting import acting
from shebao.access.models import SignIn
from shebao.access.operations import digest
from shebao.access.queries import ROLE_OF_CLASS, Live, find_live
from shebao.base.actor import CURRENT, PUBLIC, Actor, Role
from shebao.base.clock import now, today
from shebao.base.errors import ShebaoError
from shebao.channels import errors, screening
from shebao.channels.guards import Guard as ViewGuard
from shebao.channels.guards import guard_of, without_right
from shebao.channels.partners import signature

COOKIE = "shebao"
SEEN_EVERY = timedelta(minutes=1)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",  # static files bring their own
}
# What stands in a request and cannot be meant: the status that tells so. DataError: a number or a text that no column could hold.
STATUS_OF: dict[type[Exception], int] = {Http404: 404, PermissionDenied: 403, BadRequest: 400, SuspiciousOperation: 400, DataError: 400}
AWAY = (OperationalError, InterfaceError)
log = logging.getLogger("shebao.request")

Answer = Callable[[HttpRequest], HttpResponse]


class Guard:
    """Headers on every answer; pages with data are not kept by caches. HEAD is answered as GET, without the content."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.trace = uuid4().hex[:12]  # type: ignore[attr-defined]
        if head := request.method == "HEAD":
            request.method = "GET"
        response = screening.refusal(request) or self.answer(request)
        if response.status_code == 405 and not response.content:
            response = _not_allowed(request, response)
        if head and not response.streaming:
            response["Content-Length"] = str(len(response.content))
            response.content = b""
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        return response


def _not_allowed(request: HttpRequest, bare: HttpResponse) -> HttpResponse:
    response = errors.page(request, 405)
    response["Allow"] = bare.get("Allow", "GET").replace("GET", "GET, HEAD")
    return response


class Acting:
    """Finds the actor of the signed cookie, opens the transaction in its name, and lets only admitted actors through."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            claimed = _claimed(request)
            if claimed is not None:
                actor, signin_id, token = claimed
                with acting(actor):
                    live = find_live(signin_id, digest(token), at=now(), idle_minutes=settings.SIGNIN_IDLE_MINUTES)
                    if live is not None:
                        return self._as(request, actor, signin_id, live)
            with acting(PUBLIC):
                request.actor, request.live, request.signin_id = PUBLIC, None, 0  # type: ignore[attr-defined]
                response = self.answer(request)
            if claimed is not None:
                response.delete_cookie(COOKIE, samesite="Lax")
            return response
        except AWAY as error:
            log.error("%s %s: database: %s", request.trace, request.path, error)  # type: ignore[attr-defined]
            return errors.page(request, 503)

    def _as(self, request: HttpRequest, claimed: Actor, signin_id: int, live: Live) -> HttpResponse:
        actor = replace(claimed, posts=live.posts, vip=live.vip, rights=live.rights)
        moment = now()
        if moment - live.seen_at > SEEN_EVERY:
            SignIn.objects.filter(pk=signin_id).update(seen_at=moment)
        # The same account with the same reach: the transaction keeps its settings, so neither a savepoint nor four more round trips.
        assert actor.settings() == claimed.settings(), "posts and VIP do not reach the database"
        acts = CURRENT.set(actor)
        try:
            request.actor, request.live, request.signin_id = actor, live, signin_id  # type: ignore[attr-defined]
            return self.answer(request)
        finally:
            CURRENT.reset(acts)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: object, kwargs: object) -> HttpResponse | None:
        """Refuse before the view runs: to sign-in when nobody is signed in, else as if there were no such page."""
        guard = guard_of(view)
        actor: Actor = request.actor  # type: ignore[attr-defined]
        if guard is None:
            return None if getattr(view, "open_file", False) else errors.page(request, 404)
        if guard.partner:
            return signature.refusal(request, guard.partner)
        if not guard.admits(actor):
            return _refused(request, actor, guard)
        live: Live | None = request.live  # type: ignore[attr-defined]
        if live is None or guard.open:
            return None
        match = request.resolver_match
        route, slug = str(match.url_name if match else ""), str(match.kwargs.get("slug", "") if match else "")
        return _first_things(request, actor, live, guard, route) or _not_given(request, actor, route, slug)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Undo everything the view did; say why in the words of the error, or that it is our fault, with a number to quote."""
        transaction.set_rollback(True)
        if isinstance(error, ShebaoError):
            return errors.told(request, error)
        status = 503 if isinstance(error, AWAY) else next((s for kind, s in STATUS_OF.items() if isinstance(error, kind)), 500)
        if status in (500, 503):
            log.error("%s %s", request.trace, request.path, exc_info=error)  # type: ignore[attr-defined]
        else:
            log.warning("%s %s: %s", request.trace, request.path, type(error).__name__)  # type: ignore[attr-defined]
        return errors.page(request, status)


def _first_things(request: HttpRequest, actor: Actor, live: Live, guard: ViewGuard, route: str) -> HttpResponse | None:
    """The first password has to be changed, and the agreements in force accepted, before anything else is done."""
    if live.must_change_password and route != "password-change":
        if guard.api:
            return errors.problem(request, 403, "ACC-04", "请先在网页登录并修改初始密码，再调用接口")
        return HttpResponseRedirect("/password")
    if actor.role is Role.UNIT and route not in ("password-change", "agreements-accept") and missing(live.accepted, today()):
        if guard.api:
            return errors.told(request, NotAcceptedError())
        wanted = f"?next={quote(request.get_full_path())}" if request.method == "GET" else ""
        return HttpResponseRedirect(f"/agreements{wanted}")
    return None


def _not_given(request: HttpRequest, actor: Actor, route: str, slug: str) -> HttpResponse | None:
    """An operator's rights by item; the operations hold them again."""
    error = without_right(actor, route, slug)
    return errors.told(request, error) if error else None


def _refused(request: HttpRequest, actor: Actor, guard: ViewGuard) -> HttpResponse:
    if guard.api:
        return errors.problem(request, 401 if actor.role is Role.PUBLIC else 403, "ACC-03", "请先登录，再调用接口")
    if actor.role is Role.PUBLIC:
        return HttpResponseRedirect(f"/sign-in?next={quote(request.get_full_path())}" if request.method == "GET" else "/sign-in")
    return errors.page(request, 403)


def _claimed(request: HttpRequest) -> tuple[Actor, int, str] | None:
    header = request.headers.get("Authorization", "")
    text = header[7:] if header.startswith("Bearer ") else request.COOKIES.get(COOKIE)
    if not text:
        return None
    try:
        said = signing.loads(text, salt="shebao.sign-in")
        actor = Actor(Role(said["r"]), int(said["a"]), str(said["n"]), int(said["u"]), int(said["g"]), person_id=int(said.get("p", 0)))
        return (actor, int(said["s"]), str(said["t"])) if actor.role in ROLE_OF_CLASS.values() else None
    except (signing.BadSignature, KeyError, ValueError, TypeError):
        return None


def sign_in_cookie(actor: Actor, signin_id: int, token: str) -> str:
    """What the browser keeps: signed, and worth nothing once the sign-in is ended in the database."""
    return signing.dumps(
        {
            "r": actor.role.value,
            "a": actor.account_id,
            "n": actor.name,
            "u": actor.unit_id,
            "g": actor.agency_id,
            "p": actor.person_id,
            "s": signin_id,
            "t": token,
        },
        salt="shebao.sign-in",
        compress=True,
    )
