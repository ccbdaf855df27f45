"""窗口受理: what a clerk of the agency enters for a unit or a unit to be; somebody else reviews it. The forms are those of every item."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.clock import now
from shebao.base.terms import Post
from shebao.casework.cases import NoSuchCaseError
from shebao.casework.item import Audience, Context, ServiceItem, Subject, item_by_slug, items_for
from shebao.casework.models import Case, CaseState, Channel
from shebao.casework.queries import Wanted, get_case
from shebao.casework.queues import BY_CODE, queue
from shebao.channels import errors, filing, filing_check, filing_materials
from shebao.channels.contexts import at_counter, of_case
from shebao.channels.desk.pages import actor_of, clean, engine_of, live_of, show
from shebao.channels.desk.words import state_words
from shebao.channels.filing import Face
from shebao.channels.guards import agency
from shebao.channels.portal.case_lists import item_of_case
from shebao.channels.portal.pages import clash
from shebao.levy.desk_queries import find_units
from shebao.parties.models import Unit
from shebao.parties.windows import ensure_window, window_of

NEW_UNIT = "new"
FOUND_MAX = 20


def _face(request: HttpRequest, slug: str, context: Context) -> Face:
    whom = f"{context.unit_name}（{context.unit_number}）" if context.unit_id else "新参保单位（还没有单位编号）"
    forms = f"/w/counter/{context.unit_number or NEW_UNIT}/{slug}"
    return Face(forms, "/w/counter/cases", "/w/queue/entered", "/items", Channel.COUNTER, _show, _piece, clash, _crumbs, whom)


def _crumbs(item: ServiceItem, last: str) -> tuple[tuple[str, str | None], ...]:
    return (("窗口受理", "/w/counter/"), (item.title, None), (last, None))


def _show(request: HttpRequest, template: str, title: str, context: dict[str, object], **more: Any) -> HttpResponse:
    return show(request, f"portal/{template}", title, context, **more)


def _piece(request: HttpRequest, template: str, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    return render(request, f"portal/{template}.html", {"live": live_of(request), **context}, status=status)


@agency(Post.CLERK)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Choose the unit, then the item; below it what I entered lately."""
    actor, search = actor_of(request), clean(request.GET.get("q"))
    found = [unit for unit in find_units(search, FOUND_MAX).rows if unit.agency_id == actor.agency_id] if search else []
    only = found[0] if len(found) == 1 else None
    entered = queue(BY_CODE["entered"], Wanted(), agency_id=actor.agency_id, account_id=actor.account_id, at=now(), size=8).rows
    context = {
        "q": search,
        "found": found,
        "unit": only,
        "groups": _groups(only) if only else {},
        "window": None if only else window_of(actor.agency_id),
        "for_new": [_entry(item, NEW_UNIT) for item in items_for(Audience.COUNTER) if item.subject is Subject.NEW_UNIT],
        "entered": [_line(case) for case in entered],
        "saved": request.GET.get("saved") == "1",
    }
    return show(request, "counter", "窗口受理", context)


@agency(Post.CLERK)
@require_POST
def open_window(request: HttpRequest) -> HttpResponse:
    """The agency's 个人流动窗口, made when it is needed for the first time; then what can be done through it."""
    actor = actor_of(request)
    with acting(engine_of(actor)):
        window = ensure_window(actor.agency_id, at=now())
    return HttpResponseRedirect(f"/w/counter/?q={window.number}")


def _groups(unit: Unit) -> dict[str, list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for item in items_for(Audience.COUNTER):
        if item.subject is not Subject.NEW_UNIT:
            groups.setdefault(item.group, []).append(_entry(item, unit.number))
    return groups


def _entry(item: ServiceItem, number: str) -> dict[str, str]:
    return {"label": item.title, "url": f"/w/counter/{number}/{item.slug}/new", "icon": item.icon, "note": item.guide.summary}


def _line(case: Case) -> dict[str, object]:
    word, tone = state_words(case)
    draft = case.state == CaseState.DRAFT
    return {
        "case": case,
        "item": item_of_case(case).title,
        "word": word,
        "tone": tone,
        "url": f"/w/counter/cases/{case.pk}" if draft else f"/w/cases/{case.pk}",
    }


def _found(request: HttpRequest, number: str, slug: str) -> tuple[ServiceItem, Context, Face] | None:
    """The item and for whom; None when there is no such unit of this agency, or the item is not for it."""
    item = item_by_slug(slug, Audience.COUNTER)
    if item is None or (number == NEW_UNIT) != (item.subject is Subject.NEW_UNIT):
        return None
    unit = None if number == NEW_UNIT else Unit.objects.filter(number=number, agency_id=actor_of(request).agency_id).first()
    if unit is None and number != NEW_UNIT:
        return None
    context = at_counter(request, unit)
    return item, context, _face(request, slug, context)


@agency(Post.CLERK)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, number: str, slug: str) -> HttpResponse:
    """录入 → 保存."""
    found = _found(request, number, slug)
    return filing.new(request, *found) if found else errors.page(request, 404)


@agency(Post.CLERK)
@require_POST
def look_up(request: HttpRequest, number: str, slug: str) -> HttpResponse:
    """查询 by 公民身份号码."""
    found = _found(request, number, slug)
    return filing.look_up(request, *found) if found else errors.page(request, 404)


@agency(Post.CLERK)
@require_POST
def validate(request: HttpRequest, number: str, slug: str) -> HttpResponse:
    """One field."""
    found = _found(request, number, slug)
    answer = filing.validate(request, *found) if found else None
    return answer or errors.page(request, 404)


def _own(request: HttpRequest, case_id: int) -> tuple[Case, Context, Face]:
    """A case of the counter. Raises: NoSuchCaseError, for what the unit filed too."""
    case = get_case(case_id)
    if case.channel != Channel.COUNTER:
        raise NoSuchCaseError
    context = of_case(case, now(), account_id=actor_of(request).account_id)
    return case, context, _face(request, item_of_case(case).slug, context)


@agency(Post.CLERK)
@require_GET
def case_page(request: HttpRequest, case_id: int) -> HttpResponse:
    """核对 while it is a draft; afterwards the desk's page of the case. Opening it is on record."""
    case, context, face = _own(request, case_id)
    if case.state != CaseState.DRAFT:
        return HttpResponseRedirect(f"/w/cases/{case_id}")
    record([Trace("case.looked", case.number, case_id=case.pk, unit_id=case.unit_id)], at=now())
    return filing_check.page(request, case, context, face)


@agency(Post.CLERK)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, case_id: int) -> HttpResponse:
    """修改."""
    return filing.edit(request, *_own(request, case_id))


@agency(Post.CLERK)
@require_POST
def submit(request: HttpRequest, case_id: int) -> HttpResponse:
    """提交审批."""
    return filing_check.submit(request, *_own(request, case_id))


@agency(Post.CLERK)
@require_POST
def withdraw(request: HttpRequest, case_id: int) -> HttpResponse:
    """退单."""
    return filing_check.withdraw(request, *_own(request, case_id))


@agency(Post.CLERK)
@require_POST
def add_material(request: HttpRequest, case_id: int) -> HttpResponse:
    """Keep a scan of one material."""
    return filing_materials.add(request, *_own(request, case_id))


@agency(Post.CLERK)
@require_POST
def remove_material(request: HttpRequest, case_id: int, attachment_id: UUID) -> HttpResponse:
    """Take a scan back."""
    case, context, face = _own(request, case_id)
    return filing_materials.remove(request, case, attachment_id, context, face)
