"""保底封顶预览与未申报人员 of a yearly declaration, before it is submitted and afterwards."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.clock import now
from shebao.channels import errors
from shebao.channels.guards import unit_operators
from shebao.channels.portal.batch import download
from shebao.channels.portal.case_lists import get_case
from shebao.channels.portal.case_parts import crumbs_of
from shebao.channels.portal.pages import number_of, show
from shebao.channels.year_overview import PAGE_ROWS, TABS, all_lines, lines_of, missing_of, overview_of
from shebao.surfaces.workbook import ExportKind, export_workbook

HEADERS = ("Excel 行", "姓名", "公民身份号码", "现申报工资（元）", "上年度月平均工资（元）", "缴费基数（元）", "处理")
KINDS = (ExportKind.NUMBER, ExportKind.TEXT, ExportKind.TEXT, ExportKind.MONEY, ExportKind.MONEY, ExportKind.MONEY, ExportKind.TEXT)
WIDTHS = (10, 14, 22, 18, 24, 18, 12)


@unit_operators
@require_GET
def page(request: HttpRequest, case_id: int) -> HttpResponse:
    """The people of one tab, fifty a page, turned by row or by person."""
    case = get_case(case_id)
    overview = overview_of(case)
    if overview is None:
        return errors.page(request, 404)
    tab = request.GET.get("tab", "")
    tab = tab if tab in dict(TABS) else "missing" if overview.missing else "below" if overview.counts.below else "all"
    after = number_of(request.GET.get("after"))
    lines, people, next_after = [], [], 0
    if tab == "missing":
        people = missing_of(case, overview.year, after=after, limit=PAGE_ROWS + 1)[1]
        next_after = people[PAGE_ROWS - 1].person_id if len(people) > PAGE_ROWS else 0
    else:
        lines = lines_of(case, overview, tab, after=after, limit=PAGE_ROWS + 1)
        next_after = lines[PAGE_ROWS - 1].row if len(lines) > PAGE_ROWS else 0
    figures = {"below": overview.counts.below, "above": overview.counts.above, "all": overview.counts.rows, "missing": overview.missing}
    context = {
        "case": case,
        "overview": overview,
        "tab": tab,
        "lines": lines[:PAGE_ROWS],
        "people": people[:PAGE_ROWS],
        "after": after,
        "next_after": next_after,
        "base": f"?tab={tab}",
        "tab_list": [
            {"label": label, "url": f"?tab={name}", "count": f"{figures[name]:,}", "current": name == tab} for name, label in TABS
        ],
    }
    return show(
        request,
        "year",
        f"{overview.year.code} 年度申报预览",
        context,
        crumbs=(*crumbs_of(case)[:-1], (case.number, f"/u/cases/{case.pk}"), ("申报预览", None)),
    )


@unit_operators
@require_GET
def export(request: HttpRequest, case_id: int) -> HttpResponse:
    """Everybody of the batch before and after, as .xlsx, read in chunks. Whole numbers leave the hall, so it is traced."""
    case = get_case(case_id)
    overview = overview_of(case)
    if overview is None:
        return errors.page(request, 404)
    record([Trace("case.exported", case.number, case_id=case.pk)], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    rows = (
        (line.row, line.name, line.id_number, line.present_fen, line.wage_fen, line.base_fen, line.word)
        for line in all_lines(case, overview)
    )
    content = export_workbook(f"{overview.year.code} 年度缴费工资申报前后", HEADERS, rows, kinds=KINDS, widths=WIDTHS)
    return download(content, f"{overview.year.code}年度申报前后-{case.number}.xlsx")
