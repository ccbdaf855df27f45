"""What both partners are: a process with a folder, a server, a clerk who works through what is due, and an end that loses nothing."""

import json
import os
import secrets
import signal
import sqlite3
import sys
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from shebao.base.clock import days_ahead, now, today
from shebao.base.errors import ShebaoError
from shebao.sandbox import trouble
from shebao.sandbox.store import Store, write_whole
from shebao.sandbox.trouble import HOW_DOWN, Trouble
from shebao.sandbox.web import Answer, BadRequest, Request, Route, Server, told

TICK_SECONDS = 0.5
ADDRESS, TOKEN = "address.json", "control-token"

SCHEMA = """
create table if not exists kept (name text primary key, value text not null) without rowid;
create table if not exists event (id integer primary key, at text not null, day text not null, what text not null, text text not null);
"""


class PortTaken(ShebaoError):
    """Somebody listens there already."""

    code = "SBX-03"

    def __init__(self, port: int) -> None:
        super().__init__(f"端口 {port} 已被占用或不能使用，请用 --port 换一个")


class Partner(ABC):
    """A partner as a process. A subclass gives schema, routes and `work`, which does what is due and says whether it did anything."""

    name = ""
    label = ""
    schema = ""

    def __init__(self, folder: Path) -> None:
        """Raises: FolderInUse, FolderUnusable."""
        self.folder = folder / self.name
        self.store = Store(self.folder, SCHEMA + trouble.SCHEMA + self.schema)
        self.stopping = threading.Event()
        self.nudged = threading.Event()
        self.working = threading.Lock()

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """What it answers over HTTP, beside the controls that every partner has."""

    @abstractmethod
    def work(self) -> bool:
        """One round of what is due, in transactions of its own. Restartable anywhere."""

    @abstractmethod
    def shown(self, link: sqlite3.Connection) -> dict[str, Any]:
        """What `shebao sandbox show` tells of it."""

    # -- the process

    def serve(self, port: int) -> int:
        """Serve until SIGTERM or SIGINT. port 0: any free one; it stands in address.json. Raises: PortTaken."""
        token = self._token()
        try:
            server = Server(port, [*self.routes(), *self._controls()], token, self._before)
        except (OSError, OverflowError) as error:
            raise PortTaken(port) from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        threads = [threading.Thread(target=server.serve_forever, args=(0.1,)), threading.Thread(target=self._clerk)]
        for thread in threads:
            thread.start()
        address = {"host": "127.0.0.1", "port": server.server_port, "pid": os.getpid()}
        write_whole(self.folder / ADDRESS, json.dumps(address).encode())
        print(f"{self.label} http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - whoever started it waits for this
        while not self.stopping.wait(0.2):
            pass
        server.shutdown()
        server.server_close()
        self.nudged.set()
        for thread in threads:
            thread.join(5)
        (self.folder / ADDRESS).unlink(missing_ok=True)
        self.store.close()
        return 0

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()

    def _clerk(self) -> None:
        """Works in rounds; what goes wrong in one is told and tried again in the next."""
        while not self.stopping.is_set():
            try:
                busy = self.round()
            except Exception:  # noqa: BLE001 - a sandbox that has stopped working silently helps nobody
                traceback.print_exc(file=sys.stderr)
                busy = False
            if not busy:
                self.nudged.wait(TICK_SECONDS)
                self.nudged.clear()

    def round(self) -> bool:
        """One round, one at a time."""
        with self.working:
            return self.work()

    def _token(self) -> str:
        path = self.folder / TOKEN
        if not path.exists():
            path.touch(0o600)
            write_whole(path, secrets.token_urlsafe(24).encode())
            path.chmod(0o600)
        return path.read_text()

    def _before(self, request: Request) -> str:
        """How this partner is down for this request; '' when it is not."""
        with self.store.look() as link:
            if not any(switch.kind is Trouble.DOWN for switch in trouble.switches(link)):
                return ""
        with self.store.change() as link:
            parts = request.path.split("/")[1:]
            what = "/".join(parts[: 2 if parts[0] in ("v1", "peer") else 1])  # as in --message peer/transfer
            switch = trouble.take(link, what, (Trouble.DOWN,))
        return (switch.how or HOW_DOWN[0]) if switch else ""

    # -- control

    def _controls(self) -> list[Route]:
        return [
            Route("GET", "/control/show", self._show, token=True, always=True),
            Route("POST", "/control/trouble", self._trouble, token=True, always=True),
            Route("POST", "/control/round", self._rounds, token=True, always=True),
        ]

    def _show(self, request: Request) -> Answer:
        with self.store.look() as link:
            switches = [
                {"kind": s.kind.value, "label": s.kind.label, "left": s.left, "how": s.how, "message": s.message, "seed": s.seed}
                for s in trouble.switches(link)
            ]
            events = [dict(row) for row in link.execute("select * from event order by id desc limit 30")]
            return told(
                {
                    "partner": self.name,
                    "day": today().isoformat(),
                    "days_ahead": days_ahead(),
                    "trouble": switches,
                    **self.shown(link),
                    "events": events,
                }
            )

    def _trouble(self, request: Request) -> Answer:
        asked = request.json()
        kind, count, how = asked.get("kind"), asked.get("next"), asked.get("how", "")
        if how not in ("", *HOW_DOWN) or not (count is None or (isinstance(count, int) and 0 < count < 1_000_000)):
            raise BadRequest(f"次数应为正整数，停机方式应为 {'、'.join(HOW_DOWN)} 之一")
        with self.store.change() as link:
            if kind == "off":
                trouble.switch_off(link)
                self.switched_off(link)
            else:
                try:
                    chosen = Trouble(kind)
                except ValueError as error:
                    raise BadRequest("没有这种故障") from error
                seed = asked.get("seed", 1)
                message = str(asked.get("message", ""))
                trouble.switch_on(link, chosen, at=now().isoformat(), count=count, how=how, seed=int(seed), message=message)
        self.nudged.set()
        return self._show(request)

    def switched_off(self, link: sqlite3.Connection) -> None:  # noqa: B027 most hold nothing back
        """All trouble is over: what was held back may go."""

    def _rounds(self, request: Request) -> Answer:
        """Work until nothing is due: for tests and for `day --next`, which want to see the end of it."""
        rounds = 0
        while rounds < 1000 and self.round():
            rounds += 1
        return self._show(request)

    def note(self, link: sqlite3.Connection, what: str, text: str) -> None:
        """Something worth telling, in Chinese; kept in the state."""
        link.execute("insert into event (at, day, what, text) values (?, ?, ?, ?)", [now().isoformat(), today().isoformat(), what, text])


def kept(link: sqlite3.Connection, name: str, otherwise: str = "") -> str:
    """A small fact a partner remembers."""
    row = link.execute("select value from kept where name = ?", [name]).fetchone()
    return row["value"] if row else otherwise


def keep(link: sqlite3.Connection, name: str, value: str) -> None:
    link.execute("insert or replace into kept (name, value) values (?, ?)", [name, value])


def next_number(link: sqlite3.Connection, name: str) -> int:
    """1, 2, 3… without gaps: counted in the transaction that uses it."""
    number = int(kept(link, name, "0")) + 1
    keep(link, name, str(number))
    return number
