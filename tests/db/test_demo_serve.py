"""`shebao run`, `worker` and `demo` from outside: what they start they stop, and every 'no' is one sentence."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from psycopg import conninfo

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.casework.models import Case, CaseState
from tests import make
from tests.db.embedded_support import await_true, data_folder, environment, kill_server, postmaster

READY = "按 Ctrl-C 停止。"
STOPS_SECONDS_MAX = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "shebao.site.command", *words]


def shebao(*words: str, data: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*words), env=environment(data), capture_output=True, text=True, check=False, timeout=180)


@contextmanager
def running(port: int, data: Path) -> Iterator["subprocess.Popen[str]"]:
    """`shebao run` without a city, ready to answer; ended by SIGTERM unless the test ended it."""
    words = command("run", "--port", str(port), "--no-demo")
    pipe = subprocess.PIPE
    hall = subprocess.Popen(words, env=environment(data), stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    assert hall.stdout
    assert hall.stderr
    try:
        for line in hall.stdout:
            if line.strip() == READY:
                break
        else:
            raise AssertionError(hall.stderr.read())
        yield hall
    finally:
        hall.terminate()
        hall.wait(STOPS_SECONDS_MAX)
        hall.stdout.close()
        hall.stderr.close()


def family(pid: int) -> list[int]:
    """A process's children and theirs."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [further for child in children for further in family(child)]


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def answers(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        return int(answer.status)


def test_the_hall_answers_shares_its_database_and_leaves_nothing_running() -> None:
    with data_folder() as data:
        one, two = free_port(), free_port()
        with running(one, data) as first:
            taken = shebao("run", "--port", str(one), "--no-demo", data=data)
            assert (taken.returncode, taken.stdout) == (2, "")
            assert taken.stderr.splitlines() == [taken.stderr.strip()]
            assert f"端口 {one} 已被占用" in taken.stderr
            with running(two, data) as second:
                assert (answers(one), answers(two)) == (200, 200)
                mine = family(second.pid)
                assert len(mine) >= 3
                second.send_signal(signal.SIGINT)
                assert second.wait(STOPS_SECONDS_MAX) == 0
                assert not any(map(lives, mine))
            assert answers(one) == 200
            mine = family(first.pid)
            first.send_signal(signal.SIGTERM)
            assert first.wait(STOPS_SECONDS_MAX) == 0
        assert not any(map(lives, mine))
        assert postmaster(data) is None


def part_of(hall: int, word: bytes) -> int:
    return next(pid for pid in family(hall) if word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))


def test_whoever_is_killed_from_outside_is_started_again_the_database_too() -> None:
    port = free_port()
    with data_folder() as data, running(port, data) as hall:
        worker = part_of(hall.pid, b"worker")
        os.kill(worker, signal.SIGKILL)
        await_said(hall, "后台任务被信号 9 终止，已重新启动")
        web = part_of(hall.pid, b"granian")
        one_of_two = family(web)[-1]
        os.kill(one_of_two, signal.SIGKILL)
        await_true(lambda: len([pid for pid in family(web) if lives(pid)]) >= 2 and not lives(one_of_two), pause_seconds=0.1)
        await_reachable(hall, port)
        before = postmaster(data)
        kill_server(data)
        await_said(hall, "数据库被意外终止，已重新启动")
        assert postmaster(data) not in (None, before)
        await_reachable(hall, port)
        os.kill(part_of(hall.pid, b"granian"), signal.SIGKILL)  # another one, when the first fell with the database
        await_said(hall, "网页服务被信号 9 终止，已重新启动")
        await_reachable(hall, port)


def await_reachable(hall: "subprocess.Popen[str]", port: int) -> None:
    until = time.monotonic() + 4 * STOPS_SECONDS_MAX  # a web process reads all of the program when it starts
    while not reachable(port):
        assert hall.poll() is None and time.monotonic() < until, "the web does not come back"
        time.sleep(0.2)


def await_said(hall: "subprocess.Popen[str]", sentence: str) -> None:
    assert hall.stderr
    said = []
    while sentence not in (line := hall.stderr.readline()):
        said.append(line)
        assert line, f"the hall has ended: {said[-30:]}"


def reachable(port: int) -> bool:
    try:
        return answers(port) == 200
    except OSError:
        return False


def test_when_one_part_ends_by_itself_the_rest_is_stopped_and_told() -> None:
    with data_folder() as data, running(free_port(), data) as hall:
        mine = family(hall.pid)
        os.kill(part_of(hall.pid, b"worker"), signal.SIGTERM)
        assert hall.wait(STOPS_SECONDS_MAX) == 1
        assert hall.stderr
        said = hall.stderr.read()
        assert "后台任务意外结束" in said
        assert "Traceback" not in said
        assert not any(map(lives, mine))
        assert postmaster(data) is None


def test_when_the_hall_is_killed_outright_its_parts_and_its_server_stop_by_themselves() -> None:
    with data_folder() as data, running(free_port(), data) as hall:
        mine = family(hall.pid)
        hall.kill()
        hall.wait(STOPS_SECONDS_MAX)
        await_true(lambda: not any(map(lives, mine)), pause_seconds=0.2)
        await_true(lambda: postmaster(data) is None, pause_seconds=0.2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "--port", "0"], "没有这个端口"),
        (["run", "--port", "70000"], "没有这个端口"),
        (["run", "--host", "203.0.113.7"], "这个地址不属于本机"),
        (["demo", "--units", "3"], "单位数请填 12 到"),
        (["demo", "--units", "100", "--people", "20"], "人数请填 400"),
        (["demo", "--months", "0"], "月数请填 1 到 60"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(words: list[str], sentence: str) -> None:
    with data_folder() as data:
        done = shebao(*words, data=data)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_city_whose_making_was_cut_off_is_made_again_and_then_left_alone() -> None:
    size = ["--units", "12", "--people", "60", "--months", "1"]
    with data_folder() as data:
        cut = subprocess.Popen(command("demo", *size), env=environment(data), stdout=subprocess.PIPE, text=True)
        assert cut.stdout
        for line in cut.stdout:
            if "变动、核定、到账" in line:
                break
        cut.kill()
        cut.wait()
        cut.stdout.close()
        again = shebao("demo", *size, data=data)
        assert again.returncode == 0, again.stderr
        assert "上次建演示城市没有建完，现在重新建。" in again.stdout
        assert "auditor" in again.stdout
        once_more = shebao("demo", *size, data=data)
        assert (once_more.returncode, once_more.stdout.splitlines()[0]) == (0, "演示城市已经在了，没有改动任何数据。")


@contextmanager
def worker(name: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`shebao worker` on the database of this module."""
    parts = {alias: connections[alias].settings_dict for alias in ("default", "owner")}
    urls = {
        alias: conninfo.make_conninfo(host=p["HOST"], port=p["PORT"] or None, user=p["USER"], password=p["PASSWORD"], dbname=p["NAME"])
        for alias, p in parts.items()
    }
    with data_folder() as data:
        env = environment(data, SHEBAO_DATABASE_URL=urls["default"], SHEBAO_OWNER_URL=urls["owner"])
        process = subprocess.Popen(command("worker"), env=env)
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(STOPS_SECONDS_MAX) == 0, "told to stop, it stops in order"


def state_of(case_id: int) -> str:
    with acting(ENGINE):
        return str(Case.objects.values_list("state", flat=True).get(pk=case_id))


def test_a_vip_approval_takes_effect_within_a_second_and_a_job_left_behind_is_taken_up(database: str) -> None:
    vip = make.unit(vip=True)
    clerk = make.operator(vip)
    left_behind = make.case(vip, "enrolment.add_employee", make.addition(vip), by=clerk, submit=True, when=now())
    with connections["owner"].cursor() as cursor:
        # As a job process leaves it that was killed: being done, by nobody who still breathes.
        cursor.execute("update procrastinate_jobs set status = 'doing', worker_id = null")
        assert cursor.rowcount == 1
    with worker(database):
        await_true(lambda: state_of(left_behind) == CaseState.DONE)
        seconds = []
        for _ in range(9):
            began = time.monotonic()
            case_id = make.case(vip, "enrolment.add_employee", make.addition(vip), by=clerk, submit=True, when=now())
            await_true(lambda case_id=case_id: state_of(case_id) == CaseState.DONE, pause_seconds=0.005)  # type: ignore[misc]
            seconds.append(time.monotonic() - began)
    assert statistics.median(seconds) < 1.0
