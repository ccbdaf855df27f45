"""The standard rules with one entry changed, as if its document had come out after months were assessed by it."""

from datetime import date
from typing import Any

from shebao.policy.rule import Entry, Rule, Valid
from shebao.policy.rulebook import Rulebook, standard
from shebao.policy.shapes import KINDS


def with_changed(rule_id: str, on: date, place: str, value: Any, *, law: str = "示例文号〔2025〕1号") -> Rulebook:
    """The entry that holds on a day in a place, a null one too, gets another value and document; everything else stays."""
    book = standard()
    target = book.find(rule_id, on, place)
    assert target is not None
    known = {id(rule): rule for code in book.places for rule in book.all(code)}
    rules = [_changed(rule, value, law) if rule is target else rule for rule in known.values()]
    return Rulebook(book.places.values(), rules)


def without(rule_id: str, on: date, place: str) -> Rulebook:
    """As before the entry that holds on a day in a place was published."""
    book = standard()
    target = book.rule(rule_id, on, place)
    known = {id(rule): rule for code in book.places for rule in book.all(code)}
    return Rulebook(book.places.values(), [rule for rule in known.values() if rule is not target])


def _changed(rule: Rule, value: Any, law: str) -> Rule:
    entry = Entry(
        id=rule.id,
        label=rule.label,
        valid=Valid.model_validate({"from": rule.valid_from, "to": rule.valid_to}),
        value=value,
        law=law,
        source=["测试"],
        status="known",  # type: ignore[arg-type]
        note="",
    )
    return Rule(entry, KINDS[rule.id].adapter.validate_python(value), rule.place)
