"""单个办理 of any item, wherever it is typed: a unit's portal or the agency's counter. Look-up by 公民身份号码, a word at every field
as soon as it is left, 核对 before it is submitted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.errors import Refusal, RefusedError
from shebao.casework import operations
from shebao.casework.cases import KeyReusedError, StaleCaseError, WrongStateError
from shebao.casework.examine import Typed, gate_of, typed_of
from shebao.casework.fields import Field, Kind, Value
from shebao.casework.item import Answer, Context, MoneyEffect, ServiceItem, Subject
from shebao.casework.item import Filing as Row
from shebao.casework.models import Case, CaseState, Channel
from shebao.casework.operations import CoreFixedError, OtherSideError
from shebao.channels.attachments import photos_sent
from shebao.channels.looking import TooManyLookUpsError, look_up_recorded
from shebao.channels.portal.case_lists import item_of_case, the_filing
from shebao.channels.portal.pages import key_of, number_of, saved_under
from shebao.channels.portal.words import state_words
from shebao.surfaces.form import FieldView, blank, by_field, dated, summary, typed_from, view, views

Crumbs = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Face:
    """Where filings are typed. forms: the address below which an item's forms are; cases, drafts: where a saved one is found again.

    whom: for whom the counter enters it; empty in a unit's own portal.
    """

    forms: str
    cases: str
    drafts: str
    guides: str
    channel: Channel
    show: Callable[..., HttpResponse]
    piece: Callable[..., HttpResponse]
    clash: Callable[..., HttpResponse]
    crumbs: Callable[[ServiceItem, str], Crumbs]
    whom: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What the look-up told: facts, and what stands in the way."""

    facts: tuple[tuple[str, str], ...]
    refusals: tuple[Refusal, ...]
    status: int = 200


def new(request: HttpRequest, item: ServiceItem, context: Context, face: Face) -> HttpResponse:
    """录入 → 保存. A draft keeps what was typed even with errors; 查询 looks up without scripts."""
    if request.method == "GET":
        return _form(request, item, context, face, opened(item, context))
    typed = typed_from(item.fields, request.POST)
    unfit = photos_sent(request, item, context, typed)
    action = request.POST.get("action", "save")
    if action == "look_up":
        found, typed = _looked_up(item, context, typed, asked=request)
        return _form(request, item, context, face, typed, refusals=unfit, found=found, status=422 if unfit else found.status)
    key = key_of(request)
    if unfit:
        return _form(request, item, context, face, typed, refusals=_with_photos(request, item, context, typed, unfit), status=422)
    try:
        saved = operations.save_new(item, context, typed, key=key, channel=face.channel, as_draft=action == "draft")
    except RefusedError as error:
        # Being refused tells about the person as a look-up does, so it counts as one.
        limit = _beyond_limit(request, item, typed)
        return _form(request, item, context, face, typed, refusals=limit or error.refusals, status=429 if limit else 422)
    except KeyReusedError as error:
        return face.clash(request, error, saved_under(key, face.cases) or f"{face.forms}/new")
    return HttpResponseRedirect(f"{face.drafts}?saved=1" if action == "draft" else f"{face.cases}/{saved.case_id}?saved=1")


def edit(request: HttpRequest, case: Case, context: Context, face: Face) -> HttpResponse:
    """修改 a draft or a returned filing. Core fields are grey once saved; what the reviewer pinned is marked with the reason."""
    item, filing = item_of_case(case), the_filing(case)
    newest = f"{face.cases}/{case.pk}"
    if case.state != CaseState.DRAFT:
        return face.clash(request, WrongStateError(case, "再修改"), newest)
    fixed = filing.values is not None
    stored = typed_of(item, filing.typed, filing.values)
    pinned = [Refusal("", case.return_reason, pin) for pin in filing.pins or () if case.returned]
    extra = {"case": case, "state": state_words(case), "version": case.version, "back": newest, "pinned": pinned}
    if request.method == "GET":
        refusals = pinned or operations.examine_one(item, context, dict(stored)).refusals if not fixed or pinned else []
        found = _looked_up(item, context, dict(stored))[0] if fixed else None
        return _form(request, item, context, face, dict(stored), refusals=refusals, fixed=fixed, extra=extra, found=found, told=not pinned)
    typed = typed_from(item.fields, request.POST)
    unfit = photos_sent(request, item, context, typed)
    if request.POST.get("action") == "look_up":
        found, typed = _looked_up(item, context, typed, asked=request)
        status = 422 if unfit else found.status
        return _form(request, item, context, face, typed, refusals=unfit, fixed=fixed, extra=extra, found=found, status=status)
    if unfit:
        told = _with_photos(request, item, context, typed, unfit)
        return _form(request, item, context, face, typed, refusals=told, fixed=fixed, extra=extra, status=422)
    version = number_of(request.POST.get("version"))
    as_draft = request.POST.get("action") == "draft"
    try:
        operations.save_again(case.pk, version, context, dict(typed), as_draft=as_draft)
    except RefusedError as error:
        return _form(request, item, context, face, typed, refusals=error.refusals, fixed=fixed, extra=extra, status=422)
    except CoreFixedError as error:
        told = [Refusal(error.code, error.text)]
        return _form(request, item, context, face, dict(stored), refusals=told, fixed=fixed, extra=extra, status=422)
    except (StaleCaseError, WrongStateError, OtherSideError) as error:
        return face.clash(request, error, newest)
    return HttpResponseRedirect(f"{face.drafts}?saved=1" if as_draft else f"{newest}?saved=1")


def opened(item: ServiceItem, context: Context) -> Typed:
    """A new form: defaults, and what is registered already."""
    typed = blank(item.fields)
    if item.prefill is None:
        return typed
    with acting(ENGINE):
        known = item.prefill(context)
    return typed | {f.name: f.typed(known[f.name]) for f in item.fields if known.get(f.name) is not None}


def _form(
    request: HttpRequest,
    item: ServiceItem,
    context: Context,
    face: Face,
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
    fields = dated(item.fields, context.on)
    shown: dict[str, Any] = {
        "item": item,
        "face": face,
        "fields": views(fields, typed, errors=by_field(refusals), fixed=fixed),
        "errors": summary(refusals),
        "has_errors": status in (422, 429),
        "found": found,
        "fixed": fixed,
        "about_person": looks_up(item),
        "looks": looks_up(item) and not fixed,
        "gate": gate_of(item, context),
        "effect": _preview(item, context, typed) if item.subject is Subject.UNIT else None,
        "automatic": context.vip and not context.counter,
        "action": request.path,
        "base": face.forms,
        "posted": request.POST.get("key", ""),
        "told": told,
        **extra,
    }
    title = f"修改{item.title}" if extra["case"] else item.title
    return face.show(request, "form", title, shown, crumbs=face.crumbs(item, "修改" if extra["case"] else "单个办理"), status=status)


def looks_up(item: ServiceItem) -> bool:
    """Whether the item answers to a number while it is typed."""
    return item.look_up is not None and any(f.name == "id_number" and f.kind is Kind.ID_NUMBER for f in item.fields)


def _preview(item: ServiceItem, context: Context, typed: Mapping[str, str | list[str]]) -> MoneyEffect | None:
    """What a filing about the unit itself would do, as far as the form tells it: a month's statement is read before it is confirmed."""
    if item.effect is None:
        return None
    values: dict[str, Value] = {}
    for f in item.fields:
        value, refusal = f.clean(typed.get(f.name))
        if refusal is not None and f.kind not in (Kind.CONSENT, Kind.WORD, Kind.LONG_TEXT):
            return None
        values[f.name] = value
    with acting(ENGINE):
        return item.effect([Row(values)], context)


def _with_photos(request: HttpRequest, item: ServiceItem, context: Context, typed: Typed, unfit: Sequence[Refusal]) -> list[Refusal]:
    """What stands against the other fields beside a photo that was not taken, in one go."""
    if limit := _beyond_limit(request, item, typed):
        return [*limit, *unfit]
    return [*operations.examine_one(item, context, typed).refusals, *unfit]


def _beyond_limit(request: HttpRequest, item: ServiceItem, typed: Typed) -> list[Refusal]:
    """Put the look-up of the typed number on record; what to say when there were too many of them. A wrong number tells nothing."""
    field = _number_field(item)
    if field is None:
        return []
    value, refusal = field.clean(typed.get("id_number"))
    if refusal is not None or value is None:
        return []
    try:
        look_up_recorded(str(value), at=now(), address=request.META.get("REMOTE_ADDR", ""))
    except TooManyLookUpsError as error:
        return [Refusal(error.code, error.text, "id_number")]
    return []


def _number_field(item: ServiceItem) -> Field | None:
    return next((f for f in item.fields if f.name == "id_number" and f.kind is Kind.ID_NUMBER), None)


def _looked_up(item: ServiceItem, context: Context, typed: Typed, *, asked: HttpRequest | None = None) -> tuple[Found, Typed]:
    """Ask the item about the number; fill in what is still empty. asked: the request that wants to know, for the record."""
    field = _number_field(item)
    if field is None or item.look_up is None:
        return Found((), ()), typed
    value, refusal = field.clean(typed.get("id_number"))
    if refusal is not None or value is None:
        return Found((), (refusal,) if refusal else ()), typed
    if asked is not None and (limit := _beyond_limit(asked, item, typed)):
        return Found((), tuple(limit), 429), typed
    with acting(ENGINE):
        answer: Answer = item.look_up(str(value), context)
    refusals = tuple(r for r in answer.refusals if not (context.counter and r.code in item.counter_lifts))
    names = {f.name: f for f in item.fields}
    untouched = blank(item.fields)
    filled = {name: names[name].typed(given) for name, given in answer.values.items() if typed.get(name) in ("", [], None, untouched[name])}
    return Found(answer.facts, refusals), {**typed, **filled}


def look_up(request: HttpRequest, item: ServiceItem, context: Context, face: Face) -> HttpResponse:
    """The panel beside the form, and the fields that the look-up filled. By POST: numbers of people stay out of addresses and logs."""
    typed = typed_from(item.fields, request.POST)
    found, after = _looked_up(item, context, typed, asked=request)
    changed: list[FieldView] = []
    if (number := _number_field(item)) is not None:
        told = "；".join(r.text for r in found.refusals if r.field == "id_number")
        changed.append(view(number, after["id_number"], error=told))
    changed += [view(f, after[f.name]) for f in item.fields if f.name != "id_number" and after[f.name] != typed[f.name]]
    return face.piece(request, "lookup", {"item": item, "found": found, "changed": changed, "base": face.forms}, status=found.status)


def validate(request: HttpRequest, item: ServiceItem, context: Context, face: Face) -> HttpResponse | None:
    """One field after it was left: right, wrong with the sentence, or with a warning. None: there is no such field."""
    names = {f.name: f for f in dated(item.fields, context.on)}
    name = request.GET.get("field", "")
    if name not in names:
        return None
    typed = typed_from(item.fields, request.POST)
    value, refusal = names[name].clean(typed[name])
    error, note = refusal.text if refusal else "", ""
    limit = _beyond_limit(request, item, typed) if name == "id_number" else []
    if limit:
        error = limit[0].text
    elif refusal is None and value is not None:
        examined = operations.examine_one(item, context, typed)
        error = by_field([r for r in examined.refusals if not r.code.startswith("FLD") or r.field == name]).get(name, "")
        note = by_field(examined.warnings).get(name, "")
    shown = view(names[name], typed[name], error=error, note=f"提醒：{note}" if note else "")
    return face.piece(request, "field", {"field": shown, "base": face.forms}, status=429 if limit else 200)
