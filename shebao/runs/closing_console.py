"""日结 and 月结 on the run console: how far the books were closed, by whom; a month waits for its second person."""

from django.db import connection

from shebao.base.months import month_shown
from shebao.ledger.models import MonthClosing
from shebao.levy.run_kinds import DONE, RUNNING, RunKind, RunLine

START = "/w/books/closing"
NEVER = "结账后不能重新打开；差错在没有结的日子用相反的凭证冲销，再记正确的"


def _days(place: str, limit: int, run_id: int | None) -> list[RunLine]:
    """What was closed at once is one line, under the number of its first day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select min(id), min(day), max(day), count(*), closed_by, closed_at from ledger_dayclosing where place = %s
            group by closed_by, closed_at having %s::bigint is null or min(id) = %s order by closed_at desc, 1 desc limit %s
            """,
            [place, run_id, run_id, limit],
        )
        rows = cursor.fetchall()
    return [
        RunLine(number, DONE, f"{first}" if first == last else f"{first} 至 {last}", 0, 0, days, None, by, at, at)
        for number, first, last, days, by, at in rows
    ]


def _months(place: str, limit: int, run_id: int | None) -> list[RunLine]:
    found = MonthClosing.objects.filter(place=place).order_by("-id")
    if run_id is not None:
        found = found.filter(pk=run_id)
    return [
        RunLine(
            m.pk, RUNNING if m.confirmed_at is None else DONE, month_shown(m.month), 0, 0, 1, None, m.closed_by, m.closed_at,
            m.confirmed_at, waits="" if m.confirmed_at else "待另一位财务人员复核", month=m.month,
        )
        for m in found[:limit]
    ]  # fmt: skip


RUN_KIND = RunKind(
    "day_closing",
    "日结",
    "",
    page=lambda run: START,
    rows="天",
    listed=_days,
    about="次日起：冻结每天的合计，那一天和以前不能再记账",
    start=START,
    daily=True,
    never=NEVER,
)
RUN_KIND_MONTH = RunKind(
    "month_closing",
    "月结",
    "",
    page=lambda run: f"/w/books/report?month={run.month}",
    rows="个月",
    listed=_months,
    about="次月：总账与明细账一致后，一人月结，另一人复核",
    start=START,
    never=NEVER,
)
