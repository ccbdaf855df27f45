"""欠费补缴回退: an order nothing was paid for, or a person not on an order yet, is taken back (seed 004, 五、(三) 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from shebao.base.errors import Refusal
from shebao.base.identifiers import mask_id_number
from shebao.base.money import yuan_shown
from shebao.casework import fields
from shebao.casework.fields import Value
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject, Table
from shebao.items.arrears.situation import LAW, ROWS_TOLD, WHO, automatic, by_person, taken_as_owed
from shebao.levy import cancelling, orders
from shebao.levy.models import OPEN_STATES, BackPayment, BackPaymentState, Bill, BillKind
from shebao.levy.queries import order_dues

REASONS = (("wrong_people", "人员有误"), ("not_paid", "未能缴费"), ("overdue", "已过缴费期限，重新生成"), ("other", "其他原因"))


@dataclass(frozen=True, slots=True)
class Target:
    """What was typed, found: an order, with what stands in the way; or people registered but on no order."""

    order: Bill | None = None
    why_not: str = ""
    person_id: int = 0


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Target]:
    return [_target(filing.text("target").strip().upper(), context) for filing in filings]


def _target(text: str, context: Context) -> Target:
    order = Bill.objects.filter(unit_id=context.unit_id, number=text, kind=BillKind.ARREARS).first()
    if order is not None:
        return Target(order, cancelling.why_not(order))
    waiting = _registered(context).filter(person__id_number=text).first()
    return Target(person_id=waiting.person_id if waiting else 0)


def _registered(context: Context) -> QuerySet[BackPayment]:
    return BackPayment.objects.filter(unit_id=context.unit_id, state=BackPaymentState.REGISTERED).select_related("person").order_by("id")


def _open_orders(context: Context) -> list[Bill]:
    found = Bill.objects.filter(unit_id=context.unit_id, kind=BillKind.ARREARS, state__in=OPEN_STATES).order_by("-id")
    return [order for order in found[:ROWS_TOLD] if not cancelling.why_not(order)]


def something_named(filing: Filing, found: Target, context: Context) -> Refusal | None:
    if found.order is not None or found.person_id:
        return None
    text = "没有这张补缴单，也没有这个身份号码的补缴登记；请按下面“可以回退的”填写补缴单号，或未生成补缴单人员的公民身份号码"
    return Refusal("ARR-20", text, "target", link="/u/bills")


def not_paid(filing: Filing, found: Target, context: Context) -> Refusal | None:
    if found.order is None or not found.why_not:
        return None
    return Refusal("ARR-21", found.why_not, "target", link=f"/u/bills/{found.order.number}")


def available(context: Context) -> Refusal | None:
    if _open_orders(context) or _registered(context).exists():
        return None
    return Refusal("ARR-22", "本单位没有可以回退的欠费补缴：补缴单都已到账或已回退，也没有等待生成补缴单的人员", link="/u/bills")


def prefill(context: Context) -> Mapping[str, Value]:
    found = _open_orders(context)
    waiting = _registered(context).first()
    return {"target": found[0].number if found else waiting.person.id_number if waiting else None}


def perform(filings: Sequence[Filing], context: Context) -> None:
    for filing, found in zip(filings, facts(filings, context), strict=True):
        if found.order is not None:
            # At once, or when the tax office has given the order back.
            cancelling.cancel(found.order, case_id=filing.case_id or None, on=context.on, at=context.at)
        else:
            orders.cancel([found.person_id], unit_id=context.unit_id, case_id=filing.case_id or None, at=context.at)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    found = facts(filings, context)[0]
    choices = _choices(context)
    if found.order is not None:
        dues, fees = taken_as_owed(order_dues(found.order))
        back = sum(due.open_fen for due in dues)
        sentences = (
            f"补缴单 {found.order.number} 将作废：{yuan_shown(back)} 元费款转回原核定单，"
            f"滞纳金 {yuan_shown(found.order.late_fee_fen)} 元冲销，已打印的核定表和明细表作废。",
            "税务已接收本单的，先向税务撤回，撤回后自动作废；税务已收款的不作废。",
            "单上人员恢复欠费状态；需要补缴时请重新办理“单位员工欠费补缴”。",
        )
        return MoneyEffect("回退的内容", (), sentences, (by_person(dues, fees), *choices))
    if found.person_id:
        return MoneyEffect("回退的内容", (), ("取消此人的补缴登记；欠费仍在，滞纳金继续按日加收。",), choices)
    return MoneyEffect("回退的内容", (), (), choices)


def _choices(context: Context) -> tuple[Table, ...]:
    rows = [(order.number, f"补缴单，{order.headcount} 人", yuan_shown(order.total_fen)) for order in _open_orders(context)]
    waiting = _registered(context)
    rows += [(mask_id_number(one.person.id_number), f"{one.person.name}，等待生成补缴单", "") for one in waiting[:ROWS_TOLD]]
    return (Table("可以回退的", ("补缴单号或身份号码", "内容", "金额（元）"), tuple(rows), "", frozenset({2})),) if rows else ()


ITEM = ServiceItem(
    code="arrears.roll_back",
    version=1,
    title="欠费补缴回退",
    prefix="QH",
    audience=frozenset({Audience.UNIT, Audience.COUNTER}),
    group="单位业务办理",
    icon="arrow-counterclockwise",
    subject=Subject.UNIT,
    fields=(
        fields.text(
            "target",
            "补缴单号或公民身份号码",
            most=20,
            hint="回退整张补缴单填单号；还没有生成补缴单的，填该职工的公民身份号码",
            example="QF202611-0000123",
        ),
        fields.choice("reason", "回退原因", REASONS, required=False),
        fields.text("note", "备注", required=False, most=100),
    ),
    facts=facts,
    checks=(something_named, not_paid),
    warns=(),
    review=automatic,
    available=available,
    prefill=prefill,
    perform=perform,
    effect=effect,
    look_up=None,
    materials=("尚未开具税票的补缴单（《单位社会保险费核定表》《社会保险费补缴明细表》）",),
    guide=Guide(
        summary="因各种原因未正常完成欠费补缴的，在税务机关开具税票前取消补缴单或补缴登记。",
        who=f"{WHO}补缴单没有缴费到账。",
        when="税务机关开具税票前；有缴费到账或经办机构正在复核到账的，不能回退。",
        law=(LAW,),
        after="系统自动审核。费款转回原核定单，滞纳金冲销，已打印的单据作废；需要时请重新办理。",
        words=("取消补缴", "作废补缴单", "撤销", "回退"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={"ARR-20": "没有这张补缴单或补缴登记", "ARR-21": "补缴单已到账、正在复核或已回退", "ARR-22": "没有可以回退的欠费补缴"},
    return_reasons=("税务机关已开具税票，请按补缴单缴费",),
)
