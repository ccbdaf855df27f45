"""Measuring: CPU of this process and of PostgreSQL backends, peak memory, medians, and a server of the bench's own."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / ".data"
REAPED_SECONDS = 0.5  # a backend that has just ended is counted nowhere until its parent has reaped it
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its peer and its limit, measured in one run. ratio is what the goal speaks of."""

    name: str
    ours: float
    peer: float | None
    limit: float | None
    ratio: float | None
    goal: str
    met: bool
    unit: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def open_city(name: str = "bench") -> str:
    """Start the bench's own server and a fresh, migrated database; Django is set up on it. Returns the superuser's address."""
    os.environ["SHEBAO_DATA"] = str(DATA)
    os.environ["SHEBAO_DATABASE_NAME"] = name
    os.environ["DJANGO_SETTINGS_MODULE"] = "shebao.site.settings"
    from shebao.site import database

    database.ensure(stop_at_exit=True)
    database.drop_database(name)
    database.create_database(name)
    made = database.ensure()
    from shebao.site.console_site import migrate_all, set_up

    set_up()
    migrate_all()
    from psycopg import conninfo

    return conninfo.make_conninfo(str(made.superuser), dbname=name)


def cpu_of(pid: int) -> float:
    """CPU seconds a process has used so far, with those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def backends() -> dict[int, float]:
    """CPU seconds by PostgreSQL process of the bench's server."""
    from shebao.site.embedded.layout import existing
    from shebao.site.embedded.processes import postgres_processes

    found: dict[int, float] = {}
    for pid in postgres_processes(existing(DATA).pgdata):
        try:
            found[pid] = cpu_of(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@dataclass(slots=True)
class Spent:
    """Seconds of one measurement."""

    wall: float = 0.0
    cpu: float = 0.0
    server_cpu: float = 0.0

    @property
    def all_cpu(self) -> float:
        return self.cpu + self.server_cpu


@contextmanager
def spending() -> Iterator[Spent]:
    """Wall, CPU of this process, and CPU of all PostgreSQL processes within the block."""
    spent = Spent()
    time.sleep(REAPED_SECONDS)
    before, own, wall = backends(), time.process_time(), time.perf_counter()
    yield spent
    spent.wall, spent.cpu = time.perf_counter() - wall, time.process_time() - own
    time.sleep(REAPED_SECONDS)
    after = backends()
    # A backend that ended meanwhile is counted in its parent: what it had used before the block is taken off.
    spent.server_cpu = sum(after.values()) - sum(before.values())


def median_of(act: Callable[[], object], times: int) -> float:
    """Median wall seconds of an act."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def peak_mb() -> float:
    """Highest memory of this process since it began, MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
