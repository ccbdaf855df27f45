"""单位缴费账户 as the portal and the desk show it: figures, charts, months; every month leads to its bills with their explanation."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from shebao.base.money import yuan
from shebao.levy.arrears import overdue
from shebao.levy.models import BillKind, BillState
from shebao.levy.settling import open_credits
from shebao.levy.unit_account import UnitMonth, unit_account

TONES = {"paid": "ok", "issued": "info", "part_paid": "warn"}


def context_of(unit_id: int, on: date, *, bill_url: str) -> dict[str, Any]:
    """What both pages show. bill_url: where a bill's number is put behind ("" when the actor has no page of bills)."""
    months = unit_account(unit_id)
    late = overdue(on, unit_id=unit_id)
    return {
        "months": [{"month": m, "bills": [_bill(*bill) for bill in m.bills]} for m in reversed(months)],
        "due_fen": sum(m.due_fen for m in months),
        "paid_fen": sum(m.paid_fen for m in months),
        "open_fen": sum(m.open_fen for m in months),
        "overdue_fen": sum(a.open_fen for a in late),
        "overdue_bills": len(late),
        "surplus_fen": sum(open_credits(unit_id).values()),
        "bill_url": bill_url,
        "charts": {"months": _chart(months), "received": _received(months)} if months else {},
    }


def _bill(number: str, kind: str, state: str) -> dict[str, str]:
    return {"number": number, "kind": BillKind(kind).label, "state": BillState(state).label, "tone": TONES.get(state, "mute")}


def _labels(months: Sequence[UnitMonth]) -> list[str]:
    return [f"{m.month // 100 % 100:02d}.{m.month % 100:02d}" for m in months]


def _chart(months: Sequence[UnitMonth]) -> str:
    series = [("已缴", [m.paid_fen for m in months]), ("未缴", [m.open_fen for m in months])]
    return _json(months, series, stack=True)


def _received(months: Sequence[UnitMonth]) -> str:
    return _json(months, [("当月到账", [m.received_fen for m in months])], stack=False)


def _json(months: Sequence[UnitMonth], series: Sequence[tuple[str, Sequence[int]]], *, stack: bool) -> str:
    told = {
        "labels": _labels(months),
        "series": [{"name": name, "values": [yuan(fen) for fen in values]} for name, values in series],
        "stack": stack,
        "unit": "元",
    }
    return json.dumps(told, ensure_ascii=False)
