"""Handing work to the job process, inside the transaction that makes it necessary: no effect without its job, no job without it."""

from procrastinate.contrib.django import app


def defer(name: str, **arguments: int | str) -> None:
    """Queue a job by name (the jobs are named in shebao.site.jobs) in the current transaction."""
    app.configure_task(name).defer(**arguments)
