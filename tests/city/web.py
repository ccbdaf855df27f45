"""The web process under blows: the application serves from a child that may be killed in the middle of a request, the client sends the
very same request again until it is answered, as people and partners do.
"""

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

SECONDS_MAX, TRIES_MAX = 60.0, 100


class _Quiet(WSGIRequestHandler):
    def log_message(self, *values: object) -> None:
        pass


@dataclass
class Web:
    """One listening socket, whoever serves behind it. blow: what is done to the process in the middle of a request; None: it was not."""

    start: Callable[[Callable[[], None]], int]  # runs something in a child, returns its pid
    blow: Callable[[int], str]
    blows: list[float] = field(default_factory=list)  # how far into a request each falls, as a share of its usual time
    usual: dict[str, float] = field(default_factory=dict)  # seconds by request
    told: dict[str, int] = field(default_factory=lambda: {"driver": 0, "server": 0, "late": 0})
    pid: int = 0

    def __post_init__(self) -> None:
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]

    def serve(self) -> None:
        from shebao.site.wsgi import application

        server = WSGIServer(self.door.getsockname(), _Quiet, bind_and_activate=False)
        server.socket.close()
        server.socket = self.door
        server.server_name, server.server_port = "localhost", self.port
        server.setup_environ()
        server.set_app(application)
        server.serve_forever()

    def send(self, name: str, request: bytes) -> tuple[int, str]:
        """Send until it is answered. Returns the status and where it leads."""
        for _ in range(TRIES_MAX):
            if not self.pid:
                self.pid = self.start(self.serve)
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", self.port)) as link:
                link.sendall(request)
                if self.blows and self.usual:
                    link.settimeout(max(0.001, self.blows.pop() * self.usual[name]))
                    early = _read(link)
                    if early is None:
                        self.told[what := self.blow(self.pid)] += 1
                        if what == "driver":
                            self.pid = 0
                        continue
                    self.told["late"] += 1
                    answer = early
                else:
                    link.settimeout(SECONDS_MAX)
                    answer = _read(link) or b""
            head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
            status = int(head.split(" ", 2)[1]) if " " in head else 0
            if status in (0, 503):
                continue  # it fell, or its database was away
            self.usual.setdefault(name, time.monotonic() - began)
            found = re.search(r"(?im)^location: *(\S+)", head)
            return status, found[1] if found else ""

        raise AssertionError(f"{name} is not answered")

    @property
    def fell(self) -> int:
        """How many blows have fallen so far."""
        return self.told["driver"] + self.told["server"]

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.door.close()


def _read(link: socket.socket) -> bytes | None:
    """The whole answer; None when time is up before its end."""
    parts = []
    try:
        while part := link.recv(65_536):
            parts.append(part)
    except TimeoutError:
        return None
    except ConnectionError:
        return b""
    return b"".join(parts)


def request(path: str, body: bytes, content_type: str, headers: dict[str, str]) -> bytes:
    """A POST as bytes, so that sending again sends the same."""
    lines = [f"POST {path} HTTP/1.0", "Host: localhost", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
