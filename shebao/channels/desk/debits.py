"""批扣: batches of the place; build, confirm and send, recall; what failed and why."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.months import month_of
from shebao.base.terms import Post
from shebao.casework.jobs import defer
from shebao.channels import errors
from shebao.channels.debit_line import context_of
from shebao.channels.desk.pages import actor_of, address, engine_of, live_of, number_of, said, show
from shebao.channels.guards import agency
from shebao.channels.portal.batch import download
from shebao.gateways.bank import SUCCESS
from shebao.levy import debit_batches
from shebao.levy import debit_queries as queries
from shebao.levy.bank_models import BANKS, BatchState, DebitBatch, Scheme
from shebao.levy.debit_telling import advice_of
from shebao.levy.debiting import batch_of
from shebao.policy.batch_day import batch_day
from shebao.policy.rulebook import standard
from shebao.surfaces.workbook.export import ExportKind, export_workbook

SIZE, EXPORT_MAX = 50, 100_000
N, T = ExportKind.NUMBER, ExportKind.TEXT
TONES = {
    BatchState.BUILDING: "info",
    BatchState.BUILT: "warn",
    BatchState.SENT: "info",
    BatchState.ANSWERED: "info",
    BatchState.POSTED: "ok",
    BatchState.RECALLED: "mute",
}


@agency(Post.FINANCE)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Batches, newest first, and the form for a new one."""
    return page(request)


@agency(Post.FINANCE)
@require_POST
def build(request: HttpRequest) -> HttpResponse:
    """Begin this month's batch of a bank and queue the run, both or neither."""
    moment = now()
    scheme, bank = request.POST.get("scheme", ""), request.POST.get("bank", "")
    if scheme not in Scheme.values:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            batch_id = debit_batches.begin(
                live_of(request).place, Scheme(scheme), bank, month_of(moment.date()), rulebook=standard(), at=moment
            )
            defer("bank_build", batch_id=batch_id)
            number = DebitBatch.objects.get(pk=batch_id).number
    except ShebaoError as error:
        return page(request, error)
    return HttpResponseRedirect(f"/w/debits/{number}")


@agency(Post.FINANCE)
@require_GET
def batch_page(request: HttpRequest, number: str) -> HttpResponse:
    """One batch: how far it is, its results, its lines."""
    return _batch(request, number)


@agency(Post.FINANCE)
@require_GET
def line(request: HttpRequest, number: str, sequence: int) -> HttpResponse:
    """怎么算的 of one line."""
    batch = own_batch(request, number)
    found = queries.line_of(batch.pk, sequence=sequence) if batch is not None else None
    if batch is None or found is None:
        return errors.page(request, 404)
    record([Trace("debit.line_looked", f"{number} {sequence}", person_id=found.person_id)], at=now())
    crumbs = (("批扣", "/w/debits"), (number, f"/w/debits/{number}"), (f"第 {sequence} 笔", None))
    context = context_of(batch, found) | {"advice": advice_of(found.result)}
    return show(request, "debit_line", f"批扣 {number} 第 {sequence} 笔", context, crumbs=crumbs)


@agency(Post.FINANCE)
@require_GET
def progress(request: HttpRequest, number: str) -> HttpResponse:
    """How far a batch is, for the page that asks again and again; when it has moved on the page is loaded anew."""
    batch = own_batch(request, number)
    if batch is None:
        return errors.page(request, 404)
    response = render(request, "desk/debit_progress.html", {"batch": batch, "standing": queries.standing(batch.pk)})
    if batch.state not in (BatchState.BUILDING, BatchState.ANSWERED):
        response["HX-Refresh"] = "true"
    return response


@agency(Post.FINANCE)
@require_POST
def send(request: HttpRequest, number: str) -> HttpResponse:
    """复核发送, by another person than the one who built it."""
    return _act(request, number, debit_batches.confirm_sending, job="bank_exchange_now")


@agency(Post.FINANCE)
@require_POST
def recall(request: HttpRequest, number: str) -> HttpResponse:
    """撤销 a batch that was not sent."""
    return _act(request, number, debit_batches.recall)


@agency(Post.FINANCE)
@require_GET
def failed(request: HttpRequest, number: str) -> HttpResponse:
    """Failed lines as .xlsx."""
    return _export(request, number, "批扣失败明细", failed=True)


@agency(Post.FINANCE)
@require_GET
def lines(request: HttpRequest, number: str) -> HttpResponse:
    """Every line of the agency as .xlsx."""
    return _export(request, number, "批扣明细", failed=False)


def _export(request: HttpRequest, number: str, title: str, *, failed: bool) -> HttpResponse:
    batch = own_batch(request, number)
    if batch is None:
        return errors.page(request, 404)
    rows, _ = queries.lines(batch.pk, failed=failed, size=EXPORT_MAX)
    heads = ("序号", "个人编号", "姓名", "加办单号", "应扣金额（元）", "起始年月", "终止年月", "月数", "结果代码", "结果")
    content = export_workbook(
        f"{title}（{batch.number}）",
        heads,
        (
            (r.sequence, r.person_number, r.name, r.agreement, r.amount_fen, r.first_month, r.last_month, r.months, r.result, r.words)
            for r in rows
        ),
        kinds=(N, T, T, T, ExportKind.MONEY, N, N, N, T, T),
        widths=(8, 16, 14, 20, 16, 12, 12, 8, 10, 24),
    )
    return download(content, f"{title}-{batch.number}.xlsx")


def _act(request: HttpRequest, number: str, operation: object, job: str = "") -> HttpResponse:
    batch = own_batch(request, number)
    if batch is None:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            operation(batch.pk, at=now())  # type: ignore[operator]
            if job:
                defer(job)
    except ShebaoError as error:
        return _batch(request, number, error)
    return HttpResponseRedirect(f"/w/debits/{number}")


def own_batch(request: HttpRequest, number: str) -> DebitBatch | None:
    """A batch of the own place; None when there is none."""
    batch = batch_of(number)
    return batch if batch is not None and batch.place == live_of(request).place else None


def page(request: HttpRequest, refused: ShebaoError | None = None) -> HttpResponse:
    """The list of batches; with what was refused."""
    place, moment = live_of(request).place, now()
    days: list[dict[str, object]] = []
    for scheme in Scheme:
        try:
            found = batch_day(standard(), month_of(moment.date()), place, provincial=scheme == Scheme.PROVINCE)
            days.append({"label": scheme.label, "day": found.day, "skipped": found.skipped_by, "why": ""})
        except ShebaoError as error:
            days.append({"label": scheme.label, "day": None, "skipped": None, "why": error.text})
    choices = {
        "scheme": [(s.value, s.label) for s in Scheme],
        "bank": [(code, f"{name}（{code}）") for code, name in BANKS.items()],
    }
    context: dict[str, object] = {
        "rows": [{"batch": b, "tone": TONES[BatchState(b.state)]} for b in queries.batches(place)],
        "days": days,
        "month": month_of(moment.date()),
        "file_field": {"name": "file", "kind": "file", "label": "银行结果文件", "accept": ".txt", "required": True},
        "form": [
            {"name": "scheme", "label": "批扣范围", "kind": "radio", "choices": choices["scheme"], "value": "city", "required": True},
            {"name": "bank", "label": "协作银行", "kind": "radio", "choices": choices["bank"], "value": "403", "required": True},
        ],
    }
    if refused is not None:
        context |= said(refused)
    return show(request, "debits", "批扣", context, status=refused.status if refused else 200)


def _batch(request: HttpRequest, number: str, refused: ShebaoError | None = None) -> HttpResponse:
    batch = own_batch(request, number)
    if batch is None:
        return errors.page(request, 404)
    only_failed, at_page = request.GET.get("only") == "failed", number_of(request.GET.get("page"))
    rows, total = queries.lines(batch.pk, failed=only_failed, page=at_page, size=SIZE)
    with acting(engine_of(actor_of(request))):  # sums of the whole place, without names
        found = queries.results(batch.pk)
    context: dict[str, object] = {
        "batch": batch,
        "tone": TONES[BatchState(batch.state)],
        "standing": queries.standing(batch.pk),
        "results": found,
        "failed_fen": sum(fen for code, _, _, fen in found if code != SUCCESS),
        "left_out": queries.left_out(batch.pk),
        "rows": rows,
        "total": total,
        "page": at_page,
        "pages": max(1, -(-total // SIZE)),
        "size": SIZE,
        "only_failed": only_failed,
        "base": address(only="failed" if only_failed else "") + "page=",
        "mine": batch.begun_by == actor_of(request).account_id,
        "files": list(batch.files.order_by("part")),
    }
    if refused is not None:
        context |= said(refused)
    crumbs = (("批扣", "/w/debits"), (batch.number, None))
    return show(request, "debit_batch", f"批扣批次 {batch.number}", context, crumbs=crumbs, status=refused.status if refused else 200)
