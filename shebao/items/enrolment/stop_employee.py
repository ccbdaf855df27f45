"""暂停缴费: an employee leaves; from next month on the unit pays no more (seed 004, 三、网上办理职工暂停缴费业务)."""

from collections.abc import Sequence

from shebao.base.errors import Refusal
from shebao.base.identifiers import mask_id_number
from shebao.base.months import month_of, month_shown, shift
from shebao.base.terms import StopReason
from shebao.casework import fields
from shebao.casework.item import Amount, Answer, Audience, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment import operations as enrolment
from shebao.items.enrolment.situation import Situation, after_cutoff, automatic_if_vip, monthly_amounts, names_of, situations
from shebao.levy.months import hold


def insured_here(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.cover_here(context) is not None:
        return None
    ended = [c for c in situation.standing.covers if c.unit_id == context.unit_id and c.to_month]
    if ended:
        last = max(c.to_month or 0 for c in ended)
        return Refusal("ENR-22", f"此人已办理暂停缴费，{month_shown(last)}起不再缴费，不用重复办理", "id_number")
    return Refusal("ENR-20", "此人不在本单位参保，请核对身份号码", "id_number")


def same_name(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if not situation.standing.name or situation.standing.name == filing.text("name"):
        return None
    return Refusal("ENR-23", "姓名与参保登记的不一致，请核对身份号码和姓名", "name")


def no_arrears(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if not situation.arrears_months:
        return None
    months = "、".join(str(m) for m in situation.arrears_months[:6])
    text = f"此人有社会保险欠费（费款所属期 {months}），请先办理“单位员工欠费补缴”，缴清后再暂停缴费"
    first = "、".join(str(m) for m in situation.undeclared)
    return Refusal("ENR-21", text + (f"；其中 {first} 没有申报，须先补办“月度申报”" if first else ""), "id_number")


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Situation]:
    return situations(filings, context, arrears=True)


def perform(filings: Sequence[Filing], context: Context) -> None:
    ends = shift(month_of(context.on), 1)
    hold(context.place, [month_of(context.on), ends])
    found = situations(filings, context)
    enrolment.stop(
        [
            enrolment.Stop(s.standing.person_id or 0, context.unit_id, ends, f.text("reason"), f.case_id)
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
    amounts = monthly_amounts(
        [f for f, _ in covers], [c.insurance_mask for _, c in covers], [c.wage_fen or 0 for _, c in covers], terms, context
    )
    less = tuple(Amount(a.label, a.base_fen, a.unit_fen, a.person_fen, a.explained) for a in amounts)
    start = month_shown(shift(month_of(context.on), 1))
    return MoneyEffect(
        f"减少 {len(covers)} 人后每月少缴", less, (f"{start}起不再缴纳；本月（{month_shown(month_of(context.on))}）仍需缴费。",)
    )


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    situation = situations([filing], context, arrears=True)[0]
    refusals = [r for check in (insured_here, no_arrears) if (r := check(filing, situation, context))]
    cover = situation.cover_here(context)
    if cover is None:
        return Answer((("证件号码", mask_id_number(id_number)),), {}, tuple(refusals), situation.standing.person_id)
    told = (
        ("证件号码", mask_id_number(id_number)),
        ("登记姓名", situation.standing.name),
        ("参保险种", names_of(cover.insurance_mask)),
        ("本单位参保起始", month_shown(cover.from_month)),
        ("停止缴费", f"{month_shown(shift(month_of(context.on), 1))}起"),
    )
    return Answer(told, {"name": situation.standing.name}, tuple(refusals), situation.standing.person_id)


ITEM = ServiceItem(
    code="enrolment.stop_employee",
    version=1,
    title="暂停缴费",
    prefix="JY",
    audience=frozenset({Audience.UNIT}),
    group="单位业务办理",
    icon="person-dash",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.choice("reason", "停保原因", tuple((r.value, r.label) for r in StopReason), width=20),
        fields.text("note", "备注", required=False, most=100),
    ),
    facts=facts,
    checks=(insured_here, same_name, no_arrears),
    warns=(after_cutoff,),
    review=automatic_if_vip,
    perform=perform,
    effect=effect,
    look_up=look_up,
    materials=(
        "职工公民身份证或户口簿复印件",
        "单位与职工的解除终止劳动关系证明、辞职报告或其他相关资料",
        "《企业参保人员减员表》（系统打印）",
    ),
    guide=Guide(
        summary="职工辞职（退）、终止合同等情况时，为职工办理社会保险费暂停缴费。",
        who="已取得社会保险网上办事资格的参保单位；职工没有社会保险欠费。",
        when="发生变动的当月；普通单位于当月 20 日前到窗口审核。办理后次月起不再缴费。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》第三条",),
        after="次月起单位不再缴纳该职工的社会保险费；普通单位请打印《企业参保人员减员表》，连同资料到窗口审核。",
        words=("离职", "停保", "减员", "辞退", "辞职", "退工"),
    ),
    batch_rows_max=100_000,
    printout="reduction_roster",
    refusal_codes={
        "ENR-20": "不在本单位参保",
        "ENR-21": "有欠费，不能暂停缴费",
        "ENR-22": "已办理暂停缴费",
        "ENR-23": "姓名与参保登记的不一致",
        "ENR-W3": "提醒：已过窗口审核截止日",
    },
    return_reasons=("缺少解除劳动关系证明，请补充", "停保原因与证明材料不一致，请核对", "身份证复印件不清晰，请重新提供"),
)
