"""Where everything of the embedded server lies.

<data>/connection.json          socket folder and passwords, 0600
<data>/postgres.lock            held while one process starts or stops the server
<data>/postgres/                or, where the server's account cannot reach <data>, a link to /var/lib/shebao/<name>
    pgdata/ log/ run/           of the server's account, 0700
    server.lock                 held by the server's own processes as long as one of them lives
    in-use                      held (shared) by every process that uses the server
    keep                        present after `shebao db start`: the last user does not stop the server
"""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

SYSTEM_HOME = Path("/var/lib/shebao")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 100  # the kernel allows 107 bytes
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")  # commas and quotes mean something to PostgreSQL here


def data_folder() -> Path:
    """SHEBAO_DATA, or ~/.local/share/shebao; absolute, links resolved."""
    given = os.environ.get("SHEBAO_DATA")
    folder = Path(given).expanduser() if given else Path.home() / ".local" / "share" / "shebao"
    return folder.resolve()


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one data folder; `home` is the place of the cluster."""

    data: Path
    home: Path

    @property
    def connection(self) -> Path:
        return self.data / "connection.json"

    @property
    def pgdata(self) -> Path:
        return self.home / "pgdata"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def server_lock(self) -> Path:
        return self.home / "server.lock"

    @property
    def in_use(self) -> Path:
        return self.home / "in-use"

    @property
    def keep(self) -> Path:
        return self.home / "keep"

    def sockets(self, owner_uid: int) -> Path:
        """The socket folder: beside the cluster, or a short private one where that path would be too long for the kernel or odd."""
        beside = self.home / "run"
        if len(os.fsencode(beside / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX and _PLAIN_PATH.fullmatch(str(beside)):
            return beside
        return Path(tempfile.gettempdir()) / f"shebao-{owner_uid}-{short_name(self.data)}"


def short_name(folder: Path) -> str:
    """A name for a folder's path, the same every time."""
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]


def existing(data: Path) -> Layout:
    """The layout as it stands, nothing created."""
    return Layout(data, (data / "postgres").resolve())
