"""人员/单位快查: by number, ID number or name, and one simple page for each. Every look at a person is on record."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.clock import now
from shebao.base.identifiers import id_number_problem, mask_id_number
from shebao.base.months import month_of
from shebao.base.terms import Post, Sex, StopReason, insurances_in
from shebao.casework.item import item_of
from shebao.casework.models import Case
from shebao.casework.queries import cases_about, find_case, recent
from shebao.channels import errors
from shebao.channels.desk.pages import actor_of, clean, number_of, show
from shebao.channels.desk.words import state_words
from shebao.channels.guards import agency
from shebao.channels.looking import check_look_ups
from shebao.channels.searching import found_by_agency
from shebao.enrolment.queries import headcount, staff
from shebao.levy.deferring import bill_word
from shebao.levy.desk_queries import find_people, find_person, find_unit, find_units, spells_of_person, terms_of
from shebao.levy.queries import bills_of, find_bill, open_of_unit, person_months
from shebao.parties.models import UnitKind

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


@agency(*DESK)
@require_GET
def unit(request: HttpRequest, number: str) -> HttpResponse:
    """A unit: register, terms, staff, bills, cases."""
    found = find_unit(number)
    if found is None:
        return errors.page(request, 404)
    today, text = now().date(), clean(request.GET.get("q"), QUERY_LENGTH_MAX)
    month = month_of(today)
    members = staff(found.pk, month, search=text, after=number_of(request.GET.get("after"), 0), limit=STAFF_SIZE + 1)
    overdue_bills, overdue_fen = open_of_unit(found.pk, today)
    context = {
        "unit": found,
        "kind": UnitKind(found.kind).label,
        "terms": [{"terms": t, "insurances": insurances_in(t.insurance_mask)} for t in terms_of(found.pk)],
        "people": headcount(found.pk, month),
        "month": month,
        "members": [{"member": m, "insurances": insurances_in(m.insurance_mask)} for m in members[:STAFF_SIZE]],
        "more": members[STAFF_SIZE - 1].person_id if len(members) > STAFF_SIZE else 0,
        "search": text,
        "bills": [{"bill": b, "word": bill_word(b, today)[0]} for b in bills_of(found.pk, BILLS_SHOWN)],
        "overdue_bills": overdue_bills,
        "overdue_fen": overdue_fen,
        "cases": _cases(recent(found.pk, CASES_SHOWN)),
        "today": today,
    }
    return show(request, "unit", found.name, context, crumbs=(("单位快查", "/w/units"), (found.name, None)))


@agency(*DESK)
@require_GET
def person(request: HttpRequest, number: str) -> HttpResponse:
    """A person: identity, 参保关系, assessed months through the agency's units, cases. The look is recorded."""
    found = find_person(number)
    if found is None:
        return errors.page(request, 404)
    record([Trace("person.looked", found.number, person_id=found.pk)], at=now())
    spells = spells_of_person(found.pk)
    names = {s.unit_id: s.unit for s in spells}
    months = person_months(found.pk, list(names))
    context = {
        "person": found,
        "sex": Sex(found.sex).label,
        "spells": [
            {"spell": s, "insurances": insurances_in(s.insurance_mask), "reason": StopReason(s.stop_reason).label if s.stop_reason else ""}
            for s in spells
        ],
        "months": [{"due": d, "unit": names[d.unit_id]} for d in reversed(months)],
        "cases": _cases(cases_about(found.id_number, CASES_SHOWN)),
        "present": month_of(now().date()),
    }
    return show(request, "person", found.name, context, crumbs=(("人员快查", "/w/people"), (found.name, None)))


def _cases(cases: list[Case]) -> list[dict[str, object]]:
    return [{"case": c, "item": item_of(c.item_code, c.item_version).title, "state": state_words(c)} for c in cases]
