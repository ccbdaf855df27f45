"""The job process: takes jobs as they are queued (LISTEN/NOTIFY), and takes up those that a killed process left behind.

It has connections of its own, as shebao_app without an actor: they reach the queue's tables and nothing else. Each job opens its actor.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections
from procrastinate import App, JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.worker import Worker

JOBS_AT_ONCE = 2  # one a core: a long upload does not keep a VIP approval waiting
POLL_SECONDS = 5.0  # only should a notification be lost
HEARTBEAT_SECONDS, STALLED_SECONDS = 10.0, 45.0
GRACE_SECONDS = 20.0  # for the jobs at hand when told to stop; they are restartable, so cutting them off loses nothing
KEPT_HOURS = 24 * 14  # finished jobs; what they did is in the audit trail
log = logging.getLogger("shebao.worker")


@app.periodic(cron="* * * * *")
@app.task(name="take_up_stalled", queueing_lock="take_up_stalled", pass_context=True)
async def take_up_stalled(context: JobContext, timestamp: int) -> None:
    """Every minute, for processes that were killed while this one runs."""
    await _take_up(context.app)


@app.periodic(cron="17 3 * * *")
@app.task(name="clear_finished_jobs", queueing_lock="clear_finished_jobs", pass_context=True)
async def clear_finished_jobs(context: JobContext, timestamp: int) -> None:
    """Finished jobs go after a fortnight."""
    await context.app.job_manager.delete_old_jobs(nb_hours=KEPT_HOURS, include_failed=True, include_cancelled=True)


def work() -> None:
    """Take jobs until SIGINT or SIGTERM."""
    connector = app.connector
    assert isinstance(connector, DjangoConnector), "the job process starts from Django's own connector"
    with app.replace_connector(connector.get_worker_connector()) as own:
        asyncio.run(_work(own))


async def _work(own: App) -> None:
    async with own.open_async():
        await _take_up(own)
        await own.run_worker_async(
            concurrency=JOBS_AT_ONCE,
            fetch_job_polling_interval=POLL_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
            shutdown_graceful_timeout=GRACE_SECONDS,
            task_middleware=[_fresh_connections],
        )


async def _take_up(own: App) -> None:
    """Queue again what a process that is gone left in `doing`: nobody else would ever finish it."""
    for job in await own.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        log.warning("job %s (%s) was left behind, taken up again", job.id, job.task_name)
        await own.job_manager.retry_job(job)


def _fresh_connections(call_next: Callable[[], Any], context: JobContext, worker: Worker) -> Any:
    """Jobs keep Django's connections as requests do: dead and old ones are dropped before and after."""
    close_old_connections()
    try:
        return call_next()
    finally:
        close_old_connections()
