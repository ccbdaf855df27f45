"""What the people of a batch are told: what was taken for which months, or why not and what to do."""

from datetime import datetime

from django.db import connection

from shebao.base.money import yuan_shown
from shebao.base.months import month_shown
from shebao.gateways.bank import RESULTS, SUCCESS
from shebao.levy.bank_models import BatchState, DebitBatch, DebitChunk

TAKEN_TITLE, FAILED_TITLE = "批扣成功", "批扣没有成功"
ADVICE = {
    "11": "请在下个批扣日前存足累计应缴金额，或现在自行缴费",
    "12": "请更换银行账户重新签约，或现在自行缴费",
    "13": "请先到银行恢复账户，或现在自行缴费",
    "14": "请到银行核对户名，或更换本人名下的账户重新签约",
    "15": "请重新办理批扣签约，或现在自行缴费",
    "99": "请向银行查询原因，或现在自行缴费",
}


def advice_of(result: str) -> str:
    """What to do about a debit that was refused; nothing where it was taken or is on its way."""
    return "" if result in ("", SUCCESS) else ADVICE.get(result, ADVICE["99"])


def untold(batch_id: int) -> tuple[int, ...]:
    """Chunks of a booked batch whose people were not told yet."""
    if not DebitBatch.objects.filter(pk=batch_id, state=BatchState.POSTED, told_at=None).exists():
        return ()
    return tuple(DebitChunk.objects.filter(batch_id=batch_id, told=False).order_by("chunk").values_list("chunk", flat=True))


def take_chunk(batch_id: int, number: int) -> list[tuple[int, str, str]]:
    """(person, title, text) of a chunk, once: its guard is set in this transaction, in which they are to be told."""
    if not DebitChunk.objects.filter(batch_id=batch_id, chunk=number, told=False).update(told=True):
        return []
    chunk = DebitChunk.objects.get(batch_id=batch_id, chunk=number)
    batch = DebitBatch.objects.get(pk=batch_id)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select l.person_id, r.result, l.amount_fen, l.first_month, l.last_month, l.months
            from levy_debitline l join levy_debitresult r on r.batch_id = l.batch_id and r.sequence = l.sequence and r.part = 1
            where l.batch_id = %s and l.sequence between %s and %s order by l.sequence
            """,
            [batch_id, chunk.base + 1, chunk.base + (chunk.built_lines or 0)],
        )
        return [(row[0], *told(batch.bank_label, *row[1:])) for row in cursor.fetchall()]


def told(bank: str, result: str, amount_fen: int, first: int, last: int, months: int) -> tuple[str, str]:
    """Title and text for one line."""
    when = month_shown(first) if first == last else f"{month_shown(first)}至 {month_shown(last)}（共 {months} 个月）"
    if result == SUCCESS:
        return TAKEN_TITLE, f"{bank}已扣缴企业职工基本养老保险费 {yuan_shown(amount_fen)} 元，费款所属期 {when}。"
    why = RESULTS.get(result, RESULTS["99"])
    return (
        FAILED_TITLE,
        f"{bank}没有扣缴 {when}的 {yuan_shown(amount_fen)} 元：{why}。{advice_of(result)}；未缴的月份并入下个月的批扣。",
    )


def all_told(batch_id: int, *, at: datetime) -> None:
    """Everybody was told."""
    if not untold(batch_id):
        DebitBatch.objects.filter(pk=batch_id, state=BatchState.POSTED, told_at=None).update(told_at=at)
