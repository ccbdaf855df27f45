"""Rows of a unit and its agency in every table of the tax office, for the matrix of who may see what."""

from datetime import date
from uuid import UUID

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.levy import tax
from shebao.levy.models import Bill, Receipt
from shebao.levy.tax_models import Cancelling, CancelState, TaxDay, TaxDayLine, TaxHeard, TaxPayment, TaxReversal
from tests.db.support import AT


def with_the_tax_office(bill: Bill) -> None:
    """The bill is sent, a payment and its reversal are told, a cancellation was asked for, a day was compared."""
    of = {"unit_id": bill.unit_id, "agency_id": bill.agency_id}
    with acting(ENGINE):
        tax.queue_new(at=AT)
        tax.make_message(at=AT)
        Cancelling.objects.create(bill=bill, state=CancelState.DONE, asked_by=0, asked_at=AT, ended_at=AT, **of)
        message = UUID(int=bill.pk)
        receipt = Receipt.objects.filter(bill=bill).order_by("id")[0]
        told = {"amount_fen": receipt.amount_fen, "message_id": message, "receipt": receipt}
        TaxPayment.objects.create(serial=receipt.serial, bill_number=bill.number, paid_at=AT, channel="app", **told)
        TaxReversal.objects.create(serial=f"CZ{bill.pk}", of=receipt.serial, reversed_at=AT, reason="x", state="done", **told)
        kept = {"path": "/", "key_id": "k", "sha256": b"0" * 32, "content": b"x", "answer": b"x", "received_at": AT}
        TaxHeard.objects.create(message=message, sender="tax", sequence=bill.pk, day=date(2026, 11, 10), **kept)
        day = TaxDay.objects.create(day=date(2026, 11, 10), asked_at=AT, count=1, total_fen=1)
        TaxDayLine.objects.create(list=day, serial="S1", bill_number=bill.number, amount_fen=1, paid_at=AT, channel="app", reversed=False)
