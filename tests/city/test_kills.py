"""Whoever is killed in the middle of a run, and however often: it ends with the same books as an undisturbed one, byte for byte.

SHEBAO_TEST_KILLS=20,3 asks for so many kills of the driver and of PostgreSQL in each run, instead of a few; SHEBAO_TEST_SEED for others.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.city.steps import NAMES
from tests.db.embedded_support import data_folder

KILLS, SERVER_KILLS = os.environ.get("SHEBAO_TEST_KILLS", "2,1").split(",")
SEED = os.environ.get("SHEBAO_TEST_SEED", "7")


@pytest.fixture(scope="module")
def drilled() -> dict[str, dict[str, object]]:
    root = Path(__file__).resolve().parents[2]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SHEBAO_", "DJANGO_"))}
    with data_folder() as folder:
        command = [sys.executable, "-W", "ignore", "-m", "tests.city.drill", str(folder), KILLS, SERVER_KILLS, SEED]
        done = subprocess.run(command, cwd=root, env=kept, capture_output=True, text=True, timeout=3600)
    print(done.stdout)
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {str(line.get("step", "control")): line for line in lines}


@pytest.mark.parametrize("step", NAMES)
def test_a_run_that_is_killed_again_and_again_ends_with_the_books_of_an_undisturbed_one(
    drilled: dict[str, dict[str, object]], step: str
) -> None:
    told = drilled[step]
    assert not told["differing"], told["more"]


def test_the_blows_fell_while_the_runs_were_at_work(drilled: dict[str, dict[str, int]]) -> None:
    steps = [drilled[name] for name in NAMES]
    assert sum(told["driver"] + told["server"] for told in steps) >= sum(told["late"] for told in steps), "most of them hit"
    assert sum(told["server"] for told in steps) >= len(NAMES) * int(SERVER_KILLS) // 2


def test_the_comparison_would_see_a_single_fen(drilled: dict[str, dict[str, object]]) -> None:
    assert drilled["control"] == {"control": ["levy_flexdue"]}
