"""The sandbox partners of `make run`: on the ports after the hall's, known to it by keys and addresses, started again when they fall."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shebao.base.errors import ShebaoError
from shebao.sandbox import starting
from shebao.sandbox.bank import EXCHANGE
from shebao.sandbox.starting import LABELS, PARTNERS, peer
from shebao.sandbox.store import in_use
from shebao.site.database import data_folder

FOLDER = "sandbox"
HOST = "127.0.0.1"
PORTS_TRIED = 20
AGAIN_SECONDS = 2.0  # between a fall and the next start


@dataclass(slots=True)
class Fellow:
    """One partner: its process while it runs, and when it may be started again."""

    name: str
    port: int
    process: "subprocess.Popen[bytes] | None" = None
    again_at: float = 0.0


@dataclass(slots=True)
class Fellows:
    """Both partners. Empty when another hall of the same data folder runs them: then only their addresses are taken."""

    folder: Path
    hall_url: str
    before: Callable[[], None]
    fund: str = ""
    opening_fen: int = 0
    run: list[Fellow] = field(default_factory=list)

    def start(self, first_port: int) -> None:
        """Exchange keys and start whoever does not run yet; back when both answer.  Raises: ShebaoError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        starting.exchange_keys(self.folder, data_folder() / starting.KEYS)
        port = first_port
        for name in PARTNERS:
            if in_use(self.folder / name):
                continue
            port = _free(port)
            fellow = Fellow(name, port)
            self.run.append(fellow)
            self._start(fellow)
            port += 1
        for fellow in self.run:
            assert fellow.process is not None
            starting.await_up(self.folder, fellow.name, fellow.process.pid)

    def environment(self) -> dict[str, str]:
        """What the hall has to know of them."""
        tax = peer(self.folder, "tax").address()
        return {
            "SHEBAO_TAX_URL": tax,
            "SHEBAO_PAY_URL": f"{tax}/pay",
            "SHEBAO_BANK_URL": peer(self.folder, "bank").address(),
            "SHEBAO_BANK_FOLDER": str(self.folder / "bank" / EXCHANGE),
        }

    def look_after(self) -> None:
        """Start again what has ended: a partner's fall is no reason for the hall to stop."""
        for fellow in self.run:
            if fellow.process is not None and (code := fellow.process.poll()) is not None:
                print(f"{LABELS[fellow.name]}意外结束（退出码 {code}），正在重新启动。", file=sys.stderr)
                fellow.process, fellow.again_at = None, time.monotonic() + AGAIN_SECONDS
            if fellow.process is None and time.monotonic() >= fellow.again_at:
                self._start(fellow)

    def processes(self) -> "list[tuple[str, subprocess.Popen[bytes]]]":
        """Those that run, with what people call them."""
        return [(LABELS[fellow.name], fellow.process) for fellow in self.run if fellow.process is not None]

    def _start(self, fellow: Fellow) -> None:
        words = starting.command(
            fellow.name, self.folder, fellow.port, hall_url=self.hall_url, fund=self.fund, opening_fen=self.opening_fen, parent=os.getpid()
        )
        fellow.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, process_group=0, preexec_fn=self.before
        )


def told(folder: Path) -> str:
    """The partners' addresses, for whoever started the hall."""
    lines = []
    for name, words in (("tax", "税务沙箱，核定单在这里缴费"), ("bank", "银行沙箱")):
        try:
            lines.append(f"{words}　{peer(folder, name).address()}")
        except ShebaoError:
            lines.append(f"{words}　没有运行")
    return "\n".join(lines)


def _free(port: int) -> int:
    """This port, or the first free one after it."""
    for candidate in range(port, min(port + PORTS_TRIED, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, candidate))
            except OSError:
                continue
            return candidate
    return 0
