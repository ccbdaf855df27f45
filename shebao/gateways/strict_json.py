"""JSON of partners, read strictly: whole numbers only, no name twice, nothing unknown, sizes and depth limited before anything is built."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from shebao.base.errors import ShebaoError

BYTES_MAX = 2 * 1024 * 1024
DEPTH_MAX = 8
TEXT_MAX = 200
FEN_MAX = 10**13
T = TypeVar("T")


class MessageRefused(ShebaoError):
    """A partner's message, or its answer, is refused as a whole; nothing of it was applied."""

    def __init__(self, code: str, text: str, status: int = 422) -> None:
        super().__init__(text)
        self.code = code
        self.status = status


def load(content: bytes) -> dict[str, Any]:
    """The object that the bytes are. Raises: MessageRefused."""
    if not content:
        raise MessageRefused("TAX-01", "报文是空的，请重新发送", 400)
    if len(content) > BYTES_MAX:
        raise MessageRefused("TAX-01", f"报文超过 {BYTES_MAX // 1024 // 1024} MB，请拆成几批发送", 413)
    try:
        text = content.decode("utf-8")
        _not_deep(text)
        told = json.loads(text, object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float, parse_int=_whole)
    except (ValueError, RecursionError):
        raise MessageRefused("TAX-02", "报文不是完整的 JSON（UTF-8，金额用整数分），没有处理，请重新发送", 400) from None
    if not isinstance(told, dict):
        raise MessageRefused("TAX-02", "报文应为一个 JSON 对象，没有处理，请重新发送", 400)
    return told


def dump(value: Mapping[str, Any]) -> bytes:
    """The one way in which we write an object: sorted, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _not_deep(text: str) -> None:
    depth, inside, escaped = 0, False, False
    for sign in text:
        if inside:
            escaped, inside = (False, True) if escaped else (sign == "\\", sign != '"')
        elif sign == '"':
            inside = True
        elif sign in "{[":
            depth += 1
            if depth > DEPTH_MAX:
                raise ValueError("too deep")
        elif sign in "}]":
            depth -= 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _no_float(text: str) -> NoReturn:
    raise ValueError(text)


def _whole(text: str) -> int:
    if len(text) > 18:
        raise ValueError(text)
    return int(text)


class Reader:
    """Takes the fields of an object one by one; `done` refuses whatever nobody asked for. `path` is where we are, for the sentence."""

    def __init__(self, told: object, path: str = "") -> None:
        if not isinstance(told, dict):
            raise _wrong(path or "报文", "应为对象")
        self._left = dict(told)
        self._path = path

    def _take(self, name: str, default: object = ...) -> Any:
        value = self._left.pop(name, default)
        if value is ...:
            raise _wrong(self._at(name), "缺少")
        return value

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def text(self, name: str, most: int = TEXT_MAX, *, empty: bool = False) -> str:
        value = self._take(name)
        if not isinstance(value, str) or len(value) > most or (not value and not empty) or "\0" in value or not value.isprintable():
            raise _wrong(self._at(name), f"应为{'' if empty else '不空的'}文字，最多 {most} 个字")
        return value

    def token(self, name: str, most: int = 40, *, empty: bool = False) -> str:
        value = self.text(name, most, empty=empty)
        if not all(c.isascii() and (c.isalnum() or c == "-") for c in value):
            raise _wrong(self._at(name), "只能用字母、数字和短横线")
        return value

    def one_of(self, name: str, values: "tuple[str, ...] | frozenset[str]") -> str:
        value = self.text(name)
        if value not in values:
            raise _wrong(self._at(name), f"应为 {'、'.join(sorted(values))} 之一")
        return value

    def whole(self, name: str, least: int = 0, most: int = FEN_MAX) -> int:
        value = self._take(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise _wrong(self._at(name), f"应为 {least} 到 {most} 的整数")
        return value

    def yes(self, name: str) -> bool:
        value = self._take(name)
        if not isinstance(value, bool):
            raise _wrong(self._at(name), "应为 true 或 false")
        return value

    def day(self, name: str) -> date:
        return self._read(name, date.fromisoformat, "应为日期，如 2026-11-21", 10)

    def instant(self, name: str) -> datetime:
        """With its zone."""
        value = self._read(name, datetime.fromisoformat, "应为带时区的时刻，如 2026-11-21T09:30:00+08:00", 40)
        if value.tzinfo is None:
            raise _wrong(self._at(name), "应带时区，如 2026-11-21T09:30:00+08:00")
        return value

    def uuid(self, name: str) -> UUID:
        return self._read(name, UUID, "应为 UUID", 36, least=36)

    def month(self, name: str) -> int:
        value = self.whole(name, 190001, 299912)
        if not 1 <= value % 100 <= 12:
            raise _wrong(self._at(name), "应为年月，如 202611")
        return value

    def inner(self, name: str) -> "Reader":
        return Reader(self._take(name), self._at(name))

    def many(self, name: str, read: "Callable[[Reader], T]", most: int) -> tuple[T, ...]:
        """A list of objects."""
        value = self._take(name)
        if not isinstance(value, list) or len(value) > most:
            raise _wrong(self._at(name), f"应为列表，最多 {most} 项")
        made = []
        for i, each in enumerate(value):
            reader = Reader(each, f"{self._at(name)}[{i}]")
            made.append(read(reader))
            reader.done()
        return tuple(made)

    def tokens(self, name: str, most: int) -> tuple[str, ...]:
        """A list of tokens, none of them twice."""
        value = self._take(name)
        if not isinstance(value, list) or len(value) > most or not all(isinstance(v, str) for v in value) or len(set(value)) != len(value):
            raise _wrong(self._at(name), f"应为不重复的文字列表，最多 {most} 项")
        return tuple(Reader({name: each}, self._path).token(name) for each in value)

    def rest(self) -> dict[str, Any]:
        """What was not taken yet, to be read elsewhere."""
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        """Nothing may be left over."""
        if self._left:
            raise _wrong(self._at(sorted(self._left)[0])[:80], "是本版本没有的字段")

    def _read(self, name: str, read: Callable[[str], T], said: str, most: int, *, least: int = 1) -> T:
        value = self._take(name)
        try:
            if isinstance(value, str) and least <= len(value) <= most and value.isascii():
                return read(value)
        except ValueError:
            pass
        raise _wrong(self._at(name), said)


def _wrong(where: str, said: str) -> MessageRefused:
    return MessageRefused("TAX-03", f"报文的 {where} {said}；没有处理，请改正后用新的报文编号发送")
