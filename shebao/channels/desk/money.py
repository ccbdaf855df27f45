"""Money that waits or is owed: 暂收待查, 欠费单位, a 核定单 to read."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Insurance, Post
from shebao.channels import due_changes, errors
from shebao.channels.desk.pages import actor_of, clean, live_of, number_of, show
from shebao.channels.guards import agency
from shebao.channels.late_payments import extras
from shebao.levy.arrears import UnitArrears, overdue
from shebao.levy.cancelling import why_not
from shebao.levy.deferring import bill_word, deferred_of, overdue_fen
from shebao.levy.desk_queries import overdue_sums
from shebao.levy.models import BillKind, Origin, ReceiptState
from shebao.levy.queries import back_lines, bill_lines, bill_people, find_bill, order_dues, receipts_of, taken_people
from shebao.levy.tax_standing import standing
from shebao.levy.timeline import shown, timeline
from shebao.policy.late_fee import explain_late_fee
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason

SIZE = 50
ARREARS_MAX = 200
PEOPLE_SIZE = 50
BACK_ROWS_MAX = 200


@agency(Post.FINANCE)
@require_GET
def arrears(request: HttpRequest) -> HttpResponse:
    """欠费单位: overdue bills, oldest first, with the late fee if it were paid today."""
    agency_id, today, place = actor_of(request).agency_id, now().date(), live_of(request).place
    rows = [_late(row, today, place) for row in overdue(today, agency_id=agency_id, limit=ARREARS_MAX)]
    context = {
        "rows": rows,
        "sums": overdue_sums(agency_id, today),
        "units": len({row["bill"].unit_id for row in rows}),  # type: ignore[attr-defined]
        "fee_fen": sum(row["fee_fen"] or 0 for row in rows),  # type: ignore[misc]
        "today": today,
        "most": ARREARS_MAX,
    }
    return show(request, "arrears", "欠费单位", context)


def _late(row: UnitArrears, today: date, place: str) -> dict[str, object]:
    told: dict[str, object] = {"bill": row, "days": (today - row.due_date).days, "fee_fen": None, "why": None, "unknown": ""}
    if row.kind != BillKind.MONTHLY:
        return told | {"unknown": "补缴单已含滞纳金" if row.kind == BillKind.ARREARS else "不再计滞纳金"}
    try:
        explained = explain_late_fee(row.open_fen, row.due_date, today, place, standard(), month=row.month)
        told |= {"fee_fen": explained.amount("fee"), "why": reason(explained.to_dict())}
    except ShebaoError as error:
        told["unknown"] = error.text
    return told


@agency(Post.FINANCE, Post.REVIEWER)
@require_GET
def bill(request: HttpRequest, number: str) -> HttpResponse:
    """A 核定单 as the unit sees it: types, what arrived, people."""
    found = find_bill(number)
    if found is None:
        return errors.page(request, 404)
    search, after = clean(request.GET.get("q"), 30), number_of(request.GET.get("after"), 0)
    is_order = found.kind == BillKind.ARREARS
    whole = found.kind == BillKind.MONTHLY
    people = bill_people(found.unit_id, found.month, search=search, after=after, limit=PEOPLE_SIZE + 1) if whole else []
    dues = order_dues(found, after=after, limit=PEOPLE_SIZE + 1) if is_order else []
    on_order = list(dict.fromkeys(due.person_id for due in dues))
    lines = bill_lines(found)
    back = back_lines(found, BACK_ROWS_MAX)
    context = {
        "bill": found,
        "word": bill_word(found, now().date())[0],
        "lines": [
            {
                "label": Insurance(line.insurance).label,
                "base_fen": line.base_fen or None,
                "unit_fen": line.unit_fen,
                "person_fen": line.person_fen,
                "note": f"{line.headcount} 人" + ("" if line.origin == Origin.NORMAL else f"，{Origin(line.origin).label}"),
            }
            for line in lines
        ],
        "receipts": receipts_of(found),
        "back": back,
        "behind": due_changes.behind_lines(back),
        "back_url": lambda line: f"/w/people/{line.person.number}",
        "settled": due_changes.settled(found),
        "timeline": shown(timeline(found, on=now().date())),
        "tax": standing([found])[found.pk],
        "cancellable": found.kind == BillKind.PERSON and not why_not(found),
        "receipt_words": {state.value: state.label for state in ReceiptState},
        "people": people[:PEOPLE_SIZE],
        "taken": taken_people(found, [p.person_id for p in people]),
        "dues": [due for due in dues if due.person_id in set(on_order[:PEOPLE_SIZE])],
        "is_order": is_order,
        "more": people[PEOPLE_SIZE - 1].person_id
        if len(people) > PEOPLE_SIZE
        else on_order[PEOPLE_SIZE - 1]
        if len(on_order) > PEOPLE_SIZE
        else 0,
        "search": search,
        "overdue": overdue_fen(found, now().date()) > 0,
        "deferred": deferred_of(found, now().date()),
        "today": now().date(),
        "bill_base": "/w/bills/",
        **extras(found),
    }
    title = f"{BillKind(found.kind).label} {found.number}"
    crumbs = ((found.unit.name, f"/w/units/{found.unit.number}"), (title, None))
    return show(request, "bill", title, context, crumbs=crumbs)
