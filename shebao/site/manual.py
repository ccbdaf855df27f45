"""The generated pages of docs/manual: 办事指南, 参数表, 错误代码. `shebao docs` writes them; a test holds that they are current."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from shebao.casework.item import ServiceItem, items
from shebao.policy.manual import parameters_table
from shebao.policy.rulebook import standard
from shebao.site.manual_codes import FAMILIES, MEANINGS
from shebao.surfaces.guide import guide_of
from shebao.surfaces.workbook.refused import UPLOAD_CODES

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "manual"
GENERATED = "本页由程序生成（`make docs`），请勿手工修改。"
NO_DAY = date.min  # a page of the manual is of no day; git knows when it changed
REMINDER = "-W"  # codes of warnings: told, never refused


def pages() -> Mapping[str, str]:
    """File name -> Markdown of every generated page."""
    return {"items.md": items_guide(), "parameters.md": parameters_table(standard()), "errors.md": errors_table()}


def write_all(folder: Path = FOLDER) -> list[Path]:
    """Write the pages and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages()]


def item_codes() -> dict[str, tuple[str, list[ServiceItem]]]:
    """Code -> what it means and the items that may answer with it. Raises: ValueError when two items mean different things by it."""
    found: dict[str, tuple[str, list[ServiceItem]]] = {}
    for item in items():
        for code, meaning in item.refusal_codes.items():
            known, owners = found.setdefault(code, (meaning, []))
            if known != meaning:
                raise ValueError(f"{code} means two things: {known}, {meaning}")
            owners.append(item)
    return found


def documented() -> dict[str, str]:
    """Every documented code with its meaning. Raises: ValueError when a code is documented twice."""
    of_items = {code: meaning for code, (meaning, _) in item_codes().items()}
    general = {code: meaning for code, (meaning, _) in MEANINGS.items()}
    sources = (of_items, general, UPLOAD_CODES)
    known = [code for source in sources for code in source]
    if twice := {code for code in known if known.count(code) > 1}:
        raise ValueError(f"documented twice: {sorted(twice)}")
    return of_items | general | UPLOAD_CODES


def errors_table() -> str:
    """错误代码: every code that a page, a workbook, the API or a command may answer with, by family."""
    chapters = [_chapter(family, title) for family, title in FAMILIES.items()]
    return f"# 错误代码\n\n{GENERATED}带“W”的是提醒，不影响提交。\n" + "".join(chapters)


def _chapter(family: str, title: str) -> str:
    of_items = item_codes()
    rows = []
    for code, meaning in sorted(documented().items()):
        if code.split("-")[0] != family:
            continue
        if code in of_items:
            last = "、".join(item.title for item in of_items[code][1])
            last = f"{'提醒：' if REMINDER in code else ''}{last}；按页面上的提示办理"
        else:
            last = MEANINGS[code][1] if code in MEANINGS else "按页面上的提示修改文件后重新上传"
        rows.append((code, meaning, last))
    return f"\n## {title} {family}\n\n" + _table(("代码", "含义", "怎么办"), rows)


def items_guide() -> str:
    """办事指南: a chapter for each item, from its declaration alone."""
    return f"# 办事指南\n\n{GENERATED}\n" + "".join(_item(item) for item in items())


def _item(item: ServiceItem) -> str:
    told, guide = guide_of(item, NO_DAY), item.guide
    parts = [
        f"\n## {item.title} `{item.code}`\n\n{guide.summary}\n",
        _list("谁可以办", [guide.who]),
        _list("什么时候办", [guide.when]),
        _list("在哪里办", [f"{channel.name}：{channel.text}" for channel in told.channels]),
        _list("怎么走", [f"{path.name}：{' → '.join(step.title for step in path.steps)}" for path in told.paths]),
        _list("准备什么", list(item.materials)),
        "\n### 要填写的内容\n\n" + _table(("项目", "", "说明"), told.fields),
        "\n### 会被拒绝的情形\n\n" + _table(("代码", "情形"), told.refusals),
        _list("办完以后", [guide.after]),
        _list("依据", list(guide.law)),
        _list("也叫", ["、".join(guide.words)]),
    ]
    return "".join(parts)


def _list(title: str, lines: Sequence[str]) -> str:
    return f"\n### {title}\n\n" + "".join(f"- {line}\n" for line in lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
