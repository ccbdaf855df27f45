"""Starting, finding and stopping the server of one data folder."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from shebao.site.embedded import processes
from shebao.site.embedded.account import Account
from shebao.site.embedded.binaries import Installation
from shebao.site.embedded.cluster import check_version, credentials, initialise, server_environment
from shebao.site.embedded.configuration import prune_logs, write_configuration
from shebao.site.embedded.connection_file import Connection
from shebao.site.embedded.diagnosis import crashes_again_and_again, disk_is_full, refusal_of
from shebao.site.embedded.layout import SOCKET_NAME, Layout
from shebao.site.trouble import Busy, DiskFull, FolderUnusable, PasswordsLost, StillRecovering, StopFailed

RECOVERY_SECONDS_MAX = 300
LOCK_SECONDS_MAX = RECOVERY_SECONDS_MAX + 30
REMNANTS_SECONDS_MAX = 30
STOP_SECONDS_MAX = 90
CRASH_LOOP_SECONDS = 1
QUIET_SECONDS = 5  # after which a wait is explained


@dataclass(frozen=True, slots=True)
class Launched:
    """A postmaster just started, and the memory file with its first messages."""

    child: subprocess.Popen[bytes]
    messages: int


# Children are kept here so that a dead one is reaped: a zombie would look alive to others.
_children: list[subprocess.Popen[bytes]] = []


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """One process at a time starts or stops the server. Raises: Busy when another does not finish."""
    handle = os.open(data / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(handle, LOCK_SECONDS_MAX):
            raise Busy(data)
        yield
    finally:
        os.close(handle)


def start(layout: Layout, account: Account, installation: Installation) -> Connection:
    """The running server of this folder, started when it does not run. Call it inside `locked`.

    Raises: DatabaseTrouble.
    """
    _reap()
    connection = credentials(layout, account)
    check_version(layout, installation)
    if not (layout.pgdata / "PG_VERSION").exists():
        initialise(layout, account, installation, connection)
    found = processes.postmaster(layout.pgdata)
    if found is not None and not _pid_file_names(layout, found):
        # With a damaged pid file the server would stop itself within a minute, in the middle of work.
        _end(layout, found)
        found = None
    if found is None:
        _launch_and_await(layout, account, installation, connection)
    else:
        _await_answer(layout, connection, None)
    prune_logs(layout.log)
    return connection


def stop(layout: Layout) -> bool:
    """Stop the server; clients are disconnected, what they had committed stays. False when it did not run.

    Raises: StopFailed.
    """
    _reap()
    found = processes.postmaster(layout.pgdata)
    if found is None:
        return False
    _end(layout, found)
    return True


def answers(connection: Connection) -> str | None:
    """None when the server answers SELECT 1, else what it said."""
    try:
        with psycopg.connect(superuser_url(connection), connect_timeout=5, autocommit=True) as link:
            link.execute("select 1")
    except psycopg.Error as error:
        return str(error)
    return None


def superuser_url(connection: Connection, database: str = "postgres") -> str:
    """The address of the superuser, for setting up only."""
    return login_url(connection, "postgres", database)


def login_url(connection: Connection, role: str, database: str) -> str:
    """The address under which a login role reaches a database of the embedded server."""
    host = quote(connection.sockets, safe="")
    return f"postgresql://{role}:{quote(connection.passwords[role], safe='')}@/{database}?host={host}"


def _launch_and_await(layout: Layout, account: Account, installation: Installation, connection: Connection) -> None:
    """Start the server. One that cannot serve is not left running, unless it is still recovering."""
    launched = _launch(layout, account, installation)
    try:
        _await_answer(layout, connection, launched)
    except StillRecovering:
        raise
    except BaseException:
        if launched.child.poll() is None:
            _end(layout, launched.child.pid)
        raise
    finally:
        os.close(launched.messages)


def _launch(layout: Layout, account: Account, installation: Installation) -> Launched:
    """Start the postmaster in a session of its own; it inherits the lock that says 'somebody works on this folder'."""
    sockets = layout.sockets(account.uid)
    held = os.open(layout.server_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # Early messages go to memory: a full disk must not swallow the reason. Later ones go to the log folder.
    messages = os.memfd_create("shebao-postgres")
    try:
        if not _lock(held, REMNANTS_SECONDS_MAX) or processes.postgres_processes(layout.pgdata):
            raise Busy(layout.data)
        # Nothing of this folder runs: whatever pid these files name, it is not our server.
        for remnant in (layout.pgdata / "postmaster.pid", sockets / SOCKET_NAME, sockets / f"{SOCKET_NAME}.lock"):
            remnant.unlink(missing_ok=True)
        write_configuration(layout, sockets)
        child = subprocess.Popen(
            [str(installation.folder / "postgres"), "-D", str(layout.pgdata)],
            pass_fds=(held,),
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=messages,
            cwd="/",
            env=server_environment(),
            start_new_session=True,
            umask=0o077,
            **account.run_as(),
        )
        _children.append(child)
        return Launched(child, messages)
    except BaseException:
        os.close(messages)
        raise
    finally:
        os.close(held)


def _await_answer(layout: Layout, connection: Connection, launched: Launched | None) -> None:
    """Wait until SELECT 1 is answered. Recovery after a crash may take minutes; as long as the server lives it is waited for."""
    began = time.monotonic()
    pause, told = 0.02, False
    while (said := answers(connection)) is not None:
        if "password authentication failed" in said:
            raise PasswordsLost(layout.connection)
        if "too many clients" in said or "remaining connection slots" in said:
            return  # it answers, it is only crowded
        if launched is not None and launched.child.poll() is not None:
            raise refusal_of(_text(launched.messages), layout, disk_is_full(layout.home))
        waited = time.monotonic() - began
        if launched is None and processes.postmaster(layout.pgdata) is None:
            raise refusal_of(said, layout, disk_is_full(layout.home))
        if "Permission denied" in said:
            raise FolderUnusable(layout.data, "没有权限连接，数据库由另一个用户启动")
        if waited > CRASH_LOOP_SECONDS and crashes_again_and_again(layout.log):
            # Only happens without room for its log. It would not even stop on request, waiting for a checkpoint.
            if (found := processes.postmaster(layout.pgdata)) is not None:
                _end(layout, found, signal.SIGQUIT)
            raise DiskFull(layout.data)
        if waited > RECOVERY_SECONDS_MAX:
            raise StillRecovering(RECOVERY_SECONDS_MAX)
        if waited > QUIET_SECONDS and not told:
            told = True
            print("数据库正在启动或恢复，请稍候……", file=sys.stderr, flush=True)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _end(layout: Layout, found: int, how: signal.Signals = signal.SIGINT) -> None:
    """Ask the proven postmaster to stop (SIGINT: with a checkpoint), and wait until the last process of the folder is gone.

    If it does not manage to, it is told to stop at once, which loses nothing: the next start recovers.
    """
    processes.send(found, layout.pgdata, how)
    if not _all_gone(layout) and not (processes.send(found, layout.pgdata, signal.SIGQUIT) and _all_gone(layout)):
        raise StopFailed(STOP_SECONDS_MAX)
    sockets = layout.sockets(layout.pgdata.stat().st_uid)
    if sockets.parent != layout.home:
        with suppress(OSError):
            sockets.rmdir()


def _all_gone(layout: Layout) -> bool:
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while processes.postgres_processes(layout.pgdata):
        _reap()
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    _reap()
    return True


def _pid_file_names(layout: Layout, pid: int) -> bool:
    try:
        return (layout.pgdata / "postmaster.pid").read_text().splitlines()[:1] == [str(pid)]
    except OSError:
        return False


def _lock(handle: int, seconds_max: float) -> bool:
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


def _text(messages: int) -> str:
    return os.pread(messages, 64 * 1024, 0).decode(errors="replace")
