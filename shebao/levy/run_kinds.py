"""Runs (批次) of every kind on one console: each kind says once, at start, what it is called, where its page is, which job goes on with
it and whether it can be reversed. The console knows no kind; `levy_run` and its guard rows hold how far each has come.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.levy.models import Run, RunChunk


class NotRestartableError(ShebaoError):
    """The run has ended, or is at work."""

    code = "BKS-10"


class NotReversibleRunError(ShebaoError):
    """Runs of this kind, or this one, cannot be taken back."""

    code = "BKS-11"


@dataclass(frozen=True, slots=True)
class RunKind:
    """What the console has to know of a kind.

    job: the name of the job that does what is missing of a run (argument run_id); it may be queued again without harm.
    page: the address of the kind's own page for a run; empty when the console's is all there is. rows: what its rows are (人, 笔).
    why_not: why a run cannot be reversed (empty when it can); reverse: takes it back (run, reason, on, at); both None: never.
    """

    code: str
    label: str
    job: str
    page: Callable[[Run], str] = lambda run: ""
    rows: str = "人"
    why_not: Callable[[Run], str] | None = None
    reverse: Callable[[Run, str, date, datetime], None] | None = None

    def why_not_reversible(self, run: Run) -> str:
        """Why a run is not taken back; empty when it can be."""
        if self.reverse is None:
            return f"“{self.label}”不能整批冲回；差错按更正、补差或退费办理"
        if run.state != "done":
            return "还没有完成的批次不能冲回"
        return self.why_not(run) if self.why_not else ""


KINDS: dict[str, RunKind] = {}


def register(kind: RunKind) -> None:
    """Enter a kind; again, it takes the place of its former self."""
    KINDS[kind.code] = kind


def kind_of(run: Run) -> RunKind:
    """The kind of a run; one that nobody entered is shown by its code and can do nothing."""
    return KINDS.get(run.kind) or RunKind(run.kind, run.kind, "")


@dataclass(frozen=True, slots=True)
class Standing:
    """A run with its kind, its guard rows, and what the job process has to do with it: todo, doing, or nothing."""

    run: Run
    kind: RunKind
    chunks_done: int
    rows_done: int
    at_work: str

    @property
    def stopped(self) -> bool:
        """Whether it began, has not ended, and nobody is at it."""
        return self.run.state == "running" and not self.at_work

    @property
    def state(self) -> str:
        """done, failed, reversed; running, queued or stopped."""
        if self.run.state != "running":
            return str(self.run.state)
        return {"doing": "running", "todo": "queued"}.get(self.at_work, "stopped")


_AT_WORK = """
select (args ->> 'run_id')::bigint, max(status::text) from procrastinate_jobs
where status in ('todo', 'doing') and task_name = any(%s) and args ->> 'run_id' ~ '^[0-9]+$' and (args ->> 'run_id')::bigint = any(%s)
group by 1
"""


def standings(place: str, *, kind: str = "", state: str = "", before: int | None = None, limit: int = 20) -> list[Standing]:
    """Runs of a place, newest first, so many before one id."""
    runs = Run.objects.filter(place=place).order_by("-id")
    if kind:
        runs = runs.filter(kind=kind)
    if state:
        runs = runs.filter(state=state)
    if before is not None:
        runs = runs.filter(pk__lt=before)
    return _stand(list(runs[:limit]))


def standing(place: str, run_id: int) -> Standing | None:
    """One run of a place."""
    return next(iter(_stand(list(Run.objects.filter(place=place, pk=run_id)))), None)


def _stand(runs: list[Run]) -> list[Standing]:
    ids = [run.pk for run in runs]
    with connection.cursor() as cursor:
        cursor.execute(
            "select run_id, count(*), coalesce(sum(rows), 0)::bigint from levy_runchunk where run_id = any(%s) group by 1", [ids]
        )
        chunks = {run: (count, rows) for run, count, rows in cursor.fetchall()}
        cursor.execute(_AT_WORK, [[kind_of(run).job for run in runs], ids])
        jobs = dict(cursor.fetchall())
    return [Standing(run, kind_of(run), *chunks.get(run.pk, (0, 0)), at_work=jobs.get(run.pk, "")) for run in runs]


def chunks_of(run_id: int, limit: int = 200) -> list[RunChunk]:
    """Guard rows of a run, the last ones written first."""
    return list(RunChunk.objects.filter(run_id=run_id).order_by("-id")[:limit])


def running_count(place: str) -> int:
    """How many runs of a place have begun and not ended."""
    return Run.objects.filter(place=place, state="running").count()


def restart(place: str, run_id: int, *, at: datetime) -> Standing:
    """Whether a run may be queued again, on record; the caller queues its job in the same transaction. Raises: NotRestartableError."""
    with connection.cursor() as cursor:
        cursor.execute("select 1 from levy_run where id = %s for update", [run_id])
    found = standing(place, run_id)
    if found is None or found.run.state != "running":
        raise NotRestartableError("这个批次已经结束，不用继续；失败的批次请在它的业务页面重新开始")
    if found.at_work:
        raise NotRestartableError("这个批次正在执行或已在排队，请稍后刷新查看；不会重复执行")
    if not found.kind.job:
        raise NotRestartableError(f"“{found.kind.label}”没有登记继续执行的方法，请联系系统管理员")
    record([Trace("levy.run_restarted", f"{found.run.kind} {found.run.month}", after={"run": run_id})], at=at)
    return found


def reverse(place: str, run_id: int, reason: str, *, on: date, at: datetime) -> None:
    """冲回 a whole run, by its kind's own operation. Raises: NotReversibleRunError, and what that operation raises."""
    found = standing(place, run_id)
    if found is None:
        raise NotReversibleRunError("没有这个批次，请刷新后核对")
    if refused := found.kind.why_not_reversible(found.run):
        raise NotReversibleRunError(refused)
    assert found.kind.reverse is not None
    found.kind.reverse(found.run, reason, on, at)
    record([Trace("levy.run_reversed", f"{found.run.kind} {found.run.month}", after={"run": run_id, "reason": reason})], at=at)
