"""上传明细: a batch while it is checked, and its rows afterwards, mended in the page."""

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from shebao.base.clock import now
from shebao.casework.item import Context, MoneyEffect
from shebao.casework.models import Case, CaseState, Channel, Filing, Upload
from shebao.channels.contexts import of_request
from shebao.channels.portal.case_lists import BATCH_ROWS, WRONG, Counts, count_rows, events_of, item_of_case, open_rows, upload_of
from shebao.channels.portal.case_parts import case_title, crumbs_of, money_effect
from shebao.channels.portal.material_list import shown_materials
from shebao.channels.portal.pages import live_of, number_of, show
from shebao.channels.portal.words import event_line, state_words
from shebao.channels.year_overview import overview_of
from shebao.surfaces.rows import row_view

EFFECT_ROWS_MAX = 500  # above it the effect on money is told after the run, not while the page waits
NAMED_ROWS = 4


def checking(request: HttpRequest, case: Case) -> HttpResponse:
    """校验中: the live count; the page may be closed meanwhile."""
    context = {"case": case, "item": item_of_case(case), "steps": steps(case, None), **progress_of(case)}
    return show(request, "checking", case_title(case), context, crumbs=crumbs_of(case))


def progress_of(case: Case) -> dict[str, object]:
    """How far the check is: rows, and the seconds left at the present speed."""
    upload = upload_of(case)
    total, done = (upload.rows_total or 0, upload.rows_checked) if upload else (0, 0)
    note = "" if done else f"正在读取文件，约 {total:,} 行" if total else "正在读取文件"
    if upload and total and done:
        took = (now() - upload.started_at).total_seconds()
        note = f"大约还要 {max(1, round(took / done * (total - done)))} 秒" if took > 1 and done < total else ""
    return {"upload": upload, "total": total, "done": done, "note": note}


def refused(request: HttpRequest, case: Case, upload: Upload) -> HttpResponse:
    """The file as a whole could not be read: why, and upload again."""
    item = item_of_case(case)
    context = {"case": case, "item": item, "upload": upload, "steps": steps(case, None)}
    return show(request, "refused_file", f"{item.title}批量办理", context, crumbs=crumbs_of(case))


def steps(case: Case, counts: Counts | None) -> list[dict[str, str]]:
    """下载模板 → 上传校验 → 修改错误 → 提交审批 → 审核结果."""
    wrong = counts.wrong if counts else 0
    checked = counts is not None
    return [
        {"title": "下载模板", "text": "填写名册", "state": "done"},
        {"title": "上传校验", "text": f"{counts.total} 行" if counts else "逐行校验", "state": "done" if checked else "now"},
        {
            "title": "修改错误",
            "text": f"还有 {wrong} 行未通过" if wrong else "全部通过" if checked else "在页面上直接改",
            "state": "now" if wrong else "done" if checked else "",
        },
        {
            "title": "提交审批",
            "text": f"可提交 {counts.ready} 行" if counts else "好的先提交",
            "state": "now" if checked and not wrong else "",
        },
        {"title": "审核结果", "text": "打印名册", "state": ""},
    ]


def steps_after(case: Case, rows: int) -> list[dict[str, str]]:
    """The same line once the batch is submitted."""
    gone, done = case.state == CaseState.WITHDRAWN, case.state == CaseState.DONE
    result = "已退单" if gone else "已办结，可打印名册" if done else "系统自动审核中" if case.automatic else "等待窗口审核"
    return [
        {"title": "下载模板", "text": "填写名册", "state": "done"},
        {"title": "上传校验", "text": f"{rows} 行", "state": "done"},
        {"title": "修改错误", "text": "已处理", "state": "done"},
        {"title": "提交审批", "text": f"第 {case.round} 次提交" if case.round else "没有提交", "state": "done" if case.round else ""},
        {"title": "审核结果", "text": result, "state": "done" if done else "bad" if gone else "now"},
    ]


def details(request: HttpRequest, case: Case, *, said: str = "", said_of: str = "没有提交", status: int = 200) -> HttpResponse:
    """The rows of a batch by tab, fifty a page; only what is wrong is a control."""
    item, counts, upload = item_of_case(case), count_rows(case), upload_of(case)
    tab = request.GET.get("tab", "") or (
        "back" if case.returned and counts.back else "wrong" if counts.wrong else "warned" if counts.warned else "all"
    )
    text = request.GET.get("q", "").strip()[:40]
    found = open_rows(case, "all" if text else tab, text)
    total = found.count() if text else _of_tab(counts, tab)
    page = min(max(1, number_of(request.GET.get("page"), 1)), max(1, -(-total // BATCH_ROWS)))
    context = {
        "case": case,
        "item": item,
        "live": live_of(request),
        "state": state_words(case),
        "upload": upload,
        "q": text,
        "rows": [row_view(item, filing) for filing in found[(page - 1) * BATCH_ROWS : page * BATCH_ROWS]],
        "page": page,
        "pages": max(1, -(-total // BATCH_ROWS)),
        "matching": total,
        "base": f"?q={quote(text)}&page=" if text else f"?tab={tab}&page=",
        "size": BATCH_ROWS,
        "events": [event_line(event, case) for event in events_of(case)],
        "said": said,
        "said_of": said_of,
        **shown_materials(case, item),
        "has_errors": status == 422,
        "overview": overview_of(case),
        "from_workbook": case.channel == Channel.WORKBOOK,
        **standing(case, counts, of_request(request), tab="" if text else tab, first=page == 1),
    }
    return show(request, "batch_rows", case_title(case) + " · 上传明细", context, crumbs=crumbs_of(case), status=status)


def standing(case: Case, counts: Counts, context: Context, *, tab: str, first: bool = True) -> dict[str, object]:
    """What every repaired row changes: steps, the summary, figures that must add up, tabs.

    Args: tab: the one that is open, empty while searching.  first: whether its first page is shown, so that rows can be linked to.
    """
    return {
        "counts": counts,
        "tab": tab,
        "steps": steps(case, counts),
        "named": _named(case, "" if tab == "wrong" and first else "?tab=wrong") if counts.wrong else [],
        "effect": _effect(case, counts, context),
        "row_tabs": _tabs(counts, tab),
        "totals": [
            {"label": "共上传", "value": f"{counts.total:,}", "url": "?tab=all"},
            {"label": "通过", "value": f"{counts.fine:,}", "tone": "ok", "url": "?tab=fine"},
            {"label": "错误", "value": f"{counts.wrong:,}", "tone": "err" if counts.wrong else "", "url": "?tab=wrong"},
            {"label": "提醒（可提交）", "value": f"{counts.warned:,}", "tone": "warn" if counts.warned else "", "url": "?tab=warned"},
        ],
        "shares": [("ok", counts.fine), ("warn", counts.warned), ("err", counts.wrong)],
    }


def _effect(case: Case, counts: Counts, context: Context) -> MoneyEffect | None:
    if not 0 < counts.ready <= EFFECT_ROWS_MAX:
        return None
    return money_effect(item_of_case(case), list(open_rows(case, "all", "").exclude(WRONG)), context)


def _of_tab(counts: Counts, tab: str) -> int:
    return {"wrong": counts.wrong, "warned": counts.warned, "fine": counts.fine, "back": counts.back}.get(tab, counts.total)


def _tabs(counts: Counts, tab: str) -> list[dict[str, object]]:
    shown = [("wrong", "错误"), ("warned", "提醒"), ("fine", "已通过"), ("all", "全部")]
    if counts.back:
        shown.insert(0, ("back", "已退回"))
    return [{"label": label, "url": f"?tab={name}", "count": f"{_of_tab(counts, name):,}", "current": name == tab} for name, label in shown]


def _named(case: Case, page: str) -> list[tuple[str, str]]:
    """The first wrong rows, for the summary: address within the page, sentence."""
    rows: list[Filing] = list(open_rows(case, "wrong", "").only("row", "name", "refusals")[:NAMED_ROWS])
    return [
        (f"{page}#row-{f.row}", f"第 {f.row} 行{' ' + f.name if f.name else ''}：{(f.refusals or [{'text': '还没有填完'}])[0]['text']}")
        for f in rows
    ]
