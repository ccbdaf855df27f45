"""单位欠费查询: who owes which months, every amount explained; the list to take away. And the pages of a 欠费补缴单."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.clock import now, today
from shebao.base.months import month_shown
from shebao.base.terms import Insurance
from shebao.channels import errors
from shebao.channels.guards import unit_operators
from shebao.channels.papers import order_detail_pdf
from shebao.channels.paying import pay_url
from shebao.channels.portal.batch import download
from shebao.channels.portal.pages import HOME, Crumbs, actor_of, live_of, number_of, show
from shebao.levy.arrears_list import Debt, Debtor, debtors, owed_of, summary
from shebao.levy.cancelling import why_not as why_not_cancellable
from shebao.levy.late_fees import explain_fee
from shebao.levy.models import Bill, BillKind, BillState, Origin
from shebao.levy.queries import bill_lines, find_bill, order_dues, receipts_of
from shebao.levy.timeline import shown as shown_steps
from shebao.levy.timeline import timeline
from shebao.parties.models import Person
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason
from shebao.surfaces.workbook import ExportKind, export_workbook

PAGE_ROWS = 50
CHUNK_PEOPLE = 2_000
LIST = ("单位欠费查询", "/u/arrears")
BILLS = ("缴费单与到账", "/u/bills")
HEADERS = (
    *("序号", "姓名", "公民身份号码", "个人编号", "费款所属期", "险种", "缴费基数（元）", "单位应缴（元）", "个人应缴（元）"),
    *("应缴日", "滞纳天数", "滞纳金（元）", "合计（元）", "核定单号", "状态"),
)
_MONEY, _TEXT, _NUMBER = ExportKind.MONEY, ExportKind.TEXT, ExportKind.NUMBER
KINDS = (_NUMBER, *(_TEXT,) * 5, *(_MONEY,) * 3, _TEXT, _NUMBER, _MONEY, _MONEY, _TEXT, _TEXT)
WIDTHS = (6, 14, 22, 18, 12, 20, 14, 14, 14, 12, 10, 14, 14, 20, 18)


def _word(debt: Debt, debtor: Debtor) -> tuple[str, str]:
    """状态 of a due and its tone."""
    if debt.order_number:
        return "补缴单待缴费", "warn"
    return ("已登记，待生成补缴单", "info") if debtor.registered else ("欠费", "err")


def _months(debtor: Debtor) -> list[dict[str, object]]:
    """The dues of a person by month, as one line of the list."""
    by_month: dict[tuple[int, str], list[Debt]] = {}
    for debt in debtor.debts:
        by_month.setdefault((debt.due.month, debt.order_number), []).append(debt)
    return [
        {
            "month": month,
            "types": len({d.due.insurance for d in debts}),
            "unit_fen": sum(d.due.open_unit_fen for d in debts),
            "person_fen": sum(d.due.open_person_fen for d in debts),
            "fee_fen": sum(d.fee_fen for d in debts),
            "total_fen": sum(d.total_fen for d in debts),
            "order": order,
            "bill": debts[0].due.bill_number,
            "state": _word(debts[0], debtor),
        }
        for (month, order), debts in by_month.items()
    ]


@unit_operators
@require_GET
def arrears(request: HttpRequest) -> HttpResponse:
    """The list, by person and month, by pages without counting through them."""
    unit_id, live, on = actor_of(request).unit_id, live_of(request), today()
    text, after = request.GET.get("q", "").strip()[:40], number_of(request.GET.get("after"))
    told = summary(unit_id, on)
    month = number_of(request.GET.get("month"))
    month = month if month in told.months else 0
    found = debtors(unit_id, on=on, place=live.place, rulebook=standard(), search=text, month=month, after=after, limit=PAGE_ROWS + 1)
    context = {
        "summary": told,
        "people": [{"who": who, "months": _months(who)} for who in found[:PAGE_ROWS]],
        "next_after": found[PAGE_ROWS - 1].person_id if len(found) > PAGE_ROWS else 0,
        "after": after,
        "q": text,
        "month": month,
        "today": on,
        "filters": [
            {
                "name": "month",
                "label": "费款所属期",
                "kind": "choice",
                "required": False,
                "prompt": "全部月份",
                "value": month or "",
                "choices": [(m, month_shown(m)) for m in told.months],
            },
            {"name": "q", "label": "姓名 / 身份号码", "kind": "search", "required": False, "value": text},
        ],
    }
    return show(request, "arrears", LIST[0], context, crumbs=(HOME, (LIST[0], None)))


@unit_operators
@require_GET
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """What one person owes, by month and type, every late fee explained."""
    unit_id, live, on = actor_of(request).unit_id, live_of(request), today()
    found = debtors(unit_id, on=on, place=live.place, rulebook=standard(), only=person_id, limit=1)
    if not found:
        return errors.page(request, 404)
    return _person(request, found[0], on, (HOME, LIST, (found[0].name, None)))


def _person(request: HttpRequest, who: Debtor, on: date, crumbs: Crumbs, order: Bill | None = None) -> HttpResponse:
    rows = [
        {
            "debt": debt,
            "state": (BillState(order.state).label, "mute") if order else _word(debt, who),
            "reasons": [] if not debt.fee_fen else _fee_reasons(debt, order.issued_on if order else _day(debt, on)),
        }
        for debt in who.debts
    ]
    context = {
        "debtor": who,
        "rows": rows,
        "unit_fen": sum(d.due.open_unit_fen for d in who.debts),
        "person_fen": sum(d.due.open_person_fen for d in who.debts),
        "fee_fen": sum(d.fee_fen for d in who.debts),
        "order": order,
        "today": on,
    }
    return show(request, "arrears_person", f"{who.name}的欠费" if order is None else f"{who.name} · {order.number}", context, crumbs=crumbs)


def _day(debt: Debt, on: date) -> date:
    """Until when a late fee counts: an order has fixed it on its day."""
    order = find_bill(debt.order_number) if debt.order_number else None
    return order.issued_on if order else on


def _fee_reasons(debt: Debt, on: date) -> list[dict[str, Any] | None]:
    place = Bill.objects.select_related("unit").get(pk=debt.due.bill_id).unit.place
    return [reason(told.to_dict()) for told in explain_fee(debt.due, on, place, standard())]


@unit_operators
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The whole list as .xlsx, one line a person, month and type. Whole numbers leave the hall, so it is traced."""
    actor, live, on = actor_of(request), live_of(request), today()
    record([Trace("arrears.exported", live.unit_number)], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    content = export_workbook(
        f"{live.unit_name}欠费明细（截至 {on}）", HEADERS, _rows(actor.unit_id, live.place, on), kinds=KINDS, widths=WIDTHS
    )
    return download(content, f"单位欠费明细-{on}.xlsx")


def _rows(unit_id: int, place: str, on: date) -> Iterator[Sequence[str | int | None]]:
    after, count = 0, 0
    while chunk := debtors(unit_id, on=on, place=place, rulebook=standard(), after=after, limit=CHUNK_PEOPLE):
        for who in chunk:
            for debt in who.debts:
                count += 1
                yield (count, *_export_row(debt, who, on))
        after = chunk[-1].person_id


def _export_row(debt: Debt, who: Debtor, on: date) -> tuple[str | int | None, ...]:
    due = debt.due
    return (
        who.name,
        who.id_number,
        who.number,
        str(due.month),
        due.insurance.label,
        due.base_fen or None,
        due.open_unit_fen,
        due.open_person_fen,
        str(due.due_date),
        None if debt.order_number else (on - due.due_date).days,
        debt.fee_fen,
        debt.total_fen,
        debt.order_number or due.bill_number,
        _word(debt, who)[0],
    )


# --- 欠费补缴单 ---


def order(request: HttpRequest, found: Bill, state: tuple[str, str], receipts: list[dict[str, object]]) -> HttpResponse:
    """One 欠费补缴单: its life, types with late fee, money that arrived, who is on it."""
    on, after = today(), number_of(request.GET.get("after"))
    dues = order_dues(found, after=after, limit=PAGE_ROWS + 1)
    people = list(dict.fromkeys(due.person_id for due in dues))
    shown = set(people[:PAGE_ROWS])
    fees = {line.insurance: line.unit_fen for line in bill_lines(found) if line.origin == Origin.LATE_FEE}
    by_month: dict[tuple[int, int], dict[str, Any]] = {}
    for due in dues:
        if due.person_id in shown:
            row = by_month.setdefault(
                (due.person_id, due.month),
                {"person": due.person, "month": due.month, "unit_fen": 0, "person_fen": 0, "fee_fen": 0, "total_fen": 0},
            )
            row["unit_fen"] += due.unit_fen
            row["person_fen"] += due.person_fen
            row["fee_fen"] += due.late_fee_fen
            row["total_fen"] += due.taken_fen + due.late_fee_fen
    context = {
        "bill": found,
        "pay_url": pay_url(found),
        "state": state,
        "lines": [
            {"line": line, "label": Insurance(line.insurance).label, "fee_fen": fees.get(line.insurance, 0)}
            for line in bill_lines(found)
            if line.origin != Origin.LATE_FEE
        ],
        "receipts": receipts,
        "rows": list(by_month.values()),
        "next_after": people[PAGE_ROWS - 1] if len(people) > PAGE_ROWS else 0,
        "after": after,
        "late": on > found.due_date and found.open_fen > 0,
        "days_left": (found.due_date - on).days,
        "rollable": not why_not_cancellable(found),
        "rolled_back": found.state == BillState.ROLLED_BACK,
        "life": _life(found, on),
        "timeline": shown_steps(timeline(found, on=on)),
    }
    return show(request, "order", f"欠费补缴单 {found.number}", context, crumbs=(HOME, BILLS, (found.number, None)))


def _life(found: Bill, on: date) -> list[dict[str, object]]:
    """生成 → 缴费 → 到账 → 暂停缴费, or the end by 回退."""
    made: dict[str, object] = {"title": "生成补缴单", "text": f"{found.issued_on}\n{found.headcount:,} 人", "state": "done"}
    if found.state == BillState.ROLLED_BACK:
        return [made, {"title": "已回退", "text": "费款已转回原核定单\n需要时请重新办理", "state": "bad"}]
    paid = found.state == BillState.PAID
    arrived = bool(receipts_of(found))
    late = on > found.due_date
    return [
        made,
        {
            "title": "到税务机关缴费",
            "text": f"{'已逾期，' if late and not paid else ''}截止 {found.due_date}",
            "state": "done" if paid or arrived else "bad" if late else "now",
        },
        {
            "title": "到账确认",
            "text": f"{found.paid_on} 已到账" if paid else "持核定表、明细表和税票\n到经办机构确认",
            "state": "done" if paid else "now" if arrived else "",
        },
        {"title": "可办暂停缴费", "text": "缴清后不再是欠费人员", "state": "done" if paid else ""},
    ]


def order_person(request: HttpRequest, found: Bill, whom: Person) -> HttpResponse:
    """One person's dues on an order."""
    dues = [due for due in order_dues(found) if due.person_id == whom.pk]
    if not dues:
        return errors.page(request, 404)
    debts = tuple(Debt(owed_of(due), due.late_fee_fen, found.number) for due in dues)
    who = Debtor(whom.pk, whom.number, whom.name, whom.id_number, False, debts)
    return _person(request, who, today(), (HOME, BILLS, (found.number, f"/u/bills/{found.number}"), (whom.name, None)), found)


@unit_operators
@require_GET
def print_detail(request: HttpRequest, number: str) -> HttpResponse:
    """《社会保险费补缴明细表》."""
    found = find_bill(number)
    if found is None or found.kind != BillKind.ARREARS or found.state == BillState.ROLLED_BACK:
        return errors.page(request, 404)
    content = order_detail_pdf(found, account_id=actor_of(request).account_id, at=now())
    return download(content, f"社会保险费补缴明细表-{found.number}.pdf", "application/pdf", inline=True)
