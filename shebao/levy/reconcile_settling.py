"""What people do with differences: take it over, ask the other side, close it by two. Money moves by suspense and refunds."""

from datetime import datetime

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.levy.models import ReceiptState
from shebao.levy.reconcile_models import Chase, Difference, DifferenceKind, DifferenceState, Outgoing
from shebao.levy.suspense import DecidedError, ReasonMissingError, SameHandsError


class OwnedError(ShebaoError):
    """Somebody else is on it."""

    code = "RCN-07"


class MoneyOpenError(ShebaoError):
    """Its money still waits: closing would hide it."""

    code = "RCN-08"


# How a difference of a kind ends, in the order in which one would try; "closed" needs two people everywhere.
WAYS: dict[DifferenceKind, tuple[str, ...]] = {
    DifferenceKind.UNKNOWN: ("claim", "refund"),
    DifferenceKind.TWICE: ("refund", "claim"),
    DifferenceKind.AMOUNT: ("claim", "withdraw", "chase"),
    DifferenceKind.LATE: ("chase", "withdraw"),
    DifferenceKind.UNSEEN: ("chase", "withdraw"),
    DifferenceKind.UNKNOWN_DEBIT: ("outgoing", "chase"),
    DifferenceKind.TAX_MISSING: ("chase", "withdraw"),
    DifferenceKind.TAX_EXTRA: ("chase",),
    DifferenceKind.TAX_AMOUNT: ("chase", "withdraw"),
    DifferenceKind.BALANCE: ("chase",),
}


def _locked(difference_id: int) -> Difference:
    found = Difference.objects.select_for_update(of=("self",)).select_related("receipt").filter(pk=difference_id).first()
    if found is None:
        raise DecidedError("没有这项差异，请刷新后重试")
    if found.state == DifferenceState.SETTLED:
        raise DecidedError("这项差异已处理完毕，请刷新页面查看结果")
    return found


def take_over(difference_id: int, *, at: datetime) -> None:
    """认领 a difference: from now on it is this person's to settle. Raises: OwnedError, DecidedError."""
    difference = _locked(difference_id)
    me = current().account_id
    if difference.owner == me:
        return
    if difference.owner is not None:
        raise OwnedError("这项差异已由他人负责；如需接手，请先由对方放弃")
    difference.owner = me
    difference.save(update_fields=["owner"])
    record([Trace("levy.difference_taken", difference.subject, agency_id=difference.agency_id)], at=at)


def give_up(difference_id: int, *, at: datetime) -> None:
    """Let somebody else have it. Raises: OwnedError, DecidedError."""
    difference = _locked(difference_id)
    if difference.owner != current().account_id:
        raise OwnedError("只有负责人可以放弃这项差异")
    difference.owner = None
    difference.save(update_fields=["owner"])
    record([Trace("levy.difference_given_up", difference.subject, agency_id=difference.agency_id)], at=at)


def chase(difference_id: int, note: str, *, at: datetime) -> None:
    """催收 or 核对: ask the other side, and write down what they said. Raises: ReasonMissingError, DecidedError."""
    if not note.strip():
        raise ReasonMissingError("请写明催收或核对的情况，例如：已电话联系开户银行，答复次日入账")
    difference = _locked(difference_id)
    Chase.objects.create(difference=difference, account_id=current().account_id, at=at, note=note.strip()[:200])
    record([Trace("levy.difference_chased", difference.subject, after={"note": note[:200]}, agency_id=difference.agency_id)], at=at)


def propose_close(difference_id: int, reason: str, *, at: datetime) -> None:
    """关闭并说明, by one; another confirms. What has money in suspense is settled by moving that money.

    Raises: MoneyOpenError, ReasonMissingError, DecidedError.
    """
    if not reason.strip():
        raise ReasonMissingError("请说明关闭这项差异的理由和依据")
    difference = _locked(difference_id)
    if _money_open(difference):
        raise MoneyOpenError("这项差异的款项还在暂收，不能直接关闭；请先认领、移交或退费，余额为零后自动了结")
    if difference.kind == DifferenceKind.UNKNOWN_DEBIT and difference.line is not None and not difference.line.booked:
        raise MoneyOpenError("这笔支出还没有入账，关闭会使账面长期与银行不符；请按“划转财政专户”或“待处理支出”入账，由另一人复核")
    if difference.kind == DifferenceKind.UNSEEN and difference.receipt is not None and difference.receipt.state != ReceiptState.VOID:
        raise MoneyOpenError("银行没有这笔到账，账面上却有，不能直接关闭；请与银行核对，确未到账的冲销原登记，由另一人复核")
    if difference.state == DifferenceState.PROPOSED:
        raise DecidedError("这项差异已有人提出关闭，请由另一位财务人员复核")
    difference.state, difference.reason, difference.proposed_by = DifferenceState.PROPOSED.value, reason.strip()[:200], current().account_id
    difference.save(update_fields=["state", "reason", "proposed_by"])
    record(
        [Trace("levy.difference_proposed", difference.subject, after={"reason": difference.reason}, agency_id=difference.agency_id)], at=at
    )


def _money_open(difference: Difference) -> bool:
    receipt = difference.receipt
    kinds = (DifferenceKind.UNKNOWN, DifferenceKind.TWICE, DifferenceKind.AMOUNT)
    return difference.kind in kinds and receipt is not None and receipt.rest_fen > 0


def decide_close(difference_id: int, *, confirm: bool, at: datetime) -> DifferenceState:
    """复核 the closing. Raises: SameHandsError, DecidedError."""
    difference = _locked(difference_id)
    if difference.state != DifferenceState.PROPOSED or Outgoing.objects.filter(line_id=difference.line_id, state="proposed").exists():
        raise DecidedError("还没有人提出关闭，或已由他人处理，请刷新页面")
    me = current().account_id
    if difference.proposed_by == me:
        raise SameHandsError("提出和复核不能是同一人，请由另一位财务人员复核")
    if confirm:
        difference.state, difference.settled_by, difference.confirmed_by, difference.settled_at = (
            DifferenceState.SETTLED.value, "closed", me, at,
        )  # fmt: skip
    else:
        difference.state, difference.proposed_by, difference.reason = DifferenceState.OPEN.value, None, ""
    difference.save(update_fields=["state", "settled_by", "confirmed_by", "settled_at", "proposed_by", "reason"])
    word = "levy.difference_closed" if confirm else "levy.difference_reopened"
    record([Trace(word, difference.subject, agency_id=difference.agency_id)], at=at)
    return DifferenceState(difference.state)
