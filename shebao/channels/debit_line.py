"""怎么算的 of one debit: the months behind its amount, each with its steps, for the desk and for the person it was taken from."""

from shebao.levy.bank_models import DebitBatch
from shebao.levy.debit_queries import Line, dues_behind
from shebao.levy.flexible_billing import explanations
from shebao.levy.models import DueState
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason


def context_of(batch: DebitBatch, line: Line) -> dict[str, object]:
    """rows: month, tier, amounts and steps. told_fen: what they come to; where a month was refunded or corrected since, not the amount."""
    dues = dues_behind(batch, line)
    why = explanations(dues, batch.place, standard())
    rows = [
        {
            "due": due,
            "state": DueState(due.state).label,
            "fen": due.total_fen + due.interest_fen,
            "why": reason(why[due.month].to_dict()) if due.month in why else None,
        }
        for due in dues
    ]
    return {"batch": batch, "line": line, "rows": rows, "told_fen": sum(due.total_fen + due.interest_fen for due in dues)}
