"""参保人员花名册: who is insured, one employee, and the list to take away. Numbers are masked; showing one leaves a trace."""

from collections.abc import Iterator, Sequence

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from shebao.audit.operations import Trace, record
from shebao.base.clock import now, today
from shebao.base.months import Month, month_of, month_shown, months_between, shift
from shebao.base.terms import Sex, StopReason, insurances_in
from shebao.channels import errors
from shebao.channels.guards import unit_operators
from shebao.channels.papers import short_labels
from shebao.channels.portal.batch import download
from shebao.channels.portal.pages import HOME, actor_of, by_htmx, live_of, number_of, piece, show
from shebao.enrolment.models import Spell, Wage
from shebao.enrolment.queries import headcount, staff
from shebao.levy.deferring import bill_word
from shebao.levy.models import Bill
from shebao.levy.queries import person_months
from shebao.parties.models import Person
from shebao.surfaces.workbook import ExportKind, export_workbook

PAGE_ROWS = 50
CHUNK_ROWS = 2_000
MONTHS_BACK = 24
LIST = ("参保人员花名册", "/u/staff")
HEADERS = ("序号", "个人编号", "公民身份号码", "姓名", "性别", "参保险种", "参保起始年月", "申报工资（元）")
KINDS = (*(ExportKind.NUMBER,), *(ExportKind.TEXT,) * 6, ExportKind.MONEY)
WIDTHS = (8, 16, 22, 14, 8, 34, 14, 16)


def _month(request: HttpRequest) -> Month:
    this = month_of(today())
    asked = number_of(request.GET.get("month"), this)
    valid = asked // 100 in range(1990, 2100) and asked % 100 in range(1, 13)
    return asked if valid and 0 <= months_between(asked, this) <= MONTHS_BACK else this


@unit_operators
@require_GET
def roster(request: HttpRequest) -> HttpResponse:
    """花名册 of a month, by pages without counting through them."""
    unit_id, month = actor_of(request).unit_id, _month(request)
    text, after = request.GET.get("q", "").strip()[:40], number_of(request.GET.get("after"))
    found = staff(unit_id, month, search=text, after=after, limit=PAGE_ROWS + 1)
    this = month_of(today())
    context = {
        "month": month,
        "filters": [
            {
                "name": "month",
                "label": "月份",
                "kind": "choice",
                "required": False,
                "prompt": month_shown(this),
                "value": month,
                "choices": [(m, month_shown(m)) for m in (shift(this, -i) for i in range(MONTHS_BACK + 1))],
            },
            {"name": "q", "label": "姓名 / 身份号码", "kind": "search", "required": False, "value": text},
        ],
        "q": text,
        "after": after,
        "people": [
            {"who": m, "insurances": "、".join(short_labels(insurances_in(m.insurance_mask))), "sex": Sex(m.sex).label}
            for m in found[:PAGE_ROWS]
        ],
        "next_after": found[PAGE_ROWS - 1].person_id if len(found) > PAGE_ROWS else 0,
        "total": headcount(unit_id, month),
    }
    return show(request, "staff", "参保人员花名册", context, crumbs=(HOME, (LIST[0], None)))


@unit_operators
@require_POST
def reveal(request: HttpRequest, person_id: int) -> HttpResponse:
    """显示: the whole number of one employee; who looked at whom is kept in the trace."""
    person = Person.objects.filter(pk=person_id).first()
    if person is None:
        return errors.page(request, 404)
    record([Trace("person.id_number_shown", person.number, person_id=person.pk)], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    if by_htmx(request):
        return piece(request, "revealed", {"number": person.id_number})
    return _employee(request, person, whole=True)


@unit_operators
@require_GET
def employee(request: HttpRequest, person_id: int) -> HttpResponse:
    """One employee: 参保时间, wages, months with what was owed and paid."""
    person = Person.objects.filter(pk=person_id).first()
    return _employee(request, person, whole=False) if person else errors.page(request, 404)


def _employee(request: HttpRequest, person: Person, *, whole: bool) -> HttpResponse:
    unit_id, on = actor_of(request).unit_id, today()
    spells = Spell.objects.filter(unit_id=unit_id, person=person, known_to__isnull=True).order_by("-from_month")
    wages = Wage.objects.filter(unit_id=unit_id, person=person, known_to__isnull=True).order_by("-from_month")
    bills = {bill.month: bill for bill in Bill.objects.filter(unit_id=unit_id)}
    dues = person_months(person.pk, [unit_id], first=shift(month_of(on), -MONTHS_BACK))
    running = any(spell.to_month is None or spell.to_month > month_of(on) for spell in spells)
    context = {
        "person": person,
        "sex": Sex(person.sex).label,
        "whole": whole,
        "running": running,
        "live": live_of(request),
        "spells": [
            {
                "from": s.from_month,
                "last": shift(s.to_month, -1) if s.to_month else None,
                "insurances": "、".join(short_labels(insurances_in(s.insurance_mask))),
                "reason": StopReason(s.stop_reason).label if s.stop_reason else "",
            }
            for s in spells
        ],
        "wages": [{"from": w.from_month, "last": shift(w.to_month, -1) if w.to_month else None, "wage_fen": w.wage_fen} for w in wages],
        "months": [
            {"due": d, "bill": bills.get(d.month), "state": bill_word(bills[d.month], on) if d.month in bills else ("未核定", "mute")}
            for d in reversed(dues)
        ],
    }
    return show(request, "employee", person.name, context, crumbs=(HOME, LIST, (person.name, None)))


@unit_operators
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The roster of a month as .xlsx, read from the database in chunks. Whole numbers leave the hall, so it is traced."""
    actor, live, month = actor_of(request), live_of(request), _month(request)
    record([Trace("staff.exported", live.unit_number, after={"month": month})], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    content = export_workbook(
        f"{live.unit_name}参保人员花名册（{month_shown(month)}）", HEADERS, _rows(actor.unit_id, month), kinds=KINDS, widths=WIDTHS
    )
    return download(content, f"参保人员花名册-{month}.xlsx")


def _rows(unit_id: int, month: Month) -> Iterator[Sequence[str | int | None]]:
    after, count = 0, 0
    while chunk := staff(unit_id, month, after=after, limit=CHUNK_ROWS):
        for m in chunk:
            count += 1
            insurances = "、".join(short_labels(insurances_in(m.insurance_mask)))
            yield (count, m.number, m.id_number, m.name, Sex(m.sex).label, insurances, str(m.from_month), m.wage_fen)
        after = chunk[-1].person_id
