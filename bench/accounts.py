"""个人账户 settled and posted, beside raw binary COPY + primary key of the same bytes; the kernel beside a Decimal loop; chunks beside one
transaction."""

import os
import statistics
import tempfile
import time
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import psycopg

from bench.harness import Row, Spent, open_city, peak_mb, spending
from shebao.base.clock import ZONE

PLACE, YEAR = "420100", 2025
AT = datetime(2026, 7, 1, 9, tzinfo=ZONE)
PAGE = 1 << 20
DECIMAL_ROWS = 20_000
KERNEL_ROWS = 1_000_000
CHUNKED_ROWS = 1_000_000  # chunks are compared over so many accounts, whatever the size of the city


def load(address: str, people: int) -> None:
    """Accounts with a year's tally each, by SQL (their entries are not read by a settlement and are left out)."""
    with psycopg.connect(address, autocommit=True) as link:
        link.execute("insert into parties_agency (id, name, place, district) values (1, '示例机构', '420100', '420102')")
        link.execute("select accounts_open_year(%s)", [YEAR])
        link.execute("insert into accounts_placeyear (place, year, state) values (%s, %s, 'open')", [PLACE, YEAR])
        link.execute("select setseed(0.5)")
        link.execute(
            f"""
            insert into accounts_tally_{YEAR}
            select p, (random() * 20000000)::bigint, m * 12, 0, m * 78, 0, 0, {YEAR}, '{PLACE}'
            from (select p, (35984 + random() * 144000)::bigint as m from generate_series(1, %s::bigint) p) x
            """,
            [people],
        )
        link.execute(f"vacuum analyze accounts_tally_{YEAR}")
        link.execute("checkpoint")


def settle() -> tuple[Spent, int]:
    """The run as it is run: begin, chunks with guards, publish, book. Returns the cost and the accounts."""
    from shebao.access.acting import acting
    from shebao.accounts.models import Settlement
    from shebao.base.actor import ENGINE
    from shebao.runs import account_interest

    with spending() as spent:
        run_id = account_interest.settle(PLACE, YEAR, clock=lambda: AT)
    with acting(ENGINE):
        run = Settlement.objects.get(pk=run_id)
    assert run.state == "done", run.note
    return spent, run.rows


def raw_copy(address: str) -> Spent:
    """The limit: the same bytes by binary COPY into a table of the same columns, then the same primary key."""
    with tempfile.TemporaryFile() as file, psycopg.connect(address, autocommit=True) as link:
        with link.cursor().copy("copy (select * from accounts_snapshot) to stdout (format binary)") as out:
            for part in out:
                file.write(part)
        file.seek(0)
        link.execute("drop table if exists bench_raw")
        link.execute("create table bench_raw (like accounts_snapshot)")
        link.execute("checkpoint")
        with spending() as spent:
            with link.cursor().copy("copy bench_raw from stdin (format binary)") as into:
                while part := file.read(PAGE):
                    into.write(part)
            link.execute("alter table bench_raw add primary key (person_id)")
        link.execute("drop table bench_raw")
    return spent


def again(address: str) -> None:
    """Take the settlement away, as the owner, so that the same accounts can be settled once more."""
    with psycopg.connect(address, autocommit=True) as link:
        for (name,) in link.execute(
            "select relname from pg_class where relname like 'accounts\\_snapshot\\_%' and relkind = 'r'"
        ).fetchall():
            link.execute(f"drop table {name}")
        for table in ("accounts_chunk", "accounts_settlement"):
            link.execute(f"alter table {table} disable trigger all")
            link.execute(f"delete from {table}")
            link.execute(f"alter table {table} enable trigger all")
        link.execute("update accounts_placeyear set state = 'open'")
        link.execute("checkpoint")


def built(size: int, *, together: bool) -> float:
    """Seconds to build the detached table and publish it: in chunks of a transaction each with its guard, or all in one transaction.
    One writer both ways, so that nothing but the chunks differs."""
    from django.db import connection

    from shebao.access.acting import acting
    from shebao.accounts import settling
    from shebao.base.actor import ENGINE
    from shebao.policy.rulebook import standard

    settling.CHUNK_IDS = size
    with acting(ENGINE):
        run_id = settling.begin(PLACE, YEAR, rulebook=standard(), on=AT.date(), at=AT)
    with acting(ENGINE):
        work = settling.plan(run_id)
    chunks = work.chunks[: CHUNKED_ROWS // size]
    began = time.perf_counter()
    if together:
        with acting(ENGINE):
            for chunk in chunks:
                settling.do_chunk(work, chunk)
    else:
        for chunk in chunks:
            with acting(ENGINE):
                settling.do_chunk(work, chunk)
    with acting(ENGINE), connection.cursor() as cursor:
        settling.take_time()
        cursor.execute("select accounts_build_publish(%s)", [run_id])
    return time.perf_counter() - began


def kernel() -> tuple[float, float]:
    """Seconds a million accounts: the kernel as the run calls it, and a Decimal loop of the same sums. Both answers are compared."""
    from shebao.accounts.settling import Block, settle_block

    chance = np.random.default_rng(1)
    months = chance.integers(30_000, 180_000, KERNEL_ROWS)
    opening = chance.integers(0, 20_000_000, KERNEL_ROWS)
    zero = np.zeros(KERNEL_ROWS, np.int64)
    block = Block(np.arange(KERNEL_ROWS), opening, months * 12, zero, zero, zero, months * 78)
    rate = 15_000
    blocks = [
        Block(*(getattr(block, name)[i : i + 100_000] for name in ("people", "opening", "own", "employer", "other", "basis", "product")))
        for i in range(0, KERNEL_ROWS, 100_000)
    ]
    ours = statistics.median(_timed(lambda: [settle_block(b, rate, 1_000) for b in blocks]) for _ in range(5))
    settled = settle_block(block, rate, 1_000)
    cent, i = Decimal("0.01"), Decimal("0.015")
    began = time.perf_counter()
    for n in range(DECIMAL_ROWS):
        balance, month = Decimal(int(opening[n])) / 100, Decimal(int(months[n])) / 100
        credits, product = month * 12, sum((month * (13 - k) for k in range(1, 13)), Decimal(0))
        first, second = (
            (balance * i).quantize(cent, ROUND_HALF_UP),
            (product * i / 12).quantize(cent, ROUND_HALF_UP),
        )
        check = (credits * i * Decimal("1.083") / 2).quantize(cent, ROUND_HALF_UP)
        closing = balance + credits + first + second
        assert int(closing * 100) == settled.closing[n] and (abs(check - second) * 1000 > closing) == settled.differing[n]
    return ours, (time.perf_counter() - began) / DECIMAL_ROWS * KERNEL_ROWS


def _timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def run(people: int = 1_000_000) -> list[dict[str, Any]]:
    """The rows of the report."""
    address = open_city()
    load(address, people)
    print(f"  {people:,} accounts, load {os.getloadavg()[0]:.1f}", flush=True)
    spent, rows = settle()
    print(f"  settled and posted in {spent.wall:.1f} s, load {os.getloadavg()[0]:.1f}, peak {peak_mb():.0f} MB", flush=True)
    limit = raw_copy(address)
    ratio = spent.wall / limit.wall
    ours, loop = kernel()
    apart, whole = [], []
    for _ in range(3):  # turn about, so that the neighbours disturb both
        again(address)
        apart.append(built(50_000, together=False))
        again(address)
        whole.append(built(50_000, together=True))
    chunked = min(apart) / min(whole)
    load_now = f"load {os.getloadavg()[0]:.1f}"
    chunked_rows = min(rows, CHUNKED_ROWS)
    cpu = f"CPU {spent.cpu:.1f} s here + {spent.server_cpu:.1f} s PostgreSQL, limit {limit.all_cpu:.1f} s; {load_now}"
    found = [
        Row(f"accounts settled, posted: {rows:,}", spent.wall, None, limit.wall, ratio, "≤ 1.3 × raw COPY + key", ratio <= 1.3, "s", cpu),
        Row("interest kernel, 1,000,000 accounts", ours, loop, None, loop / ours, "≥ 100 × a Decimal loop", loop >= 100 * ours, "s"),
        Row(
            f"settlement in guarded chunks of 50,000, {chunked_rows:,}", min(apart), min(whole), None, chunked, "≤ 1.1 × one transaction",
            chunked <= 1.1, "s", "best of three, turn about",
        ),
    ]  # fmt: skip
    return [row.to_dict() for row in found]
