"""Whoever is killed in the middle of a run, and however often: it ends with the same books as an undisturbed one, byte for byte.

SHEBAO_TEST_KILLS=20,3 asks for so many kills of the driver and of the server in each run, instead of a few.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.db.embedded_support import data_folder

KINDS = ("monthly_assessment",)
KILLS, SERVER_KILLS = os.environ.get("SHEBAO_TEST_KILLS", "4,1").split(",")
SEED = "7"


@pytest.fixture(scope="module")
def drilled() -> dict[str, dict[str, object]]:
    root = Path(__file__).resolve().parents[2]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SHEBAO_", "DJANGO_"))}
    with data_folder() as folder:
        command = [sys.executable, "-W", "ignore", "-m", "tests.city.drill", str(folder), *KINDS, KILLS, SERVER_KILLS, SEED]
        done = subprocess.run(command, cwd=root, env=kept, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr[-4000:]
    print(done.stdout)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["kind"]: line for line in lines}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_again_and_again_ends_with_the_books_of_an_undisturbed_one(
    drilled: dict[str, dict[str, object]], kind: str
) -> None:
    told = drilled[kind]
    assert told["calm"] == told["disturbed"]
    assert told.get("driver", 0) or told.get("server", 0), "no blow fell while it ran"
