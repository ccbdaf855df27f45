"""规则簿: every number that a document could change, by rule, day and place. Read from YAML once and checked; never written.

A folder with a place.yaml is a city (or a tier of cities); its rules come before those of its parent, day by day.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from shebao.base.months import Month, first_day
from shebao.policy.rule import Entry, Place, Rule, RulebookError, RuleMissing, Status, UnknownPlace, UnknownRule
from shebao.policy.shapes import KINDS

__all__ = ["Place", "Rule", "RuleMissing", "Rulebook", "RulebookError", "Status", "UnknownPlace", "UnknownRule", "load", "standard"]

RULES = Path(__file__).parent / "rules"
_BASE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE_LOADER):  # type: ignore[misc]
    """A safe loader that refuses a key written twice; YAML's own would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise ValueError(f"a key is written twice{node.start_mark}")
        return mapping


class Rulebook:
    """All rules of all places. Build it with `load` or take `standard()`."""

    def __init__(self, places: Iterable[Place], rules: Iterable[Rule]) -> None:
        self.places = {place.code: place for place in places}
        self._periods: dict[tuple[str, str], list[Rule]] = defaultdict(list)
        for rule in rules:
            self._periods[rule.place.code, rule.id].append(rule)
        for periods in self._periods.values():
            periods.sort(key=lambda rule: rule.valid_from)
            _refuse_overlaps(periods)
        self._labels = {rule.id: rule.label for periods in self._periods.values() for rule in periods}
        self._chains = {code: self._chain(code) for code in self.places}

    def place(self, code: str) -> Place:
        """Raises: UnknownPlace."""
        if code not in self.places:
            raise UnknownPlace(code)
        return self.places[code]

    def _chain(self, code: str) -> tuple[str, ...]:
        chain = [code]
        while parent := self.places[chain[-1]].parent:
            if parent not in self.places or parent in chain:
                raise RulebookError(f"地区 {chain[-1]} 的上级 {parent} 不存在或成环，请检查 place.yaml")
            chain.append(parent)
        return tuple(chain)

    def find(self, rule_id: str, on: date, place: str) -> Rule | None:
        """The rule that holds on a day, nearest place first; its value may be None. None when no entry covers the day.

        Raises: UnknownPlace, UnknownRule.
        """
        self.place(place)
        if rule_id not in KINDS:
            raise UnknownRule(rule_id)
        for code in self._chains[place]:
            periods = self._periods.get((code, rule_id), [])
            i = bisect_right(periods, on, key=lambda rule: rule.valid_from)
            if i and periods[i - 1].holds(on):
                return periods[i - 1]
        return None

    def rule(self, rule_id: str, on: date, place: str) -> Rule:
        """The rule that holds on a day, with a value.

        Raises: RuleMissing when no entry covers the day or its value is null; UnknownPlace, UnknownRule.
        """
        found = self.find(rule_id, on, place)
        if found is None or found.value is None:
            raise RuleMissing(rule_id, self.label(rule_id), self.place(place), on)
        return found

    def table(self, rule_id: str, months: Iterable[Month], place: str) -> list[Rule]:
        """For columns: the rule of each month, as it holds on the month's first day. Raises as `rule`."""
        known: dict[Month, Rule] = {}
        return [
            known[month] if month in known else known.setdefault(month, self.rule(rule_id, first_day(month), place)) for month in months
        ]

    def label(self, rule_id: str) -> str:
        return self._labels.get(rule_id, rule_id)

    def all(self, place: str) -> list[Rule]:
        """Every entry that bears on a place, its own and those of its parents, by id, place (nearest first) and date."""
        self.place(place)
        chain = self._chains[place]
        found = [rule for (code, _), periods in self._periods.items() if code in chain for rule in periods]
        return sorted(found, key=lambda rule: (rule.id, chain.index(rule.place.code), rule.valid_from))


def _refuse_overlaps(periods: list[Rule]) -> None:
    for earlier, later in pairwise(periods):
        if earlier.valid_to is None or earlier.valid_to >= later.valid_from:
            raise RulebookError(
                f"{earlier.place.label}的“{earlier.id}”有重叠的有效期：{earlier.period_shown()} 与 {later.period_shown()}，请改正后再启动"
            )


def load(*roots: Path) -> Rulebook:
    """Read every folder of rules below the roots and check all of it.

    Raises: RulebookError with a sentence that names the file and what is wrong with it.
    """
    places: list[Place] = []
    rules: list[Rule] = []
    for folder in sorted(path.parent for root in roots for path in root.glob("*/place.yaml")):
        here = _places(folder / "place.yaml", {place.code for place in places})
        places += here
        for file in sorted(folder.glob("*.yaml")):
            if file.name != "place.yaml":
                rules += _rules(file, here)
    return Rulebook(places, rules)


def _read(file: Path) -> Any:
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  a safe loader, made stricter
    except (yaml.YAMLError, ValueError) as error:
        raise RulebookError(f"参数文件 {file.parent.name}/{file.name} 无法读取：{error}") from error


def _places(file: Path, taken: set[str]) -> list[Place]:
    content = _read(file)
    try:
        places = TypeAdapter(list[Place]).validate_python(content if isinstance(content, list) else [content])
    except ValidationError as error:
        raise RulebookError(f"地区文件 {file.parent.name}/{file.name} 有误：{_first(error)}") from error
    codes = [place.code for place in places]
    if len(set(codes)) < len(codes) or taken & set(codes):
        raise RulebookError(f"地区文件 {file.parent.name}/{file.name} 中的地区代码已被使用，请改正")
    return places


def _rules(file: Path, places: list[Place]) -> list[Rule]:
    content = _read(file)
    if not isinstance(content, list):
        raise RulebookError(f"参数文件 {file.parent.name}/{file.name} 应为一列参数")
    return [rule for number, item in enumerate(content, 1) for rule in _entry_rules(item, number, file, places)]


def _entry_rules(item: Any, number: int, file: Path, places: list[Place]) -> list[Rule]:
    named = item.get("id", "") if isinstance(item, dict) else ""
    where = f"参数文件 {file.parent.name}/{file.name} 第 {number} 项（{named}）"
    try:
        entry = Entry.model_validate(item)
        if entry.id not in KINDS:
            raise RulebookError(f"{where}：没有名为“{entry.id}”的参数")
        value = None if entry.value is None else KINDS[entry.id].adapter.validate_python(entry.value)
    except ValidationError as error:
        raise RulebookError(f"{where}有误：{_first(error)}") from error
    if (value is None) != (entry.status is Status.OPEN):
        raise RulebookError(f"{where}：没有值的参数状态应为 open，有值的不应为 open")
    if entry.valid.to is not None and entry.valid.to < entry.valid.since:
        raise RulebookError(f"{where}：有效期的止日早于起日")
    return [Rule(entry, value, place) for place in places]


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])} {first['msg']}".strip()


@cache
def standard() -> Rulebook:
    """The rules that come with the package, read once."""
    return load(RULES)
