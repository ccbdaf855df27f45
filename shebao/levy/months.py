"""The state of a 费款所属期 in a place, and the lock that settles its close against what takes effect in the same moment.

Lock order everywhere: month, then unit, then person, then account.
"""

from collections.abc import Iterable

from django.db import connection

from shebao.base.errors import ShebaoError
from shebao.base.months import month_shown
from shebao.levy.models import MonthState, PlaceMonth


class MonthBusyError(ShebaoError):
    """The month is being assessed in these seconds."""

    code = "LVY-01"

    def __init__(self, month: int) -> None:
        super().__init__(f"{month_shown(month)}正在核定，通常不到一分钟；请稍后再试，已填写的内容不受影响")


def hold(place: str, months: Iterable[int]) -> dict[int, MonthState]:
    """Take the months FOR SHARE until the end of the transaction and tell their states: nobody closes them meanwhile.

    Raises: MonthBusyError when one of them is being assessed.
    """
    wanted = sorted(set(months))
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into levy_placemonth (place, month, state)"
            " select %s, m, 'open' from unnest(%s::int[]) m order by m on conflict do nothing",
            [place, wanted],
        )
        cursor.execute(
            "select month, state from levy_placemonth where place = %s and month = any(%s) order by month for share", [place, wanted]
        )
        states = {month: MonthState(state) for month, state in cursor.fetchall()}
    for month, state in states.items():
        if state is MonthState.ASSESSING:
            raise MonthBusyError(month)
    return states


def state_of(place: str, month: int) -> MonthState:
    """The state of a month; open when nothing was ever done in it."""
    row = PlaceMonth.objects.filter(place=place, month=month).first()
    return MonthState(row.state) if row else MonthState.OPEN
