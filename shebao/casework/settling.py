"""The effect of a decision on a large batch, piece by piece: each piece with its guards in one transaction, and the count beside it.

Killed anywhere, the next run goes on with the rows that still wait: what a piece did is there whole, or not at all. Two runs at once
wait for each other at the case and share the pieces. Every piece is checked anew, like a small case as a whole.
"""

from collections.abc import Callable
from datetime import datetime

from django.db.models import F

from shebao.access.acting import acting
from shebao.base.actor import Actor, Role
from shebao.casework.cases import locked, moved, note
from shebao.casework.item import Context, item_of
from shebao.casework.large import open_settlement
from shebao.casework.models import Case, CaseState, Filing, FilingState, Settlement
from shebao.casework.review import Return, send_back, take_effect

PIECE_ROWS = 5_000


def go_on(case_id: int, context: Context, *, clock: Callable[[], datetime], pieces_max: int | None = None) -> bool:
    """Do what is left of a case's open settlement. context: of the instant of the decision, so that all pieces take effect as of then.

    Returns: whether it is finished (pieces_max lets tests stop before).
    """
    done = 0
    while pieces_max is None or done < pieces_max:
        if not _piece(case_id, context, clock):
            return True
        done += 1
    return False


def _piece(case_id: int, context: Context, clock: Callable[[], datetime]) -> bool:
    """One piece, or the end. Returns: whether there may be more."""
    with acting(Actor(Role.ENGINE, name="系统")):
        case = locked(case_id)
        settlement = open_settlement(case)
        if settlement is None:
            return False
        name = settlement.reviewer_name or "系统"
        with acting(Actor(Role.ENGINE, settlement.reviewer, name, 0, case.agency_id)):
            rows = list(Filing.objects.filter(case=case, state=FilingState.REVIEW).order_by("row")[:PIECE_ROWS])
            if not rows:
                _finish(case, settlement, clock())
                return False
            _settle_rows(case, settlement, rows, context)
            return True


def _settle_rows(case: Case, settlement: Settlement, rows: list[Filing], context: Context) -> None:
    if settlement.back_reason:
        back = Return(settlement.back_reason, tuple(settlement.back_pins))
        refused = {row.pk: back for row in rows}
    else:
        refused = take_effect(item_of(case.item_code, case.item_version), case, rows, context)
        passed = [row.pk for row in rows if row.pk not in refused]
        Filing.objects.filter(pk__in=passed).update(state=FilingState.DONE, changed_at=context.at)
    send_back(refused, context.at)
    Settlement.objects.filter(pk=settlement.pk).update(rows_done=F("rows_done") + len(rows))


def _finish(case: Case, settlement: Settlement, at: datetime) -> None:
    """The case ends, or goes back with the rows that did not pass."""
    rows = Filing.objects.filter(case=case, round=case.round)
    done = rows.filter(state=FilingState.DONE).count()
    returned = rows.filter(state=FilingState.RETURNED)
    count = returned.count()
    case.reviewed_by = settlement.reviewer
    case.claimed_by, case.claimed_name, case.claimed_at = None, "", None
    if count:
        first = str(returned.order_by("row").values_list("return_reason", flat=True)[0])
        case.state, case.returned = CaseState.DRAFT, True
        case.first_by, case.first_name, case.first_at, case.first_returns = None, "", None, None
        case.return_reason = (first if count == 1 else f"{first[:280]}（共 {count} 人被退回）")[:300]
    else:
        case.state, case.ended_at = CaseState.DONE, at
    moved(case, at=at)
    Settlement.objects.filter(pk=settlement.pk).update(finished_at=at)
    told = [f"{done} 人通过" if done else "", f"{count} 人退回：{case.return_reason}" if count else ""]
    note(case, "reviewed", "，".join(part for part in told if part) or "办结", at=at)
