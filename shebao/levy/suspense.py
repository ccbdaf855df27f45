"""暂收款: money of a receipt goes to a bill, to another agency, back from a bill, or never came. One proposes, another decides.

Nothing is edited: each step books by transfer or reversal, under a key of its own, and stays on the receipt's course.
"""

from dataclasses import dataclass
from datetime import date, datetime

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import UNASSIGNED_FUND, Booking, Side, book
from shebao.levy import matching
from shebao.levy.models import IN_TRANSIT, Bill, Channel, Receipt, ReceiptState
from shebao.levy.payments import Payment
from shebao.levy.reconcile_models import Difference, DifferenceKind, DifferenceState
from shebao.levy.refund_models import HeldState, HeldTold, MoveKind, MoveState, SuspenseMove
from shebao.levy.telling import receive_told
from shebao.parties.models import Agency


class NotPossibleError(ShebaoError):
    """The money cannot go where it was to go."""

    code = "RFD-01"


class TooMuchError(ShebaoError):
    """More than the source holds."""

    code = "RFD-02"


class DecidedError(ShebaoError):
    """Somebody else decided it meanwhile."""

    code = "RFD-03"


class SameHandsError(ShebaoError):
    """Who proposes never decides."""

    code = "RFD-04"
    status = 403


class ReasonMissingError(ShebaoError):
    """What is done with money is done for a reason."""

    code = "RFD-05"
    status = 422


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be done with money of a receipt; fen. bill_number: of MATCH and RELEASE. to_agency_id: of HAND_OVER."""

    kind: MoveKind
    amount_fen: int
    reason: str
    bill_number: str = ""
    to_agency_id: int | None = None


def propose(receipt_id: int, wanted: Wanted, *, at: datetime) -> int:
    """Propose one operation on a receipt's money; it is held for it until somebody else decides. Returns the move.

    Raises: NotPossibleError, TooMuchError, ReasonMissingError.
    """
    if not wanted.reason.strip():
        raise ReasonMissingError("请写明原因，例如：经与单位核对，应缴 2026 年 10 月核定单")
    receipt = locked(receipt_id)
    if receipt.state not in (ReceiptState.ALLOCATED, ReceiptState.SUSPENSE):
        raise NotPossibleError("这笔到账还没有复核或已作废，不能处理；请先完成登记复核")
    if wanted.amount_fen <= 0:
        raise TooMuchError("金额应大于零，请重新填写")
    bill = _check(receipt, wanted)
    move = SuspenseMove.objects.create(
        receipt_id=receipt.pk, agency_id=receipt.agency_id, kind=wanted.kind.value, amount_fen=wanted.amount_fen, bill=bill,
        to_agency_id=wanted.to_agency_id, reason=wanted.reason.strip()[:200], proposed_by=current().account_id, proposed_at=at,
    )  # fmt: skip
    after = {"kind": wanted.kind.value, "amount_fen": wanted.amount_fen, "bill": wanted.bill_number, "to": wanted.to_agency_id}
    record([Trace("levy.suspense_proposed", receipt.serial, after=after, agency_id=receipt.agency_id)], at=at)
    return move.pk


def locked(receipt_id: int) -> Receipt:
    """A receipt under lock. Raises: NotPossibleError."""
    receipt = Receipt.objects.select_for_update().filter(pk=receipt_id).first()
    if receipt is None:
        raise NotPossibleError("没有这笔到账，请刷新后重试")
    return receipt


def _check(receipt: Receipt, wanted: Wanted) -> Bill | None:
    """Whether it can be done as things are. Returns the bill it is about."""
    match wanted.kind:
        case MoveKind.MATCH:
            _enough(receipt, wanted.amount_fen)
            bill = Bill.objects.filter(number=wanted.bill_number).first()
            if why := matching.why_not(bill, receipt.agency_id, wanted.amount_fen):
                other = "；请先移交给该经办机构，由对方认领" if bill is not None and bill.agency_id != receipt.agency_id else ""
                raise NotPossibleError(f"不能认领到 {wanted.bill_number}：{why}{other}")
            if bill is not None and wanted.amount_fen > bill.open_fen:
                raise TooMuchError(f"{bill.number} 只欠 {yuan_shown(bill.open_fen)} 元，请填写不超过它的金额，其余另行处理")
            return bill
        case MoveKind.HAND_OVER:
            _enough(receipt, wanted.amount_fen)
            if wanted.to_agency_id == receipt.agency_id or not Agency.objects.filter(pk=wanted.to_agency_id or 0).exists():
                raise NotPossibleError("请选择另一个经办机构")
            if not has_arrived(receipt):
                raise NotPossibleError("款项还在途，尚未到账，不能移交；请等对账单确认到账后再办")
            return None
        case MoveKind.RELEASE:
            bill = Bill.objects.filter(number=wanted.bill_number).first()
            if bill is None or wanted.amount_fen != matching.brought(receipt.pk, bill.pk):
                raise NotPossibleError("撤回分配应为这笔到账分配给该单的全部金额，请刷新后核对")
            return bill
        case MoveKind.WITHDRAW:
            if not may_withdraw(receipt):
                raise NotPossibleError("这笔款已经到账，不能冲销；多收的请办理退费")
            if receipt.moved_fen or wanted.amount_fen != receipt.amount_fen:
                raise NotPossibleError("冲销应为整笔金额，且没有其他待复核的处理；请先了结其他处理")
            return None


def _enough(receipt: Receipt, amount_fen: int) -> None:
    if amount_fen > receipt.rest_fen:
        raise TooMuchError(f"这笔到账的暂收余额为 {yuan_shown(receipt.rest_fen)} 元，不足 {yuan_shown(amount_fen)} 元；请刷新后核对")


def has_arrived(receipt: Receipt) -> bool:
    """Whether its money is in the bank."""
    return receipt.channel not in IN_TRANSIT or receipt.arrived_on is not None


def may_withdraw(receipt: Receipt) -> bool:
    """What was told and has not arrived; or was entered as arrived (file, hand), and 对账 found that the bank's statement has it not."""
    if not has_arrived(receipt):
        return True
    return receipt.channel in (Channel.FILE, Channel.HAND) and (
        Difference.objects.filter(receipt=receipt, kind=DifferenceKind.UNSEEN).exclude(state=DifferenceState.SETTLED).exists()
    )


def decide(move_id: int, *, confirm: bool, note: str = "", place: str, on: date, at: datetime) -> MoveState:
    """复核 a proposed operation: it takes effect and is booked, or its money is free again.

    Raises: DecidedError, SameHandsError, NotPossibleError, matching.CannotReleaseError.
    """
    found = SuspenseMove.objects.filter(pk=move_id).first()
    if found is None:
        raise DecidedError("没有这项处理，请刷新后重试")
    receipt = locked(found.receipt_id)
    move = SuspenseMove.objects.select_for_update().get(pk=move_id)
    if move.state != MoveState.PROPOSED:
        raise DecidedError("这项处理已由他人复核，请刷新页面查看结果")
    if move.proposed_by == current().account_id:
        raise SameHandsError("提出和复核不能是同一人，请由另一位财务人员复核")
    if not confirm and not note.strip():
        raise ReasonMissingError("退回请写明原因，便于提出人更正")
    move.state = (MoveState.CONFIRMED if confirm else MoveState.DECLINED).value
    move.decided_by, move.decided_at, move.note = current().account_id, at, note.strip()[:200]
    move.save(update_fields=["state", "decided_by", "decided_at", "note"])
    if confirm:
        _take_effect(move, receipt, place=place, on=on, at=at)
    action = "levy.suspense_confirmed" if confirm else "levy.suspense_declined"
    record([Trace(action, receipt.serial, after={"move": move.pk, "kind": move.kind}, agency_id=receipt.agency_id)], at=at)
    return MoveState(move.state)


def _take_effect(move: SuspenseMove, receipt: Receipt, *, place: str, on: date, at: datetime) -> None:
    receipt.refresh_from_db(fields=["moved_fen"])
    key = f"move:{move.pk}"
    match MoveKind(move.kind):
        case MoveKind.MATCH:
            number = _number_of(move)
            bill = matching.hold([number], []).bills[number]
            if why := matching.why_not(bill, receipt.agency_id, move.amount_fen) or (
                f"只欠 {yuan_shown(bill.open_fen)} 元" if move.amount_fen > bill.open_fen else ""
            ):
                raise NotPossibleError(f"{number} 的情况已变化（{why}），不能认领；请退回后重新提出")
            matching.claim([(receipt, number, move.amount_fen, key)], place=place, on=on, at=at)
        case MoveKind.HAND_OVER:
            _hand_over(move, receipt, key, place=place, on=on, at=at)
        case MoveKind.RELEASE:
            number = _number_of(move)
            matching.release(receipt, number, key=key, place=place, on=on, at=at)
        case MoveKind.WITHDRAW:
            _withdraw(receipt, key, place=place, on=on, at=at)


def _number_of(move: SuspenseMove) -> str:
    return Bill.objects.values_list("number", flat=True).get(pk=move.bill_id or 0)


def _hand_over(move: SuspenseMove, receipt: Receipt, key: str, *, place: str, on: date, at: datetime) -> None:
    """The other agency sees the money as a receipt of its own, in its own suspense. Agencies of a place share its books."""
    to = Agency.objects.get(pk=move.to_agency_id or 0)
    if to.place != place:
        raise NotPossibleError("对方经办机构在另一个统筹区，基金分账，不能直接移交；请退回付款人，由其向对方缴纳")
    child = Receipt.objects.create(
        serial=f"{receipt.serial[:28]}-Y{move.pk}", bill_number=receipt.bill_number, payer=receipt.payer, amount_fen=move.amount_fen,
        paid_on=receipt.paid_on, channel=receipt.channel, arrived_on=receipt.arrived_on, state=ReceiptState.SUSPENSE,
        reason=f"由其他经办机构移交：{move.reason}"[:120], agency_id=to.pk, entered_by=move.proposed_by, entered_at=at,
        confirmed_by=move.decided_by, parent_id=receipt.pk,
    )  # fmt: skip
    move.child = child
    move.save(update_fields=["child"])
    sides = (
        Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, move.amount_fen),
        Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, -move.amount_fen),
    )
    book([Booking(key, "暂收款移交其他经办机构", f"receipt:{receipt.serial}", sides)], place=place, on=on, at=at)


def _withdraw(receipt: Receipt, key: str, *, place: str, on: date, at: datetime) -> None:
    """It was told (or entered) and never came: what it cleared is owed again, and neither the way nor the bank holds it any more."""
    if not may_withdraw(receipt):
        raise NotPossibleError("这笔款刚刚到账，不能冲销；请退回这项处理")
    for number in matching.bills_of(receipt.pk):
        matching.release(receipt, number, key=f"{key}:{number}", place=place, on=on, at=at)
    sides = (
        Side(UNASSIGNED_FUND, AccountKind.SUSPENSE, receipt.amount_fen),
        Side(UNASSIGNED_FUND, AccountKind.BANK if has_arrived(receipt) else AccountKind.TRANSIT, -receipt.amount_fen),
    )
    book([Booking(key, "冲销未到账的缴费", f"receipt:{receipt.serial}", sides)], place=place, on=on, at=at)
    receipt.state, receipt.reason = ReceiptState.VOID, "告知后未到账，已冲销"
    receipt.save(update_fields=["state", "reason"])


# --- told twice with other content ---


def propose_held(held_id: int, *, take: bool, reason: str, at: datetime) -> None:
    """Say what shall become of a payment that was told again with other content: 另作一笔入账, or 以先到的为准.

    Raises: DecidedError, ReasonMissingError.
    """
    if not reason.strip():
        raise ReasonMissingError("请写明与对方核对的结果")
    held = _held(held_id)
    held.wanted, held.reason = (HeldState.TAKEN if take else HeldState.KEPT).value, reason.strip()[:200]
    held.proposed_by = current().account_id
    held.save(update_fields=["wanted", "reason", "proposed_by"])
    record([Trace("levy.held_proposed", held.serial, after={"wanted": held.wanted}, agency_id=held.agency_id)], at=at)


def decide_held(held_id: int, *, place: str, on: date, at: datetime) -> HeldState:
    """复核 it. Taken, it is a payment of its own, under the serial with a number behind. Raises: DecidedError, SameHandsError."""
    held = _held(held_id)
    if held.proposed_by is None:
        raise DecidedError("还没有人提出处理意见，请先提出")
    if held.proposed_by == current().account_id:
        raise SameHandsError("提出和复核不能是同一人，请由另一位财务人员复核")
    held.state, held.decided_by, held.decided_at = held.wanted, current().account_id, at
    held.save(update_fields=["state", "decided_by", "decided_at"])
    if held.state == HeldState.TAKEN:
        payment = Payment(f"{held.serial[:32]}-H{held.pk}", held.bill_number, held.payer, held.amount_fen, held.paid_on)
        from_whom = Receipt.objects.values_list("channel", flat=True).get(pk=held.receipt_id)
        channel = next(c for c in IN_TRANSIT if c.value in (held.channel, from_whom))
        receive_told(channel, held.batch, [payment], place=place, agency_id=held.agency_id, on=on, at=at)
    record([Trace("levy.held_decided", held.serial, after={"state": held.state}, agency_id=held.agency_id)], at=at)
    return HeldState(held.state)


def _held(held_id: int) -> HeldTold:
    held = HeldTold.objects.select_for_update().filter(pk=held_id).first()
    if held is None or held.state != HeldState.OPEN:
        raise DecidedError("这笔告知已由他人处理，请刷新页面查看结果")
    return held
