"""中断补缴: months that were not insured, or written off, paid later (seed 002) — under the rule of the day; since 2022 it is refused."""

from shebao.base.errors import Refusal
from shebao.base.terms import Insurance
from shebao.casework import fields
from shebao.casework.item import Context, Filing, Guide
from shebao.items.flexible import situation as shared
from shebao.items.flexible import slips
from shebao.items.flexible.slips import Drafted
from shebao.levy.flexible_arrears import Slip, draft_back
from shebao.policy.rulebook import standard


def draft(filing: Filing, person_id: int, context: Context) -> Slip:
    where = slips.span_of(filing)
    return draft_back(person_id, *where, agency_id=context.agency_id, place=context.place, rulebook=standard(), on=context.on)


def never_medical(filing: Filing, drafted: Drafted, context: Context) -> Refusal | None:
    if filing.text("insurance") != str(Insurance.MEDICAL.value):
        return None
    return Refusal("FLX-49", "中断的医疗保险不能补缴，注销的时间段不计入医疗保险实际缴费年限", "insurance")


ITEM = slips.slip_item(
    draft,
    code="flexible.pay_gap",
    version=1,
    title="中断补缴",
    prefix="LB",
    icon="calendar2-check",
    fields_=(
        fields.choice(
            "insurance",
            "险种",
            tuple((str(i.value), i.label) for i in (Insurance.PENSION, Insurance.MEDICAL)),
            default=str(Insurance.PENSION.value),
        ),
        *shared.span_fields(),
        shared.tier_field(hint="按补缴时的平均工资和所选档次计算"),
    ),
    checks=(never_medical,),
    materials=("本人签字的补缴申请", "公民身份证原件及复印件"),
    guide=Guide(
        summary="养老保险中断的月份（包括注销的月份）补缴。能否补缴、如何计算，依办理当日的规定。",
        who="在本经办机构的个人流动窗口参保过的灵活就业人员。",
        when="2022 年 2 月起，灵活就业人员中断缴费的不得以事后追溯方式补缴；此前的规定可以补缴并计利息。中断的医疗保险不能补缴。",
        law=(f"{shared.SEED_2022}四", f"{shared.SEED_2011}"),
        after="出具核定单，本人凭核定流水号缴费。",
        words=("补缴", "断缴", "断保", "中断"),
    ),
    refusal_codes=slips.REFUSED | {"FLX-49": "中断的医疗保险不能补缴"},
    return_reasons=("申请没有本人签字，请补充",),
)
