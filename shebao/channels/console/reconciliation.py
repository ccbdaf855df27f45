"""A day's reconciliation for a terminal and for programs."""

from typing import Any

from shebao.base.money import yuan, yuan_shown
from shebao.channels.console.policy import table_lines
from shebao.levy.reconciling import Result


def table(told: Result) -> list[str]:
    """Lines to print."""
    closing = "没有对账单" if told.closing_fen is None else f"{yuan_shown(told.closing_fen)} 元"
    rows = [
        ("对账单笔数", f"{told.lines}"),
        ("已核对", f"{told.matched}"),
        ("有差异", f"{told.differing}"),
        ("新发现的差异", f"{told.fresh}"),
        ("待处理的差异", f"{told.open}"),
        ("对账单余额", closing),
        ("账面银行存款", f"{yuan_shown(told.bank_fen)} 元"),
        ("未入账", f"{yuan_shown(told.unbooked_fen)} 元"),
        ("在途款", f"{yuan_shown(told.transit_fen)} 元"),
    ]
    head = f"{told.day} 对账：{'余额相符' if told.balanced else '余额不符'}"
    return [head, "", *table_lines([("项目", "结果"), *rows], right_from=1)]


def as_json(told: Result) -> dict[str, Any]:
    """The same for programs; amounts as text in yuan."""
    return {
        "day": told.day.isoformat(),
        "lines": told.lines,
        "matched": told.matched,
        "differing": told.differing,
        "new_differences": told.fresh,
        "open_differences": told.open,
        "closing": None if told.closing_fen is None else yuan(told.closing_fen),
        "bank": yuan(told.bank_fen),
        "unbooked": yuan(told.unbooked_fen),
        "transit": yuan(told.transit_fen),
        "balanced": told.balanced,
    }
