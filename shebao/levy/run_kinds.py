"""Runs (批次) of every kind on one console: each kind says once, at start, what it is called, what it does, where a person begins one,
where its page is, which job goes on with it and whether it can be taken back. The console knows no kind; each finds its own runs, in
`levy_run` unless it says otherwise.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.base.months import month_shown
from shebao.base.terms import Post
from shebao.levy.models import Run

RUNNING, DONE, FAILED, REVERSED = "running", "done", "failed", "reversed"


class NotRestartableError(ShebaoError):
    """The run has ended, or is at work."""

    code = "BKS-10"


class NotReversibleRunError(ShebaoError):
    """Runs of this kind, or this one, cannot be taken back."""

    code = "BKS-11"


@dataclass(frozen=True, slots=True)
class RunLine:
    """How far one run is. state: running, done, failed or reversed. waits: what it waits for while nobody computes (回盘 …), if anything.

    about: what it is of (2026 年 11 月, 示例银行). chunks: done of total. total_fen: fen, None where it has no amount. started_by: an
    account, 0 the system. key: what the kind's own page knows it by, where that is not the id.
    """

    id: int
    state: str
    about: str
    chunks_done: int
    chunks_total: int
    rows: int
    total_fen: int | None
    started_by: int
    started_at: datetime
    finished_at: datetime | None
    note: str = ""
    waits: str = ""
    month: int = 0
    key: str = ""


Listed = Callable[[str, int, int | None], list[RunLine]]
STARTERS = frozenset({Post.FINANCE})


@dataclass(frozen=True, slots=True)
class RunKind:
    """What the console has to know of a kind.

    job: the job that does what is missing of a run (argument run_id or as `argument` says); queued again it does no harm. Empty: none.
    listed: its runs of a place, newest first, so many, or the one of an id; levy_run's when not given. page: the address of the kind's
    own page for a run; empty: the console's is all there is. rows: what its rows are (人, 笔).
    about: what it does and when, one sentence. start: the page where a person of `starters` begins one, with its parameters and its trial.
    daily: too many and too small for the workbench.
    reverse: takes a run back (run, reason, on, at); None: never, and `never` says what is done instead. why_not: why this one is not
    taken back (empty: it can be); without it any that is done can. undo: the words for it (整批冲回, 已冲回); undo_says: what it means.
    """

    code: str
    label: str
    job: str
    argument: str = "run_id"
    page: Callable[[RunLine], str] = lambda run: ""
    rows: str = "人"
    listed: Listed | None = None
    why_not: Callable[[RunLine], str] | None = None
    reverse: Callable[[RunLine, str, date, datetime], None] | None = None
    about: str = ""
    start: str = ""
    starters: frozenset[Post] = STARTERS
    daily: bool = False
    never: str = ""
    undo: tuple[str, str] = ("整批冲回", "已冲回")
    undo_says: str = "这个批次记的账会全部用相反的分录冲销，明细账同时退回。冲回后不能恢复，只能重新办理。"

    def find(self, place: str, limit: int, run_id: int | None = None) -> list[RunLine]:
        """Runs of a place, newest first; or the one of an id."""
        return self.listed(place, limit, run_id) if self.listed else _of_levy(self.code, place, limit, run_id)

    def why_not_reversible(self, run: RunLine) -> str:
        """Why a run is not taken back; empty when it can be."""
        if self.reverse is None:
            return self.never or f"“{self.label}”不能整批冲回；差错按更正、补差或退费办理"
        if self.why_not is not None:
            return self.why_not(run)
        return "" if run.state == DONE else "还没有完成的批次不能冲回"


KINDS: dict[str, RunKind] = {}


def register(kind: RunKind) -> None:
    """Enter a kind; again, it takes the place of its former self."""
    KINDS[kind.code] = kind


def _of_levy(code: str, place: str, limit: int, run_id: int | None) -> list[RunLine]:
    runs = Run.objects.filter(kind=code, place=place).order_by("-id")
    if run_id is not None:
        runs = runs.filter(pk=run_id)
    found = list(runs[:limit])
    with connection.cursor() as cursor:
        cursor.execute(
            "select run_id, count(*), coalesce(sum(rows), 0)::bigint, coalesce(sum(total_fen), 0)::bigint from levy_runchunk"
            " where run_id = any(%s) group by 1",
            [[run.pk for run in found]],
        )
        chunks = {run: (count, rows, fen) for run, count, rows, fen in cursor.fetchall()}
    told = []
    for run in found:
        count, rows, fen = chunks.get(run.pk, (0, 0, 0))
        told.append(
            RunLine(
                run.pk, run.state, month_shown(run.month), count, run.chunks_total, rows, fen, run.started_by, run.started_at,
                run.finished_at, run.note, month=run.month,
            )
        )  # fmt: skip
    return told


@dataclass(frozen=True, slots=True)
class Standing:
    """A run with its kind, and what the job process has to do with it: doing, todo, or nothing."""

    run: RunLine
    kind: RunKind
    at_work: str

    @property
    def state(self) -> str:
        """done, failed, reversed; running, queued, waiting (for something outside) or stopped (began, and nobody is at it)."""
        if self.run.state != RUNNING:
            return self.run.state
        if self.at_work:
            return {"doing": "running", "todo": "queued"}[self.at_work]
        return "waiting" if self.run.waits or not self.kind.job else "stopped"

    @property
    def ended(self) -> bool:
        return self.run.state != RUNNING


def standings(place: str, *, kind: str = "", limit: int = 30, daily: bool = True) -> list[Standing]:
    """The last runs of a place, newest first, of every kind (daily: also of the small ones of each day) or of one."""
    wanted = [k for k in KINDS.values() if kind in ("", k.code) and (daily or not k.daily)]
    found = [(k, run) for k in wanted for run in k.find(place, limit)]
    return _stand(sorted(found, key=lambda pair: pair[1].started_at, reverse=True)[:limit])


def lasts(place: str) -> dict[str, Standing]:
    """The last run of each kind, by its code; kinds that never ran are left out."""
    return {s.kind.code: s for s in _stand([(k, run) for k in KINDS.values() for run in k.find(place, 1)])}


def standing(place: str, kind: str, run_id: int) -> Standing | None:
    """One run of a place."""
    known = KINDS.get(kind)
    return next(iter(_stand([(known, run) for run in known.find(place, 1, run_id)])), None) if known else None


def _stand(found: list[tuple[RunKind, RunLine]]) -> list[Standing]:
    jobs: dict[tuple[str, int], str] = {}
    names = sorted({kind.job for kind, _ in found if kind.job})
    if names:
        with connection.cursor() as cursor:
            cursor.execute(
                "select task_name, args, status::text from procrastinate_jobs where status in ('todo', 'doing') and task_name = any(%s)"
                " order by status::text desc",
                [names],
            )
            queued = cursor.fetchall()
        for kind, run in found:
            for name, arguments, status in queued:
                if name == kind.job and _number(arguments, kind.argument) == run.id:
                    jobs[kind.code, run.id] = status
    return [Standing(run, kind, jobs.get((kind.code, run.id), "")) for kind, run in found]


def _number(arguments: object, name: str) -> int | None:
    told = json.loads(arguments) if isinstance(arguments, str) else arguments
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, int) else None


def restart(place: str, kind: str, run_id: int, *, at: datetime) -> Standing:
    """Whether a run may be queued again, on record; the caller queues its job in the same transaction. Raises: NotRestartableError."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"run {kind} {run_id}"])  # two who press it at once
    found = standing(place, kind, run_id)
    if found is None or found.ended:
        raise NotRestartableError("这个批次已经结束，不用继续；失败的批次请在它的业务页面重新开始")
    if found.at_work:
        raise NotRestartableError("这个批次正在执行或已在排队，请稍后刷新查看；不会重复执行")
    if not found.kind.job or found.run.waits:
        raise NotRestartableError(f"这个批次现在不用继续：{found.run.waits or '没有后台任务'}")
    record([Trace("levy.run_restarted", f"{kind} {found.run.about}", after={"run": run_id})], at=at)
    return found


def reverse(place: str, kind: str, run_id: int, reason: str, *, on: date, at: datetime) -> None:
    """冲回 a whole run, by its kind's own operation. Raises: NotReversibleRunError, and what that operation raises."""
    found = standing(place, kind, run_id)
    if found is None:
        raise NotReversibleRunError("没有这个批次，请刷新后核对")
    if refused := found.kind.why_not_reversible(found.run):
        raise NotReversibleRunError(refused)
    assert found.kind.reverse is not None
    found.kind.reverse(found.run, reason, on, at)
    record([Trace("levy.run_reversed", f"{kind} {found.run.about}", after={"run": run_id, "reason": reason})], at=at)
