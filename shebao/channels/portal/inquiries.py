"""单位网申综合查询: 已办业务, 批量增减员 and 工资申报 with every person's result, 缴费记录. Each narrowed, by pages, and to export."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.clock import now
from shebao.casework.item import item_of
from shebao.casework.models import CaseState, Channel, FilingState
from shebao.casework.queries import item_choices
from shebao.casework.result_queries import (
    CHUNK_ROWS,
    CaseFilter,
    CaseLine,
    ResultFilter,
    ResultLine,
    batch_results,
    every,
    result_counts,
    submitted_cases,
)
from shebao.channels import errors
from shebao.channels.guards import unit_operators
from shebao.channels.portal.batch import download
from shebao.channels.portal.pages import HOME, actor_of, live_of, number_of, show
from shebao.channels.portal.words import FILING_WORDS
from shebao.levy.models import ReceiptState
from shebao.levy.queries import PaymentLine, payments
from shebao.surfaces.jinja import moment
from shebao.surfaces.workbook import ExportKind, export_workbook

PAGE_ROWS = 50
CASE_STATES = (("review", "进行中"), ("done", "结束"), ("returned", "回退"), ("withdrawn", "已退单"))
RESULT_STATES = (("done", "通过"), ("returned", "已退回"), ("review", "进行中"))
RECEIPT_WORDS = {"pending": ("待复核", "info"), "allocated": ("已入账", "ok"), "suspense": ("暂收待查", "warn")}


@dataclass(frozen=True, slots=True)
class Kind:
    """One 审核结果查询: its title and the items it is about."""

    title: str
    item_codes: tuple[str, ...]
    empty: str


KINDS = {
    "additions": Kind("批量增员审核结果查询", ("enrolment.add_employee",), "还没有提交过批量增员。"),
    "reductions": Kind("批量减员审核结果查询", ("enrolment.stop_employee",), "还没有提交过批量减员。"),
    "wages": Kind("工资申报审核结果查询", ("enrolment.annual_wages", "enrolment.outside_retirees"), "还没有批量申报过工资。"),
}


def _text(request: HttpRequest, name: str, most: int = 40) -> str:
    return "".join(c for c in request.GET.get(name, "") if c.isprintable()).strip()[:most]


def _day(request: HttpRequest, name: str) -> date | None:
    try:
        return date.fromisoformat(_text(request, name, 10))
    except ValueError:
        return None


def _base(**given: object) -> str:
    return "?" + urlencode({name: str(value) for name, value in given.items() if value not in ("", None)})


def _days(from_day: date | None, to_day: date | None) -> list[dict[str, object]]:
    return [
        {"name": "from", "label": "从（提交日期）", "kind": "date", "required": False, "value": from_day or ""},
        {"name": "to", "label": "到", "kind": "date", "required": False, "value": to_day or ""},
    ]


def _choice(name: str, label: str, choices: Sequence[tuple[str, str]], value: str) -> dict[str, object]:
    return {"name": name, "label": label, "kind": "choice", "required": False, "prompt": "全部", "value": value, "choices": list(choices)}


def _box(name: str, label: str, value: str) -> dict[str, object]:
    return {"name": name, "label": label, "kind": "search", "required": False, "value": value}


# --- 已办业务查询 ---


def _case_filter(request: HttpRequest) -> CaseFilter:
    item, state = _text(request, "item", 60), _text(request, "state")
    return CaseFilter(
        item if item in dict(item_choices()) else "",
        state if state in dict(CASE_STATES) else "",
        _day(request, "from"),
        _day(request, "to"),
        _text(request, "who"),
        _text(request, "q"),
    )


def _case_words(line: CaseLine) -> tuple[str, str]:
    if line.returned and line.state == CaseState.DRAFT:
        return "回退", "err"
    return {"review": ("进行中", "info"), "done": ("结束", "ok"), "withdrawn": ("已退单", "mute")}.get(line.state, ("未提交", "mute"))


def _title(line: CaseLine) -> str:
    return item_of(line.item_code, line.item_version).title + ("批量" if line.channel == Channel.WORKBOOK else "")


@unit_operators
@require_GET
def cases(request: HttpRequest) -> HttpResponse:
    """已办业务查询: everything that was submitted, whatever became of it."""
    wanted, before = _case_filter(request), number_of(request.GET.get("before")) or None
    found = submitted_cases(actor_of(request).unit_id, wanted, before=before, limit=PAGE_ROWS + 1)
    base = _base(item=wanted.item_code, state=wanted.state, who=wanted.who, q=wanted.text, to=wanted.to_day, **{"from": wanted.from_day})
    context = {
        "lines": [{"case": line, "title": _title(line), "word": _case_words(line)} for line in found[:PAGE_ROWS]],
        "filters": [
            _choice("item", "事项", item_choices(), wanted.item_code),
            _choice("state", "审批结果", CASE_STATES, wanted.state),
            *_days(wanted.from_day, wanted.to_day),
            _box("who", "申报人", wanted.who),
            _box("q", "业务顺序号 / 姓名 / 身份号码", wanted.text),
        ],
        "filtered": wanted != CaseFilter(),
        "base": base,
        "first": before is None,
        "next": f"{base}&before={found[PAGE_ROWS - 1].id}".replace("?&", "?") if len(found) > PAGE_ROWS else "",
    }
    return show(request, "inquiry_cases", "已办业务查询", context, crumbs=(HOME, ("已办业务查询", None)))


@unit_operators
@require_GET
def cases_export(request: HttpRequest) -> HttpResponse:
    """The same list whole, as .xlsx, read in chunks."""
    wanted, unit = _case_filter(request), actor_of(request).unit_id
    _exported(request, Trace("cases.exported", live_of(request).unit_number))
    headers = ("业务顺序号", "事项", "对象", "人数", "申报人", "提交时间", "审批结果", "办结时间", "回退原因")
    kinds = (ExportKind.TEXT,) * 3 + (ExportKind.NUMBER,) + (ExportKind.TEXT,) * 5
    rows = (
        (c.number, _title(c), c.subject, c.people, c.who, _at(c.submitted_at), _case_words(c)[0], _at(c.ended_at), c.reason)
        for c in every(lambda place: submitted_cases(unit, wanted, before=place, limit=CHUNK_ROWS), lambda line: line.id)
    )
    content = export_workbook("已办业务", headers, rows, kinds=kinds, widths=(20, 22, 24, 8, 12, 18, 10, 18, 40))
    return download(content, "已办业务.xlsx")


def _at(instant: object) -> str:
    return moment(instant) if instant else ""  # type: ignore[arg-type]


def _exported(request: HttpRequest, trace: Trace) -> None:
    record([trace], at=now(), address=request.META.get("REMOTE_ADDR", ""))


# --- 批量增员 / 减员 / 工资申报审核结果查询 ---


def _result_filter(request: HttpRequest) -> ResultFilter:
    state = _text(request, "state")
    return ResultFilter(
        state if state in dict(RESULT_STATES) else "",
        _text(request, "number"),
        _day(request, "from"),
        _day(request, "to"),
        _text(request, "q"),
    )


@unit_operators
@require_GET
def results(request: HttpRequest, kind: str) -> HttpResponse:
    """Every person of the batches with the result and the reason."""
    about = KINDS.get(kind)
    if about is None:
        return errors.page(request, 404)
    wanted, unit = _result_filter(request), actor_of(request).unit_id
    after = (number_of(request.GET.get("case")), number_of(request.GET.get("row"))) if request.GET.get("case") else None
    found = batch_results(unit, about.item_codes, wanted, after=after, limit=PAGE_ROWS + 1)
    counts = result_counts(unit, about.item_codes, wanted)
    base = _base(state=wanted.state, number=wanted.number, q=wanted.text, to=wanted.to_day, **{"from": wanted.from_day})
    last = found[PAGE_ROWS - 1] if len(found) > PAGE_ROWS else None
    context = {
        "kind": kind,
        "about": about,
        "lines": [{"of": line, "word": FILING_WORDS[FilingState(line.state)]} for line in found[:PAGE_ROWS]],
        "filters": [
            _box("number", "批次（业务顺序号）", wanted.number),
            _choice("state", "审核结果", RESULT_STATES, wanted.state),
            *_days(wanted.from_day, wanted.to_day),
            _box("q", "姓名 / 身份号码", wanted.text),
        ],
        "totals": [
            {"label": "共（人）", "value": f"{sum(counts.values()):,}"},
            {"label": "通过", "value": f"{counts.get('done', 0):,}", "tone": "ok"},
            {"label": "已退回", "value": f"{counts.get('returned', 0):,}", "tone": "err" if counts.get("returned") else ""},
            {"label": "进行中", "value": f"{counts.get('review', 0):,}"},
        ],
        "filtered": wanted != ResultFilter(),
        "base": base,
        "first": after is None,
        "next": f"{base}&case={last.case_id}&row={last.row}".replace("?&", "?") if last else "",
    }
    return show(request, "inquiry_results", about.title, context, crumbs=(HOME, (about.title, None)))


@unit_operators
@require_GET
def results_export(request: HttpRequest, kind: str) -> HttpResponse:
    """The same list whole, as .xlsx, read in chunks."""
    about = KINDS.get(kind)
    if about is None:
        return errors.page(request, 404)
    wanted, unit = _result_filter(request), actor_of(request).unit_id
    _exported(request, Trace("cases.exported", live_of(request).unit_number))

    def page(place: tuple[int, int] | None) -> list[ResultLine]:
        return batch_results(unit, about.item_codes, wanted, after=place, limit=CHUNK_ROWS)

    headers = ("批次（业务顺序号）", "Excel 行", "姓名", "公民身份号码", "审核结果", "不通过原因", "提交时间", "审核时间")
    kinds = (ExportKind.TEXT, ExportKind.NUMBER) + (ExportKind.TEXT,) * 6
    rows: Iterator[tuple[str | int, ...]] = (
        (r.number, r.row, r.name, r.id_number, FILING_WORDS[FilingState(r.state)][0], _why(r), _at(r.submitted_at), _at(r.decided_at))
        for r in every(page, lambda line: line.place)
    )
    content = export_workbook(about.title.removesuffix("查询"), headers, rows, kinds=kinds, widths=(20, 10, 14, 22, 12, 44, 18, 18))
    return download(content, f"{about.title.removesuffix('查询')}.xlsx")


def _why(line: ResultLine) -> str:
    return line.reason if line.state == FilingState.RETURNED else ""


# --- 缴费记录 ---


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """How the payments are narrowed; empty: not."""

    from_day: date | None = None
    to_day: date | None = None
    state: str = ""
    text: str = ""


def _payment_filter(request: HttpRequest) -> PaymentFilter:
    state = _text(request, "state")
    return PaymentFilter(_day(request, "from"), _day(request, "to"), state if state in RECEIPT_WORDS else "", _text(request, "q"))


def _payments(unit: int, wanted: PaymentFilter, before: int | None, limit: int) -> list[PaymentLine]:
    return payments(unit, from_day=wanted.from_day, to_day=wanted.to_day, state=wanted.state, text=wanted.text, before=before, limit=limit)


@unit_operators
@require_GET
def payment_list(request: HttpRequest) -> HttpResponse:
    """缴费记录: what arrived for the unit's bills."""
    wanted, before = _payment_filter(request), number_of(request.GET.get("before")) or None
    found = _payments(actor_of(request).unit_id, wanted, before, PAGE_ROWS + 1)
    base = _base(state=wanted.state, q=wanted.text, to=wanted.to_day, **{"from": wanted.from_day})
    days = _days(wanted.from_day, wanted.to_day)
    days[0]["label"] = "从（缴费日期）"
    context = {
        "lines": [
            {"of": line, "word": RECEIPT_WORDS.get(line.state, (ReceiptState(line.state).label, "mute"))} for line in found[:PAGE_ROWS]
        ],
        "filters": [
            *days,
            _choice("state", "到账情况", [(state, words[0]) for state, words in RECEIPT_WORDS.items()], wanted.state),
            _box("q", "流水号 / 核定单号 / 费款所属期", wanted.text),
        ],
        "filtered": wanted != PaymentFilter(),
        "base": base,
        "first": before is None,
        "next": f"{base}&before={found[PAGE_ROWS - 1].id}".replace("?&", "?") if len(found) > PAGE_ROWS else "",
    }
    return show(request, "inquiry_payments", "缴费记录查询", context, crumbs=(HOME, ("缴费记录查询", None)))


@unit_operators
@require_GET
def payments_export(request: HttpRequest) -> HttpResponse:
    """The same list whole, as .xlsx, read in chunks."""
    wanted, unit = _payment_filter(request), actor_of(request).unit_id
    _exported(request, Trace("payments.exported", live_of(request).unit_number))
    headers = ("缴费日期", "流水号", "核定单号", "费款所属期", "到账金额（元）", "已入账金额（元）", "到账情况")
    kinds = (ExportKind.TEXT,) * 4 + (ExportKind.MONEY,) * 2 + (ExportKind.TEXT,)
    rows = (
        (p.paid_on.isoformat(), p.serial, p.bill_number, str(p.month), p.amount_fen, p.allocated_fen, RECEIPT_WORDS[p.state][0])
        for p in every(lambda place: _payments(unit, wanted, place, CHUNK_ROWS), lambda line: line.id)
    )
    content = export_workbook("缴费记录", headers, rows, kinds=kinds, widths=(12, 24, 20, 12, 18, 18, 12))
    return download(content, "缴费记录.xlsx")
