"""The press: one Typst compiler a template, kept and reused; fonts come from a package, never from the system.

Typst keeps what it has laid out for its next runs: good for thousands of single papers (memory stays level), bad for a list of thousands
of rows (130 KB a row). Long lists therefore run in a child process, `python -m shebao.papers.press`, whose memory ends with it.
"""

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import pylopdf_fonts_zh_cn
import typst

TEMPLATES = Path(__file__).parent / "templates"
FAMILIES = frozenset({"Noto Sans SC", "Noto Serif SC"})
APART_SECONDS_MAX = 180


class TypesetError(ValueError):
    """Our own data or template are wrong: a key is missing, rows do not add up, a character has no glyph in the fonts."""


class SealAt(NamedTuple):
    """Where the middle of the seal belongs: page from 1, x and y in points from the page's top left corner."""

    page: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Typeset:
    """A typeset paper. seal_at is None for drafts."""

    pdf: bytes
    seal_at: SealAt | None
    pages: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One job: the data as JSON text, the PDF's date in UNIX seconds, tagged (PDF/A-2a) or not (PDF/A-2u)."""

    template: str
    data: str
    timestamp: int
    tagged: bool


def run(sheet: Sheet) -> Typeset:
    """Set a sheet in this process. Raises: TypesetError."""
    return _press(sheet.template).run(sheet)


def run_apart(sheet: Sheet) -> Typeset:
    """Set a sheet in a child process. Raises: TypesetError, also when the child takes longer than APART_SECONDS_MAX."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "shebao.papers.press"],
            input=json.dumps(asdict(sheet)).encode(),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            timeout=APART_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TypesetError(f"{sheet.template}: not set within {APART_SECONDS_MAX} s") from None
    if done.returncode:
        raise TypesetError(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    facts, _, pdf = done.stdout.partition(b"\n")
    seal_at, pages = json.loads(facts)
    return Typeset(pdf, SealAt(*seal_at) if seal_at else None, pages)


def main() -> None:
    """The child: a sheet as JSON on standard input; one line of facts, then the PDF on standard output."""
    paper = run(Sheet(**json.load(sys.stdin)))
    sys.stdout.buffer.write(json.dumps([paper.seal_at, paper.pages]).encode() + b"\n" + paper.pdf)


class _Press:
    """A compiler for one template. Compiling and asking for positions belong together, so one thread at a time."""

    def __init__(self, template: str) -> None:
        path = TEMPLATES / f"{template}.typ"
        if not path.is_file():
            raise TypesetError(f"there is no template {template}")
        self._lock = threading.Lock()
        self._compiler = typst.Compiler(str(path), root=str(TEMPLATES), font_paths=_fonts(), ignore_system_fonts=True)

    def run(self, sheet: Sheet) -> Typeset:
        with self._lock:
            try:
                pdf = self._compiler.compile(
                    format="pdf",
                    sys_inputs={"data": sheet.data},
                    pdf_standards=["a-2a" if sheet.tagged else "a-2u"],
                    pdf_tags=sheet.tagged,
                    timestamp=sheet.timestamp,
                )
                marks = json.loads(self._compiler.query("<layout>", field="value"))
            except typst.TypstError as error:
                raise TypesetError(f"{sheet.template}: {error.message}") from error
        assert isinstance(pdf, bytes)
        seal_at = next((SealAt(mark["page"], mark["x"], mark["y"]) for mark in marks if mark["name"] == "seal"), None)
        pages = next(mark["pages"] for mark in marks if mark["name"] == "end")
        return Typeset(pdf, seal_at, pages)


_PRESSES: dict[str, _Press] = {}
_FONTS: list[typst.Fonts] = []
_SETUP = threading.Lock()


def _press(template: str) -> _Press:
    with _SETUP:
        if template not in _PRESSES:
            _PRESSES[template] = _Press(template)
        return _PRESSES[template]


def _fonts() -> typst.Fonts:
    """The package's fonts, loaded once. Called under _SETUP. Without this check a missing font would silently print no text."""
    if not _FONTS:
        folder = pylopdf_fonts_zh_cn.sans_path().parent
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])
        if missing := FAMILIES - set(fonts.families()):
            raise TypesetError(f"no fonts {sorted(missing)} in {folder.name}")
        _FONTS.append(fonts)
    return _FONTS[0]


if __name__ == "__main__":
    main()
