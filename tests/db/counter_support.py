"""What the tests of the counter share: clerks, contexts on any day, entering and deciding by different people."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from shebao.base.actor import Actor, Role
from shebao.base.clock import ZONE
from shebao.base.errors import Refusal, RefusedError
from shebao.base.terms import Post
from shebao.casework import operations, review
from shebao.casework.item import Context, item_of
from shebao.casework.models import Case, CaseState, Channel
from tests.db import support
from tests.db.support import acting, context, reviewer


def clerk(account: int = 250, *, agency: int = 1) -> Actor:
    return Actor(Role.AGENCY, account, "窗口甲", 0, agency, frozenset({Post.CLERK}))


def on(day: date, unit: int = 0, *, agency: int = 1) -> Context:
    """The counter on a day, for a unit or (0) a unit to be."""
    return replace(context(unit, datetime.combine(day, time(10), ZONE), agency=agency, vip=False), counter=True)


def told(code: str, ctx: Context, typed: dict[str, Any]) -> tuple[list[Refusal], list[Refusal]]:
    """What stands against a filing and what it is warned of. Nothing is stored."""
    with acting(clerk(agency=ctx.agency_id)):
        found = operations.examine_one(item_of(code), ctx, typed)
    return found.refusals, found.warnings


def codes(code: str, ctx: Context, typed: dict[str, Any]) -> list[str]:
    return [r.code for r in told(code, ctx, typed)[0]]


def warned(code: str, ctx: Context, typed: dict[str, Any]) -> list[str]:
    return [r.code for r in told(code, ctx, typed)[1]]


def enter(code: str, ctx: Context, typed: dict[str, Any], *, by: Actor | None = None) -> Case:
    """Saved and submitted at the counter."""
    with acting(by or clerk(agency=ctx.agency_id)):
        saved = operations.save_new(item_of(code), ctx, typed, key=None, channel=Channel.COUNTER)
        operations.submit(saved.case_id, 1, ctx)
        return Case.objects.get(pk=saved.case_id)


def decide(case: Case, ctx: Context, *, account: int = 200) -> review.Outcome:
    with acting(reviewer(account, agency=ctx.agency_id)):
        now = Case.objects.get(pk=case.pk)
        return review.decide(case.pk, now.version, review.Decision(), ctx)


def through(code: str, ctx: Context, typed: dict[str, Any]) -> Case:
    """Entered, reviewed, and confirmed by a second one where that is asked for. Returns the case as it is then."""
    case = enter(code, ctx, typed)
    outcome = decide(case, ctx)
    if outcome.second:
        outcome = decide(case, ctx, account=201)
    with acting(reviewer(agency=ctx.agency_id)):
        found = Case.objects.filter(pk=case.pk).first()
    assert found is None or found.state == CaseState.DONE, found.return_reason if found else ""
    return found or case


def refused(act: Callable[[], Any]) -> list[str]:
    try:
        act()
    except RefusedError as error:
        return [r.code for r in error.refusals]
    return []


def new_unit(**changed: Any) -> dict[str, Any]:
    """参保登记 as typed into the form, of a unit founded on 2026-11-02."""
    n = next(_numbers)
    typed = {
        "name": f"示例新设第{n}公司",
        "uscc": uscc(n),
        "founded_on": "2026-11-02",
        "unit_type": "10",
        "economic_type": "150",
        "industry": "65",
        "legal_representative": "王示例",
        "legal_id_number": support.new_id_number(),
        "contact_name": "李示例",
        "contact_phone": "027-85550100",
        "address": "示例路 1 号",
        "special": "no",
        "insurances": support.FULL_CODES,
        "from_month": "202611",
    }
    return typed | changed


_numbers = iter(range(1, 10_000))


def uscc(n: int) -> str:
    from shebao.base.identifiers import make_uscc

    return make_uscc("420199", f"MA{n:07d}")
