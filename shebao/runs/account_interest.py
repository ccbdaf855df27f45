"""个人账户年度结算 as a run: close the year, reckon interest in chunks of people, publish whole, book once. Killed anywhere, it goes on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import connection

from shebao.access.acting import acting
from shebao.accounts import settling
from shebao.accounts.queries import settlements_done
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.levy.run_kinds import RunKind, RunLine
from shebao.policy.rulebook import Rulebook, standard
from shebao.policy.shapes import percent


def _listed(place: str, limit: int, run_id: int | None) -> list[RunLine]:
    """Settlements of a place for the run console, newest first; or the one of an id."""
    return [
        RunLine(
            run.pk,
            run.state,
            f"{run.year} 年，记账利率 {percent(run.rate_ppm)}",
            chunks,
            run.chunks_total,
            rows,
            fen,
            run.started_by,
            run.started_at,
            run.finished_at,
            run.note,
            month=run.month,
        )
        for run, chunks, rows, fen in settlements_done(place, limit, run_id)
    ]


RUN_KIND = RunKind(
    settling.KIND,
    "个人账户年度结算",
    "settle_accounts",
    rows="户",
    listed=_listed,
    about="每年一次，记账利率公布以后：按月积数法计上一年的利息，结转年末累计",
    start="/w/settlements",
    never="年度结算后利息已记入个人账户，不能整批冲回；以后的退费、注销和当年结算，利息按差额自动处理",
)
Clock = Callable[[], datetime]
WRITERS = 2  # one reads and computes while the other's rows are written; more gain nothing on two cores


def run(run_id: int, *, clock: Clock, rulebook: Rulebook | None = None) -> None:
    """Do what is missing of a run that was begun. A second call finds nothing to do. A refusal ends it as failed, with its sentence."""
    rulebook = rulebook or standard()
    try:
        with acting(ENGINE):
            work = settling.plan(run_id)
        do_chunks(work)
        with acting(ENGINE):
            moment = clock()
            settling.publish(run_id, rulebook=rulebook, on=moment.astimezone(ZONE).date(), at=moment)
    except ShebaoError as error:
        with acting(ENGINE):
            settling.fail(run_id, error.text, at=clock())


def do_chunks(work: settling.Work) -> int:
    """Every missing chunk, each in a transaction of its own. Returns the number of accounts. Raises what the first failing chunk raised."""

    def one(chunk: tuple[int, int, int]) -> int:
        with acting(ENGINE):
            return settling.do_chunk(work, chunk)

    if len(work.chunks) <= 1:
        return sum(one(chunk) for chunk in work.chunks)

    def apart(chunk: tuple[int, int, int]) -> int:
        try:
            return one(chunk)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(apart, work.chunks))


def settle(place: str, year: int, *, clock: Clock, rulebook: Rulebook | None = None) -> int:
    """Begin and do the whole run in this process; for commands, tests and the demo. Returns the run.

    Raises: NoRateError, YearNotOverError, YearOrderError, AlreadySettledError; nothing is changed then.
    """
    moment = clock()
    with acting(ENGINE):
        run_id = settling.begin(place, year, rulebook=rulebook or standard(), on=moment.astimezone(ZONE).date(), at=moment)
    run(run_id, clock=clock, rulebook=rulebook)
    return run_id
