"""增员（续保）: a unit insures a new or returning employee (seed 004, 二、网上办理职工新增及续保业务)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shebao.base.errors import Refusal
from shebao.base.identifiers import age_on, birth_date_of, mask_id_number, sex_of
from shebao.base.money import yuan_shown
from shebao.base.months import month_of, month_shown, shift, span
from shebao.base.terms import ETHNICITIES, Insurance, Sex
from shebao.casework import fields
from shebao.casework.attachments import people_with_photo
from shebao.casework.item import Answer, Audience, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment import operations as enrolment
from shebao.items.enrolment.add_employee_screen import screen
from shebao.items.enrolment.situation import (
    INSURANCE_CHOICES,
    Situation,
    after_cutoff,
    automatic_if_vip,
    chosen_mask,
    clamped,
    monthly_amounts,
    names_of,
    rates_of,
    situations,
)
from shebao.levy.causes import Because, note
from shebao.levy.differences import NOTHING, Difference, settle, shares
from shebao.levy.models import CauseKind, MonthState
from shebao.levy.months import hold
from shebao.levy.relief import size_of
from shebao.parties.operations import NewPerson, register_people
from shebao.parties.queries import find_terms
from shebao.parties.registration import hold_unit
from shebao.policy.rulebook import RuleMissing, standard

PAYERS = {"window": "此人在{}（个人流动窗口）", "residents": "此人已参加{}", "students": "此人已参加{}"}


def first_month(filing: Filing, context: Context) -> int:
    """The first month to pay: the back-enrolment month, or this one."""
    return filing.number("backdated_from") or month_of(context.on)


def unit_open(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.terms is not None and situation.unit.closed_on is None:
        return None
    return Refusal("ENR-09", "本单位已注销或本月没有参保险种，不能增员；请到辖区社保经办机构核对单位登记")


def same_person(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    standing = situation.standing
    if not standing.name or standing.name == filing.text("name"):
        return None
    hidden = standing.name[0] + "*" * (len(standing.name) - 1)
    return Refusal("ENR-01", f"姓名与登记的不一致（登记为 {hidden}），请核对身份证；如已改名，请到窗口办理信息订正", "name")


def not_open_elsewhere(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    # A cover whose end is filed has its own sentence, see no_overlap_when_backdated: nobody has to be asked to stop it again.
    running = [c for c in situation.standing.covers if c.to_month is None and c.insurance_mask & chosen_mask(filing)]
    here = [c for c in running if c.unit_id == context.unit_id]
    if here:
        return Refusal("ENR-03", "此人已在本单位参保，不用重复增员；如要改工资，请办理“个人工资变更”", "id_number")
    if not running:
        return None
    cover = running[0]
    if cover.unit_kind in PAYERS:
        told = PAYERS[cover.unit_kind].format(cover.unit_name)
        return Refusal("ENR-08", f"{told}，请本人先办理停保，停保后再增员", "id_number")
    return Refusal("ENR-02", f"此人在{cover.unit_name}未停保，请联系原单位办理暂停缴费，停保后再增员", "id_number")


def of_age(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.standing.ever_insured:
        return None
    number = filing.text("id_number")
    limits = standard().rule("enrolment.online_age", context.on, context.place).value
    male = sex_of(number) is Sex.MALE
    least, below = (limits.male_age_min, limits.male_age_below) if male else (limits.female_age_min, limits.female_age_below)
    age = age_on(birth_date_of(number), context.on)
    if least <= age < below:
        return None
    return Refusal(
        "ENR-04",
        f"首次参保网上办理的年龄为{'男' if male else '女'}满 {least} 周岁、不满 {below} 周岁，此人 {age} 周岁；请携带资料到窗口办理",
        "id_number",
    )


def same_types_as_unit(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.terms is None or chosen_mask(filing) == situation.terms.insurance_mask:
        return None
    return Refusal(
        "ENR-05",
        f"职工参保险种须与单位一致，应为：{names_of(situation.terms.insurance_mask)}",
        "insurances",
        names_of(situation.terms.insurance_mask),
    )


def not_backdated_too_far(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    month, this = filing.number("backdated_from"), month_of(context.on)
    if month is None:
        return None
    most = int(standard().rule("enrolment.back_months_max", context.on, context.place).value)
    earliest = shift(this, 1 - most)
    if month > this:
        return Refusal("ENR-06", f"追溯补缴起始月不能晚于本月（{this}）；不追溯请留空", "backdated_from", str(this))
    if month < earliest:
        return Refusal(
            "ENR-07",
            f"网上追溯补缴最长 {most} 个月（含当月），最早从 {earliest} 起；超过的请携带资料到窗口办理",
            "backdated_from",
            str(earliest),
        )
    return None


def no_overlap_when_backdated(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    first = first_month(filing, context)
    for cover in situation.standing.covers:
        ends = cover.to_month
        if ends is not None and ends > first and cover.insurance_mask & chosen_mask(filing):
            return Refusal(
                "ENR-10",
                f"此人在{cover.unit_name}参保到 {month_shown(shift(ends, -1))}，起始月最早为 {ends}",
                "backdated_from",
                str(ends) if ends <= month_of(context.on) else None,
            )
    return None


def photo_missing(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    """A roster has no column for photos, so its rows are not reminded one by one (nor by the screen): the guide tells."""
    if "photo" not in filing.values or filing.text("photo") or situation.has_photo:
        return None
    return Refusal("ENR-W4", "系统内没有此人的电子相片，需提供一寸红底相片；可在本页上传，也可带到窗口", "photo")


def months_can_be_charged(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    """追溯 months need the unit's terms and rules with a value; far back (at the counter) not a month that assessment passed over."""
    first, this = first_month(filing, context), month_of(context.on)
    if first >= this:
        return None
    if situation.unit.closed_on is None and (since := situation.insured_since) is not None and first < since:
        return Refusal("ENR-11", f"本单位自{month_shown(since)}起参保，追溯起始月最早为 {since}", "backdated_from", str(since))
    online = shift(this, 1 - int(standard().rule("enrolment.back_months_max", context.on, context.place).value))
    passed_over = [month for month in situation.left_out if first <= month < online]
    if passed_over:
        told = "、".join(month_shown(month) for month in passed_over[:3]) + ("等" if len(passed_over) > 3 else "")
        return Refusal("ENR-12", f"{told}没有在本系统核定，补缴金额无从计算；请先补做该月核定，或缩短追溯月份", "backdated_from")
    try:
        for month in span(first, this):
            rates_of(context, month).require(chosen_mask(filing))
    except RuleMissing as missing:
        return Refusal("ENR-13", missing.text, "backdated_from")
    return None


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Situation]:
    backdated = [m for f in filings if (m := f.number("backdated_from"))]
    found = situations(filings, context, since=min(backdated, default=None))
    asked = [filing.text("id_number") for filing in filings if "photo" in filing.values and not filing.text("photo")]
    known = people_with_photo(asked) if asked else set()
    return [replace(s, has_photo=True) if f.text("id_number") in known else s for f, s in zip(filings, found, strict=True)]


def perform(filings: Sequence[Filing], context: Context) -> None:
    this = month_of(context.on)
    months = sorted({m for f in filings for m in span(first_month(f, context), shift(this, 1))})
    states = hold(context.place, months)
    hold_unit(context.unit_id)
    people = register_people(
        [NewPerson(f.text("id_number"), f.text("name"), f.text("ethnicity") or "01", f.text("mobile")) for f in filings], at=context.at
    )
    enrolment.start(
        [
            enrolment.NewSpell(
                people[f.text("id_number")],
                context.unit_id,
                context.agency_id,
                chosen_mask(f),
                first_month(f, context),
                f.number("declared_wage") or 0,
                f.case_id,
            )
            for f in filings
        ],
        at=context.at,
    )
    assessed = [month for month in months if states[month] is MonthState.ASSESSED]
    if assessed:
        _charge_back(filings, people, assessed, context)


def _charge_back(filings: Sequence[Filing], people: Mapping[str, int], assessed: Sequence[int], context: Context) -> None:
    """补缴 of the months that were assessed before, each person with the filing that brought it."""
    classes = {month: terms.injury_class for month in assessed if (terms := find_terms(context.unit_id, month))}
    sizes = {month: size_of(context.unit_id, month, rates_of(context, month)) for month in assessed}
    late = [f for f in filings if first_month(f, context) <= assessed[-1]]
    acts = [
        Because(
            CauseKind.BACK, context.unit_id, context.agency_id, people[f.text("id_number")], f.case_id or None,
            before="未在本单位参保",
            after=f"{month_shown(first_month(f, context))}起参保，申报工资 {yuan_shown(f.number('declared_wage') or 0)} 元",
            reason="增员（续保）时追溯，补缴已核定的月份",
        )
        for f in late
    ]  # fmt: skip
    owed = [
        (cause, Difference(context.unit_id, people[f.text("id_number")], month, insurance, NOTHING, due))
        for f, cause in zip(late, note(acts, at=context.at), strict=True)
        for month in assessed
        if month >= first_month(f, context)
        for insurance, due in shares(
            f.number("declared_wage") or 0, chosen_mask(f), classes[month], month, context.place, sizes[month]
        ).items()
    ]
    settle([one for _, one in owed], {context.unit_id: context.agency_id}, at=context.at, causes=[cause for cause, _ in owed])


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    found = situations(filings[:1], context)
    terms = found[0].terms if found else None
    if terms is None or not filings:
        return MoneyEffect("对缴费的影响")
    amounts = monthly_amounts(filings, [chosen_mask(f) for f in filings], [f.number("declared_wage") or 0 for f in filings], terms, context)
    back = [f for f in filings if first_month(f, context) < month_of(context.on)]
    sentences = [f"从 {month_shown(month_of(context.on))}起，每月增加的社会保险费如下表。"]
    if back:
        sentences.append(f"其中 {len(back)} 人追溯补缴，已核定月份的补缴金额并入下一张核定单。")
    return MoneyEffect(f"增加 {len(filings)} 人后每月的缴费", amounts, tuple(sentences))


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number, "insurances": [code for code, _ in INSURANCE_CHOICES]})
    situation = situations([filing], context)[0]
    standing, terms = situation.standing, situation.terms
    if terms:
        filing.values["insurances"] = [str(i.value) for i in Insurance if terms.insurance_mask & i.flag]
    sex, birth = sex_of(id_number), birth_date_of(id_number)
    told = [("证件号码", mask_id_number(id_number)), ("性别", sex.label), ("出生日期", birth.isoformat())]
    told.append(("参保情况", "参过保，本次为续保" if standing.ever_insured else "未参过保，本次为新参保"))
    refusals = [r for check in (unit_open, not_open_elsewhere, of_age) if (r := check(filing, situation, context))]
    values: dict[str, fields.Value] = {"insurances": filing.values["insurances"]}
    if standing.ever_insured and not refusals:
        told.append(("登记姓名", standing.name[0] + "*" * (len(standing.name) - 1)))
        values["ethnicity"] = standing.ethnicity
    return Answer(tuple(told), values, tuple(refusals), standing.person_id)


ITEM = ServiceItem(
    code="enrolment.add_employee",
    version=1,
    title="增员（续保）",
    prefix="ZY",
    audience=frozenset({Audience.UNIT, Audience.COUNTER}),
    group="单位业务办理",
    icon="person-plus",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.choice("ethnicity", "民族", tuple(ETHNICITIES.items()), default="01", width=10),
        fields.mobile("mobile", "手机号码", required=False),
        fields.money_amount("declared_wage", "申报工资", hint="按劳动合同的月工资合计，单位：元"),
        fields.many("insurances", "参保险种", INSURANCE_CHOICES, hint="须与本单位参保险种一致"),
        fields.month("backdated_from", "追溯补缴起始月", required=False, hint="不追溯请留空；最长 3 个月（含当月），例如 202611"),
        fields.photo("photo", "参保职工电子相片", required=False, hint="系统内无相片时需提供；一寸红底免冠，JPG 或 PNG，不超过 5 MB"),
    ),
    facts=facts,
    checks=(
        unit_open,
        same_person,
        not_open_elsewhere,
        of_age,
        same_types_as_unit,
        not_backdated_too_far,
        months_can_be_charged,
        no_overlap_when_backdated,
    ),
    warns=(clamped, after_cutoff, photo_missing),
    review=automatic_if_vip,
    perform=perform,
    effect=effect,
    look_up=look_up,
    materials=(
        "职工公民身份证或户口簿复印件",
        "劳动合同书或其他用工证明材料",
        "参保职工电子相片（系统内无电子相片时）",
        "《企业参保人员增员表》（系统打印）",
    ),
    guide=Guide(
        summary="为本单位职工办理社会保险的首次参保和续保。",
        who="已取得社会保险网上办事资格的参保单位；职工未参保，或原参保险种（含居民医疗保险）已停保。",
        when="自用工之日起 30 日内；普通单位于当月 20 日前到窗口审核。",
        law=("《中华人民共和国社会保险法》第五十七条、第五十八条", "《武汉市社会保险网上办事业务指南（单位篇）》第二条"),
        after="审核通过后当月起缴费；普通单位请打印《企业参保人员增员表》，连同资料到辖区社保经办机构审核。",
        words=("入职", "新参保", "续保", "参保", "新增员工", "加人", "招人"),
    ),
    batch_rows_max=100_000,
    printout="addition_roster",
    refusal_codes={
        "ENR-01": "姓名与登记的不一致",
        "ENR-02": "在其他单位未停保",
        "ENR-03": "已在本单位参保",
        "ENR-04": "首次参保年龄超出网上办理范围",
        "ENR-05": "险种与单位不一致",
        "ENR-06": "追溯起始月晚于本月",
        "ENR-07": "追溯补缴超过网上办理的月数",
        "ENR-08": "在个人流动窗口、居民或学生医疗保险未停保",
        "ENR-09": "单位已注销或没有参保险种",
        "ENR-10": "追溯月份与原参保时间重叠",
        "ENR-11": "追溯月份早于单位参保",
        "ENR-12": "追溯月份没有在本系统核定",
        "ENR-13": "追溯月份所需的参数尚未确定",
        "ENR-W1": "提醒：按下限保底",
        "ENR-W2": "提醒：按上限封顶",
        "ENR-W3": "提醒：已过窗口审核截止日",
        "ENR-W4": "提醒：系统内没有电子相片",
    },
    return_reasons=(
        "电子相片不是本人近期一寸红底免冠相片，请重新上传",
        "身份证复印件不清晰，请重新提供",
        "劳动合同缺少签字页，请补充",
        "申报工资与劳动合同不一致，请核对",
        "参保起始月与用工时间不一致，请核对",
    ),
    screen=screen,
    counter_lifts=frozenset({"ENR-04", "ENR-07"}),  # seed 004: 超过年龄界限、超过 3 个月的，携带资料到窗口办理
)
