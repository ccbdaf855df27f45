"""系统自动审核 of VIP units: from the submission of one 增员 to its effect, with the job process running as users run it."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.harness import Row, cpu_of, open_city, spending
from bench.town import TYPES, Town, found_town, person_name, person_number

FILINGS = int(os.environ.get("FILINGS", 50))
READY_SECONDS_MAX, ENDED_SECONDS_MAX = 60.0, 60.0
LOOK_EVERY_SECONDS = 0.005
GOAL_SECONDS = 1.0


@contextmanager
def worker() -> Iterator["subprocess.Popen[bytes]"]:
    """`shebao worker`, ended with the block."""
    started = subprocess.Popen([sys.executable, "-m", "shebao.site.command", "worker"], stdin=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def saved(town: Town, n: int) -> int:
    """Save the filing of a person. Returns: the case."""
    from shebao.access.acting import acting
    from shebao.base.terms import insurances_in
    from shebao.casework import operations
    from shebao.casework.item import item_of

    typed: dict[str, str | list[str]] = {
        "id_number": person_number(n),
        "name": person_name(n),
        "ethnicity": "汉族",
        "mobile": "",
        "declared_wage": "8000",
        "insurances": [str(i.value) for i in insurances_in(TYPES)],
        "backdated_from": "",
    }
    with acting(town.operator):
        return operations.save_new(item_of("enrolment.add_employee"), town.context, typed, key=None).case_id


def approved(link: "psycopg.Connection[Any]", town: Town, case_id: int, until_seconds: float) -> float:
    """Submit a saved case. Returns: seconds until another connection sees it ended."""
    from shebao.access.acting import acting
    from shebao.casework import operations

    began = time.perf_counter()
    with acting(town.operator):
        operations.submit(case_id, 1, town.context)
    while True:
        row = link.execute("select state, return_reason from casework_case where id = %s", [case_id]).fetchone()
        took = time.perf_counter() - began
        if row is not None and row[0] == "done":
            return took
        assert row is not None and row[0] == "review", f"case {case_id}: {row}"
        assert took < until_seconds, f"case {case_id} still waits after {took:.0f} s"
        time.sleep(LOOK_EVERY_SECONDS)


def run() -> list[dict[str, Any]]:
    """The rows of the report."""
    address = open_city("bench_approval")
    town = found_town()
    with worker() as job_process, psycopg.connect(address, autocommit=True) as link:
        approved(link, town, saved(town, 0), READY_SECONDS_MAX)  # the job process has started and its caches are warm
        cpu = cpu_of(job_process.pid)
        seconds = []
        with spending() as spent:
            for n in range(1, FILINGS + 1):
                seconds.append(approved(link, town, saved(town, n), ENDED_SECONDS_MAX))
        cpu = cpu_of(job_process.pid) - cpu
    middle, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    load = Path("/proc/loadavg").read_text().split()[0]
    note = (
        f"p95 {p95:.3f} s, longest {max(seconds):.3f}; a filing costs {spent.cpu / FILINGS * 1000:.0f} ms CPU here (polling included), "
        f"{cpu / FILINGS * 1000:.0f} in the job process, {spent.server_cpu / FILINGS * 1000:.0f} PostgreSQL; load {load}"
    )
    name = f"VIP approval from submission to effect, {FILINGS} filings: median"
    return [Row(name, middle, None, GOAL_SECONDS, middle / GOAL_SECONDS, "< 1 s", middle < GOAL_SECONDS, "s", note).to_dict()]


if __name__ == "__main__":
    for line in run():
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
