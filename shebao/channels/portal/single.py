"""单个办理: one filing typed into a form, with look-up by 公民身份号码 and a word at every field as soon as it is left."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.errors import Refusal, RefusedError
from shebao.casework import operations
from shebao.casework.cases import KeyReusedError, StaleCaseError, WrongStateError
from shebao.casework.examine import Typed, typed_of
from shebao.casework.fields import Kind
from shebao.casework.item import Answer, Context, ServiceItem, item_by_slug
from shebao.casework.models import CaseState
from shebao.casework.operations import CoreFixedError
from shebao.channels import errors
from shebao.channels.attachments import photos_sent
from shebao.channels.contexts import of_request
from shebao.channels.guards import unit_operators
from shebao.channels.looking import TooManyLookUpsError, look_up_recorded
from shebao.channels.portal.case_lists import get_case, item_of_case, the_filing
from shebao.channels.portal.items import crumbs_of
from shebao.channels.portal.pages import clash, key_of, live_of, number_of, piece, saved_under, show
from shebao.channels.portal.words import state_words
from shebao.surfaces.form import FieldView, blank, by_field, summary, typed_from, view, views


@dataclass(frozen=True, slots=True)
class Found:
    """What the look-up told: facts, and what stands in the way."""

    facts: tuple[tuple[str, str], ...]
    refusals: tuple[Refusal, ...]
    status: int = 200


@unit_operators
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """录入 → 保存. A draft keeps what was typed even with errors; 查询 looks up without scripts."""
    item = item_by_slug(slug)
    if item is None:
        return errors.page(request, 404)
    context = of_request(request)
    if request.method == "GET":
        return _form(request, item, blank(item.fields))
    typed = typed_from(item.fields, request.POST)
    unfit = photos_sent(request, item, context, typed)
    action = request.POST.get("action", "save")
    if action == "look_up":
        found, typed = _looked_up(item, context, typed, asked=request)
        return _form(request, item, typed, refusals=unfit, found=found, status=422 if unfit else found.status)
    key = key_of(request)
    if unfit:
        return _form(request, item, typed, refusals=_also_told(request, item, typed, unfit), status=422)
    try:
        saved = operations.save_new(item, context, typed, key=key, as_draft=action == "draft")
    except RefusedError as error:
        # Being refused tells about the person as a look-up does, so it counts as one.
        limit = _beyond_limit(request, item, typed)
        return _form(request, item, typed, refusals=limit or error.refusals, status=429 if limit else 422)
    except KeyReusedError as error:
        return clash(request, error, saved_under(key) or f"/u/items/{slug}/new")
    return HttpResponseRedirect("/u/todo?saved=1" if action == "draft" else f"/u/cases/{saved.case_id}?saved=1")


@unit_operators
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, case_id: int) -> HttpResponse:
    """修改 a draft or a returned filing. Core fields are grey once saved; what the reviewer pinned is marked with the reason."""
    case = get_case(case_id)
    item, filing = item_of_case(case), the_filing(case)
    newest = f"/u/cases/{case_id}"
    if case.state != CaseState.DRAFT:
        return clash(request, WrongStateError(case, "再修改"), newest)
    fixed = filing.values is not None
    stored = typed_of(item, filing.typed, filing.values)
    pinned = [Refusal("", case.return_reason, pin) for pin in filing.pins or () if case.returned]
    extra = {"case": case, "state": state_words(case), "version": case.version, "back": newest, "pinned": pinned}
    if request.method == "GET":
        refusals = pinned or operations.examine_one(item, of_request(request), dict(stored)).refusals if not fixed or pinned else []
        found = _looked_up(item, of_request(request), dict(stored))[0] if fixed else None
        return _form(request, item, dict(stored), refusals=refusals, fixed=fixed, extra=extra, found=found, told=not pinned)
    typed = typed_from(item.fields, request.POST)
    unfit = photos_sent(request, item, of_request(request), typed)
    if request.POST.get("action") == "look_up":
        found, typed = _looked_up(item, of_request(request), typed, asked=request)
        return _form(request, item, typed, refusals=unfit, fixed=fixed, extra=extra, found=found, status=422 if unfit else found.status)
    if unfit:
        return _form(request, item, typed, refusals=_also_told(request, item, typed, unfit), fixed=fixed, extra=extra, status=422)
    version = number_of(request.POST.get("version"))
    as_draft = request.POST.get("action") == "draft"
    try:
        operations.save_again(case_id, version, of_request(request), dict(typed), as_draft=as_draft)
    except RefusedError as error:
        return _form(request, item, typed, refusals=error.refusals, fixed=fixed, extra=extra, status=422)
    except CoreFixedError as error:
        return _form(request, item, dict(stored), refusals=[Refusal(error.code, error.text)], fixed=fixed, extra=extra, status=422)
    except (StaleCaseError, WrongStateError) as error:
        return clash(request, error, newest)
    return HttpResponseRedirect("/u/todo?saved=1" if as_draft else f"{newest}?saved=1")


def _form(
    request: HttpRequest,
    item: ServiceItem,
    typed: Typed,
    *,
    refusals: Sequence[Refusal] = (),
    fixed: bool = False,
    extra: dict[str, object] | None = None,
    found: Found | None = None,
    told: bool = True,
    status: int = 200,
) -> HttpResponse:
    extra = extra or {"case": None}
    context = {
        "item": item,
        "live": live_of(request),
        "fields": views(item.fields, typed, errors=by_field(refusals), fixed=fixed),
        "errors": summary(refusals),
        "has_errors": status in (422, 429),
        "found": found,
        "fixed": fixed,
        "looks": any(f.name == "id_number" and f.kind is Kind.ID_NUMBER for f in item.fields) and not fixed,
        "action": request.path,
        "base": f"/u/items/{item.slug}",
        "posted": request.POST.get("key", ""),
        "told": told,
        **extra,
    }
    title = f"修改{item.title}" if extra["case"] else item.title
    return show(request, "form", title, context, crumbs=crumbs_of(item, "修改" if extra["case"] else "单个办理"), status=status)


def _also_told(request: HttpRequest, item: ServiceItem, typed: Typed, unfit: Sequence[Refusal]) -> list[Refusal]:
    """What stands against the other fields beside a photo that was not taken, in one go."""
    if limit := _beyond_limit(request, item, typed):
        return [*limit, *unfit]
    return [*operations.examine_one(item, of_request(request), typed).refusals, *unfit]


def _beyond_limit(request: HttpRequest, item: ServiceItem, typed: Typed) -> list[Refusal]:
    """Put the look-up of the typed number on record; what to say when there were too many of them. A wrong number tells nothing."""
    value, refusal = item.field("id_number").clean(typed.get("id_number"))
    if refusal is not None or value is None:
        return []
    try:
        look_up_recorded(str(value), at=now(), address=request.META.get("REMOTE_ADDR", ""))
    except TooManyLookUpsError as error:
        return [Refusal(error.code, error.text, "id_number")]
    return []


def _looked_up(item: ServiceItem, context: Context, typed: Typed, *, asked: HttpRequest | None = None) -> tuple[Found, Typed]:
    """Ask the item about the number; fill in what is still empty. asked: the request that wants to know, for the record."""
    field = item.field("id_number")
    value, refusal = field.clean(typed.get("id_number"))
    if refusal is not None or value is None:
        return Found((), (refusal,) if refusal else ()), typed
    if asked is not None and (limit := _beyond_limit(asked, item, typed)):
        return Found((), tuple(limit), 429), typed
    with acting(ENGINE):
        answer: Answer = item.look_up(str(value), context)
    names = {f.name: f for f in item.fields}
    untouched = blank(item.fields)
    filled = {name: names[name].typed(given) for name, given in answer.values.items() if typed.get(name) in ("", [], None, untouched[name])}
    return Found(answer.facts, answer.refusals), {**typed, **filled}


@unit_operators
@require_POST
def look_up(request: HttpRequest, slug: str) -> HttpResponse:
    """The panel beside the form, and the fields that the look-up filled. By POST: numbers of people stay out of addresses and logs."""
    item = item_by_slug(slug)
    if item is None:
        return errors.page(request, 404)
    typed = typed_from(item.fields, request.POST)
    found, after = _looked_up(item, of_request(request), typed, asked=request)
    number = item.field("id_number")
    changed: list[FieldView] = [view(number, after["id_number"], error="；".join(r.text for r in found.refusals if r.field == "id_number"))]
    changed += [view(f, after[f.name]) for f in item.fields if f.name != "id_number" and after[f.name] != typed[f.name]]
    return piece(request, "lookup", {"item": item, "found": found, "changed": changed, "base": f"/u/items/{slug}"}, status=found.status)


@unit_operators
@require_POST
def validate(request: HttpRequest, slug: str) -> HttpResponse:
    """One field after it was left: right, wrong with the sentence, or with a warning."""
    item = item_by_slug(slug)
    names = {f.name: f for f in item.fields} if item else {}
    name = request.GET.get("field", "")
    if item is None or name not in names:
        return errors.page(request, 404)
    typed = typed_from(item.fields, request.POST)
    value, refusal = names[name].clean(typed[name])
    error, note = refusal.text if refusal else "", ""
    limit = _beyond_limit(request, item, typed) if name == "id_number" else []
    if limit:
        error = limit[0].text
    elif refusal is None and value is not None:
        examined = operations.examine_one(item, of_request(request), typed)
        error = by_field([r for r in examined.refusals if not r.code.startswith("FLD") or r.field == name]).get(name, "")
        note = by_field(examined.warnings).get(name, "")
    shown = view(names[name], typed[name], error=error, note=f"提醒：{note}" if note else "")
    return piece(request, "field", {"field": shown, "base": f"/u/items/{slug}"}, status=429 if limit else 200)
