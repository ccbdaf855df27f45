"""个人工资变更: a new declared wage, clamped to floor and cap, from next month on (seed 004, 四、网上办理职工个人工资变更)."""

from collections.abc import Sequence

from shebao.base.errors import Refusal
from shebao.base.identifiers import mask_id_number
from shebao.base.money import yuan_shown
from shebao.base.months import month_of, month_shown, shift
from shebao.casework import fields
from shebao.casework.item import Answer, Audience, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment import operations as enrolment
from shebao.items.enrolment.situation import Situation, always_automatic, clamped, monthly_amounts, situations
from shebao.items.enrolment.stop_employee import same_name
from shebao.levy.months import hold


def insured_here(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.cover_here(context) is not None:
        return None
    return Refusal("ENR-30", "此人不在本单位参保或已暂停缴费，不能变更工资；请核对身份号码", "id_number")


def really_changes(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    cover = situation.cover_here(context)
    if cover is None or cover.wage_fen != filing.number("declared_wage"):
        return None
    return Refusal("ENR-31", f"变更后工资与现在的申报工资（{yuan_shown(cover.wage_fen or 0)} 元）相同，不用变更", "declared_wage")


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Situation]:
    return situations(filings, context)


def perform(filings: Sequence[Filing], context: Context) -> None:
    starts = shift(month_of(context.on), 1)
    hold(context.place, [month_of(context.on), starts])
    found = situations(filings, context)
    enrolment.declare_wages(
        [
            enrolment.NewWage(
                s.standing.person_id or 0, context.unit_id, context.agency_id, starts, f.number("declared_wage") or 0, f.case_id
            )
            for f, s in zip(filings, found, strict=True)
        ],
        at=context.at,
    )


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    found = situations(filings, context)
    covers = [(f, c) for f, s in zip(filings, found, strict=True) if (c := s.cover_here(context))]
    terms = found[0].terms if found else None
    if terms is None or not covers:
        return MoneyEffect("对缴费的影响")
    masks = [c.insurance_mask for _, c in covers]
    after = monthly_amounts([f for f, _ in covers], masks, [f.number("declared_wage") or 0 for f, _ in covers], terms, context)
    before = monthly_amounts([f for f, _ in covers], masks, [c.wage_fen or 0 for _, c in covers], terms, context)
    change = sum(a.unit_fen + a.person_fen for a in after) - sum(a.unit_fen + a.person_fen for a in before)
    direction = "增加" if change > 0 else "减少"
    told = f"每月合计{direction} {yuan_shown(abs(change))} 元" if change else "缴费金额不变（都在下限以下或上限以上）"
    start = month_shown(shift(month_of(context.on), 1))
    return MoneyEffect("变更后每月的缴费", after, (f"{start}起按新的缴费基数缴费，{told}。",))


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    situation = situations([filing], context)[0]
    cover = situation.cover_here(context)
    if cover is None:
        refusal = insured_here(filing, situation, context)
        refusals = (refusal,) if refusal else ()
        return Answer((("证件号码", mask_id_number(id_number)),), {}, refusals, situation.standing.person_id)
    told = (
        ("证件号码", mask_id_number(id_number)),
        ("登记姓名", situation.standing.name),
        ("现申报工资", f"{yuan_shown(cover.wage_fen or 0)} 元"),
        ("生效月份", f"{month_shown(shift(month_of(context.on), 1))}"),
    )
    return Answer(told, {"name": situation.standing.name}, (), situation.standing.person_id)


ITEM = ServiceItem(
    code="enrolment.change_wage",
    version=1,
    title="个人工资变更",
    prefix="GZ",
    audience=frozenset({Audience.UNIT}),
    group="单位业务办理",
    icon="cash-coin",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.money_amount("declared_wage", "变更后申报工资", hint="月工资合计，单位：元；低于下限保底，高于上限封顶"),
    ),
    facts=facts,
    checks=(insured_here, same_name, really_changes),
    warns=(clamped,),
    review=always_automatic,
    perform=perform,
    effect=effect,
    look_up=look_up,
    materials=("职工公民身份证或户口簿复印件", "工资单或其他相关收入证明资料"),
    guide=Guide(
        summary="职工工资发生变更时，核定新的社会保险缴费基数。",
        who="已取得社会保险网上办事资格的参保单位。",
        when="全月办理；次月起按核定后的缴费基数缴费。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》第四条",),
        after="系统自动对变更后的工资进行保底或封顶处理；资料请妥善留存备查。",
        words=("调薪", "涨工资", "改基数", "工资调整", "缴费基数"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "ENR-23": "姓名与参保登记的不一致",
        "ENR-30": "不在本单位参保或已暂停缴费",
        "ENR-31": "工资没有变化",
        "ENR-W1": "提醒：按下限保底",
        "ENR-W2": "提醒：按上限封顶",
    },
    return_reasons=("工资单与申报工资不一致，请核对",),
)
