"""Handing work to the job process, inside the transaction that makes it necessary: no effect without its job, no job without it."""

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued


def defer(name: str, **arguments: int | str) -> None:
    """Queue a job by name (the jobs are named in shebao.site.jobs) in the current transaction.

    One of which a single one may wait, and one does: that one will see what this transaction did, when it begins.
    """
    try:
        with transaction.atomic():  # the queue's refusal must not undo what called
            app.configure_task(name).defer(**arguments)
    except AlreadyEnqueued:
        pass
