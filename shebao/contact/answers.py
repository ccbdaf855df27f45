"""常见问题: published questions with their answers, each with its source. Data of the package, read once."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("answers.yaml")


@dataclass(frozen=True, slots=True)
class Answered:
    """One question and its answer, in the words of the source. `note`: what is different in this hall, in our words."""

    id: str
    question: str
    answer: str
    note: str
    words: tuple[str, ...]
    source: str


@cache
def published() -> tuple[Answered, ...]:
    """All of them, in the order of the source."""
    rows = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tuple(Answered(r["id"], r["question"], r["answer"], r["note"], tuple(r["words"]), r["source"]) for r in rows)


def answers_about(text: str) -> list[Answered]:
    """Those that hold the text, best first: in the question, among its words, in the answer."""
    ranked = []
    for one in published():
        if text in one.question:
            ranked.append((0, one))
        elif any(text in word or word in text for word in one.words):
            ranked.append((1, one))
        elif text in one.answer or text in one.note:
            ranked.append((2, one))
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]
