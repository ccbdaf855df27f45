"""One payment as somebody reports it, and the receipt that stands for it: one a serial, for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.base.actor import current
from shebao.levy.models import Channel, Receipt, ReceiptState


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment as reported: fen, the bill it names, the reporting side's own serial."""

    serial: str
    bill_number: str
    payer: str
    amount_fen: int
    paid_on: date
    line: int | None = None


def new_receipts(
    payments: Sequence[Payment],
    file_id: int | None,
    agency_id: int,
    state: ReceiptState,
    at: datetime,
    *,
    channel: Channel = Channel.FILE,
    batch: str = "",
) -> list[Receipt]:
    """The receipts, but for those whose serial is on record: a payment counts once, whichever file brings it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_receipt (serial, file_id, line, bill_number, payer, amount_fen, allocated_fen, moved_fen, paid_on, state,
                                      reason, agency_id, entered_by, entered_at, channel, batch)
            select n.serial, %s, n.line, n.bill_number, n.payer, n.amount_fen, 0, 0, n.paid_on, %s, '', %s, %s, %s, %s, %s
            from unnest(%s::text[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::date[])
                 with ordinality as n (serial, line, bill_number, payer, amount_fen, paid_on, i)
            order by n.i on conflict (serial) do nothing returning serial, id
            """,
            [
                file_id,
                state.value,
                agency_id,
                current().account_id,
                at,
                channel.value,
                batch,
                [p.serial for p in payments],
                [p.line for p in payments],
                [p.bill_number for p in payments],
                [p.payer[:100] for p in payments],
                [p.amount_fen for p in payments],
                [p.paid_on for p in payments],
            ],
        )
        ids = dict(cursor.fetchall())
    return [
        Receipt(
            id=ids.pop(p.serial),
            serial=p.serial,
            file_id=file_id,
            line=p.line,
            bill_number=p.bill_number,
            payer=p.payer[:100],
            amount_fen=p.amount_fen,
            paid_on=p.paid_on,
            channel=channel,
            batch=batch,
            state=state,
            agency_id=agency_id,
            entered_by=current().account_id,
            entered_at=at,
        )
        for p in payments
        if p.serial in ids
    ]
