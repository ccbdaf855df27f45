"""批量办理: template out, workbook in, progress, and the rows mended one by one."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now, today
from shebao.casework import batch as intake
from shebao.casework import error_files, operations
from shebao.casework.cases import KeyReusedError, WrongStateError
from shebao.casework.examine import gate_of
from shebao.casework.fields import Value
from shebao.casework.item import Audience, ServiceItem, item_by_slug
from shebao.casework.models import CaseState, Channel, Filing
from shebao.channels import errors
from shebao.channels.contexts import of_request
from shebao.channels.guards import unit_operators
from shebao.channels.portal import batch_page
from shebao.channels.portal.case_lists import count_rows, get_case, item_of_case, recent_cases
from shebao.channels.portal.items import crumbs_of
from shebao.channels.portal.pages import HOME, actor_of, by_htmx, clash, key_of, live_of, number_of, piece, saved_under, show
from shebao.channels.portal.words import case_line, cutoff_of
from shebao.surfaces.error_list import error_list_of
from shebao.surfaces.rows import amended_values, row_view
from shebao.surfaces.workbook import TemplateMark, make_template

WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MIB = 2**20


def _item_with_batch(slug: str) -> ServiceItem | None:
    item = item_by_slug(slug, Audience.UNIT)
    return item if item is not None and item.batch_rows_max else None


@unit_operators
@require_GET
def entry(request: HttpRequest, slug: str) -> HttpResponse:
    """模板下载, 上传, and the last batches."""
    item = _item_with_batch(slug)
    return _entry(request, item) if item else errors.page(request, 404)


def _entry(request: HttpRequest, item: ServiceItem, *, error: str = "", status: int = 200) -> HttpResponse:
    live = live_of(request)
    limits = f"支持 .xlsx、.xls、.csv，最大 {settings.UPLOAD_BYTES_MAX // MIB} MB、{item.batch_rows_max:,} 行"
    context = {
        "item": item,
        "live": live,
        "cutoff": cutoff_of(live.place, today()),
        "drop": {
            "name": "file",
            "label": "填好的名册",
            "kind": "file",
            "required": True,
            "accept": ".xlsx,.xls,.csv",
            "error": error,
            "hint": limits,
        },
        "errors": [("file", error)] if error else [],
        "has_errors": bool(error),
        "recent": [case_line(case) for case in recent_cases(actor_of(request).unit_id, item, channel=Channel.WORKBOOK)],
        "steps": [
            {"title": "下载模板", "text": f"第 {item.version} 版", "state": "now"},
            {"title": "上传校验", "text": "逐行校验，可离开页面", "state": ""},
            {"title": "修改错误", "text": "在页面上直接改", "state": ""},
            {"title": "提交审批", "text": "好的先提交", "state": ""},
            {"title": "审核结果", "text": "打印名册", "state": ""},
        ],
    }
    return show(request, "batch", f"{item.title}批量办理", context, crumbs=crumbs_of(item, "批量办理"), status=status)


@unit_operators
@require_GET
def template(request: HttpRequest, slug: str) -> HttpResponse:
    """模板下载: made from the item's fields, with lists to choose from."""
    item = _item_with_batch(slug)
    if item is None:
        return errors.page(request, 404)
    context = of_request(request)
    title = item.template_title(context) if item.template_title else ""
    with acting(ENGINE):
        return _template(item, item.rows(context) if item.rows else (), title)


def blank_template(item: ServiceItem) -> HttpResponse:
    """The template of an item with nothing filled in."""
    return _template(item, ())


def _template(item: ServiceItem, rows: Iterable[Mapping[str, Value]], title: str = "") -> HttpResponse:
    """title: what the item calls its table for this unit and day, where it has a name of its own for it."""
    notes = (item.guide.summary, f"办理时间：{item.guide.when}")
    content = make_template(
        title or f"{item.title}批量办理名册",
        TemplateMark(item.code, item.version),
        item.columns,
        rows_max=item.batch_rows_max,
        notes=notes,
        prefilled=rows,
        locked=bool(title) and item.rows_fixed,
    )
    return download(content, f"{title or f'{item.title}批量模板-第{item.version}版'}.xlsx")


def download(content: bytes, name: str, kind: str = WORKBOOK_TYPE, *, inline: bool = False) -> HttpResponse:
    """A file to keep (or to look at) under a Chinese name."""
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(name)}"
    return response


@unit_operators
@require_POST
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """上传: kept at once, checked by a job; the page shows its progress."""
    item = _item_with_batch(slug)
    if item is None:
        return errors.page(request, 404)
    sent = request.FILES.get("file")
    if sent is None or not sent.name:
        return _entry(request, item, error="请选择要上传的文件", status=422)
    if (sent.size or 0) > settings.UPLOAD_BYTES_MAX:
        most = settings.UPLOAD_BYTES_MAX // MIB
        return _entry(request, item, error=f"文件超过 {most} MB，请拆分成几个文件分别上传", status=413)
    if gate := gate_of(item, of_request(request)):
        return _entry(request, item, error=gate.text, status=409)
    if not sent.size:
        return _entry(request, item, error="文件是空的，请确认已保存数据后重新上传", status=422)
    content, key = sent.read(), key_of(request)
    try:
        case_id = intake.receive(item, of_request(request), sent.name, content, sha256(content).digest(), key=key)
    except KeyReusedError as error:
        return clash(request, error, saved_under(key) or f"/u/items/{slug}/batch")
    return HttpResponseRedirect(f"/u/cases/{case_id}")


@unit_operators
@require_GET
def progress(request: HttpRequest, case_id: int) -> HttpResponse:
    """The count again while a workbook is checked; leads to the result when it is done."""
    case = get_case(case_id)
    if case.state != CaseState.CHECKING:
        response = HttpResponse(status=204)
        response["HX-Redirect"] = f"/u/cases/{case_id}"
        return response
    return piece(request, "progress", {"case": case, **batch_page.progress_of(case)})


@unit_operators
@require_POST
def amend(request: HttpRequest, case_id: int, filing_id: int) -> HttpResponse:
    """保存 one row (or take a suggestion): only this row is examined and, with htmx, only its line is drawn again."""
    case = get_case(case_id)
    item = item_of_case(case)
    try:
        _amend(request, case_id, item, filing_id)
    except WrongStateError as error:
        return clash(request, error, f"/u/cases/{case_id}")
    filing = Filing.objects.get(pk=filing_id, case_id=case_id)
    if not by_htmx(request):
        return HttpResponseRedirect(f"/u/cases/{case_id}?tab={request.POST.get('tab', '')}#row-{filing.row}")
    case = get_case(case_id)
    row = row_view(item, filing, amended=not filing.refusals and filing.values is not None)
    standing = batch_page.standing(case, count_rows(case), of_request(request), tab=request.POST.get("tab", ""))
    return piece(request, "row_answer", {"case": case, "r": row, "item": item, "rows": [filing], **standing})


def _amend(request: HttpRequest, case_id: int, item: ServiceItem, filing_id: int) -> None:
    typed = amended_values(item, filing_id, dict(request.POST.lists()))
    field, _, value = request.POST.get("adopt", "").partition("=")
    if field in {f.name for f in item.columns}:
        typed[field] = value
    operations.amend_row(case_id, filing_id, of_request(request), typed)


@unit_operators
@require_POST
def recheck(request: HttpRequest, case_id: int) -> HttpResponse:
    """重新校验: save every row that was edited on the page."""
    case = get_case(case_id)
    item = item_of_case(case)
    sent = dict(request.POST.lists())
    rows = {number_of(name[1:].split("-")[0]) for name in sent if name[:1] == "r"}
    try:
        for filing in Filing.objects.filter(case=case, pk__in=rows).order_by("row"):
            typed = amended_values(item, filing.pk, sent)
            if any(filing.typed.get(name) != value for name, value in typed.items()):
                operations.amend_row(case_id, filing.pk, of_request(request), typed)
    except WrongStateError as error:
        return clash(request, error, f"/u/cases/{case_id}")
    return HttpResponseRedirect(f"/u/cases/{case_id}?tab={request.POST.get('tab', '')}")


@unit_operators
@require_POST
def remove(request: HttpRequest, case_id: int) -> HttpResponse:
    """删除选中."""
    chosen = [number_of(text) for text in request.POST.getlist("row")]
    try:
        context = of_request(request)
        operations.remove_rows(case_id, chosen, at=context.at, context=context)
    except WrongStateError as error:
        return clash(request, error, f"/u/cases/{case_id}")
    return HttpResponseRedirect(f"/u/cases/{case_id}?tab={request.POST.get('tab', '')}")


@unit_operators
@require_GET
def error_list(request: HttpRequest, case_id: int) -> HttpResponse:
    """下载导入失败列表: the wrong rows in the same template, each with its reason. Of many rows a job makes it; the page waits."""
    case = get_case(case_id)
    rows = error_files.wrong_rows(case)
    content = error_files.ready(case) if rows > error_files.AT_ONCE_ROWS_MAX else error_list_of(case)[0]
    if content is not None:
        return download(content, f"导入失败列表-{case.number}.xlsx")
    error_files.ask(case, at=now())
    context = {"case": case, "rows": rows}
    return show(
        request,
        "error_list",
        "正在生成导入失败列表",
        context,
        crumbs=(HOME, (case.number, f"/u/cases/{case_id}"), ("导入失败列表", None)),
        status=202,
    )


@unit_operators
@require_GET
def error_list_state(request: HttpRequest, case_id: int) -> HttpResponse:
    """Asked again and again while the list is made; leads to it when it is there."""
    case = get_case(case_id)
    return piece(request, "error_list_state", {"case": case, "ready": error_files.ready(case) is not None})
