"""参保登记: a new unit registers within 30 days of founding, all types in one go (seed 004, 服务指南 一; 武汉社会保险办理流程 一至三)."""

from collections.abc import Sequence
from datetime import date

from shebao.base.errors import Refusal
from shebao.base.months import month_of, month_shown, shift
from shebao.casework import fields
from shebao.casework.cases import belongs_to
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.registration.unit_facts import (
    FIELDS,
    GROUP,
    INDUSTRY_NAMES,
    Known,
    at_the_counter,
    class_by_industry,
    class_sentence,
    injury_class_of,
    mask_chosen,
    not_registered_before,
    registration_deadline,
    types_in_one_go,
    types_names,
)
from shebao.parties.operations import NewUnit
from shebao.parties.registered import holder_of, namesakes
from shebao.parties.registration import register_unit
from shebao.policy.rulebook import standard


def founded(filing: Filing) -> date:
    """成立日期."""
    return date.fromisoformat(filing.text("founded_on"))


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Known]:
    return [Known(None, holder_of(f.text("uscc")), tuple(namesakes(f.text("name")))) for f in filings]


def not_founded_in_the_future(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if founded(filing) <= context.on:
        return None
    return Refusal("REG-01", f"成立日期晚于今天（{context.on}），请对照营业执照核对", "founded_on")


def first_month_fits(filing: Filing, known: Known, context: Context) -> Refusal | None:
    first, this = filing.number("from_month") or 0, month_of(context.on)
    earliest, latest = month_of(founded(filing)), shift(this, 1)
    if earliest <= first <= latest:
        return None
    told = f"参保起始月应在成立当月（{earliest}）至下月（{latest}）之间"
    return Refusal("REG-07", f"{told}，请核对", "from_month", str(this) if earliest <= this else str(latest))


def late(filing: Filing, known: Known, context: Context) -> Refusal | None:
    last = registration_deadline(founded(filing), context)
    if context.on <= last:
        return None
    days = (context.on - last).days
    return Refusal(
        "REG-W1", f"已超过登记期限 {days} 天（应在成立之日起 30 日内，即 {last} 前办理）；仍可登记，逾期情况记录在案", "founded_on"
    )


def same_name(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if not known.namesakes:
        return None
    told = "、".join(f"{number}（{code or '无信用代码'}）" for number, code in known.namesakes)
    return Refusal("REG-W2", f"已有同名单位：{told}，请核对是否同一单位", "name")


def outside_counter_days(filing: Filing, known: Known, context: Context) -> Refusal | None:
    rule = standard().find("enrolment.counter_days", context.on, context.place)
    if rule is None or rule.value is None or rule.value.first_day <= context.on.day <= rule.value.last_day:
        return None
    return Refusal("REG-W3", f"登记窗口的办理日为{rule.shown()}，今天不在其中，请确认是否受理")


def perform(filings: Sequence[Filing], context: Context) -> None:
    for f in filings:
        unit_id = register_unit(
            NewUnit(
                name=f.text("name"),
                uscc=f.text("uscc"),
                agency_id=context.agency_id,
                place=context.place,
                insurance_mask=mask_chosen(f),
                injury_class=injury_class_of(f, context) or 0,
                from_month=f.number("from_month") or month_of(context.on),
                registered_on=context.on,
                industry=INDUSTRY_NAMES[f.text("industry")],
                contact_name=f.text("contact_name"),
                contact_phone=f.text("contact_phone"),
                address=f.text("address"),
                postcode=f.text("postcode"),
                legal_representative=f.text("legal_representative"),
                founded_on=founded(f),
                unit_type=f.text("unit_type"),
                economic_type=f.text("economic_type"),
                industry_code=f.text("industry"),
                legal_id_number=f.text("legal_id_number"),
                special_reason=f.text("special_reason") if f.text("special") == "yes" else "",
            ),
            case_id=f.case_id or None,
            at=context.at,
        )
        belongs_to(f.case_id, unit_id)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    if not filings:
        return MoneyEffect("登记后")
    filing = filings[0]
    injury_class, last = injury_class_of(filing, context), registration_deadline(founded(filing), context)
    sentences = [
        f"{month_shown(filing.number('from_month') or 0)}起参加：{types_names(mask_chosen(filing))}。",
        f"登记期限为 {last}（成立之日起 30 日内）{'' if context.on <= last else '，本次为逾期登记'}。",
        "办结后取得单位编号和社会保险登记证，即可申请网上办事资格、办理增员。",
    ]
    if injury_class:
        sentences.insert(1, class_sentence(injury_class, context))
    return MoneyEffect("登记后", (), tuple(sentences))


ITEM = ServiceItem(
    code="registration.register_unit",
    version=1,
    title="参保登记",
    prefix="DJ",
    audience=frozenset({Audience.COUNTER}),
    subject=Subject.NEW_UNIT,
    group=GROUP,
    icon="building",
    fields=(
        FIELDS["name"],
        FIELDS["uscc"],
        fields.day("founded_on", "成立日期", hint="营业执照或批准成立文件上的日期"),
        FIELDS["unit_type"],
        FIELDS["economic_type"],
        FIELDS["industry"],
        FIELDS["injury_class"],
        FIELDS["legal_representative"],
        FIELDS["legal_id_number"],
        FIELDS["contact_name"],
        FIELDS["contact_phone"],
        FIELDS["address"],
        FIELDS["postcode"],
        FIELDS["special"],
        FIELDS["special_reason"],
        FIELDS["insurances"],
        fields.month("from_month", "参保起始月"),
    ),
    facts=facts,
    checks=(not_founded_in_the_future, not_registered_before, class_by_industry, types_in_one_go, first_month_fits),
    warns=(late, same_name, outside_counter_days),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    prefill=lambda context: {"from_month": month_of(context.on)},
    materials=(
        "《社会保险登记表》和《社会保险网上办事承诺书》",
        "营业执照副本、单位成立批文或法人证书等相关资料原件及复印件",
        "《组织机构代码证书》原件及复印件（已取得统一社会信用代码的不再提供）",
        "《税务登记证》原件及复印件（已取得统一社会信用代码的不再提供）",
        "法人居民身份证复印件或护照复印件",
        "单位经办人员居民身份证原件及复印件",
    ),
    guide=Guide(
        summary="新成立的单位办理社会保险登记，应参加的险种一次登记完毕。",
        who="各类企业、企业化管理的事业单位等用人单位，按属地管理原则到地税关系所在地社保经办机构办理。",
        when="自成立之日起三十日内；窗口办理时限为每月 1—22 日工作日。",
        law=("《中华人民共和国社会保险法》第五十七条", "《单位办理社会保险参保登记缴费服务指南》一", "《武汉社会保险办理流程》一至三"),
        after="登记办结后领取社会保险登记证，并可申请网上办事资格，用于办理增员等各类社保业务。",
        words=("单位开户", "新单位", "社保登记", "社保开户", "单位参保", "公司开户"),
    ),
    batch_rows_max=0,
    printout="registration_form",
    refusal_codes={
        "REG-01": "成立日期晚于今天",
        "REG-02": "统一社会信用代码已登记",
        "REG-03": "名录未列的行业没有核定类别",
        "REG-04": "所选类别与名录不一致",
        "REG-05": "一般单位没有一次登记完毕",
        "REG-06": "特殊单位没有写明核定依据",
        "REG-07": "参保起始月不合理",
        "REG-W1": "提醒：超过登记期限",
        "REG-W2": "提醒：已有同名单位",
        "REG-W3": "提醒：不在登记窗口办理日",
    },
    return_reasons=(
        "营业执照与填写的单位名称或信用代码不一致，请核对",
        "行业与营业执照的主要经营业务不一致，请核对",
        "缺少法定代表人身份证件复印件，请补充",
    ),
)
