"""月度核定, explained: one person's month as steps that a citizen can follow with a calculator."""

from dataclasses import replace

from shebao.base.money import yuan_shown
from shebao.base.months import Month, month_shown
from shebao.base.terms import SHORT_LABELS, Insurance, Payer, insurances_in
from shebao.policy.explain import Explained, Step, rounded
from shebao.policy.formulas import PPM
from shebao.policy.formulas.levy import clamped, contribution
from shebao.policy.levy import BASE_RULES, MonthRates, assess_one, month_rates
from shebao.policy.relief import Reduction, relief_sentence
from shebao.policy.rulebook import Rulebook
from shebao.policy.shapes import percent

PAYER_LABELS = {Payer.UNIT: "单位缴纳", Payer.PERSON: "个人缴纳"}
_BASE_LABELS = {"pension.base": "养老、失业、工伤保险缴费基数", "medical.base": "医疗、生育保险缴费基数"}


def explain_month(wage_fen: int, mask: int, injury_class: int, month: Month, place: str, rulebook: Rulebook, size: str = "") -> Explained:
    """How one person's amounts of a month came about. size: 企业规模, for months of a relief.

    Steps: 'pension.base', 'medical.base' (where a type needs it), then '<type>.unit' and '<type>.person', then 'unit_total' and
    'person_total'. A merged type has one step '<type>' without an amount. Of a relieved type '<type>.unit.before' is the normal amount.
    Raises: RuleMissing, InjuryClassUnknown, UnitSizeUnknown, UnknownPlace, as `assess`.
    """
    rates = month_rates(rulebook, month, place)
    amounts = assess_one(wage_fen, mask, injury_class, rates, size)
    reduced = rates.relief.of(size) if rates.relief and mask & rates.relief.mask else {}
    steps = _bases(wage_fen, mask, rates)
    bases = {step.key: step.amount_fen or 0 for step in steps}
    for insurance in insurances_in(mask):
        if insurance in rates.merged:
            steps.append(_merged(insurance, rates))
            continue
        for payer in Payer:
            base_fen = bases[BASE_RULES[insurance]] if insurance in BASE_RULES else 0
            owed_fen = amounts[insurance, payer]
            if payer is Payer.UNIT and insurance in reduced:
                before_fen = contribution(base_fen, rates.rate_ppm(insurance, payer, injury_class))
                normal = _amount(insurance, payer, base_fen, before_fen, injury_class, rates)
                steps.append(replace(normal, key=f"{normal.key}.before", label=f"{normal.label}（减免前）"))
                steps.append(_relieved(normal, before_fen, owed_fen, reduced[insurance]))
            else:
                steps.append(_amount(insurance, payer, base_fen, owed_fen, injury_class, rates))
    for payer in Payer:
        parts = [amounts[insurance, payer] for insurance in insurances_in(mask)]
        steps.append(_total(payer, parts))
    inputs = (
        ("参保地", f"{rates.place_label}（{rates.place}）"),
        ("费款所属期", month_shown(month)),
        ("申报工资", f"{yuan_shown(wage_fen)} 元"),
        ("参保险种", "、".join(SHORT_LABELS[insurance] for insurance in insurances_in(mask))),
        ("工伤行业风险类别", f"{injury_class} 类"),
    )
    return Explained("社会保险费月应缴额", inputs, tuple(steps))


def _bases(wage_fen: int, mask: int, rates: MonthRates) -> list[Step]:
    steps: list[Step] = []
    for rule_id, label in _BASE_LABELS.items():
        owners = [i for i in insurances_in(mask) if BASE_RULES.get(i) == rule_id and i in rates.floor_fen]
        if owners:
            floor_fen, cap_fen = rates.floor_fen[owners[0]], rates.cap_fen[owners[0]]
            base_fen = clamped(wage_fen, floor_fen, cap_fen)
            sentence = _clamped_shown(wage_fen, floor_fen, cap_fen, base_fen)
            steps.append(Step(rule_id, label, sentence, base_fen, (rates.rules_of[owners[0]][0],)))
    return steps


def _clamped_shown(wage_fen: int, floor_fen: int, cap_fen: int, base_fen: int) -> str:
    if wage_fen < floor_fen:
        where = f"低于下限 {yuan_shown(floor_fen)} 元，保底"
    elif wage_fen > cap_fen:
        where = f"高于上限 {yuan_shown(cap_fen)} 元，封顶"
    else:
        where = f"在下限 {yuan_shown(floor_fen)} 元与上限 {yuan_shown(cap_fen)} 元之间"
    return f"申报工资 {yuan_shown(wage_fen)} 元，{where}，按 {yuan_shown(base_fen)} 元计"


def _amount(insurance: Insurance, payer: Payer, base_fen: int, amount_fen: int, injury_class: int, rates: MonthRates) -> Step:
    label = f"{insurance.label}{PAYER_LABELS[payer]}"
    key = f"{insurance.key}.{payer.value}"
    rule = rates.rules_of[insurance][-1]
    if insurance is Insurance.LARGE_MEDICAL:
        sentence = f"每月定额 {yuan_shown(amount_fen)} 元" if amount_fen else "不缴费"
        return Step(key, label, sentence, amount_fen, (rule,))
    injury = insurance is Insurance.INJURY and payer is Payer.UNIT
    rate_ppm = rates.rate_ppm(insurance, payer, injury_class)
    if not rate_ppm:
        return Step(key, label, "不缴费", amount_fen, (rule,))
    rate = f"{percent(rate_ppm)}（{injury_class} 类）" if injury else percent(rate_ppm)
    sentence = f"缴费基数 {yuan_shown(base_fen)} 元 × {rate} {rounded(base_fen * rate_ppm, PPM, amount_fen)}"
    return Step(key, label, sentence, amount_fen, (rule,))


def _relieved(normal: Step, before_fen: int, owed_fen: int, reduction: Reduction) -> Step:
    shown = {fen: yuan_shown(fen) for fen in (before_fen, owed_fen, before_fen - owed_fen)}
    return Step(normal.key, normal.label, relief_sentence(before_fen, owed_fen, reduction, shown), owed_fen, (reduction.rule,))


def _merged(insurance: Insurance, rates: MonthRates) -> Step:
    into = rates.merged[insurance]
    return Step(insurance.key, insurance.label, f"已并入{into.label}征缴，不单独计算", None, rates.rules_of[insurance])


def _total(payer: Payer, parts_fen: list[int]) -> Step:
    total_fen = sum(parts_fen)
    shown = " + ".join(yuan_shown(part) for part in parts_fen if part) or "0.00"
    label = f"{PAYER_LABELS[payer]}合计"
    return Step(f"{payer.value}_total", label, f"{shown} = {yuan_shown(total_fen)} 元", total_fen)
