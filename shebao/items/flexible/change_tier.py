"""缴费档次变更: another of the nine tiers, from next month on (seed 002: 可随时调整，次月按新的缴费档次缴纳)."""

from collections.abc import Sequence

from shebao.base.errors import Refusal
from shebao.base.months import month_of, month_shown, shift
from shebao.casework import fields
from shebao.casework.item import Answer, Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment import tiers
from shebao.items.enrolment.stop_employee import same_name
from shebao.items.flexible import situation as shared
from shebao.items.flexible.situation import Situation, insured_here
from shebao.levy.months import hold


def another(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.tier_in(shift(month_of(context.on), 1)) != shared.percent_of(filing):
        return None
    return Refusal("FLX-48", f"次月的缴费档次已经是 {shared.percent_of(filing)}%，没有变更", "percent")


def tier_known(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    return shared.tier_allowed(shared.percent_of(filing), shift(month_of(context.on), 1), context)


def perform(filings: Sequence[Filing], context: Context) -> None:
    start = shift(month_of(context.on), 1)
    hold(context.place, [start])
    found = shared.situations(filings, context)
    tiers.change(
        [
            tiers.NewFlexible(s.standing.person_id or 0, context.unit_id, context.agency_id, shared.percent_of(f), start, f.case_id)
            for f, s in zip(filings, found, strict=True)
        ],
        at=context.at,
    )


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return shared.monthly([shared.percent_of(f) for f in filings], shift(month_of(context.on), 1), context)


def compare(filing: Filing, situation: Situation, context: Context) -> Sequence[Change]:
    start = shift(month_of(context.on), 1)
    now = situation.tier_in(start)
    return [Change(f"缴费档次（{month_shown(start)}起）", f"{now}%" if now else "未选择", f"{shared.percent_of(filing)}%")]


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    found = shared.situations([filing], context)[0]
    return shared.told(id_number, found, context, [r for r in (insured_here(filing, found, context),) if r])


ITEM = ServiceItem(
    code="flexible.change_tier",
    version=1,
    title="缴费档次变更",
    prefix="LD",
    audience=frozenset({Audience.COUNTER}),
    group=shared.GROUP,
    icon="sliders",
    fields=(fields.id_number("id_number"), fields.name("name", "姓名"), shared.tier_field("新缴费档次", "次月起按新的档次缴费")),
    facts=shared.situations,
    checks=(insured_here, same_name, another, tier_known),
    warns=(),
    review=shared.at_counter,
    perform=perform,
    effect=effect,
    look_up=look_up,
    compare=compare,
    materials=("公民身份证原件及复印件",),
    guide=Guide(
        summary="在九个缴费档次（平均工资的 60% 至 300%）中另选一档。",
        who="在个人流动窗口参保的灵活就业人员。",
        when="随时办理，次月起按新的档次缴费。",
        law=(f"{shared.SEED}二、七（3）", f"{shared.SEED_2011}", f"{shared.SEED_2022}二"),
        after="次月起生成的应缴按新的档次；本社保年度内没有缴的月份，缴费时可以另选档次核定。",
        words=("调整档次", "换档", "缴费基数", "多交", "少交"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "ENR-23": "姓名与参保登记的不一致",
        "FLX-40": "不是在个人流动窗口办理",
        "FLX-41": "没有在本窗口参保，或已暂停缴费",
        "FLX-48": "档次没有变化",
    },
    return_reasons=("档次与本人申请的不一致，请核对",),
    available=shared.only_window,
)
