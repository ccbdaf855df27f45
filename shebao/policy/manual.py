"""参数表: every rule as a page of the manual.

The page is this output: `python -m shebao.policy.manual > docs/manual/parameters.md`.
"""

from itertools import groupby

from shebao.policy.rule import Place, Rule
from shebao.policy.rulebook import Rulebook, standard

_HEAD = """# 参数表

本页由规则文件生成，请勿手工修改。同一参数先用本地的值，本地没有的用上级的值；“待定”的参数没有值，用到它的计算会被拒绝。
"""


def parameters_table(rulebook: Rulebook) -> str:
    """All rules as Markdown: a chapter for each place (places that share one folder of rules together), a section for each rule."""
    chapters: dict[tuple[object, ...], list[Place]] = {}
    for place in sorted(rulebook.places.values(), key=lambda place: place.code):
        chapters.setdefault((place.parent, *(_row(rule) for rule in _own(rulebook, place))), []).append(place)
    parts = [_HEAD]
    for places in chapters.values():
        names = "、".join(f"{place.label}（{place.code}）" for place in places)
        parts.append(f"\n## {names}\n")
        for rule_id, rules in groupby(_own(rulebook, places[0]), key=lambda rule: rule.id):
            parts.append(_section(rule_id, list(rules)))
    return "".join(parts)


def _own(rulebook: Rulebook, place: Place) -> list[Rule]:
    return [rule for rule in rulebook.all(place.code) if rule.place == place]


def _section(rule_id: str, rules: list[Rule]) -> str:
    rows = "".join(f"{_row(rule)}\n" for rule in rules)
    head = "| 有效期 | 值 | 状态 | 依据 | 来源 | 说明 |\n|---|---|---|---|---|---|\n"
    return f"\n### {rules[0].label} `{rule_id}`\n\n{head}{rows}"


def _row(rule: Rule) -> str:
    cells = (rule.period_shown(), rule.shown(), rule.status.label, rule.law or "—", "；".join(rule.source), rule.note or "—")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(parameters_table(standard()), end="")
