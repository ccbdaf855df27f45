"""灵活就业欠费注销: what is owed is given up for good; the months do not count (seed 002). Two people decide."""

from collections.abc import Sequence

from shebao.base.errors import Refusal
from shebao.base.money import yuan_shown
from shebao.base.months import Month, month_shown
from shebao.casework import fields
from shebao.casework.item import Answer, Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem, Table
from shebao.items.enrolment.stop_employee import same_name
from shebao.items.flexible import situation as shared
from shebao.items.flexible.situation import Situation, known_here
from shebao.levy.flexible_arrears import why_not_written_off, write_off
from shebao.levy.models import DueState, FlexDue

WORD = "确认注销"
FOR_GOOD = "一旦欠费注销成功，表示本人放弃这段时间的缴费，无法恢复；注销的月份不计入养老保险实际缴费年限。"


def span_of(filing: Filing) -> tuple[Month, Month]:
    return filing.number("first") or 0, filing.number("last") or 0


def chosen(filing: Filing, situation: Situation) -> list[FlexDue]:
    """The dues in the span."""
    first, last = span_of(filing)
    return [due for due in situation.dues if first <= due.month <= last]


def owes(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if known_here(filing, situation, context):
        return None
    why = why_not_written_off(chosen(filing, situation), context.agency_id)
    return Refusal("FLX-20", why, "first") if why else None


def perform(filings: Sequence[Filing], context: Context) -> None:
    for filing, found in zip(filings, shared.situations(filings, context), strict=True):
        first, last = span_of(filing)
        write_off(
            found.standing.person_id or 0,
            first,
            last,
            agency_id=context.agency_id,
            place=context.place,
            case_id=filing.case_id,
            on=context.on,
            at=context.at,
        )


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    found = shared.situations(filings, context)
    dues = [d for f, s in zip(filings, found, strict=True) for d in chosen(f, s) if d.state == DueState.OPEN]
    rows = [(month_shown(d.month), f"{d.tier}%", yuan_shown(d.total_fen)) for d in dues]
    rows.append(("合计", "", yuan_shown(sum(d.total_fen for d in dues))))
    table = Table("注销的费款", ("费款所属期", "缴费档次", "金额（元）"), tuple(rows), "", frozenset({2}))
    return MoneyEffect("注销的后果", sentences=(FOR_GOOD,), tables=(table,))


def compare(filing: Filing, situation: Situation, context: Context) -> Sequence[Change]:
    open_fen = sum(due.total_fen for due in chosen(filing, situation) if due.state == DueState.OPEN)
    first, last = span_of(filing)
    label = f"{month_shown(first)}至 {month_shown(last)}欠费" if first and last else "欠费"
    return [Change(label, f"{yuan_shown(open_fen)} 元", "0.00 元（已注销，不可恢复）")] if open_fen else []


def two_people(filings: Sequence[Filing], context: Context) -> str:
    return "欠费注销不可恢复，影响缴费年限"


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    found = shared.situations([filing], context)[0]
    answer = shared.told(id_number, found, context, [r for r in (known_here(filing, found, context),) if r])
    open_ones = [due for due in found.dues if due.state == DueState.OPEN]
    if not open_ones:
        return answer
    months = f"{month_shown(open_ones[0].month)}至 {month_shown(open_ones[-1].month)}，共 {len(open_ones)} 个月"
    owed = ("欠费", f"{months}，{yuan_shown(sum(due.total_fen for due in open_ones))} 元")
    return Answer((*answer.facts, owed), answer.values, answer.refusals, answer.person_id)


ITEM = ServiceItem(
    code="flexible.cancel_arrears",
    version=1,
    title="灵活就业欠费注销",
    prefix="LX",
    audience=frozenset({Audience.COUNTER}),
    group=shared.GROUP,
    icon="x-octagon",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        *shared.span_fields(),
        fields.long_text("reason", "情况说明", most=200, hint="本人签字的申请请留存备查"),
        fields.confirm_word("confirm", "确认", WORD),
    ),
    facts=shared.situations,
    checks=(known_here, same_name, owes),
    warns=(),
    review=shared.at_counter,
    perform=perform,
    effect=effect,
    look_up=look_up,
    compare=compare,
    second_review=two_people,
    materials=("本人签字的欠费注销申请", "公民身份证原件及复印件"),
    guide=Guide(
        summary="灵活就业窗口形成的欠费，参保人可以根据自己的承受能力放弃缴纳，办理注销。",
        who="有没有缴纳、没有核定在缴费单上的费款的灵活就业人员。",
        when="随时办理；批扣期内不能办理。",
        law=(f"{shared.SEED_2011}",),
        after="注销的月份不计入缴费年限，不能恢复。按现行规定不能再补缴。",
        words=("取消欠费", "没钱交", "放弃缴费", "核销"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "ENR-23": "姓名与参保登记的不一致",
        "FLX-40": "不是在个人流动窗口办理",
        "FLX-25": "没有在本经办机构的窗口参保过",
        "FLX-20": "没有可以注销的欠费",
    },
    return_reasons=("申请没有本人签字，请补充", "月份与本人申请的不一致，请核对"),
    available=shared.only_window,
)
