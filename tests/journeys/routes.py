"""The addresses of the hall as its URL resolver knows them: which are pages, who may open them, how one recognises them in a link."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass

# Run by itself: here Django must not be set up, because other tests point it to a database of theirs first.
LIST = """
import inspect, json, django
django.setup()
from django.urls import get_resolver

def methods(view):
    found = inspect.getclosurevars(view).nonlocals if inspect.isfunction(view) else {}
    return found.get("request_method_list") or (methods(view.__wrapped__) if hasattr(view, "__wrapped__") else [])

def walk(patterns, before):
    for each in patterns:
        route = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from walk(each.url_patterns, route)
        else:
            guard = each.callback.guard
            yield [each.name, "/" + route, methods(each.callback), sorted(r.value for r in guard.roles), sorted(p.value for p in guard.posts), guard.api]

print(json.dumps(list(walk(get_resolver().url_patterns, ""))))
"""
DOWNLOADS = {
    "attachment",
    "desk-books-account-export",
    "desk-books-report-export",
    "desk-debit-failed",
    "desk-debit-file",
    "desk-debit-lines",
    "desk-declarations-export",
    "desk-differences-export",
    "desk-print",
    "desk-refund-file",
    "desk-registration-certificate",
    "desk-statistics-export",
    "guide-template",
    "personal-record-pdf",
    "portal-arrears-export",
    "portal-bill-print",
    "portal-booking-ticket",
    "portal-bundle-zip",
    "portal-case-year-export",
    "portal-changes-export",
    "portal-error-list",
    "portal-inquiry-cases-export",
    "portal-inquiry-results-export",
    "portal-order-detail",
    "portal-paper",
    "portal-payments-export",
    "portal-print",
    "portal-registration-certificate",
    "portal-staff-export",
    "portal-template",
}
FRAGMENTS = {
    "desk-debit-progress",
    "desk-month-progress",
    "desk-recalculation-progress",
    "desk-settling",
    "portal-bundle-progress",
    "portal-error-list-state",
    "portal-progress",
    "portal-status",
}
FOR_PROGRAMS = {"openapi", "health", "api-items", "api-item"}
KINDS = {"int": "[0-9]+", "uuid": "[-0-9a-f]{36}", "slug": "[-a-zA-Z0-9_]+", "str": "[^/]+"}


@dataclass(frozen=True, slots=True)
class Route:
    """One page. `route`: as Django writes it, with a slash before it."""

    name: str
    route: str
    roles: frozenset[str]
    posts: frozenset[str]

    @property
    def parametrised(self) -> bool:
        return "<" in self.route

    def fits(self, path: str) -> bool:
        """Whether a path is of this kind."""
        parts = re.split(r"<(\w+):\w+>", self.route)
        pattern = "".join(KINDS[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))
        return re.fullmatch(pattern, path) is not None


def pages() -> list[Route]:
    """Every address that answers a GET with a page for people."""
    told = subprocess.run([sys.executable, "-c", LIST], check=True, capture_output=True, text=True).stdout
    skipped = DOWNLOADS | FRAGMENTS | FOR_PROGRAMS
    return [
        Route(name, route, frozenset(roles), frozenset(posts))
        for name, route, methods, roles, posts, api in json.loads(told)
        if "GET" in methods and not api and name not in skipped
    ]
