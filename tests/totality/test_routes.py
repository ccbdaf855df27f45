"""Every address has a guard that fits its channel; whoever is not admitted never reaches a view."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, UUIDConverter

from shebao.access.rights import SERVICES
from shebao.base.actor import Actor, Role
from shebao.base.terms import Post
from shebao.channels.frame import SERVICE_AT
from shebao.channels.guards import LEVEL_OF, SERVICE_OF, Guard, guard_of

# Open to everyone: sign-in, help, verifying. Each further one is a decision to be written down here.
OPEN = {
    "home", "sign-in", "sign-out", "guides", "guide", "search", "verify", "verify-code", "notices", "face", "accessibility",
    "gallery", "health", "openapi-page", "openapi", "api-sign-in", "agreement", "register",
    "guide-template", "answers", "notice", "api-items", "api-item",
}  # fmt: skip
ROLE_OF_PREFIX = {
    "u/": {Role.UNIT},
    "w/": {Role.AGENCY},
    "a/": {Role.ADMIN, Role.AUDITOR},
    "p/": {Role.PERSON},
    "api/v1/me/": {Role.PERSON},
    "api/v1/": {Role.UNIT},
}
POST_OF = {
    "desk-claim": Post.REVIEWER,
    "desk-release": Post.REVIEWER,
    "desk-decide": Post.REVIEWER,
    "desk-receipts-upload": Post.FINANCE,
    "desk-tax-again": Post.FINANCE,
    "desk-receipts-enter": Post.FINANCE,
    "desk-receipt-confirm": Post.FINANCE,
    "desk-receipt-void": Post.FINANCE,
    "account-reset": Post.ADMINISTRATOR,
    "account-disable": Post.ADMINISTRATOR,
}


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, path)
        else:
            yield path, entry


ROUTES = list(routes())
IDS = [path or "/" for path, _ in ROUTES]


def guard(route: URLPattern) -> Guard | None:
    return guard_of(route.callback)


@pytest.mark.parametrize(("path", "route"), ROUTES, ids=IDS)
def test_every_route_has_a_guard_and_a_name(path: str, route: URLPattern) -> None:
    found = guard(route)
    assert found is not None, f"{path}: no guard from channels/guards.py"
    assert route.name
    assert found.open == (route.name in OPEN), f"{path} is {'open' if found.open else 'closed'}"
    if not found.open:
        wanted = next(
            (roles for prefix, roles in ROLE_OF_PREFIX.items() if path.startswith(prefix)), set(Role) - {Role.PUBLIC, Role.ENGINE}
        )
        assert found.roles <= wanted, f"{path} lets in {found.roles}"
        assert found.api == path.startswith(("api/", "partners/")), path
        assert bool(found.partner) == path.startswith("partners/") and not (found.partner and found.roles), path


def test_names_are_unique_and_every_channel_has_routes() -> None:
    names = [route.name for _, route in ROUTES]
    assert {name for name in names if names.count(name) > 1} == set()
    assert all(any(path.startswith(prefix) for path, _ in ROUTES) for prefix in ROLE_OF_PREFIX)
    assert set(names) >= OPEN and len(ROUTES) > 70


def test_deciding_paying_and_administering_need_their_posts() -> None:
    by_name = {route.name: guard(route) for _, route in ROUTES}
    for name, post in POST_OF.items():
        found = by_name[name]
        assert found is not None and found.posts == {post}, name


@pytest.mark.parametrize(("path", "route"), ROUTES, ids=IDS)
def test_nobody_without_the_role_or_post_is_admitted(path: str, route: URLPattern) -> None:
    found = guard(route)
    assert found is not None
    if found.open:
        return
    for role in Role:
        assert not found.admits(Actor(role)) or (role in found.roles and not found.posts)
        for post in Post:
            admitted = found.admits(Actor(role, posts=frozenset({post})))
            assert admitted == (role in found.roles and (not found.posts or post in found.posts))


def filled(route: URLPattern) -> str:
    samples: dict[type[Any], Any] = {IntConverter: 1, UUIDConverter: UUID(int=0)}
    values = {name: samples.get(type(converter), "x") for name, converter in route.pattern.converters.items()}
    return reverse(str(route.name), kwargs=values)


@pytest.mark.parametrize(("path", "route"), ROUTES, ids=IDS)
def test_without_a_sign_in_only_what_is_open_answers(database: str, path: str, route: URLPattern) -> None:
    found, client = guard(route), Client(SERVER_NAME="localhost")
    assert found is not None
    for method in (client.get, client.post):
        answer = method(filled(route))
        assert answer.status_code < 500, answer.content.decode()[:300]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        if found.open:
            continue
        if found.api:
            assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (401, "application/problem+json")
        else:
            assert answer.status_code == 302 and answer.headers["location"].startswith("/sign-in")


def test_what_can_be_kept_back_from_an_operator_is_named_by_routes_that_exist() -> None:
    names = {route.name for _, route in ROUTES}
    assert set(SERVICE_OF) | set(LEVEL_OF) <= names
    assert set(SERVICE_OF.values()) == set(SERVICE_AT.values()) == set(SERVICES)
    at = {f"/{path}": str(route.name) for path, route in ROUTES}
    assert {url: SERVICE_OF[at[url]] for url in SERVICE_AT} == SERVICE_AT, "menu and guard say the same"


def test_only_partners_addresses_take_signatures_and_no_sign_in_opens_them() -> None:
    partners = {str(route.name): found.partner for _, route in ROUTES if (found := guard(route)) is not None and found.partner}
    assert partners == {"partner-tax-payments": "tax", "partner-tax-reversals": "tax"}
    for _, route in ROUTES:
        if route.name in partners:
            assert getattr(route.callback, "csrf_exempt", False)
