"""参保关系订正: when somebody was insured, in which types, why it ended, was entered wrongly (seed 004, 二(四)1: 办理信息订正手续)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.base.months import month_of, month_shown, shift, span
from shebao.base.terms import Insurance, StopReason, mask_of
from shebao.casework import fields
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment.corrections import SpellCorrection, correct_spells, find_spell
from shebao.enrolment.models import Spell
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
from shebao.items.enrolment.situation import INSURANCE_CHOICES, names_of
from shebao.levy.differences import left_out
from shebao.parties.models import CorrectionKind
from shebao.parties.queries import find_terms, insured_since

PUT_RIGHT, CANCEL = "put_right", "cancel"
ACTIONS = ((PUT_RIGHT, "更正"), (CANCEL, "撤销（本不应参保）"))


@dataclass(frozen=True, slots=True)
class Facts:
    """The person, the spell at hand, what the correction would mean, and what the unit had at the time."""

    standing: Standing
    spell: Spell | None
    trial: Trial
    unit_since: int | None
    unit_mask: int | None
    left_out: tuple[int, ...]


def _target(filing: Filing, spell: Spell) -> SpellCorrection:
    """What the spell should have been. The last month that is typed is the last one with cover."""
    last, chosen = filing.number("to_month"), filing.values.get("insurances")
    mask = mask_of([Insurance(int(code)) for code in chosen]) if isinstance(chosen, list) and chosen else spell.insurance_mask
    cancelled = filing.text("way") == CANCEL
    to_month = shift(last, 1) if last else None
    reason = filing.text("stop_reason") if to_month else ""
    return SpellCorrection(
        spell.pk, mask, filing.number("from_month") or spell.from_month, to_month, reason, filing.case_id or None, cancelled
    )


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Facts]:
    found = []
    for f, standing in zip(filings, people(filings), strict=True):
        spell = find_spell(standing.person_id, context.unit_id, f.number("spell_from") or 0) if standing.person_id else None
        if spell is None:
            found.append(Facts(standing, None, NO_TRIAL, None, None, ()))
            continue
        target = _target(f, spell)
        ordered = target.to_month is None or target.to_month > target.from_month
        trial = tried(spell.person_id, lambda t=target: correct_spells([t], at=context.at)) if ordered else NO_TRIAL  # type: ignore[misc]
        terms = find_terms(context.unit_id, target.from_month)
        gaps = left_out(context.place, span(min(target.from_month, spell.from_month), max(target.from_month, spell.from_month)))
        found.append(Facts(standing, spell, trial, insured_since(context.unit_id), terms.insurance_mask if terms else None, tuple(gaps)))
    return found


def insured_here(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if found.spell is not None:
        return None
    here = covers_here(found.standing, context)
    if not here:
        return Refusal("COR-01", "此人没有在本单位参保的记录，请核对身份号码和单位", "id_number")
    told = "；".join(period(c.from_month, c.to_month) for c in here)
    return Refusal("COR-02", f"此人在本单位没有从这个月起的参保，已有的是：{told}", "spell_from", str(here[-1].from_month))


def same_name(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if not found.standing.name or found.standing.name == filing.text("name"):
        return None
    return Refusal("COR-03", f"姓名与登记的不一致（登记为 {found.standing.name}），请核对", "name")


def something_changes(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if found.spell is None or filing.text("way") == CANCEL:
        return None
    spell, target = found.spell, _target(filing, found.spell)
    now = (spell.insurance_mask, spell.from_month, spell.to_month, spell.stop_reason)
    if now != (target.insurance_mask, target.from_month, target.to_month, target.stop_reason):
        return None
    return Refusal("COR-04", "与现在登记的完全相同，不用订正", "from_month")


def in_order(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if found.spell is None or filing.text("way") == CANCEL:
        return None
    target, latest = _target(filing, found.spell), shift(month_of(context.on), 1)
    if target.to_month is not None and target.to_month <= target.from_month:
        return Refusal("COR-05", "最后缴费月早于起始月；如本不应参保，请选“撤销”", "to_month")
    if target.from_month > latest:
        return Refusal("COR-05", f"起始月不能晚于下月（{latest}）", "from_month", str(latest))
    if target.to_month is not None and target.to_month > latest:
        return Refusal("COR-05", f"最后缴费月不能晚于本月（{shift(latest, -1)}）；仍在保的请留空", "to_month")
    return None


def reason_with_an_end(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if filing.text("way") == CANCEL or bool(filing.number("to_month")) == bool(filing.text("stop_reason")):
        return None
    return Refusal("COR-06", "填了最后缴费月的须选停保原因，仍在保的两项都请留空", "stop_reason")


def within_the_units_terms(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if found.spell is None or filing.text("way") == CANCEL:
        return None
    target = _target(filing, found.spell)
    if found.unit_since is not None and target.from_month < found.unit_since:
        return Refusal("COR-07", f"本单位自{month_shown(found.unit_since)}起参保，起始月不能更早", "from_month", str(found.unit_since))
    changes = target.insurance_mask != found.spell.insurance_mask
    if changes and found.unit_mask is not None and target.insurance_mask != found.unit_mask:
        return Refusal("COR-08", f"职工参保险种须与单位一致，应为：{names_of(found.unit_mask)}", "insurances")
    return None


def can_be_done(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if found.trial.problem is None:
        return None
    return Refusal("COR-09", found.trial.problem.text, "from_month")


def months_nobody_charges(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if not found.left_out:
        return None
    told = "、".join(month_shown(month) for month in found.left_out[:3]) + ("等" if len(found.left_out) > 3 else "")
    return Refusal("COR-W1", f"{told}不在本系统核定范围，这些月份的费款不会补收或待退，请按历史数据处理", "from_month")


def _shown(mask: int, first: int, to_month: int | None, reason: str) -> str:
    ended = f"，{StopReason(reason).label}" if reason else ""
    return f"{period(first, to_month)}，{names_of(mask)}{ended}"


def _lines(filing: Filing, spell: Spell) -> tuple[str, str]:
    target = _target(filing, spell)
    before = _shown(spell.insurance_mask, spell.from_month, spell.to_month, spell.stop_reason)
    after = "撤销" if target.cancelled else _shown(target.insurance_mask, target.from_month, target.to_month, target.stop_reason)
    return before, after


def perform(filings: Sequence[Filing], context: Context) -> None:
    for f, standing in zip(filings, people(filings), strict=True):
        spell = find_spell(standing.person_id or 0, context.unit_id, f.number("spell_from") or 0)
        assert spell is not None, "checked in the same transaction"
        target, (before, after) = _target(f, spell), _lines(f, spell)
        line = course(f, context, spell.person_id, CorrectionKind.SPELL, "参保关系", before, after)
        corrected(spell.person_id, lambda t=target: correct_spells([t], at=context.at), line, f, context)  # type: ignore[misc]


def compare(filing: Filing, found: Facts, context: Context) -> Sequence[Change]:
    if found.spell is None:
        return []
    spell, target = found.spell, _target(filing, found.spell)
    if target.cancelled:
        return [Change("参保关系", _lines(filing, spell)[0], "撤销")]
    ends = [StopReason(code).label if code else "—" for code in (spell.stop_reason, target.stop_reason)]
    pairs = (
        ("参保时间", period(spell.from_month, spell.to_month), period(target.from_month, target.to_month)),
        ("参保险种", names_of(spell.insurance_mask), names_of(target.insurance_mask)),
        ("停保原因", *ends),
    )
    return [Change(label, before, after) for label, before, after in pairs if before != after]


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return money_of([found.trial for found in facts(filings[:1], context)])


def second_review(filings: Sequence[Filing], context: Context) -> str:
    return why_two([found.trial for found in facts(filings, context)])


ITEM = ServiceItem(
    code="corrections.correct_spell",
    version=1,
    title="参保关系订正",
    prefix="XG",
    audience=frozenset({Audience.COUNTER}),
    group=GROUP,
    icon="pencil-square",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.month("spell_from", "原参保起始月", hint="要订正的那一段现在登记的起始月，6 位数字"),
        fields.choice("way", "订正方式", ACTIONS, default=PUT_RIGHT),
        fields.month("from_month", "应为起始月", required=False, hint="不变请留空"),
        fields.month("to_month", "应为最后缴费月", required=False, hint="仍在保请留空"),
        fields.choice("stop_reason", "停保原因", tuple((r.value, r.label) for r in StopReason), required=False, hint="仍在保请留空"),
        fields.many("insurances", "应为险种", INSURANCE_CHOICES, required=False, hint="不变请都不选"),
        REASON,
    ),
    facts=facts,
    checks=(
        insured_here,
        same_name,
        something_changes,
        in_order,
        reason_with_an_end,
        within_the_units_terms,
        can_be_done,
    ),
    warns=(months_nobody_charges,),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=look_up,
    second_review=second_review,
    compare=compare,
    materials=("单位出具的订正说明（加盖公章）", "职工公民身份证复印件", "劳动合同、解除证明等能证明实际参保时间的材料"),
    guide=Guide(
        summary="已生效的参保起止月、险种、停保原因录错的，到窗口订正；原记录保留可查。",
        who="参保单位；由经办机构受理，另一人审核，涉及金额的再由第三人复核。",
        when="发现后及时办理。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》二（四）1：提交审核后如发现信息输录错误，需到辖区社保经办机构办理信息订正手续",),
        after="已核定月份应补收的并入下一张核定单，多缴的记为待退差额。",
        words=("改参保时间", "录错", "信息订正", "撤销参保", "停保时间错了"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "COR-01": "没有在本单位参保的记录",
        "COR-02": "没有从该月起的参保",
        "COR-03": "姓名与登记的不一致",
        "COR-04": "与现在登记的相同",
        "COR-05": "起止月不合理",
        "COR-06": "最后缴费月与停保原因没有同时填写",
        "COR-07": "起始月早于单位参保",
        "COR-08": "险种与单位不一致",
        "COR-09": "订正不能办理，原因见提示",
        "COR-W1": "提醒：有月份不在本系统核定范围",
    },
    return_reasons=("证明材料不足，请补充", "订正后的起止月与劳动合同不一致，请核对"),
)
