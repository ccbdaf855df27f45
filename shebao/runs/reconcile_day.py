"""对账 of a day as a run: in one transaction, so that a day that was killed half way has not happened; run again it finds the same."""

from collections.abc import Callable
from datetime import date, datetime

from shebao.access.acting import acting
from shebao.base.actor import Actor, Role
from shebao.levy import reconciling, tax_reconcile

Clock = Callable[[], datetime]


def run(place: str, day: date, *, clock: Clock, account_id: int = 0, name: str = "系统") -> reconciling.Result:
    """Reconcile a day, in the name of whoever asked. The tax office's list is the newest that was fetched; none, and that side waits.

    Raises: reconciling.NoAccountError.
    """
    moment = clock()
    with acting(Actor(Role.ENGINE, account_id, name)):
        rows = tax_reconcile.day_rows(day)
        return reconciling.reconcile(place, day, tax_rows=rows, on=moment.date(), at=moment)
