"""单位增减员异动表: who came and who left in a month, as the register tells it (seed 004,
单位增减员异动表导出). To look through and to take away."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.clock import ZONE, now
from shebao.base.months import Month, first_day, month_shown, months_between, shift
from shebao.base.terms import Sex, StopReason, insurances_in
from shebao.casework.models import Case
from shebao.channels.as_of import AsOf, as_of
from shebao.channels.guards import unit_operators
from shebao.channels.papers import short_labels
from shebao.channels.portal.pages import HOME, actor_of, live_of, number_of, show
from shebao.channels.portal.staff import MONTHS_BACK, PAGE_ROWS, send
from shebao.enrolment.roster import Basis, Move, Movement, Period, all_movements, movement_totals, movements
from shebao.surfaces.workbook import ExportKind

TITLE = "单位增减员异动表"
HEADERS = (
    "序号",
    "异动类别",
    "个人编号",
    "公民身份号码",
    "姓名",
    "性别",
    "参保险种",
    "起始年月",
    "停保年月",
    "停保原因",
    "登记时间",
    "业务顺序号",
)
KINDS = (ExportKind.NUMBER, *(ExportKind.TEXT,) * 11)
WIDTHS = (8, 14, 16, 22, 14, 8, 34, 12, 12, 22, 18, 22)
TONES = {Move.ADDED: "ok", Move.STOPPED: "mute", Move.TYPES: "info", Move.BOTH: "warn"}


def _period(request: HttpRequest, asked: AsOf) -> Period:
    basis = Basis.EFFECT if request.GET.get("basis") == Basis.EFFECT.value else Basis.FILED
    given = number_of(request.GET.get("month"), asked.month)
    valid = given // 100 in range(1990, 2100) and given % 100 in range(1, 13)
    last = shift(asked.month, 1) if basis is Basis.EFFECT else asked.month  # a stop of this month takes effect in the next
    month = given if valid and 0 <= months_between(given, last) <= MONTHS_BACK + 1 else asked.month
    begins, ends = (datetime.combine(first_day(m), time(), ZONE) for m in (month, shift(month, 1)))
    if asked.known_at and basis is Basis.FILED:
        ends = min(ends, asked.known_at)
    return Period(month, basis, begins, ends, asked.known_at)


def _move(request: HttpRequest) -> Move | None:
    return next((move for move in Move if move.value == request.GET.get("move")), None)


@unit_operators
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The 异动表 of a month with its sum: before + added - stopped = now."""
    unit_id, asked = actor_of(request).unit_id, as_of(request)
    period, move, after = _period(request, asked), _move(request), number_of(request.GET.get("after"))
    found = movements(unit_id, period, move=move, after=after, limit=PAGE_ROWS + 1)
    kept = request.GET.copy()
    kept.pop("after", None)
    context = {
        "asked": asked,
        "period": period,
        "filters": _fields(asked, period, move),
        "totals": movement_totals(unit_id, period),
        "moves": [_told(m) for m in _numbered(found[:PAGE_ROWS])],
        "Move": Move,
        "running": period.month == asked.month and not asked.past,
        "sentence": _sentence(period),
        "base": f"?{kept.urlencode()}",
        "export": f"/u/changes.xlsx?{kept.urlencode()}",
        "after": after,
        "next_after": found[PAGE_ROWS - 1].person_id if len(found) > PAGE_ROWS else 0,
    }
    return show(request, "changes", TITLE, context, crumbs=(HOME, (TITLE, None)))


def _sentence(period: Period) -> str:
    if period.basis is Basis.FILED:
        return f"{month_shown(period.month)}内记入登记库的增减员；追溯补缴的人员也列在办理的月份。"
    return f"{month_shown(period.month)}起参保或停保的人员；追溯补缴的人员列在参保起始的月份。"


def _fields(asked: AsOf, period: Period, move: Move | None) -> list[dict[str, Any]]:
    choice = {"kind": "choice", "required": False}
    months: list[Month] = [shift(asked.month, 1 - i) for i in range(MONTHS_BACK + 2)]
    return [
        {
            **choice,
            "name": "month",
            "label": "月份",
            "prompt": month_shown(asked.month),
            "value": period.month,
            "choices": [(m, month_shown(m)) for m in months if m <= asked.month or period.basis is Basis.EFFECT],
        },
        {
            **choice,
            "name": "basis",
            "label": "口径",
            "prompt": Basis.FILED.label,
            "value": period.basis.value,
            "choices": [(b.value, b.label) for b in Basis],
        },
        {
            **choice,
            "name": "move",
            "label": "异动类别",
            "prompt": "全部",
            "value": move.value if move else "",
            "choices": [(m.value, m.label) for m in Move],
        },
        asked.field,
    ]


Numbered = tuple[Movement, str]


def _numbered(found: Iterable[Movement]) -> list[Numbered]:
    """Movements with the 业务顺序号 of their cases."""
    rows = list(found)
    numbers = dict(Case.objects.filter(pk__in={m.case_id for m in rows if m.case_id}).values_list("pk", "number"))
    return [(m, numbers.get(m.case_id or 0, "")) for m in rows]


def _told(numbered: Numbered) -> dict[str, Any]:
    m, number = numbered
    return {
        "who": m,
        "case": number,
        "tone": TONES[m.move],
        "sex": Sex(m.sex).label,
        "insurances": _types(m),
        "reason": StopReason(m.stop_reason).label if m.stop_reason else "",
    }


def _types(m: Movement) -> str:
    def told(mask: int) -> str:
        return "、".join(short_labels(insurances_in(mask)))

    return f"{told(m.before)} → {told(m.now)}" if m.move is Move.TYPES else told(m.now or m.before)


@unit_operators
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """The 异动表 as .xlsx. Whole numbers leave the hall, so it is traced."""
    actor, live, asked = actor_of(request), live_of(request), as_of(request)
    period, move = _period(request, asked), _move(request)
    told = {"month": period.month, "basis": period.basis.value}
    record([Trace("changes.exported", live.unit_number, after=told)], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    title = f"{live.unit_name}{TITLE}（{month_shown(period.month)}，{period.basis.label}）" + (f"　{asked.sentence}" if asked.past else "")
    rows = _rows(all_movements(actor.unit_id, period, move=move))
    return send(title, f"{TITLE}-{period.month}", HEADERS, rows, kinds=KINDS, widths=WIDTHS)


def _rows(found: Iterator[Movement]) -> Iterator[Sequence[str | int | None]]:
    count, chunk = 0, []
    for movement in found:
        chunk.append(movement)
        if len(chunk) == 1_000:
            yield from _cells(chunk, count)
            count, chunk = count + len(chunk), []
    yield from _cells(chunk, count)


def _cells(chunk: Sequence[Movement], before: int) -> Iterator[Sequence[str | int | None]]:
    for count, (m, number) in enumerate(_numbered(chunk), before + 1):
        yield (
            count,
            m.move.label,
            m.number,
            m.id_number,
            m.name,
            Sex(m.sex).label,
            _types(m),
            str(m.from_month or ""),
            str(m.to_month or ""),
            StopReason(m.stop_reason).label if m.stop_reason else "",
            m.at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M") if m.at else "",
            number,
        )
