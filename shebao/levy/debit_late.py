"""What a bank took after it had said it could not: paid where it is still owed just so, otherwise the person's money, kept as 暂收."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection

from shebao.accounts.crediting import Reference, Rows, credit
from shebao.gateways import bank as codec
from shebao.gateways.bank import BankFile, BankFileRefused
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import UNASSIGNED_FUND, Booking, Side, book
from shebao.levy.bank_models import DebitBatch, DebitFile
from shebao.levy.models import Channel, Receipt, ReceiptState


def paid_sides(funds: Sequence[tuple[int, int, int]]) -> tuple[Side, ...]:
    """Money on its way for dues: (fund, contribution, interest) each, fen."""
    return tuple(
        side
        for fund, total, interest in funds
        for side in (
            Side(fund, AccountKind.TRANSIT, total + interest),
            Side(fund, AccountKind.RECEIVABLE, -total),
            Side(fund, AccountKind.INTEREST_DUE, -interest),
        )
    )


def only_late_successes(batch: DebitBatch, file: BankFile) -> None:
    """A later part tells of lines that were refused before and were taken after all. Raises: BankFileRefused (BNK-29)."""
    if (file.columns["result"] != codec.SUCCESS.encode()).any():
        raise BankFileRefused("BNK-29", "第 2 部分及以后只报迟到的成功（00）；没有入账，请与对方核对")
    with connection.cursor() as cursor:
        cursor.execute(
            "select min(sequence) from levy_debitresult where batch_id = %s and sequence = any(%s) and result = '00'",
            [batch.pk, file.columns["sequence"].tolist()],
        )
        before = cursor.fetchone()[0]
    if before is not None:
        raise BankFileRefused("BNK-29", f"序号 {before} 此前已经扣款成功，不能再扣一次；没有入账，请与对方核对")


def apply_late(batch: DebitBatch, part: int, *, at: datetime, on: date) -> list[tuple[int, int]]:
    """Pay what the kept answers of a part were for. Returns (person, sequence) of those whose dues are paid by it.

    Few: a bank corrects single lines. Lock order: person, then dues.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select l.sequence, l.person_id, l.agency_id, l.amount_fen, l.first_month, l.last_month, l.months, r.taken_on, trim(r.serial),
                   p.name
            from levy_debitline l join levy_debitresult r on r.batch_id = l.batch_id and r.sequence = l.sequence and r.part = %s
            join parties_person p on p.id = l.person_id where l.batch_id = %s order by l.person_id
            """,
            [part, batch.pk],
        )
        lines: list[Any] = cursor.fetchall()
    paid = []
    suspense_fen = 0
    for sequence, person_id, agency_id, fen, first, last, months, taken_on, serial, name in lines:
        key = f"debit:{batch.number}:{part}:{sequence}"
        funds = _pay(batch.pk, person_id, first, last, months, fen, taken_on)
        if funds:
            booking = Booking(key, f"批扣迟到成功 {batch.number}", f"debit:{batch.number}", paid_sides(funds))
            paid.append((person_id, sequence))
            _credit(batch, key, person_id, first, last, on=taken_on, at=at)
        else:
            receipt = Receipt.objects.create(
                serial=f"{batch.number}-{sequence}",
                bill_number="",
                payer=name[:100],
                amount_fen=fen,
                paid_on=taken_on,
                channel=Channel.BANK,
                state=ReceiptState.SUSPENSE,
                reason=f"批扣迟到成功（银行流水号 {serial}），费款已另行缴清或变动，应退还本人"[:120],
                agency_id=agency_id,
                entered_by=0,
                entered_at=at,
            )
            sides = (Side(UNASSIGNED_FUND, AccountKind.TRANSIT, fen), Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, -fen))
            booking = Booking(key, "批扣迟到成功，暂收", f"receipt:{receipt.pk}", sides)
            suspense_fen += fen
        book([booking], place=batch.place, on=on, at=at)
    DebitFile.objects.filter(batch_id=batch.pk, part=part).update(suspense_fen=suspense_fen)
    return paid


def _credit(batch: DebitBatch, key: str, person_id: int, first: int, last: int, *, on: date, at: datetime) -> None:
    query = """
    select %(key)s::text as reference, person_id, month, account_fen::bigint as own_fen, 0::bigint as employer_fen from levy_flexdue
    where person_id = %(person)s and month between %(first)s and %(last)s and insurance = 110 and state = 'paid' and batch_id = %(batch)s
    """
    rows = Rows(query, {"key": key, "person": person_id, "first": first, "last": last, "batch": batch.pk})
    credit([Reference(key, f"批扣 {batch.number}（迟到成功）")], rows, place=batch.place, on=on, at=at)


def _pay(batch_id: int, person_id: int, first: int, last: int, months: int, fen: int, taken_on: date) -> list[tuple[int, int, int]]:
    """The funds that were paid, or nothing where the same months and amount are not open any more."""
    with connection.cursor() as cursor:
        cursor.execute("select 1 from parties_person where id = %s for no key update", [person_id])
        cursor.execute(
            """
            select d.insurance, sum(d.total_fen)::bigint, sum(d.interest_fen)::bigint, count(distinct d.month) from (
              select insurance, total_fen, interest_fen, month from levy_flexdue
              where person_id = %s and month between %s and %s and state = 'open' order by month for update) d group by 1 order by 1
            """,
            [person_id, first, last],
        )
        found = cursor.fetchall()
        if sum(row[1] + row[2] for row in found) != fen or max((row[3] for row in found), default=0) != months:
            return []
        reach = [batch_id, person_id, first, last]
        cursor.execute(
            "update levy_flexdue set state = 'sent', batch_id = %s where person_id = %s and month between %s and %s and state = 'open'",
            reach,
        )
        cursor.execute(
            "update levy_flexdue set state = 'paid', paid_on = %s"
            " where batch_id = %s and person_id = %s and month between %s and %s and state = 'sent'",
            [taken_on, *reach],
        )
    return [(row[0], row[1], row[2]) for row in found]
