"""How an amount came about: inputs, rules with date, source and status, and every rounding. Plain data, ready for page and JSON."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shebao.base.money import yuan, yuan_shown
from shebao.policy.rulebook import Rule


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a calculation.

    key: what it yields, e.g. 'pension.base' or 'pension.unit'.  label: its Chinese name.
    expression: one Chinese sentence with the numbers in it.  amount_fen: the result, None where it is no money.
    """

    key: str
    label: str
    expression: str
    amount_fen: int | None
    rules: tuple[Rule, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "label": self.label,
            "expression": self.expression,
            "amount": None if self.amount_fen is None else yuan(self.amount_fen),
            "rules": [rule.to_dict() for rule in self.rules],
        }


@dataclass(frozen=True, slots=True)
class Explained:
    """A whole calculation. inputs: (Chinese name, text) pairs as given."""

    title: str
    inputs: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]

    def step(self, key: str) -> Step:
        """The step that yields `key`. Raises: KeyError."""
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)

    def amount(self, key: str) -> int:
        """The fen that a step yields. Raises: KeyError when there is no such step, or it yields no money."""
        amount_fen = self.step(key).amount_fen
        if amount_fen is None:
            raise KeyError(key)
        return amount_fen

    def only(self, *keys: str) -> "Explained":
        """The same explanation, cut down to some steps: for the page of one amount."""
        return Explained(self.title, self.inputs, tuple(step for step in self.steps if step.key in keys))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule used, once, in the order of use."""
        return tuple(dict.fromkeys(rule for step in self.steps for rule in step.rules))

    def sentences(self) -> list[str]:
        return [f"{step.label}：{step.expression}" for step in self.steps]

    def to_dict(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "inputs": [{"label": label, "value": value} for label, value in self.inputs],
            "steps": [step.to_dict() for step in self.steps],
        }


def exact(numerator_fen: int, divisor: int) -> str:
    """An amount before rounding, in yuan with every decimal: 6555 / 4 fen -> '16.3875'. divisor: made of 2s and 5s only."""
    amount = Decimal(numerator_fen) / (100 * divisor)
    text = f"{amount:,.10f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(2, '0')}"


def rounded(numerator_fen: int, divisor: int, result_fen: int) -> str:
    """The end of a sentence: '= 16.3875 元，四舍五入到分为 16.39 元', or '= 16.38 元' where nothing was rounded."""
    if result_fen * divisor == numerator_fen:
        return f"= {yuan_shown(result_fen)} 元"
    return f"= {exact(numerator_fen, divisor)} 元，四舍五入到分为 {yuan_shown(result_fen)} 元"
