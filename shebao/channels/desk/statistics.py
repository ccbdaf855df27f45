"""统计: how the desk works, in tables with charts beside them, for a period; the same figures as a workbook."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import now, today
from shebao.base.terms import Post
from shebao.casework import statistics
from shebao.casework.item import items
from shebao.casework.models import Channel
from shebao.casework.statistics import AGES, BadPeriodError, Decided, Period, Speed, Speeds, Waiting
from shebao.channels.desk.pages import actor_of, clean, show
from shebao.channels.guards import agency
from shebao.channels.portal.batch import download
from shebao.surfaces.workbook import ExportKind, export_workbook

SYSTEM = "系统自动审核"
HEADERS = ("统计", "分组", "件数", "其中系统自动审核", "其中有退回", "用时中位数（分钟）", "90% 在此之内（分钟）")
KINDS = (ExportKind.TEXT, ExportKind.TEXT, *(ExportKind.NUMBER,) * 5)
WIDTHS = (20, 40, 12, 18, 14, 20, 22)
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The figures of a period, and what waits right now."""
    first, last = (clean(request.GET.get(name), 10) for name in ("first", "last"))
    try:
        asked, problem = statistics.period(first, last, today()), ""
    except BadPeriodError as error:
        asked, problem = statistics.period("", "", today()), error.text
    agency_id = actor_of(request).agency_id
    days, speeds = statistics.decided(agency_id, asked), statistics.speeds(agency_id, asked)
    reasons, waiting = statistics.return_reasons(agency_id, asked), statistics.waiting(agency_id, now())
    context = {
        "asked": asked,
        "errors": [("first", problem)] if problem else [],
        "has_errors": bool(problem),
        "filters": [
            {"name": "first", "label": "从", "kind": "date", "required": False, "value": first if problem else asked.first.isoformat()},
            {"name": "last", "label": "到", "kind": "date", "required": False, "value": last if problem else asked.last.isoformat()},
        ],
        "export": f"/w/statistics.xlsx?first={asked.first}&last={asked.last}",
        "whole": speeds.whole,
        "waiting": waiting,
        "took": duration,
        "people": next((s for s in speeds.by_reviewer_kind if s.group == "people"), None),
        "days": _by_day(days, asked),
        "reviewers": _by_reviewer(days),
        "ages": list(zip(age_labels(), waiting.ages, strict=True)),
        "oldest": [{"id": i, "number": number, "item": _title(code), "at": at} for i, number, code, at in waiting.oldest],
        "items": [{"label": _title(s.group), "speed": s} for s in speeds.by_item],
        "channels": [{"label": Channel(s.group).label, "speed": s} for s in speeds.by_channel],
        "reasons": reasons,
        "charts": {name: json.dumps(chart, ensure_ascii=False) for name, chart in _charts(days, asked, waiting, speeds, reasons).items()},
    }
    return show(request, "statistics", "统计", context, status=422 if problem else 200)


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The same figures as .xlsx. Raises: BadPeriodError."""
    asked = statistics.period(clean(request.GET.get("first"), 10), clean(request.GET.get("last"), 10), today())
    rows = list(_export_rows(actor_of(request).agency_id, asked))
    title = f"办件统计（{asked.first} 至 {asked.last}）"
    return download(export_workbook(title, HEADERS, rows, kinds=KINDS, widths=WIDTHS), f"办件统计-{asked.first}-{asked.last}.xlsx")


def _export_rows(agency_id: int, asked: Period) -> Iterator[Sequence[str | int | None]]:
    days, speeds, waiting = statistics.decided(agency_id, asked), statistics.speeds(agency_id, asked), statistics.waiting(agency_id, now())
    for row in _by_day(days, asked):
        yield ("每日办结", row["day"].isoformat(), row["total"], row["system"], None, None, None)
    for name, count in _by_reviewer(days):
        yield ("审核人", name, count, None, None, None, None)
    yield _speed_row("用时", "全部", speeds.whole)
    for s in speeds.by_reviewer_kind:
        yield _speed_row("用时", SYSTEM if s.group == "system" else "人工审核", s)
    for s in speeds.by_item:
        yield _speed_row("事项", _title(s.group), s)
    for s in speeds.by_channel:
        yield _speed_row("渠道", str(Channel(s.group).label), s)
    for reason, count in statistics.return_reasons(agency_id, asked):
        yield ("退回原因", reason, count, None, None, None, None)
    for label, count in zip(age_labels(), waiting.ages, strict=True):
        yield ("待审核已等待", label, count, None, None, None, None)


def _speed_row(of: str, group: str, s: Speed) -> Sequence[str | int | None]:
    minutes = [None if seconds is None else -(-seconds // MINUTE) for seconds in (s.median_seconds, s.p90_seconds)]
    return (of, group, s.count, s.automatic, s.returned, *minutes)


def duration(seconds: int | None) -> str:
    """A time as people say it."""
    if seconds is None:
        return "—"
    if seconds < MINUTE:
        return f"{seconds} 秒"
    if seconds < HOUR:
        return f"{seconds // MINUTE} 分钟"
    return f"{seconds / HOUR:.1f} 小时" if seconds < DAY else f"{seconds / DAY:.1f} 天"


def age_labels() -> list[str]:
    """The classes of what waits, youngest first."""
    bounds = [0, *AGES]
    return [f"{low}–{high} 天" if low else f"{high} 天以内" for low, high in pairwise(bounds)] + [f"{AGES[-1]} 天以上"]


def _title(code: str) -> str:
    return {item.code: item.title for item in items()}.get(code, code)


def _by_day(days: Sequence[Decided], asked: Period) -> list[dict[str, Any]]:
    """Every day of the period, also those on which nothing was decided."""
    found: dict[date, dict[str, Any]] = {day: {"day": day, "people": 0, "system": 0, "total": 0} for day in asked}
    for d in days:
        found[d.day]["system" if d.account_id == 0 else "people"] += d.count
        found[d.day]["total"] += d.count
    return list(found.values())


def _by_reviewer(days: Sequence[Decided]) -> list[tuple[str, int]]:
    counts: dict[tuple[int, str], int] = {}
    for d in days:
        key = (d.account_id, d.name if d.account_id else SYSTEM)
        counts[key] = counts.get(key, 0) + d.count
    return [(name, count) for (_, name), count in sorted(counts.items(), key=lambda pair: -pair[1])]


def _charts(
    days: Sequence[Decided], asked: Period, waiting: Waiting, speeds: Speeds, reasons: Sequence[tuple[str, int]]
) -> Mapping[str, Mapping[str, object]]:
    by_day = _by_day(days, asked)
    timed = [s for s in speeds.by_item if s.median_seconds is not None]
    return {
        "days": {
            "labels": [f"{d['day']:%m-%d}" for d in by_day],
            "series": [
                {"name": "人工审核", "values": [d["people"] for d in by_day]},
                {"name": SYSTEM, "values": [d["system"] for d in by_day]},
            ],
            "stack": True,
            "unit": "件",
        },
        "ages": {"labels": age_labels(), "series": [{"name": "待审核", "values": waiting.ages}], "unit": "件"},
        "items": {
            "labels": [_title(s.group) for s in timed],
            "series": [
                {"name": "中位数", "values": [round((s.median_seconds or 0) / HOUR, 1) for s in timed]},
                {"name": "90% 在此之内", "values": [round((s.p90_seconds or 0) / HOUR, 1) for s in timed]},
            ],
            "horizontal": True,
            "unit": "小时",
        },
        "reasons": {
            "labels": [r for r, _ in reasons],
            "series": [{"name": "退回", "values": [n for _, n in reasons]}],
            "horizontal": True,
            "unit": "件",
        },
        "channels": {
            "labels": [str(Channel(s.group).label) for s in speeds.by_channel],
            "series": [
                {"name": "人工审核", "values": [s.count - s.automatic for s in speeds.by_channel]},
                {"name": SYSTEM, "values": [s.automatic for s in speeds.by_channel]},
            ],
            "stack": True,
            "unit": "件",
        },
    }
