"""The table of demo accounts as a terminal shows it: Chinese characters take two columns."""

import unicodedata
from collections.abc import Sequence

from shebao.site.demo.accounts import ACCOUNTS, PASSWORD


def accounts_table() -> str:
    """Every demo sign-in with what it is for, and the one password."""
    rows = [("用户名", "姓名", "岗位", "说明"), *((a.username, a.name, a.post.label, a.told) for a in ACCOUNTS)]
    return f"演示账号（密码都是 {PASSWORD}，只保护虚构的数据）\n" + columns(rows)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows under a header line, each column as wide as its widest cell."""
    widths = [max(shown_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  " + "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  " + "  ".join("─" * width for width in widths))
    return "\n".join(lines)


def shown_width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - shown_width(text))
