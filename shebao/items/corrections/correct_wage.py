"""申报工资订正: the declared wage of past months was entered wrongly (seed 004, 二(四)1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.base.money import yuan_shown
from shebao.base.months import iso, month_of, shift
from shebao.casework import fields
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment.corrections import WageCorrection, correct_wages, wages_of
from shebao.enrolment.models import Wage
from shebao.enrolment.queries import Standing
from shebao.items.corrections.common import (
    GROUP,
    NO_TRIAL,
    REASON,
    Trial,
    at_the_counter,
    corrected,
    course,
    covers_here,
    look_up,
    money_of,
    people,
    period,
    tried,
    why_two,
)
from shebao.items.enrolment.situation import clamped
from shebao.parties.models import CorrectionKind


@dataclass(frozen=True, slots=True)
class Facts:
    """The person, the wages of the months at hand, what the correction would mean."""

    standing: Standing
    wages: tuple[Wage, ...]
    trial: Trial


def _target(filing: Filing, person_id: int, context: Context) -> WageCorrection:
    last = filing.number("to_month")
    return WageCorrection(
        person_id,
        context.unit_id,
        filing.number("from_month") or 0,
        shift(last, 1) if last else None,
        filing.number("declared_wage") or 0,
        filing.case_id or None,
    )


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Facts]:
    found = []
    for f, standing in zip(filings, people(filings), strict=True):
        if standing.person_id is None:
            found.append(Facts(standing, (), NO_TRIAL))
            continue
        target = _target(f, standing.person_id, context)
        ordered = target.to_month is None or target.to_month > target.from_month
        trial = tried(standing.person_id, lambda t=target: correct_wages([t], at=context.at)) if ordered else NO_TRIAL  # type: ignore[misc]
        inside = [
            w
            for w in wages_of(standing.person_id, context.unit_id)
            if (target.to_month is None or w.from_month < target.to_month) and (w.to_month is None or w.to_month > target.from_month)
        ]
        found.append(Facts(standing, tuple(inside), trial))
    return found


def insured_here(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if covers_here(found.standing, context):
        return None
    return Refusal("COR-01", "此人没有在本单位参保的记录，请核对身份号码和单位", "id_number")


def same_name(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if not found.standing.name or found.standing.name == filing.text("name"):
        return None
    return Refusal("COR-03", f"姓名与登记的不一致（登记为 {found.standing.name}），请核对", "name")


def in_order(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    first, last, this = filing.number("from_month") or 0, filing.number("to_month"), month_of(context.on)
    if first > this:
        return Refusal("COR-05", f"起始月不能晚于本月（{this}）；以后的工资请办理“个人工资变更”", "from_month", str(this))
    if last is not None and last < first:
        return Refusal("COR-05", "最后月份早于起始月，请核对", "to_month")
    return None


def something_changes(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if not found.wages or any(w.wage_fen != filing.number("declared_wage") for w in found.wages):
        return None
    return Refusal("COR-04", "与现在登记的完全相同，不用订正", "declared_wage")


def can_be_done(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if found.trial.problem is None:
        return None
    return Refusal("COR-09", found.trial.problem.text, "from_month")


def _before(wages: Sequence[Wage]) -> str:
    return "；".join(f"{period(w.from_month, w.to_month)} {yuan_shown(w.wage_fen)} 元" for w in wages)


def perform(filings: Sequence[Filing], context: Context) -> None:
    for f, found in zip(filings, facts(filings, context), strict=True):
        person_id = found.standing.person_id or 0
        target = _target(f, person_id, context)
        after = f"{period(target.from_month, target.to_month)} {yuan_shown(target.wage_fen)} 元"
        line = course(f, context, person_id, CorrectionKind.WAGE, "申报工资", _before(found.wages), after)
        corrected(person_id, lambda t=target: correct_wages([t], at=context.at), line, f, context)  # type: ignore[misc]


def compare(filing: Filing, found: Facts, context: Context) -> Sequence[Change]:
    wage = f"{yuan_shown(filing.number('declared_wage') or 0)} 元"
    last = filing.number("to_month")
    months = f"{iso(filing.number('from_month') or 0)} 至 {iso(last)}" if last else f"{iso(filing.number('from_month') or 0)} 起"
    return [Change(f"申报工资（{months}）", _before(found.wages) or "—", wage)]


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return money_of([found.trial for found in facts(filings[:1], context)])


def second_review(filings: Sequence[Filing], context: Context) -> str:
    return why_two([found.trial for found in facts(filings, context)])


ITEM = ServiceItem(
    code="corrections.correct_wage",
    version=1,
    title="申报工资订正",
    prefix="XZ",
    audience=frozenset({Audience.COUNTER}),
    group=GROUP,
    icon="calculator",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.month("from_month", "起始月"),
        fields.month("to_month", "最后月份", required=False, hint="含该月；从起始月一直到现在的请留空"),
        fields.money_amount("declared_wage", "应为申报工资", hint="月工资合计，单位：元；低于下限保底，高于上限封顶"),
        REASON,
    ),
    facts=facts,
    checks=(insured_here, same_name, in_order, something_changes, can_be_done),
    warns=(clamped,),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=look_up,
    second_review=second_review,
    compare=compare,
    materials=("单位出具的订正说明（加盖公章）", "职工公民身份证复印件", "所订正月份的工资单或其他相关收入证明资料"),
    guide=Guide(
        summary="已生效月份的申报工资录错的，到窗口订正；以后的工资在网上办理“个人工资变更”。",
        who="参保单位；由经办机构受理，另一人审核，涉及金额的再由第三人复核。",
        when="发现后及时办理。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》二（四）1",),
        after="已核定月份应补收的并入下一张核定单，多缴的记为待退差额。",
        words=("工资录错", "补差", "改以前的工资", "基数错了"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "COR-01": "没有在本单位参保的记录",
        "COR-03": "姓名与登记的不一致",
        "COR-04": "与现在登记的相同",
        "COR-05": "起止月不合理",
        "COR-09": "订正不能办理，原因见提示",
        "ENR-W1": "提醒：按下限保底",
        "ENR-W2": "提醒：按上限封顶",
    },
    return_reasons=("工资证明与订正的金额不一致，请核对", "证明材料不足，请补充"),
)
