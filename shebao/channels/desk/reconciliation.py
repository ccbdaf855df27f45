"""对账: statements, days, differences with age and owner, and what people do with them."""

from datetime import date, datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import INSURANCES, SHORT_LABELS, Post
from shebao.casework.jobs import defer
from shebao.channels import errors
from shebao.channels.desk.pages import Errors, actor_of, address, clean, engine_of, live_of, number_of, show
from shebao.channels.desk.suspense import amount_of, names
from shebao.channels.guards import agency
from shebao.channels.portal.batch import download
from shebao.gateways import statement as codec
from shebao.levy import outgoing, reconcile_settling, reconcile_statements, refund_queries
from shebao.levy.reconcile_models import Difference, DifferenceKind, DifferenceState, OutgoingKind, StatementState
from shebao.surfaces.workbook import ExportKind, export_workbook

SIZE, EXPORT_MAX = 50, 100_000
OUTGOING = frozenset({*OutgoingKind.values, "book-outgoing", "decline-outgoing"})
TONES = {"open": "err", "proposed": "warn", "settled": "ok"}
ENDS = {
    "arrived": "已到账",
    "withdrawn": "已冲销",
    "reversed": "银行冲正",
    "cleared": "暂收已处理",
    "agreed": "清单已一致",
    "balanced": "余额已平",
    "closed": "说明后关闭",
    "transferred": "划转财政专户",
    "advanced": "列待处理支出",
}


@agency(Post.FINANCE)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """The account, its statements, the days, the differences."""
    return _page(request)


def _page(request: HttpRequest, problems: Errors | None = None, status: int = 200) -> HttpResponse:
    actor, live, asked = actor_of(request), live_of(request), request.GET
    state = "settled" if asked.get("state") == "settled" else ""
    kind, page = clean(asked.get("kind")), number_of(asked.get("page"))
    found = refund_queries.differences(actor.agency_id, state=state, kind=kind, page=page, size=SIZE)
    today = now().date()
    told = {name: text for name, text in problems or [] if name}
    kept = refund_queries.statements(actor.agency_id)
    context = {
        "account": refund_queries.income_account(live.place),
        "agency_id": actor.agency_id,
        "statements": [s for s in kept if s.state == StatementState.QUEUED],
        "days": refund_queries.days(actor.agency_id),
        "next": refund_queries.next_day(actor.agency_id),
        "today": today,
        "rows": [_row(d, today) for d in found.rows],
        "names": names([d.owner or 0 for d in found.rows]),
        "me": actor.account_id,
        "kinds": [(k.value, k.label) for k in DifferenceKind],
        "kind": kind,
        "state": state,
        "tabs_of": [
            {"label": "待处理", "url": "/w/reconciliation" + address(kind=kind), "count": refund_queries.open_differences(actor.agency_id),
             "current": not state},
            {"label": "已处理", "url": "/w/reconciliation" + address(kind=kind, state="settled"), "current": bool(state)},
        ],
        "received": clean(asked.get("received")),
        "file_field": {
            "name": "file", "kind": "file", "label": "银行对账单", "accept": ".txt", "required": True, "error": told.get("file", ""),
        },
        "export": "/w/reconciliation/differences.xlsx" + address(state=state, kind=kind).rstrip("&?"),
        "total": found.total,
        "page": page,
        "pages": max(1, -(-found.total // SIZE)),
        "size": SIZE,
        "base": address(state=state, kind=kind) + "page=",
        "errors": problems or [],
        "has_errors": bool(problems),
    }  # fmt: skip
    return show(request, "reconciliation", "对账", context, status=status)


def _row(difference: Difference, today: date) -> dict[str, object]:
    return {
        "d": difference,
        "label": DifferenceKind(difference.kind).label,
        "word": ENDS.get(difference.settled_by) or DifferenceState(difference.state).label,
        "tone": TONES[difference.state],
        "age": (today - difference.found_on).days,
    }


@agency(Post.FINANCE)
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The differences of one state as .xlsx, with age and owner."""
    state = "settled" if request.GET.get("state") == "settled" else ""
    kind, today = clean(request.GET.get("kind")), now().date()
    found = refund_queries.differences(actor_of(request).agency_id, state=state, kind=kind, page=1, size=EXPORT_MAX).rows
    who = names([d.owner or 0 for d in found])
    rows = (
        (
            DifferenceKind(d.kind).label, d.subject, d.ours_fen, d.theirs_fen, d.found_on.isoformat(), (today - d.found_on).days,
            who.get(d.owner or 0, ""), ENDS.get(d.settled_by) or DifferenceState(d.state).label, d.reason,
        )
        for d in found
    )  # fmt: skip
    heads = ("种类", "对象", "我方（元）", "对方（元）", "发现日期", "账龄（天）", "负责人", "状态", "说明")
    money, text = ExportKind.MONEY, ExportKind.TEXT
    kinds = (text, text, money, money, text, ExportKind.NUMBER, text, text, text)
    title = f"对账差异（{'已处理' if state else '待处理'}）"
    content = export_workbook(title, heads, rows, kinds=kinds, widths=(30, 28, 16, 16, 12, 10, 12, 14, 40))
    return download(content, f"对账差异-{today}.xlsx")


@agency(Post.FINANCE)
@require_POST
def register(request: HttpRequest) -> HttpResponse:
    """登记收入户."""
    moment, live, actor = now(), live_of(request), actor_of(request)
    try:
        with acting(engine_of(actor)):
            reconcile_statements.register_account(
                live.place, clean(request.POST.get("number")).replace(" ", ""), clean(request.POST.get("bank"), 100), actor.agency_id,
                on=moment.date(), at=moment,
            )  # fmt: skip
    except ShebaoError as error:
        return _page(request, [("number", error.text)], error.status)
    return HttpResponseRedirect("/w/reconciliation")


@agency(Post.FINANCE)
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Read a statement and record it whole, or nothing of it."""
    given, moment = request.FILES.get("file"), now()
    if given is None:
        return _page(request, [("file", "请选择银行给出的对账单文件")], 422)
    try:
        if (given.size or 0) > codec.BYTES_MAX:
            raise codec.StatementRefused("STM-02", "文件过大，请与银行核对")
        content = given.read()
        read = codec.read(content, today=moment.date())
        with acting(engine_of(actor_of(request))):
            done = reconcile_statements.load(read, content, given.name or "对账单", at=moment, agency_id=actor_of(request).agency_id)
    except ShebaoError as error:
        return _page(request, [("file", error.text)], error.status)
    return HttpResponseRedirect(f"/w/reconciliation?received={done.state.value}")


@agency(Post.FINANCE)
@require_POST
def run(request: HttpRequest) -> HttpResponse:
    """Reconcile a day; by the job process, so that a large day does not hold the page."""
    moment = now()
    try:
        day = date.fromisoformat(clean(request.POST.get("day")))
    except ValueError:
        return _page(request, [("day", "日期请按 2026-11-21 的样子填写")], 422)
    if day > moment.date():
        return _page(request, [("day", "不能对今天以后的账")], 422)
    if refund_queries.income_account(live_of(request).place) is None:
        return _page(request, [("day", "还没有登记收入户，请先登记账号")], 409)
    with acting(engine_of(actor_of(request))):
        actor = actor_of(request)
        defer("reconcile_day", place=live_of(request).place, day=day.isoformat(), account_id=actor.account_id, by=actor.name)
    return HttpResponseRedirect(f"/w/reconciliation?received=ordered#d{day}")


@agency(Post.FINANCE)
@require_GET
def difference(request: HttpRequest, difference_id: int) -> HttpResponse:
    """One difference: both sides, what was asked, how it ends."""
    return _difference(request, difference_id)


def _difference(request: HttpRequest, difference_id: int, error: ShebaoError | None = None) -> HttpResponse:
    found = refund_queries.find_difference(difference_id)
    if found is None:
        return errors.page(request, 404)
    asked = refund_queries.chases(found.pk)
    who = names([found.owner or 0, found.proposed_by or 0, found.confirmed_by or 0, *(c.account_id for c in asked)])
    context = {
        **_row(found, now().date()),
        "batch": found.subject if found.key.startswith("late-debit:") else "",
        "ways": reconcile_settling.WAYS[DifferenceKind(found.kind)],
        "outgoing": refund_queries.outgoing_of(found),
        "funds": [(i.value, SHORT_LABELS[i]) for i in INSURANCES],
        "typed": {name: clean(request.POST.get(name), 40) for name in request.POST if name.startswith("fund-")},
        "names": who,
        "me": actor_of(request).account_id,
        "course": [{"at": c.at, "who": who.get(c.account_id, ""), "what": "催收、核对", "note": c.note, "tone": ""} for c in asked],
        "errors": [(None, error.text)] if error else [],
        "has_errors": bool(error),
    }
    title = f"{DifferenceKind(found.kind).label}"
    return show(
        request, "difference", title, context, crumbs=(("对账", "/w/reconciliation"), (found.subject or title, None)),
        status=error.status if error else 200,
    )  # fmt: skip


@agency(Post.FINANCE)
@require_POST
def act(request: HttpRequest, difference_id: int) -> HttpResponse:
    """认领, 放弃, 催收, 提出关闭, 复核."""
    if refund_queries.find_difference(difference_id) is None:
        return errors.page(request, 404)
    note = clean(request.POST.get("note"), 200)
    try:
        with acting(engine_of(actor_of(request))):
            if clean(request.POST.get("act")) in OUTGOING:
                _outgoing(request, difference_id, note)
                return HttpResponseRedirect(f"/w/reconciliation/differences/{difference_id}")
            _do(difference_id, clean(request.POST.get("act")), note, now())
    except ShebaoError as error:
        return _difference(request, difference_id, error)
    return HttpResponseRedirect(f"/w/reconciliation/differences/{difference_id}")


def _outgoing(request: HttpRequest, difference_id: int, note: str) -> None:
    """划转财政专户 or 待处理支出 of an unknown outgoing movement, and its 复核."""
    moment, place, word = now(), live_of(request).place, clean(request.POST.get("act"))
    if word in ("book-outgoing", "decline-outgoing"):
        outgoing.decide(difference_id, confirm=word == "book-outgoing", place=place, at=moment)
        return
    parts = {i.value: amount_of(request.POST.get(f"fund-{i.value}")) for i in INSURANCES if clean(request.POST.get(f"fund-{i.value}"))}
    outgoing.propose(difference_id, OutgoingKind(word), parts, note, place=place, on=moment.date(), at=moment)


def _do(difference_id: int, word: str, note: str, at: datetime) -> None:
    match word:
        case "take":
            reconcile_settling.take_over(difference_id, at=at)
        case "give-up":
            reconcile_settling.give_up(difference_id, at=at)
        case "chase":
            reconcile_settling.chase(difference_id, note, at=at)
        case "close":
            reconcile_settling.propose_close(difference_id, note, at=at)
        case "confirm" | "reopen":
            reconcile_settling.decide_close(difference_id, confirm=word == "confirm", at=at)


@agency(Post.FINANCE)
@require_GET
def day(request: HttpRequest, statement_id: int) -> HttpResponse:
    """The lines of a statement with what each was found to be."""
    kept = next((s for s in refund_queries.statements(actor_of(request).agency_id, 1000) if s.pk == statement_id), None)
    if kept is None:
        return errors.page(request, 404)
    context = {"statement": kept, "lines": refund_queries.day_lines(kept.pk)}
    return show(request, "statement", f"{kept.day} 对账单", context, crumbs=(("对账", "/w/reconciliation"), (kept.day.isoformat(), None)))
