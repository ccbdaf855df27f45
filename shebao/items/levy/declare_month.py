"""月度申报 (自主申报): the unit declares what it owes for a month; the bill follows from it (seed 000, 二; 社会保险法 第六十二条)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal, ShebaoError
from shebao.base.money import FEN_MAX, yuan_shown
from shebao.base.months import month_of, month_shown, shift
from shebao.base.terms import SHORT_LABELS
from shebao.casework import fields
from shebao.casework.fields import Value
from shebao.casework.item import Amount, Audience, Change, Context, Filing, Guide, MoneyEffect, Review, ServiceItem, Subject, Table
from shebao.casework.models import Case
from shebao.levy import declaring
from shebao.levy.declared_queries import Stage, standings
from shebao.levy.statement import Movement, Statement, Sums, TypeRow, statement
from shebao.policy.declaration import declared_mask
from shebao.policy.rulebook import standard

PEOPLE_MAX = 10_000_000
HEADS = ("险种", *(m.label for m in Movement))


@dataclass(frozen=True, slots=True)
class Situation:
    """What stands in the way of declaring the month, and what was declared for it before."""

    error: ShebaoError | None
    former: tuple[int, int] | None  # people and fen


def month_in(filing: Filing) -> int:
    return filing.number("month") or 0


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Situation]:
    """A unit's filing has one row."""
    return [_situation(filing, context) for filing in filings]


def _situation(filing: Filing, context: Context) -> Situation:
    month = month_in(filing)
    wanted = declaring.Wanted(context.unit_id, context.agency_id, None, filing.number("headcount"), filing.number("total"))
    error = declaring.hindrance(wanted, place=context.place, month=month, at=context.at, rulebook=standard())
    former = declaring.last_declaration(context.unit_id, month)
    return Situation(error, (former.headcount, former.total_fen) if former else None)


def _when(situation: Situation, code: str, field: str = "month") -> Refusal | None:
    """The domain's own sentence, where that is what stands in the way."""
    error = situation.error
    return Refusal(code, error.text, field) if error is not None and error.code == code else None


def required(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    return _when(situation, "DCL-01")


def begun(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    return _when(situation, "DCL-02")


def anybody(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    return _when(situation, "DCL-03")


def anything_new(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    return _when(situation, "DCL-04")


def still_open(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    return _when(situation, "DCL-05")


def as_confirmed(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    return _when(situation, "DCL-06", "total")


def late(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    """补申报: told beforehand."""
    if month_in(filing) >= month_of(context.on):
        return None
    return Refusal("DCL-W1", f"{month_shown(month_in(filing))}已过，这是补申报；多缴的抵扣下期，少缴的请在新的截止日前补足", "month")


def available(context: Context) -> Refusal | None:
    """Nowhere but where a rule asks for it."""
    if declared_mask(standard(), month_of(context.on), context.place):
        return None
    return Refusal("DCL-01", "本统筹区不实行自主申报，由经办机构按参保登记核定，不用申报")


def next_month(context: Context) -> int:
    """The month that a new form is about: last month when it was determined at 110 % for want of a declaration, else this month."""
    present = month_of(context.on)
    last = standings(context.unit_id, context.place, [shift(present, -1)], context.on, standard())[0]
    return last.month if last.stage is Stage.ESTIMATED else present


def prefill(context: Context) -> Mapping[str, Value]:
    month = next_month(context)
    told = statement(context.unit_id, context.place, month, standard())
    return {"month": month, "headcount": told.this.heads or None, "total": told.this.total_fen or None}


def perform(filings: Sequence[Filing], context: Context) -> None:
    for filing in filings:
        case = Case.objects.get(pk=filing.case_id)
        declaring.declare(
            declaring.Wanted(
                context.unit_id,
                context.agency_id,
                filing.case_id,
                filing.number("headcount"),
                filing.number("total"),
                by=(case.submitted_by or case.created_by, case.created_by_name),
            ),
            place=context.place,
            month=month_in(filing),
            at=context.at,
            rulebook=standard(),
        )


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    months = [month for filing in filings if (month := filing.number("month"))]
    if not months:
        return MoneyEffect("月度申报表")
    told = statement(context.unit_id, context.place, months[0], standard())
    amounts = tuple(
        Amount(row.insurance.label, s.base_fen, s.unit_fen, s.person_fen) for row in told.declared if (s := row.sums[Movement.THIS]).heads
    )
    sentences = (
        f"{month_shown(told.month)}应申报 {told.this.heads:,} 人，合计 {yuan_shown(told.this.total_fen)} 元"
        f"（单位 {yuan_shown(told.this.unit_fen)} 元，个人 {yuan_shown(told.this.person_fen)} 元）。",
        "申报后的 10 个工作日内缴费，逾期按日加收滞纳金；核定单生成前有人员或基数变动，可以再次申报。",
    )
    return MoneyEffect(f"{month_shown(told.month)}申报表", amounts, sentences, (table_of(told),))


def table_of(told: Statement) -> Table:
    """上月 + 增加 − 减少 ± 变更 = 本月, by declared type."""
    rows = tuple((SHORT_LABELS[row.insurance], *_cells(row)) for row in told.declared)
    total = ("合计", *_cells(told.total))
    note = "上月含事后补缴；每格是人数和单位、个人合计金额（元）。医疗等不实行自主申报的险种按参保登记核定，一并列入核定单。"
    return Table("上月 + 增加 − 减少 ± 变更 = 本月", HEADS, (*rows, total) if rows else (), note, frozenset(range(1, len(HEADS))))


def _cells(row: TypeRow) -> list[str]:
    return [_cell(movement, row.sums[movement]) for movement in Movement]


def _cell(movement: Movement, sums: Sums) -> str:
    sign = {Movement.ADDED: "+", Movement.STOPPED: "−", Movement.CHANGED: "−" if sums.total_fen < 0 else "+"}.get(movement, "")
    if not sums.heads:
        return "—"
    return f"{sums.heads:,} 人　{sign}{yuan_shown(abs(sums.total_fen))}"


def compare(filing: Filing, situation: Situation, context: Context) -> Sequence[Change]:
    """What was declared before, beside what is declared now."""
    if situation.former is None:
        return ()
    heads, total_fen = situation.former
    return (
        Change("申报人数", f"{heads:,} 人", f"{filing.number('headcount') or 0:,} 人"),
        Change("申报合计金额", f"{yuan_shown(total_fen)} 元", f"{yuan_shown(filing.number('total') or 0)} 元"),
    )


def automatic(context: Context) -> Review:
    """The figures are the register's own; there is nothing to weigh."""
    return Review.AUTOMATIC


ITEM = ServiceItem(
    code="levy.declare_month",
    version=1,
    title="月度申报",
    prefix="SB",
    audience=frozenset({Audience.UNIT, Audience.COUNTER}),
    group="申报与缴费",
    icon="calendar2-check",
    subject=Subject.UNIT,
    fields=(
        fields.month("month", "费款所属期", core=True, hint="6 位数字；全月可申报，本月或以前漏报的月份"),
        fields.number("headcount", "申报人数", 1, PEOPLE_MAX, hint="以申报表为准：至少参加一个申报险种的人数"),
        fields.money_amount("total", "申报合计金额", most=FEN_MAX, hint="以申报表为准：申报险种的单位、个人部分合计，单位：元"),
    ),
    facts=facts,
    checks=(required, begun, anybody, anything_new, still_open, as_confirmed),
    warns=(late,),
    review=automatic,
    perform=perform,
    effect=effect,
    look_up=None,
    available=available,
    prefill=prefill,
    compare=compare,
    materials=("无需提交资料；工资发放资料请留存备查",),
    guide=Guide(
        summary="每月自主申报本单位应缴纳的养老、失业、工伤保险费，核定单按申报生成。",
        who="已取得社会保险网上办事资格、有在职参保人员的单位。",
        when="全月办理。申报后的 10 个工作日内完成缴费手续；不按规定申报的，按上月缴费额的 110% 核定，补办申报后结算。",
        law=(
            "社会保险法第六十二条",
            "社会保险费征缴暂行条例第十条",
            "极目新闻 2022-02-02《武汉社保新系统2月中旬上线》：参保单位每月申报缴纳社会保险费有哪些变化",
        ),
        after="系统按申报生成核定单，请在缴费截止日前到税务渠道缴纳；核定单生成前有变动的，可再次申报。",
        words=("自主申报", "每月申报", "缴费申报", "申报缴费", "月报"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "DCL-01": "该月在本统筹区不实行自主申报",
        "DCL-02": "该月还没有开始",
        "DCL-03": "没有需要申报的参保人员",
        "DCL-04": "已经申报过，之后没有变化",
        "DCL-05": "该月已核定，不能再申报",
        "DCL-06": "确认的人数或金额与申报表不一致",
        "DCL-W1": "提醒：这是补申报",
    },
    return_reasons=("申报人数与花名册不一致，请核对",),
)
