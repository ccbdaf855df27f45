"""Which processes are the server's: known by what they run and where, never by a pid written in a file.

A pid file may be stale, cut off, or name a process of somebody else. Every PostgreSQL process works in its data folder,
so /proc tells the truth: program `postgres`, working folder = the data folder, not a zombie.
"""

import os
import signal
from pathlib import Path


def postgres_processes(pgdata: Path) -> list[int]:
    """The pids of all living PostgreSQL processes of this data folder, the postmaster and its children."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_ours(entry, pgdata)]


def postmaster(pgdata: Path) -> int | None:
    """The pid of the living postmaster of this folder: the process whose parent is not one of them. None when there is none."""
    ours = postgres_processes(pgdata)
    for pid in ours:
        if _parent(pid) not in ours and _started_as_server(pid):
            return pid
    return None


def send(pid: int, pgdata: Path, number: signal.Signals) -> bool:
    """Signal a process of this server, and no other: the process is held by a descriptor while it is looked at again."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not _is_ours(Path(f"/proc/{pid}"), pgdata):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)


def _is_ours(entry: Path, pgdata: Path) -> bool:
    try:
        if (entry / "cwd").readlink() != pgdata:
            return False
        program = (entry / "cmdline").read_bytes().split(b"\0")[0]
        return _state(entry) != "Z" and (program.startswith(b"postgres: ") or _is_server(program))
    except OSError:
        return False


def _state(entry: Path) -> str:
    return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _started_as_server(pid: int) -> bool:
    """A postmaster keeps its command line; its children overwrite theirs with 'postgres: what they do'."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return _is_server(words[0]) and b"--single" not in words


def _is_server(program: bytes) -> bool:
    return program.rpartition(b"/")[2] == b"postgres"
