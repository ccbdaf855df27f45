"""月度核定 as a run: close the month, assess it in chunks, publish it whole, bill it. Killed anywhere, it goes on where it was."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import connection

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.levy import assessing
from shebao.levy.run_kinds import RunKind
from shebao.policy.rulebook import Rulebook, standard

RUN_KIND = RunKind(
    assessing.KIND,
    "月度核定",
    "assess_month",
    page=lambda run: f"/w/months#m{run.month}",
    about="每月一次：全统筹区的单位一起核定，生成核定单并记应收账",
    start="/w/months",
    starters=frozenset({Post.FINANCE, Post.REVIEWER}),
    never="核定单已经发出，不能整批冲回；参数有变动的办理重新核定，个别差错按信息订正、补差或退费办理",
)
Clock = Callable[[], datetime]
WRITERS = 2  # one reads and computes while the other's rows are written; more gain nothing on two cores


def run(run_id: int, *, clock: Clock, rulebook: Rulebook | None = None) -> None:
    """Do what is missing of a run that was begun. A second call finds nothing to do.

    Refusals (a rule without a value, a unit without terms) end the run as failed, with the sentence on its page.
    """
    rulebook = rulebook or standard()
    try:
        with acting(ENGINE):
            work = assessing.plan(run_id)
        do_chunks(work, rulebook)
        with acting(ENGINE):
            moment = clock()
            assessing.publish(run_id, rulebook, on=moment.date(), at=moment)
    except ShebaoError as error:
        with acting(ENGINE):
            assessing.fail(run_id, error.text, at=clock())


def do_chunks(work: assessing.Work, rulebook: Rulebook) -> int:
    """Every missing chunk, each in a transaction of its own. Returns the number of people. Raises what the first failing chunk raised."""

    def one(chunk: tuple[int, int, int]) -> int:
        with acting(ENGINE):
            return assessing.do_chunk(work, chunk, rulebook)

    if len(work.chunks) <= 1:
        return sum(one(chunk) for chunk in work.chunks)

    def apart(chunk: tuple[int, int, int]) -> int:
        try:
            return one(chunk)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(apart, work.chunks))


def assess(place: str, month: int, *, clock: Clock, rulebook: Rulebook | None = None) -> int:
    """Begin and do the whole run in this process; for commands, tests and the demo. Returns the run."""
    with acting(ENGINE):
        run_id = assessing.begin(place, month, at=clock())
    run(run_id, clock=clock, rulebook=rulebook)
    return run_id
