"""Killing drill, a program of its own with a server of its own: `python -m tests.city.drill FOLDER KIND KILLS SERVER_KILLS SEED`.

A small city is built once. Each run is done undisturbed on a copy of it, then on another copy by children that are killed (SIGKILL) at
random moments, and with the server killed under them, until one of them comes to the end. What the books and the sub-ledgers hold
afterwards is compared byte for byte. Prints one line of JSON.
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
from datetime import date, datetime
from pathlib import Path
from typing import Any

os.environ["SHEBAO_DATA"] = sys.argv[1]
os.environ["DJANGO_SETTINGS_MODULE"] = "shebao.site.settings"
os.environ["SHEBAO_NOW"] = "2026-11-16T09:00:00"

from shebao.base.clock import ZONE
from shebao.site import database
from shebao.site.console_site import migrate_all, set_up

TODAY = date(2026, 11, 16)
NOW = datetime(2026, 11, 16, 9, tzinfo=ZONE)
BASE = "drill_base"
CHUNK = 40  # people or lines a chunk: small, so that there is much to be cut off between
TRIES_MAX = 400
# What must be the same: whatever money is in. Ids and numbers from sequences may have gaps after a kill, so they are left out.
SAID = (
    """select p.key, p.booked_on::text, p.state, p.text, a.place, a.fund, a.kind, e.amount_fen from ledger_entry e
       join ledger_posting p on p.id = e.posting_id join ledger_account a on a.id = e.account_id""",
    "select t.* from levy_assessment t",
    """select kind, unit_id, person_id, month, first_month, last_month, issued_on, due_date, headcount, unit_fen, person_fen, late_fee_fen,
              paid_fen, moved_fen, written_off_fen, state from levy_bill""",
    """select b.kind, b.unit_id, b.month, l.insurance, l.origin, l.headcount, l.base_fen, l.unit_fen, l.person_fen, l.paid_fen
       from levy_billline l join levy_bill b on b.id = l.bill_id""",
    """select person_id, month, insurance, origin, tier, base_fen, total_fen, account_fen, interest_fen, state, paid_on from levy_flexdue""",
    "select serial, bill_number, amount_fen, allocated_fen, state, reason, arrived_on from levy_receipt",
)


def point_at(name: str) -> None:
    from django.db import connections

    connections.close_all()
    for alias, given in database.django_databases(name).items():
        connections[alias].settings_dict.update(given)


def digest(more: tuple[str, ...]) -> dict[str, str]:
    """By table a digest of what it says, in the order of its own text."""
    from django.db import connections

    found = {}
    with connections["owner"].cursor() as cursor:
        for sql in (*SAID, *more):
            cursor.execute(f"select coalesce(string_agg(r::text, E'\\n' order by r::text), '') from ({sql}) r")
            table = sql.split(" from ")[-1].split()[0]
            text = cursor.fetchone()[0]
            found[table] = f"{len(text.splitlines())} {hashlib.sha256(text.encode()).hexdigest()[:16]}"
    connections.close_all()
    return found


def child(act: Callable[[], None]) -> int:
    """Do it in a process of its own, that may be killed."""
    pid = os.fork()
    if pid:
        return pid
    try:
        act()
        os._exit(0)
    except BaseException:
        if os.environ.get("DRILL_LOUD"):
            traceback.print_exc()
        os._exit(3)


def ended_well(pid: int, seconds: float | None = None) -> bool | None:
    """Whether a child came to its end by itself and well; None when it still runs after so many seconds."""
    until = time.monotonic() + (seconds if seconds is not None else 600)
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.0005)
    return None


def drill(kind: "Any", kills: int, server_kills: int, chance: random.Random) -> dict[str, Any]:
    """One kind of run: undisturbed, then disturbed. Returns both digests and what happened."""
    from tests.db.embedded_support import kill_server

    data = Path(os.environ["SHEBAO_DATA"])
    told: dict[str, Any] = {"kind": kind.name}
    for turn in ("calm", "disturbed"):
        name = f"drill_{kind.name}_{turn}"
        point_at(BASE)
        database.drop_database(name)
        database.create_database(name, BASE)
        point_at(name)
        kind.prepare()
        point_at(name)
        if turn == "calm":
            began = time.monotonic()
            assert ended_well(child(kind.act)), f"{kind.name} does not come to its end undisturbed"
            whole = time.monotonic() - began
        else:
            # The moments are spread over what the run really takes, the server's among them.
            ends = ["driver"] * kills + ["server"] * server_kills
            chance.shuffle(ends)
            tries = 0
            while True:
                tries += 1
                assert tries < TRIES_MAX, f"{kind.name} makes no progress under kills"
                pid = child(kind.act)
                what = ends.pop() if ends else ""
                if not what:
                    if ended_well(pid):
                        break
                    continue
                if ended_well(pid, chance.uniform(0, whole * 0.9)) is not None:
                    told["missed"] = told.get("missed", 0) + 1  # it was done before the blow fell
                    continue
                if what == "server":
                    kill_server(data)
                    ended_well(pid, 30)
                    database.ensure()
                    point_at(name)
                else:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    point_at(name)
                told[what] = told.get(what, 0) + 1
            told["tries"] = tries
        told[turn] = digest(kind.more)
    told["seconds_undisturbed"] = round(whole, 2)
    return told


def build() -> None:
    """The city that every drill copies."""
    from shebao.site.demo.build import build as build_city
    from shebao.site.demo.scale import Scale

    database.create_database(BASE)
    point_at(BASE)
    migrate_all()
    build_city(Scale(12, 240, 2), today=TODAY)
    point_at(BASE)


def main() -> None:
    _, _folder, *names, kills, server_kills, seed = sys.argv
    database.ensure(stop_at_exit=True)
    set_up()
    from tests.city import drills

    build()
    chance = random.Random(int(seed))
    for name in names:
        print(json.dumps(drill(drills.KINDS[name], int(kills), int(server_kills), chance)), flush=True)


if __name__ == "__main__":
    main()
