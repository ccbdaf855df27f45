"""基金财务工作台: today's money, what waits and how long, runs, closing, and a month of collections by day and fund."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.urls import Resolver404, resolve

from shebao.channels.desk.runs import row_of
from shebao.ledger.closing import month_to_close
from shebao.ledger.entries import FundDay, collections
from shebao.ledger.queries import closed
from shebao.levy.desk_queries import collected, overdue_sums, receipt_files, receipt_sums
from shebao.levy.finance_queries import AGES, arrivals, differences_open, refunds_waiting, transit
from shebao.levy.models import ReceiptState
from shebao.levy.refund_queries import suspense_sums
from shebao.levy.run_kinds import standings

MONTHS_SHOWN, DAYS_SHOWN, RUNS_SHOWN, FILES_SHOWN = 6, 30, 5, 5
# Four colours tell four things apart; the small funds go together.
GROUPS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("养老", (110,)),
    ("医疗、大额、生育", (310, 330, 510)),
    ("失业、工伤", (210, 410)),
    ("未归属", (0,)),
)


def workbench(agency_id: int, place: str, at: datetime) -> dict[str, object]:
    """The context of the page's part for finance."""
    today = at.date()
    sums, months, away = receipt_sums(agency_id), collected(agency_id, limit=MONTHS_SHOWN), transit(agency_id, today)
    first = today - timedelta(days=DAYS_SHOWN - 1)
    days = by_day(collections(place, first, today))
    stands = closed(place)
    last = next((m for m in stands.months if m.confirmed_by), None)
    return {
        "arrived": arrivals(agency_id, today),
        "transit": away,
        "transit_ages": list(zip(age_labels(), away.classes, strict=True)),
        "pending": sums[ReceiptState.PENDING],
        "suspense": suspense_sums(agency_id),
        "refunds": refunds_waiting(agency_id),
        "differences": differences_open(agency_id),
        "overdue": overdue_sums(agency_id, today),
        "latest": months[0] if months else None,
        "months": list(reversed(months)),
        "files": receipt_files(agency_id, FILES_SHOWN),
        "first": first,
        "collected_days": days,
        "chart_funds": [(label, "r") for label, _ in GROUPS],
        "chart": json.dumps(chart(days, first, today), ensure_ascii=False),
        "run_rows": [row_of(s, {}) for s in standings(place, limit=RUNS_SHOWN, daily=False)],
        "closed_to": stands.to,
        "open_days": max(0, (today - timedelta(days=1) - stands.to).days) if stands.to else None,
        "closing_word": f"{last.month // 100} 年 {last.month % 100} 月" if last else "还没有月结过",
        "next_month": month_to_close(place, today),
        "at": {name: here(f"/w/{name}") for name in ("refunds", "reconciliation")},
    }


def by_day(rows: Sequence[FundDay]) -> list[dict[str, object]]:
    """Days on which something came in, by group of funds; fen. Money on its way counts once, on the day it was told."""
    days: dict[date, dict[int, int]] = {}
    for row in rows:
        if fen := row.arrived_fen + row.told_fen:
            funds = days.setdefault(row.day, {})
            funds[row.fund] = funds.get(row.fund, 0) + fen
    return [
        {
            "day": day,
            "parts": [(label, sum(funds.get(fund, 0) for fund in of)) for label, of in GROUPS],
            "total_fen": sum(funds.values()),
        }
        for day, funds in sorted(days.items())
    ]


def chart(days: Sequence[dict[str, object]], first: date, last: date) -> dict[str, object]:
    """Columns of every day, whole yuan."""
    found = {day["day"]: dict(day["parts"]) for day in days}  # type: ignore[call-overload]
    every = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    return {
        "labels": [f"{day:%m-%d}" for day in every],
        "series": [{"name": label, "values": [found.get(day, {}).get(label, 0) // 100 for day in every]} for label, _ in GROUPS],
        "stack": True,
        "unit": "元",
    }


def age_labels() -> list[str]:
    """The classes of money on its way, youngest first."""
    lows = [0, *AGES]
    return [f"{low} 至 {high - 1} 天" for low, high in zip(lows, AGES, strict=False)] + [f"{AGES[-1]} 天及以上"]


def here(path: str) -> str:
    """An address, where this installation has a page behind it; else nothing."""
    try:
        resolve(path)
    except Resolver404:
        return ""
    return path
