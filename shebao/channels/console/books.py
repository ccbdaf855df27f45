"""The books for a terminal and for programs."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from shebao.base.money import yuan, yuan_shown
from shebao.base.months import Month, iso, month_shown
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.channels.console.policy import table_lines
from shebao.ledger.queries import Balance, Closed, MonthLine


def fund_label(fund: int) -> str:
    """A fund by its short name."""
    return SHORT_LABELS[Insurance(fund)] if fund else "未归属"


def trial(place: str, on: date, rows: Sequence[Balance]) -> list[str]:
    """试算平衡表."""
    told = [("基金", "科目", "借方发生额", "贷方发生额", "余额（借正贷负）")]
    told += [
        (fund_label(r.fund), str(r.kind.label), yuan_shown(r.debit_fen), yuan_shown(r.credit_fen), yuan_shown(r.balance_fen)) for r in rows
    ]
    debit, credit = sum(r.debit_fen for r in rows), sum(r.credit_fen for r in rows)
    told.append(("合计", "", yuan_shown(debit), yuan_shown(credit), yuan_shown(debit - credit)))
    state = "借贷平衡" if debit == credit else "借贷不平"
    return [f"{place} 试算平衡表　截至 {on.isoformat()} 日终　单位：元　{state}", "", *table_lines(told, right_from=2)]


def trial_json(place: str, on: date, rows: Sequence[Balance]) -> dict[str, Any]:
    """The same for programs; amounts as text in yuan."""
    return {
        "place": place,
        "on": on.isoformat(),
        "balanced": sum(r.balance_fen for r in rows) == 0,
        "accounts": [
            {"fund": r.fund, "kind": r.kind.value, "label": str(r.kind.label), "debit": yuan(r.debit_fen), "credit": yuan(r.credit_fen),
             "balance": yuan(r.balance_fen)}
            for r in rows
        ],
    }  # fmt: skip


def month(place: str, asked: Month, rows: Sequence[MonthLine], state: str) -> list[str]:
    """基金收支月报."""
    told: list[tuple[str, ...]] = [("基金", "科目", "期初余额", "本期借方", "本期贷方", "期末余额")]
    told += [
        (fund_label(r.fund), str(r.kind.label), *(yuan_shown(f) for f in (r.opening_fen, r.debit_fen, r.credit_fen, r.closing_fen)))
        for r in rows
    ]
    return [f"{place} 基金收支月报　{month_shown(asked)}　单位：元，借正贷负　{state}", "", *table_lines(told, right_from=2)]


def month_json(place: str, asked: Month, rows: Sequence[MonthLine], state: str) -> dict[str, Any]:
    """The same for programs; amounts as text in yuan."""
    return {
        "place": place,
        "month": iso(asked),
        "state": state,
        "accounts": [
            {"fund": r.fund, "kind": r.kind.value, "label": str(r.kind.label), "opening": yuan(r.opening_fen), "debit": yuan(r.debit_fen),
             "credit": yuan(r.credit_fen), "closing": yuan(r.closing_fen)}
            for r in rows
        ],
    }  # fmt: skip


def month_state(closed: Closed, asked: Month) -> str:
    """How far a month is closed, in words."""
    closing = closed.month(asked)
    if closing is None:
        return "未月结"
    return "已月结" if closing.confirmed_by else "月结待复核"
