"""The course of a bill, step by step: 核定 → 税务 → 缴费 → 预计到账 → 确认到账, and what else became of it. Each step says when and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shebao.base.clock import ZONE
from shebao.base.money import yuan_shown
from shebao.levy.cancelling import last_of
from shebao.levy.models import IN_TRANSIT, OPEN_STATES, Bill, BillKind, Channel, Receipt, ReceiptState
from shebao.levy.tax_models import CancelState, PaidBy, TaxBill, TaxPayment, TaxState
from shebao.policy.arrival import expected_arrival
from shebao.policy.rulebook import Rulebook, standard


@dataclass(frozen=True, slots=True)
class Step:
    """One step. at: when it was, or will be; None when nobody knows. tone: ok, now, warn, err, or empty. key: for programs and tests."""

    key: str
    what: str
    at: date | datetime | None = None
    who: str = ""
    note: str = ""
    tone: str = ""


def timeline(bill: Bill, *, on: date, rulebook: Rulebook | None = None) -> list[Step]:
    """The steps of one bill as they stand on a day, within the actor's reach."""
    rules = rulebook or standard()
    steps = [
        Step("assessed", f"{BillKind(bill.kind).label}开出", bill.issued_on, "经办机构", f"应缴 {yuan_shown(bill.total_fen)} 元", "ok")
    ]
    steps += _at_tax(TaxBill.objects.filter(bill_id=bill.pk).first(), bill)
    receipts = list(Receipt.objects.filter(bill_id=bill.pk).order_by("paid_on", "id"))
    ways = dict(TaxPayment.objects.filter(receipt_id__in=[r.pk for r in receipts]).values_list("receipt_id", "channel"))
    for receipt in receipts:
        steps += _money(receipt, ways.get(receipt.pk, ""), bill.unit.place, on, rules)
    steps += _cancelling(bill)
    return steps + _next(bill, on, receipts)


def _at_tax(row: TaxBill | None, bill: Bill) -> list[Step]:
    if row is None:
        return []
    state = TaxState(row.state)
    if state is TaxState.ACCEPTED:
        again = f"金额有变，已发送第 {row.version} 版" if row.version > 1 else ""
        return [Step("at_tax", state.label, row.answered_at, "税务机关", row.reason or again, "warn" if row.reason else "ok")]
    if state is TaxState.REFUSED:
        return [Step("refused", state.label, row.answered_at, "税务机关", f"{row.reason}。请联系经办机构处理", "err")]
    if state is TaxState.RECALLED and row.version == 0:
        return []  # nothing was left to pay before it was sent
    if state is TaxState.RECALLED:
        return [Step("recalled", state.label, row.answered_at, "税务机关", "" if bill.open_fen else "本单没有应缴余额，不用再到税务缴费")]
    when = row.sent_at if row.message_id else row.queued_at
    note = "发送后可在税务渠道缴费，一般几分钟内完成" if state in (TaxState.QUEUED, TaxState.SENT) and not row.accepted else ""
    return [Step("waiting", state.label, when, "系统", note, "now")]


def _money(receipt: Receipt, way: str, place: str, on: date, rules: Rulebook) -> list[Step]:
    amount = f"{yuan_shown(receipt.amount_fen)} 元"
    channel = Channel(receipt.channel)
    if receipt.state == ReceiptState.PENDING:
        return [Step("pending", f"到账 {amount}，经办机构复核中", receipt.paid_on, channel.label, f"流水号 {receipt.serial}", "now")]
    if receipt.state == ReceiptState.VOID:
        return [
            Step(
                "reversed",
                f"缴费 {amount} 已撤销",
                receipt.paid_on,
                channel.label,
                f"{receipt.serial}：{receipt.reason or '已作废'}",
                "err",
            )
        ]
    rest = "" if receipt.allocated_fen == receipt.amount_fen else f"；{receipt.reason}" if receipt.reason else ""
    if channel not in IN_TRANSIT:
        return [Step("confirmed", f"已确认到账 {amount}", receipt.paid_on, channel.label, f"流水号 {receipt.serial}{rest}", "ok")]
    who = f"税务·{PaidBy(way).label}" if way else channel.label
    number = f"税票号 {receipt.serial}" if channel is Channel.TAX else f"流水号 {receipt.serial}"
    steps = [Step("paid", f"已缴费 {amount}", receipt.paid_on, who, number + rest, "ok")]
    if receipt.arrived_on is not None:
        return [*steps, Step("confirmed", f"已确认到账 {amount}", receipt.arrived_on, "银行对账单", "", "ok")]
    expected = expected_arrival(way, receipt.paid_on, place, rules)
    if expected.day is None:
        return [*steps, Step("expected", "待确认到账", None, "", expected.why, "now")]
    if expected.day < on:
        days = (on - expected.day).days
        late = f"应于 {expected.day} 前到账，已晚 {days} 天；缴费有效，不影响权益，经办机构正在与银行、税务核对"
        return [*steps, Step("overdue", "到账延迟", expected.day, "", late, "warn")]
    return [*steps, Step("expected", "预计到账", expected.day, "", expected.why, "now")]


def _cancelling(bill: Bill) -> list[Step]:
    last = last_of(bill.pk)
    if last is None:
        return []
    if last.state == CancelState.ASKED:
        return [Step("cancelling", "已申请作废，正在向税务撤回", last.asked_at, "", "撤回成功后自动作废；在此之前请勿缴费", "now")]
    if last.state == CancelState.REFUSED:
        return [Step("not_cancelled", "未能作废", last.ended_at, "", last.reason, "err")]
    return [Step("cancelled", "已作废", last.ended_at, "", "请勿再按本单缴费", "")]


def _next(bill: Bill, on: date, receipts: Sequence[Receipt]) -> list[Step]:
    if bill.state not in OPEN_STATES or not bill.open_fen:
        return []
    left = f"还应缴 {yuan_shown(bill.open_fen)} 元"
    if on > bill.due_date:
        return [Step("due", "已过缴费截止日", bill.due_date, "", f"{left}，请尽快到税务渠道缴清", "err")]
    return [Step("due", "缴费截止", bill.due_date, "", f"{left}，请到税务渠道缴纳", "now")]


def shown(steps: Sequence[Step]) -> list[dict[str, str]]:
    """As the page's timeline takes them."""
    return [{"at": _when(s.at), "what": s.what, "who": s.who, "note": s.note, "tone": s.tone} for s in steps]


def _when(at: date | datetime | None) -> str:
    if at is None:
        return ""
    return at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M") if isinstance(at, datetime) else at.isoformat()
