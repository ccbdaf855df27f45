"""Templates: a page extends a layout, a piece is no page, and none is left lying about. Migrations fit the models."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2] / "shebao"
FOLDERS = (ROOT / "channels" / "templates", ROOT / "surfaces" / "templates")
TEMPLATES = {str(p.relative_to(folder)): p for folder in FOLDERS for p in sorted(folder.rglob("*.html"))}
COMMENTS = re.compile(r"{#.*?#}", re.S)
LAYOUT = r'"layouts/[a-z]+\.html"'
EXTENDS = re.compile(rf"\s*{{%-? extends ({LAYOUT}( if [^%]* else {LAYOUT})?|layout) -?%}}")  # some are seen by units and agencies alike


def text_of(path: Path) -> str:
    return COMMENTS.sub("", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [n for n in TEMPLATES if not n.startswith(("layouts/", "ui/"))])
def test_a_page_extends_a_layout_and_a_piece_is_no_page(name: str) -> None:
    text = text_of(TEMPLATES[name])
    if EXTENDS.match(text):
        assert "{% block" in text
    else:
        assert re.search(r"<(html|head|body|main)\b|{% block ", text) is None, "a page without a layout"


def test_most_templates_are_pages_and_layouts_stand_on_the_base() -> None:
    pages = [n for n, p in TEMPLATES.items() if EXTENDS.match(text_of(p))]
    assert len(pages) > 30
    for name in ("portal", "desk", "public", "signin", "error"):
        assert re.search(r'extends "layouts/(base|portal|public)\.html"', text_of(TEMPLATES[f"layouts/{name}.html"])), name


def test_every_template_is_used() -> None:
    code = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.rglob("*.py"))
    others = "\n".join(text_of(p) for p in TEMPLATES.values())
    unused = [n for n, p in TEMPLATES.items() if f'"{n}"' not in others and p.name not in code and f'"{p.stem}"' not in code]
    assert [n for n in unused if not _by_number(n)] == []


def _by_number(name: str) -> bool:
    """errors/404.html is chosen by its status."""
    return re.fullmatch(r"errors/[0-9]{3}\.html", name) is not None


def test_migrations_fit_the_models(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=1)
    assert "No changes detected" in capsys.readouterr().out
