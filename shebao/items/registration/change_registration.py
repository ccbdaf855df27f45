"""变更登记: key facts of a unit change, each a new fact beside the old one; types and class count from a later month (seed 004)."""

from collections.abc import Mapping, Sequence

from shebao.base.errors import Refusal
from shebao.base.months import month_of, month_shown, shift
from shebao.casework import fields
from shebao.casework.fields import Value
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject, Table
from shebao.casework.models import Case, CaseState
from shebao.enrolment.following import change_types, move_agency
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
    registered_now,
    types_in_one_go,
    types_names,
)
from shebao.levy.models import OPEN_STATES, Bill
from shebao.levy.months import hold
from shebao.parties.changes import Change as FactChange
from shebao.parties.changes import change_units
from shebao.parties.models import Agency
from shebao.parties.queries import find_terms, get_unit
from shebao.parties.registered import holder_of, namesakes
from shebao.parties.registration import change_terms, hold_unit, move_unit
from shebao.policy.rulebook import standard

# Plain facts of the register: field of the form -> fact.
PLAIN = ("name", "uscc", "unit_type", "economic_type", "legal_representative", "legal_id_number", "address", "postcode")
SHOWN = (*PLAIN, "industry", "special", "special_reason", "insurances", "agency")


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Known]:
    unit = get_unit(context.unit_id)
    agencies = {a.name: a.pk for a in Agency.objects.filter(place=context.place).order_by("id")}
    return [Known(unit, holder_of(f.text("uscc")), tuple(namesakes(f.text("name"), but=unit.pk)), agencies) for f in filings]


def open_unit(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if known.unit is None or known.unit.closed_on is None:
        return None
    return Refusal("REG-10", f"本单位已于 {known.unit.closed_on} 注销登记，不能再变更")


def something_changes(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if known.unit is None or _changes(filing, known, context):
        return None
    return Refusal("REG-11", "没有一项与现在的登记不同，不用变更；请修改要变更的项目", "name")


def agency_is_known(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if filing.text("agency") in known.agencies:
        return None
    return Refusal("REG-12", f"本统筹区没有这个经办机构，请填写其中之一：{'、'.join(known.agencies)}", "agency")


def settled_before_moving(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if known.unit is None or filing.text("agency") == known.unit.agency.name:
        return None
    unpaid = list(Bill.objects.filter(unit_id=context.unit_id, state__in=OPEN_STATES).order_by("month")[:3])
    going = Case.objects.filter(unit_id=context.unit_id, state__in=(CaseState.CHECKING, CaseState.DRAFT, CaseState.REVIEW))
    waiting = list(going.exclude(pk=filing.case_id).order_by("id").values_list("number", flat=True)[:3])
    told = [f"核定单 {'、'.join(bill.number for bill in unpaid)} 未缴清"] if unpaid else []
    told += [f"办件 {'、'.join(waiting)} 未办结"] if waiting else []
    return Refusal("REG-13", f"变更经办机构前须结清：{'；'.join(told)}", "agency") if told else None


def same_name(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if known.unit is None or filing.text("name") == known.unit.name or not known.namesakes:
        return None
    told = "、".join(f"{number}（{code or '无信用代码'}）" for number, code in known.namesakes)
    return Refusal("REG-W2", f"已有同名单位：{told}，请核对是否同一单位", "name")


def _class_from(context: Context) -> int:
    """The first month of a new 工伤费率类别."""
    return int(standard().rule("registration.class_change_from", context.on, context.place).value.month(month_of(context.on)))


def _changes(filing: Filing, known: Known, context: Context) -> list[tuple[str, str, str, str]]:
    """(label, before, after, from when) of everything that becomes another."""
    assert known.unit is not None
    now: Mapping[str, object] = registered_now(known.unit, context)
    day, found = f"{context.on}起", []
    for name in SHOWN:
        declared = ITEM.field(name)
        before, after = now[name], filing.values.get(name)
        if (before or None) != (after or None):
            since = f"{month_shown(shift(month_of(context.on), 1))}起" if name == "insurances" else day
            found.append((declared.label, declared.shown(before), declared.shown(after), since))  # type: ignore[arg-type]
    terms, injury_class = find_terms(known.unit.pk, month_of(context.on)), injury_class_of(filing, context)
    if terms and injury_class and terms.injury_class != injury_class:
        found.append(("工伤行业风险类别", f"{terms.injury_class} 类", f"{injury_class} 类", f"{month_shown(_class_from(context))}起"))
    return found


def perform(filings: Sequence[Filing], context: Context) -> None:
    this = month_of(context.on)
    following, class_from = shift(this, 1), _class_from(context)
    hold(context.place, [this, following])
    for f, known in zip(filings, facts(filings, context), strict=True):
        assert known.unit is not None
        hold_unit(known.unit.pk)
        now, case_id = registered_now(known.unit, context), f.case_id or None
        values: dict[str, str | None] = {name: f.text(name) for name in PLAIN if (f.text(name) or None) != (now[name] or None)}
        if f.text("industry") != now["industry"]:
            values |= {"industry_code": f.text("industry"), "industry": INDUSTRY_NAMES[f.text("industry")]}
        special = f.text("special_reason") if f.text("special") == "yes" else ""
        if special != now["special_reason"]:
            values["special_reason"] = special
        change_units([FactChange(known.unit.pk, values, context.on, case_id)] if values else [], at=context.at)
        terms, injury_class = find_terms(known.unit.pk, this), injury_class_of(f, context)
        if terms and injury_class and terms.injury_class != injury_class:
            change_terms(known.unit.pk, class_from, insurance_mask=None, injury_class=injury_class, at=context.at)
        if terms and mask_chosen(f) != terms.insurance_mask:
            change_terms(known.unit.pk, following, insurance_mask=mask_chosen(f), injury_class=None, at=context.at)
            change_types(known.unit.pk, mask_chosen(f), following, case_id=case_id, at=context.at)
        if f.text("agency") != known.unit.agency.name:
            move_unit(known.unit.pk, known.agencies[f.text("agency")], on=context.on, case_id=case_id, at=context.at)
            move_agency(known.unit.pk, known.agencies[f.text("agency")], at=context.at)


def prefill(context: Context) -> Mapping[str, Value]:
    """What is registered now, but for contact data, which are 一般信息."""
    return {k: v for k, v in registered_now(get_unit(context.unit_id), context).items() if not k.startswith("contact")}


def compare(filing: Filing, known: Known, context: Context) -> Sequence[Change]:
    return [Change(label, before, f"{after}（{since}）") for label, before, after, since in _changes(filing, known, context)]


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    if not filings:
        return MoneyEffect("变更后")
    known = facts(filings[:1], context)[0]
    rows = tuple(_changes(filings[0], known, context))
    labels = {label for label, *_ in rows}
    sentences = []
    injury_class = injury_class_of(filings[0], context)
    if "工伤行业风险类别" in labels and injury_class:
        rule = standard().rule("registration.class_change_from", context.on, context.place)
        sentences.append(f"{month_shown(_class_from(context))}起{class_sentence(injury_class, context)}执行时间：{rule.status.label}。")
    if "参保险种" in labels:
        following = month_shown(shift(month_of(context.on), 1))
        sentences.append(f"{following}起单位及在保职工参加：{types_names(mask_chosen(filings[0]))}。")
    if "所属经办机构" in labels:
        sentences.append("变更经办机构后，原登记证作废，由新经办机构发证；职工参保关系随单位转入。")
    return MoneyEffect("变更后", (), tuple(sentences), (Table("变更事项", ("项目", "变更前", "变更后", "执行时间"), rows),))


def two_reviewers(filings: Sequence[Filing], context: Context) -> str:
    moved = [
        label
        for f, known in zip(filings, facts(filings, context), strict=True)
        for label, *_ in _changes(f, known, context)
        if label in ("工伤行业风险类别", "参保险种", "所属经办机构")
    ]
    return f"变更{'、'.join(moved)}影响缴费或管辖，需要复核" if moved else ""


ITEM = ServiceItem(
    code="registration.change_registration",
    version=1,
    title="变更登记",
    prefix="DB",
    audience=frozenset({Audience.COUNTER}),
    subject=Subject.UNIT,
    group=GROUP,
    icon="building-gear",
    fields=(
        FIELDS["name"],
        FIELDS["uscc"],
        FIELDS["unit_type"],
        FIELDS["economic_type"],
        FIELDS["industry"],
        FIELDS["injury_class"],
        FIELDS["legal_representative"],
        FIELDS["legal_id_number"],
        FIELDS["address"],
        FIELDS["postcode"],
        fields.text("agency", "所属经办机构", most=60, width=30, hint="跨区迁移时填写转入的经办机构全称"),
        FIELDS["special"],
        FIELDS["special_reason"],
        FIELDS["insurances"],
    ),
    facts=facts,
    checks=(
        open_unit,
        something_changes,
        not_registered_before,
        class_by_industry,
        types_in_one_go,
        agency_is_known,
        settled_before_moving,
    ),
    warns=(same_name,),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    prefill=prefill,
    second_review=two_reviewers,
    compare=compare,
    materials=(
        "《社会保险登记表》",
        "变更后的营业执照或批准文件原件及复印件",
        "法定代表人居民身份证复印件或护照复印件（变更法定代表人的）",
        "单位经办人员居民身份证原件及复印件",
    ),
    guide=Guide(
        summary="单位名称、统一社会信用代码、法定代表人、地址、行业、险种等重点信息变更，各险种同口径一次办理。",
        who="已参保的单位；一般信息（联系人、电话、邮箱等）可在网上自行变更。",
        when="登记事项变更后及时办理；险种次月起执行，工伤费率类别按参数表所列时间执行。",
        law=("《中华人民共和国社会保险法》第五十七条", "《武汉社会保险办理流程》一、社会保险业务流程"),
        after="办结后登记信息即时更新，原登记内容保留可查；变更经办机构的换发登记证。",
        words=("改名", "法人变更", "换法人", "地址变更", "迁移", "行业变更", "整体转移"),
    ),
    batch_rows_max=0,
    printout="registration_form",
    refusal_codes={
        "REG-02": "统一社会信用代码已登记",
        "REG-03": "名录未列的行业没有核定类别",
        "REG-04": "所选类别与名录不一致",
        "REG-05": "一般单位没有一次登记完毕",
        "REG-06": "特殊单位没有写明核定依据",
        "REG-10": "单位已注销",
        "REG-11": "没有变更任何项目",
        "REG-12": "没有这个经办机构",
        "REG-13": "变更经办机构前没有结清",
        "REG-W2": "提醒：已有同名单位",
    },
    return_reasons=("变更内容与证照不一致，请核对", "缺少变更后的营业执照复印件，请补充"),
)
