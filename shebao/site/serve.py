"""`make run`: the database, the demo city, the web process and the job process, started together and stopped together.

Both are children in process groups of their own, so that Ctrl-C reaches this process only, which then stops them in order. Should
this process be killed outright, the kernel tells them to stop (Linux), and the last one out stops our database server.

What is killed from outside (a part, one of its web processes, the database server) is started again; a part that ends by itself has a
reason that stays, and takes the others with it.
"""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from shebao.base.errors import ShebaoError
from shebao.site.console_site import set_up
from shebao.site.database import bring_back, data_folder, ensure, own_server
from shebao.site.parent import die_with_parent
from shebao.site.sandboxes import FOLDER, Fellows
from shebao.site.sandboxes import told as partners_told

WEB_PROCESSES = 2  # one a core
THREADS_A_PROCESS = 1  # a transaction a request; more threads only wait for the interpreter
READY_SECONDS_MAX = 60.0
WEB_GRACE_SECONDS = 8
STOP_SECONDS_MAX = 25.0  # above the grace of both parts
LOOK_EVERY_SECONDS = 0.1
LOOK_AT_DATABASE_SECONDS = 1.0
KILLED_MAX = 5  # of one part within KILLED_SECONDS: more is no accident
KILLED_SECONDS = 60.0


class PortTaken(ShebaoError):
    """Somebody listens there already."""

    code = "RUN-01"

    def __init__(self, host: str, port: int) -> None:
        other = port + 123 if port < 65_000 else 8123
        super().__init__(f"端口 {port} 已被占用（{host}）。请先停止占用它的程序，或换一个端口，例如 make run PORT={other}。")


class AddressRefused(ShebaoError):
    """The address is no address of this machine, or the port is none."""

    code = "RUN-02"

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(f"不能在 {host} 的端口 {port} 上监听：{why}。请核对 --host 和 --port（1 到 65535）。")


@dataclass(slots=True)
class Part:
    """One child process and what people call it."""

    label: str
    process: "subprocess.Popen[bytes]"
    start: Callable[[], "subprocess.Popen[bytes]"] | None = None
    killed_at: list[float] = field(default_factory=list)

    def again(self, *, fell_with_database: bool = False) -> bool:
        """Start it again after it was killed by a signal, or fell because the database had. False when it was neither, or too often."""
        moment = time.monotonic()
        self.killed_at = [*(t for t in self.killed_at if t > moment - KILLED_SECONDS), moment]
        if self.start is None or ((self.process.returncode or 0) >= 0 and not fell_with_database) or len(self.killed_at) > KILLED_MAX:
            return False
        _signal(self, signal.SIGKILL)  # what it left of its group must not hold its port
        self.process = self.start()
        return True


class Stopped(Exception):
    """SIGINT or SIGTERM came."""


def serve(host: str, port: int, *, with_demo: bool, with_sandbox: bool = True) -> int:
    """Serve until told to stop. with_sandbox: with a bank and a tax office on the ports after the hall's.

    Returns the exit code: 0 after a signal, 1 when a part ended by itself.

    Raises: PortTaken, AddressRefused, DatabaseTrouble, and nothing is left running then.
    """
    check_port(host, port)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    parts: list[Part] = []
    fellows = Fellows(data_folder() / FOLDER, _address(host, port), die_with_parent)
    try:
        _prepare(with_demo)
        if with_sandbox:
            fellows.fund, fellows.opening_fen = _income_account()
            fellows.start(port + 1)
        if _start(parts, host, port, fellows.environment() if with_sandbox else {}):
            _tell(host, port, with_sandbox=with_sandbox)
        return _watch(parts, fellows)
    except Stopped:
        print("\n正在停止…", flush=True)
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # what follows is short, and must not be cut off
        stop([*parts, *(Part(label, process) for label, process in fellows.processes())])


def check_port(host: str, port: int) -> None:
    """Refuse before anything is started. Raises: PortTaken, AddressRefused."""
    if not 1 <= port <= 65_535:
        raise AddressRefused(host, port, "没有这个端口")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except PermissionError as error:
        raise AddressRefused(host, port, "没有权限，请用 1024 以上的端口") from error
    except socket.gaierror as error:
        raise AddressRefused(host, port, "没有这个地址") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port) from error
        raise AddressRefused(host, port, "这个地址不属于本机") from error


def stop(parts: Sequence[Part]) -> None:
    """Ask every part to stop, the web first, and end the process group of whoever does not in time."""
    for part in parts:
        _signal(part, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS_MAX
    for part in parts:
        try:
            part.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"{part.label}没有按时停止，已强行结束。", file=sys.stderr)
        _signal(part, signal.SIGKILL)  # nobody of its group may stay behind
        part.process.wait()


def _prepare(with_demo: bool) -> None:
    ensure()
    set_up()
    from shebao.site.demo.scale import Scale
    from shebao.site.prepare import ready

    ready(Scale() if with_demo else None)
    from django.conf import settings
    from django.db import connections

    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    connections.close_all()


def _income_account() -> tuple[str, int]:
    """Number of the place's 收入户 and what our books say it holds: the sandbox bank opens it with that on its first day."""
    from django.db import connections

    from shebao.site.demo.partners import income_account

    try:
        return income_account()
    finally:
        connections.close_all()


def _address(host: str, port: int) -> str:
    """The hall's own, as people and partners call it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _start(parts: list[Part], host: str, port: int, partners: Mapping[str, str]) -> bool:
    """Start both parts and wait until the web answers; False when one of them ended instead. partners: where they are."""
    environment = {"SHEBAO_BASE_URL": _address(host, port), "SHEBAO_DATA": str(data_folder()), **partners, **os.environ}
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--no-ws", "--log-level", "warning"]
    web += ["--workers", str(WEB_PROCESSES), "--blocking-threads", str(THREADS_A_PROCESS)]
    web += ["--workers-kill-timeout", str(WEB_GRACE_SECONDS)]  # one that is told to stop while it starts would never hear it
    web += ["--respawn-failed-workers"]
    parts.append(_part("网页服务", [*web, "shebao.site.wsgi:application"], environment, die_with_parent))
    # The job process arranges its own end once it counts as a user of the database server: the last one out has to stop that.
    work = [sys.executable, "-m", "shebao.site.command", "worker", "--parent", str(os.getpid())]
    parts.append(_part("后台任务", work, environment))
    until = time.monotonic() + READY_SECONDS_MAX
    while not _answers(host, port):
        if any(part.process.poll() is not None for part in parts):
            return False
        if time.monotonic() > until:
            print(f"网页服务 {READY_SECONDS_MAX:.0f} 秒内没有应答，仍在等待。", file=sys.stderr)
            until = float("inf")
        time.sleep(LOOK_EVERY_SECONDS)
    return True


def _part(label: str, command: Sequence[str], environment: Mapping[str, str], before: Callable[[], None] | None = None) -> Part:
    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=before)

    return Part(label, start(), start)


def _answers(host: str, port: int) -> bool:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    try:
        socket.create_connection((reachable, port), timeout=1).close()
    except OSError:
        return False
    return True


def _tell(host: str, port: int, *, with_sandbox: bool) -> None:
    from shebao.site.demo.accounts import standing
    from shebao.site.demo.table import accounts_table

    print(f"\n社会保险网上办事大厅　{_address(host, port)}\n", flush=True)
    if with_sandbox:
        print(partners_told(data_folder() / FOLDER) + "\n")
    if standing() == "finished":
        print(accounts_table())
    print("\n按 Ctrl-C 停止。", flush=True)


def _watch(parts: Sequence[Part], fellows: Fellows) -> int:
    looked_at, back_at, server = 0.0, -KILLED_SECONDS, own_server()
    while True:
        fellows.look_after()
        fallen = [(part, code) for part in parts if (code := part.process.poll()) is not None]
        if fallen or time.monotonic() > looked_at + LOOK_AT_DATABASE_SECONDS:
            looked_at = time.monotonic()
            bring_back()
            if server != (server := own_server() or server):  # by us, or by a part that was quicker
                back_at = time.monotonic()
                print("数据库被意外终止，已重新启动；已提交的数据都在。", file=sys.stderr)
        for part, code in fallen:
            if part.again(fell_with_database=time.monotonic() < back_at + KILLED_SECONDS):
                told = f"被信号 {-code} 终止" if code < 0 else "因数据库中断而结束"
                print(f"{part.label}{told}，已重新启动。", file=sys.stderr)
                continue
            print(f"{part.label}意外结束（退出码 {code}），其余部分一并停止；原因见上面的日志。", file=sys.stderr)
            return 1
        time.sleep(LOOK_EVERY_SECONDS)


def _signal(part: Part, number: signal.Signals) -> None:
    try:
        os.killpg(part.process.pid, number)
    except ProcessLookupError:
        pass  # the whole group is gone already


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
