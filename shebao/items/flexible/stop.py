"""灵活就业暂停: from next month on nothing more is owed (seed 003, 五、停保)."""

from collections.abc import Sequence
from datetime import date

from shebao.base.errors import Refusal
from shebao.base.months import month_of, month_shown, shift
from shebao.base.terms import StopReason
from shebao.casework import fields
from shebao.casework.item import Answer, Audience, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment import tiers
from shebao.enrolment.operations import Stop
from shebao.items.enrolment.stop_employee import same_name
from shebao.items.flexible import situation as shared
from shebao.items.flexible.situation import Situation, insured_here
from shebao.levy.models import DueState
from shebao.levy.months import hold

REASONS = tuple(
    (reason.value, label)
    for reason, label in (
        (StopReason.MOVED_WITHIN_POOL, "已就业，由单位参保（统筹范围内转出）"),
        *((r, r.label) for r in (StopReason.JOINED_ARMY, StopReason.STUDYING, StopReason.IN_PRISON, StopReason.ENTITLED, StopReason.OTHER)),
    )
)


def stopped_on(filing: Filing, context: Context) -> date:
    text = filing.text("stopped_on")
    return date.fromisoformat(text) if text else context.on


def within_this_month(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    day = stopped_on(filing, context)
    if month_of(day) == month_of(context.on) and day <= context.on:
        return None
    told = f"停保日期应在本月 1 日至今天（{context.on.isoformat()}）之间；停保从次月起生效，不能追溯"
    return Refusal("FLX-47", told, "stopped_on", context.on.isoformat())


def still_owes(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    months = [due.month for due in situation.dues if due.state in (DueState.OPEN, DueState.BILLED)]
    if not months:
        return None
    return Refusal("FLX-W1", f"还有 {len(months)} 个月没有缴费（{month_shown(months[0])}起）；停保后本社保年度内仍可缴纳，逾期不能再缴")


def perform(filings: Sequence[Filing], context: Context) -> None:
    ends = shift(month_of(context.on), 1)
    hold(context.place, [month_of(context.on), ends])
    found = shared.situations(filings, context)
    stops = [
        Stop(s.standing.person_id or 0, context.unit_id, ends, f.text("reason"), f.case_id) for f, s in zip(filings, found, strict=True)
    ]
    tiers.stop(stops, at=context.at)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    start = month_shown(shift(month_of(context.on), 1))
    told = (f"{start}起不再生成应缴；本月（{month_shown(month_of(context.on))}）仍可缴费。", "中断的月份以后不能补缴。")
    return MoneyEffect("对缴费的影响", sentences=told)


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    found = shared.situations([filing], context)[0]
    return shared.told(id_number, found, context, [r for r in (insured_here(filing, found, context),) if r])


ITEM = ServiceItem(
    code="flexible.stop",
    version=1,
    title="灵活就业暂停",
    prefix="LT",
    audience=frozenset({Audience.COUNTER}),
    group=shared.GROUP,
    icon="person-dash",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.choice("reason", "停保原因", REASONS, width=20),
        fields.day("stopped_on", "停保日期", hint="本月内，不晚于今天"),
    ),
    facts=shared.situations,
    checks=(insured_here, same_name, within_this_month),
    warns=(still_owes,),
    review=shared.at_counter,
    perform=perform,
    effect=effect,
    look_up=look_up,
    materials=("公民身份证原件及复印件",),
    guide=Guide(
        summary="灵活就业人员暂停缴费；找到工作的，先在这里停保，再由单位参保。",
        who="在个人流动窗口参保的灵活就业人员。",
        when="全月办理，次月起生效。",
        law=(f"{shared.SEED}五", f"{shared.SEED_2011}"),
        after="次月起不再生成应缴。本社保年度内没有缴的月份仍可缴纳，逾年度不能再缴。",
        words=("停保", "找到工作", "停缴", "不交了"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "ENR-23": "姓名与参保登记的不一致",
        "FLX-40": "不是在个人流动窗口办理",
        "FLX-41": "没有在本窗口参保，或已暂停缴费",
        "FLX-47": "停保日期不在本月，或晚于今天",
        "FLX-W1": "提醒：还有没有缴费的月份",
    },
    return_reasons=("停保原因与提供的资料不一致，请核对",),
    available=shared.only_window,
)
