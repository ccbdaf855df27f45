"""年月: a calendar month is an int like 202209, as in the field's own files (AAE003 费款所属期)."""

import re
from collections.abc import Iterator
from datetime import date

Month = int

_TEXT = re.compile(r"(?P<year>[0-9]{4})(?:-|年|\.|/)?(?P<month>[0-9]{1,2})月?\Z", re.ASCII)


class MonthError(ValueError):
    """A text is no month. The message is a Chinese sentence for the person who typed it."""


def month(text: str) -> Month:
    """Read 202209, 2022-09, 2022.9 or 2022年9月.

    Raises: MonthError with a sentence that says what to do.
    """
    match = _TEXT.match(text)
    if match is None or not 1 <= int(match["month"]) <= 12 or not 1900 <= int(match["year"]) <= 2999:
        raise MonthError("年月请填 6 位数字，例如 202612 表示 2026 年 12 月")
    return int(match["year"]) * 100 + int(match["month"])


def month_of(day: date) -> Month:
    """The month a day lies in."""
    return day.year * 100 + day.month


def first_day(m: Month) -> date:
    """The first day of a month."""
    return date(m // 100, m % 100, 1)


def last_day(m: Month) -> date:
    """The last day of a month."""
    return date.fromordinal(first_day(shift(m, 1)).toordinal() - 1)


def shift(m: Month, months: int) -> Month:
    """The month so many months later (or earlier)."""
    count = m // 100 * 12 + m % 100 - 1 + months
    return count // 12 * 100 + count % 12 + 1


def months_between(earlier: Month, later: Month) -> int:
    """How many months later the second one is; negative when it is earlier."""
    return (later // 100 - earlier // 100) * 12 + later % 100 - earlier % 100


def span(first: Month, end: Month) -> Iterator[Month]:
    """All months from first up to, but not including, end."""
    while first < end:
        yield first
        first = shift(first, 1)


def month_shown(m: Month) -> str:
    """202209 -> '2022 年 9 月'."""
    return f"{m // 100} 年 {m % 100} 月"


def iso(m: Month) -> str:
    """202209 -> '2022-09'."""
    return f"{m // 100}-{m % 100:02d}"
