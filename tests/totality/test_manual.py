"""Codes mean one thing in the whole system, all of them are in the manual, and the manual is what the program says."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from shebao.casework.item import items
from shebao.site import manual
from shebao.site.manual_codes import FAMILIES, MEANINGS
from shebao.surfaces.workbook.refused import UPLOAD_CODES

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"[A-Z]{3}-W?[0-9]{1,2}\Z")
DECLARING = {"manual_codes.py", "refused.py"}  # where codes are listed, not raised


def raised() -> dict[str, set[str]]:
    """Code -> files that raise it: every string of that shape but the keys of an item's refusal_codes."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted((ROOT / "shebao").rglob("*.py")):
        if file.name in DECLARING or "migrations" in file.parts:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        listed = {
            id(key)
            for node in ast.walk(tree)
            if isinstance(node, ast.keyword) and node.arg == "refusal_codes" and isinstance(node.value, ast.Dict)
            for key in node.value.keys
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.match(node.value) and id(node) not in listed:
                found[node.value].add(str(file.relative_to(ROOT)))
    return found


def test_every_code_that_is_raised_is_in_the_manual_and_none_is_left_over() -> None:
    codes = set(raised())
    assert len(codes) > 100
    assert codes - set(manual.documented()) == set(), "say in shebao/site/manual_codes.py or in the item what these mean"
    assert set(manual.documented()) - codes == set(), "nothing raises these any more"


def test_a_code_has_one_meaning_and_one_class() -> None:
    manual.documented()
    classes: dict[str, list[str]] = defaultdict(list)
    for file in sorted((ROOT / "shebao").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                for line in node.body:
                    if (
                        isinstance(line, ast.Assign)
                        and getattr(line.targets[0], "id", "") == "code"
                        and isinstance(line.value, ast.Constant)
                    ):
                        classes[str(line.value.value)].append(node.name)
    assert {code: names for code, names in classes.items() if len(names) > 1} == {}
    assert all(CODE.match(code) for code in classes)


def test_every_meaning_is_a_sentence_for_people_in_a_known_family() -> None:
    for code, meaning in manual.documented().items():
        assert re.search(r"[\u4e00-\u9fff]", meaning) and code.split("-")[0] in FAMILIES, code
    assert all(what and todo and not what.endswith("。") for what, todo in MEANINGS.values())
    assert set(UPLOAD_CODES) & set(MEANINGS) == set()


def test_every_item_documents_what_its_checks_answer() -> None:
    """What closes an item as a whole (available) may be shared by items, so it is documented where it is meant."""
    for item in items():
        answered = {code for check in (*item.checks, *item.warns) for code in _codes_in(Path(check.__code__.co_filename), check.__name__)}
        gate = item.available
        closes = _codes_in(Path(gate.__code__.co_filename), gate.__name__) if gate else set()
        assert answered <= set(item.refusal_codes) <= answered | closes, item.code


def _codes_in(source: Path, name: str) -> set[str]:
    """The codes that a function of a file holds."""
    return {
        node.value
        for function in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef) and function.name == name
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.match(node.value)
    }


@pytest.mark.parametrize("name", list(manual.pages()))
def test_the_pages_of_the_manual_are_current(name: str) -> None:
    assert (manual.FOLDER / name).read_text(encoding="utf-8") == manual.pages()[name], "run `make docs`"


def test_the_guide_names_every_field_refusal_and_material_of_every_item() -> None:
    text = manual.items_guide()
    for item in items():
        chapter = text.split(f"`{item.code}`")[1].split("\n## ")[0]
        words = [*(f.label for f in item.fields), *item.materials, *(c for c in item.refusal_codes if "-W" not in c), item.guide.summary]
        assert [word for word in words if word not in chapter] == []


def test_two_items_that_mean_different_things_by_a_code_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = items()
    code = next(iter(first.refusal_codes))
    changed = {**second.refusal_codes, code: "别的意思"}
    monkeypatch.setattr(manual, "items", lambda: [first, _with(second, changed)])
    with pytest.raises(ValueError, match="means two things"):
        manual.documented()


def _with(item: object, codes: dict[str, str]) -> object:
    from dataclasses import replace

    return replace(item, refusal_codes=codes)  # type: ignore[type-var]
