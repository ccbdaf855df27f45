"""上传明细: a batch while it is checked, and its rows afterwards, mended in the page."""

from django.http import HttpRequest, HttpResponse

from shebao.base.clock import now
from shebao.casework.models import Case, Channel, Filing, Upload
from shebao.channels.contexts import of_request
from shebao.channels.portal.case_lists import BATCH_ROWS, WRONG, Counts, count_rows, events_of, item_of_case, open_rows, upload_of
from shebao.channels.portal.case_parts import case_title, crumbs_of, money_effect
from shebao.channels.portal.pages import live_of, number_of, show
from shebao.channels.portal.words import event_line, state_words
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
    note = "正在读取文件" if not total else ""
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
        {"title": "提交审批", "text": f"可提交 {counts.ready} 行" if counts else "好的先提交", "state": "now" if checked and not wrong else ""},
        {"title": "审核结果", "text": "打印名册", "state": ""},
    ]


def details(request: HttpRequest, case: Case, *, said: str = "", status: int = 200) -> HttpResponse:
    """The rows of a batch by tab, fifty a page; only what is wrong is a control."""
    item, counts, upload = item_of_case(case), count_rows(case), upload_of(case)
    tab = request.GET.get("tab", "") or ("back" if case.returned and counts.back else "wrong" if counts.wrong else "warned" if counts.warned else "all")
    text = request.GET.get("q", "").strip()[:40]
    found = open_rows(case, "all" if text else tab, text)
    total = found.count() if text else _of_tab(counts, tab)
    page = min(max(1, number_of(request.GET.get("page"), 1)), max(1, -(-total // BATCH_ROWS)))
    effect = None
    if 0 < counts.ready <= EFFECT_ROWS_MAX:
        good = list(open_rows(case, "all", "").exclude(WRONG))
        effect = money_effect(item, good, of_request(request))
    context = {
        "case": case,
        "item": item,
        "live": live_of(request),
        "state": state_words(case),
        "upload": upload,
        "steps": steps(case, counts),
        "tab": tab,
        "row_tabs": _tabs(case, counts, tab if not text else ""),
        "q": text,
        "rows": [row_view(item, filing) for filing in found[(page - 1) * BATCH_ROWS : page * BATCH_ROWS]],
        "page": page,
        "pages": max(1, -(-total // BATCH_ROWS)),
        "matching": total,
        "base": f"?q={text}&page=" if text else f"?tab={tab}&page=",
        "size": BATCH_ROWS,
        "named": _named(case) if counts.wrong else [],
        "effect": effect,
        "events": [event_line(event, case) for event in events_of(case)],
        "said": said,
        "has_errors": status == 422,
        "from_workbook": case.channel == Channel.WORKBOOK,
        **standing(counts),
    }
    return show(request, "batch_rows", case_title(case) + " · 上传明细", context, crumbs=crumbs_of(case), status=status)


def standing(counts: Counts) -> dict[str, object]:
    """The figures that must add up, and what they allow."""
    return {
        "counts": counts,
        "totals": [
            {"label": "共上传", "value": f"{counts.total:,}", "url": "?tab=all"},
            {"label": "通过", "value": f"{counts.fine:,}", "tone": "ok", "url": "?tab=fine"},
            {"label": "错误", "value": f"{counts.wrong:,}", "tone": "err" if counts.wrong else "", "url": "?tab=wrong"},
            {"label": "提醒（可提交）", "value": f"{counts.warned:,}", "tone": "warn" if counts.warned else "", "url": "?tab=warned"},
        ],
        "parts": [("ok", counts.fine), ("warn", counts.warned), ("err", counts.wrong)],
    }


def _of_tab(counts: Counts, tab: str) -> int:
    return {"wrong": counts.wrong, "warned": counts.warned, "fine": counts.fine, "back": counts.back}.get(tab, counts.total)


def _tabs(case: Case, counts: Counts, tab: str) -> list[dict[str, object]]:
    shown = [("wrong", "错误"), ("warned", "提醒"), ("fine", "已通过"), ("all", "全部")]
    if counts.back:
        shown.insert(0, ("back", "已退回"))
    return [{"label": label, "url": f"?tab={name}", "count": f"{_of_tab(counts, name):,}", "current": name == tab} for name, label in shown]


def _named(case: Case) -> list[tuple[str, str]]:
    """The first wrong rows, for the summary: address within the page, sentence."""
    rows: list[Filing] = list(open_rows(case, "wrong", "").only("row", "name", "refusals")[:NAMED_ROWS])
    return [
        (f"#row-{f.row}", f"第 {f.row} 行 {f.name}：{(f.refusals or [{'text': '还没有填完'}])[0]['text']}") for f in rows
    ]
