"""A place of tests whose bases of 2020 are known (Wuhan's are not): the real rates and relief rules, with a decision on 医疗 of its own."""

from pathlib import Path

from shebao.policy.rulebook import RULES, Rulebook, load

SOMEWHERE = "429901"
_BASE = (
    "- {{id: {rule}, label: 缴费基数（示例）, valid: {{from: 2020-01-01, to: 2020-12-31}},"
    " value: {{average_fen: 600000, floor_fen: 360000, cap_fen: 1800000}}, law: null, source: [测试], status: known}}\n"
)
_MEDICAL_RATE = (
    "- {id: medical.rate, label: 医疗费率（示例）, valid: {from: 2020-01-01, to: 2020-12-31},"
    " value: {unit_ppm: 87000, person_ppm: 20000}, law: null, source: [测试], status: known}\n"
    "- {id: maternity.rate, label: 生育费率（示例）, valid: {from: 2020-01-01, to: 2020-12-31},"
    " value: {merged_into: medical}, law: null, source: [测试], status: known}\n"
)
_DAYS = (
    "- {id: declaration.payment_working_days, label: 缴费期限（示例）, valid: {from: 2020-01-01, to: 2020-12-31}, value: 10,"
    " law: null, source: [测试], status: known}\n"
)
_HALF = (
    "- {id: relief.medical_unit_part, label: 阶段性减征职工医疗保险费（示例）, valid: {from: 2020-02-01, to: 2020-12-31},"
    " value: {effect: half, insurances: [medical], unit_sizes: [large, medium, small, micro], optional: false, months_max: 5},"
    " law: 医保发〔2020〕6号, source: [测试], status: known}\n"
)


def book(folder: Path, *, half_medical: bool = True, **changed: str) -> Rulebook:
    """The standard rules and the place beside them. changed: pieces of the place's file to replace, old -> new."""
    here = folder / "somewhere"
    here.mkdir(parents=True, exist_ok=True)
    (here / "place.yaml").write_text(f'{{code: "{SOMEWHERE}", label: 某市（示例）, parent: "420000"}}\n', encoding="utf-8")
    text = _BASE.format(rule="pension.base") + _BASE.format(rule="medical.base") + _MEDICAL_RATE + _DAYS + (_HALF if half_medical else "")
    for old, new in changed.items():
        text = text.replace(old, new)
    (here / "rules.yaml").write_text(text, encoding="utf-8")
    return load(RULES, folder)
