"""规则簿: every number that a document could change, by rule, day and place. Read from YAML once and checked; never written.

A folder with a place.yaml is a city (or a tier of cities); its rules come before those of its parent, day by day.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day
from shebao.policy.shapes import KINDS

RULES = Path(__file__).parent / "rules"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Status(str, Enum):
    """How far a value may be trusted."""

    SEED = "seed"
    SEED_DERIVED = "seed_derived"
    LAW = "law"
    REPO = "repo"
    KNOWN = "known"
    DERIVED = "derived"
    PROVISIONAL = "provisional"
    OPEN = "open"

    @property
    def label(self) -> str:
        return _STATUS_LABELS[self]

    @property
    def verify_before_production(self) -> bool:
        """Whether somebody must compare the value with the official paper before real use."""
        return self not in (Status.SEED, Status.SEED_DERIVED, Status.LAW)


_STATUS_LABELS = {
    Status.SEED: "已核实（公开报道或办事指南原文）",
    Status.SEED_DERIVED: "由已核实的数额推得",
    Status.LAW: "已核实（法规原文）",
    Status.REPO: "第三方资料，投产前须核对",
    Status.KNOWN: "文件原文未见，投产前须核对",
    Status.DERIVED: "推算值，投产前须核对",
    Status.PROVISIONAL: "新标准未公布，暂按原标准执行，投产前须核对",
    Status.OPEN: "待定",
}


class RulebookError(ShebaoError):
    """The rule files are wrong. The sentence names the file and the entry."""

    code = "POL-00"


class RuleMissing(ShebaoError):
    """There is no value on that day in that place: nothing can be computed, and nothing is guessed."""

    code = "POL-01"

    def __init__(self, rule_id: str, label: str, place: "Place", on: date, part: str = "") -> None:
        what = f"“{label}”{f'的{part}' if part else ''}（{rule_id}）"
        super().__init__(f"{place.label}（{place.code}）{on.year} 年 {on.month} 月 {on.day} 日的{what}尚未确定，请先补充该参数再办理")
        self.rule_id, self.place, self.on = rule_id, place, on


class UnknownRule(ShebaoError):
    """No rule bears that name."""

    code = "POL-02"
    status = 404

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"没有名为“{rule_id}”的参数，请用 shebao rules 查看全部参数")


class UnknownPlace(ShebaoError):
    """No folder of rules belongs to that place."""

    code = "POL-03"
    status = 404

    def __init__(self, code: str) -> None:
        super().__init__(f"没有地区“{code}”的参数，请核对地区代码，例如 420100 表示武汉市")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Place:
    """统筹区: code (GB/T 2260), name, and the place whose rules hold where it has none of its own."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    label: Annotated[str, Field(min_length=1)]
    parent: str | None = None


class _Valid(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    since: Annotated[date, Field(alias="from")]
    to: date | None


class _Entry(BaseModel):
    """One entry of a YAML file: one rule in one period."""

    model_config = ConfigDict(extra="forbid")
    id: str
    label: Annotated[str, Field(min_length=1)]
    valid: _Valid
    value: Any
    law: str | None
    source: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    status: Status
    note: str = ""


class Rule:
    """One value of one rule in one place and period. valid_to is the last day, None where it is open."""

    __slots__ = ("id", "label", "law", "note", "place", "source", "status", "valid_from", "valid_to", "value")

    def __init__(self, entry: _Entry, value: Any, place: Place) -> None:
        self.id, self.label, self.place = entry.id, entry.label, place
        self.valid_from, self.valid_to = entry.valid.since, entry.valid.to
        self.value: Any = value
        self.law, self.source, self.status, self.note = entry.law, tuple(entry.source), entry.status, entry.note

    def __repr__(self) -> str:
        return f"<Rule {self.id} {self.place.code} {self.valid_from}>"

    def holds(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    def shown(self) -> str:
        """The value as people read it."""
        return "待定" if self.value is None else KINDS[self.id].shown(self.value)

    def period_shown(self) -> str:
        return f"{self.valid_from} 起" if self.valid_to is None else f"{self.valid_from} 至 {self.valid_to}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; money in fen and rates in ppm as the names say."""
        return {
            "id": self.id,
            "label": self.label,
            "place": self.place.code,
            "place_label": self.place.label,
            "valid_from": self.valid_from.isoformat(),
            "valid_to": self.valid_to.isoformat() if self.valid_to else None,
            "value": None if self.value is None else KINDS[self.id].adapter.dump_python(self.value, mode="json"),
            "shown": self.shown(),
            "law": self.law,
            "source": list(self.source),
            "status": self.status.value,
            "status_label": self.status.label,
            "verify_before_production": self.status.verify_before_production,
            "note": self.note,
        }


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
    for earlier, later in zip(periods, periods[1:], strict=False):
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
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  it is the safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
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
        entry = _Entry.model_validate(item)
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
