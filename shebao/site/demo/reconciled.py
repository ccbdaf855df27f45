"""对账 of the demo city: the 收入户 is on record, and yesterday was reconciled: what the bank took last month and never paid in is late."""

from datetime import date, datetime, time, timedelta

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import ZONE
from shebao.levy import reconcile_settling, reconcile_statements, refund_queries
from shebao.runs import reconcile_day
from shebao.sandbox.bank import FUND
from shebao.site.demo.partners import BANK_NAME, CITY_AGENCY
from shebao.site.demo.scale import PLACE


def reconcile(first: Actor, today: date) -> None:
    """Finance of the city's agency reconciles yesterday without a statement, takes what is late over and asks the bank about it."""
    yesterday = today - timedelta(days=1)
    at = datetime.combine(yesterday, time(16), ZONE)
    with acting(ENGINE):
        reconcile_statements.register_account(PLACE, FUND, BANK_NAME, CITY_AGENCY, on=yesterday, at=at)
    reconcile_day.run(PLACE, yesterday, clock=lambda: at, account_id=first.account_id, name=first.name)
    with acting(Actor(Role.ENGINE, first.account_id, first.name)):
        late = refund_queries.differences(CITY_AGENCY, state="", kind="", page=1, size=1).rows
        if late:
            reconcile_settling.take_over(late[0].pk, at=at + timedelta(minutes=10))
            reconcile_settling.chase(late[0].pk, "已电话联系银行，答复款项在清算途中，三日内到账（示例）", at=at + timedelta(minutes=20))
