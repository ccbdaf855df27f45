"""When money that was paid at the tax office can be seen as arrived: working days by the way it was paid."""

from dataclasses import dataclass
from datetime import date

from shebao.base.errors import ShebaoError
from shebao.policy.calendar import add_working_days
from shebao.policy.rulebook import Rulebook

RULES = {"app": "payment.arrival_days.app", "bank": "payment.arrival_days.bank"}


@dataclass(frozen=True, slots=True)
class Expected:
    """day: by when the money should be seen; None where no document says so, or the calendar does not reach. why: a sentence."""

    day: date | None
    why: str


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
