"""月度核定: a month of a place assessed whole. Restartable by chunk, published at once, billed once, booked once."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.months import month_of, month_shown
from shebao.levy import bulk, month_rules, relief
from shebao.levy.billing import bill_month
from shebao.levy.models import MonthState, PlaceMonth, Run, RunChunk
from shebao.policy.levy import month_rates
from shebao.policy.rulebook import Rulebook

KIND = "monthly_assessment"


class AlreadyAssessedError(ShebaoError):
    """A month is assessed once."""

    code = "LVY-02"

    def __init__(self, month: int) -> None:
        super().__init__(f"{month_shown(month)}已经核定过，不会重复核定；之后的变动按补缴、补差处理")


class FutureMonthError(ShebaoError):
    """Whoever is enrolled until the month's end belongs to it: it is not assessed before it begins."""

    code = "LVY-03"

    def __init__(self, month: int) -> None:
        super().__init__(f"{month_shown(month)}还没有开始，不能提前核定；请在该月内办理")


class EarlyMonthError(ShebaoError):
    """Months with a separate 生育 rate do not fit the month table; they come in by cut-over."""

    code = "LVY-04"

    def __init__(self, month: int) -> None:
        super().__init__(f"{month_shown(month)}生育保险仍单独计征，历史月份由数据迁移装入，不在这里核定")


@dataclass(frozen=True, slots=True)
class Work:
    """What a run still has to do: chunks by number, as ranges of unit ids; what every chunk needs is loaded once."""

    run_id: int
    place: str
    month: int
    table: str
    employers: bulk.Employers
    chunks: tuple[tuple[int, int, int], ...]


def begin(place: str, month: int, *, at: datetime) -> int:
    """Start the run: the month is closed to everything that would take effect in it until it is published.

    Returns: the run; the same one again when a former start was interrupted.
    Raises: AlreadyAssessedError, EarlyMonthError, FutureMonthError.
    """
    if month < 202001:
        raise EarlyMonthError(month)
    if month > month_of(at.astimezone(ZONE).date()):
        raise FutureMonthError(month)
    with connection.cursor() as cursor:
        cursor.execute("insert into levy_placemonth (place, month, state) values (%s, %s, 'open') on conflict do nothing", [place, month])
    row = PlaceMonth.objects.select_for_update().get(place=place, month=month)
    if row.state == MonthState.ASSESSED:
        raise AlreadyAssessedError(month)
    run = Run.objects.filter(kind=KIND, place=place, month=month).exclude(state="failed").first()
    if run is None:
        run = Run.objects.create(kind=KIND, place=place, month=month, started_by=current().account_id, started_at=at)
        record([Trace("levy.assessment_started", f"{place} {month}")], at=at)
    PlaceMonth.objects.filter(pk=row.pk).update(state=MonthState.ASSESSING)
    return run.pk


RUN_STATEMENT_TIMEOUT = "30min"  # pages are cut off after a minute; a city of 13 million needs longer in one statement


def take_time() -> None:
    """Let the statements of this transaction run as long as a whole city needs."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [RUN_STATEMENT_TIMEOUT])


def plan(run_id: int) -> Work:
    """What is still missing of a run; nothing of one that has ended. The month table is made here when there is none yet."""
    take_time()
    run = Run.objects.select_for_update().get(pk=run_id)  # two starts at once make one table
    employers = bulk.employers(run.place, run.month)
    if run.state != "running":
        return Work(run_id, run.place, run.month, "", employers, ())
    ranges = bulk.chunks(bulk.unit_heads(run.month, employers))
    Run.objects.filter(pk=run_id).update(chunks_total=len(ranges))
    done = set(RunChunk.objects.filter(run_id=run_id).values_list("chunk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("select levy_build_open(%s, %s)", [run.month, run_id])
        table = str(cursor.fetchone()[0])
    return Work(
        run_id, run.place, run.month, table, employers, tuple((i, first, last) for i, (first, last) in enumerate(ranges) if i not in done)
    )


def do_chunk(work: Work, chunk: tuple[int, int, int], rulebook: Rulebook) -> int:
    """One chunk in the current transaction: its guard row and its rows, or neither. Returns the number of people."""
    take_time()
    number, first, last = chunk
    with connection.cursor() as cursor:
        cursor.execute("set local max_parallel_workers_per_gather = 0")  # the run has its own two writers
    block = bulk.read_block(work.month, first, last, work.employers)
    rates = month_rates(rulebook, work.month, work.place)
    assessed, classes = bulk.assess_block(block, work.employers, rates)
    assessed, taken = relief.relieve_block(block, assessed, rates)
    stream, total_fen = bulk.encode(block, assessed, classes, work.month)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into levy_runchunk (run_id, chunk, rows, total_fen) values (%s, %s, %s, %s) on conflict do nothing returning 1",
            [work.run_id, number, len(block.people), total_fen],
        )
        if cursor.fetchone() is None:
            return 0
    relief.store(work.run_id, block, assessed, taken, rates)
    bulk.write(work.table, stream)
    return len(block.people)


def publish(run_id: int, rulebook: Rulebook, *, on: date, at: datetime) -> None:
    """Check the rows against their guards, attach the month, issue the bills and book them: all in one transaction."""
    take_time()
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.state != "running":
        return
    row = PlaceMonth.objects.select_for_update().get(place=run.place, month=run.month)
    with connection.cursor() as cursor:
        cursor.execute("select levy_build_publish(%s, %s)", [run.month, run_id])
        rows = int(cursor.fetchone()[0])
        cursor.execute("select coalesce(sum(total_fen), 0)::bigint from levy_runchunk where run_id = %s", [run_id])
        total_fen = int(cursor.fetchone()[0])
    bills = bill_month(run, rulebook, on=on, at=at)
    month_rules.keep(rulebook, run.month, run.place, run_id=run_id, at=at)
    PlaceMonth.objects.filter(pk=row.pk).update(state=MonthState.ASSESSED)
    Run.objects.filter(pk=run_id).update(state="done", finished_at=at, rows=rows, total_fen=total_fen, bills=bills)
    record([Trace("levy.assessed", f"{run.place} {run.month}", after={"people": rows, "bills": bills})], at=at)


def fail(run_id: int, note: str, *, at: datetime) -> None:
    """A rule is missing, or a unit has no terms: say so on the run and open the month again. What was built is kept out of sight."""
    run = Run.objects.get(pk=run_id)
    Run.objects.filter(pk=run_id).update(state="failed", note=note[:200], finished_at=at)
    PlaceMonth.objects.filter(place=run.place, month=run.month, state=MonthState.ASSESSING).update(state=MonthState.OPEN)
    record([Trace("levy.assessment_stopped", f"{run.place} {run.month}", after={"note": note})], at=at)
