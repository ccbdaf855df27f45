"""操作日志 in words: whatever is recorded anywhere has a name that an auditor can read."""

import re
from pathlib import Path

from shebao.audit import __file__ as audit

SOURCE = Path(audit).resolve().parents[1]


def test_every_action_that_is_recorded_has_its_words_and_no_words_are_left_over() -> None:
    words = set(re.findall(r'^    "([a-z_.]+)": "', (SOURCE / "audit" / "queries.py").read_text(), re.M))
    used: set[str] = set()
    for file in SOURCE.rglob("*.py"):
        if "sandbox" in file.parts:  # partners keep notes of their own
            continue
        text = file.read_text()
        used |= set(re.findall(r'Trace\(\s*"([a-z_.]+)"', text))
        used |= {f"access.{'disabled' if yes else 'enabled'}" for yes in (True, False) if "set_disabled" in text}
        used |= {f"case.{kind}" for kind in re.findall(r'\bnote\(\s*\w+,\s*"([a-z_]+)"', text)}
        if "Trace(" in text:  # one of two words, chosen before
            used |= {
                word for word in words if re.search(rf'= [^\n]*"{re.escape(word)}"[^\n]* (if|else) ', text) or f'else "{word}"' in text
            }
    assert used == words
