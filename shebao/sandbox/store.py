"""A partner's own state: one SQLite file in its own folder, written through at every commit. A killed process finds it as it was."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shebao.base.errors import ShebaoError

BUSY_SECONDS = 20.0


class FolderInUse(ShebaoError):
    """A second process of the same partner on the same folder."""

    code = "SBX-01"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"沙箱文件夹 {folder} 正由另一个进程使用，请先停止它，或用 --folder 换一个文件夹")


class FolderUnusable(ShebaoError):
    """The folder cannot be written, or its file is no state of ours."""

    code = "SBX-02"

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"沙箱文件夹 {folder} 不能使用：{why}。请核对权限，或用 --folder 换一个文件夹")


class Store:
    """The state of one partner. Changes are one at a time (BEGIN IMMEDIATE); readers never wait for them (WAL)."""

    def __init__(self, folder: Path, schema: str) -> None:
        """Raises: FolderInUse, FolderUnusable."""
        self.folder = folder
        self._path = folder / "state.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderUnusable(folder, error.strerror or "系统错误") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise FolderInUse(folder) from error
        try:
            connection = self._connect()
            try:
                connection.execute("pragma journal_mode = wal")
                connection.executescript(schema)
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            os.close(self._lock)
            raise FolderUnusable(folder, "state.sqlite 不是沙箱的数据") from error

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction, all or nothing, on the disk when the block has ended."""
        connection = self._connect()
        try:
            connection.execute("begin immediate")
            yield connection
            connection.execute("commit")
        finally:
            connection.close()  # without a commit everything is rolled back

    @contextmanager
    def look(self) -> Iterator[sqlite3.Connection]:
        """One consistent picture, not to be changed."""
        connection = self._connect()
        try:
            connection.execute("pragma query_only = on")
            connection.execute("begin")
            yield connection
        finally:
            connection.close()

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._lock)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")
        return connection


def in_use(folder: Path) -> bool:
    """Whether a process holds a partner's folder."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def write_whole(path: Path, content: bytes) -> None:
    """Under a name nobody reads (a leading dot), written through, then renamed: a reader sees the whole file or none."""
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
