"""Every rule of the rule book has a source and is used by some code, or is listed with the reason why it stands there."""

import re
from pathlib import Path

import yaml

from shebao.policy.levy import BASE_RULES, RATE_RULES
from shebao.policy.shapes import KINDS

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "shebao" / "policy" / "rules"
BUILT = set(BASE_RULES.values()) | set(RATE_RULES.values())  # named by type of insurance, not written out
WAITING = {
    "enrolment.employee_registration_days": "用工之日起 30 日，系统不知道用工日期，由办事指南说明",
    "flexible.medical_waiting_months": "灵活就业医疗待遇等待期，待遇 (F) 尚未开通",
    "injury.floating": "工伤浮动费率，单位浮动档尚未采集",
    "injury.temporary_factor": "工伤阶段性降费，各地执行档未核实，没有值",
}


def entries() -> list[dict[str, object]]:
    return [e for f in sorted(RULES.glob("*/*.yaml")) if f.name != "place.yaml" for e in yaml.safe_load(f.read_text(encoding="utf-8"))]


def used() -> set[str]:
    """Rule ids that stand as strings in code (the list of their shapes apart)."""
    sources = [p for p in (ROOT / "shebao").rglob("*.py") if p.name != "shapes.py" and "migrations" not in p.parts]
    text = "\n".join(p.read_text(encoding="utf-8") for p in sources)
    return {str(e["id"]) for e in entries() if re.search(rf"[\"']{re.escape(str(e['id']))}[\"']", text)} | BUILT


def test_every_rule_is_used_or_waits_with_a_reason() -> None:
    ids = {str(e["id"]) for e in entries()}
    assert ids - used() - set(WAITING) == set(), "used by no code: use them or say why in this file"
    assert set(WAITING) & used() == set(), "used meanwhile: take them off the list"
    assert set(WAITING) - ids == set()


def test_every_rule_has_a_source_a_status_and_a_known_shape() -> None:
    for entry in entries():
        assert entry["source"] and entry["status"] and entry["label"] and entry["id"] in KINDS, entry


def test_every_shape_has_a_rule() -> None:
    assert set(KINDS) == {str(e["id"]) for e in entries()}
