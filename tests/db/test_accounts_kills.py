"""个人账户年度结算 killed with -9, the worker and PostgreSQL, at random points: the same books byte for byte as an undisturbed run."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date

import pytest

from shebao.accounts import settling
from shebao.accounts.models import EntryKind
from tests.db import support
from tests.db.accounts_support import at, books_agree, credit
from tests.db.support import as_owner

PLACES = ("420500", "420600", "420800")
PEOPLE, KILLS = 4_000, int(os.environ.get("SHEBAO_TEST_KILLS", "5"))  # 20 for the figure of the record
# Slow enough to be hit in every stage: each chunk is 100 people, and rests a little inside its transaction.
WORKER = """
import sys, time
from datetime import datetime
from shebao.site.console_site import set_up
set_up()
from shebao.accounts import settling
from shebao.base.clock import ZONE
from shebao.runs import account_interest
settling.CHUNK_IDS = 100
write, publish = settling.write, settling.publish
def slow_write(*given):
    time.sleep(0.004); write(*given); time.sleep(0.004)
def slow_publish(*given, **named):
    publish(*given, **named); time.sleep(0.05)
settling.write, settling.publish = slow_write, slow_publish
clock = lambda: datetime(2024, 7, 1, 10, tzinfo=ZONE)
account_interest.settle(sys.argv[1], 2023, clock=clock)
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def books(database: str) -> Iterator[None]:
    """The same accounts in three places: a synthetic opening and six months of credits each."""
    support.make_agency(1)
    chance = random.Random(1)
    amounts = [chance.randint(1, 9_999_999) for _ in range(PEOPLE)]
    for place in PLACES:
        credit(
            f"open:{place}", [(p, 202301, fen) for p, fen in enumerate(amounts, 1)], date(2023, 1, 2), place=place, kind=EntryKind.BROUGHT
        )
        for n in (2, 3, 5, 7, 11, 12):
            credit(f"m{n}:{place}", [(p, 202300 + n, fen % 90_000 + n) for p, fen in enumerate(amounts, 1)], date(2023, n, 9), place=place)
    yield


def told(place: str) -> tuple[object, ...]:
    """What a settlement left, without its own numbers and times."""
    rows = as_owner(
        "select s.person_id, s.opening_fen, s.own_fen, s.employer_fen, s.other_fen, s.basis_fen, s.product_fen, s.interest_opening_fen,"
        " s.interest_credits_fen, s.closing_fen from accounts_snapshot s join accounts_settlement r on r.id = s.settlement_id"
        " where r.place = %s order by 1",
        [place],
    )
    runs = as_owner("select state, rows, total_fen, interest_fen, differing from accounts_settlement where place = %s", [place])
    posted = as_owner(
        "select p.text, a.fund, a.kind, e.amount_fen from ledger_posting p join ledger_entry e on e.posting_id = p.id"
        " join ledger_account a on a.id = e.account_id where a.place = %s and p.key like 'account-interest:%%' order by 2, 3",
        [place],
    )
    return rows, runs, posted


def start(place: str, database: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "SHEBAO_DATABASE_NAME": database}
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, place], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def finish(place: str, database: str) -> None:
    worker = start(place, database)
    out, problem = worker.communicate(timeout=120)
    assert "done" in out or "已经结算" in problem, problem[-2000:]


def chunks(place: str) -> int:
    return int(
        as_owner("select count(*) from accounts_chunk c join accounts_settlement r on r.id = c.run_id where r.place = %s", [place])[0][0]
    )


def test_the_worker_killed_anywhere_ends_with_the_same_books(books: None, database: str) -> None:
    finish(PLACES[0], database)
    undisturbed = told(PLACES[0])
    assert len(undisturbed[0]) == PEOPLE
    chance, seen = random.Random(7), set()
    for _ in range(KILLS):
        worker = start(PLACES[1], database)
        target = chunks(PLACES[1]) + chance.randint(1, 5)
        until = time.monotonic() + 30
        while worker.poll() is None and chunks(PLACES[1]) < target and time.monotonic() < until:
            time.sleep(chance.random() / 100)
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
        seen.add(chunks(PLACES[1]))
    assert len(seen) > KILLS // 2, "it was killed in different places"
    finish(PLACES[1], database)
    assert told(PLACES[1]) == undisturbed
    books_agree(PLACES[1])
    with pytest.raises(settling.AlreadySettledError):
        from shebao.runs import account_interest

        account_interest.settle(PLACES[1], 2023, clock=lambda: at(date(2024, 7, 1)))


def test_postgresql_killed_in_the_middle_ends_with_the_same_books(books: None, database: str) -> None:
    if os.environ.get("SHEBAO_TEST_SERVER") == "system":
        pytest.skip("the system's server is not ours to kill")
    from django.db import connections

    from shebao.site import database as site_database
    from tests.db.embedded_support import kill_server

    finish(PLACES[0], database) if not told(PLACES[0])[0] else None
    for target in (5, 15, 30):
        worker = start(PLACES[2], database)
        until = time.monotonic() + 30
        while worker.poll() is None and chunks(PLACES[2]) < target and time.monotonic() < until:
            time.sleep(0.01)
        connections.close_all()
        kill_server(site_database.data_folder())
        worker.wait(60)
        site_database.ensure(stop_at_exit=True)
    finish(PLACES[2], database)
    assert told(PLACES[2]) == told(PLACES[0])
    books_agree(PLACES[2])
