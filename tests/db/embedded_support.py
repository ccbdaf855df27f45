"""Servers for tests: a data folder of one's own, programs that use it from outside, and a private cluster of any PostgreSQL."""

import argparse
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from shebao.site import console_database
from shebao.site.embedded import processes, server
from shebao.site.embedded.binaries import Installation
from shebao.site.embedded.folders import open_data_folder, remove_cluster, settle
from shebao.site.embedded.layout import Layout, existing
from shebao.site.embedded.use import stop_server

ROOT = Path(__file__).resolve().parents[2]
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
WAIT_SECONDS_MAX = 60

# A program that uses the database until its input ends, like `make run`.
HALL = "import sys; from shebao.site import database; database.ensure(); print('open', flush=True); sys.stdin.read()"
COMMAND = """
import argparse, sys
from shebao.site import console_database
parser = argparse.ArgumentParser()
console_database.register(parser.add_subparsers())
args = parser.parse_args()
sys.exit(args.func(args))
"""


@contextmanager
def data_folder(below: str = "data") -> Iterator[Path]:
    """A fresh place under /tmp that other accounts may pass through; its server is stopped and all of it removed afterwards."""
    place = Path(tempfile.mkdtemp(prefix="shebao-test-"))
    place.chmod(0o711)
    data = (place / below).resolve()
    try:
        yield data
    finally:
        stop_server(data)
        remove_cluster(data)
        shutil.rmtree(place)


@contextmanager
def private_cluster(bin_dir: Path, folder: Path) -> Iterator[str]:
    """A new cluster of the PostgreSQL in bin_dir, on a socket only, with a scram password. Yields the superuser's address.

    folder: becomes its data folder; it is stopped and removed afterwards. As root it runs under the unprivileged account.
    """
    said = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    installation = Installation(bin_dir, int(said.split()[2].split(".")[0]))
    ours = open_data_folder(folder)
    with server.locked(folder):
        layout, account = settle(folder, ours)
        connection = server.start(layout, account, installation)
    try:
        yield server.superuser_url(connection)
    finally:
        stop_server(folder)
        remove_cluster(folder)


def environment(data: Path, **more: str) -> dict[str, str]:
    """The environment of a program that uses this data folder, and no database of the suite."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHEBAO_")}
    path = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    return kept | {"SHEBAO_DATA": str(data), "PYTHONPATH": path} | more


def run(program: str, *words: str, data: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a Python program to its end."""
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, env=environment(data, **more), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def db(*words: str, data: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run `shebao db ...` in this process, which is quicker than a program of its own."""
    parser = argparse.ArgumentParser()
    console_database.register(parser.add_subparsers())
    args = parser.parse_args(["db", *words])
    out, err = io.StringIO(), io.StringIO()
    with mock.patch.dict(os.environ, environment(data, **more), clear=True), redirect_stdout(out), redirect_stderr(err):
        code = args.func(args)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


@contextmanager
def hall(data: Path) -> Iterator["subprocess.Popen[str]"]:
    """A running program that uses the database; it is ended by closing its input, unless the test ended it otherwise."""
    program = subprocess.Popen(
        [sys.executable, "-c", HALL],
        env=environment(data),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdin and program.stdout and program.stderr
    try:
        if program.stdout.readline() != "open\n":
            raise AssertionError(program.stderr.read())
        yield program
    finally:
        program.stdin.close()
        program.wait(WAIT_SECONDS_MAX)
        program.stdout.close()
        program.stderr.close()


def postmaster(data: Path) -> int | None:
    """The postmaster of a data folder."""
    return processes.postmaster(existing(data).pgdata)


def kill_server(data: Path) -> Layout:
    """End the postmaster as a crash would, and wait until its children have noticed."""
    layout = existing(data)
    found = processes.postmaster(layout.pgdata)
    assert found is not None
    assert processes.send(found, layout.pgdata, signal.SIGKILL)
    await_true(lambda: not processes.postgres_processes(layout.pgdata))
    return layout


def await_true(condition: Callable[[], bool], pause_seconds: float = 0.01) -> None:
    """Wait for a condition. Fails after a minute."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause_seconds)


def in_one_sentence(done: "subprocess.CompletedProcess[str]", code: str) -> bool:
    """Whether a command refused properly: a non-zero exit, the code, one Chinese line, no traceback. 'Please wait' may come first."""
    lines = [line for line in done.stderr.strip().splitlines() if not line.endswith("请稍候……")]
    return done.returncode != 0 and len(lines) == 1 and lines[0].startswith(f"{code} ") and lines[0].endswith("。")
