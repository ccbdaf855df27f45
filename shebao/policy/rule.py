"""One 参数: its value, where and when it holds, where it was read and how far it may be trusted. And how one says that it is missing."""

from datetime import date
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass

from shebao.base.errors import ShebaoError
from shebao.policy.shapes import KINDS


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


class Valid(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    since: Annotated[date, Field(alias="from")]
    to: date | None


class Entry(BaseModel):
    """One entry of a YAML file: one rule in one period."""

    model_config = ConfigDict(extra="forbid")
    id: str
    label: Annotated[str, Field(min_length=1)]
    valid: Valid
    value: Any
    law: str | None
    source: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    status: Status
    note: str = ""


class Rule:
    """One value of one rule in one place and period. valid_to is the last day, None where it is open."""

    __slots__ = ("id", "label", "law", "note", "place", "source", "status", "valid_from", "valid_to", "value")

    def __init__(self, entry: Entry, value: Any, place: Place) -> None:
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
