"""One English word for one Chinese term, each with a note."""

from pathlib import Path

import yaml

GLOSSARY = Path(__file__).resolve().parents[2] / "docs" / "glossary.yaml"


def test_no_two_terms_share_a_word_and_each_has_a_note() -> None:
    entries = yaml.safe_load(GLOSSARY.read_text(encoding="utf-8"))
    assert len(entries) > 20
    for entry in entries:
        assert {"zh", "en", "note"} <= set(entry) and all(str(entry[key]).strip() for key in ("zh", "en", "note")), entry
    for key in ("zh", "en"):
        words = [str(entry[key]).strip().lower() for entry in entries]
        assert {word for word in words if words.count(word) > 1} == set()
