"""人员 and 单位 all round: what is registered and was, months, money, cases, papers, and who looked. Every look is on record."""

from collections.abc import Sequence
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.access.acting import acting
from shebao.access.models import Account
from shebao.audit.models import Event
from shebao.audit.operations import Trace, record
from shebao.audit.queries import ACTIONS, looks_at_person, looks_at_unit
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.months import month_shown
from shebao.base.terms import Post, StopReason, insurances_in
from shebao.casework.item import item_of
from shebao.casework.models import Case
from shebao.casework.queries import cases_about, recent
from shebao.channels import due_changes, errors
from shebao.channels.as_of import as_of, held, versions
from shebao.channels.desk.look import DESK, QUERY_LENGTH_MAX
from shebao.channels.desk.pages import actor_of, clean, live_of, number_of, show
from shebao.channels.desk.words import state_words
from shebao.channels.explaining import month_reasons
from shebao.channels.guards import agency
from shebao.channels.registered import person_at, person_told, terms_at, unit_at, unit_told
from shebao.channels.rights import account_figures
from shebao.enrolment.models import Spell, Wage
from shebao.enrolment.roster import headcount, staff
from shebao.levy.deferring import bill_word
from shebao.levy.desk_queries import find_person, find_unit, operators_of
from shebao.levy.flexible_choices import own_months
from shebao.levy.models import Bill, BillKind, Receipt, ReceiptState
from shebao.levy.month_marks import grid_of, person_marks, unit_marks
from shebao.levy.queries import bills_of, open_of_unit, receipts_of_unit
from shebao.papers.queries import papers_of_person, papers_of_unit
from shebao.parties.as_of import history_of_person, history_of_unit
from shebao.policy.rulebook import standard
from shebao.surfaces.form import attachment_url

STAFF_SIZE = 20
BILLS_SHOWN = 12
CASES_SHOWN = 10
PAPERS_SHOWN = 8
YEARS_BACK = 5  # of a unit's grid, beside this year
SUPERVISING = frozenset({Post.REVIEWER})  # who sees who looked; auditors have the whole trace


@agency(*DESK)
@require_GET
def person(request: HttpRequest, number: str) -> HttpResponse:
    """A person: identity with its history, 参保关系, wages, every month by type, cases, papers, and who looked."""
    found = find_person(number)
    if found is None:
        return errors.page(request, 404)
    record([Trace("person.looked", found.number, person_id=found.pk)], at=now())
    today, asked = now().date(), as_of(request)
    known = person_at(found.pk, asked)
    if known is None:  # registered after the day asked for
        return errors.page(request, 404)
    spells = list(held(Spell.objects.filter(person=found), asked).select_related("unit").order_by("-from_month", "-id"))
    units = {s.unit_id: s.unit for s in spells}
    flexible = own_months(found.pk, place=live_of(request).place, rulebook=standard(), at=now())
    context = {
        "person": found,
        "asked": asked,
        "known": known,
        "told": person_told(known),
        "photo": attachment_url(found.photo) if found.photo else "",
        "versions": versions(history_of_person(found.pk, known_at=asked.known_at)),
        "spells": [
            {"spell": s, "insurances": insurances_in(s.insurance_mask), "reason": StopReason(s.stop_reason).label if s.stop_reason else ""}
            for s in spells
        ],
        "wages": held(Wage.objects.filter(person=found), asked).select_related("unit").order_by("-from_month", "-id"),
        "grid": grid_of(person_marks(found.pk, list(units), today)),
        "flexible": flexible,
        "flexible_why": month_reasons(found.pk, live_of(request).place, [m.month for m in flexible.months]) if flexible else [],
        "accounts": account_figures(found.pk),
        "changes": due_changes.of_person(found.pk),
        "cases": _cases(cases_about(found.id_number, CASES_SHOWN)),
        "papers": papers_of_person(found.pk)[:PAPERS_SHOWN],
        "looks": _looks(looks_at_person(found.pk)) if actor_of(request).posts & SUPERVISING else None,
        "present": asked.month,
    }
    return show(request, "person", known["name"], context, crumbs=(("人员快查", "/w/people"), (known["name"], None)))


@agency(*DESK)
@require_GET
def unit(request: HttpRequest, number: str) -> HttpResponse:
    """A unit: register with its history, staff over time, bills and receipts, every month by type, operators, cases, papers, looks."""
    found = find_unit(number)
    if found is None:
        return errors.page(request, 404)
    record([Trace("unit.looked", found.number, unit_id=found.pk)], at=now())
    today, text, asked = now().date(), clean(request.GET.get("q"), QUERY_LENGTH_MAX), as_of(request)
    known = unit_at(found.pk, asked)
    if known is None:
        return errors.page(request, 404)
    month, after = asked.month, number_of(request.GET.get("after"), 0)
    members = staff(found.pk, month, search=text, after=after, limit=STAFF_SIZE + 1, known_at=asked.known_at, on=asked.day)
    overdue_bills, overdue_fen = open_of_unit(found.pk, today)
    bills, people = bills_of(found.pk), headcount(found.pk, month, known_at=asked.known_at)
    with acting(ENGINE):
        operators = [_operator(account, today) for account in operators_of(found.pk)]
    context = {
        "unit": found,
        "asked": asked,
        "known": known,
        "told": unit_told(known),
        "versions": versions(history_of_unit(found.pk, known_at=asked.known_at)),
        "terms": terms_at(found.pk, asked),
        "people": people,
        "month": month,
        "members": [{"member": m, "insurances": insurances_in(m.insurance_mask)} for m in members[:STAFF_SIZE]],
        "more": members[STAFF_SIZE - 1].person_id if len(members) > STAFF_SIZE else 0,
        "search": text,
        "headcounts": _headcounts(bills, month, people),
        "bills": [{"bill": b, "word": bill_word(b, today)[0]} for b in bills[:BILLS_SHOWN]],
        "receipts": [_receipt(r) for r in receipts_of_unit(found.pk)],
        "grid": grid_of(unit_marks(found.pk, today, first=(today.year - YEARS_BACK) * 100 + 1)),
        "overdue_bills": overdue_bills,
        "overdue_fen": overdue_fen,
        "operators": operators,
        "cases": _cases(recent(found.pk, CASES_SHOWN)),
        "papers": papers_of_unit(found.pk)[:PAPERS_SHOWN],
        "looks": _looks(looks_at_unit(found.pk)) if actor_of(request).posts & SUPERVISING else None,
        "today": today,
    }
    return show(request, "unit", known["name"], context, crumbs=(("单位快查", "/w/units"), (known["name"], None)))


def _headcounts(bills: Sequence[Bill], month: int, people: int) -> list[dict[str, object]]:
    """Staff by month as billed, oldest first, and now: for ui.bars."""
    told = [(b.month, b.headcount) for b in reversed([b for b in bills if b.kind == BillKind.MONTHLY][:23]) if b.month != month]
    return [{"label": f"{m // 100 % 100:02d}.{m % 100:02d}", "values": [n], "shown": n} for m, n in [*told, (month, people)]]


def _receipt(receipt: Receipt) -> dict[str, object]:
    month = receipt.bill.month if receipt.bill else None
    return {"receipt": receipt, "word": ReceiptState(receipt.state).label, "month": month_shown(month) if month else "—"}


def _operator(account: Account, on: date) -> dict[str, object]:
    """An account of the unit: name, since when it may act, and whether it still may."""
    posts = [Post(g.post).label for g in account.grants.all() if g.from_date <= on and (g.to_date is None or g.to_date > on)]
    state = ("已停用", "mute") if account.disabled_at else ("可办理", "ok") if posts else ("没有岗位", "warn")
    return {"name": account.name, "username": account.username, "state": state, "signed_in_at": account.signed_in_at}


def _looks(events: Sequence[Event]) -> list[dict[str, object]]:
    return [{"event": e, "word": ACTIONS.get(e.action, e.action)} for e in events]


def _cases(cases: list[Case]) -> list[dict[str, object]]:
    return [{"case": c, "item": item_of(c.item_code, c.item_version).title, "state": state_words(c)} for c in cases]
