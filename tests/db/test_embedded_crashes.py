"""After crashes: damaged pid files, pids of others, recovery. The folder always opens again, and nobody else's process is touched."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from shebao.site import database
from shebao.site.embedded import processes
from shebao.site.embedded.account import account_for
from shebao.site.embedded.layout import existing
from shebao.site.embedded.use import is_running, leave
from tests.db.embedded_support import await_true, data_folder, db, hall, kill_server, postmaster

SLOW_SECONDS = 11  # longer than the ten seconds after which the wheel's own starter gives up


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """One folder for all: each test leaves it whole, which is the point."""
    with data_folder() as folder:
        yield folder


def pid_file(data: Path) -> Path:
    return existing(data).pgdata / "postmaster.pid"


def test_a_stale_pid_file_is_no_hindrance(data: Path) -> None:
    with hall(data) as program:
        program.kill()
        program.wait(30)
        kill_server(data)
    assert pid_file(data).exists()
    with hall(data):
        assert is_running(data)


@pytest.mark.parametrize("held", ["", "12", "99999999\n/nowhere", "no number\n", "\0\0\0\0"])
def test_a_cut_off_pid_file_is_no_hindrance(data: Path, held: str) -> None:
    pid_file(data).write_text(held)
    with hall(data):
        assert is_running(data)


def test_a_pid_that_now_belongs_to_another_program_is_left_alone(data: Path) -> None:
    """PostgreSQL itself refuses to start over a living pid of its own account: the stranger here is one."""
    stranger = subprocess.Popen(["sleep", "60"], cwd="/", **account_for(existing(data).pgdata).run_as())
    try:
        pid_file(data).write_text(f"{stranger.pid}\n{existing(data).pgdata}\n1700000000\n5432\n{existing(data).home / 'run'}\n\n")
        with hall(data):
            assert postmaster(data) not in (None, stranger.pid)
        assert postmaster(data) is None
        assert stranger.poll() is None
        assert not processes.send(stranger.pid, existing(data).pgdata, signal.SIGTERM)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_damaged_under_a_living_server_costs_a_restart_and_no_data(data: Path) -> None:
    with hall(data) as program:
        before = postmaster(data)
        pid_file(data).write_text("1")
        with hall(data):
            assert is_running(data) and postmaster(data) != before
        program.kill()


def test_a_dead_server_is_not_taken_for_a_living_one_and_its_commits_survive(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHEBAO_DATABASE_URL", raising=False)
    monkeypatch.setenv("SHEBAO_DATA", str(data))
    found = database.ensure()
    try:
        with psycopg.connect(found.owner or "") as link:
            link.execute("create table if not exists kept (n int)")
            link.execute("insert into kept values (1)")
        server = postmaster(data)
        assert server is not None
        os.kill(server, signal.SIGKILL)
        # It is our child and not yet reaped: its pid exists, a zombie.
        await_true(lambda: Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        assert not is_running(data)
        assert database.ensure() == found
        assert is_running(data)
        with psycopg.connect(found.owner or "") as link:
            assert link.execute("select count(*) from kept").fetchone() == (1,)
    finally:
        leave(data)


def test_numbers_of_a_copied_database_are_never_given_out_twice(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL copies a sequence without the log of its next numbers; a crash then took it back to where the copy began."""
    monkeypatch.delenv("SHEBAO_DATABASE_URL", raising=False)
    monkeypatch.setenv("SHEBAO_DATA", str(data))
    server = str(database.ensure().superuser)
    try:
        database.create_database("counted")
        with psycopg.connect(server, dbname="counted", autocommit=True) as link:
            link.execute("create table counted (id bigserial primary key)")
            link.execute("insert into counted default values")
        database.create_database("counted_copy", "counted")
        with psycopg.connect(server, dbname="counted_copy", autocommit=True) as link:
            for _ in range(5):
                link.execute("insert into counted default values")
        kill_server(data)
        assert str(database.ensure().superuser) == server
        with psycopg.connect(server, dbname="counted_copy", autocommit=True) as link:
            link.execute("insert into counted default values")
            assert link.execute("select count(*) from counted").fetchone() == (7,)
    finally:
        leave(data)


def test_a_recovery_longer_than_ten_seconds_is_waited_for(data: Path) -> None:
    """Real recovery of about 100 MB of log, made slow by stopping the process that replays it."""
    with hall(data) as program:
        with psycopg.connect(database_address(data)) as link:
            link.execute("create table if not exists replayed (n bigint, filler text)")
            link.execute("insert into replayed select n, repeat(md5(n::text), 10) from generate_series(1, 250000) n")
        program.kill()
        program.wait(30)
        kill_server(data)
    stopped: list[int] = []

    def replaying() -> bool:
        for pid in processes.postgres_processes(existing(data).pgdata):
            with suppress(OSError):  # gone between two looks
                if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"postgres: startup recovering"):
                    stopped.append(pid)
        return bool(stopped)

    def slow_down() -> None:
        await_true(replaying, pause_seconds=0.001)
        os.kill(stopped[0], signal.SIGSTOP)
        time.sleep(SLOW_SECONDS)
        os.kill(stopped[0], signal.SIGCONT)

    brake = threading.Thread(target=slow_down)
    brake.start()
    began = time.monotonic()
    with hall(data):
        waited = time.monotonic() - began
        brake.join()
        assert waited > SLOW_SECONDS
        with psycopg.connect(database_address(data)) as link:
            assert link.execute("select count(*) from replayed").fetchone() == (250_000,)


def database_address(data: Path) -> str:
    """The owner's address in that folder."""
    return db("url", "--role", "owner", data=data).stdout.strip()
