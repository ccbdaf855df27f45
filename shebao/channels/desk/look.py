"""人员/单位快查: by number, ID number or name, and one simple page for each. Every look at a person is on record."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.clock import now
from shebao.base.identifiers import id_number_problem, mask_id_number
from shebao.base.terms import Post
from shebao.casework.queries import find_case
from shebao.channels.desk.pages import actor_of, clean, show
from shebao.channels.guards import agency
from shebao.channels.looking import check_look_ups
from shebao.channels.searching import found_by_agency
from shebao.levy.desk_queries import find_people, find_units
from shebao.levy.queries import find_bill

DESK = (Post.REVIEWER, Post.CLERK, Post.FINANCE)
STAFF_SIZE = 20
BILLS_SHOWN = 12
CASES_SHOWN = 10
QUERY_LENGTH_MAX = 40


@agency(*DESK)
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """One box for all: a 业务顺序号 or 核定单号 leads there; else people, units, questions, items, 常见问题 and notices in groups."""
    text = clean(request.GET.get("q"), QUERY_LENGTH_MAX)
    if text:
        case = find_case(text)
        if case is not None:
            return HttpResponseRedirect(f"/w/cases/{case.pk}")
        if text.upper().startswith(("HD", "QF")) and (bill := find_bill(text.upper())) is not None:
            return HttpResponseRedirect(f"/w/bills/{bill.number}")
    if text:
        check_look_ups(now())
    found = found_by_agency(text, actor_of(request).agency_id, now())
    context = {"q": text, "search_text": text, "found": found}
    return show(request, "search", f"搜索“{text}”" if text else "搜索", context)


@agency(*DESK)
@require_GET
def units(request: HttpRequest) -> HttpResponse:
    """单位快查."""
    return _found(request, clean(request.GET.get("q"), QUERY_LENGTH_MAX), units_too=True, people_too=False)


@agency(*DESK)
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """人员快查."""
    return _found(request, clean(request.GET.get("q"), QUERY_LENGTH_MAX), units_too=False, people_too=True)


def _found(request: HttpRequest, text: str, *, units_too: bool, people_too: bool) -> HttpResponse:
    if text and people_too:
        check_look_ups(now())
    found_units = find_units(text) if text and units_too else None
    found_people = find_people(text) if text and people_too else None
    if found_people is not None:
        shown = mask_id_number(text) if id_number_problem(text.upper()) is None else text
        record([Trace("person.searched", shown, after={"found": found_people.total})], at=now())
    title = "单位快查" if units_too else "人员快查"
    context = {
        "text": text,
        "search_text": text,
        "units": found_units,
        "people": found_people,
        "action": "/w/units" if units_too else "/w/people",
    }
    return show(request, "found", title, context)
