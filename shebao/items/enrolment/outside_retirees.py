"""非统筹退休人员工资申报: the pensions of a unit's retirees whom another pool pays, year by year.

Seed 004, 九: “如存在未在我市参加基本养老保险的退休职工”; “非我市中心城区统筹范围退休人员及机关事业单位退休人员养老金申报操作与本操作类似”.
No document says at which rate anything is paid from them, so nothing is charged.
"""

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
from shebao.enrolment.annual import NewRetiree, declare_retirees, end_retirees
from shebao.enrolment.annual_queries import RetireeStanding, retiree_standings, retirees
from shebao.enrolment.models import RetireeKind
from shebao.items.enrolment.annual_years import YEAR, first_open_month, right_year, unavailable, year_named, years
from shebao.items.enrolment.situation import automatic_if_vip
from shebao.parties.operations import NewPerson, register_people
from shebao.policy.annual import DeclaredYear
from shebao.policy.rulebook import standard

PENSION, DECLARE, END = "average_pension", "declare", "end"
SHOWN_ROWS_MAX = 200
NOBODY = RetireeStanding(0, "", None, "", "")


@dataclass(frozen=True, slots=True)
class Known:
    """The year a row names (None: not one of those open now) and what the registers know of the person."""

    year: DeclaredYear | None
    standing: RetireeStanding


def facts(filings: Sequence[Filing], context: Context) -> list[Known]:
    named = [year_named(filing, context) for filing in filings]
    known: dict[int, Mapping[str, RetireeStanding]] = {}
    for year in {year.code: year for year in named if year}.values():
        numbers = [f.text("id_number") for f, y in zip(filings, named, strict=True) if y and y.code == year.code]
        known[year.code] = retiree_standings(numbers, context.unit_id, year.first_month)
    return [
        Known(year, known[year.code].get(filing.text("id_number"), NOBODY) if year else NOBODY)
        for filing, year in zip(filings, named, strict=True)
    ]


def same_name(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if not known.standing.name or known.standing.name == filing.text("name"):
        return None
    return Refusal("ANN-06", "姓名与参保登记的不一致，请核对身份号码和姓名", "name")


def on_no_other_register(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if not known.standing.other_unit or filing.text("change") == END:
        return None
    return Refusal("ANN-10", f"此人已由{known.standing.other_unit}申报为非统筹退休人员，请联系该单位停止申报后再办", "id_number")


def retired(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if not known.standing.staff_of or filing.text("change") == END:
        return None
    return Refusal(
        "ANN-11", f"此人在{known.standing.staff_of}参加基本养老保险，不是非统筹退休人员；在职职工请用“个人工资年度申报”", "id_number"
    )


def may_end(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if filing.text("change") != END or known.standing.here is not None or known.year is None:
        return None
    return Refusal("ANN-12", "此人不在本单位的非统筹退休人员名册里，不用停止申报；请删除这一行", "id_number")


def pension_given(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if filing.text("change") == END or filing.number(PENSION) is not None:
        return None
    return Refusal("ANN-13", "请填写上年度月平均养老金", PENSION)


def unchanged(filing: Filing, known: Known, context: Context) -> Refusal | None:
    here, year = known.standing.here, known.year
    if here is None or year is None or here.from_month < year.first_month or filing.text("change") == END:
        return None
    return Refusal("ANN-W5", f"此人 {year.code} 年度已申报 {yuan_shown(here.pension_fen)} 元，这次通过后以这次为准", PENSION)


def perform(filings: Sequence[Filing], context: Context) -> None:
    found = facts(filings, context)
    months = {k.year.code: first_open_month(k.year, context) for k in found if k.year}
    pairs = [(f, k, months[k.year.code]) for f, k in zip(filings, found, strict=True) if k.year]
    coming = [(f, month) for f, _, month in pairs if f.text("change") != END]
    people = register_people([NewPerson(f.text("id_number"), f.text("name")) for f, _ in coming], at=context.at)
    declare_retirees(
        [
            NewRetiree(
                people[f.text("id_number")], context.unit_id, context.agency_id, f.text("kind"), f.number(PENSION) or 0, month, f.case_id
            )
            for f, month in coming
        ],
        at=context.at,
    )
    for month in sorted({month for f, _, month in pairs if f.text("change") == END}):
        leaving = [(k.standing.person_id, f.case_id) for f, k, m in pairs if f.text("change") == END and m == month]
        end_retirees([person for person, _ in leaving], context.unit_id, month, case_id=leaving[0][1], at=context.at)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    rows = [(f, k) for f, k in zip(filings, facts(filings, context), strict=True) if k.year]
    if not rows:
        return MoneyEffect("对缴费的影响")
    year = rows[0][1].year
    assert year is not None
    coming = [(f, k) for f, k in rows if f.text("change") != END]
    total = sum(f.number(PENSION) or 0 for f, _ in coming)
    told = f"{year.span_shown}：申报 {len(coming)} 人，月养老金合计 {yuan_shown(total)} 元；停止申报 {len(rows) - len(coming)} 人。"
    columns = ("姓名", "身份号码", "原登记养老金（元）", "本次申报（元）")
    lines = tuple(
        (f.text("name"), mask_id_number(f.text("id_number")), _before(k), "停止申报" if f.text("change") == END else _after(f))
        for f, k in rows[:SHOWN_ROWS_MAX]
    )
    note = f"只列出前 {SHOWN_ROWS_MAX} 人" if len(rows) > SHOWN_ROWS_MAX else ""
    return MoneyEffect("登记的养老金", (), (told, rate_told(context)), (Table("申报前后", columns, lines, note),))


def rate_told(context: Context) -> str:
    """Whether anything is computed from the pensions, in the words of the rule book."""
    rule = standard().find("outside_retiree.rate", context.on, context.place)
    if rule is None or rule.value is None:
        return "按养老金缴费（或划账）的比例未见公布，本次只登记养老金数额，不产生应缴金额。"
    return f"按养老金缴费（或划账）的比例：{rule.shown()}（{rule.status.label}）；金额由社保经办机构核定。"


def _before(known: Known) -> str:
    return yuan_shown(known.standing.here.pension_fen) if known.standing.here else "未登记"


def _after(filing: Filing) -> str:
    return yuan_shown(filing.number(PENSION) or 0)


def compare(filing: Filing, known: Known, context: Context) -> Sequence[Change]:
    return (Change("月养老金（元）", _before(known), "停止申报" if filing.text("change") == END else _after(filing)),)


def look_up(id_number: str, context: Context) -> Answer:
    found = years(context)
    told = [("证件号码", mask_id_number(id_number))]
    if not found:
        refusal = unavailable(context)
        return Answer(tuple(told), {}, (refusal,) if refusal else ())
    filing = Filing({"id_number": id_number, "year": str(found[0].code)})
    known = facts([filing], context)[0]
    stands = [r for check in (on_no_other_register, retired) if (r := check(filing, known, context))]
    here = known.standing.here
    values: dict[str, Value] = {"year": str(found[0].code)}
    if here:
        values |= {"name": known.standing.name, "kind": here.kind}
        told += [
            ("登记姓名", known.standing.name),
            ("登记养老金", f"{yuan_shown(here.pension_fen)} 元（{month_shown(here.from_month)}起）"),
        ]
    else:
        told.append(("登记情况", "不在本单位的非统筹退休人员名册里，本次申报后列入"))
    return Answer(tuple(told), values, tuple(stands), known.standing.person_id or None)


def prefill(context: Context) -> Mapping[str, Value]:
    """A new form opens with the year to be expected."""
    found = years(context)
    return {"year": str(found[0].code)} if found else {}


def rows(context: Context) -> Iterator[Mapping[str, Value]]:
    """The unit's register for the template, with the pensions declared last."""
    found = years(context)
    if not found:
        return
    with acting(ENGINE):
        for r in retirees(context.unit_id, found[0].first_month):
            year = str(found[0].code)
            yield {"year": year, "id_number": r.id_number, "name": r.name, "kind": r.kind, PENSION: r.pension_fen, "change": DECLARE}


ITEM = ServiceItem(
    code="enrolment.outside_retirees",
    version=1,
    title="非统筹退休人员工资申报",
    prefix="TX",
    audience=frozenset({Audience.UNIT}),
    group="单位业务办理",
    icon="person-vcard",
    fields=(
        YEAR,
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.choice("kind", "人员类别", [(k.value, str(k.label)) for k in RetireeKind], width=34),
        fields.money_amount(
            PENSION, "上年度月平均养老金", required=False, hint="发放地核发的月养老金，单位：元；停止申报的可不填", width=20
        ),
        fields.choice("change", "办理类型", ((DECLARE, "申报"), (END, "停止申报")), default=DECLARE, hint="去世、转出等填“停止申报”"),
    ),
    facts=facts,
    checks=(right_year, same_name, on_no_other_register, retired, may_end, pension_given),
    warns=(unchanged,),
    review=automatic_if_vip,
    perform=perform,
    effect=effect,
    look_up=look_up,
    materials=("当年工资申报文件规定的相关资料", "养老金发放证明"),
    guide=Guide(
        summary="申报未在我市参加基本养老保险的退休职工的养老金。",
        who="有非我市中心城区统筹范围退休人员、机关事业单位退休人员的参保单位。",
        when="以社保经办机构当年下发的文件为准。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》第九条",),
        after="VIP 单位由系统自动审核；普通单位携带相关资料到所在辖区社保经办机构审核。比例未见公布前只登记数额，不产生应缴金额。",
        words=("退休人员申报", "养老金申报", "非统筹", "退休工资"),
    ),
    batch_rows_max=100_000,
    printout="",
    refusal_codes={
        "ANN-02": "社保年度不是现在可以申报的",
        "ANN-06": "姓名与参保登记的不一致",
        "ANN-10": "已由另一单位申报",
        "ANN-11": "在职参保，不是退休人员",
        "ANN-12": "不在名册里，不用停止申报",
        "ANN-13": "没有填写养老金",
        "ANN-W5": "提醒：本年度已申报过",
    },
    return_reasons=("养老金与发放证明不一致，请核对", "资料不全，请按当年文件补充"),
    prefill=prefill,
    rows=rows,
    available=unavailable,
    compare=compare,
)
