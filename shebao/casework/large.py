"""Large batches: the decision is kept at once, in the request; a job lets it take effect piece by piece (shebao.casework.settling).

A case has at most one such decision open. While it is open nobody decides again, gives the case back or takes it back.
"""

from collections.abc import Sequence

from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.casework.cases import moved, note
from shebao.casework.item import Context
from shebao.casework.jobs import defer
from shebao.casework.models import Case, Filing, FilingState, Settlement

LARGE_ROWS_MIN = 2_001  # from here on a page would wait too long; up to here everything happens in the one save


class SettlingError(ShebaoError):
    """The decision on a large batch is taking effect right now."""

    code = "CAS-20"

    def __init__(self, settlement: Settlement) -> None:
        super().__init__(
            f"{settlement.reviewer_name or '系统'}的审核意见正在生效（{settlement.rows_done:,} / {settlement.rows_total:,} 人），"
            "请等它完成后再操作"
        )


def is_large(case: Case) -> bool:
    """Whether a case has more rows under review than one save should handle."""
    return Filing.objects.filter(case=case, state=FilingState.REVIEW)[:LARGE_ROWS_MIN].count() == LARGE_ROWS_MIN


def open_settlement(case: Case) -> Settlement | None:
    """The decision of a case that is taking effect, if there is one."""
    return Settlement.objects.filter(case=case, finished_at=None).first()


def refuse_while_settling(case: Case) -> None:
    """Raises: SettlingError."""
    settlement = open_settlement(case)
    if settlement is not None:
        raise SettlingError(settlement)


def begin(case: Case, context: Context, *, reviewer: int, returned: int, back: tuple[str, Sequence[str]]) -> int:
    """Keep a decision on a large batch and queue its effect. The rows named to go back have gone back already.

    Args: returned: how many those are.  back: reason and fields to mend when every row goes back; an empty reason otherwise.
    Returns: how many rows wait for the job. A second call finds the first one's settlement and changes nothing.
    """
    if (known := open_settlement(case)) is not None:
        return known.rows_total - known.rows_done
    pending = Filing.objects.filter(case=case, state=FilingState.REVIEW).count()
    reason, pins = back
    Settlement.objects.create(
        case=case,
        unit_id=case.unit_id,
        agency_id=case.agency_id,
        reviewer=reviewer,
        reviewer_name=current().name if reviewer else "",
        decided_at=context.at,
        back_reason=reason[:300],
        back_pins=list(pins),
        rows_total=pending,
    )
    moved(case, at=context.at)
    what = f"全部 {pending:,} 人退回" if reason else f"{returned:,} 人退回，其余 {pending:,} 人通过" if returned else f"{pending:,} 人通过"
    note(case, "deciding", f"审核意见已保存：{what}，正在逐批生效", at=context.at)
    defer("settle_case", case_id=case.pk)
    return pending
