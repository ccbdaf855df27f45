"""The partners' days. They read the same clock as the hall, which SHEBAO_CLOCK may put ahead: `shebao sandbox day --next`."""

from datetime import date, timedelta

from chinese_calendar.constants import holidays, workdays


def is_working_day(day: date) -> bool:
    """A bank's working day. Beyond the published arrangements Mondays to Fridays are taken: the sandbox must not stand still for that."""
    return day in workdays or (day.weekday() < 5 and day not in holidays)


def add_working_days(day: date, count: int) -> date:
    """The working day that is so many after `day`, which itself is not counted."""
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day)
    return day
