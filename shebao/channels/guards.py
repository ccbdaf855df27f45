"""Who may open an address. Every view carries a guard; a test holds that none is without."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.http.response import HttpResponseBase

from shebao.base.actor import Actor, Role
from shebao.base.terms import Post

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


@dataclass(frozen=True, slots=True)
class Guard:
    """roles: who may come; posts: one of these is needed (none named: any). Open to everyone when no role is named."""

    roles: frozenset[Role] = frozenset()
    posts: frozenset[Post] = frozenset()
    api: bool = False

    @property
    def open(self) -> bool:
        return not self.roles

    def admits(self, actor: Actor) -> bool:
        """Whether an actor may come in."""
        return self.open or (actor.role in self.roles and (not self.posts or bool(self.posts & actor.posts)))


def everyone(view: View) -> View:
    """Open to the public."""
    return _with(view, Guard())


def unit_operators(view: View) -> View:
    """For 单位经办人."""
    return _with(view, Guard(frozenset({Role.UNIT}), frozenset({Post.UNIT_OPERATOR})))


def unit_api(view: View) -> View:
    """For a unit's programs: the same accounts, answers in JSON."""
    return _with(view, Guard(frozenset({Role.UNIT}), frozenset({Post.UNIT_OPERATOR}), api=True))


def signed_in(view: View) -> View:
    """For anyone with a sign-in."""
    return _with(view, Guard(frozenset({Role.UNIT, Role.AGENCY, Role.ADMIN, Role.AUDITOR})))


def agency(*posts: Post) -> Callable[[View], View]:
    """For the agency's posts."""
    return lambda view: _with(view, Guard(frozenset({Role.AGENCY}), frozenset(posts)))


def filers_and_reviewers(view: View) -> View:
    """For those who file and those who review: photos and scans, each of one's own unit or agency."""
    return _with(view, Guard(frozenset({Role.UNIT, Role.AGENCY}), frozenset({Post.UNIT_OPERATOR, Post.REVIEWER, Post.CLERK})))


def administrators(view: View) -> View:
    """For 系统管理员."""
    return _with(view, Guard(frozenset({Role.ADMIN}), frozenset({Post.ADMINISTRATOR})))


def auditors(view: View) -> View:
    """For 稽核审计."""
    return _with(view, Guard(frozenset({Role.AUDITOR}), frozenset({Post.AUDITOR})))


def guard_of(view: Callable[..., Any]) -> Guard | None:
    """The guard of a view, if it has one."""
    found = getattr(view, "guard", None)
    return found if isinstance(found, Guard) else None


def _with(view: View, guard: Guard) -> View:
    view.guard = guard  # type: ignore[attr-defined]
    return view
