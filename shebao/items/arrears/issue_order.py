"""生成欠费补缴单: one order for everybody who is registered, with late fee up to the day (seed 004, 五、(二) 2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.base.money import yuan_shown
from shebao.casework import fields
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.arrears.situation import LAW, WHO, advised_day_passed, automatic, by_month_and_type, by_person, taken_as_owed
from shebao.levy import orders
from shebao.levy.billing import due_date
from shebao.levy.models import BackPayment, BackPaymentState, Bill
from shebao.levy.orders import Draft
from shebao.levy.queries import order_dues
from shebao.policy.rulebook import standard


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many are registered, and the order they would make today."""

    registered: int
    made: Draft


def waiting(context: Context) -> Waiting:
    """Who is registered in the filing unit and what they owe today."""
    people = list(
        BackPayment.objects.filter(unit_id=context.unit_id, state=BackPaymentState.REGISTERED).values_list("person_id", flat=True)
    )
    return Waiting(len(people), orders.draft(context.unit_id, people, on=context.on, place=context.place, rulebook=standard()))


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Waiting]:
    found = waiting(context)
    return [found for _ in filings]


NOBODY = "本单位没有等待生成补缴单的人员，请先办理“单位员工欠费补缴”"
REGISTER = "/u/items/back-payment/new"


def somebody_is_registered(filing: Filing, found: Waiting, context: Context) -> Refusal | None:
    return None if found.registered else Refusal("ARR-10", NOBODY, link=REGISTER)


def something_is_owed(filing: Filing, found: Waiting, context: Context) -> Refusal | None:
    if not found.registered or found.made.total_fen:
        return None
    return Refusal("ARR-11", "登记补缴的人员现在已没有欠费（核定单已缴清），不用生成补缴单", link="/u/arrears")


def available(context: Context) -> Refusal | None:
    exists = BackPayment.objects.filter(unit_id=context.unit_id, state=BackPaymentState.REGISTERED).exists()
    return None if exists else Refusal("ARR-10", NOBODY, link=REGISTER)


def perform(filings: Sequence[Filing], context: Context) -> None:
    orders.issue(
        context.unit_id,
        agency_id=context.agency_id,
        place=context.place,
        case_id=filings[0].case_id or None,
        rulebook=standard(),
        on=context.on,
        at=context.at,
    )


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    issued = Bill.objects.filter(taken__case_id=filings[0].case_id, kind="arrears").first() if filings[0].case_id else None
    if issued is not None:
        dues, fees = taken_as_owed(order_dues(issued))
        total = yuan_shown(issued.total_fen)
        sentences: tuple[str, ...] = (f"已生成补缴单 {issued.number}，合计 {total} 元，缴费截止日 {issued.due_date}。",)
    else:
        made = waiting(context).made
        dues, fees = list(made.dues), list(made.fees)
        if not dues:
            return MoneyEffect("补缴单内容")
        due = due_date(standard(), context.on, context.place)
        sentences = (
            f"生成一张补缴单，共 {len(made.people)} 人，合计 {yuan_shown(made.total_fen)} 元，"
            f"其中滞纳金 {yuan_shown(made.late_fee_fen)} 元；缴费截止日 {due}。",
            "请打印《单位社会保险费核定表》和《社会保险费补缴明细表》，及时到税务机关缴费，再到经办机构确认到账。",
        )
    return MoneyEffect("补缴单内容", (), sentences, (by_person(dues, fees), by_month_and_type(dues, fees, context)))


ITEM = ServiceItem(
    code="arrears.issue_order",
    version=1,
    title="生成欠费补缴单",
    prefix="QD",
    audience=frozenset({Audience.UNIT, Audience.COUNTER}),
    group="单位业务办理",
    icon="receipt",
    subject=Subject.UNIT,
    fields=(fields.text("note", "备注", required=False, most=100, hint="可不填；备注不印在补缴单上"),),
    facts=facts,
    checks=(somebody_is_registered, something_is_owed),
    warns=(advised_day_passed,),
    review=automatic,
    available=available,
    perform=perform,
    effect=effect,
    look_up=None,
    materials=(
        "《单位社会保险费核定表》（系统打印）",
        "《社会保险费补缴明细表》（系统打印）",
        "缴费税票原件及复印件（缴费后到经办机构确认到账）",
    ),
    guide=Guide(
        summary="为已登记欠费补缴的职工生成一张补缴单，打印核定表和补缴明细表，到税务机关缴费。",
        who=f"{WHO}已有职工登记“单位员工欠费补缴”。",
        when="请于每月 20 日之前办理；当月 20 日以后办理的，可能会影响其它相关业务的办理。",
        law=(LAW, "社会保险法第八十六条（滞纳金）"),
        after="系统自动审核，在“缴费单与到账”里查看补缴单；缴费后携带核定表、明细表和税票到经办机构确认到账。",
        words=("补缴单", "核定表", "补缴明细", "缴费单"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={"ARR-10": "没有等待生成补缴单的人员", "ARR-11": "已没有欠费", "ARR-W1": "提醒：已过建议办理日"},
    return_reasons=("补缴人员与单位说明不一致，请核对",),
)
