"""What others ask of 批扣: who is out in a batch, the arrival of a batch's money, what is still on its way."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.ledger.closing import open_day
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book
from shebao.levy.bank_models import BatchState, DebitBatch, DebitFile


class ArrivalRefused(ShebaoError):
    """The sum on the statement is not the sum of the batch, or the batch is not booked."""

    code = "BNK-47"


def out(person_ids: Iterable[int]) -> set[int]:
    """Those of these people with dues in a debit batch that is being built, is at the bank, or is not booked yet.

    While somebody is out no other channel may take money for them. A due of theirs is 'sent' exactly as long.
    """
    with connection.cursor() as cursor:
        found = "select distinct person_id from levy_flexdue where person_id = any(%s) and state = 'sent'"
        cursor.execute(found, [sorted(set(person_ids))])
        return {int(person_id) for (person_id,) in cursor.fetchall()}


def waiting_files(place: str) -> list[DebitFile]:
    """Answered and booked files of which no statement has shown the money yet, oldest first. Reference on the statement: batch number."""
    found = DebitFile.objects.select_related("batch").filter(batch__place=place, arrived_on=None, taken_fen__gt=0)
    return list(found.filter(batch__state=BatchState.POSTED).order_by("day", "id"))


def arrive(batch_number: str, amount_fen: int, *, arrived_on: date, at: datetime, part: int = 1) -> DebitFile:
    """A bank statement shows the one sum of an answered file: Dr BANK, Cr TRANSIT by fund, once.

    Returns: the file; the same again when it had arrived already.  Raises: ArrivalRefused.
    """
    file = DebitFile.objects.select_for_update(of=("self",)).select_related("batch").filter(batch__number=batch_number, part=part).first()
    if file is None or file.batch.state != BatchState.POSTED:
        raise ArrivalRefused(f"没有已入账的批扣批次 {batch_number}，这笔到账请先作暂收处理")
    if file.taken_fen != amount_fen:
        raise ArrivalRefused(f"批扣批次 {batch_number} 应到账 {yuan_shown(file.taken_fen)} 元，与流水金额不符，请与银行核对")
    if file.arrived_on is not None:
        return file
    sides = [side for fund, fen in _booked(file) for side in (Side(fund, AccountKind.BANK, fen), Side(fund, AccountKind.TRANSIT, -fen))]
    DebitFile.objects.filter(pk=file.pk).update(arrived_on=arrived_on)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update levy_receipt set arrived_on = %s where channel = 'bank' and arrived_on is null and serial in (
              select %s || '-' || r.sequence from levy_debitresult r where r.batch_id = %s and r.part = %s and %s > 1)
            """,
            [arrived_on, batch_number, file.batch_id, part, part],
        )
    key = f"debit-arrived:{batch_number}:{part}"
    place = file.batch.place
    booking = Booking(key, f"批扣款到账 {batch_number}", f"debit:{batch_number}", tuple(sides))
    book([booking], place=place, on=open_day(place, arrived_on), at=at)
    record([Trace("debit.arrived", batch_number, after={"amount_fen": amount_fen, "part": part})], at=at)
    file.arrived_on = arrived_on
    return file


def _booked(file: DebitFile) -> list[tuple[int, int]]:
    number = file.batch.number
    with connection.cursor() as cursor:
        if file.part == 1:
            cursor.execute("select chunk from levy_debitchunk where batch_id = %s", [file.batch_id])
            keys = [f"debit:{number}:{chunk}" for (chunk,) in cursor.fetchall()]
        else:
            cursor.execute("select sequence from levy_debitresult where batch_id = %s and part = %s", [file.batch_id, file.part])
            keys = [f"debit:{number}:{file.part}:{sequence}" for (sequence,) in cursor.fetchall()]
        cursor.execute(
            """
            select a.fund, sum(e.amount_fen)::bigint from ledger_posting p join ledger_entry e on e.posting_id = p.id
            join ledger_account a on a.id = e.account_id
            where p.key = any(%s) and a.kind = 'transit' group by 1 order by 1
            """,
            [keys],
        )
        return [(int(fund), int(fen)) for fund, fen in cursor.fetchall()]


def in_transit_fen(place: str) -> int:
    """Sub-ledger of 在途款 for batches: taken by banks for dues and not on a statement yet. Suspense is a receipt's."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select coalesce((select sum(c.posted_fen) from levy_debitchunk c join levy_debitbatch b on b.id = c.batch_id
                             join levy_debitfile f on f.batch_id = b.id and f.part = 1
                             where b.place = %(place)s and f.arrived_on is null), 0)::bigint
                 + coalesce((select sum(f.taken_fen - f.suspense_fen) from levy_debitfile f join levy_debitbatch b on b.id = f.batch_id
                             where b.place = %(place)s and f.part > 1 and f.arrived_on is null), 0)::bigint
            """,
            {"place": place},
        )
        return int(cursor.fetchone()[0])


def batch_of(number: str) -> DebitBatch | None:
    """A batch by its number, within the actor's reach."""
    return DebitBatch.objects.filter(number=number).first()
