"""社会保险登记验证: once a year the unit confirms what is registered; online and at the counter (seed 004, 流程 一)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shebao.base.errors import Refusal
from shebao.base.money import yuan_shown
from shebao.base.months import month_of, month_shown
from shebao.casework import fields
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, Review, ServiceItem, Subject, Table
from shebao.enrolment.queries import headcount
from shebao.items.registration.unit_facts import GROUP, types_names
from shebao.levy.queries import open_of_unit
from shebao.parties.models import Unit
from shebao.parties.queries import find_terms, get_unit
from shebao.parties.registered import certificate_of, verifications_of
from shebao.parties.registration import verify_year
from shebao.policy.rulebook import standard

SAME, DIFFERENT = "same", "different"
ANSWERS = ((SAME, "与实际情况一致"), (DIFFERENT, "有变化"))


@dataclass(frozen=True, slots=True)
class Standing:
    """The unit with its verified years."""

    unit: Unit
    years: frozenset[int]
    registered: Mapping[str, str]


def registered(unit: Unit, context: Context) -> Mapping[str, str]:
    """What the unit confirms, label by label."""
    month = month_of(context.on)
    terms, certificate = find_terms(unit.pk, month), certificate_of(unit.pk)
    overdue, fen = open_of_unit(unit.pk, context.on)
    return {
        "单位名称": unit.name,
        "统一社会信用代码": unit.uscc or "未登记",
        "登记证编号": certificate.number if certificate else "未发证",
        "法定代表人": unit.legal_representative or "未登记",
        "单位地址": unit.address or "未登记",
        "行业": unit.industry or "未登记",
        "工伤行业风险类别": f"{terms.injury_class} 类" if terms else "未登记",
        "参保险种": types_names(terms.insurance_mask) if terms else "无",
        "参保人数": f"{headcount(unit.pk, month)} 人（{month_shown(month)}）",
        "欠费": f"{overdue} 张核定单，{yuan_shown(fen)} 元" if overdue else "无",
    }


def window(year: int, context: Context) -> tuple[date, date] | None:
    """验证期间 of a year; None while no document fixes one."""
    rule = standard().find("registration.verification_window", context.on, context.place)
    return rule.value.days(year) if rule is not None and rule.value is not None else None


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Standing]:
    unit = get_unit(context.unit_id)
    found = Standing(unit, frozenset(v.year for v in verifications_of(unit.pk)), registered(unit, context))
    return [found for _ in filings]


def still_open(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if found.unit.closed_on is None:
        return None
    return Refusal("REG-10", f"本单位已于 {found.unit.closed_on} 注销登记，不用验证")


def year_fits(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    year, this = filing.number("year") or 0, context.on.year
    if year > this:
        return Refusal("REG-30", f"{year} 年度还没有开始，现在可以验证的是 {this} 年度", "year", str(this))
    if year <= found.unit.registered_on.year:
        return Refusal(
            "REG-31", f"单位于 {found.unit.registered_on} 登记，登记当年免验，从 {found.unit.registered_on.year + 1} 年度起验证", "year"
        )
    days = window(year, context)
    if days is not None and context.on < days[0]:
        return Refusal("REG-32", f"{year} 年度验证从 {days[0]} 开始，请届时办理", "year")
    return None


def not_verified_before(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if filing.number("year") not in found.years:
        return None
    return Refusal("REG-33", f"{filing.number('year')} 年度已经验证，不用重复办理", "year")


def as_registered(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if filing.text("answer") == SAME:
        return None
    return Refusal(
        "REG-34",
        "登记信息有变化的，请先变更：一般信息可在网上变更，名称、法定代表人、地址、行业、险种等请到窗口办理变更登记，再来验证",
        "answer",
    )


def past_the_window(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    days = window(filing.number("year") or context.on.year, context)
    if days is None or context.on <= days[1]:
        return None
    return Refusal("REG-W5", f"{filing.number('year')} 年度验证期间为 {days[0]} 至 {days[1]}，已经逾期，验证结果记为“逾期验证”", "year")


def owes(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if found.registered["欠费"] == "无":
        return None
    return Refusal("REG-W6", f"单位有欠费（{found.registered['欠费']}），验证后请尽快缴清")


def review(context: Context) -> Review:
    """By the system online (其他业务也是系统自动审核); at the counter another person reviews."""
    return Review.COUNTER if context.counter else Review.AUTOMATIC


def perform(filings: Sequence[Filing], context: Context) -> None:
    for f, found in zip(filings, facts(filings, context), strict=True):
        year = f.number("year") or context.on.year
        days = window(year, context)
        late = days is not None and context.on > days[1]
        verify_year(context.unit_id, year, found.registered, late=late, on=context.on, case_id=f.case_id or None)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    told = tuple((label, value) for label, value in registered(get_unit(context.unit_id), context).items())
    sentences = ("请逐项核对下表；提交即确认与实际情况一致。",)
    return MoneyEffect("请确认登记信息", (), sentences, (Table("现在登记的信息", ("项目", "登记内容"), told),))


def not_for_windows(context: Context) -> Refusal | None:
    """Asked before anything is typed: is there a year to verify."""
    unit = get_unit(context.unit_id)
    years = {v.year for v in verifications_of(unit.pk)}
    if unit.closed_on is not None or unit.registered_on.year >= context.on.year:
        return Refusal("REG-31", f"单位于 {unit.registered_on} 登记，登记当年免验，从 {unit.registered_on.year + 1} 年度起验证")
    if all(year in years for year in range(unit.registered_on.year + 1, context.on.year + 1)):
        return Refusal("REG-33", f"{context.on.year} 年度已经验证，不用重复办理")
    return None


ITEM = ServiceItem(
    code="registration.verify_unit",
    version=1,
    title="社会保险登记验证",
    prefix="DY",
    audience=frozenset({Audience.UNIT, Audience.COUNTER}),
    subject=Subject.UNIT,
    group=GROUP,
    icon="patch-check",
    fields=(
        fields.number("year", "验证年度", 2011, 2999, hint="4 位年份，例如 2026"),
        fields.choice("answer", "登记信息", ANSWERS, hint="保存后请在核对页面逐项确认登记内容"),
    ),
    facts=facts,
    checks=(still_open, year_fits, not_verified_before, as_registered),
    warns=(past_the_window, owes),
    review=review,
    perform=perform,
    effect=effect,
    look_up=None,
    prefill=lambda context: {"year": context.on.year},
    available=not_for_windows,
    materials=("社会保险登记证", "营业执照副本（登记信息有变化的，先办理变更登记）"),
    guide=Guide(
        summary="每年核对一次单位的社会保险登记信息。",
        who="已参保的单位；登记当年免验。",
        when="每年一次，期间见参数表“社会保险登记验证期间”；逾期仍可验证，结果记为逾期。",
        law=("《中华人民共和国社会保险法》第五十七条", "《武汉社会保险办理流程》一、社会保险业务流程"),
        after="通过后可打印《社会保险登记验证单》，登记证的验证记录同时更新。",
        words=("年检", "年审", "社保年审", "登记证验证"),
    ),
    batch_rows_max=0,
    printout="verification_slip",
    refusal_codes={
        "REG-10": "单位已注销",
        "REG-30": "年度还没有开始",
        "REG-31": "登记当年免验",
        "REG-32": "验证期间还没有开始",
        "REG-33": "该年度已经验证",
        "REG-34": "登记信息有变化，应先变更",
        "REG-W5": "提醒：已过验证期间",
        "REG-W6": "提醒：单位有欠费",
    },
    return_reasons=("登记信息与证照不一致，请先办理变更登记",),
)
