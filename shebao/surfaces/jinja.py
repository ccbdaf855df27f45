"""The Jinja2 environment of all pages: strict about names that are missing, escaping by default, with the filters of the field.

Settings name it as OPTIONS["environment"] of django.template.backends.jinja2.Jinja2. Without Django's settings (gallery,
tests) it works as well, given a loader and other `static` and `url` functions in its globals.
"""

from collections.abc import Callable, Hashable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemBytecodeCache, StrictUndefined

from shebao.base.clock import ZONE
from shebao.base.money import yuan_shown
from shebao.base.months import month_shown
from shebao.base.terms import SHORT_LABELS, Insurance

NOTHING = "—"  # what a page shows where a value is absent; never None, null or an empty cell


@lru_cache(maxsize=512)  # asked fifty times a page; the files do not change while the process runs
def static(path: str) -> str:
    """Address of a static file, with the hash of its content outside DEBUG."""
    from django.templatetags.static import static as address  # needs settings, which the gallery and tests do not have

    return str(address(path))


_REMEMBERED: dict[Hashable, Any] = {}
REMEMBERED_MAX = 2048


def remembered(key: Hashable, render: Callable[[], Any]) -> Any:
    """What a macro made for this key before. For parts that many pages share and that hold nobody's data, such as the menu."""
    if key not in _REMEMBERED:
        if len(_REMEMBERED) >= REMEMBERED_MAX:
            _REMEMBERED.clear()
        _REMEMBERED[key] = render()
    return _REMEMBERED[key]


def url(name: str, **parameters: object) -> str:
    """Address of a route by its name. Raises: NoReverseMatch when there is none, which is our own mistake."""
    from django.urls import reverse

    return str(reverse(name, kwargs=parameters or None))


def yuan(amount_fen: int | None) -> str:
    """123456 -> '1,234.56'; minus as U+2212, so that it lines up and is read aloud."""
    return NOTHING if amount_fen is None else yuan_shown(amount_fen).replace("-", "−")


def signed_yuan(amount_fen: int | None) -> str:
    """A change: 123456 -> '+1,234.56'."""
    return f"+{yuan(amount_fen)}" if amount_fen is not None and amount_fen > 0 else yuan(amount_fen)


def month(value: int | None) -> str:
    """202209 -> '2022 年 9 月'."""
    return NOTHING if value is None else month_shown(value)


def day(value: date | None) -> str:
    """A date as 2026-11-21."""
    return NOTHING if value is None else value.isoformat()[:10]


def moment(value: datetime | None) -> str:
    """An instant in Wuhan's time, 2026-11-21 10:32. A naive instant is taken as Wuhan's."""
    if value is None:
        return NOTHING
    return (value.astimezone(ZONE) if value.tzinfo else value).strftime("%Y-%m-%d %H:%M")


def masked_id(number: str | None) -> str:
    """420102199001011234 -> '4201**********1234'. Short numbers keep their last character only."""
    if not number:
        return NOTHING
    if len(number) < 12:
        return "*" * (len(number) - 1) + number[-1]
    return f"{number[:4]}{'*' * (len(number) - 8)}{number[-4:]}"


def masked_name(name: str | None) -> str:
    """王小明 -> '王**': the surname's first character, for pages that anyone may open."""
    return NOTHING if not name else name[0] + "*" * (len(name) - 1)


def insurance(code: int | str | Insurance, short: bool = False) -> str:
    """险种 by national code: 110 -> '企业职工基本养老保险', short '养老'."""
    known = Insurance(int(code))
    return SHORT_LABELS[known] if short else known.label


def rate(parts_per_million: int | None) -> str:
    """160000 -> '16%', 4800 -> '0.48%'."""
    if parts_per_million is None:
        return NOTHING
    whole, rest = divmod(parts_per_million, 10_000)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + "%"


def count(number: int | None) -> str:
    """20000 -> '20,000'."""
    return NOTHING if number is None else f"{number:,}"


def size(amount_bytes: int) -> str:
    """A file's size as people read it: 204800 -> '200 KB'."""
    kilobytes = -(-amount_bytes // 1024)
    return f"{kilobytes} KB" if kilobytes < 1024 else f"{kilobytes // 1024}.{kilobytes % 1024 * 10 // 1024} MB"


FILTERS = {
    "yuan": yuan,
    "signed_yuan": signed_yuan,
    "month": month,
    "day": day,
    "moment": moment,
    "masked_id": masked_id,
    "masked_name": masked_name,
    "insurance": insurance,
    "rate": rate,
    "count_shown": count,
    "size": size,
}


def _bytecode_cache(auto_reload: bool) -> BytecodeCache | None:
    """Compiled templates on disk when serving. A machine without a usable temporary folder compiles at each start."""
    if auto_reload:
        return None
    try:
        return FileSystemBytecodeCache()
    except (OSError, RuntimeError):
        return None


def environment(**options: Any) -> Environment:
    """Environment factory for Django's Jinja2 backend.

    Args: options: of jinja2.Environment; the backend gives loader, auto_reload (DEBUG) and autoescape (True).
    Returns: an environment where an undefined name raises, and blocks leave no blank lines.
    """
    auto_reload = bool(options.pop("auto_reload", False))
    given = {"autoescape": True, **options, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    given.setdefault("bytecode_cache", _bytecode_cache(auto_reload))
    made = Environment(**given, auto_reload=auto_reload)  # noqa: S701 - autoescape is on, see given
    made.globals.update(static=static, url=url, remembered=remembered)
    made.filters.update(FILTERS)
    return made
