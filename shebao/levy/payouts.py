"""退费 to the bank: approved refunds go out in one signed file (docs/partners/bank.md, FK). payout_answers hears what became of them."""

import hashlib
from datetime import date, datetime

import numpy as np
from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.gateways import bank as codec
from shebao.levy.bank_models import BANKS
from shebao.levy.debit_batches import next_order
from shebao.levy.refund_models import Payout, Refund, RefundState, RefundStep


class NoPartnerError(ShebaoError):
    """Not one of the banks that pay refunds for us."""

    code = "RFD-14"
    status = 422


class NothingToPayError(ShebaoError):
    """No approved refund waits."""

    code = "RFD-13"


def instruct(agency_id: int, place: str, *, bank: str, private_key: bytes, on: date, at: datetime) -> Payout:
    """Put all approved refunds of an agency into one file for a partner bank (行别), to the accounts that were given. Each goes out once.

    private_key: ours, 32 raw bytes.  Raises: NothingToPayError, NoPartnerError.
    """
    if bank not in BANKS:
        raise NoPartnerError(f"请选择协作银行：{'、'.join(BANKS.values())}")
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"debit file {bank}"])  # one file to a bank is numbered at a time
        order = next_order(cursor, bank, on)
    refunds = list(Refund.objects.select_for_update().filter(agency_id=agency_id, state=RefundState.APPROVED).order_by("id"))
    if not refunds:
        raise NothingToPayError("没有已核准、待发银行的退费")
    for refund in refunds:
        refund.attempt += 1
    number = f"TF{on:%Y%m%d}-{agency_id}-{order:03d}"
    header = codec.Header(codec.Kind.PAYOUT, f"SB{place}", f"BK{bank}", number, on, order)
    columns = {
        "sequence": np.arange(1, len(refunds) + 1, dtype=np.int64),
        "number": np.array([r.serial.encode() for r in refunds]),
        "account": np.array([r.payee_account.encode() for r in refunds]),
        "name": np.array([codec.name_bytes(r.payee_name) for r in refunds]),
        "amount": np.array([r.amount_fen for r in refunds], np.int64),
        "purpose": np.array(["社保退费".encode(codec.ENCODING)] * len(refunds)),
    }
    content = codec.write(header, columns, private_key)
    payout = Payout.objects.create(
        number=number, place=place, agency_id=agency_id, day=on, count=len(refunds), total_fen=sum(r.amount_fen for r in refunds),
        sha256=hashlib.sha256(content).digest(), content=content, bank=bank, file_order=order, made_by=current().account_id, made_at=at,
    )  # fmt: skip
    for refund in refunds:
        refund.state, refund.payout = RefundState.INSTRUCTED.value, payout
    Refund.objects.bulk_update(refunds, ["state", "payout", "attempt"])
    RefundStep.objects.bulk_create(
        [RefundStep(refund=r, step="instructed", account_id=current().account_id, at=at, note=f"{number}，{r.serial}") for r in refunds]
    )
    after = {"count": payout.count, "total_fen": payout.total_fen}
    record([Trace("levy.payout_made", number, after=after, agency_id=agency_id)], at=at)
    return payout
