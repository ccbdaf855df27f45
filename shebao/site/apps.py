"""The site application: fills the catalogue of items once every application is loaded."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Everything that has to be known before the first request."""

    name = "shebao.site"
    label = "site"

    def ready(self) -> None:
        """Enter the items into the catalogue and name the jobs."""
        from shebao.items import catalogue
        from shebao.site import jobs

        catalogue.enter()
        jobs.name_all()
