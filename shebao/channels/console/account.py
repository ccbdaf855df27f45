"""Personal accounts and their settlements for a terminal and for programs."""

from collections.abc import Sequence
from typing import Any

from shebao.accounts.models import Settlement
from shebao.accounts.part_year import Tried
from shebao.accounts.queries import AccountTold, Gap
from shebao.base.money import yuan, yuan_shown
from shebao.base.months import iso
from shebao.channels.console.policy import table_lines
from shebao.channels.rights import explained, part_lines, rate_words, sentences
from shebao.channels.rights_words import explained_lines
from shebao.policy.rulebook import Status
from shebao.policy.shapes import percent

STATES = {"running": "进行中", "done": "已完成", "failed": "已中止"}


def run_lines(run: Settlement, gaps: Sequence[Gap]) -> list[str]:
    """A settlement in lines."""
    lines = table_lines(
        [
            ("批次", f"{run.pk}　个人账户年度结算　{run.year} 年　{run.place}"),
            ("状态", STATES.get(run.state, run.state) + (f"：{run.note}" if run.note else "")),
            ("记账利率", f"{percent(run.rate_ppm)}【{Status(run.rate_status).label}】"),
            ("来源", run.rate_source),
            ("账户数", f"{run.rows:,}"),
            ("计息", f"{yuan_shown(run.interest_fen)} 元"),
            ("年末累计", f"{yuan_shown(run.total_fen)} 元"),
            ("两种方法相差", f"{run.differing:,} 个账户，超过余额的 {percent(run.gap_ppm)}"),
        ]
    )
    for gap in gaps:
        lines.append(f"  人员（内部编号 {gap.person_id}）：月积数法 {yuan_shown(gap.monthly_fen)}，年度计算法 {yuan_shown(gap.yearly_fen)}")
    return lines


def run_json(run: Settlement, gaps: Sequence[Gap]) -> dict[str, Any]:
    """A settlement as plain data; amounts as text in yuan."""
    return {
        "id": run.pk,
        "kind": run.kind,
        "place": run.place,
        "year": run.year,
        "state": run.state,
        "note": run.note,
        "method": run.method,
        "rate_ppm": run.rate_ppm,
        "rate_status": run.rate_status,
        "accounts": run.rows,
        "interest": yuan(run.interest_fen),
        "total": yuan(run.total_fen),
        "gap_ppm": run.gap_ppm,
        "differing": run.differing,
        "examples": [{"person": g.person_id, "monthly": yuan(g.monthly_fen), "yearly": yuan(g.yearly_fen)} for g in gaps],
    }


def tried_lines(tried: Tried) -> list[str]:
    """A trial of a 当年结算 in lines."""
    return [*explained_lines(tried.explained), "", f"支付或转出 {yuan_shown(tried.paid_fen)} 元；试算没有记账，结算须由两人办理"]


def tried_json(tried: Tried) -> dict[str, Any]:
    """The same as plain data; amounts as text in yuan."""
    return {
        "kind": tried.kind.value,
        "month": iso(tried.month),
        "rate_ppm": int(tried.rate.value),
        "rate_year": tried.rate.valid_from.year,
        "interest": yuan(tried.interest_fen),
        "balance": yuan(tried.balance_fen),
        "paid": yuan(tried.paid_fen),
        "explain": tried.explained.to_dict(),
    }


def account_lines(account: AccountTold, year: int | None) -> list[str]:
    """An account in lines; one year explained when it is named."""
    head = ("年度", "上年末累计", "本年记账", "其他变动", "利息", "年末累计", "记账利率")
    rows = [
        (
            str(y.year),
            yuan_shown(y.opening_fen),
            yuan_shown(y.credits_fen),
            yuan_shown(y.other_fen),
            "—" if y.interest_fen is None else yuan_shown(y.interest_fen),
            yuan_shown(y.closing_fen),
            rate_words(y, account.place),
        )
        for y in account.years
    ]
    lines = [*sentences(account), "", *table_lines([head, *rows], right_from=1)]
    lines += part_lines(account)
    found = account.year(year) if year else None
    if found is not None and (why := explained(found, account.place)) is not None:
        lines += ["", *explained_lines(why)]
    return lines
