"""对账 of a day as a run: in one transaction, so that a day that was killed half way has not happened; run again it finds the same."""

from collections.abc import Callable
from datetime import date, datetime

from shebao.access.acting import acting
from shebao.base.actor import Actor, Role
from shebao.levy import reconciling, tax_reconcile
from shebao.levy.reconcile_models import ReconDay
from shebao.levy.run_kinds import DONE, RunKind, RunLine

Clock = Callable[[], datetime]


def _listed(place: str, limit: int, run_id: int | None) -> list[RunLine]:
    """Days that were reconciled, the one done last first; or the one of an id."""
    days = ReconDay.objects.filter(account__place=place).order_by("-run_at", "-id")
    if run_id is not None:
        days = days.filter(pk=run_id)
    return [
        RunLine(
            d.pk, DONE, d.day.isoformat(), 0, 0, d.lines, None, d.run_by, d.run_at, d.run_at,
            "没有对账单" if d.closing_fen is None else f"有差异 {d.differing:,} 笔" if d.differing else "",
        )
        for d in days[:limit]
    ]  # fmt: skip


RUN_KIND = RunKind(
    "reconcile_day",
    "对账",
    "",
    page=lambda run: f"/w/reconciliation#d{run.about}",
    rows="笔",
    listed=_listed,
    about="每天：银行对账单、税务日清单、到账登记和基金账逐笔核对；可以重复，结果不变",
    start="/w/reconciliation",
    daily=True,
    never="对账只核对、不改已有的账，不用冲回；差异在“对账”页逐项处理",
)


def run(place: str, day: date, *, clock: Clock, account_id: int = 0, name: str = "系统") -> reconciling.Result:
    """Reconcile a day, in the name of whoever asked. The tax office's list is the newest that was fetched; none, and that side waits.

    Raises: reconciling.NoAccountError.
    """
    moment = clock()
    with acting(Actor(Role.ENGINE, account_id, name)):
        rows = tax_reconcile.day_rows(day)
        return reconciling.reconcile(place, day, tax_rows=rows, on=moment.date(), at=moment)
