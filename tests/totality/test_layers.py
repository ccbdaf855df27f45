"""Three holes that import-linter does not see: keys that point up, names looked up at run time, accessors that point back."""

import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(p for p in (ROOT / "shebao").rglob("*.py") if "migrations" not in p.parts)


def ranks() -> dict[str, int]:
    """Application -> how high it stands, from the very contract that import-linter holds."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    return {name.strip(" ()"): -i for i, layer in enumerate(layers) for name in layer.split("|")}


def keys() -> list[tuple[type[models.Model], models.Field]]:  # type: ignore[type-arg]
    return [
        (model, field)
        for config in apps.get_app_configs()
        if config.name.startswith("shebao.")
        for model in config.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey | models.ManyToManyField)
    ]


def home(model: type[models.Model]) -> str:
    return model.__module__.split(".")[1]


def test_every_application_with_models_has_a_layer() -> None:
    assert {home(model) for model, _ in keys()} <= set(ranks()) and len(keys()) > 20


def test_keys_point_down_or_stay_at_home() -> None:
    order = ranks()
    wrong = [
        f"{model.__name__}.{field.name} -> {field.related_model.__name__}"
        for model, field in keys()
        if home(model) != home(field.related_model) and order[home(field.related_model)] >= order[home(model)]
    ]
    assert wrong == []


def test_nothing_reaches_back_across_applications() -> None:
    back = [
        f"{model.__name__}.{field.name}"
        for model, field in keys()
        if home(model) != home(field.related_model) and field.remote_field.related_name != "+"
    ]
    assert back == []


@pytest.mark.parametrize(
    "forbidden",
    ["apps.get_model", "import_string", "from django.forms", "ModelForm", "post_save", "pre_save", "FloatField", "DecimalField"],
)
def test_models_are_neither_looked_up_by_name_nor_wired_by_signals(forbidden: str) -> None:
    assert [str(p.relative_to(ROOT)) for p in SOURCES if forbidden in p.read_text(encoding="utf-8")] == []


def test_no_float_stands_in_policy_ledger_or_levy() -> None:
    import ast

    found = []
    for file in SOURCES:
        if file.relative_to(ROOT / "shebao").parts[0] not in ("policy", "ledger", "levy", "enrolment"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (isinstance(node, ast.Constant) and isinstance(node.value, float)) or (isinstance(node, ast.Name) and node.id == "float"):
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_money_columns_are_whole_fen_and_say_so() -> None:
    for config in apps.get_app_configs():
        for model in config.get_models() if config.name.startswith("shebao.") else ():
            for field in model._meta.get_fields():
                if any(word in field.name for word in ("amount", "wage", "base_fen", "total_fen", "paid_fen")):
                    assert field.name.endswith("_fen") and isinstance(field, models.IntegerField | models.BigIntegerField), field
