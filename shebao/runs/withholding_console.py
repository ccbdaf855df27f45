"""批扣 on the run console: each batch with what it waits for."""

from django.db import connection

from shebao.base.months import month_shown
from shebao.levy.bank_models import BatchState, DebitBatch
from shebao.levy.run_kinds import DONE, REVERSED, RUNNING, RunKind, RunLine

STATES = {BatchState.POSTED: DONE, BatchState.RECALLED: REVERSED}
WAITS = {
    BatchState.BUILDING: "生成中断时，重新发起同一批扣从断开处接着做",
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
            )
        )
    return told


RUN_KIND = RunKind("bank_withholding", "银行批扣", "", rows="笔", listed=_listed)
