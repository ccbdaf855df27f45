"""Killing drill, a program of its own with a server of its own: `python -m tests.city.drill FOLDER KILLS SERVER_KILLS SEED [STEP ...]`.

Two cities are copied from one and live through the same steps (tests/city/drills.py). In the first nothing happens. In the second each
run is done by children that are killed (SIGKILL) at random moments, and PostgreSQL is killed under them, until one of them comes to the
end. After each step everything both databases say is compared, and the files that went out. Prints one line of JSON a step.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ["SHEBAO_DATA"] = sys.argv[1]
os.environ["DJANGO_SETTINGS_MODULE"] = "shebao.site.settings"
os.environ["SHEBAO_NOW"] = "2026-12-21T10:00:00"
os.environ["SHEBAO_HOSTS"] = "localhost,testserver"
os.environ["SHEBAO_SECRET_KEY"] = "only-for-tests-" + "0" * 40

import psycopg

from shebao.site import database
from shebao.site.console_site import migrate_all, set_up

BASE = "drill_base"
TRIES_MAX, CHILD_SECONDS_MAX = 20, 300.0  # tries: beyond one a blow
REST_SECONDS = 0.005
LOUD = bool(os.environ.get("DRILL_LOUD"))


def point_at(name: str) -> None:
    from django.db import connections

    connections.close_all()
    for alias, given in database.django_databases(name).items():
        connections[alias].settings_dict.update(given)


def owner(name: str) -> str:
    """The address of a database for its owner."""
    return database.address_for(str(database.known().superuser), "postgres", _password(), name)


def _password() -> str:
    return str(psycopg.conninfo.conninfo_to_dict(str(database.known().superuser)).get("password", ""))


def child(act: Callable[[], None]) -> int:
    """Do it in a process of its own, that may be killed."""
    pid = os.fork()
    if pid:
        return pid
    try:
        _rest_at_commits()
        act()
        os._exit(0)
    except BaseException:
        if LOUD:
            traceback.print_exc()
        os._exit(3)


def _rest_at_commits() -> None:
    """Before and after each: a run over so small a city would be too quick to be hit in all its parts."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    plain = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def commit(self: Any) -> None:
        time.sleep(REST_SECONDS)
        plain(self)
        time.sleep(REST_SECONDS)

    BaseDatabaseWrapper._commit = commit  # type: ignore[attr-defined]


class Progress:
    """How much of a run is committed, looked at from outside."""

    def __init__(self, name: str, sql: str) -> None:
        self.name, self.sql, self.link = name, sql, psycopg.connect(owner(name), autocommit=True)

    def now(self) -> int:
        row = self.link.execute(self.sql).fetchone()  # type: ignore[arg-type]
        return int(row[0]) if row else 0

    def again(self) -> None:
        self.link.close()
        self.link = psycopg.connect(owner(self.name), autocommit=True)


def ended(pid: int) -> bool | None:
    """Whether a child came to its end well; None while it runs."""
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) == 0 if done else None


def wait(pid: int, seconds: float = CHILD_SECONDS_MAX, until: Callable[[], bool] | None = None) -> bool | None:
    """Wait for a child, for so long at most, or until something holds. As `ended`."""
    last = time.monotonic() + seconds
    while (found := ended(pid)) is None and time.monotonic() < last and not (until and until()):
        time.sleep(0.001)
    return found


def undisturbed(step: Any, city: Any, progress: Progress) -> tuple[float, int]:
    """Do a step. Returns seconds and progress made."""
    before, began = progress.now(), time.monotonic()
    assert wait(child(lambda: step.act(city))), f"{step.name} does not come to its end undisturbed"
    return time.monotonic() - began, progress.now() - before


def disturbed(
    step: Any, city: Any, progress: Progress, blows: list[str], usual: tuple[float, int], chance: random.Random
) -> dict[str, int]:
    """Do a step under blows. Returns how many of each kind fell, how many came too late, and how often it was started."""
    from tests.db.embedded_support import kill_server

    seconds, steps = usual
    all_blows = len(blows)
    goal, told = progress.now() + steps, {"driver": 0, "server": 0, "late": 0, "tries": 0}
    while told["tries"] < all_blows + TRIES_MAX:
        told["tries"] += 1
        begun, left = progress.now(), len(blows)
        share = 1 - left / (all_blows + 1)  # of a run that is one transaction: the blows fall later and later in it
        pid = child(lambda: step.act(city))
        if not left:
            if wait(pid):
                return told
            assert not LOUD, f"{step.name} does not go on"
            continue
        # Spread over what is left of the run, then anywhere inside its next piece.
        target = begun + chance.randint(0, max(0, goal - begun) // left)
        well = None
        if target > begun:
            well = wait(pid, CHILD_SECONDS_MAX, lambda target=target: progress.now() >= target)  # type: ignore[misc]
        if well is None:
            pause = chance.uniform(0, 2 * seconds / steps) if steps > 1 else chance.uniform(0.5, 1) * share * seconds
            well = wait(pid, pause)
        if well is not None:
            told["late"] += 1  # it was done, or had failed, before the blow fell
            blows.pop()
            continue
        what = blows.pop()
        if what == "server":
            kill_server(Path(os.environ["SHEBAO_DATA"]))
            database.ensure()
            progress.again()
            well = wait(pid)  # it falls with the server, or outlives it
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        told[what] += 1
        if well:
            told["outlived"] = told.get("outlived", 0) + 1
    raise AssertionError(f"{step.name} makes no progress under kills")


def asked(
    step: Any, city: Any, kills: int, server_kills: int, usual: dict[str, float], chance: random.Random
) -> tuple[dict[str, float], Any]:
    """Do a step of requests. usual: how long each takes; empty: undisturbed. Returns that, and what fell."""
    from tests.city.web import Web
    from tests.db.embedded_support import kill_server

    ends = ["driver"] * kills + ["server"] * server_kills
    chance.shuffle(ends)

    def blow(pid: int) -> str:
        what = ends.pop()
        if what == "server":
            kill_server(Path(os.environ["SHEBAO_DATA"]))
            database.ensure()
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        return what

    web = Web(child, blow, [chance.uniform(0, 0.9) for _ in ends] if usual else [], dict(usual))
    try:
        step.ask(city, web)
    finally:
        web.close()
    return web.usual, web.told


def files(folder: Path) -> dict[str, str]:
    """Every file of a folder, by a digest of its bytes; what is half-written is not there yet."""
    found = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()[:16] for p in found}


def at_the_office(office: Any, world: Any) -> dict[str, str]:
    """What the tax office holds of us: each bill once, by what it says."""
    lines = sorted(world._text(f"{bill.number} {bill.version} {sorted(map(str, bill.amounts))} {bill.due_date}") for bill in office.pushed)
    return {"tax office": f"{len(lines)} {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:16]}"}


def build() -> None:
    """The city that both are copied from."""
    from tests.city import drills

    database.create_database(BASE)
    point_at(BASE)
    migrate_all()
    drills.found()
    point_at(BASE)


def main() -> None:
    _, folder, kills, server_kills, seed, *names = sys.argv
    database.ensure(stop_at_exit=True)
    set_up()
    from shebao.base import clock
    from tests.city import drills
    from tests.city.canon import World, difference
    from tests.db.tax_support import open_office

    clock.time = SimpleNamespace(monotonic=lambda: clock._STARTED)  # type: ignore[attr-defined, assignment]  # pages stand still
    build()
    with ExitStack() as stack:
        cities = []
        for name in ("calm", "disturbed"):
            place = Path(folder).parent / name
            place.mkdir()
            database.create_database(f"drill_{name}", BASE)
            cities.append(drills.City(f"drill_{name}", place, stack.enter_context(open_office(Path(folder).parent / f"keys-{name}"))))
            assert cities[-1].office.partner().keys
        for step in drills.STEPS:
            chosen = not names or step.name in names
            chance = random.Random(f"{seed}:{step.name}")
            usual, told, worlds, times = (0.0, 0), {}, [], {}
            for city in cities:
                point_at(city.name)
                step.ready(city)
                point_at(city.name)
                if step.ask:
                    times, told = asked(step, city, int(kills), int(server_kills), times if chosen else {}, chance)
                    usual = (sum(times.values()), len(times))
                    continue
                progress = Progress(city.name, step.progress)
                if city is cities[0] or not chosen:
                    usual = undisturbed(step, city, progress)
                else:
                    blows = ["driver"] * int(kills) + ["server"] * int(server_kills)
                    chance.shuffle(blows)
                    told = disturbed(step, city, progress, blows, usual, chance)
                progress.link.close()
            if not chosen:
                continue
            worlds = [World(owner(city.name)) for city in cities]
            said = [w.digest() | files(c.folder) | at_the_office(c.office, w) for w, c in zip(worlds, cities, strict=True)]
            keys = sorted(set(said[0]) | set(said[1]))
            differing = [k for k in keys if said[0].get(k) != said[1].get(k)]
            more = difference(*worlds) if differing else []
            line = {"step": step.name, "seed": seed, **told, "seconds": round(usual[0], 2), "pieces": usual[1]}
            whole = hashlib.sha256(json.dumps(said[0], sort_keys=True).encode()).hexdigest()
            rows = sum(len(rows) for rows in worlds[0].rows.values())
            print(json.dumps(line | {"rows": rows, "digest": whole, "differing": differing, "more": more}, ensure_ascii=False), flush=True)
        print(json.dumps({"control": seen_by_a_fen(owner(cities[1].name))}), flush=True)


def seen_by_a_fen(address: str) -> list[str]:
    """The control of the drill: the tables that differ after one fen of one due was changed behind everybody's back."""
    from tests.city.canon import World

    before = World(address).digest()
    with psycopg.connect(address) as link:
        link.execute("set session_replication_role = replica")
        link.execute("update levy_flexdue set total_fen = total_fen + 1 where ctid = (select ctid from levy_flexdue limit 1)")
    after = World(address).digest()
    return [table for table in before if before[table] != after[table]]


if __name__ == "__main__":
    main()
