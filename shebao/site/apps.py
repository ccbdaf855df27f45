"""The site application: fills the catalogue of items once every application is loaded."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Everything that has to be known before the first request."""

    name = "shebao.site"
    label = "site"

    def ready(self) -> None:
        """Enter the items into the catalogue, name the jobs, and let arrears and late fees know of deferrals."""
        from shebao.items import catalogue
        from shebao.levy import deferring, suspension
        from shebao.site import jobs

        catalogue.enter()
        jobs.name_all()
        if deferring.last_days not in suspension.PROVIDERS:
            suspension.PROVIDERS.append(deferring.last_days)
