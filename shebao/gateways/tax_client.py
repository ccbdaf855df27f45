"""Speaking to the tax office over HTTP: sign, send, check the signature of the answer. It says what happened and tries nothing twice."""

import http.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from shebao.base.errors import ShebaoError
from shebao.gateways import signed, strict_json
from shebao.gateways.partner_keys import OwnKey, PublicKey
from shebao.gateways.strict_json import BYTES_MAX, MessageRefused

TIMEOUT_SECONDS = 20


class PartnerAway(ShebaoError):
    """No answer, or a broken one, or one that is not theirs: the same message may be sent again and must be."""

    code = "TAX-16"
    status = 503


class PartnerRefused(ShebaoError):
    """The partner read the message and refuses it, with its own code and sentence. Sending it again changes nothing."""

    code = "TAX-17"
    status = 502

    def __init__(self, text: str, their_code: str) -> None:
        super().__init__(text)
        self.their_code = their_code


def true_time() -> datetime:
    """The machine's own clock: signatures go by it, whatever day the hall is set to."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Partner:
    """Where a partner is, its keys and ours. url: http(s)://host[:port][/path]."""

    url: str
    own: OwnKey
    keys: Sequence[PublicKey]
    clock: Callable[[], datetime] = true_time
    timeout: int = TIMEOUT_SECONDS

    def send(self, path: str, message: UUID, content: bytes) -> Mapping[str, Any]:
        """Send a message and return the body of the answer. content: Envelope.content(), or what was kept of it.

        Raises: PartnerAway, PartnerRefused.
        """
        status, headers, answer = self._exchange(path, content)
        try:
            signed.verify_answer(self.keys, headers, status, message, answer, at=self.clock())
            told = strict_json.load(answer)
        except MessageRefused as error:
            raise PartnerAway(f"对方的回执（{status}）不能采信：{error.text}") from error
        if status == 200:
            return told
        said = str(told.get("title", ""))[:200] or f"对方答复 {status}"
        if status in (408, 425, 429) or status >= 500:
            raise PartnerAway(f"对方暂时不能处理：{said}")
        raise PartnerRefused(said, str(told.get("code", ""))[:20])

    def _exchange(self, path: str, content: bytes) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(self.url)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise PartnerAway("税务地址没有写对，应为 http 或 https 开头的地址；请检查 SHEBAO_TAX_URL")
        full = parts.path.rstrip("/") + path
        headers = {"Content-Type": "application/json"} | signed.sign_request(self.own, "POST", path, content, at=self.clock())
        try:
            link = make(parts.hostname, parts.port, timeout=self.timeout)
            try:
                link.request("POST", full, content, headers)
                answer = link.getresponse()
                told = answer.read(BYTES_MAX + 1)
                return answer.status, {name.title(): value for name, value in answer.getheaders()}, told
            finally:
                link.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise PartnerAway(f"连接不上对方（{type(error).__name__}），稍后会再试") from error
