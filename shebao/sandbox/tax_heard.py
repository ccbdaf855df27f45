"""The tax office hears the hall: signatures checked, each message once, answers signed. What a message says is in gateways/tax.py."""

import hashlib
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shebao.gateways import signed, strict_json
from shebao.gateways import tax as codec
from shebao.gateways.partner_keys import keys_of, own_key
from shebao.gateways.signed import Envelope
from shebao.gateways.strict_json import MessageRefused
from shebao.sandbox import tax_books, trouble
from shebao.sandbox.store import Store
from shebao.sandbox.trouble import Switch, Trouble
from shebao.sandbox.web import Answer, Request

HALL = "shebao"
OF_DAYS = (Trouble.LATE, Trouble.TRUNCATED, Trouble.WRONG_TOTALS, Trouble.DIGIT, Trouble.OUT_OF_ORDER)

SCHEMA = """
create table if not exists heard (
  message text primary key, sequence integer not null, day text not null, digest text not null, path text not null, status integer not null,
  answer blob not null, unique (day, sequence)
) without rowid;
"""


class Hearing:
    """Takes the hall's messages into the store of the tax office."""

    def __init__(self, store: Store, keys: Path) -> None:
        self._store = store
        self._keys = keys

    def hear(self, request: Request) -> Answer:
        """One signed request and its signed answer; the answer to a message heard before is the same, and nothing is done again."""
        spoil: Switch | None = None
        envelope: Envelope | None = None
        try:
            at = datetime.now(UTC)
            headers = {name.title(): value for name, value in request.headers.items()}
            signed.verify_request(keys_of(self._keys, HALL), headers, request.method, request.path, request.body, at=at)
            envelope = signed.read_envelope(request.body)
            if envelope.sender != HALL:
                raise MessageRefused("TAX-12", "发送方与密钥的主人不符，没有处理", 403)
            with self._store.change() as link:
                if request.path == codec.ASKED_DAY:
                    spoil = trouble.take(link, "day", OF_DAYS)
                status, content = self._once(link, request.path, envelope, request.body, spoil)
        except MessageRefused as error:
            status, content = error.status, _problem(error)
        return self._answer(status, content, envelope, spoil)

    def _once(self, link: sqlite3.Connection, path: str, envelope: Envelope, content: bytes, spoil: Switch | None) -> tuple[int, bytes]:
        digest, message = hashlib.sha256(content).hexdigest(), str(envelope.message)
        if spoil is not None and spoil.kind is Trouble.LATE:
            return 503, _problem(MessageRefused("TAX-16", "当日清单还没有生成，请稍后再取", 503))  # not raised: the switch is used up
        known = link.execute("select * from heard where message = ?", [message]).fetchone()
        if known is not None and path not in (codec.ASKED_DAY, codec.ASKED_STATES):
            if known["digest"] != digest:
                raise MessageRefused("TAX-08", "这个报文编号已用于内容不同的报文，没有处理；请用新的报文编号发送", 409)
            return known["status"], known["answer"]
        if known is None:
            taken = link.execute("select 1 from heard where day = ? and sequence = ?", [envelope.day.isoformat(), envelope.sequence])
            if taken.fetchone():
                raise MessageRefused("TAX-09", "这一天的这个序号已用于另一个报文，没有处理", 409)
        status, answer = 200, strict_json.dump(_done(link, path, envelope.body, spoil))
        link.execute(
            "insert or replace into heard (message, sequence, day, digest, path, status, answer) values (?, ?, ?, ?, ?, ?, ?)",
            [message, envelope.sequence, envelope.day.isoformat(), digest, path, status, answer],
        )
        return status, answer

    def _answer(self, status: int, content: bytes, envelope: Envelope | None, spoil: Switch | None) -> Answer:
        message = envelope.message if envelope else None
        headers = signed.sign_answer(own_key(self._keys), status, message, content, at=datetime.now(UTC))
        if spoil is not None and status == 200:  # what happens on the way, after it was signed
            chance = trouble.chance_of(spoil.seed, str(message))
            if spoil.kind is Trouble.TRUNCATED:
                content = trouble.truncated(content, chance)
            elif spoil.kind is Trouble.DIGIT:
                content = trouble.one_digit(content, chance, rb'_fen":[0-9]+')
        kind = "application/json" if status == 200 else "application/problem+json"
        return Answer(status, content, kind, headers)


def _done(link: sqlite3.Connection, path: str, body: Mapping[str, Any], spoil: Switch | None) -> dict[str, Any]:
    if path == codec.BILLS:
        return codec.outcomes_body(tax_books.take_bills(link, codec.read_bills(body)))
    if path == codec.RECALLS:
        return codec.outcomes_body(tax_books.take_recalls(link, codec.read_recalls(body)))
    if path == codec.ASKED_STATES:
        return codec.states_told_body(tax_books.states_of(link, codec.read_states_asked(body)))
    told = tax_books.day_list(link, codec.read_day_asked(body)).told()
    if spoil is not None and spoil.kind is Trouble.WRONG_TOTALS:
        told["total_fen"] += 1
    if spoil is not None and spoil.kind is Trouble.OUT_OF_ORDER:
        told["lines"].reverse()
    return told


def _problem(error: MessageRefused) -> bytes:
    return strict_json.dump({"status": error.status, "code": error.code, "title": error.text})
