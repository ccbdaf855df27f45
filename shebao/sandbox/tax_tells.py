"""The tax office tells the hall of payments and reversals: queued with the state, sent until answered, in order, at least once.

Trouble is drawn when a message is queued and kept with it, so that a killed process goes on with the same trouble.
"""

import sqlite3
import time
from datetime import UTC, date, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from shebao.gateways import signed, strict_json
from shebao.gateways import tax as codec
from shebao.gateways.partner_keys import keys_of, own_key
from shebao.gateways.signed import Envelope
from shebao.gateways.tax import Heard
from shebao.gateways.tax_client import Partner, PartnerAway, PartnerRefused
from shebao.sandbox import tax_books, trouble
from shebao.sandbox.process import next_number
from shebao.sandbox.store import Store
from shebao.sandbox.tax_heard import HALL
from shebao.sandbox.trouble import Trouble

SENDER = "tax"
RETRY_SECONDS_MAX = 20.0
TIMEOUT_SECONDS = 10

SCHEMA = """
create table if not exists outgoing (
  id integer primary key, message text not null unique, path text not null, content blob not null,
  state text not null default 'waiting' check (state in ('waiting', 'answered', 'refused')), copies integer not null default 1,
  spoiled blob, spoiled_message text not null default '', trouble text not null default '', not_before text not null,
  behind integer not null default 0, tries integer not null default 0, next_try real not null default 0, reason text not null default ''
);
create index if not exists outgoing_waiting on outgoing (state, id);
"""


class Telling:
    """The outbox of the tax office."""

    def __init__(self, store: Store, keys: Path, hall_url: str) -> None:
        self._store = store
        self._keys = keys
        self._hall_url = hall_url

    def queue(self, at: datetime) -> bool:
        """Write messages for what nobody was told of yet. False when there is nothing."""
        with self._store.change() as link:
            paid = tax_books.payments(link, "state in ('paid', 'reversing', 'reversed') and message = ''", [], codec.MANY)
            if paid:
                message = _queue(link, "payment", codec.PAYMENTS, codec.payments_body([each.told() for each in paid]), at)
                link.executemany("update payment set message = ? where serial = ?", [(message, each.serial) for each in paid])
            back = link.execute(
                "select * from payment where state = 'reversed' and reversal_message = '' order by serial limit ?", [codec.MANY]
            ).fetchall()
            if back:
                body = codec.reversals_body(
                    [
                        codec.Reversal(
                            row["reversal"], row["serial"], row["amount_fen"], datetime.fromisoformat(row["reversed_at"]), row["reason"]
                        )
                        for row in back
                    ]
                )
                message = _queue(link, "reversal", codec.REVERSALS, body, at)
                link.executemany("update payment set reversal_message = ? where serial = ?", [(message, row["serial"]) for row in back])
        return bool(paid or back)

    def send(self, today: date) -> bool:
        """Send the first message whose turn it is. False when none is due."""
        if not self._hall_url or not keys_of(self._keys, HALL):
            return False
        with self._store.look() as link:
            row = _due(link, today)
        if row is None:
            return False
        if row["spoiled"] is not None:
            self._send_spoiled(row)
        heard: tuple[Heard, ...] | None = None
        state, reason = "answered", ""
        partner = Partner(self._hall_url, own_key(self._keys), keys_of(self._keys, HALL), timeout=TIMEOUT_SECONDS)
        try:
            for _ in range(row["copies"]):
                heard = codec.read_heard(partner.send(row["path"], UUID(row["message"]), row["content"]))
        except PartnerRefused as error:
            state, reason = "refused", f"{error.their_code} {error.text}"
        except (PartnerAway, strict_json.MessageRefused) as error:
            self._again_later(row, error.text)
            return False
        with self._store.change() as link:
            if heard is not None:
                reason = "；".join(f"{each.serial} {each.outcome} {each.reason}".strip() for each in heard)[:2000]
            link.execute("update outgoing set state = ?, reason = ?, tries = tries + 1 where id = ?", [state, reason, row["id"]])
            link.execute("update outgoing set behind = 0 where behind < ? and behind > 0", [row["id"]])
        return True

    def release(self, link: sqlite3.Connection, today: date) -> None:
        """Trouble is over: what was held back may go now."""
        link.execute("update outgoing set not_before = ?, behind = 0, next_try = 0 where state = 'waiting'", [today.isoformat()])

    def _again_later(self, row: sqlite3.Row, reason: str) -> None:
        wait = min(0.5 * 2 ** min(row["tries"], 8), RETRY_SECONDS_MAX)
        with self._store.change() as link:
            link.execute(
                "update outgoing set tries = tries + 1, next_try = ?, reason = ? where id = ?", [time.time() + wait, reason, row["id"]]
            )

    def _send_spoiled(self, row: sqlite3.Row) -> None:
        """Once, before the true message; whatever the answer is, it is kept to be shown, and the true one follows."""
        said = _raw(self._hall_url, row["path"], bytes(row["spoiled"]), _headers_of(self._keys, row))
        with self._store.change() as link:
            link.execute("update outgoing set spoiled = null, reason = ? where id = ?", [said, row["id"]])
            link.execute(
                "insert into event (at, day, what, text) values (?, ?, 'trouble', ?)",
                [datetime.now(UTC).isoformat(), row["not_before"], f"{Trouble(row['trouble']).label}的报文已发出，对方答复：{said}"],
            )


def _headers_of(keys: Path, row: sqlite3.Row) -> dict[str, str]:
    """Signed over what was meant, except where the sender itself states wrong totals."""
    meant = bytes(row["spoiled"] if row["trouble"] == Trouble.WRONG_TOTALS.value else row["content"])
    return signed.sign_request(own_key(keys), "POST", row["path"], meant, at=datetime.now(UTC))


def _queue(link: sqlite3.Connection, kind: str, path: str, body: dict[str, Any], at: datetime) -> str:
    message = uuid4()
    content = Envelope(SENDER, message, next_number(link, "sequence"), at.date(), body).content()
    row_id = link.execute("select coalesce(max(id), 0) + 1 from outgoing").fetchone()[0]

    def wrong() -> bytes:
        """A message of its own: its sender believes in it."""
        return Envelope(SENDER, uuid4(), next_number(link, "sequence"), at.date(), dict(body, total_fen=body["total_fen"] + 1)).content()

    drawn = trouble.fate(
        link, kind, content, row_id=row_id, name=f"{kind}:{row_id}", day=at.date(),
        digit=lambda text, chance: trouble.one_digit(text, chance, rb'_fen":[0-9]+'), wrong_totals=wrong,
    )  # fmt: skip
    link.execute(
        "insert into outgoing (id, message, path, content, copies, spoiled, trouble, not_before, behind) "
        "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [row_id, str(message), path, content, drawn.copies, drawn.spoiled, drawn.word, drawn.not_before.isoformat(), drawn.behind],
    )
    return str(message)


def _due(link: sqlite3.Connection, today: date) -> sqlite3.Row | None:
    """The first one that is not held back. One that waits to be tried again holds the ones behind it, unless it is late on purpose."""
    rows = link.execute("select * from outgoing where state = 'waiting' and not_before <= ? order by id limit 50", [today.isoformat()])
    for row in rows:
        if row["behind"] and row["not_before"] >= today.isoformat():
            continue  # until another one was sent, or the day has ended
        return row if row["next_try"] <= time.time() else None
    return None


def _raw(url: str, path: str, content: bytes, headers: dict[str, str]) -> str:
    """Post bytes as they are and say what came back."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", parts.path.rstrip("/") + path, content, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        told = strict_json.load(answer.read(strict_json.BYTES_MAX))
        return f"{answer.status} {told.get('code', '')} {told.get('title', '')}".strip()
    except (OSError, HTTPException, strict_json.MessageRefused) as error:
        return f"没有答复（{type(error).__name__}）"
    finally:
        connection.close()
