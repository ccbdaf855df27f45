"""Both partners as real processes on free ports, ended by their id; nothing of them is left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from shebao.gateways import tax as wire
from shebao.gateways.partner_keys import add_key, own_key
from shebao.gateways.signed import Envelope
from shebao.gateways.tax_client import Partner as TaxClient
from shebao.sandbox.bank_link import Peer

NOW = "2026-11-16T09:00:00"  # a Monday
TODAY = date(2026, 11, 16)
STARTS_SECONDS_MAX = 30


class Sandbox:
    """A bank and a tax office, and the hall's side of their keys."""

    def __init__(self, root: Path, now: str = NOW, fund: str = "", opening_fen: int = 0) -> None:
        self.root = root
        self.folder = root / "sandbox"
        self.clock = root / "days-ahead"
        self.hall_keys = root / "hall-keys"
        self.hall_url = ""
        self.fund = fund
        self.opening_fen = opening_fen
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SHEBAO_")}
        self.environment = kept | {"SHEBAO_NOW": now, "SHEBAO_CLOCK": str(self.clock)}
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.bank = Peer(self.folder / "bank", "银行沙箱")
        self.tax = Peer(self.folder / "tax", "税务沙箱")
        self._sequence = count(1)

    def start(self, *names: str) -> None:
        for name in names or ("bank", "tax"):
            words = [sys.executable, "-m", "shebao.sandbox", name, "--folder", str(self.folder), "--hall", self.hall_url]
            words += ["--opening-fen", str(self.opening_fen), *(["--fund", self.fund] if self.fund else [])]
            log = (self.root / f"{name}.log").open("ab")
            process = subprocess.Popen(words, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
            log.close()
            assert process.stdout
            if "http://" not in process.stdout.readline():
                process.wait(30)
                process.stdout.close()
                raise AssertionError((self.root / f"{name}.log").read_text())
            self.processes[name] = process

    def exchange_keys(self) -> None:
        """As `make run` does on its first start."""
        for name in ("bank", "tax"):
            add_key(self.folder / name / "partners", "shebao", own_key(self.hall_keys).public.line)
            add_key(self.hall_keys, name, own_key(self.folder / name / "partners").public.line)

    def kill(self, name: str) -> None:
        """kill -9, and wait until it is gone."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(30)
        assert process.stdout
        process.stdout.close()

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for name, process in self.processes.items():
            assert process.wait(30) == 0, (self.root / f"{name}.log").read_text()
            assert process.stdout
            process.stdout.close()
        self.processes.clear()

    def next_day(self, days: int = 1) -> None:
        """The clock of both goes on; what is due is done when this returns."""
        ahead = int(self.clock.read_text()) if self.clock.exists() else 0
        self.clock.write_text(str(ahead + days))
        self.rounds()

    def rounds(self) -> None:
        for name in self.processes:
            (self.bank if name == "bank" else self.tax).call("POST", "/control/round", {}, timeout=60)

    def trouble(self, name: str, kind: str, count: int | None = 1, **more: object) -> None:
        peer = self.bank if name == "bank" else self.tax
        peer.call("POST", "/control/trouble", {"kind": kind, "next": count, **more})

    def show(self, name: str) -> dict[str, Any]:
        return (self.bank if name == "bank" else self.tax).call("GET", "/control/show")

    def hall(self) -> TaxClient:
        """The hall's own client of the tax office."""
        return TaxClient(self.tax.address(), own_key(self.hall_keys), (own_key(self.folder / "tax" / "partners").public,), timeout=10)

    def say(self, path: str, body: dict[str, Any], *, message: UUID | None = None, sequence: int = 0) -> dict[str, Any]:
        """Send the tax office a message as the hall would."""
        message = message or uuid4()
        content = Envelope("shebao", message, sequence or next(self._sequence), TODAY, body).content()
        return dict(self.hall().send(path, message, content))

    def push(self, *bills: wire.TaxBill) -> list[str]:
        return [each.outcome for each in wire.read_outcomes(self.say(wire.BILLS, wire.bills_body(bills)), wire.PUSHED)]

    def pay(self, bill: str, **more: object) -> list[dict[str, Any]]:
        return list(self.tax.call("POST", "/control/pay", {"bill": bill, **more})["payments"])


@contextmanager
def sandbox(*names: str, **more: Any) -> Iterator[Sandbox]:
    """Running partners with keys exchanged; stopped in order at the end."""
    with tempfile.TemporaryDirectory(prefix="shebao-sandbox-") as root:
        made = Sandbox(Path(root), **more)
        made.exchange_keys()
        try:
            made.start(*names)
            yield made
        finally:
            for process in made.processes.values():
                process.send_signal(signal.SIGTERM)
            for process in made.processes.values():
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                assert process.stdout
                process.stdout.close()


def await_true(question: Callable[[], object], seconds: float = 40.0, why: Callable[[], object] = str) -> None:
    until = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < until, f"it did not come to pass in time {why()}"
        time.sleep(0.05)


def bill(
    number: str = "HD202611-0000001", version: int = 1, fen: int = 128_000, elsewhere_fen: int = 0, kind: str = "monthly"
) -> wire.TaxBill:
    """A bill of a made-up unit."""
    from shebao.base.terms import Insurance

    person = fen // 3
    return wire.TaxBill(
        number, version, kind, wire.Payer("unit", "武汉沙箱示例有限公司", "91420199MA4K0000"), "420199", 202611, 202611, date(2026, 11, 10),
        date(2026, 11, 25), (wire.Amount(Insurance.PENSION, "normal", fen - person, person),), fen, elsewhere_fen,
    )  # fmt: skip


def true_now() -> datetime:
    return datetime.now(UTC)
