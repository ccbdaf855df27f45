"""个人账户年度结算: the accounts of a place credited with the interest of a year. Restartable by chunk, published whole, booked once.

The year is closed to credits from the beginning on (what comes later goes to the next open year), so that every restart reads the same.
"""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from shebao.accounts.copying import RawArrays, copy_rows, many_rows, rows_of
from shebao.accounts.crediting import FUND
from shebao.accounts.models import Chunk, PlaceYear, Settlement, YearState
from shebao.accounts.part_year import resettle
from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book
from shebao.policy.account import RATE
from shebao.policy.formulas import FenArray
from shebao.policy.formulas.personal_account import differs, opening_interest, product_interest, yearly_interest
from shebao.policy.rulebook import Rule, Rulebook

KIND = "account_interest"
CHUNK_IDS = 100_000  # personal numbers a chunk; people are numbered without gaps
GAP_PPM = 1_000  # the two methods are compared: 0.1 % of the balance; for twelve equal months they agree to 0.03 %
TIMEOUT = "30min"  # pages are cut off after a minute; a city of 13 million needs longer in one statement


class NoRateError(ShebaoError):
    """The year has no published rate: the run stops before it changes anything."""

    code = "ACT-01"


class YearNotOverError(ShebaoError):
    """A year is settled when it is over."""

    code = "ACT-02"


class YearOrderError(ShebaoError):
    """The year before is not settled, so nobody knows what this one begins with."""

    code = "ACT-03"


class AlreadySettledError(ShebaoError):
    """A year is settled once."""

    code = "ACT-04"


@dataclass(frozen=True, slots=True)
class Work:
    """What a run still has to do: chunks by number, as ranges of person ids. before: the settlement of the year before, or 0."""

    run_id: int
    place: str
    year: int
    before: int
    table: str
    rate_ppm: int
    gap_ppm: int
    chunks: tuple[tuple[int, int, int], ...]


def begin(place: str, year: int, *, rulebook: Rulebook, on: date, at: datetime, gap_ppm: int = GAP_PPM) -> int:
    """Start the settlement of a year: from now on nothing is credited into it.

    Returns: the run; the same one again when a former start was interrupted.
    Raises: NoRateError, YearNotOverError, YearOrderError, AlreadySettledError. Nothing is changed then.
    """
    rate = check(place, year, rulebook=rulebook, on=on)
    with connection.cursor() as cursor:
        cursor.execute("insert into accounts_placeyear (place, year, state) values (%s, %s, 'open') on conflict do nothing", [place, year])
        cursor.execute("select accounts_open_year(%s)", [year])
    row = PlaceYear.objects.select_for_update().get(place=place, year=year)
    if row.state == YearState.SETTLED:
        raise _settled(year)
    run = Settlement.objects.filter(kind=KIND, place=place, year=year).exclude(state="failed").first()
    if run is None:
        run = Settlement.objects.create(
            place=place,
            year=year,
            month=year * 100 + 12,
            started_by=current().account_id,
            started_at=at,
            rate_ppm=int(rate.value),
            rate_status=rate.status.value,
            rate_source="；".join(rate.source)[:200],
            gap_ppm=gap_ppm,
        )
        record([Trace("accounts.settlement_started", f"{place} {year}", after={"rate_ppm": run.rate_ppm})], at=at)
    PlaceYear.objects.filter(pk=row.pk).update(state=YearState.SETTLING)
    return run.pk


def check(place: str, year: int, *, rulebook: Rulebook, on: date) -> Rule:
    """The rate that a year would be settled with today. Raises: NoRateError, YearNotOverError, YearOrderError, AlreadySettledError."""
    if on.year <= year:
        raise YearNotOverError(f"{year} 年还没有结束，不能结算个人账户；请在次年办理")
    rate = rulebook.find(RATE, date(year, 12, 31), place)
    if rate is None or rate.value is None:
        note = f"（{rate.source[0]}）" if rate else ""
        label = rulebook.place(place).label
        raise NoRateError(f"{label} {year} 年的个人账户记账利率尚未公布或未见文件{note}，不能结算；请在利率公布并补充参数后再办理")
    if PlaceYear.objects.filter(place=place, year=year, state=YearState.SETTLED).exists():
        raise _settled(year)
    _ready(place, year)
    return rate


def _settled(year: int) -> AlreadySettledError:
    return AlreadySettledError(f"{year} 年个人账户已经结算，不会重复计息；之后的变动按差额处理")


def _ready(place: str, year: int) -> None:
    """Raises: YearOrderError when an earlier year has accounts and is not settled, or a later one is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select min(year) filter (where year < %s and state <> 'settled'), max(year) filter (where year > %s and state = 'settled')"
            " from accounts_placeyear where place = %s",
            [year, year, place],
        )
        earlier, later = cursor.fetchone()
        cursor.execute("select max(year) from accounts_settlement where place = %s and state = 'done' and year < %s", [place, year])
        last = cursor.fetchone()[0]
    if earlier is not None or (last is not None and last != year - 1):
        missing = earlier if earlier is not None else last + 1
        raise YearOrderError(f"{missing} 年个人账户尚未结算，{year} 年的期初余额还不能确定；请先结算 {missing} 年")
    if later is not None:
        raise YearOrderError(f"{later} 年个人账户已经结算，不能再结算更早的 {year} 年")


def plan(run_id: int) -> Work:
    """What is still missing of a run; nothing of one that has ended. The table is made here when there is none yet."""
    take_time()
    run = Settlement.objects.select_for_update().get(pk=run_id)
    before = (
        Settlement.objects.filter(kind=KIND, place=run.place, year=run.year - 1, state="done").values_list("id", flat=True).first() or 0
    )
    if run.state != "running":
        return Work(run_id, run.place, run.year, before, "", run.rate_ppm, run.gap_ppm, ())
    ranges = ranges_of(run.place, run.year, before)
    Settlement.objects.filter(pk=run_id).update(chunks_total=len(ranges))
    done = set(Chunk.objects.filter(run_id=run_id).values_list("chunk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("select accounts_build_open(%s)", [run_id])
        table = str(cursor.fetchone()[0])
    todo = tuple((i, first, last) for i, (first, last) in enumerate(ranges) if i not in done)
    return Work(run_id, run.place, run.year, before, table, run.rate_ppm, run.gap_ppm, todo)


def take_time() -> None:
    """Let the statements of this transaction run as long as a whole city needs."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [TIMEOUT])


def ranges_of(place: str, year: int, before: int) -> list[tuple[int, int]]:
    """Ranges of person ids that hold every account of the year. The same accounts give the same ranges."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select min(a), max(b) from (
              (select min(person_id) as a, max(person_id) as b from accounts_tally where year = %s and place = %s)
              union all (select min(person_id), max(person_id) from accounts_snapshot where settlement_id = %s)) x
            """,
            [year, place, before],
        )
        first, last = cursor.fetchone()
    if first is None:
        return []
    start = first // CHUNK_IDS * CHUNK_IDS
    return [(a, a + CHUNK_IDS - 1) for a in range(start, last + 1, CHUNK_IDS)]


@dataclass(frozen=True, slots=True)
class Block:
    """Accounts of a range of people before interest, shape (n,) each, by person; fen."""

    people: NDArray[np.int64]
    opening: FenArray
    own: FenArray
    employer: FenArray
    other: FenArray
    basis: FenArray
    product: FenArray


_READ = """
select array_agg(person_id), array_agg(opening), array_agg(own_fen), array_agg(employer_fen), array_agg(other_fen), array_agg(basis_fen),
       array_agg(product_fen)
from (select person_id, coalesce(s.closing_fen, 0) + coalesce(t.brought_fen, 0) as opening, coalesce(t.own_fen, 0) as own_fen,
             coalesce(t.employer_fen, 0) as employer_fen, coalesce(t.other_fen, 0) as other_fen, coalesce(t.basis_fen, 0) as basis_fen,
             coalesce(t.product_fen, 0) as product_fen
      from (select * from accounts_tally where year = %(year)s and place = %(place)s and person_id between %(first)s and %(last)s) t
      full join (select person_id, closing_fen from accounts_snapshot
                 where settlement_id = %(before)s and person_id between %(first)s and %(last)s) s using (person_id)) x
"""


def read_block(work: Work, first: int, last: int) -> Block:
    """The accounts of a range of people. An account that was empty all year is left out."""
    values = {"year": work.year, "place": work.place, "before": work.before, "first": first, "last": last}
    with many_rows(), RawArrays(connection.connection) as cursor:
        cursor.execute(_READ, values, binary=True)
        columns = rows_of(cursor)
    alive = np.logical_or.reduce([column != 0 for column in columns[1:]])
    if not alive.all():
        columns = [column[alive] for column in columns]
    if len(columns[0]) and not (columns[0][1:] > columns[0][:-1]).all():
        order = np.argsort(columns[0])
        columns = [column[order] for column in columns]
    return Block(*columns)


@dataclass(frozen=True, slots=True)
class Settled:
    """Interest and closing balances of a block, fen; how many accounts the two methods answer differently for."""

    interest_opening: FenArray
    interest_credits: FenArray
    closing: FenArray
    differing: NDArray[np.bool_]

    @property
    def interest_fen(self) -> int:
        return int(self.interest_opening.sum() + self.interest_credits.sum())


def settle_block(block: Block, rate_ppm: int, gap_ppm: int) -> Settled:
    """月积数法 for every account, and where 年度计算法 differs by more than gap_ppm of the balance."""
    on_opening = opening_interest(block.opening + block.basis, rate_ppm)
    on_credits = product_interest(block.product, rate_ppm)
    credits = block.own + block.employer
    closing = block.opening + credits + block.other + on_opening + on_credits
    return Settled(on_opening, on_credits, closing, differs(on_credits, yearly_interest(credits, rate_ppm), closing, gap_ppm))


_COLUMNS = (
    *((name, 8) for name in ("person_id", "opening_fen", "own_fen", "employer_fen", "other_fen", "basis_fen", "product_fen")),
    *((name, 8) for name in ("interest_opening_fen", "interest_credits_fen", "closing_fen")),
    ("settlement_id", 4),
)


def write(table: str, block: Block, settled: Settled, run_id: int) -> None:
    """COPY the snapshots of a block into a detached table of the current transaction."""
    values = {
        "person_id": block.people,
        "opening_fen": block.opening,
        "own_fen": block.own,
        "employer_fen": block.employer,
        "other_fen": block.other,
        "basis_fen": block.basis,
        "product_fen": block.product,
        "interest_opening_fen": settled.interest_opening,
        "interest_credits_fen": settled.interest_credits,
        "closing_fen": settled.closing,
        "settlement_id": np.full(len(block.people), run_id),
    }
    copy_rows(table, _COLUMNS, values)


def do_chunk(work: Work, chunk: tuple[int, int, int]) -> int:
    """One chunk in the current transaction: its guard row and its snapshots, or neither. Returns the number of accounts."""
    take_time()
    number, first, last = chunk
    block = read_block(work, first, last)
    settled = settle_block(block, work.rate_ppm, work.gap_ppm)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into accounts_chunk (run_id, chunk, rows, total_fen, interest_fen, differing) values (%s, %s, %s, %s, %s, %s)"
            " on conflict do nothing returning 1",
            [work.run_id, number, len(block.people), int(settled.closing.sum()), settled.interest_fen, int(settled.differing.sum())],
        )
        if cursor.fetchone() is None:
            return 0
    write(work.table, block, settled, work.run_id)
    return len(block.people)


def publish(run_id: int, *, rulebook: Rulebook, on: date, at: datetime) -> None:
    """Check the snapshots against their guards, attach them, book the interest, settle part years again: all in one transaction."""
    take_time()
    run = Settlement.objects.select_for_update().get(pk=run_id)
    if run.state != "running":
        return
    row = PlaceYear.objects.select_for_update().get(place=run.place, year=run.year)
    with connection.cursor() as cursor:
        cursor.execute("select accounts_build_publish(%s)", [run_id])
        rows = int(cursor.fetchone()[0])
        cursor.execute(
            "select coalesce(sum(total_fen), 0)::bigint, coalesce(sum(interest_fen), 0)::bigint, coalesce(sum(differing), 0)::int"
            " from accounts_chunk where run_id = %s",
            [run_id],
        )
        total_fen, interest_fen, differing = cursor.fetchone()
    if interest_fen:
        sides = (Side(FUND, AccountKind.ACCOUNT_INT, interest_fen), Side(FUND, AccountKind.PERSONAL, -interest_fen))
        text = f"{run.year} 年个人账户记账利息"
        book([Booking(f"account-interest:{run_id}", text, f"settlement:{run_id}", sides)], place=run.place, on=on, at=at)
    PlaceYear.objects.filter(pk=row.pk).update(state=YearState.SETTLED)
    Settlement.objects.filter(pk=run_id).update(
        state="done", finished_at=at, rows=rows, total_fen=total_fen, interest_fen=interest_fen, differing=differing
    )
    resettle(run.place, run.year, rulebook=rulebook, on=on, at=at)
    record([Trace("accounts.settled", f"{run.place} {run.year}", after={"accounts": rows, "interest_fen": interest_fen})], at=at)


def fail(run_id: int, note: str, *, at: datetime) -> None:
    """Say on the run why it stopped and open the year again. What was built is kept out of sight."""
    run = Settlement.objects.get(pk=run_id)
    Settlement.objects.filter(pk=run_id).update(state="failed", note=note[:200], finished_at=at)
    PlaceYear.objects.filter(place=run.place, year=run.year, state=YearState.SETTLING).update(state=YearState.OPEN)
    record([Trace("accounts.settlement_stopped", f"{run.place} {run.year}", after={"note": note})], at=at)
