"""退费: applied for by one person, reviewed by another (above a limit by two), sent to the bank, paid or returned. Never more than the
source holds: the database keeps the money there from the application on (migration 0009)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.gateways.statement import account_problem
from shebao.ledger.closing import open_day
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book
from shebao.levy import crediting, refund_sources
from shebao.levy.models import DueState, FlexDue
from shebao.levy.refund_models import Refund, RefundLine, RefundState, RefundStep, SourceKind
from shebao.levy.refund_sources import Source
from shebao.levy.suspense import DecidedError, ReasonMissingError, SameHandsError
from shebao.policy.rulebook import standard

ACCOUNT_DIGITS_MAX = 20  # what a record of the payout file holds


class PayeeError(ShebaoError):
    """The account that the money shall go to cannot be right."""

    code = "RFD-10"
    status = 422


class NothingError(ShebaoError):
    """A refund of nothing."""

    code = "RFD-11"
    status = 422


class NotInOrderError(ShebaoError):
    """The refund is not where this step is taken."""

    code = "RFD-12"


@dataclass(frozen=True, slots=True)
class Payee:
    """Whom a refund is paid to."""

    name: str
    bank: str
    account: str


@dataclass(frozen=True, slots=True)
class Application:
    """A refund to come. unit_id or person_id: whose money it is, where known. applied_by: who filed, when not who acts."""

    sources: Sequence[Source]
    payee: Payee
    reason: str
    agency_id: int
    place: str
    unit_id: int | None = None
    person_id: int | None = None
    case_id: int | None = None
    applied_by: int | None = None


def two_reviewers_from(place: str, on: date) -> int | None:
    """From which amount on two people have to review, fen; None: one is enough whatever the amount."""
    rule = standard().find("refund.two_reviewers_from", on, place)
    return None if rule is None or rule.value is None else int(rule.value)


def apply(wanted: Application, *, on: date, at: datetime) -> Refund:
    """申请退费. What it takes is held at its sources until it is declined.

    Raises: PayeeError, NothingError, ReasonMissingError, what refund_sources raises.
    """
    check_payee(wanted.payee)
    if not wanted.reason.strip():
        raise ReasonMissingError("请写明退费原因，例如：重复缴费")
    if not wanted.sources:
        raise NothingError("没有选择可以退的款项，请选择后再申请")
    held = refund_sources.hold(wanted.sources, wanted.agency_id)
    total = sum(line.amount_fen for line in held)
    limit = two_reviewers_from(wanted.place, on)
    with connection.cursor() as cursor:
        cursor.execute("select nextval('levy_refund_number')")
        number = f"TK{cursor.fetchone()[0]:08d}"
    by = current().account_id if wanted.applied_by is None else wanted.applied_by
    refund = Refund.objects.create(
        number=number, agency_id=wanted.agency_id, place=wanted.place, unit_id=wanted.unit_id, person_id=wanted.person_id,
        amount_fen=total, payee_name=wanted.payee.name.strip()[:100], payee_bank=wanted.payee.bank.strip()[:100],
        payee_account=wanted.payee.account, reason=wanted.reason.strip()[:200], two_reviewers=limit is not None and total >= limit,
        case_id=wanted.case_id, applied_by=by, applied_at=at,
    )  # fmt: skip
    for line in held:
        line.refund = refund
    RefundLine.objects.bulk_create(held)
    _step(refund, "applied", at, refund.reason, by=by)
    after = {"amount_fen": total, "account": wanted.payee.account[-4:], "sources": len(held)}
    record([Trace("levy.refund_applied", number, after=after, agency_id=refund.agency_id, unit_id=refund.unit_id)], at=at)
    return refund


def check_payee(payee: Payee) -> None:
    """Raises: PayeeError."""
    if not payee.name.strip() or not payee.bank.strip():
        raise PayeeError("请填写收款户名和开户银行")
    if problem := account_problem(payee.account):
        raise PayeeError(problem)
    if len(payee.account) > ACCOUNT_DIGITS_MAX:
        raise PayeeError(f"收款账号最多 {ACCOUNT_DIGITS_MAX} 位数字，请对照账户资料重新填写")


def _step(refund: Refund, step: str, at: datetime, note: str = "", *, by: int | None = None) -> None:
    who = current().account_id if by is None else by
    RefundStep.objects.create(refund=refund, step=step, account_id=who, at=at, note=note[:200])


def _locked(refund_id: int, *states: RefundState) -> Refund:
    refund = Refund.objects.select_for_update().filter(pk=refund_id).first()
    if refund is None:
        raise NotInOrderError("没有这笔退费，请刷新后重试")
    if refund.state not in states:
        raise DecidedError(f"退费 {refund.number} 现为“{RefundState(refund.state).label}”，已由他人办理，请刷新页面")
    return refund


def review(refund_id: int, *, approve: bool, note: str = "", on: date, at: datetime) -> RefundState:
    """复核. Approved by all who have to, it is booked as 应退; declined, its sources have the money again.

    Raises: DecidedError, SameHandsError, ReasonMissingError, NotInOrderError.
    """
    refund = _locked(refund_id, RefundState.APPLIED, RefundState.REVIEWED)
    me = current().account_id
    if me in (refund.applied_by, refund.reviewed_by):
        raise SameHandsError("申请、复核和二次复核不能是同一人，请由其他财务人员办理")
    if not approve:
        return _decline(refund, note, at)
    if refund.state == RefundState.APPLIED:
        refund.reviewed_by = me
        refund.state = (RefundState.REVIEWED if refund.two_reviewers else RefundState.APPROVED).value
    else:
        refund.second_by, refund.state = me, RefundState.APPROVED.value
    if refund.state == RefundState.APPROVED:
        refund.decided_at = at
        _book_approved(refund, on=on, at=at)
    refund.save()
    _step(refund, refund.state, at, note)
    record([Trace("levy.refund_reviewed", refund.number, after={"state": refund.state}, agency_id=refund.agency_id)], at=at)
    return RefundState(refund.state)


def _decline(refund: Refund, note: str, at: datetime) -> RefundState:
    if refund.booked:
        raise NotInOrderError("这笔退费以前已核准、因银行退票重新申请，不能不予退费；请更正收款账户后复核")
    if not note.strip():
        raise ReasonMissingError("不予退费请写明原因")
    refund.state, refund.note, refund.decided_at = RefundState.DECLINED.value, note.strip()[:200], at
    refund.reviewed_by = refund.reviewed_by or current().account_id
    refund.save()
    RefundLine.objects.filter(refund=refund).update(released=True)
    _step(refund, "declined", at, note)
    record([Trace("levy.refund_declined", refund.number, after={"reason": refund.note}, agency_id=refund.agency_id)], at=at)
    return RefundState.DECLINED


def _book_approved(refund: Refund, *, on: date, at: datetime) -> None:
    """What is going back is owed from now on; what it was taken in as is taken back. Once, however often it is sent."""
    if refund.booked:
        return
    lines = list(RefundLine.objects.filter(refund=refund).select_related("refund_due").order_by("id"))
    sides: list[Side] = []
    for line in lines:
        sides.append(Side(line.fund, AccountKind.REFUND_DUE, -line.amount_fen))
        match SourceKind(line.source):
            case SourceKind.SUSPENSE | SourceKind.CREDIT:
                sides.append(Side(line.fund, AccountKind.SUSPENSE, line.amount_fen))
            case SourceKind.DIFFERENCE:
                sides.append(Side(line.fund, AccountKind.INCOME, line.amount_fen))
            case SourceKind.FLEXDUE:
                sides += [
                    Side(line.fund, AccountKind.INCOME, line.amount_fen - line.interest_fen),
                    Side(line.fund, AccountKind.INTEREST, line.interest_fen),
                ]
    booking = Booking(f"refund:{refund.pk}:approved", "退费核准", f"refund:{refund.number}", tuple(sides))
    book([booking], place=refund.place, on=on, at=at)
    refund.booked = True
    _take_from_accounts(refund, lines, on=on, at=at)


def _take_from_accounts(refund: Refund, lines: Sequence[RefundLine], *, on: date, at: datetime) -> None:
    """Months of flexible workers are refunded months now; personal accounts give back what these dues had brought them."""
    people: list[tuple[int, int, int]] = []
    keys = [(line.person_id, line.month, line.fund) for line in lines if line.source == SourceKind.FLEXDUE]
    dues = FlexDue.objects.filter(pk__in=keys)
    people += [(due.person_id, due.month, due.account_fen) for due in dues.order_by("person_id", "month") if due.account_fen]
    dues.update(state=DueState.REFUNDED)
    differences = [line.refund_due_id for line in lines if line.refund_due_id is not None and line.fund == crediting.PENSION]
    if people or differences:
        crediting.credit_refund(
            refund.number, people, differences=differences, label=f"退费 {refund.number}", agency_id=refund.agency_id,
            place=refund.place, on=on, at=at,
        )  # fmt: skip


# --- what the bank did ---


def paid(refunds: Sequence[Refund], *, on: date, at: datetime) -> int:
    """The statement shows that the bank has paid these (under lock, 银行处理中): Dr 应退 / Cr 银行存款. Returns how many."""
    fresh = [r for r in refunds if r.state == RefundState.INSTRUCTED]
    for refund in fresh:
        _cash(refund, 1, "paid", "退费付讫", on=on, at=at)
        refund.state, refund.paid_on = RefundState.PAID.value, on
        refund.save()
        _step(refund, "paid", at)
    record([Trace("levy.refund_paid", r.number, after={"on": on}, agency_id=r.agency_id) for r in fresh], at=at)
    return len(fresh)


def returned(refunds: Sequence[Refund], why: str, *, on: date, at: datetime) -> int:
    """退票: the money of these (under lock) came back, or the bank never sent it. It is owed still. Returns how many."""
    fresh = [r for r in refunds if r.state in (RefundState.PAID, RefundState.INSTRUCTED)]
    for refund in fresh:
        if refund.state == RefundState.PAID:
            _cash(refund, -1, "returned", "退费退票", on=on, at=at)
        refund.state, refund.paid_on, refund.note = RefundState.RETURNED.value, None, why[:200]
        refund.save()
        _step(refund, "returned", at, why)
    record([Trace("levy.refund_returned", r.number, after={"why": why}, agency_id=r.agency_id) for r in fresh], at=at)
    return len(fresh)


def _cash(refund: Refund, sign: int, word: str, text: str, *, on: date, at: datetime) -> None:
    sides = [
        side
        for line in RefundLine.objects.filter(refund=refund).order_by("id")
        for side in (
            Side(line.fund, AccountKind.REFUND_DUE, sign * line.amount_fen),
            Side(line.fund, AccountKind.BANK, -sign * line.amount_fen),
        )
    ]
    key = f"refund:{refund.pk}:{word}:{refund.attempt}"
    book([Booking(key, text, f"refund:{refund.number}", tuple(sides))], place=refund.place, on=open_day(refund.place, on), at=at)


def apply_again(refund_id: int, payee: Payee, *, reason: str, on: date, at: datetime) -> None:
    """Send a returned refund again, to a corrected account. It is reviewed anew: an account is never changed by one person alone.

    Raises: DecidedError, PayeeError, ReasonMissingError.
    """
    check_payee(payee)
    if not reason.strip():
        raise ReasonMissingError("请写明更正账户的依据，例如：单位来函更正账号")
    refund = _locked(refund_id, RefundState.RETURNED)
    former = refund.payee_account
    refund.payee_name, refund.payee_bank, refund.payee_account = payee.name.strip()[:100], payee.bank.strip()[:100], payee.account
    limit = two_reviewers_from(refund.place, on)
    refund.state, refund.two_reviewers = RefundState.APPLIED.value, limit is not None and refund.amount_fen >= limit
    refund.applied_by, refund.applied_at, refund.reviewed_by, refund.second_by, refund.payout = current().account_id, at, None, None, None
    refund.save()
    _step(refund, "applied_again", at, f"账号由尾号 {former[-4:]} 更正为尾号 {payee.account[-4:]}：{reason.strip()}")
    after = {"account": payee.account[-4:]}
    record(
        [Trace("levy.refund_applied_again", refund.number, before={"account": former[-4:]}, after=after, agency_id=refund.agency_id)], at=at
    )
