"""延长缴费核定: past the age with too few years, a slip of the agency first, then paid by its number (seed 000, 五).

How many months count is stated by the agency and held against what the system knows: fewer is refused, more needs a reason and a second
reviewer (papers may prove months that nobody entered yet).
"""

from collections.abc import Sequence
from dataclasses import replace

from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.item import Answer, Change, Context, Filing, Guide
from shebao.items.flexible import situation as shared
from shebao.items.flexible import slips
from shebao.items.flexible.slips import Drafted
from shebao.levy.counting import counted_months
from shebao.levy.flexible_arrears import Slip, draft_extension
from shebao.policy.rulebook import standard


def draft(filing: Filing, person_id: int, context: Context) -> Slip:
    where, counted = slips.span_of(filing), filing.number("counted") or 0
    return draft_extension(person_id, *where, counted, agency_id=context.agency_id, place=context.place, rulebook=standard(), at=context.at)


def agrees_with_record(filing: Filing, drafted: Drafted, context: Context) -> Refusal | None:
    stated, known = filing.number("counted"), drafted.counted
    if stated is None or known is None or stated == known.total:
        return None
    if stated < known.total:
        told = f"已缴费月数不能少于系统记录：{known.sentence()}，填写的 {stated} 个月少 {known.total - stated} 个月，请按系统记录填写"
        return Refusal("FLX-26", told, "counted", str(known.total))
    if filing.text("difference"):
        return None
    told = f"系统记录：{known.sentence()}，填写的 {stated} 个月多 {stated - known.total} 个月；有其他凭证的，请在“差异说明”写明"
    return Refusal("FLX-26", told, "difference", str(known.total))


def more_than_recorded(filing: Filing, drafted: Drafted, context: Context) -> Refusal | None:
    stated, known = filing.number("counted") or 0, drafted.counted
    if known is None or stated <= known.total:
        return None
    told = f"已缴费月数比系统记录多 {stated - known.total} 个月（{known.sentence()}），请核对凭证：{filing.text('difference')}"
    return Refusal("FLX-W3", told, "counted")


def two_people(filings: Sequence[Filing], context: Context) -> str:
    """More months than the system knows shorten what may be paid: a second one looks at the papers."""
    for filing, found in zip(filings, shared.situations(filings, context), strict=True):
        known = counted_months(found.standing.person_id or 0).total
        if (filing.number("counted") or 0) > known:
            return f"已缴费月数 {filing.number('counted')} 个月与系统记录的 {known} 个月不一致"
    return ""


def compare(filing: Filing, drafted: Drafted, context: Context) -> Sequence[Change]:
    if drafted.counted is None:
        return []
    return [Change("缴费月数（系统记录，填写）", drafted.counted.sentence(), f"{filing.number('counted')} 个月")]


def look_up(id_number: str, context: Context) -> Answer:
    answer = slips.look_up(id_number, context)
    if answer.person_id is None:
        return answer
    known = counted_months(answer.person_id)
    told = (*answer.facts, ("系统记录的缴费月数", known.sentence()))
    return Answer(told, {**answer.values, "counted": known.total}, answer.refusals, answer.person_id)


ITEM = slips.slip_item(
    draft,
    code="flexible.extend",
    version=2,
    title="延长缴费核定",
    prefix="LY",
    icon="hourglass-split",
    fields_=(
        *shared.span_fields(),
        shared.tier_field(),
        fields.number("counted", "已缴费月数", 0, 600, hint="实际缴费月数加视同缴费月数；查询后按系统记录填好，可按凭证改多"),
        fields.text(
            "difference", "差异说明", required=False, most=100, width=40, hint="比系统记录多的，写明凭证，例如档案中的原始缴费票据"
        ),
    ),
    checks=(agrees_with_record,),
    warns=(more_than_recorded,),
    look_up=look_up,
    compare=compare,
    second_review=two_people,
    materials=("公民身份证原件及复印件", "缴费年限核对表"),
    guide=Guide(
        summary="到龄后缴费年限不足最低缴费年限的，由经办机构出具核定单后延长缴费。",
        who="超过灵活就业人员参保年龄、缴费年限不足的人员。",
        when="全月办理；只能缴本社保年度内、到本月为止的月份。",
        law=(f"{shared.SEED_2022}五", "《中华人民共和国社会保险法》第十六条"),
        after="本人凭核定流水号，通过税务或协作银行渠道缴费。已缴费月数与系统记录不一致的，由两人审核。",
        words=("延长缴费", "年限不足", "不足15年", "到龄"),
    ),
    refusal_codes=slips.REFUSED | {"FLX-26": "已缴费月数与系统记录不一致", "FLX-W3": "提醒：已缴费月数多于系统记录"},
    return_reasons=("已缴费月数与缴费记录不一致，请核对",),
)
# As it was while the months were only stated: what was filed then is decided as it was filed.
FORMER = replace(
    ITEM,
    version=1,
    fields=tuple(f for f in ITEM.fields if f.name != "difference"),
    checks=tuple(c for c in ITEM.checks if c is not agrees_with_record),
    warns=(),
    second_review=None,
)
