"""缴费单与到账: bills, their lines, what arrived, and how every amount came about."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import now, today
from shebao.base.money import yuan_shown
from shebao.base.months import month_of, month_shown
from shebao.base.terms import INSURANCES, Insurance, Payer
from shebao.channels import due_changes, errors
from shebao.channels.explaining import explain_person
from shebao.channels.guards import unit_operators
from shebao.channels.late_payments import extras
from shebao.channels.papers import bill_pdf, line_rates
from shebao.channels.paying import pay_url
from shebao.channels.portal import arrears
from shebao.channels.portal.batch import download
from shebao.channels.portal.figures import bill_of, forecast
from shebao.channels.portal.pages import HOME, Crumbs, actor_of, live_of, number_of, show
from shebao.levy.deferring import bill_word, deferred_of, open_parts
from shebao.levy.models import ENDED_STATES, Bill, BillKind, BillLine, Line, Origin, Receipt, ReceiptState
from shebao.levy.queries import (
    PersonDue,
    back_lines,
    bill_lines,
    bill_people,
    bills_of,
    find_bill,
    open_of_unit,
    orders_of_bill,
    receipts_of,
    taken_people,
)
from shebao.levy.settling import credited
from shebao.levy.suspension import suspended
from shebao.levy.tax_standing import standing
from shebao.levy.timeline import shown, timeline
from shebao.parties.models import Person
from shebao.parties.queries import find_terms
from shebao.policy.explain import Explained
from shebao.policy.late_fee import explain_late_fee
from shebao.policy.levy import BASE_RULES, MonthRates, month_rates
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason

PEOPLE_ROWS = 50
ORIGIN_WORDS = {Origin.ESTIMATE: "按上月 110% 核定", Origin.DIFF: "补差"}
BACK_ROWS_MAX = 200
PDF_TYPE = "application/pdf"
LIST = ("缴费单与到账", "/u/bills")


@unit_operators
@require_GET
def bills(request: HttpRequest) -> HttpResponse:
    """The unit's 核定单, newest first, and what the present month will come to."""
    unit_id, live, on = actor_of(request).unit_id, live_of(request), today()
    month = month_of(on)
    found = bills_of(unit_id)
    overdue, overdue_fen = open_of_unit(unit_id, on)
    deferred = suspended([unit_id], on)
    context = {
        "tax": standing(found),
        "bills": [{"bill": bill, "state": bill_word(bill, on, deferred)} for bill in found if bill.kind == BillKind.MONTHLY],
        "orders": [{"bill": bill, "state": bill_word(bill, on, deferred)} for bill in found if bill.kind == BillKind.ARREARS],
        "fees": [{"bill": bill, "state": bill_word(bill, on, deferred)} for bill in found if bill.kind == BillKind.LATE_FEE],
        "month": month,
        "expected": forecast(unit_id, month, live.place) if bill_of(unit_id, month) is None else None,
        "overdue": overdue,
        "overdue_fen": overdue_fen,
    }
    return show(request, "bills", "缴费单与到账", context, crumbs=(HOME, (LIST[0], None)))


def _crumbs(bill: Bill, *more: tuple[str, str | None]) -> Crumbs:
    return (HOME, LIST, (month_shown(bill.month), f"/u/bills/{bill.number}" if more else None), *more)


@unit_operators
@require_GET
def bill(request: HttpRequest, number: str) -> HttpResponse:
    """One 核定单: by type, due date, money that arrived, late fee if it is overdue, and its people."""
    found = find_bill(number)
    if found is None:
        return errors.page(request, 404)
    on, unit_id = today(), found.unit_id
    if found.kind == BillKind.LATE_FEE:
        return _fee_bill(request, found)
    if found.kind == BillKind.ARREARS:
        return arrears.order(request, found, bill_word(found, on), [_receipt(receipt) for receipt in reversed(receipts_of(found))])
    text, after = request.GET.get("q", "").strip()[:40], number_of(request.GET.get("after"))
    people = bill_people(unit_id, found.month, search=text, after=after, limit=PEOPLE_ROWS + 1)
    terms = find_terms(unit_id, found.month)
    rates = month_rates(standard(), found.month, live_of(request).place)
    parts = [part for part in open_parts(found) if part.due_date < on]
    late = bool(parts)
    back = back_lines(found, BACK_ROWS_MAX)
    fees = [explain_late_fee(part.amount_fen, part.due_date, on, found.unit.place, standard(), month=found.month) for part in parts]
    context = {
        "bill": found,
        "pay_url": pay_url(found),
        "state": bill_word(found, on),
        "lines": [_line(line, rates, terms.injury_class if terms else 0) for line in bill_lines(found)],
        "receipts": [_receipt(receipt) for receipt in reversed(receipts_of(found))],
        "late": late,
        "timeline": shown(timeline(found, on=on)),
        "tax": standing([found])[found.pk],
        "fee": sum(fee.amount("fee") for fee in fees),
        "fee_reasons": [reason(fee.to_dict()) for fee in fees],
        "deferred": deferred_of(found, on),
        "credited_fen": credited(found),
        "estimated": any(line.origin == Origin.ESTIMATE for line in bill_lines(found)),
        "people": people[:PEOPLE_ROWS],
        "taken": taken_people(found, [p.person_id for p in people]),
        "orders": orders_of_bill(found) if found.moved_fen else [],
        "next_after": people[PEOPLE_ROWS - 1].person_id if len(people) > PEOPLE_ROWS else 0,
        "after": after,
        "q": text,
        "back": back,
        "behind": due_changes.behind_lines(back),
        "back_url": lambda line: f"/u/bills/{found.number}/people/{line.person_id}",
        "settled": due_changes.settled(found),
        "days_left": (found.due_date - on).days,
        "bill_base": "/u/bills/",
        **extras(found),
    }
    return show(request, "bill", f"{month_shown(found.month)}核定单", context, crumbs=_crumbs(found))


def _fee_bill(request: HttpRequest, found: Bill) -> HttpResponse:
    """A 滞纳金核定单: what was paid late, and how each fee came about."""
    on = today()
    context = {
        "bill": found,
        "state": bill_word(found, on),
        "late": found.open_fen > 0 and found.due_date < on,
        "receipts": [_receipt(receipt) for receipt in reversed(receipts_of(found))],
        "bill_base": "/u/bills/",
        **extras(found),
    }
    title = f"滞纳金核定单 {found.number}"
    return show(request, "fee_bill", title, context, crumbs=(HOME, LIST, (title, None)))


def _line(line: BillLine, rates: MonthRates, injury_class: int) -> dict[str, object]:
    insurance = Insurance(line.insurance)
    normal = line.origin == Origin.NORMAL
    unit_ppm, person_ppm = line_rates(insurance, rates, injury_class) if normal else (None, None)
    return {
        "label": insurance.label + ("" if normal else f"（{ORIGIN_WORDS.get(Origin(line.origin), '补缴')}）"),
        "note": f"{line.headcount:,} 人",
        "base_fen": line.base_fen or None,
        "unit_fen": line.unit_fen,
        "person_fen": line.person_fen,
        "unit_rate_ppm": unit_ppm or None,
        "person_rate_ppm": person_ppm or None,
    }


def _receipt(receipt: Receipt) -> dict[str, object]:
    state = ReceiptState(receipt.state)
    tone = {"allocated": "ok", "suspense": "err", "pending": "now"}.get(state.value, "")
    rest = receipt.amount_fen - receipt.allocated_fen
    note = f"多出 {yuan_shown(rest)} 元，转暂收待查" if state == ReceiptState.ALLOCATED and rest else receipt.reason
    return {"at": receipt.paid_on, "what": f"到账 {yuan_shown(receipt.amount_fen)} 元", "who": state.label, "note": note, "tone": tone}


@unit_operators
@require_GET
def person(request: HttpRequest, number: str, person_id: int) -> HttpResponse:
    """One person's month on a bill: every amount with its steps, rates and papers."""
    found = find_bill(number)
    whom = Person.objects.filter(pk=person_id).first() if found else None
    if found is None or whom is None:
        return errors.page(request, 404)
    if found.kind == BillKind.LATE_FEE:
        return errors.page(request, 404)
    if found.kind == BillKind.ARREARS:
        return arrears.order_person(request, found, whom)
    explained = explain_person(found, person_id)
    back = list(Line.objects.filter(bill=found, person_id=person_id).order_by("month", "insurance"))
    if explained is None and not back:
        return errors.page(request, 404)
    context: dict[str, Any] = {
        "bill": found,
        "person": whom,
        "back": back,
        "behind": due_changes.behind_lines(back),
        "later": [row for row in due_changes.of_person(person_id, [found.unit_id]) if row["change"].month == found.month],
        "rows": [],
        "reasons": [],
        "inputs": [],
        "differs": False,
        "due": None,
    }
    if explained is not None:
        context |= _explained(found, *explained)
    title = f"{whom.name} · {month_shown(found.month)}"
    return show(request, "bill_person", title, context, crumbs=_crumbs(found, (whom.name, None)))


def _explained(bill: Bill, due: PersonDue, explained: Explained) -> dict[str, Any]:
    rates = month_rates(standard(), bill.month, bill.unit.place)
    told, rows, reasons = explained.to_dict(), [], []
    for insurance in INSURANCES:
        if insurance not in due.insurances:
            continue
        unit_fen, person_fen = (due.amounts_fen.get((insurance, payer), 0) for payer in Payer)
        parts = ("unit.before", "unit", "person")
        keys = [BASE_RULES.get(insurance, ""), *(f"{insurance.key}.{part}" for part in parts), insurance.key]
        base_fen = {Insurance.MEDICAL: due.medical_base_fen, Insurance.LARGE_MEDICAL: None}.get(insurance, due.pension_base_fen)
        unit_ppm, person_ppm = line_rates(insurance, rates, due.injury_class)
        if insurance not in rates.merged:
            rows.append(
                {
                    "label": insurance.label,
                    "base_fen": base_fen,
                    "unit_fen": unit_fen,
                    "person_fen": person_fen,
                    "unit_rate_ppm": unit_ppm or None,
                    "person_rate_ppm": person_ppm or None,
                }
            )
        shown = reason(told, keys=keys)
        reasons.append({"title": f"{insurance.label}：{yuan_shown(unit_fen + person_fen)} 元怎么算的", "reason": shown})
    differs = any(_said(explained, f"{i.key}.{p.value}") not in (None, fen) for (i, p), fen in due.amounts_fen.items())
    return {
        "due": due,
        "rows": rows,
        "reasons": reasons,
        "inputs": [(each["label"], each["value"]) for each in told["inputs"]],
        "differs": differs,
    }


def _said(explained: Explained, key: str) -> int | None:
    try:
        return explained.amount(key)
    except KeyError:
        return None


@unit_operators
@require_GET
def print_bill(request: HttpRequest, number: str) -> HttpResponse:
    """《单位社会保险费核定表》."""
    found = find_bill(number)
    if found is None or found.state in ENDED_STATES:
        return errors.page(request, 404)
    content = bill_pdf(found, account_id=actor_of(request).account_id, at=now())
    return download(content, f"单位社会保险费核定表-{found.number}.pdf", PDF_TYPE, inline=True)
