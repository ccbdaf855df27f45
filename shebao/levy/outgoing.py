"""Money that left the 收入户 and is no refund of ours: 划转财政专户, or what the bank took and is still to be cleared (暂付款).

Each is booked by two people, so that the books hold what the bank holds; what is advanced stays on an account of its own until the bank
gives it back.
"""

from collections.abc import Mapping
from datetime import date, datetime

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.ledger.closing import open_day
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import UNASSIGNED_FUND, Booking, Side, book
from shebao.ledger.queries import trial_balance
from shebao.levy.reconcile_models import (
    Difference,
    DifferenceKind,
    DifferenceState,
    Outgoing,
    OutgoingKind,
    OutgoingPart,
    StatementLine,
)
from shebao.levy.refund_models import MoveState
from shebao.levy.suspense import DecidedError, ReasonMissingError, SameHandsError

ACCOUNTS = {OutgoingKind.FISCAL: AccountKind.FISCAL, OutgoingKind.ADVANCE: AccountKind.ADVANCE}
ENDS = {OutgoingKind.FISCAL: "transferred", OutgoingKind.ADVANCE: "advanced"}


class OutgoingError(ShebaoError):
    """The outgoing movement cannot be booked like that."""

    code = "RCN-09"
    status = 422


def propose(difference_id: int, kind: OutgoingKind, parts: Mapping[int, int], reason: str, *, place: str, on: date, at: datetime) -> int:
    """Say what an unknown outgoing movement was. parts: fen by fund, of FISCAL; they make up the movement. Returns the proposal.

    Raises: OutgoingError, ReasonMissingError, DecidedError.
    """
    if not reason.strip():
        raise ReasonMissingError("请写明依据，例如：财政专户划款通知书文号，或与开户银行核对的结果")
    difference = _locked(difference_id)
    line = difference.line
    if difference.kind != DifferenceKind.UNKNOWN_DEBIT or line is None or line.booked:
        raise OutgoingError("这项差异不是未入账的支出，不能这样处理；请刷新后核对")
    if difference.state == DifferenceState.PROPOSED:
        raise DecidedError("这项差异已有人提出处理，请由另一位财务人员复核")
    shares = {fund: fen for fund, fen in parts.items() if fen} if kind is OutgoingKind.FISCAL else {UNASSIGNED_FUND: line.amount_fen}
    _check(shares, line.amount_fen, kind, place, on)
    made = Outgoing.objects.create(
        line=line, agency_id=difference.agency_id, kind=kind.value, reason=reason.strip()[:200], proposed_by=current().account_id,
        proposed_at=at,
    )  # fmt: skip
    OutgoingPart.objects.bulk_create([OutgoingPart(outgoing=made, fund=fund, amount_fen=fen) for fund, fen in sorted(shares.items())])
    difference.state, difference.reason, difference.proposed_by = DifferenceState.PROPOSED.value, made.reason, made.proposed_by
    difference.save(update_fields=["state", "reason", "proposed_by"])
    after = {"kind": kind.value, "amount_fen": line.amount_fen}
    record([Trace("levy.outgoing_proposed", difference.subject, after=after, agency_id=difference.agency_id)], at=at)
    return made.pk


def _locked(difference_id: int) -> Difference:
    found = Difference.objects.select_for_update(of=("self",)).select_related("line__statement").filter(pk=difference_id).first()
    if found is None or found.state == DifferenceState.SETTLED:
        raise DecidedError("这项差异已处理完毕，请刷新页面查看结果")
    return found


def _check(shares: Mapping[int, int], amount_fen: int, kind: OutgoingKind, place: str, on: date) -> None:
    if any(fen < 0 for fen in shares.values()) or sum(shares.values()) != amount_fen:
        told = f"各险种金额合计 {yuan_shown(sum(shares.values()))} 元，应等于支出金额 {yuan_shown(amount_fen)} 元，请核对"
        raise OutgoingError(told)
    if kind is not OutgoingKind.FISCAL:
        return
    known = {i.value for i in Insurance}
    if not shares.keys() <= known:
        raise OutgoingError("划转财政专户须按险种分列，请核对险种")
    bank = {b.fund: b.balance_fen for b in trial_balance(place, on) if b.kind is AccountKind.BANK}
    for fund, fen in sorted(shares.items()):
        if fen > bank.get(fund, 0):
            label = SHORT_LABELS[Insurance(fund)]
            raise OutgoingError(
                f"{label}基金的收入户存款只有 {yuan_shown(bank.get(fund, 0))} 元，不足 {yuan_shown(fen)} 元；请核对分险种金额"
            )


def decide(difference_id: int, *, confirm: bool, place: str, at: datetime) -> MoveState:
    """复核 it: booked as of the day of the statement (or the first open day after it), or free for another proposal.

    Raises: SameHandsError, DecidedError.
    """
    difference = _locked(difference_id)
    made = Outgoing.objects.select_for_update().filter(line_id=difference.line_id, state=MoveState.PROPOSED).first()
    if made is None or difference.line is None:
        raise DecidedError("还没有人提出处理，或已由他人处理，请刷新页面")
    me = current().account_id
    if made.proposed_by == me:
        raise SameHandsError("提出和复核不能是同一人，请由另一位财务人员复核")
    made.state, made.decided_by, made.decided_at = (MoveState.CONFIRMED if confirm else MoveState.DECLINED).value, me, at
    if confirm:
        made.posted_on = _book(made, difference.line, place, at)
        difference.state, difference.settled_by = DifferenceState.SETTLED.value, ENDS[OutgoingKind(made.kind)]
        difference.confirmed_by, difference.settled_at = me, at
    else:
        difference.state, difference.proposed_by, difference.reason = DifferenceState.OPEN.value, None, ""
    made.save(update_fields=["state", "decided_by", "decided_at", "posted_on"])
    difference.save(update_fields=["state", "settled_by", "confirmed_by", "settled_at", "proposed_by", "reason"])
    word = "levy.outgoing_booked" if confirm else "levy.outgoing_declined"
    record([Trace(word, difference.subject, after={"kind": made.kind}, agency_id=difference.agency_id)], at=at)
    return MoveState(made.state)


def _book(made: Outgoing, line: StatementLine, place: str, at: datetime) -> date:
    day = open_day(place, line.statement.day)
    kind = OutgoingKind(made.kind)
    book([Booking(f"outgoing:{made.pk}", kind.label, f"statement:{line.serial}", _sides(made, 1))], place=place, on=day, at=at)
    StatementLine.objects.filter(pk=line.pk).update(booked=True)
    return day


def _sides(made: Outgoing, sign: int) -> tuple[Side, ...]:
    account = ACCOUNTS[OutgoingKind(made.kind)]
    return tuple(
        side
        for part in OutgoingPart.objects.filter(outgoing=made).order_by("fund")
        for side in (Side(part.fund, account, sign * part.amount_fen), Side(part.fund, AccountKind.BANK, -sign * part.amount_fen))
    )


def given_back(line: StatementLine, *, place: str, on: date, at: datetime) -> Outgoing | None:
    """A movement that comes in is an advance that the bank gives back, under the same reference: 暂付款 is cleared. None: it is not."""
    if not line.reference:
        return None
    made = (
        Outgoing.objects.select_for_update(of=("self",))
        .filter(
            kind=OutgoingKind.ADVANCE, state=MoveState.CONFIRMED, returned_on=None, line__reference=line.reference,
            line__amount_fen=line.amount_fen, line__statement__account_id=line.statement.account_id,
        )
        .order_by("id").first()
    )  # fmt: skip
    if made is None:
        return None
    day = open_day(place, on)
    book([Booking(f"outgoing:{made.pk}:back", "暂付款收回", f"statement:{line.serial}", _sides(made, -1))], place=place, on=day, at=at)
    made.returned_on = day
    made.save(update_fields=["returned_on"])
    record([Trace("levy.outgoing_returned", line.reference, agency_id=made.agency_id)], at=at)
    return made
