"""The page of a case: 核对 before it is submitted, progress and result afterwards; submitting and withdrawing."""

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from shebao.base.clock import today
from shebao.casework.large import open_settlement
from shebao.casework.models import Case, CaseState, Channel, FilingState
from shebao.casework.operations import NothingToSubmitError
from shebao.channels import filing_check
from shebao.channels.case_papers import kind_of
from shebao.channels.contexts import of_request
from shebao.channels.guards import unit_operators
from shebao.channels.portal import batch_page
from shebao.channels.portal.case_lists import (
    BATCH_ROWS,
    events_of,
    get_case,
    is_batch,
    item_of_case,
    rest_of,
    settled_rows,
    states_of_rows,
    upload_of,
)
from shebao.channels.portal.case_parts import case_title, crumbs_of
from shebao.channels.portal.material_list import shown_materials
from shebao.channels.portal.pages import live_of, number_of, piece, show
from shebao.channels.portal.single import face_of
from shebao.channels.portal.words import FILING_WORDS, cutoff_of, event_line, state_words, steps_of
from shebao.surfaces.form import shown


@unit_operators
@require_GET
def page(request: HttpRequest, case_id: int) -> HttpResponse:
    """What fits the state: progress of an upload, details of a batch, 核对, or the course of a submitted case."""
    case = get_case(case_id)
    if case.state == CaseState.CHECKING:
        return batch_page.checking(request, case)
    if case.state == CaseState.DRAFT:
        return (
            batch_page.details(request, case)
            if is_batch(case)
            else filing_check.page(request, case, of_request(request), face_of(item_of_case(case).slug))
        )
    upload = upload_of(case)
    if upload is not None and upload.problem:
        return batch_page.refused(request, case, upload)
    return show(request, "case", case_title(case), _course(request, case), crumbs=crumbs_of(case))


def _course(request: HttpRequest, case: Case) -> dict[str, object]:
    """Everything of a submitted case: where it stands, what is next, its rows and events."""
    item = item_of_case(case)
    chosen, text = request.GET.get("rows", ""), request.GET.get("q", "").strip()[:40]
    settlement = open_settlement(case) if case.state == CaseState.REVIEW else None
    counts = states_of_rows(case)
    many = sum(counts.values()) > 1 or case.channel == Channel.WORKBOOK
    found = settled_rows(case, chosen, text)
    matching = found.count() if many else 1
    pages = max(1, -(-matching // BATCH_ROWS))
    page_number = min(max(1, number_of(request.GET.get("page"), 1)), pages)
    filings = list(found[(page_number - 1) * BATCH_ROWS : page_number * BATCH_ROWS])
    return {
        "case": case,
        "item": item,
        "live": live_of(request),
        "state": state_words(case),
        "steps": batch_page.steps_after(case, sum(counts.values())) if case.channel == Channel.WORKBOOK else steps_of(case, item),
        "many": many,
        "total": sum(counts.values()),
        "row_tabs": [
            {
                "label": label,
                "url": f"?rows={state}",
                "count": counts.get(state, 0) if state else sum(counts.values()),
                "current": chosen == state,
            }
            for state, label in (("", "全部"), *((s.value, FILING_WORDS[s][0]) for s in FilingState if counts.get(s.value)))
        ],
        "filings": [
            {"row": f.row, "name": f.name, "id_number": f.id_number, "state": FILING_WORDS[FilingState(f.state)], "reason": f.return_reason}
            for f in filings
        ],
        "facts": [
            (field.label, text)
            for field, text in shown(item.fields, filings[0].values, filings[0].typed)
            if field.kind.value != "id_number"
        ]
        if not many and filings
        else [],
        "id_number": filings[0].id_number if not many and filings else "",
        "page": page_number,
        "pages": pages,
        "matching": matching,
        "q": text,
        "rows_state": chosen,
        "base": f"?rows={quote(chosen)}&q={quote(text)}&page=",
        "size": BATCH_ROWS,
        "events": [event_line(event, case) for event in events_of(case)],
        "rest": rest_of(case),
        **shown_materials(case, item),
        "poll": case.state == CaseState.REVIEW and (case.automatic or settlement is not None),
        "settlement": settlement,
        "cutoff": cutoff_of(live_of(request).place, today()),
        "paper": kind_of(item).label,
        "withdrawable": case.state == CaseState.REVIEW
        and case.claimed_by is None
        and case.first_by is None
        and not case.automatic
        and case.channel != Channel.COUNTER,
        "face": face_of(item.slug),
    }


@unit_operators
@require_GET
def status(request: HttpRequest, case_id: int) -> HttpResponse:
    """The course of a case again, asked every two seconds while the system reviews it."""
    case = get_case(case_id)
    if case.state not in (CaseState.REVIEW, CaseState.DONE, CaseState.WITHDRAWN):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = f"/u/cases/{case_id}"
        return response
    return piece(request, "case_course", _course(request, case))


@unit_operators
@require_POST
def submit(request: HttpRequest, case_id: int) -> HttpResponse:
    """提交审批, once for every key; the rows that are wrong stay behind as a draft."""
    case = get_case(case_id)
    try:
        return filing_check.submit(request, case, of_request(request), face_of(item_of_case(case).slug))
    except NothingToSubmitError as error:
        return batch_page.details(request, case, said=error.text, status=422)


@unit_operators
@require_POST
def withdraw(request: HttpRequest, case_id: int) -> HttpResponse:
    """退单."""
    case = get_case(case_id)
    return filing_check.withdraw(request, case, of_request(request), face_of(item_of_case(case).slug))
