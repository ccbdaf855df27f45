"""A unit's monthly statement for a terminal and for programs."""

from collections.abc import Sequence
from typing import Any

from shebao.base.money import yuan, yuan_shown
from shebao.base.months import iso, month_shown
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.channels.console.policy import table_lines
from shebao.levy.declared_queries import Standing
from shebao.levy.models import Estimate
from shebao.levy.statement import Movement, Statement, Sums, TypeRow


def table(number: str, name: str, told: Statement, stands: Standing, estimates: Sequence[Estimate]) -> list[str]:
    """Lines to print."""
    head = f"{name}（{number}）{month_shown(told.month)}申报表　{stands.stage.label}"
    rows = [("险种", *(m.label for m in Movement)), *(_row(SHORT_LABELS[r.insurance], r) for r in told.declared)]
    rows.append(_row("申报合计", told.total))
    rows += [_row(f"{SHORT_LABELS[r.insurance]}（不申报）", r) for r in told.others]
    lines = [head, "", *table_lines(rows, right_from=1)]
    if stands.clock:
        lines += ["", f"{stands.clock}{f'（{stands.due}）' if stands.due else ''}"]
    for e in estimates:
        settled = f"，补申报后为 {yuan_shown((e.settled_unit_fen or 0) + (e.settled_person_fen or 0))} 元" if e.settled_at else ""
        short = SHORT_LABELS[Insurance(e.insurance)]
        last_fen, fen = e.last_unit_fen + e.last_person_fen, e.unit_fen + e.person_fen
        lines.append(f"{short}：未申报，上月 {yuan_shown(last_fen)} 元的 110%，核定 {yuan_shown(fen)} 元{settled}")
    return lines


def _row(label: str, row: TypeRow) -> tuple[str, ...]:
    return (label, *(f"{s.heads} 人 {yuan_shown(s.total_fen)}" for m in Movement if (s := row.sums[m])))


def as_json(number: str, told: Statement, stands: Standing, estimates: Sequence[Estimate]) -> dict[str, Any]:
    """The same for programs; amounts as text in yuan."""
    rows = {row.insurance.key: _sums(row) | {"declared": row.declared} for row in told.rows}
    return {
        "unit": number,
        "month": iso(told.month),
        "stage": stands.stage.value,
        "due": stands.due.isoformat() if stands.due else None,
        "working_days_left": stands.days_left,
        "types": rows,
        "total": _sums(told.total),
        "estimates": {
            Insurance(e.insurance).key: {
                "last_unit": yuan(e.last_unit_fen),
                "last_person": yuan(e.last_person_fen),
                "unit": yuan(e.unit_fen),
                "person": yuan(e.person_fen),
                "settled": e.settled_at is not None,
            }
            for e in estimates
        },
    }


def _sums(row: TypeRow) -> dict[str, Any]:
    def one(s: Sums) -> dict[str, Any]:
        return {"people": s.heads, "base": yuan(s.base_fen), "unit": yuan(s.unit_fen), "person": yuan(s.person_fen)}

    return {movement.value: one(row.sums[movement]) for movement in Movement}
