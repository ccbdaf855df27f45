"""The demo city's books are closed as finance closes them: day by day, each past month by one and confirmed by another."""

from datetime import date, datetime, time, timedelta

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import ZONE
from shebao.base.months import last_day, month_of, shift
from shebao.ledger import closing
from shebao.ledger.entries import first_posting
from shebao.site.demo.scale import PLACE

CLOSED_AFTER = timedelta(days=12)  # a month is closed once the tax office's last file of it is in


def close_books(first: Actor, second: Actor, today: date) -> None:
    """日结 up to the day before yesterday, 月结 of every past month: all confirmed but the last, which is the second person's to confirm.

    Yesterday stays open: there is something left to close, and what finance wrote down yesterday is booked.
    """
    with acting(ENGINE):
        begun = first_posting(PLACE)
    if begun is None:
        return
    one, other = (Actor(Role.ENGINE, a.account_id, a.name) for a in (first, second))
    month, present, until = month_of(begun), month_of(today), today - timedelta(days=2)
    while month < present:
        if last_day(month) >= until:
            break
        done_on = min(last_day(month) + CLOSED_AFTER, until)
        with acting(one):
            closing.close_days(PLACE, last_day(month), at=_at(done_on, 9))
            closing.close_month(PLACE, month, at=_at(done_on, 10))
        if shift(month, 1) < present:
            with acting(other):
                closing.confirm_month(PLACE, month, at=_at(done_on, 11))
        month = shift(month, 1)
    with acting(one):
        shut = closing.recent_days(PLACE, 1)
        if until > (shut[0].day if shut else date.min) and until >= begun:
            closing.close_days(PLACE, until, at=_at(until + timedelta(days=1), 9))


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), ZONE)
