"""What every template, style sheet and script of the face must keep to, read as text."""

import re
from pathlib import Path

import pytest
from jinja2 import FileSystemLoader

from shebao.surfaces.jinja import environment

SURFACES = Path(__file__).parents[2] / "shebao" / "surfaces"
FOLDERS = [SURFACES / "templates", SURFACES.parent / "channels" / "templates"]
TEMPLATES = sorted(template for folder in FOLDERS for template in folder.rglob("*.html"))
STATIC = SURFACES / "static"
WEIGHT_MAX = 2_500_000

FORBIDDEN = {
    "inline style": re.compile(r"\sstyle\s*=|<style"),
    "inline script": re.compile(r"<script(?![^>]*\ssrc=)"),
    "inline handler": re.compile(r"<[^>]*\son[a-z]+\s*="),
    "evaluated htmx": re.compile(r"hx-on|[\"']js:|javascript:|hx-live"),
    "trigger filter": re.compile(r"hx-trigger\s*=\s*[\"'][^\"']*\["),
    "outside address": re.compile(r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//"),
    "unescaped value": re.compile(r"\|\s*safe\b|autoescape\s+false"),
    "words that no page may show": re.compile("操作失败|系统异常"),
}


def names(path: Path) -> str:
    return str(path.relative_to(SURFACES.parent))


@pytest.mark.parametrize("template", TEMPLATES, ids=names)
def test_a_template_holds_nothing_that_the_security_policy_refuses(template: Path) -> None:
    text = re.sub(r"{#.*?#}", "", template.read_text(encoding="utf-8"), flags=re.S)
    assert [why for why, pattern in FORBIDDEN.items() if pattern.search(text)] == []


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("inline style", '<p style="color:red">'),
        ("inline script", "<script>alert(1)</script>"),
        ("inline handler", '<a href="#" onclick="x()">'),
        ("evaluated htmx", '<b hx-on:click="x()">'),
        ("trigger filter", '<b hx-trigger="click[ctrlKey]">'),
        ("outside address", '<script src="//example.org/x.js"></script>'),
        ("unescaped value", "{{ name|safe }}"),
    ],
)
def test_the_reading_for_forbidden_things_finds_them(why: str, text: str) -> None:
    assert FORBIDDEN[why].search(text)


@pytest.mark.parametrize("template", TEMPLATES, ids=names)
def test_a_template_compiles_and_posts_only_with_a_token(template: Path) -> None:
    pages = environment(loader=FileSystemLoader(FOLDERS), auto_reload=True)
    pages.get_template(next(template.relative_to(folder).as_posix() for folder in FOLDERS if folder in template.parents))
    text = template.read_text(encoding="utf-8")
    forms = re.findall(r'<form[^>]*method="post".*?</form>', text, flags=re.S)
    if template.name != "gallery.html":
        assert [form[:80] for form in forms if "csrf" not in form] == []


def test_every_icon_that_is_named_is_drawn_and_every_drawn_one_is_ours_to_show() -> None:
    drawn = re.findall(r'<symbol id="i-([a-z0-9-]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8"))
    assert len(drawn) == len(set(drawn))
    text = "".join(template.read_text(encoding="utf-8") for template in TEMPLATES)
    named = set(re.findall(r'icon\("([a-z0-9-]+)"', text)) | set(re.findall(r'"icon": "([a-z0-9-]+)"', text))
    named |= set(re.findall(r'icon_name="([a-z0-9-]+)"', text))
    assert named - set(drawn) == set()


def test_colours_and_type_sizes_are_named_in_the_tokens_only() -> None:
    text = re.sub(r"/\*.*?\*/", "", (STATIC / "app.css").read_text(encoding="utf-8"), flags=re.S)
    layers = dict(re.findall(r"@layer (\w+) \{\n(.*?)\n\}", text, flags=re.S))
    assert {"tokens", "base", "layout", "comp", "resp", "mode", "print"} <= layers.keys()
    for layer in ("base", "layout", "comp", "resp", "print"):
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", layers[layer]) == []
        assert re.findall(r"font-size:\s*[0-9.]+(?:px|rem)", layers[layer]) == []


def test_every_colour_token_that_is_used_exists_and_none_is_idle() -> None:
    text = (STATIC / "app.css").read_text(encoding="utf-8")
    assert set(re.findall(r"var\((--[a-z0-9-]+)", text)) ^ set(re.findall(r"(--[a-z0-9-]+):", text)) == set()


def test_our_script_neither_evaluates_nor_writes_markup() -> None:
    text = (STATIC / "app.js").read_text(encoding="utf-8")
    assert re.findall(r"\beval\(|new Function|innerHTML|outerHTML|document\.write|insertAdjacentHTML|setAttribute\(\"on", text) == []


def test_htmx_is_the_file_whose_hash_is_written_down() -> None:
    import hashlib

    record = (STATIC / "VENDORED.md").read_text(encoding="utf-8")
    assert hashlib.sha256((STATIC / "vendor" / "htmx.min.js").read_bytes()).hexdigest() in record
    axe = Path(__file__).parents[1] / "journeys" / "vendor" / "axe.min.js"
    assert hashlib.sha256(axe.read_bytes()).hexdigest() in record


def test_the_static_files_stay_light() -> None:
    assert sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file()) < WEIGHT_MAX


def test_every_rare_name_character_lies_in_exactly_one_font_slice() -> None:
    css = (STATIC / "rare-names.css").read_text(encoding="utf-8")
    covered = [
        (int(first, 16), int(last or first, 16))
        for line in re.findall(r"unicode-range: ([^;]+);", css)
        for first, last in re.findall(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", line)
    ]
    for character in "䶮㛃𬭎𫘧𠅤㼆䲟𬱖𫖯":
        assert sum(first <= ord(character) <= last for first, last in covered) == 1, character
    for name in re.findall(r'url\("([^"]+)"\)', css):
        assert (STATIC / name).is_file()


def test_every_macro_that_pages_may_use_is_explained() -> None:
    text = (SURFACES / "templates" / "ui" / "all.html").read_text(encoding="utf-8")
    guide = (SURFACES / "templates" / "ui" / "README.md").read_text(encoding="utf-8")
    macros = [name.split(".")[1] for line in re.findall(r"= (.+) %}", text) for name in line.split(", ") if "." in name and "/" not in name]
    assert len(macros) > 30
    assert [macro for macro in macros if f"{macro}(" not in guide and macro != "session_warning"] == []
