"""The site application: fills the catalogue of items once every application is loaded."""

from collections.abc import Iterable

from django.apps import AppConfig

from shebao.policy.calendar import YearDays


class SiteConfig(AppConfig):
    """Everything that has to be known before the first request."""

    name = "shebao.site"
    label = "site"

    def ready(self) -> None:
        """Enter the items into the catalogue, name the jobs, and let arrears and late fees know of deferrals."""
        from shebao.items import catalogue
        from shebao.levy import deferring, suspension
        from shebao.policy import calendar
        from shebao.site import jobs

        catalogue.enter()
        jobs.name_all()
        if _entered_years not in calendar.ENTERED:
            calendar.ENTERED.append(_entered_years)
        if deferring.last_days not in suspension.PROVIDERS:
            suspension.PROVIDERS.append(deferring.last_days)


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
