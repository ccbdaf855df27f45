"""What the documents name is there: links, files, modules and functions, tables, rules, settings, and every command they tell to type."""

import argparse
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from shebao.policy.rulebook import standard
from shebao.site import command

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "README.zh-CN.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "manual" not in path.parts),
]
SOURCE = "\n".join(path.read_text() for path in sorted((ROOT / "shebao").rglob("*.py")))
TABLES = {model._meta.db_table for model in apps.get_models()}
RULES = {rule.id for place in standard().places for rule in standard().all(place)}
OUTSIDE = ("inbox/", "outbox/", "application/", "partners/")  # folders of a running hall, and a media type
LOCAL = ("item.perform", "payer.code", "payer.name")  # of an example beside it


def names(page: Path) -> list[str]:
    """What stands between single back-quotes."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S))


def is_there(name: str) -> bool:
    """Whether a dotted name is a module of ours, or something in one."""
    parts = name.removeprefix("shebao.").split(".")
    for prefix in ("shebao.", "shebao.levy.", "shebao.gateways.", "shebao.ledger.", "shebao.policy."):
        for cut in range(len(parts), 0, -1):
            try:
                found: Any = importlib.import_module(prefix + ".".join(parts[:cut]))
            except ImportError:
                continue
            for part in parts[cut:]:
                found = getattr(found, part, None)
            if found is not None:
                return True
    return False


def untrue(name: str) -> bool:
    """Whether a name that looks like one of ours is none."""
    if name.startswith(OUTSIDE) or name in LOCAL:
        return False
    if re.fullmatch(r"[a-z_.*-]+(/[A-Za-z0-9_.*<>-]+)+/?", name):
        wanted = re.sub(r"<[a-z]+>", "*", name.rstrip("/"))
        return not (list(ROOT.glob(wanted)) or list((ROOT / "shebao").glob(wanted)))
    if re.fullmatch(rf"({'|'.join(c.label for c in apps.get_app_configs())})_[a-z_0-9]+", name):
        return name not in TABLES and name not in SOURCE
    if re.fullmatch(r"[a-z_]+(\.[A-Za-z_]+)+(\(.*\))?", name) and not name.endswith((".md", ".py", ".yaml", ".txt")):
        return name not in RULES and name.split(".")[0] not in TABLES and not is_there(name.split("(")[0])
    if re.fullmatch(r"SHEBAO_[A-Z_]+", name):
        return name not in SOURCE
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    assert [name for name in names(page) if untrue(name)] == []
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()) if not link.startswith("http")]
    assert [link for link in links if not (page.parent / link).exists()] == []


def commands() -> list[str]:
    """Every line of a shell example, and every command in the text, that calls shebao or make; the placeholders stand for something."""
    found = set()
    for page in PAGES:
        text = page.read_text()
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
            found |= {line.split("#")[0].strip() for line in block.splitlines()}
        found |= {name for name in names(page) if name.startswith(("shebao ", "make "))}
    return sorted(found - {""})


class Stop(Exception):
    """The command was understood; it is not carried out."""


@pytest.mark.parametrize("told", commands())
def test_every_command_that_a_page_tells_to_type_is_understood(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *words = shlex.split(told)
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.M)
        return
    assert program == "shebao"
    parse = argparse.ArgumentParser.parse_args

    def understood(parser: argparse.ArgumentParser, *given: Any) -> argparse.Namespace:
        parse(parser, *given)
        raise Stop

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", understood)
    groups = {"sandbox", "partner key", "tax", "accounts", "debit"}  # named as a whole in a sentence
    with pytest.raises(SystemExit if " ".join(words) in groups else Stop):
        command.main(words)
