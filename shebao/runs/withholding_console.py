"""批扣 on the run console: each batch with what it waits for."""

from django.db import connection

from shebao.base.months import month_shown
from shebao.levy import debit_batches
from shebao.levy.bank_models import BatchState, DebitBatch
from shebao.levy.run_kinds import DONE, REVERSED, RUNNING, RunKind, RunLine

STATES = {BatchState.POSTED: DONE, BatchState.RECALLED: REVERSED}
WAITS = {
    BatchState.BUILT: "待另一人复核发送",
    BatchState.SENT: "待银行回盘",
    BatchState.ANSWERED: "回盘入账由后台自动接着做",
}


def _listed(place: str, limit: int, run_id: int | None) -> list[RunLine]:
    batches = DebitBatch.objects.filter(place=place).order_by("-id")
    if run_id is not None:
        batches = batches.filter(pk=run_id)
    found = list(batches[:limit])
    with connection.cursor() as cursor:
        cursor.execute(
            "select batch_id, count(built_lines), count(posted_lines) from levy_debitchunk where batch_id = any(%s) group by 1",
            [[b.pk for b in found]],
        )
        chunks = {batch: (built, posted) for batch, built, posted in cursor.fetchall()}
    told = []
    for b in found:
        built, posted = chunks.get(b.pk, (0, 0))
        state = BatchState(b.state)
        answered = state in (BatchState.ANSWERED, BatchState.POSTED)
        failed = f"，银行未扣成 {b.failed_lines:,} 笔" if state is BatchState.POSTED else ""
        told.append(
            RunLine(
                b.pk,
                STATES.get(state, RUNNING),
                f"{b.bank_label}　{month_shown(b.month)}",
                posted if answered else built,
                b.chunks or 0,
                b.paid_lines if answered else b.lines,
                b.paid_fen if answered else b.total_fen,
                b.begun_by,
                b.begun_at,
                b.posted_at or b.recalled_at,
                f"批次 {b.number}{failed}",
                WAITS.get(state, ""),
                b.month,
                b.number,
            )
        )
    return told


def _why_not(run: RunLine) -> str:
    if run.state == RUNNING and run.waits == WAITS[BatchState.BUILT]:
        return ""
    return "只有生成好、还没有发送银行的批次可以撤销；银行扣错的，按退费逐人办理"


RUN_KIND = RunKind(
    "bank_withholding",
    "银行批扣",
    "bank_build",
    "batch_id",
    page=lambda run: f"/w/debits/{run.key}",
    rows="笔",
    listed=_listed,
    about="批扣日起：从签约账户扣本社保年度没有缴的月份；一人生成，另一人复核发送",
    start="/w/debits",
    why_not=_why_not,
    reverse=lambda run, reason, on, at: debit_batches.recall(run.id, at=at),
    undo=("撤销批次", "已撤销"),
    undo_says="待扣月份恢复为待缴，可以用其他方式缴费；本月可以重新生成批次。",
)
