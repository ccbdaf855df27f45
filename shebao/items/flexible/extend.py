"""延长缴费核定: past the age with too few years, a slip of the agency first, then paid by its number (seed 000, 五)."""

from collections.abc import Sequence

from shebao.casework import fields
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.items.enrolment.stop_employee import same_name
from shebao.items.flexible import situation as shared
from shebao.items.flexible import slips
from shebao.items.flexible.slips import Drafted, can_be_made, known
from shebao.levy.flexible_arrears import Slip, draft_extension
from shebao.policy.rulebook import standard


def draft(filing: Filing, person_id: int, context: Context) -> Slip:
    first, last = filing.number("first") or 0, filing.number("last") or 0
    return draft_extension(
        person_id,
        first,
        last,
        shared.percent_of(filing),
        filing.number("counted") or 0,
        agency_id=context.agency_id,
        place=context.place,
        rulebook=standard(),
        at=context.at,
    )


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Drafted]:
    return slips.facts(filings, context, draft)


def perform(filings: Sequence[Filing], context: Context) -> None:
    slips.perform(filings, context, draft)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return slips.effect(facts(filings, context))


ITEM = ServiceItem(
    code="flexible.extend",
    version=1,
    title="延长缴费核定",
    prefix="LY",
    audience=frozenset({Audience.COUNTER}),
    group=shared.GROUP,
    icon="hourglass-split",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        *shared.span_fields(),
        shared.tier_field(),
        fields.number("counted", "已缴费月数", 0, 600, hint="核对缴费记录后填写：实际缴费月数加视同缴费月数"),
    ),
    facts=facts,
    checks=(known, same_name, can_be_made),
    warns=(),
    review=shared.at_counter,
    perform=perform,
    effect=effect,
    look_up=slips.look_up,
    materials=("公民身份证原件及复印件", "缴费年限核对表"),
    guide=Guide(
        summary="到龄后缴费年限不足最低缴费年限的，由经办机构出具核定单后延长缴费。",
        who="超过灵活就业人员参保年龄、缴费年限不足的人员。",
        when="全月办理；只能缴本社保年度内、到本月为止的月份。",
        law=(f"{shared.SEED_2022}五", "《中华人民共和国社会保险法》第十六条"),
        after="本人凭核定流水号，通过税务或协作银行渠道缴费。",
        words=("延长缴费", "年限不足", "不足15年", "到龄"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={"ENR-23": "姓名与参保登记的不一致", "FLX-40": "不是在个人流动窗口办理"},
    return_reasons=("已缴费月数与缴费记录不一致，请核对",),
    available=shared.only_window,
)
