"""Signed messages between partners: an envelope in JSON, and beside it in the head of the request who signed it and when.

What is signed (Ed25519), one line each: a mark, the method, the path, the instant, the key id, the digest of the content. An answer
signs its status and the id of the message it answers instead, so that no answer fits another message. docs/partners/tax.md has it all.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from shebao.gateways import strict_json
from shebao.gateways.partner_keys import OwnKey, PublicKey
from shebao.gateways.strict_json import MessageRefused, Reader

MARK = "SHEBAO-PARTNER-1"
KEY, TIME, SIGNATURE = "Partner-Key", "Partner-Time", "Partner-Signature"
WINDOW = timedelta(minutes=5)
SEQUENCE_MAX = 10**15


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message. Sent again, its content is the same byte for byte; only instant and signature are new.

    sequence: counts up for each new message of a sender; gaps are allowed. day: the business day the sender sent it for.
    """

    sender: str
    message: UUID
    sequence: int
    day: date
    body: Mapping[str, Any]

    def content(self) -> bytes:
        told = {"sender": self.sender, "message": str(self.message), "sequence": self.sequence, "day": self.day.isoformat()}
        return strict_json.dump({**told, "body": self.body})


@dataclass(frozen=True, slots=True)
class Head:
    """Who says to have signed, when, and the signature."""

    key_id: str
    time: str
    signature: bytes


def read_envelope(content: bytes) -> Envelope:
    """Raises: MessageRefused."""
    reader = Reader(strict_json.load(content))
    made = Envelope(
        reader.token("sender", 30), reader.uuid("message"), reader.whole("sequence", 1, SEQUENCE_MAX), reader.day("day"), _body(reader)
    )
    reader.done()
    return made


def _body(reader: Reader) -> dict[str, Any]:
    return dict(reader.inner("body").rest())


def sign_request(key: OwnKey, method: str, path: str, content: bytes, *, at: datetime) -> dict[str, str]:
    """The headers of a request. at: the true instant, whatever day the hall believes to have."""
    return _headers(key, at, [method.upper(), path], content)


def sign_answer(key: OwnKey, status: int, message: UUID | None, content: bytes, *, at: datetime) -> dict[str, str]:
    """The headers of an answer to a message (None: it could not be read)."""
    return _headers(key, at, ["ANSWER", str(status), str(message or "-")], content)


def verify_request(
    keys: Sequence[PublicKey], headers: Mapping[str, str], method: str, path: str, content: bytes, *, at: datetime
) -> PublicKey:
    """The key that signed a request. Raises: MessageRefused."""
    return _verify(keys, headers, [method.upper(), path], content, at)


def verify_answer(
    keys: Sequence[PublicKey], headers: Mapping[str, str], status: int, message: UUID, content: bytes, *, at: datetime
) -> PublicKey:
    """The key that signed the answer to one of our messages. Raises: MessageRefused."""
    return _verify(keys, headers, ["ANSWER", str(status), str(message)], content, at)


def _headers(key: OwnKey, at: datetime, about: list[str], content: bytes) -> dict[str, str]:
    time = at.astimezone(UTC).isoformat(timespec="milliseconds")
    signature = key.sign(_canonical(about, time, key.public.key_id, content))
    return {KEY: key.public.key_id, TIME: time, SIGNATURE: base64.b64encode(signature).decode()}


def _canonical(about: list[str], time: str, key_id: str, content: bytes) -> bytes:
    return "\n".join([MARK, *about, time, key_id, hashlib.sha256(content).hexdigest()]).encode()


def _verify(keys: Sequence[PublicKey], headers: Mapping[str, str], about: list[str], content: bytes, at: datetime) -> PublicKey:
    head = _head(headers)
    key = next((key for key in keys if key.key_id == head.key_id), None)
    if key is None:
        raise MessageRefused("TAX-05", f"没有登记编号为 {head.key_id[:16]} 的公钥，请先交换公钥", 401)
    if not key.verifies(head.signature, _canonical(about, head.time, head.key_id, content)):
        raise MessageRefused("TAX-07", "签名与报文不符，没有处理；请核对密钥、地址和报文内容", 401)
    # Only now: nobody learns from our clock whether a signature is right.
    if abs(at - datetime.fromisoformat(head.time)) > WINDOW:
        minutes = int(WINDOW.total_seconds()) // 60
        raise MessageRefused("TAX-06", f"签名时刻与本方时钟相差超过 {minutes} 分钟，没有处理；请校准时钟后重新签名发送", 401)
    return key


def _head(headers: Mapping[str, str]) -> Head:
    key_id, time, signature = (headers.get(name, "") for name in (KEY, TIME, SIGNATURE))
    try:
        raw = base64.b64decode(signature, validate=True)
        whole = (
            len(raw) == 64
            and base64.b64encode(raw).decode() == signature
            and len(time) <= 40
            and datetime.fromisoformat(time).tzinfo is not None
        )
    except (ValueError, binascii.Error):
        whole = False
    if not whole or not key_id:
        raise MessageRefused("TAX-04", f"缺少签名，或签名不完整（{KEY}、{TIME}、{SIGNATURE}），没有处理", 401)
    return Head(key_id, time, raw)
