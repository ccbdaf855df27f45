"""The job process: takes jobs as they are queued (LISTEN/NOTIFY), and takes up those that a killed process left behind.

It has connections of its own, as shebao_app without an actor: they reach the queue's tables and nothing else. Each job opens its actor.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import close_old_connections
from procrastinate import App, JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AppNotOpen, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.worker import Worker
from psycopg_pool import PoolTimeout

JOBS_AT_ONCE = 2  # one a core: a long upload does not keep a VIP approval waiting
POLL_SECONDS = 5.0  # only should a notification be lost
HEARTBEAT_SECONDS, STALLED_SECONDS = 10.0, 45.0
AGAIN_SECONDS = 2.0  # after the database was lost
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
    """Take jobs until SIGINT or SIGTERM. While the database is away it waits, and then goes on with what was cut off."""
    connector = app.connector
    assert isinstance(connector, DjangoConnector), "the job process starts from Django's own connector"
    former, stopping = 0, False
    while not stopping:
        with app.replace_connector(connector.get_worker_connector()) as own:
            former, stopping = asyncio.run(_work(own, former))
        if not stopping:
            log.warning("the database is away or was; starting again with it in %.0f seconds", AGAIN_SECONDS)
            time.sleep(AGAIN_SECONDS)


async def _work(own: App, former: int) -> tuple[int, bool]:
    """Work until told to stop or until the database is lost. former: what this process was called before, 0 at first.

    Returns what it is called in the queue unless it has left that in order, and whether it was told to stop.
    """
    own.perform_import_paths()  # type: ignore[no-untyped-call]
    worker: Any = Worker(
        own,
        concurrency=JOBS_AT_ONCE,
        fetch_job_polling_interval=POLL_SECONDS,
        update_heartbeat_interval=HEARTBEAT_SECONDS,
        stalled_worker_timeout=STALLED_SECONDS,
        shutdown_graceful_timeout=GRACE_SECONDS,
        task_middleware=[_fresh_connections],
        install_signal_handlers=False,
    )
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        told.set()
        worker.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)

    def lost(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The end of a job could not be written down: as long as this worker beats its heart, nobody would take the job up again."""
        loop.default_exception_handler(context)
        if isinstance(context.get("exception"), ConnectorException):
            worker.stop()

    loop.set_exception_handler(lost)
    try:
        async with own.open_async():
            await _take_up(own, former)
            await worker.run()
    except (ConnectorException, AppNotOpen, PoolTimeout, psycopg.Error) as error:
        log.warning("the database is away: %s", error)
    return worker.worker_id or former, told.is_set()


async def _take_up(own: App, former: int = 0) -> None:
    """Queue again what a process that is gone left in `doing`: nobody else would ever finish it. A job's lock stays with it until then.

    former: a worker of this very process that has ended; its jobs need no proof by silence.
    """
    stalled = {job.id: job for job in await own.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS)}
    if former:
        ours = await own.job_manager.list_jobs_async(status="doing")
        stalled |= {job.id: job for job in ours if job.worker_id == former}
    for job in stalled.values():
        log.warning("job %s (%s) was left behind, taken up again", job.id, job.task_name)
        try:
            await own.job_manager.retry_job(job)
        except UniqueViolation:
            # Its successor waits in the queue already, under the same lock: that one does the work, as soon as this one lets go.
            await own.job_manager.finish_job(job, Status.FAILED, delete_job=False)


def _fresh_connections(call_next: Callable[[], Any], context: JobContext, worker: Worker) -> Any:
    """Jobs keep Django's connections as requests do: dead and old ones are dropped before and after."""
    close_old_connections()
    try:
        return call_next()
    finally:
        close_old_connections()
