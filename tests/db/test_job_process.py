"""The job process after a kill: what was being done is done again, whatever waits behind it; outages are waited for and not counted."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import InterfaceError, OperationalError
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.casework.jobs import defer
from shebao.parties.models import Agency
from shebao.site import worker
from shebao.site.job_retries import AWAY_SECONDS, Retry
from tests.db import support
from tests.db.support import as_owner


def take_up(former: int = 0) -> None:
    """What the job process does when it starts, and every minute."""

    async def now() -> None:
        with app.replace_connector(app.connector.get_worker_connector()) as own:  # type: ignore[attr-defined]
            async with own.open_async():
                await worker._take_up(own, former)

    with ThreadPoolExecutor(1) as apart:  # browser tests of this process may leave a loop running in its own thread
        apart.submit(asyncio.run, now()).result()


def queued(name: str, **arguments: int) -> None:
    with acting(ENGINE):
        defer(name, **arguments)


def jobs() -> list[tuple[str, str]]:
    return [(str(name), str(state)) for name, state in as_owner("select task_name, status::text from procrastinate_jobs order by id")]


@pytest.fixture(autouse=True)
def empty_queue(database: str) -> None:
    as_owner("delete from procrastinate_jobs")


def test_a_job_whose_process_was_killed_gives_way_to_the_one_that_waits_behind_it() -> None:
    """The exchange with the bank is queued every few seconds, one at a time: while it is done and killed the next one waits already."""
    queued("bank_exchange", timestamp=1)
    as_owner("update procrastinate_jobs set status = 'doing', worker_id = null")
    queued("bank_exchange", timestamp=2)
    take_up()
    assert jobs() == [("bank_exchange", "failed"), ("bank_exchange", "todo")]


def test_jobs_of_ones_own_former_life_are_taken_up_without_waiting_for_silence() -> None:
    queued("assess_month", run_id=1)
    ((former,),) = as_owner("insert into procrastinate_workers default values returning id")
    as_owner("update procrastinate_jobs set status = 'doing', worker_id = %s", [former])
    take_up()
    assert jobs() == [("assess_month", "doing")], "its heart may still beat"
    take_up(int(str(former)))
    assert jobs() == [("assess_month", "todo")]


def test_two_who_ask_for_the_same_job_queue_it_once_and_both_acts_stay() -> None:
    support.make_agency(1)
    for name in ("甲", "乙"):
        with acting(ENGINE):
            defer("bank_exchange_now")
            assert Agency.objects.count() == 1, f"{name}'s transaction goes on"
    assert jobs() == [("bank_exchange_now", "todo")]


def test_an_outage_is_waited_for_however_long_and_errors_are_counted() -> None:
    retry = Retry(tries=5, wait=3)
    job = Job(id=1, status="doing", queue="default", priority=0, lock=None, queueing_lock=None, task_name="t", attempts=99, worker_id=None)
    shutdown, slow = OperationalError("gone"), OperationalError("slow")
    shutdown.__cause__, slow.__cause__ = psycopg.errors.AdminShutdown(), psycopg.errors.QueryCanceled()
    for away in (shutdown, OperationalError("connection refused"), InterfaceError("closed")):
        decision = retry.get_retry_decision(exception=away, job=job)
        assert decision is not None and decision.retry_at is not None, AWAY_SECONDS
    assert retry.get_retry_decision(exception=slow, job=job) is None
    assert retry.get_retry_decision(exception=slow, job=job.evolve(attempts=4)) is not None
