"""Minutes of a day and days, as people read them."""

from datetime import date, datetime, time, timedelta

from shebao.base.clock import ZONE

WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
DAY_MINUTES = 24 * 60


def clock_shown(minute: int) -> str:
    """545 -> 09:05."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def read_clock(text: str) -> int | None:
    """'9:05' or '09：05' as a minute of the day; None when it is no time."""
    hours, colon, minutes = text.strip().replace("：", ":").partition(":")
    if not colon or not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        return None
    minute = int(hours) * 60 + int(minutes) if len(hours) <= 2 and len(minutes) == 2 else -1
    return minute if int(minutes) < 60 and 0 <= minute <= DAY_MINUTES else None


def span_shown(from_minute: int, to_minute: int) -> str:
    """09:00–09:30."""
    return f"{clock_shown(from_minute)}–{clock_shown(to_minute)}"


def day_shown(day: date) -> str:
    """11 月 23 日（周一）."""
    return f"{day.month} 月 {day.day} 日（{WEEKDAYS[day.weekday()]}）"


def instant(day: date, minute: int) -> datetime:
    """The instant of a minute of a day in Wuhan."""
    return datetime.combine(day, time(), ZONE) + timedelta(minutes=minute)
