"""Using the server: many processes share one, the last one out stops it.

Every user holds a shared lock on one file. Locks belong to the kernel: whoever is killed lets go, and no pid has to be believed.
"""

import atexit
import errno
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from shebao.site.embedded import connection_file, processes, server
from shebao.site.embedded.binaries import wheel_installation
from shebao.site.embedded.connection_file import Connection
from shebao.site.embedded.diagnosis import disk_is_full
from shebao.site.embedded.folders import open_data_folder, settle
from shebao.site.embedded.layout import Layout, existing
from shebao.site.trouble import DatabaseTrouble, DiskFull, FolderUnusable, plain_reason

# By data folder: our lock's descriptor and the process that took it (a fork must not stop its parent's server).
_uses: dict[Path, tuple[int, int]] = {}
_guard = threading.Lock()


def use_server(data: Path, *, prepare: Callable[[Connection], None], stop_at_exit: bool = True, keep: bool = False) -> Connection:
    """The running server of a data folder, started when needed; this process is counted among its users until it ends.

    prepare: called with the connection before others may use it (roles, database). keep: nobody's exit stops it any more.
    Raises: DatabaseTrouble, and nothing else.
    """
    with _guard:
        try:
            ours = open_data_folder(data)
            with server.locked(data):
                layout, account = settle(data, ours)
                if stop_at_exit and not keep:
                    _count_me(layout)  # first, so that an interrupted start is ended too
                connection = server.start(layout, account, wheel_installation(account))
                prepare(connection)
                if keep:
                    layout.keep.touch()
            return connection
        except OSError as error:
            raise _trouble(error, data) from error


def stop_server(data: Path) -> bool:
    """Stop the server of a data folder, also when it was told to keep running. False when it did not run. Raises: DatabaseTrouble."""
    layout = existing(data)
    if not layout.pgdata.exists():
        return False
    try:
        with server.locked(data):
            layout.keep.unlink(missing_ok=True)
            return server.stop(layout)
    except OSError as error:
        raise _trouble(error, data) from error


def is_running(data: Path) -> bool:
    """Whether the server lives and answers SELECT 1. Raises: PasswordsLost."""
    layout = existing(data)
    connection = connection_file.read(layout.connection)
    return connection is not None and processes.postmaster(layout.pgdata) is not None and server.answers(connection) is None


def has_crashed(data: Path) -> bool:
    """Whether the server of a data folder is gone without having been told to stop: then its pid file is still there. Asks nobody."""
    layout = existing(data)
    return (layout.pgdata / "postmaster.pid").exists() and processes.postmaster(layout.pgdata) is None


def running(data: Path) -> int | None:
    """The process of the server of a data folder; None while there is none. Asks nobody."""
    return processes.postmaster(existing(data).pgdata)


def leave(data: Path) -> None:
    """This process no longer uses the server; the last one stops it, unless it was told to keep running."""
    with _guard:
        handle, owner = _uses.pop(data, (-1, 0))
        if owner != os.getpid():
            return
        layout = existing(data)
        try:
            with server.locked(data):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not layout.keep.exists():
                    server.stop(layout)
        except (OSError, DatabaseTrouble):
            return  # others use it, or the folder is gone: nothing of ours is left to stop
        finally:
            os.close(handle)


def _count_me(layout: Layout) -> None:
    held = _uses.get(layout.data)
    if held is not None and held[1] == os.getpid():
        return
    handle = os.open(layout.in_use, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_SH)
    if not _uses:
        atexit.register(_leave_all)
        _exit_on_signals()
    _uses[layout.data] = (handle, os.getpid())


def _leave_all() -> None:
    for data in list(_uses):
        leave(data)


def _exit_on_signals() -> None:
    """By default SIGTERM and SIGHUP end Python without its exit functions; make them an ordinary exit, unless somebody handles them."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _trouble(error: OSError, data: Path) -> DatabaseTrouble:
    place = next((folder for folder in (data, *data.parents) if folder.is_dir()), Path("/"))
    if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT) or disk_is_full(place):
        return DiskFull(data)
    return FolderUnusable(data, plain_reason(error))
