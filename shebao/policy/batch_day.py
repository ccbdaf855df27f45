"""批扣日: the day of a month's batch, shifted where the rule says so, skipped where the system was shut down."""

from dataclasses import dataclass
from datetime import date, timedelta

from shebao.base.months import Month, first_day
from shebao.policy.calendar import is_working_day
from shebao.policy.rulebook import Rule, Rulebook
from shebao.policy.shapes import BatchDays, Window

DAYS, SHIFT, OUTAGE = "flexible.batch_days", "flexible.batch_shift", "service.outage"


@dataclass(frozen=True, slots=True)
class BatchDay:
    """day: when the batch is made. published: the day of the rule before any shift. skipped_by: the shutdown it falls into."""

    day: date
    published: date
    days_rule: Rule
    shift_rule: Rule | None
    skipped_by: Rule | None


def batch_day(rulebook: Rulebook, month: Month, place: str, *, provincial: bool) -> BatchDay:
    """The batch day of a month. A shift nobody has published (null) is none: the day stays as written.

    Raises: RuleMissing where no batches are known, CalendarMissing when a shift needs unpublished days.
    """
    days_rule = rulebook.rule(DAYS, first_day(month), place)
    days: BatchDays = days_rule.value
    published = first_day(month).replace(day=days.provincial_day if provincial else days.city_day)
    shift_rule = rulebook.find(SHIFT, published, place)
    step = {"next_workday": 1, "previous_workday": -1}.get(str(shift_rule.value) if shift_rule else "", 0)
    day = published
    while step and not is_working_day(day):
        day += timedelta(days=step)
    outage = rulebook.find(OUTAGE, day, place)
    skipped = outage if outage is not None and _inside(outage.value, day) else None
    return BatchDay(day, published, days_rule, shift_rule, skipped)


def _inside(window: Window, day: date) -> bool:
    """Whether the system is shut for the whole day. The window's ends are local times as ISO text, which sorts as time does."""
    return window.opens <= f"{day}T00:00" and f"{day}T23:59" <= window.closes
