"""批扣 whose worker is killed again and again at random points: lines, file, dues, books and messages as of an undisturbed run."""

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connections
from psycopg import conninfo

from shebao.levy import debit_batches
from shebao.runs import bank_withholding as run
from shebao.site import database as site_database
from tests import conftest
from tests.db import debit_support as bank
from tests.db import support
from tests.db.debit_support import answer, at, books_hold, built, fresh, owe, people, sent
from tests.db.support import acting, as_owner

HEADS, MONTH, KILLS_MAX, SERVER_KILLS = 96, 202602, 25, 0
WORKER = """
import sys
from datetime import datetime
from pathlib import Path
from shebao.site.console_site import set_up
set_up()
from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.levy import debit_answers, debit_batches
from shebao.runs import bank_withholding as run
what, batch, folder, at = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), datetime.fromisoformat(sys.argv[4])
if what == "build":
    run.build(batch, folder, bytes([7]) * 32, clock=lambda: at)
else:
    content = (folder / "answer.txt").read_bytes()
    try:
        with acting(ENGINE):
            debit_answers.receive(content, [bytes.fromhex(sys.argv[5])], at=at, on=at.date())
    except debit_answers.FileKnown:
        pass
    run.post(batch, clock=lambda: at)
    run.tell(batch, clock=lambda: at)
"""
# Everything of the world but what a sequence gave out and the clock of the row: by its own identity.
DIGESTS = (
    "select sequence, person_id, amount_fen, first_month, last_month, months from levy_debitline order by 1",
    "select sequence, part, person_id, result, taken_fen, taken_on, serial, name_differs from levy_debitresult order by 1, 2",
    "select person_id, month, state, paid_on, total_fen, batch_id from levy_flexdue order by 1, 2",
    "select chunk, first_person, last_person, base, built_lines, built_fen, posted_lines, posted_fen, told from levy_debitchunk order by 1",
    "select number, state, lines, total_fen, left_out, file_day, file_order, encode(file_sha256, 'hex'), paid_lines, paid_fen, debited_on,"
    " posted_at from levy_debitbatch order by 1",
    "select person_id, reason, open_fen from levy_debitleftout order by 1",
    "select p.key, p.booked_on, p.recorded_at, p.state, a.fund, a.kind, e.amount_fen from ledger_posting p join ledger_entry e"
    " on e.posting_id = p.id join ledger_account a on a.id = e.account_id order by 1, 5, 6, 7",
    "select person_id, title, text, url from contact_message order by 1, 2, 3",
)


def digest() -> list[str]:
    return [hashlib.sha256(repr(as_owner(query)).encode()).hexdigest() for query in DIGESTS]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debit_batches, "CHUNK_PEOPLE", 12)


@pytest.fixture
def two_worlds(own_database: str) -> Any:
    """The same people with the same dues in two databases."""
    support.make_agency(1)
    as_owner("update parties_agency set district = '420106'")
    who = people(HEADS)
    owe(who, [202601, MONTH])
    bank.settle(who[::7], [202601])
    bank.settle(who[3::11], [202601, MONTH])
    with acting(support.ENGINE):
        debit_batches.begin(support.PLACE, bank.Scheme.CITY, bank.POST, MONTH, rulebook=standard(), at=at(MONTH))
        debit_batches.plan(1)
    conftest._close()
    copy = own_database + "_2"
    site_database.create_database(copy, own_database)
    yield own_database, copy
    conftest._close()
    conftest._point_at(own_database)
    site_database.drop_database(copy)


def standard() -> Any:
    from shebao.policy.rulebook import standard as book

    return book()


def killed_until_done(what: str, folder: Path, when: Any, chance: random.Random, *, server_kills: int) -> int:
    """Run the worker, killed at random moments, until it ends by itself. Returns the kills."""
    kills = 0
    while True:
        words = [sys.executable, "-c", WORKER]
        arguments = [what, "1", str(folder), when.isoformat(), bank.BANK_PUBLIC.hex()]
        process = subprocess.Popen([*words, *arguments], env={**os.environ, **_urls()}, stderr=subprocess.PIPE)
        if kills < KILLS_MAX:
            before = progress()
            moved = await_progress(process, before)
            if moved:
                time.sleep(chance.random() * 0.04)
            if process.poll() is None and moved:
                if server_kills and kills % 5 == 2:
                    server_kills -= 1
                    kill_server()
                process.kill()
                kills += 1
        _, told = process.communicate(timeout=120)
        if process.returncode == 0:
            return kills
        assert process.returncode < 0 or any(w in told for w in (b"OperationalError", b"InterfaceError")), told.decode()


def await_progress(process: "subprocess.Popen[bytes]", before: int) -> bool:
    """Wait until the worker has committed something more. False when it ended before."""
    while process.poll() is None:
        if progress() > before:
            return True
        time.sleep(0.003)
    return False


def progress() -> int:
    """How much of the batch is committed: grows with every step."""
    ((done,),) = as_owner(
        """
        select (select count(built_lines) + count(posted_lines) + count(*) filter (where told) from levy_debitchunk)
             + (select count(file_order) + count(file_sha256) + count(answered_at) + count(posted_at) from levy_debitbatch)
        """
    )
    return int(done)


def kill_server() -> None:
    """PostgreSQL dies as in a crash, and is started again."""
    if os.environ.get("SHEBAO_TEST_SERVER") == "system":
        return
    from tests.db.embedded_support import kill_server as crash

    crash(conftest.FOLDER / "data")
    conftest._close()
    site_database.ensure(stop_at_exit=True)
    patient(lambda: as_owner("select 1"))


def patient(act: Callable[[], Any]) -> None:
    for _ in range(200):
        try:
            act()
            return
        except DatabaseError:
            conftest._close()
            time.sleep(0.05)
    raise AssertionError("the server did not come back")


def _urls() -> dict[str, str]:
    found = {}
    for alias, variable in (("default", "SHEBAO_DATABASE_URL"), ("owner", "SHEBAO_OWNER_URL")):
        s = connections[alias].settings_dict
        parts = {"host": s["HOST"], "port": s["PORT"], "dbname": s["NAME"], "user": s["USER"], "password": s["PASSWORD"]}
        found[variable] = conninfo.make_conninfo(**{name: str(value) for name, value in parts.items() if value})
    return found


def test_killed_at_random_it_ends_as_an_undisturbed_run_byte_for_byte(two_worlds: tuple[str, str], tmp_path: Path) -> None:
    calm, disturbed = two_worlds
    folders = [tmp_path / "calm", tmp_path / "disturbed"]
    seed = 20_260_220
    ends = []
    for name, folder in zip((calm, disturbed), folders, strict=True):
        folder.mkdir()
        conftest._point_at(name)
        chance = random.Random(seed)
        kills = 0
        if name == calm:
            batch = built(MONTH, folder)
        else:
            kills += killed_until_done("build", folder, at(MONTH), chance, server_kills=min(1, SERVER_KILLS))
            batch = fresh(1)
        with acting(bank.OTHER_FINANCE):
            batch = debit_batches.confirm_sending(batch.pk, at=at(MONTH, 20, 10))
        (folder / "answer.txt").write_bytes(answer(batch, folder, failed={5: "11", 17: "13", 60: "11"}))
        if name == calm:
            bank.receive((folder / "answer.txt").read_bytes(), when=at(MONTH, 21))
            run.post(batch.pk, clock=lambda: at(MONTH, 21))
            run.tell(batch.pk, clock=lambda: at(MONTH, 21))
        else:
            kills += killed_until_done("post", folder, at(MONTH, 21), chance, server_kills=max(0, SERVER_KILLS - 1))
            assert kills > 10, f"it was killed {kills} times only"
        books_hold()
        ends.append((digest(), (folder / run.file_name(batch.number)).read_bytes()))
    assert ends[0][1] == ends[1][1], "the file, byte for byte"
    assert ends[0][0] == ends[1][0]


def test_the_digest_would_see_a_single_fen(two_worlds: tuple[str, str], tmp_path: Path) -> None:
    """The control of the test above."""
    conftest._point_at(two_worlds[0])
    before = digest()
    sent(MONTH, tmp_path)
    assert digest() != before
