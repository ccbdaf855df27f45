"""灵活就业月度应缴 and 社保年度结转 as runs: begin, chunks, done. Killed anywhere, they go on where they were."""

from collections.abc import Callable
from datetime import datetime

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.base.months import Month
from shebao.base.terms import Post
from shebao.levy import flexible_month
from shebao.levy.run_kinds import RunKind
from shebao.policy.rulebook import Rulebook, standard

BOTH = frozenset({Post.FINANCE, Post.REVIEWER})
RUN_KIND = RunKind(
    flexible_month.KIND,
    "灵活就业月度应缴",
    "run_flexible",
    page=lambda run: "/w/flexible",
    rows="笔",
    about="每月批扣日以前：为选了档次的灵活就业人员逐人生成当月应缴",
    start="/w/flexible",
    starters=BOTH,
    never="应缴生成后可能已被核定、批扣或缴清，不能整批冲回；不再参保的按暂停缴费、欠费注销逐人办理",
)
RUN_KIND_YEAR = RunKind(
    flexible_month.KIND_YEAR,
    "灵活就业社保年度结转",
    "run_flexible",
    page=lambda run: "/w/flexible",
    rows="笔",
    about="社保年度结束后：没有缴、也不能再缴的月份转为逾年度未缴，冲销应收",
    start="/w/flexible",
    starters=BOTH,
    never="逾年度未缴的月份按规定不能再缴，结转不能整批冲回；恢复补缴须有新的政策参数，再逐人核定",
)
Clock = Callable[[], datetime]


def run(run_id: int, *, clock: Clock, rulebook: Rulebook | None = None) -> None:
    """Do what is missing of a run that was begun. A second call finds nothing to do.

    Refusals (a rule without a value, a tier that does not exist) end the run as failed, with the sentence on its page.
    """
    rulebook = rulebook or standard()
    try:
        with acting(ENGINE):
            work = flexible_month.plan(run_id, rulebook)
        for chunk in work.chunks:
            with acting(ENGINE):
                moment = clock()
                flexible_month.do_chunk(work, chunk, rulebook, on=moment.date(), at=moment)
        with acting(ENGINE):
            flexible_month.publish(run_id, rulebook, at=clock())
    except ShebaoError as error:
        with acting(ENGINE):
            flexible_month.fail(run_id, error.text, at=clock())


def owe(place: str, month: Month, *, clock: Clock, rulebook: Rulebook | None = None) -> int:
    """Begin and do a month's run in this process; for commands, tests and the demo. Returns the run.

    Raises: AlreadyRunError, FutureMonthError.
    """
    with acting(ENGINE):
        run_id = flexible_month.begin(place, month, at=clock())
    run(run_id, clock=clock, rulebook=rulebook)
    return run_id


def lapse(place: str, year: int, *, clock: Clock, rulebook: Rulebook | None = None) -> int:
    """Begin and do the end of a 社保年度 in this process. Returns the run.  Raises: AlreadyRunError, NotYetError."""
    rulebook = rulebook or standard()
    with acting(ENGINE):
        found = flexible_month.year_by_code(year, place, rulebook)
        run_id = flexible_month.begin_year(place, found, rulebook=rulebook, at=clock())
    run(run_id, clock=clock, rulebook=rulebook)
    return run_id
