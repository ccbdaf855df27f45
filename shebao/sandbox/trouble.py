"""Switches for trouble. Each is on for the next messages or until it is switched off; what it does to a message follows from its seed."""

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from random import Random

SCHEMA = """
create table if not exists trouble (
  kind text primary key, left_ integer check (left_ > 0), how text not null default '', seed integer not null default 1,
  message text not null default '', on_since text not null
);
"""


class Trouble(str, Enum):
    """What can go wrong with a message; the value is the word of the command line."""

    LATE = "late"  # comes a day later
    TWICE = "twice"  # comes twice, same bytes
    TRUNCATED = "truncated"  # its end is missing
    WRONG_TOTALS = "wrong-totals"  # the totals it states are a fen off; its digest is right
    DIGIT = "digit"  # one digit is another one; its digest or signature is not made anew
    OUT_OF_ORDER = "out-of-order"  # comes after the one that follows it
    DOWN = "down"  # requests are not answered

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Trouble.LATE: "迟到一天",
    Trouble.TWICE: "重复送达",
    Trouble.TRUNCATED: "截断",
    Trouble.WRONG_TOTALS: "合计不符",
    Trouble.DIGIT: "一位数字出错",
    Trouble.OUT_OF_ORDER: "次序颠倒",
    Trouble.DOWN: "停机",
}
OF_MESSAGES = tuple(kind for kind in Trouble if kind is not Trouble.DOWN)
HOW_DOWN = ("503", "hang", "refuse", "lost")  # lost: done, but the answer does not come through


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch that is on. left: for how many messages still, None until off. message: of which kind only, '' of any."""

    kind: Trouble
    left: int | None
    how: str
    seed: int
    message: str


def switch_on(
    link: sqlite3.Connection, kind: Trouble, *, at: str, count: int | None, how: str = "", seed: int = 1, message: str = ""
) -> None:
    """On, anew when it was on already."""
    link.execute(
        "insert or replace into trouble (kind, left_, how, seed, message, on_since) values (?, ?, ?, ?, ?, ?)",
        [kind.value, count, how, seed, message, at],
    )


def switch_off(link: sqlite3.Connection, kind: Trouble | None = None) -> None:
    """One kind, or all."""
    link.execute("delete from trouble where kind = coalesce(?, kind)", [kind.value if kind else None])


def switches(link: sqlite3.Connection) -> list[Switch]:
    """What is on, in the order in which it was switched on."""
    rows = link.execute("select * from trouble order by on_since, rowid").fetchall()
    return [Switch(Trouble(row["kind"]), row["left_"], row["how"], row["seed"], row["message"]) for row in rows]


def take(link: sqlite3.Connection, message: str, among: tuple[Trouble, ...] = OF_MESSAGES) -> Switch | None:
    """The trouble of this message, the first that is on for its kind; one of its count is used up, in the caller's transaction."""
    for switch in switches(link):
        if switch.kind in among and switch.message in ("", message):
            link.execute("delete from trouble where kind = ? and left_ = 1", [switch.kind.value])
            link.execute("update trouble set left_ = left_ - 1 where kind = ?", [switch.kind.value])
            return switch
    return None


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a message: sent from a day on, so many times, behind the one after it (its own id, or 0), spoiled the first time.

    word: the trouble it has, '' for none.
    """

    word: str
    not_before: date
    copies: int
    behind: int
    spoiled: bytes | None


def fate(
    link: sqlite3.Connection, message: str, content: bytes, *, row_id: int, name: str, day: date,
    digit: Callable[[bytes, Random], bytes], wrong_totals: Callable[[], bytes],
) -> Fate:  # fmt: skip
    """Draw the trouble of a message that is being queued, once and for good, in the transaction that queues it.

    name: what the chance follows from, beside the switch's seed.  digit, wrong_totals: how a message of this kind is spoiled.
    """
    switch = take(link, message)
    if switch is None:
        return Fate("", day, 1, 0, None)
    kind, chance, spoiled = switch.kind, chance_of(switch.seed, name), None
    if kind is Trouble.TRUNCATED:
        spoiled = truncated(content, chance)
    elif kind is Trouble.DIGIT:
        spoiled = digit(content, chance)
    elif kind is Trouble.WRONG_TOTALS:
        spoiled = wrong_totals()
    late, twice, behind = kind is Trouble.LATE, kind is Trouble.TWICE, kind is Trouble.OUT_OF_ORDER
    return Fate(kind.value, day + timedelta(days=late), 1 + twice, row_id if behind else 0, spoiled)


def chance_of(seed: int, what: str) -> Random:
    """The same chance for the same seed and message, whenever it is drawn."""
    return Random(f"{seed}:{what}")  # noqa: S311 - trouble, no secret


def truncated(content: bytes, chance: Random) -> bytes:
    """Cut anywhere in its second half, at least one byte."""
    return content[: chance.randint(len(content) // 2, max(len(content) - 1, 0))]


def one_digit(content: bytes, chance: Random, pattern: bytes = rb"[0-9]") -> bytes:
    """One digit among those of the pattern's matches becomes another one; nothing else changes."""
    places = [i for match in re.finditer(pattern, content) for i in range(*match.span()) if chr(content[i]).isdigit()]
    place = chance.choice(places)
    other = chance.choice([digit for digit in b"0123456789" if digit != content[place]])
    return content[:place] + bytes([other]) + content[place + 1 :]
