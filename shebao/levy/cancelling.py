"""作废 of a bill before the receipt: 个人核定单 by its person or the counter, 欠费补缴单 by 欠费补缴回退.

What the tax office has is recalled there first; only when it has given the bill back is it cancelled, and when something was paid there it
stands.

Lock order: the bill's row at the tax office, then what the cancellation itself locks (bills by id, …).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.levy import orders
from shebao.levy.models import Bill, BillKind, BillState, Receipt, ReceiptState
from shebao.levy.tax_models import Cancelling, CancelState, ReversalState, TaxBill, TaxReversal
from shebao.levy.tax_standing import at_tax_office

NEWS_AT_ONCE = 500


class NotCancellableError(ShebaoError):
    """The bill is paid, is being paid, is a month's, or is on its way out already."""

    code = "TAX-21"


def why_not(bill: Bill) -> str:
    """Why a bill cannot be cancelled; empty when it can (perhaps after the tax office has given it back)."""
    if bill.kind == BillKind.MONTHLY:
        return f"核定单 {bill.number} 是单位月度核定单，不能作废；金额有误请补办申报或办理信息订正，金额变化会自动重新发送税务"
    if bill.state in (BillState.CANCELLED, BillState.ROLLED_BACK):
        return f"{BillKind(bill.kind).label} {bill.number} {BillState(bill.state).label}，不用重复办理"
    word = "回退" if bill.kind == BillKind.ARREARS else "作废"
    if bill.paid_fen or bill.state != BillState.ISSUED:
        return f"{BillKind(bill.kind).label} {bill.number} 已有缴费到账，不能{word}；如缴错，请携税票到经办机构窗口办理退费"
    if Receipt.objects.filter(bill_number=bill.number, state=ReceiptState.PENDING).exists():
        return f"{BillKind(bill.kind).label} {bill.number} 的缴费已由经办机构登记、正在复核，不能{word}；请等复核结果"
    if Cancelling.objects.filter(bill_id=bill.pk, state=CancelState.ASKED).exists():
        return f"{BillKind(bill.kind).label} {bill.number} 正在向税务撤回，撤回后自动{word}，请等结果"
    return ""


def cancel(bill: Bill, *, case_id: int | None, on: date, at: datetime) -> CancelState:
    """Cancel a bill: at once when the tax office has nothing of it, otherwise when it has given it back.

    As the engine; the caller has seen to it that whoever asks may.  Returns: DONE or ASKED.  Raises: NotCancellableError.
    """
    TaxBill.objects.select_for_update().filter(bill_id=bill.pk).first()
    bill = Bill.objects.select_related("unit").get(pk=bill.pk)
    if reason := why_not(bill):
        raise NotCancellableError(reason)
    waits = bool(at_tax_office([bill.pk]))
    if not waits:
        _perform(bill, case_id, on=on, at=at)
    Cancelling.objects.create(
        bill_id=bill.pk,
        unit_id=bill.unit_id,
        person_id=bill.person_id,
        agency_id=bill.agency_id,
        state=CancelState.ASKED if waits else CancelState.DONE,
        asked_by=current().account_id,
        case_id=case_id,
        asked_at=at,
        ended_at=None if waits else at,
        told=not waits,
    )
    if waits:
        with connection.cursor() as cursor:  # taken up by the outbox: its row may be in a message just now
            cursor.execute("insert into levy_taxchange (bill_id) values (%s)", [bill.pk])
        record([Trace("levy.cancel_asked", bill.number, person_id=bill.person_id, case_id=case_id, unit_id=bill.unit_id)], at=at)
    return CancelState.ASKED if waits else CancelState.DONE


def carry_out(bill_ids: Sequence[int], *, at: datetime) -> None:
    """The tax office has given these bills back (or never had them): cancel them, or say why it cannot be. As the engine."""
    on = at.astimezone(ZONE).date()
    rows = Cancelling.objects.select_for_update(of=("self",)).filter(bill_id__in=list(bill_ids), state=CancelState.ASKED)
    for row in rows.select_related("bill__unit").order_by("bill_id"):
        try:
            with transaction.atomic():
                _perform(row.bill, row.case_id, on=on, at=at)
        except ShebaoError as error:
            refuse({row.bill_id: error.text}, at=at)
            continue
        row.state, row.ended_at = CancelState.DONE, at
        row.save(update_fields=["state", "ended_at"])


def refuse(reasons: Mapping[int, str], *, at: datetime) -> None:
    """These bills stand after all, by bill the sentence why. As the engine."""
    rows = list(
        Cancelling.objects.select_for_update(of=("self",))
        .filter(bill_id__in=list(reasons), state=CancelState.ASKED)
        .select_related("bill")
        .order_by("id")
    )
    for row in rows:
        row.state, row.ended_at, row.reason = CancelState.REFUSED, at, reasons[row.bill_id][:200]
    Cancelling.objects.bulk_update(rows, ["state", "ended_at", "reason"])
    told = [
        Trace(
            "levy.cancel_refused",
            row.bill.number,
            person_id=row.person_id,
            case_id=row.case_id,
            unit_id=row.unit_id,
            after={"why": row.reason},
        )
        for row in rows
    ]
    record(told, at=at)


def _perform(bill: Bill, case_id: int | None, *, on: date, at: datetime) -> None:
    if bill.kind == BillKind.ARREARS:
        orders.roll_back(bill.number, unit_id=bill.unit_id, place=bill.unit.place, case_id=case_id, on=on, at=at)
        return
    from shebao.levy import flexible_billing  # it asks tax_standing, and is asked for by what imports this module

    held = Bill.objects.select_for_update().get(pk=bill.pk)
    flexible_billing.cancel(held, reason="作废", place=bill.unit.place, on=on, at=at)


@dataclass(frozen=True, slots=True)
class News:
    """What somebody is to be told of a bill: of its unit, or of its person."""

    bill: Bill
    title: str
    text: str


def news() -> list[News]:
    """Cancellations that ended, and payments that were reversed, since this was asked last: each told once. As the engine."""
    ended = list(
        Cancelling.objects.select_for_update(of=("self",))
        .filter(told=False, ended_at__isnull=False)
        .select_related("bill")
        .order_by("id")[:NEWS_AT_ONCE]
    )
    Cancelling.objects.filter(pk__in=[row.pk for row in ended]).update(told=True)
    gone = list(
        TaxReversal.objects.select_for_update(of=("self",))
        .filter(told=False, state=ReversalState.DONE)
        .select_related("receipt__bill")
        .order_by("serial")[:NEWS_AT_ONCE]
    )
    TaxReversal.objects.filter(pk__in=[row.pk for row in gone]).update(told=True)
    return [_ended(row) for row in ended] + [_gone(row.receipt.bill, row) for row in gone if row.receipt and row.receipt.bill]


def _ended(row: Cancelling) -> News:
    label = f"{BillKind(row.bill.kind).label} {row.bill.number}"
    if row.state == CancelState.DONE:
        return News(row.bill, f"{label} 已作废", "税务已撤回，单据已作废，请勿再按它缴费。")
    return News(row.bill, f"{label} 未能作废", f"{row.reason}。单据仍然有效。")


def _gone(bill: Bill, row: TaxReversal) -> News:
    text = f"税务机关撤销了税票 {row.of}（{yuan_shown(row.amount_fen)} 元）：{row.reason}。核定单恢复为待缴费，请核对后重新缴纳。"
    return News(bill, f"{BillKind(bill.kind).label} {bill.number} 的缴费已被撤销", text)


def last_of(bill_id: int) -> Cancelling | None:
    """The last time somebody wanted a bill cancelled, within the actor's reach."""
    return Cancelling.objects.filter(bill_id=bill_id).order_by("-id").first()
