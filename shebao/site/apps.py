"""The site application: fills the catalogue of items once every application is loaded."""

from collections.abc import Iterable

from django.apps import AppConfig

from shebao.policy.calendar import YearDays


class SiteConfig(AppConfig):
    """Everything that has to be known before the first request."""

    name = "shebao.site"
    label = "site"

    def ready(self) -> None:
        """Enter the items into the catalogue, name the jobs and the kinds of runs, let arrears and late fees know of deferrals and the
        books of the sub-ledgers behind them."""
        from shebao.accounts import controls as accounts_controls
        from shebao.items import catalogue
        from shebao.ledger import closing
        from shebao.levy import controls, deferring, suspension
        from shebao.policy import calendar
        from shebao.site import jobs, runs

        catalogue.enter()
        jobs.name_all()
        runs.register_all()
        if _entered_years not in calendar.ENTERED:
            calendar.ENTERED.append(_entered_years)
        if deferring.last_days not in suspension.PROVIDERS:
            suspension.PROVIDERS.append(deferring.last_days)
        for sub_ledger in (controls.sums, accounts_controls.sums):
            if sub_ledger not in closing.SUB_LEDGERS:
                closing.SUB_LEDGERS.append(sub_ledger)
        if controls.unfinished not in closing.UNFINISHED:
            closing.UNFINISHED.append(controls.unfinished)


def _entered_years() -> Iterable[YearDays]:
    """Years of the working-day calendar that administrators entered; nothing where no database answers (commands of policy alone)."""
    from django.db import DatabaseError

    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.parties.calendar import confirmed

    try:
        with acting(ENGINE):
            return confirmed()
    except DatabaseError:
        return ()
