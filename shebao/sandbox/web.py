"""The partners' HTTP server: the standard library's, on loopback only, with limits of time and size. Nothing here knows money."""

import json
import re
import secrets
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shebao.base.errors import ShebaoError

IDLE_SECONDS = 15.0
BODY_BYTES_MAX = 1024 * 1024
FILE_BYTES_MAX = 256 * 1024 * 1024  # 900,000 debits
HANG_SECONDS = 60.0
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
TOKEN_HEADER = "X-Sandbox-Token"  # noqa: S105 - the name of a header


class NotFound(ShebaoError):
    """No such address."""

    code = "SBX-10"
    status = 404

    def __init__(self, text: str = "没有这个地址") -> None:
        super().__init__(text)


class BadRequest(ShebaoError):
    """What came cannot be read."""

    code = "SBX-11"
    status = 400


class NotAllowed(ShebaoError):
    """From another site, or without the token of the command line."""

    code = "SBX-12"
    status = 403

    def __init__(self) -> None:
        super().__init__("这个操作只能由本机的 shebao sandbox 命令或本页面发出")


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. `body` is whole and within its limit."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Raises: BadRequest."""
        try:
            told = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise BadRequest("正文不是 JSON") from error
        if not isinstance(told, dict):
            raise BadRequest("正文应为一个 JSON 对象")
        return told

    def form(self) -> dict[str, str]:
        """Raises: BadRequest."""
        try:
            return dict(parse_qsl(self.body.decode(), max_num_fields=50))
        except (ValueError, UnicodeDecodeError) as error:
            raise BadRequest("表单读不出来，请返回重新填写") from error


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out."""

    status: int
    body: bytes
    kind: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def told(value: object, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(value, ensure_ascii=False).encode())


Handler = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """method and path (a whole-path regular expression whose named groups the handler takes).

    token: only for callers of this machine that can read the partner's folder. always: answers also when the partner is `down`.
    """

    method: str
    path: str
    handler: Handler
    token: bool = False
    always: bool = False
    bytes_max: int = BODY_BYTES_MAX


class Outage(Exception):
    """The partner is down for this request. how: 503, hang (no answer in time), refuse (the line is cut)."""

    def __init__(self, how: str) -> None:
        self.how = how


class Server(ThreadingHTTPServer):
    """Threads end with the process; a request is never half answered in a store, because a store commits whole."""

    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = True

    def __init__(self, port: int, routes: Sequence[Route], token: str, before: Callable[[Request], str]) -> None:
        self.routes = [(route, re.compile(route.path + r"\Z")) for route in routes]
        self.token = token
        self.before = before  # how the partner is down for this request, '' when it is not
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "shebao-sandbox"
    sys_version = ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        pass  # the state is the log

    def _serve(self) -> None:
        try:
            answer = self._answer()
        except Outage as outage:
            self._be_down(outage.how)
            return
        except ShebaoError as error:
            answer = told({"code": error.code, "text": error.text}, error.status)
        except TimeoutError:
            self.close_connection = True
            return
        self._send(answer)

    def _answer(self) -> Answer:
        parts = urlsplit(self.path)
        found = [(route, match) for route, path in self.server.routes if (match := path.match(parts.path))]
        if not found:
            self.close_connection = True  # its body was not read
            raise NotFound
        chosen = next(((route, match) for route, match in found if route.method == self.command), None)
        if chosen is None:
            self.close_connection = True
            return told({"code": "SBX-10", "text": "这个地址不接受这种请求"}, HTTPStatus.METHOD_NOT_ALLOWED)
        route, match = chosen
        self._from_here(route)
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers.items()), self._body(route.bytes_max))
        how = "" if route.always else self.server.before(request)
        if how and how != "lost":
            raise Outage(how)
        answer = route.handler(request, **match.groupdict())
        if how:
            raise Outage("refuse")  # done, and nobody hears of it
        return answer

    def _from_here(self, route: Route) -> None:
        """Other sites' pages and names that were bent to this address reach nothing."""
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        origin = self.headers.get("Origin")
        foreign = origin is not None and origin != "null" and urlsplit(origin).netloc != self.headers.get("Host")
        allowed = host in LOOPBACK and not (foreign and self.command != "GET")
        if route.token:
            allowed = allowed and secrets.compare_digest(self.headers.get(TOKEN_HEADER, "").encode(), self.server.token.encode())
        if not allowed:
            self.close_connection = True
            raise NotAllowed

    def _body(self, bytes_max: int) -> bytes:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise BadRequest("请求须写明 Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not re.fullmatch(r"[0-9]{1,12}", length, re.ASCII):
            self.close_connection = True
            raise BadRequest("Content-Length 不是数字")
        if int(length) > bytes_max:
            self.close_connection = True
            raise BadRequest(f"正文超过 {bytes_max // 1024 // 1024} 兆")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            raise BadRequest("正文不完整")
        return body

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def _be_down(self, how: str) -> None:
        self.close_connection = True
        if how == "503":
            self._send(told({"code": "SBX-13", "text": "对方系统停机维护，请稍后再试"}, HTTPStatus.SERVICE_UNAVAILABLE))
            return
        if how == "hang":
            time.sleep(HANG_SECONDS)
        # A reset instead of a polite end: the other side cannot tell whether its message was read.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
