"""灵活就业参保（新参保/续保）: oneself, through the 个人流动窗口 of an agency, at a chosen tier (seed 003; first month: seed 000)."""

from collections.abc import Sequence

from shebao.base.errors import Refusal
from shebao.base.identifiers import birth_date_of, sex_of
from shebao.base.months import Month, month_of, month_shown, shift
from shebao.base.terms import ETHNICITIES, Insurance
from shebao.casework import fields
from shebao.casework.item import Answer, Audience, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment import tiers
from shebao.items.enrolment.add_employee import same_person
from shebao.items.flexible import situation as shared
from shebao.items.flexible.situation import Situation
from shebao.levy import flexible, flexible_month
from shebao.levy.months import hold
from shebao.parties.operations import NewPerson, register_people
from shebao.policy.flexible_years import why_not_of_age
from shebao.policy.rulebook import RuleMissing, standard


def first_month(filing: Filing, context: Context) -> Month:
    """The first month: as typed, or this one."""
    return filing.number("from_month") or month_of(context.on)


def of_age(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    number = filing.text("id_number")
    why = why_not_of_age(birth_date_of(number), sex_of(number), context.on, context.place, standard())
    return Refusal("FLX-42", why, "id_number") if why else None


def not_insured(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    start = first_month(filing, context)
    for cover in situation.standing.covers:
        if not cover.insurance_mask & Insurance.PENSION.flag or (cover.to_month is not None and cover.to_month <= start):
            continue
        if cover.to_month is not None:
            ends = f"此人在{cover.unit_name}参保到 {month_shown(shift(cover.to_month, -1))}，起始年月最早为 {cover.to_month}"
            return Refusal("FLX-44", ends, "from_month", str(cover.to_month))
        if cover.unit_kind == "window":
            return Refusal("FLX-43", f"此人已在{cover.unit_name}参保，不用重复参保；要改档请办理“缴费档次变更”", "id_number")
        return Refusal("FLX-43", f"此人在{cover.unit_name}未停保，请由该单位先办理暂停缴费，停保后再参保", "id_number")
    return None


def from_this_month(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    start, this = first_month(filing, context), month_of(context.on)
    if not situation.spells and start != this:
        told = f"首次以灵活就业人员参保的，只能从参保当月（{month_shown(this)}）开始缴纳"
        return Refusal("FLX-45", told, "from_month", str(this))
    if not this <= start <= shift(this, 1):
        return Refusal("FLX-45", f"续保从本月（{this}）或次月起，中断的月份不能事后补缴", "from_month", str(this))
    return None


def pension_only(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if filing.text("insurance") != str(Insurance.MEDICAL.value):
        return None
    try:
        standard().rule("flexible.medical_rate", context.on, context.place)
    except RuleMissing as missing:
        return Refusal("FLX-46", f"灵活就业人员医疗保险暂不能在这里参保：{missing.text}", "insurance")
    return Refusal("FLX-46", "灵活就业人员医疗保险还没有开通，请先办理养老保险", "insurance")


def tier_known(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    return shared.tier_allowed(shared.percent_of(filing), first_month(filing, context), context)


def perform(filings: Sequence[Filing], context: Context) -> None:
    months = sorted({first_month(filing, context) for filing in filings})
    hold(context.place, months)
    people = register_people(
        [NewPerson(f.text("id_number"), f.text("name"), f.text("ethnicity"), f.text("mobile")) for f in filings], at=context.at
    )
    tiers.start(
        [
            tiers.NewFlexible(
                people[f.text("id_number")],
                context.unit_id,
                context.agency_id,
                shared.percent_of(f),
                first_month(f, context),
                f.case_id,
            )
            for f in filings
        ],
        at=context.at,
    )
    for month in months:  # the month's run was before: who joins it later owes it now
        if flexible_month.has_run(context.place, month):
            joined = [people[f.text("id_number")] for f in filings if first_month(f, context) == month]
            flexible.assess(joined, [month], place=context.place, rulebook=standard(), on=context.on, at=context.at)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return shared.monthly([shared.percent_of(f) for f in filings], first_month(filings[0], context), context)


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    found = shared.situations([filing], context)[0]
    refusals = [r for check in (of_age, not_insured) if (r := check(filing, found, context))]
    return shared.told(id_number, found, context, refusals)


ITEM = ServiceItem(
    code="flexible.enrol",
    version=1,
    title="灵活就业参保（新参保/续保）",
    prefix="LC",
    audience=frozenset({Audience.COUNTER}),
    group=shared.GROUP,
    icon="person-plus",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.choice("ethnicity", "民族", tuple(ETHNICITIES.items()), default="01", width=10),
        fields.mobile("mobile", "手机号码", required=False),
        fields.choice(
            "insurance",
            "参保险种",
            tuple((str(i.value), i.label) for i in (Insurance.PENSION, Insurance.MEDICAL)),
            default=str(Insurance.PENSION.value),
        ),
        shared.tier_field(),
        fields.month("from_month", "起始年月", required=False, hint="留空为本月；续保可以从次月起"),
    ),
    facts=shared.situations,
    checks=(same_person, of_age, not_insured, from_this_month, pension_only, tier_known),
    warns=(),
    review=shared.at_counter,
    perform=perform,
    effect=effect,
    look_up=look_up,
    materials=("公民身份证或户口簿原件及复印件", "灵活就业人员参保申请（本人签字）"),
    guide=Guide(
        summary="无雇工个体工商户、未在用人单位参保的非全日制从业人员和其他灵活就业人员，以个人身份参加企业职工基本养老保险。",
        who="男年满 16 周岁未满 60 周岁、女年满 16 周岁未满 55 周岁，没有在用人单位参保；不受户籍限制。",
        when="全月办理；首次参保的从参保当月开始缴费。",
        law=(f"{shared.SEED}一、三、四", f"{shared.SEED_2022}四", "《中华人民共和国社会保险法》第十条"),
        after="在“核定缴费”选择月份缴纳，或签订银行批扣；次月起可以变更缴费档次。",
        words=("自由职业", "个体户", "自己交社保", "灵活就业", "新参保", "续保"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "ENR-01": "姓名与登记的不一致",
        "FLX-40": "不是在个人流动窗口办理",
        "FLX-42": "不在灵活就业人员参保的年龄内",
        "FLX-43": "已在单位或窗口参保",
        "FLX-44": "起始年月与原参保时间重叠",
        "FLX-45": "起始年月不是本月（续保可为次月）",
        "FLX-46": "灵活就业医疗保险的费率没有公布",
    },
    return_reasons=("身份证复印件不清晰，请重新提供", "本人没有在申请上签字，请补充"),
    available=shared.only_window,
)
