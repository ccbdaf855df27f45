"""The embedded server from a fresh folder: what it promises, and who may stop it."""

import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from shebao.site import database
from shebao.site.embedded import binaries, processes
from shebao.site.embedded.account import account_for
from shebao.site.embedded.layout import SOCKET_PATH_BYTES_MAX, existing
from shebao.site.embedded.use import is_running, leave
from tests.db.embedded_support import COMMAND, HALL, await_true, data_folder, db, environment, hall, postmaster, run


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder used by other programs; each test leaves it without a running server."""
    with data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """The folder that this process uses."""
    with data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def ours(place: Path) -> Iterator[database.Databases]:
    """The server of a fresh folder, used by this very process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SHEBAO_DATABASE_URL", "SHEBAO_OWNER_URL", "SHEBAO_ADMIN_URL", "SHEBAO_DATABASE_NAME"):
            patch.delenv(name, raising=False)
        patch.setenv("SHEBAO_DATA", str(place))
        try:
            yield database.ensure()
        finally:
            leave(place)


def shown(address: str | None, name: str) -> str:
    with psycopg.connect(address or "") as link:
        row = link.execute("select current_setting(%s)", [name]).fetchone()
        assert row is not None
        return str(row[0])


def test_a_fresh_folder_gets_a_server_that_loses_nothing_and_logs_what_matters(ours: database.Databases, place: Path) -> None:
    wanted = {
        "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on", "server_encoding": "UTF8",
        "listen_addresses": "", "unix_socket_permissions": "0700", "password_encryption": "scram-sha-256", "lc_messages": "C",
        "logging_collector": "on", "log_connections": "on", "log_statement": "ddl", "log_rotation_age": "1d", "log_rotation_size": "20MB",
        "lock_timeout": "30s", "idle_in_transaction_session_timeout": "10min",
    }  # fmt: skip
    assert {name: shown(ours.superuser, name) for name in wanted} == wanted
    limits = {"statement_timeout": "1min", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "1min"}
    assert {name: shown(ours.app, name) for name in limits} == limits
    assert shown(ours.auditor, "transaction_read_only") == "on"
    log = "".join(file.read_text() for file in existing(place).log.glob("postgresql-*.log"))
    assert "connection authorized: user=shebao_app" in log
    assert "CREATE ROLE" in log.upper()
    held = (place / "connection.json").read_text()
    passwords = [word for word in held.split('"') if len(word) == 32]
    assert len(passwords) == 5 and not any(word in log for word in passwords)


def test_only_our_own_folders_are_touched_and_all_of_them_are_private(ours: database.Databases, place: Path) -> None:
    layout = existing(place)
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o711 and place.parent.stat().st_uid == os.geteuid()
    assert stat.S_IMODE((place / "connection.json").stat().st_mode) == 0o600
    for folder in (layout.pgdata, layout.log, Path(ours.app.partition("host=")[2].replace("%2F", "/"))):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid != 0


def test_the_server_never_runs_as_root(ours: database.Databases, place: Path) -> None:
    found = postmaster(place)
    account = Path(f"/proc/{found}").stat().st_uid
    assert account != 0
    assert account == (pwd.getpwnam("shebao").pw_uid if os.geteuid() == 0 else os.geteuid())


def test_a_wrong_or_missing_password_opens_nothing_even_on_the_socket(ours: database.Databases) -> None:
    for wrong in ("wrong", ""):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(ours.superuser or "", password=wrong, passfile="/nonexistent")


def test_passwords_and_addresses_stay_the_same_when_asked_again(ours: database.Databases, place: Path) -> None:
    before = postmaster(place)
    assert database.ensure() == ours == database.known()
    assert postmaster(place) == before


def test_databases_are_made_from_a_template_and_dropped(ours: database.Databases) -> None:
    database.create_database("pattern")
    with psycopg.connect(ours.owner or "", dbname="pattern") as link:
        link.execute("create table cloned (n int)")
    database.create_database("copy", template="pattern")
    with psycopg.connect(ours.owner or "", dbname="copy") as link:
        assert link.execute("select count(*) from cloned").fetchone() == (0,)
        database.drop_database("pattern")
    database.drop_database("copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(ours.app, dbname="copy")


def test_two_programs_starting_at_once_share_one_server_and_the_last_one_out_stops_it() -> None:
    with data_folder() as data:
        _share(data)


def _share(data: Path) -> None:
    start = [sys.executable, "-c", HALL]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    first, second = (subprocess.Popen(start, env=environment(data), **pipes) for _ in range(2))  # type: ignore[call-overload]
    assert [program.stdout.readline() for program in (first, second)] == ["open\n", "open\n"]
    server = postmaster(data)
    first.communicate()
    assert server is not None and postmaster(data) == server
    second.communicate()
    assert postmaster(data) is None
    assert processes.postgres_processes(existing(data).pgdata) == []


def test_a_program_ended_by_sigterm_stops_its_server(data: Path) -> None:
    with hall(data) as program:
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == 128 + signal.SIGTERM
    assert postmaster(data) is None


def test_a_program_killed_outright_leaves_a_server_that_the_next_one_uses_and_stops(data: Path) -> None:
    with hall(data) as program:
        left = postmaster(data)
        program.kill()
        program.wait(30)
    assert left is not None and postmaster(data) == left
    with hall(data):
        assert postmaster(data) == left
    assert postmaster(data) is None


def test_db_start_keeps_the_server_until_db_stop(data: Path) -> None:
    assert db("status", data=data).returncode == 3
    assert run(COMMAND, "db", "start", data=data).returncode == 0
    with hall(data):
        pass
    assert postmaster(data) is not None
    assert db("status", data=data).returncode == 0
    with psycopg.connect(db("url", data=data).stdout.strip()) as link:
        assert link.execute("select session_user").fetchone() == ("shebao_app",)
    assert "已停止" in db("stop", data=data).stdout
    assert postmaster(data) is None
    assert "没有运行" in db("stop", data=data).stdout


def test_a_path_too_long_for_a_socket_or_with_odd_letters_gets_a_short_private_socket_folder() -> None:
    with data_folder("数据 'a, b'" + "x" * 150) as data, hall(data):
        sockets = existing(data).sockets((existing(data).pgdata).stat().st_uid)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert len(str(sockets)) < SOCKET_PATH_BYTES_MAX and sockets.stat().st_uid != 0
        assert is_running(data)


def test_below_a_closed_home_the_server_runs_and_the_home_stays_closed() -> None:
    with data_folder("home/data") as data:
        data.parent.mkdir(mode=0o700)
        with hall(data):
            assert is_running(data)
            assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700
            assert (data / "postgres").is_symlink() == (os.geteuid() == 0)
        await_true(lambda: postmaster(data) is None)


def test_binaries_that_the_servers_account_cannot_reach_are_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment below a home of mode 0700. Our own user reaches it, the unprivileged account of root does not."""
    with data_folder() as data:
        closed = data.parent / "closed"
        closed.mkdir(mode=0o700)
        package = binaries._package()
        for name in (package.name, f"{package.name}.libs"):
            (closed / name).symlink_to(package.parent / name)
        monkeypatch.setattr(binaries, "_package", lambda: closed / package.name)
        monkeypatch.setattr(binaries, "SYSTEM_HOME", data.parent / "system")
        account = account_for(data)
        found = binaries.wheel_installation(account)
        assert found.folder.is_relative_to(data.parent / "system" if os.geteuid() == 0 else closed)
        said = subprocess.run([found.folder / "postgres", "--version"], capture_output=True, check=True, cwd="/", **account.run_as()).stdout
        assert f"PostgreSQL) {found.major}." in said.decode()
        assert binaries.wheel_installation(account) == found
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
