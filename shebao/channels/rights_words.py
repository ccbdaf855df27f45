"""An explained account year in words and as plain data; knows no database, so that `shebao account explain` starts without one."""

from typing import Any

from shebao.base.money import yuan
from shebao.policy.account import Year
from shebao.policy.explain import Explained


def explained_lines(why: Explained) -> list[str]:
    """An explanation in numbered lines with its rules."""
    lines = [f"{n}. {step.label}：{step.expression}" for n, step in enumerate(why.steps, 1)]
    rules = (f"- {r.label}（{r.id}，{r.place.label}，{r.period_shown()}）：{r.shown()}【{r.status.label}】" for r in why.rules)
    return [*lines, "", "所用参数", *rules]


def explained_json(told: Year, why: Explained) -> dict[str, Any]:
    """A computed year as plain data; amounts as text in yuan, the 积数 in yuan·months."""
    return {
        "product": yuan(told.product_fen),
        "interest_opening": yuan(told.interest_opening_fen),
        "interest_credits": yuan(told.interest_credits_fen),
        "closing": yuan(told.closing_fen),
        "yearly": yuan(told.yearly_fen),
        "explain": why.to_dict(),
    }
