"""Where bills stand with the tax office, for those who must know before they change or cancel them."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.levy import bill_life
from shebao.levy.models import Bill, Channel, Receipt, ReceiptState
from shebao.levy.tax_models import Cancelling, CancelState, TaxBill, TaxState

TONES = {
    bill_life.CONFIRMED: "ok",
    bill_life.PAID: "ok",
    bill_life.AT_TAX: "info",
    bill_life.WAITING: "mute",
    bill_life.REFUSED: "err",
    bill_life.RECALLING: "warn",
    bill_life.ENDED: "mute",
}


def at_tax_office(bill_ids: Sequence[int]) -> frozenset[int]:
    """Those of these bills that the tax office holds or may be about to hold, so that they may be paid there at any moment."""
    rows = TaxBill.objects.filter(bill_id__in=list(bill_ids))
    return frozenset(rows.exclude(accepted=0, state__in=[s.value for s in OUTSIDE]).values_list("bill_id", flat=True))


def hold_of_person(person_id: int) -> None:
    """Lock a person's bills as the outbox knows them: before the bills themselves, as an answer of the tax office does."""
    list(TaxBill.objects.select_for_update().filter(person_id=person_id).order_by("bill_id").values_list("bill_id", flat=True))


OUTSIDE = (TaxState.QUEUED, TaxState.REFUSED, TaxState.RECALLED)  # with nothing accepted: the tax office has nothing of the bill


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one bill. word and tone: as pages show it; code: for programs; reason: of the tax office, or why it was not cancelled."""

    word: str
    tone: str
    code: str
    reason: str
    cancelling: bool
    moving: bool  # some of its money was told of and is not yet seen in the bank


def standing(bills: Sequence[Bill]) -> dict[int, Standing]:
    """By bill, within the actor's reach: four queries, however many bills there are."""
    ids = [bill.pk for bill in bills]
    tax = {row.bill_id: row for row in TaxBill.objects.filter(bill_id__in=ids)}
    asked = set(Cancelling.objects.filter(bill_id__in=ids, state=CancelState.ASKED).values_list("bill_id", flat=True))
    moving = Receipt.objects.filter(bill_id__in=ids, channel__in=[Channel.TAX.value, Channel.BANK.value], arrived_on=None)
    transit = set(moving.exclude(state__in=[ReceiptState.VOID, ReceiptState.PENDING]).values_list("bill_id", flat=True))
    found = {}
    for bill in bills:
        row = tax.get(bill.pk)
        state = TaxState(row.state) if row else None
        word = bill_life.word(bill, state, in_transit=bill.pk in transit)
        if bill.pk in asked:
            word = bill_life.RECALLING
        found[bill.pk] = Standing(
            word, TONES[word], state.value if state else "", row.reason if row else "", bill.pk in asked, bill.pk in transit
        )
    return found
