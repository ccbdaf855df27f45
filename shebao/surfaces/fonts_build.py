"""Cut the webfont for rare characters of people's names (䶮 㛃 𬭎 𫘧 𠅤) into slices that a page loads only when it needs them.

Run once when the font changes, never at run time; it needs fonttools and brotli, which the product does not:

    pip install fonttools brotli
    python -m shebao.surfaces.fonts_build

Input: Noto Sans SC Regular of the package pylopdf-fonts-zh-cn (SIL OFL 1.1). Output: static/fonts/rare-NN.woff2 and
static/rare-names.css. The slices hold what system fonts often lack: CJK Extension A, everything beyond the basic plane,
late additions of the basic block and compatibility ideographs. The CSS names the family after the system fonts, so a
machine that has the character loads nothing.
"""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parent / "static"
FAMILY = "Hall Rare Names"
SLICE_CHARACTERS_MAX = 420
RARE = ((0x3400, 0x4DBF), (0x9FA6, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


def rare_characters(covered: Sequence[int]) -> list[int]:
    """The code points of a font that system fonts often lack, ascending."""
    return sorted(code for code in covered if any(first <= code <= last for first, last in RARE))


def slices(codes: Sequence[int]) -> Iterator[Sequence[int]]:
    """Parts of about equal size; neighbours share a slice, because rare names do not cluster."""
    for start in range(0, len(codes), SLICE_CHARACTERS_MAX):
        yield codes[start : start + SLICE_CHARACTERS_MAX]


def unicode_range(codes: Sequence[int]) -> str:
    """Ascending code points as a CSS unicode-range: 'U+3400-3403,U+3405'."""
    runs: list[list[int]] = []
    for code in codes:
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return ",".join(f"U+{first:X}" if first == last else f"U+{first:X}-{last:X}" for first, last in runs)


def face(number: int, codes: Sequence[int]) -> str:
    """One @font-face rule."""
    return (
        f'@font-face {{ font-family: "{FAMILY}"; font-weight: 100 900; font-display: swap;\n'
        f'  src: url("fonts/rare-{number:02d}.woff2") format("woff2");\n'
        f"  unicode-range: {unicode_range(codes)}; }}\n"
    )


def build(source: Path, folder: Path) -> None:
    """Write all slices and their CSS into a folder of static files. Deterministic for one font and one fonttools."""
    subset: Any = importlib.import_module("fontTools.subset")
    with subset.load_font(str(source), subset.Options()) as whole:
        codes = rare_characters(sorted(whole.getBestCmap()))
    rules = ["/* Written by shebao/surfaces/fonts_build.py from Noto Sans SC (SIL OFL 1.1). Do not edit. */\n"]
    for number, part in enumerate(slices(codes)):
        options = subset.Options(flavor="woff2", hinting=False, desubroutinize=True, layout_features=[], name_IDs=[0, 13, 14])
        font = subset.load_font(str(source), options)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=part)
        cutter.subset(font)
        font["head"].modified = font["head"].created
        font.recalcTimestamp = False
        subset.save_font(font, str(folder / "fonts" / f"rare-{number:02d}.woff2"), options)
        rules.append(face(number, part))
    (folder / "rare-names.css").write_text("".join(rules), encoding="utf-8")


if __name__ == "__main__":
    package = importlib.import_module("pylopdf_fonts_zh_cn")
    build(Path(str(package.__file__)).parent / "NotoSansSC-Regular.otf", STATIC)
