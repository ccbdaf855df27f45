"""个人工资年度申报: what every employee earned a month last year becomes the base of the next 社保年度 (seed 004, 九, and the passage
“XXXX年度社会保险缴费工资申报网上办事大厅操作流程”)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import Refusal
from shebao.base.identifiers import mask_id_number
from shebao.base.money import yuan_shown
from shebao.base.months import month_shown
from shebao.casework import fields
from shebao.casework.fields import Value
from shebao.casework.item import Answer, Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem, Table
from shebao.enrolment.annual import YearWage, declare_year
from shebao.enrolment.annual_queries import STRANGER, YearStanding, year_staff, year_standings
from shebao.items.enrolment.annual_years import YEAR, first_open_month, right_year, unavailable, year_named, years
from shebao.items.enrolment.situation import automatic_if_vip, monthly_amounts
from shebao.parties.queries import find_terms
from shebao.policy.annual import Bounds, DeclaredYear, bounds_of
from shebao.policy.rulebook import standard

WAGE = "average_wage"
SHOWN_ROWS_MAX = 200  # people named one by one in the preview; the page of the batch lists all of them
LOOKS_LIKE_A_YEAR = 10  # times the present wage: most often the sum of twelve months


@dataclass(frozen=True, slots=True)
class YearSituation:
    """The year a row names (None: not one of those open now), its bounds, and the person as the year sees them."""

    year: DeclaredYear | None
    bounds: Bounds
    standing: YearStanding


UNKNOWN = Bounds(None, None, False)


def facts(filings: Sequence[Filing], context: Context) -> list[YearSituation]:
    """One query for each year that the rows name: one, unless somebody mixed templates."""
    named = [year_named(filing, context) for filing in filings]
    known: dict[int, tuple[Bounds, Mapping[str, YearStanding]]] = {}
    for year in {year.code: year for year in named if year}.values():
        numbers = [f.text("id_number") for f, y in zip(filings, named, strict=True) if y and y.code == year.code]
        known[year.code] = (
            bounds_of(standard(), year.first_month, context.place),
            year_standings(numbers, context.unit_id, year.code, year.first_month),
        )
    return [
        YearSituation(year, known[year.code][0], known[year.code][1].get(filing.text("id_number"), STRANGER))
        if year
        else YearSituation(None, UNKNOWN, STRANGER)
        for filing, year in zip(filings, named, strict=True)
    ]


def of_the_unit(filing: Filing, situation: YearSituation, context: Context) -> Refusal | None:
    """Only people who are insured through the unit when the year begins are declared."""
    year, seen = situation.year, situation.standing
    if year is None:
        return None
    if seen.open_from is None and seen.ended is not None:
        return Refusal("ANN-04", f"此人已办理暂停缴费，{month_shown(seen.ended)}起不再缴费，不用申报；请删除这一行", "id_number")
    if seen.open_from is None:
        return Refusal("ANN-03", "此人不在本单位参保，请核对身份号码；如是新职工，请先办理增员（续保）", "id_number")
    if seen.open_from > year.first_month:
        return Refusal(
            "ANN-05", f"此人 {month_shown(seen.open_from)}才在本单位参保，参保时已申报工资，{year.code} 年度不用申报", "id_number"
        )
    return None


def same_name(filing: Filing, situation: YearSituation, context: Context) -> Refusal | None:
    if not situation.standing.name or situation.standing.name == filing.text("name"):
        return None
    return Refusal("ANN-06", "姓名与参保登记的不一致，请核对身份号码和姓名", "name")


def clamped(filing: Filing, situation: YearSituation, context: Context) -> Refusal | None:
    """保底封顶 by the bounds of the year's first month: told, not refused."""
    wage, bounds = filing.number(WAGE), situation.bounds
    if wage is None or situation.year is None:
        return None
    later = "（按现行标准；新年度标准公布后，以公布数为准）" if bounds.provisional else ""
    if bounds.floor_fen is not None and wage < bounds.floor_fen:
        return Refusal("ANN-W1", f"低于缴费基数下限，将按 {yuan_shown(bounds.floor_fen)} 元保底{later}", WAGE)
    if bounds.cap_fen is not None and wage > bounds.cap_fen:
        return Refusal("ANN-W2", f"高于缴费基数上限，将按 {yuan_shown(bounds.cap_fen)} 元封顶{later}", WAGE)
    return None


def other_wages(filing: Filing, situation: YearSituation, context: Context) -> Refusal | None:
    """What else was declared for the months of the year."""
    seen, year = situation.standing, situation.year
    if year is None or not seen.person_id:
        return None
    if seen.later_month is not None:
        told = f"{yuan_shown(seen.later_fen or 0)} 元"
        return Refusal("ANN-W3", f"此人从 {month_shown(seen.later_month)}起已另行变更工资为 {told}，年度申报用到前一个月为止", WAGE)
    if seen.declared_fen is not None:
        return Refusal("ANN-W5", f"此人 {year.code} 年度已申报 {yuan_shown(seen.declared_fen)} 元，这次通过后以这次为准", WAGE)
    if seen.exact:
        return Refusal(
            "ANN-W4",
            f"此人从 {month_shown(year.first_month)}起已变更工资为 {yuan_shown(seen.wage_fen or 0)} 元，通过后以年度申报为准",
            WAGE,
        )
    return None


def plausible(filing: Filing, situation: YearSituation, context: Context) -> Refusal | None:
    wage, present = filing.number(WAGE), situation.standing.wage_fen
    if wage is None or not present or wage < present * LOOKS_LIKE_A_YEAR:
        return None
    return Refusal("ANN-W6", f"是现申报工资（{yuan_shown(present)} 元）的 {wage // present} 倍，请核对是否填成了全年合计", WAGE)


def perform(filings: Sequence[Filing], context: Context) -> None:
    found = facts(filings, context)
    months = {s.year.code: first_open_month(s.year, context) for s in found if s.year}
    declare_year(
        [
            YearWage(
                s.standing.person_id, context.unit_id, context.agency_id, s.year.code, months[s.year.code], f.number(WAGE) or 0, f.case_id
            )
            for f, s in zip(filings, found, strict=True)
            if s.year
        ],
        at=context.at,
    )


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    rows = [(f, s) for f, s in zip(filings, facts(filings, context), strict=True) if s.year and s.standing.open_from and f.number(WAGE)]
    if not rows:
        return MoneyEffect("对缴费的影响")
    year, bounds = rows[0][1].year, rows[0][1].bounds
    assert year is not None
    terms = find_terms(context.unit_id, year.first_month)
    wages = [f.number(WAGE) or 0 for f, _ in rows]
    masks = [s.standing.insurance_mask for _, s in rows]
    amounts = monthly_amounts([f for f, _ in rows], masks, wages, terms, context) if terms else ()
    return MoneyEffect(
        f"{year.code} 年度每月的缴费",
        amounts,
        (
            f"{year.span_shown}的缴费基数按本次申报核定。",
            f"{year.window_shown}。",
            *bounds_told(year, bounds, wages),
            "下表费率按现行标准。",
        ),
        (_people(rows, bounds),),
    )


def bounds_told(year: DeclaredYear, bounds: Bounds, wages: Sequence[int]) -> tuple[str, ...]:
    """保底封顶 in sentences: the bounds, or that they are not known; how many people meet them."""
    if bounds.floor_fen is None or bounds.cap_fen is None:
        return (f"{year.code} 年度的缴费基数上下限尚未公布，无法试算保底封顶；公布后由系统自动处理。",)
    low, high = sum(w < bounds.floor_fen for w in wages), sum(w > bounds.cap_fen for w in wages)
    limits = f"下限 {yuan_shown(bounds.floor_fen)} 元，上限 {yuan_shown(bounds.cap_fen)} 元"
    which = f"{year.code} 年度的上下限尚未公布，先按现行标准（{limits}）试算" if bounds.provisional else f"{year.code} 年度{limits}"
    return (f"{which}：保底 {low} 人，封顶 {high} 人，其余 {len(wages) - low - high} 人按申报数。",)


def _people(rows: Sequence[tuple[Filing, YearSituation]], bounds: Bounds) -> Table:
    def line(filing: Filing, seen: YearStanding) -> tuple[str, ...]:
        wage = filing.number(WAGE) or 0
        base = bounds.clamp(wage)
        before = yuan_shown(seen.wage_fen) if seen.wage_fen else "—"
        return (seen.name, mask_id_number(filing.text("id_number")), before, yuan_shown(wage), yuan_shown(base) if base else "待公布")

    note = f"只列出前 {SHOWN_ROWS_MAX} 人" if len(rows) > SHOWN_ROWS_MAX else ""
    shown = tuple(line(f, s.standing) for f, s in rows[:SHOWN_ROWS_MAX])
    return Table("申报前后", ("姓名", "身份号码", "现申报工资（元）", "上年度月平均工资（元）", "缴费基数（元）"), shown, note)


def compare(filing: Filing, situation: YearSituation, context: Context) -> Sequence[Change]:
    wage, present = filing.number(WAGE), situation.standing.wage_fen
    if wage is None or situation.year is None:
        return ()
    changes = [Change("申报工资（元）", yuan_shown(present) if present else "—", yuan_shown(wage))]
    before, after = situation.bounds.clamp(present) if present else None, situation.bounds.clamp(wage)
    return (*changes, Change("缴费基数（元）", yuan_shown(before) if before else "—", yuan_shown(after) if after else "待公布"))


def look_up(id_number: str, context: Context) -> Answer:
    found = years(context)
    if not found:
        refusal = unavailable(context)
        return Answer((("证件号码", mask_id_number(id_number)),), {}, (refusal,) if refusal else ())
    filing = Filing({"id_number": id_number, "year": str(found[0].code)})
    situation = facts([filing], context)[0]
    refusal, seen, year = of_the_unit(filing, situation, context), situation.standing, found[0]
    if refusal:
        return Answer((("证件号码", mask_id_number(id_number)),), {}, (refusal,), seen.person_id or None)
    bounds = situation.bounds
    known = bounds.floor_fen is not None and bounds.cap_fen is not None
    limits = f"{yuan_shown(bounds.floor_fen or 0)} 至 {yuan_shown(bounds.cap_fen or 0)} 元" if known else "尚未公布"
    told = [
        ("证件号码", mask_id_number(id_number)),
        ("登记姓名", seen.name),
        ("申报年度", year.span_shown),
        ("现申报工资", f"{yuan_shown(seen.wage_fen or 0)} 元"),
        ("缴费基数上下限", limits + ("（现行标准，新标准尚未公布）" if known and bounds.provisional else "")),
    ]
    if seen.declared_fen is not None:
        told.append(("本年度已申报", f"{yuan_shown(seen.declared_fen)} 元"))
    return Answer(tuple(told), {"name": seen.name, "year": str(year.code)}, (), seen.person_id)


def prefill(context: Context) -> Mapping[str, Value]:
    """A new form opens with the year to be expected."""
    found = years(context)
    return {"year": str(found[0].code)} if found else {}


def rows(context: Context) -> Iterator[Mapping[str, Value]]:
    """The unit's staff for the template: 上年度月平均工资 starts with the wage declared now and is what is to be changed."""
    found = years(context)
    if not found:
        return
    with acting(ENGINE):
        for member in year_staff(context.unit_id, found[0].first_month):
            yield {"year": str(found[0].code), "id_number": member.id_number, "name": member.name, WAGE: member.wage_fen}


def template_title(context: Context) -> str:
    """The seeds' name of the table: 武汉市2011年社会保险缴费工资基数申报表."""
    found = years(context)
    city = standard().place(context.place).label
    return f"{city}{found[0].code if found else ''}年社会保险缴费工资基数申报表"


ITEM = ServiceItem(
    code="enrolment.annual_wages",
    version=1,
    title="个人工资年度申报",
    prefix="NS",
    audience=frozenset({Audience.UNIT}),
    group="单位业务办理",
    icon="calendar2-check",
    fields=(
        YEAR,
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.money_amount(WAGE, "上年度月平均工资", hint="上一年度工资总额除以月数，单位：元；低于下限保底，高于上限封顶", width=20),
    ),
    facts=facts,
    checks=(right_year, of_the_unit, same_name),
    warns=(clamped, other_wages, plausible),
    review=automatic_if_vip,
    perform=perform,
    effect=effect,
    look_up=look_up,
    materials=("当年工资申报文件规定的相关资料", "上年度工资发放明细（按文件要求）"),
    guide=Guide(
        summary="每年据实申报本单位职工上年度月平均工资，核定下一社保年度的缴费基数。",
        who="已取得社会保险网上办事资格的参保单位；申报年度开始时在本单位参保的职工。",
        when="以社保经办机构当年下发的文件为准。",
        law=("《中华人民共和国社会保险法》第六十条", "《武汉市社会保险网上办事业务指南（单位篇）》第九条"),
        after="VIP 单位由系统自动审核；普通单位携带相关资料到所在辖区社保经办机构审核。新基数从社保年度的第一个月起执行。",
        words=("年度申报", "基数申报", "缴费基数", "年审", "工资申报", "上年度平均工资"),
    ),
    batch_rows_max=100_000,
    printout="",
    refusal_codes={
        "ANN-01": "现在没有可以申报的社保年度",
        "ANN-02": "社保年度不是现在可以申报的",
        "ANN-03": "不在本单位参保",
        "ANN-04": "已办理暂停缴费",
        "ANN-05": "社保年度开始以后才参保",
        "ANN-06": "姓名与参保登记的不一致",
        "ANN-W1": "提醒：按下限保底",
        "ANN-W2": "提醒：按上限封顶",
        "ANN-W3": "提醒：之后另有工资变更",
        "ANN-W4": "提醒：年度首月已有工资变更",
        "ANN-W5": "提醒：本年度已申报过",
        "ANN-W6": "提醒：可能填成了全年合计",
    },
    return_reasons=("申报工资与工资发放明细不一致，请核对", "资料不全，请按当年文件补充", "申报工资漏计奖金、津贴，请按工资总额重新计算"),
    prefill=prefill,
    rows=rows,
    available=unavailable,
    compare=compare,
    template_title=template_title,
    rows_fixed=True,
)
