"""From what PostgreSQL says when it does not start to one plain sentence."""

import os
import re
from pathlib import Path

from shebao.site.embedded.binaries import MAJOR
from shebao.site.embedded.layout import Layout
from shebao.site.trouble import DatabaseTrouble, DiskFull, FolderUnusable, OtherVersion, StartFailed

FREE_BYTES_MIN = 24 * 1024 * 1024  # less than one WAL segment and a little: PostgreSQL cannot work
LOG_TAIL_BYTES = 16 * 1024

_FULL = re.compile(r"No space left on device|File too large|Disk quota exceeded")
_VERSION = re.compile(r"initialized by PostgreSQL version (\S+?),? ")
_DENIED = re.compile(r"Permission denied|has wrong ownership|invalid permissions|Read-only file system")
_REASON = re.compile(r"(?:FATAL|PANIC|error):\s+(.+)")


def refusal_of(said: str, layout: Layout, full: bool) -> DatabaseTrouble:
    """Which trouble it is. said: the messages of the program that failed; full: whether the disk was full just then."""
    said = f"{said}\n{_log_tail(layout.log)}"
    if full or _FULL.search(said):
        return DiskFull(layout.data)
    if found := _VERSION.search(said):
        return OtherVersion(layout.data, found[1], MAJOR)
    if _DENIED.search(said):
        return FolderUnusable(layout.data, "没有读写权限")
    reasons = _REASON.findall(said)
    return StartFailed(reasons[-1].strip() if reasons else "没有说明原因", layout.log)


def disk_is_full(folder: Path) -> bool:
    """Whether the file system of the folder has no room left for work."""
    free = os.statvfs(folder)
    return free.f_blocks > 0 and free.f_bavail * free.f_frsize < FREE_BYTES_MIN


def crashes_again_and_again(log: Path) -> bool:
    """Whether the server, since it was last ready, has crashed three times for want of room."""
    since_ready = _log_tail(log).rpartition("ready to accept connections")[2]
    return sum("PANIC:" in line and _FULL.search(line) is not None for line in since_ready.splitlines()) >= 3


def _log_tail(folder: Path) -> str:
    try:
        newest = max(folder.glob("postgresql-*.log"), default=None)
        return newest.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace") if newest else ""
    except OSError:
        return ""
