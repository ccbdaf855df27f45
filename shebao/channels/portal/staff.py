"""参保人员花名册: who is insured, one employee, and the list to take away, today or as the register held it on a day.
Numbers are masked; showing one leaves a trace."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET, require_POST

from shebao.audit.operations import Trace, record
from shebao.base.clock import ZONE, now
from shebao.base.months import Month, first_day, month_of, month_shown, months_between, shift
from shebao.base.terms import INSURANCES, SHORT_LABELS, Insurance, Sex, StopReason, insurances_in
from shebao.channels import due_changes, errors
from shebao.channels.as_of import AsOf, as_of, held, versions
from shebao.channels.guards import unit_operators
from shebao.channels.papers import short_labels
from shebao.channels.portal.batch import WORKBOOK_TYPE
from shebao.channels.portal.pages import HOME, actor_of, by_htmx, live_of, number_of, piece, show
from shebao.channels.registered import person_told
from shebao.enrolment.models import Spell, Wage
from shebao.enrolment.roster import Cover, Member, all_staff, headcount, staff
from shebao.levy import standing
from shebao.levy.models import Bill
from shebao.levy.month_marks import grid_of, person_marks
from shebao.levy.queries import person_months
from shebao.levy.standing import BilledMonth
from shebao.parties.as_of import history_of_person, person_as_of
from shebao.parties.models import Person
from shebao.surfaces.workbook import ExportKind, export_file

PAGE_ROWS = 50
MONTHS_BACK = 24
LIST = ("参保人员花名册", "/u/staff")
HEADERS = ("序号", "个人编号", "公民身份号码", "姓名", "性别", "参保险种", "参保起始年月", "停保年月", "申报工资（元）")
KINDS = (ExportKind.NUMBER, *(ExportKind.TEXT,) * 7, ExportKind.MONEY)
WIDTHS = (8, 16, 22, 14, 8, 34, 14, 12, 16)


def _month(request: HttpRequest, asked: AsOf) -> Month:
    given = number_of(request.GET.get("month"), asked.month)
    valid = given // 100 in range(1990, 2100) and given % 100 in range(1, 13)
    return given if valid and 0 <= months_between(given, asked.month) <= MONTHS_BACK else asked.month


def _filter(request: HttpRequest, asked: AsOf) -> dict[str, Any]:
    """What a roster is narrowed by: arguments of enrolment.roster.staff."""
    insurance, cover = request.GET.get("insurance", ""), request.GET.get("cover", "")
    return {
        "search": request.GET.get("q", "").strip()[:40].replace("\x00", ""),
        "mask": Insurance(int(insurance)).flag if insurance in {str(i.value) for i in INSURANCES} else 0,
        "cover": Cover.STOPPED if cover == Cover.STOPPED.value else Cover.RUNNING,
        "known_at": asked.known_at,
        "on": asked.day,
    }


@unit_operators
@require_GET
def roster(request: HttpRequest) -> HttpResponse:
    """花名册 of a month, by pages without counting through them."""
    unit_id, asked = actor_of(request).unit_id, as_of(request)
    month, narrowed = _month(request, asked), _filter(request, asked)
    after = number_of(request.GET.get("after"))
    found = staff(unit_id, month, after=after, limit=PAGE_ROWS + 1, **narrowed)
    kept = request.GET.copy()
    kept.pop("after", None)
    context = {
        "month": month,
        "asked": asked,
        "filters": _fields(request, asked, month, narrowed),
        "narrowed": bool(narrowed["search"] or narrowed["mask"] or narrowed["cover"] is Cover.STOPPED),
        "stopped": narrowed["cover"] is Cover.STOPPED,
        "base": f"?{kept.urlencode()}",
        "export": f"/u/staff.xlsx?{kept.urlencode()}",
        "after": after,
        "people": [
            {"who": m, "insurances": "、".join(short_labels(insurances_in(m.insurance_mask))), "sex": Sex(m.sex).label}
            for m in found[:PAGE_ROWS]
        ],
        "next_after": found[PAGE_ROWS - 1].person_id if len(found) > PAGE_ROWS else 0,
        "total": headcount(unit_id, month, known_at=asked.known_at),
    }
    return show(request, "staff", "参保人员花名册", context, crumbs=(HOME, (LIST[0], None)))


def _fields(request: HttpRequest, asked: AsOf, month: Month, narrowed: dict[str, Any]) -> list[dict[str, Any]]:
    choice = {"kind": "choice", "required": False}
    return [
        {
            **choice,
            "name": "month",
            "label": "月份",
            "prompt": month_shown(asked.month),
            "value": month,
            "choices": [(m, month_shown(m)) for m in (shift(asked.month, -i) for i in range(MONTHS_BACK + 1))],
        },
        {
            **choice,
            "name": "cover",
            "label": "参保状态",
            "prompt": Cover.RUNNING.label,
            "value": narrowed["cover"].value,
            "choices": [(c.value, c.label) for c in Cover],
        },
        {
            **choice,
            "name": "insurance",
            "label": "险种",
            "prompt": "全部险种",
            "value": request.GET.get("insurance", ""),
            "choices": [(str(i.value), SHORT_LABELS[i]) for i in INSURANCES],
        },
        asked.field,
        {"name": "q", "label": "姓名 / 身份号码 / 个人编号", "kind": "search", "required": False, "value": narrowed["search"]},
    ]


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
    """One employee: 参保时间, wages, months with what was owed and paid, and what is registered of the person."""
    person = Person.objects.filter(pk=person_id).first()
    return _employee(request, person, whole=False) if person else errors.page(request, 404)


def _employee(request: HttpRequest, person: Person, *, whole: bool) -> HttpResponse:
    unit_id, asked = actor_of(request).unit_id, as_of(request)
    on = asked.day
    spells = list(held(Spell.objects.filter(unit_id=unit_id, person=person), asked).order_by("-from_month"))
    wages = held(Wage.objects.filter(unit_id=unit_id, person=person), asked).order_by("-from_month")
    issued = set(Bill.objects.filter(unit_id=unit_id, issued_on__lte=on).values_list("month", flat=True))
    billed = {month: one for month, one in standing.person_months(unit_id, person.pk, on).items() if month in issued}
    dues = person_months(person.pk, [unit_id], first=shift(month_of(on), -MONTHS_BACK))
    running = any(spell.to_month is None or spell.to_month > month_of(on) for spell in spells)
    known_at = told_until(spells, asked)
    known = person_as_of([person.pk], known_at).get(person.pk)
    if known is None:  # registered after the day asked for
        return errors.page(request, 404)
    context = {
        "person": person,
        "known": known,
        "asked": asked,
        "told": person_told(known),
        "versions": versions(history_of_person(person.pk, known_at=known_at)),
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
        "changes": [] if asked.past else due_changes.of_person(person.pk, [unit_id]),
        "grid": None if asked.past else grid_of(person_marks(person.pk, [unit_id], on, until_now=False)),
        "months": [
            {"due": d, "bill": billed[d.month].bill_number if d.month in billed else "", "state": _state(billed.get(d.month), asked)}
            for d in reversed(dues)
            if not asked.past or d.month in billed
        ],
    }
    return show(request, "employee", known["name"], context, crumbs=(HOME, LIST, (known["name"], None)))


def _state(month: BilledMonth | None, asked: AsOf) -> tuple[str, str]:
    """The word for a month. Of a past day only that it was assessed: what had arrived by then stands on the bill."""
    if month is None:
        return ("未核定", "mute")
    return ("已核定", "mute") if asked.past else (month.standing.value, month.standing.tone)


def told_until(spells: Sequence[Spell], asked: AsOf) -> datetime | None:
    """Until when a unit is told of a person: the day asked for (None: now), and never beyond the end of the cover through it.

    What somebody registers with a later employer is none of the former one's business.
    """
    if not spells or any(spell.to_month is None for spell in spells):
        return asked.known_at
    end = first_day(max(spell.to_month or 0 for spell in spells))
    if end > asked.day:
        return asked.known_at
    return datetime.combine(end, time(), ZONE) - timedelta(microseconds=1)


@unit_operators
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """The roster as filtered, as .xlsx: read in chunks, written to a file, sent from it. Whole numbers leave the hall, so it is traced."""
    actor, live, asked = actor_of(request), live_of(request), as_of(request)
    month, narrowed = _month(request, asked), _filter(request, asked)
    after = {"month": month} | ({"as_of": asked.day.isoformat()} if asked.past else {})
    record([Trace("staff.exported", live.unit_number, after=after)], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    name = f"参保人员花名册-{month}" + (f"-截至{asked.day.isoformat()}" if asked.past else "")
    title = f"{live.unit_name}参保人员花名册（{month_shown(month)}）" + (f"　{asked.sentence}" if asked.past else "")
    return send(title, name, HEADERS, _rows(all_staff(actor.unit_id, month, **narrowed)), kinds=KINDS, widths=WIDTHS)


def send(
    title: str,
    name: str,
    headers: Sequence[str],
    rows: Iterator[Sequence[str | int | None]],
    *,
    kinds: Sequence[ExportKind],
    widths: Sequence[int],
) -> FileResponse:
    """A long list as a file to keep, never whole in memory."""
    content = export_file(title, headers, rows, kinds=kinds, widths=widths)
    return FileResponse(content, as_attachment=True, filename=f"{name}.xlsx", content_type=WORKBOOK_TYPE)


def _rows(people: Iterator[Member]) -> Iterator[Sequence[str | int | None]]:
    for count, m in enumerate(people, 1):
        insurances = "、".join(short_labels(insurances_in(m.insurance_mask)))
        last = str(m.to_month) if m.to_month else ""
        yield (count, m.number, m.id_number, m.name, Sex(m.sex).label, insurances, str(m.from_month), last, m.wage_fen)
