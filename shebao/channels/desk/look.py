"""人员/单位快查: by number, ID number or name, and one simple page for each. Every look at a person is on record."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.clock import now
from shebao.base.identifiers import id_number_problem, mask_id_number
from shebao.base.terms import Post, StopReason, insurances_in
from shebao.casework.item import item_of
from shebao.casework.models import Case
from shebao.casework.queries import cases_about, find_case, recent
from shebao.channels import errors
from shebao.channels.as_of import as_of, held, versions
from shebao.channels.desk.pages import actor_of, clean, number_of, show
from shebao.channels.desk.words import state_words
from shebao.channels.guards import agency
from shebao.channels.looking import check_look_ups
from shebao.channels.registered import person_at, person_told, terms_at, unit_at, unit_told
from shebao.channels.searching import found_by_agency
from shebao.enrolment.models import Spell
from shebao.enrolment.roster import headcount, staff
from shebao.levy.desk_queries import find_people, find_person, find_unit, find_units
from shebao.levy.models import BillState
from shebao.levy.queries import bills_of, find_bill, open_of_unit, person_months
from shebao.parties.as_of import history_of_person, history_of_unit

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
    today, text, asked = now().date(), clean(request.GET.get("q"), QUERY_LENGTH_MAX), as_of(request)
    month, after = asked.month, number_of(request.GET.get("after"), 0)
    known = unit_at(found.pk, asked)
    if known is None:
        return errors.page(request, 404)
    members = staff(found.pk, month, search=text, after=after, limit=STAFF_SIZE + 1, known_at=asked.known_at, on=asked.day)
    overdue_bills, overdue_fen = open_of_unit(found.pk, today)
    context = {
        "unit": found,
        "asked": asked,
        "known": known,
        "told": unit_told(known),
        "versions": versions(history_of_unit(found.pk, known_at=asked.known_at)),
        "terms": terms_at(found.pk, asked),
        "people": headcount(found.pk, month, known_at=asked.known_at),
        "month": month,
        "members": [{"member": m, "insurances": insurances_in(m.insurance_mask)} for m in members[:STAFF_SIZE]],
        "more": members[STAFF_SIZE - 1].person_id if len(members) > STAFF_SIZE else 0,
        "search": text,
        "bills": [{"bill": b, "word": BillState(b.state).label} for b in bills_of(found.pk, BILLS_SHOWN)],
        "overdue_bills": overdue_bills,
        "overdue_fen": overdue_fen,
        "cases": _cases(recent(found.pk, CASES_SHOWN)),
        "today": today,
    }
    return show(request, "unit", known["name"], context, crumbs=(("单位快查", "/w/units"), (known["name"], None)))


@agency(*DESK)
@require_GET
def person(request: HttpRequest, number: str) -> HttpResponse:
    """A person: identity, 参保关系, assessed months through the agency's units, cases. The look is recorded."""
    found = find_person(number)
    if found is None:
        return errors.page(request, 404)
    record([Trace("person.looked", found.number, person_id=found.pk)], at=now())
    asked = as_of(request)
    known = person_at(found.pk, asked)
    if known is None:
        return errors.page(request, 404)
    spells = list(held(Spell.objects.filter(person=found), asked).select_related("unit").order_by("-from_month", "-id"))
    names = {s.unit_id: s.unit for s in spells}
    months = person_months(found.pk, list(names))
    context = {
        "person": found,
        "asked": asked,
        "known": known,
        "told": person_told(known),
        "versions": versions(history_of_person(found.pk, known_at=asked.known_at)),
        "spells": [
            {"spell": s, "insurances": insurances_in(s.insurance_mask), "reason": StopReason(s.stop_reason).label if s.stop_reason else ""}
            for s in spells
        ],
        "months": [{"due": d, "unit": names[d.unit_id]} for d in reversed(months)],
        "cases": _cases(cases_about(found.id_number, CASES_SHOWN)),
        "present": asked.month,
    }
    return show(request, "person", known["name"], context, crumbs=(("人员快查", "/w/people"), (known["name"], None)))


def _cases(cases: list[Case]) -> list[dict[str, object]]:
    return [{"case": c, "item": item_of(c.item_code, c.item_version).title, "state": state_words(c)} for c in cases]
