"""How one partner, or the command line, reaches another on this machine. Instructions bear a key: asking again is harmless."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from shebao.base.errors import ShebaoError
from shebao.sandbox.process import ADDRESS, TOKEN
from shebao.sandbox.web import TOKEN_HEADER

TIMEOUT_SECONDS = 10


class PartnerSilent(ShebaoError):
    """The other process does not answer now."""

    code = "SBX-40"
    status = 503

    def __init__(self, label: str) -> None:
        super().__init__(f"{label}没有应答：请确认它正在运行（shebao sandbox all），或者先关闭“停机”开关（shebao sandbox trouble … off）")


class PartnerSaysNo(ShebaoError):
    """It answered with a refusal: its code and sentence."""

    def __init__(self, code: str, text: str, status: int) -> None:
        super().__init__(text)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Peer:
    """A partner's folder holds its address and the token for calls from this machine."""

    folder: Path
    label: str

    def address(self) -> str:
        """http://… of the running process. Raises: PartnerSilent."""
        told = self._told()
        return f"http://{told['host']}:{told['port']}"

    def call(self, method: str, path: str, body: object | None = None, *, timeout: float = TIMEOUT_SECONDS) -> dict[str, Any]:
        """Raises: PartnerSilent, PartnerSaysNo."""
        told = self._told()
        connection = HTTPConnection(told["host"], told["port"], timeout=timeout)
        try:
            token = (self.folder / TOKEN).read_text()
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, path, content, {TOKEN_HEADER: token, "Content-Type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())
        except (OSError, HTTPException, ValueError) as error:
            raise PartnerSilent(self.label) from error
        finally:
            connection.close()
        if answer.status >= 400:
            if answer.status >= 500:
                raise PartnerSilent(self.label)
            raise PartnerSaysNo(value.get("code", "SBX-10"), value.get("text", "对方没有受理"), answer.status)
        return dict(value)

    def _told(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / ADDRESS).read_text()))
        except (OSError, ValueError) as error:
            raise PartnerSilent(self.label) from error
