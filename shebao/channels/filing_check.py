"""核对: every value of a single filing with 修改, what it changes, its effect on money, what to bring; then 提交审批 or 退单."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from shebao.base.errors import RefusedError
from shebao.casework import operations
from shebao.casework.cases import KeyReusedError, StaleCaseError, WrongStateError
from shebao.casework.examine import from_json
from shebao.casework.item import Change, Context, MoneyEffect, Review, ServiceItem
from shebao.casework.models import Case, Filing
from shebao.casework.operations import OtherSideError
from shebao.channels.filing import Face
from shebao.channels.portal.case_lists import events_of, item_of_case, the_filing
from shebao.channels.portal.case_parts import money_effect, row_of
from shebao.channels.portal.material_list import shown_materials
from shebao.channels.portal.pages import key_of, number_of
from shebao.channels.portal.words import event_line, state_words, steps_of
from shebao.surfaces.form import by_field, shown, summary
from shebao.surfaces.reasons import reason

FIGURES = ("id_number", "money", "month", "mobile", "date", "phone", "uscc", "postcode", "number")


def page(
    request: HttpRequest,
    case: Case,
    context: Context,
    face: Face,
    *,
    status: int = 200,
    refused: RefusedError | None = None,
    said: Sequence[tuple[str, str]] = (),
) -> HttpResponse:
    """The page of a draft."""
    item, filing = item_of_case(case), the_filing(case)
    refusals = list(refused.refusals) if refused else from_json(filing.refusals)
    wrong = by_field(refusals)
    edit = f"{face.cases}/{case.pk}/edit"
    rows = [
        {
            "field": field.name,
            "label": field.label,
            "value": text,
            "figures": field.kind.value in FIGURES,
            "url": "" if field.core and filing.values is not None else f"{edit}#id_{field.name}",
            "wrong": wrong.get(field.name, ""),
        }
        for field, text in shown(item.fields, filing.values, filing.typed)
    ]
    complete = filing.values is not None and not refusals
    effect = money_effect(item, [filing], context) if complete else None
    amended = case.returned and filing.changed_at > _last_review(case)
    automatic = item.review(context) is Review.AUTOMATIC and not context.counter
    told: dict[str, Any] = {
        "case": case,
        "item": item,
        "face": face,
        "state": state_words(case),
        "steps": steps_of(case, item, amended=amended),
        "rows": rows,
        "complete": complete,
        "errors": [*summary(refusals), *said],
        **shown_materials(case, item, face.cases),
        "has_errors": status == 422,
        "warnings": [r.text for r in from_json(filing.warnings)],
        "effect": effect,
        "changes": changes_of(item, filing, context) if complete else (),
        "money": money_rows(effect),
        "reason": next((reason(a.explained) for a in effect.amounts if a.explained), None) if effect else None,
        "events": [event_line(event, case) for event in events_of(case)],
        "edit_url": edit,
        "saved": request.GET.get("saved") == "1",
        "automatic": automatic,
        "pinned": [item.field(pin).label for pin in filing.pins or ()] if case.returned else [],
        "amended": amended,
    }
    return face.show(request, "check", f"核对：{item.title}", told, crumbs=face.crumbs(item, case.number), status=status)


def changes_of(item: ServiceItem, filing: Filing, context: Context) -> tuple[Change, ...]:
    """What a clean filing changes, before and after."""
    if item.compare is None or filing.values is None:
        return ()
    return operations.changes_of(item, context, row_of(filing))


def _last_review(case: Case) -> datetime:
    return next((event.at for event in events_of(case) if event.kind == "reviewed"), case.created_at)


def money_rows(effect: MoneyEffect | None) -> list[dict[str, object]]:
    """The amounts of an effect as ui.money_table takes them."""
    return (
        [{"label": a.label, "base_fen": a.base_fen or None, "unit_fen": a.unit_fen, "person_fen": a.person_fen} for a in effect.amounts]
        if effect
        else []
    )


def submit(request: HttpRequest, case: Case, context: Context, face: Face) -> HttpResponse:
    """提交审批 of a single filing, once for every key. Raises: NothingToSubmitError."""
    newest = f"{face.cases}/{case.pk}"
    try:
        operations.submit(case.pk, number_of(request.POST.get("version")), context, key=key_of(request))
    except RefusedError as error:
        return page(request, case, context, face, status=422, refused=error)
    except (StaleCaseError, WrongStateError, KeyReusedError, OtherSideError) as error:
        return face.clash(request, error, newest)
    return HttpResponseRedirect(newest)


def withdraw(request: HttpRequest, case: Case, context: Context, face: Face) -> HttpResponse:
    """退单."""
    newest = f"{face.cases}/{case.pk}"
    try:
        operations.withdraw(case.pk, number_of(request.POST.get("version")), at=context.at, context=context)
    except (StaleCaseError, WrongStateError, OtherSideError) as error:
        return face.clash(request, error, newest)
    return HttpResponseRedirect(newest)
