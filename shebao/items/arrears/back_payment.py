"""单位员工欠费补缴: an employee's arrears in this unit, all types and months, shall be paid (seed 004, 五、网上办理职工欠费补缴)."""

from collections.abc import Sequence

from shebao.base.errors import Refusal
from shebao.base.identifiers import mask_id_number
from shebao.base.money import yuan_shown
from shebao.base.months import month_shown
from shebao.casework import fields
from shebao.casework.item import Answer, Audience, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.items.arrears.situation import (
    LAW,
    WHO,
    Debts,
    advised_day_passed,
    automatic,
    by_month_and_type,
    by_person,
    debts,
    known_here,
    same_name,
)
from shebao.levy import orders
from shebao.levy.orders import Registration

ELSEWHERE = "在其他单位的欠费，须到社会保险经办机构办理"


def of_this_unit(filing: Filing, facts: Debts, context: Context) -> Refusal | None:
    if known_here(facts, context):
        return None
    return Refusal("ARR-01", f"此人没有在本单位参保，请核对身份号码；{ELSEWHERE}", "id_number")


def not_under_way(filing: Filing, facts: Debts, context: Context) -> Refusal | None:
    if facts.registered:
        return Refusal("ARR-02", "此人的欠费补缴已登记，不用重复办理；请办理“生成欠费补缴单”", "id_number", link="/u/items/issue-order/new")
    if facts.order_number:
        text = f"此人的欠费已在补缴单 {facts.order_number} 上，请按该单缴费；如需取消，请办理“欠费补缴回退”"
        return Refusal("ARR-03", text, "id_number", link=f"/u/bills/{facts.order_number}")
    return None


def owes(filing: Filing, facts: Debts, context: Context) -> Refusal | None:
    if facts.dues or facts.registered or facts.order_number or not known_here(facts, context):
        return None
    text = f"此人在本单位没有已过缴费截止日的欠费，不用补缴；{ELSEWHERE}"
    return Refusal("ARR-04", text, "id_number", link="/u/arrears")


def something_open(filing: Filing, facts: Debts, context: Context) -> Refusal | None:
    """A person whose share of a part-paid bill is paid to the fen, while others on it owe a few fen."""
    if not facts.dues or any(due.open_fen for due in facts.dues):
        return None
    numbers = "、".join(dict.fromkeys(due.bill_number for due in facts.dues))
    return Refusal("ARR-05", f"核定单 {numbers} 已到账的金额分摊后，此人已没有余额；请单位缴清核定单的余额", "id_number", link="/u/bills")


def perform(filings: Sequence[Filing], context: Context) -> None:
    found = debts(filings, context)
    orders.register(
        [Registration(one.standing.person_id or 0, filing.case_id) for filing, one in zip(filings, found, strict=True)],
        unit_id=context.unit_id,
        agency_id=context.agency_id,
        at=context.at,
    )


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    found = [one for one in debts(filings, context) if one.dues]
    dues, fees = [due for one in found for due in one.dues], [fee for one in found for fee in one.fees]
    if not dues:
        return MoneyEffect("需要补缴的费款")
    total = sum(due.open_fen for due in dues) + sum(fees)
    sentences = (
        f"共 {len(found)} 人，按今天计算应补缴 {yuan_shown(total)} 元，其中滞纳金 {yuan_shown(sum(fees))} 元。",
        "登记后请办理“生成欠费补缴单”，缴清并确认到账后才能办理暂停缴费。",
    )
    tables = (by_month_and_type(dues, fees, context),) + ((by_person(dues, fees),) if len(found) > 1 else ())
    return MoneyEffect("需要补缴的费款", (), sentences, tables)


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    found = debts([filing], context)[0]
    refusals = tuple(r for check in CHECKS if (r := check(filing, found, context)))
    if not known_here(found, context):
        return Answer((("证件号码", mask_id_number(id_number)),), {}, refusals, found.standing.person_id)
    told = [("证件号码", mask_id_number(id_number)), ("登记姓名", found.standing.name)]
    for month in dict.fromkeys(due.month for due in found.dues):
        mine = [(due, fee) for due, fee in zip(found.dues, found.fees, strict=True) if due.month == month]
        fee_fen, due = sum(fee for _, fee in mine), mine[0][0]
        days = (context.on - due.due_date).days
        parts = "，".join(f"{d.insurance.label} {yuan_shown(d.open_fen)} 元" for d, _ in mine)
        told.append((f"{month_shown(month)}欠费", parts))
        told.append((f"{month_shown(month)}滞纳金", f"{yuan_shown(fee_fen)} 元（应缴日 {due.due_date} 的次日起 {days} 天）"))
    if found.dues:
        total = sum(due.open_fen for due in found.dues) + sum(found.fees)
        told.append(("应补缴合计", f"{yuan_shown(total)} 元（所有险种、所有月份）"))
    return Answer(tuple(told), {"name": found.standing.name}, refusals, found.standing.person_id)


CHECKS = (of_this_unit, same_name, not_under_way, owes, something_open)

ITEM = ServiceItem(
    code="arrears.back_payment",
    version=1,
    title="单位员工欠费补缴",
    prefix="QB",
    audience=frozenset({Audience.UNIT, Audience.COUNTER}),
    group="单位业务办理",
    icon="cash-stack",
    fields=(fields.id_number("id_number"), fields.name("name", "姓名"), fields.text("note", "备注", required=False, most=100)),
    facts=debts,
    checks=CHECKS,
    warns=(advised_day_passed,),
    review=automatic,
    perform=perform,
    effect=effect,
    look_up=look_up,
    materials=("职工欠缴社会保险费的情况说明（留存备查）",),
    guide=Guide(
        summary="因客观原因未按时缴纳社会保险费的，核定职工在本单位欠缴的费款（含滞纳金），所有险种同步补缴。",
        who=f"{WHO}职工在本单位有已过缴费截止日的欠费；在其他单位的欠费须到社会保险经办机构办理。",
        when="请于每月 20 日之前办理；当月 20 日以后办理的，可能会影响其它相关业务的办理。",
        law=(LAW, "社会保险法第八十六条（滞纳金）"),
        after="系统自动审核。通过后请办理“生成欠费补缴单”，打印核定表和补缴明细表到税务机关缴费。",
        words=("补缴", "欠费", "滞纳金", "补交社保", "逾期"),
    ),
    batch_rows_max=5_000,
    printout="",
    refusal_codes={
        "ENR-23": "姓名与参保登记的不一致",
        "ARR-01": "没有在本单位参保",
        "ARR-02": "欠费补缴已登记",
        "ARR-03": "欠费已在补缴单上",
        "ARR-04": "没有已过缴费截止日的欠费",
        "ARR-05": "分摊后已没有余额",
        "ARR-W1": "提醒：已过建议办理日",
    },
    return_reasons=("欠费情况与单位说明不一致，请核对", "请先核对人员和费款所属期"),
)
