"""When money that was paid at the tax office can be seen as arrived: working days by the way it was paid."""

from dataclasses import dataclass
from datetime import date, timedelta

from shebao.base.errors import ShebaoError
from shebao.policy.calendar import CalendarMissing, add_working_days
from shebao.policy.rulebook import Rulebook

RULES = {"app": "payment.arrival_days.app", "bank": "payment.arrival_days.bank"}


@dataclass(frozen=True, slots=True)
class Expected:
    """day: by when the money should be seen; None where no document says so, or the calendar does not reach. why: a sentence."""

    day: date | None
    why: str


def days_shown(channel: str, on: date, place: str, rulebook: Rulebook) -> str:
    """How long money paid by a channel takes, as people read it."""
    rule = rulebook.find(RULES[channel], on, place)
    return "到账时间没有公布，以办理进度为准" if rule is None or rule.value is None else f"一般 {rule.shown()}后到账"


def late_after(channel: str, paid_on: date, place: str, rulebook: Rulebook) -> date:
    """The last day on which money paid by a channel need not be asked after. For a channel that nothing is published for (办税服务厅) it
    is the longest that is; where nothing is, the day of payment: nothing waits unseen.

    Where the calendar of working days ends, Mondays to Fridays count: asking a day early harms nobody, not asking would.
    """
    rules = {name: rule for name, rule_id in RULES.items() if (rule := rulebook.find(rule_id, paid_on, place)) and rule.value is not None}
    days = int(rules[channel].value) if channel in rules else max((int(rule.value) for rule in rules.values()), default=0)
    try:
        return add_working_days(paid_on, days) if days else paid_on
    except CalendarMissing:
        day = paid_on
        while days:
            day += timedelta(days=1)
            days -= day.weekday() < 5
        return day


def expected_arrival(channel: str, paid_on: date, place: str, rulebook: Rulebook) -> Expected:
    """channel: app, bank or counter."""
    rule = rulebook.find(RULES[channel], paid_on, place) if channel in RULES else None
    if rule is None or rule.value is None:
        return Expected(None, "这一缴费渠道没有公布到账时间，以银行对账单为准")
    try:
        day = add_working_days(paid_on, int(rule.value))
    except ShebaoError as error:
        return Expected(None, error.text)
    return Expected(day, f"{rule.label}，一般 {rule.shown()}")
