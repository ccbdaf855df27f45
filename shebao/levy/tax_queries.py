"""What the desk sees of the dealings with the tax office: the outbox, what was refused, reversals that wait, days that were compared.

Messages and lists hold bills of all agencies, so they are read as the engine; bills, payments and reversals are filtered by the agency.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from shebao.levy import tax_reconcile
from shebao.levy.models import Channel, Receipt, ReceiptState
from shebao.levy.tax_models import MessageState, ReversalState, TaxBill, TaxDay, TaxHeard, TaxMessage, TaxPayment, TaxReversal, TaxState

DAYS = 7


@dataclass(frozen=True, slots=True)
class Overview:
    """One look. by_state: bills of the agency; waiting: messages without an answer, the oldest first."""

    by_state: dict[TaxState, int]
    refused: Sequence[TaxBill]
    waiting: int
    oldest: TaxMessage | None
    last_answer: datetime | None
    heard_at: datetime | None
    transit: int
    transit_fen: int
    reversals: Sequence[tuple[TaxReversal, str]]
    days: Sequence[tax_reconcile.DayAnswer]


def overview(agency_id: int, *, refused_max: int = 50) -> Overview:
    """As the engine."""
    counted = TaxBill.objects.filter(agency_id=agency_id).values("state").annotate(n=Count("bill_id")).order_by()
    refused = TaxBill.objects.filter(agency_id=agency_id, state=TaxState.REFUSED).select_related("bill__unit").order_by("answered_at")
    waiting = TaxMessage.objects.filter(state=MessageState.WAITING).order_by("id").defer("content")
    moving = Receipt.objects.filter(agency_id=agency_id, channel=Channel.TAX, arrived_on=None).exclude(state=ReceiptState.VOID)
    sums = list(moving.values_list("amount_fen", flat=True))
    lists = TaxDay.objects.order_by("-day").values_list("day", flat=True).distinct()[:DAYS]
    return Overview(
        by_state={TaxState(row["state"]): row["n"] for row in counted},
        refused=list(refused[:refused_max]),
        waiting=waiting.count(),
        oldest=waiting.first(),
        last_answer=TaxMessage.objects.filter(state=MessageState.ANSWERED).order_by("-id").values_list("answered_at", flat=True).first(),
        heard_at=TaxHeard.objects.order_by("-received_at").values_list("received_at", flat=True).first(),
        transit=len(sums),
        transit_fen=sum(sums),
        reversals=_reversals(agency_id),
        days=[found for day in lists if (found := tax_reconcile.compare(day)) is not None],
    )


def _reversals(agency_id: int) -> list[tuple[TaxReversal, str]]:
    """冲正 that could not be done, of payments of this agency or of none; with the bill's number."""
    waiting = list(TaxReversal.objects.filter(state=ReversalState.WAITING).order_by("reversed_at")[:200])
    paid = {p.serial: p for p in TaxPayment.objects.filter(serial__in=[r.of for r in waiting]).select_related("receipt")}
    ours = [r for r in waiting if r.of not in paid or paid[r.of].receipt.agency_id == agency_id]
    return [(r, paid[r.of].bill_number if r.of in paid else "") for r in ours]
