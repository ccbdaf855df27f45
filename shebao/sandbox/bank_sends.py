"""What the bank sends: result files and statements, queued with the state, put into the hall's folders. Trouble is drawn at queueing."""

import base64
import hashlib
import sqlite3
from datetime import date
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shebao.base import money
from shebao.gateways.bank_client import put_file
from shebao.sandbox import trouble

SCHEMA = """
create table if not exists outgoing (
  id integer primary key, kind text not null, name text not null unique, folder text not null, content blob not null, spoiled blob,
  state text not null default 'waiting' check (state in ('waiting', 'sent')), copies integer not null default 1,
  trouble text not null default '', not_before text not null, behind integer not null default 0, fetched integer not null default 0
);
create index if not exists outgoing_waiting on outgoing (state, id);
"""


def queue(link: sqlite3.Connection, kind: str, folder: str, name: str, content: bytes, *, day: date, key: bytes) -> None:
    """Queue a file for a folder of the exchange, in the transaction that made it. kind: result or statement."""
    row_id = link.execute("select coalesce(max(id), 0) + 1 from outgoing").fetchone()[0]
    wrong = _wrong_statement if kind == "statement" else _wrong_result
    drawn = trouble.fate(
        link, kind, content, row_id=row_id, name=name, day=day, digit=_digit, wrong_totals=lambda: wrong(content, key)
    )  # fmt: skip
    link.execute(
        """
        insert into outgoing (id, kind, name, folder, content, spoiled, copies, trouble, not_before, behind)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [row_id, kind, name, folder, content, drawn.spoiled, drawn.copies, drawn.word, drawn.not_before.isoformat(), drawn.behind],
    )


def send(link: sqlite3.Connection, exchange: Path, today: date) -> bool:
    """Put the first file whose turn it is where the hall looks; in the caller's transaction. A file put twice is the same file.

    The second copy of a doubled file follows when the first was taken away; what the hall refused is sent again as it should have been.
    """
    for row in link.execute("select * from outgoing where state = 'waiting' and not_before <= ? order by id", [today.isoformat()]):
        if row["behind"] and row["not_before"] >= today.isoformat():
            continue  # until the next one was sent, or the day has ended
        put_file(exchange / row["folder"], row["name"], bytes(row["content"] if row["spoiled"] is None else row["spoiled"]))
        link.execute("update outgoing set state = 'sent', copies = copies - 1 where id = ?", [row["id"]])
        link.execute("update outgoing set behind = 0 where behind < ? and behind > 0", [row["id"]])
        return True
    for row in link.execute("select * from outgoing where state = 'sent' and (copies > 0 or spoiled is not null) order by id"):
        folder = exchange / row["folder"]
        if (folder / row["name"]).exists():
            continue
        if row["spoiled"] is not None:
            if not (folder / "rejected" / row["name"]).exists():
                continue  # not told yet what became of it
            link.execute("update outgoing set spoiled = null where id = ?", [row["id"]])
        put_file(folder, row["name"], bytes(row["content"]))
        link.execute("update outgoing set copies = max(copies - 1, 0) where id = ?", [row["id"]])
        return True
    return False


def send_again(link: sqlite3.Connection, name: str) -> bool:
    """重发: the true file once more, as after a call. False when there is none of this name."""
    changed = link.execute("update outgoing set state = 'waiting', copies = 1, spoiled = null, behind = 0 where name = ?", [name])
    return changed.rowcount > 0


def fetch(link: sqlite3.Connection, name: str, today: date) -> bytes | None:
    """What an HTTP caller gets for a file: spoiled the first time where trouble is on it; None while it is not there yet."""
    row = link.execute("select * from outgoing where name = ?", [name]).fetchone()
    if row is None or row["not_before"] > today.isoformat() or (row["behind"] and row["not_before"] >= today.isoformat()):
        return None
    link.execute("update outgoing set fetched = fetched + 1 where id = ?", [row["id"]])
    return bytes(row["content"] if row["spoiled"] is None or row["fetched"] else row["spoiled"])


def release(link: sqlite3.Connection, today: date) -> None:
    """Trouble is over: what was held back may go now."""
    link.execute("update outgoing set not_before = ?, behind = 0 where state = 'waiting'", [today.isoformat()])


def _digit(content: bytes, chance: Random) -> bytes:
    """One digit of a record becomes another one: not in the first line, not in the last."""
    first = content.index(b"\n") + 1
    last = content.rstrip(b"\r\n").rindex(b"\n") + 1
    if not any(48 <= byte <= 57 for byte in content[first:last]):  # a day without movements has its head only
        first = 0
    return content[:first] + trouble.one_digit(content[first:last], chance) + content[last:]


def _wrong_result(content: bytes, key: bytes) -> bytes:
    """The totals of header and trailer a fen more than the lines; digest and signature are right, as if the bank believed in it."""
    wide = content.index(b"\n") + 1
    lines = [content[i : i + wide] for i in range(0, len(content), wide)]
    header, body, trailer = lines[0], lines[1:-2], lines[-2]
    end = len(header.rstrip())
    total = f"{int(header[end - 15 : end]) + 1:015d}".encode()
    header = header[: end - 15] + total + header[end:]
    digest = hashlib.sha256(header + b"".join(body)).hexdigest().encode()
    trailer = trailer[:8] + total + digest + trailer[8 + 15 + 64 :]
    signature = base64.b64encode(Ed25519PrivateKey.from_private_bytes(key).sign(header + trailer))
    return header + b"".join(body) + trailer + (b"S" + signature).ljust(wide - 1) + b"\n"


def _wrong_statement(content: bytes, key: bytes) -> bytes:
    """The stated sum of what came in, and the closing balance with it, a fen more than the lines; the digest is right."""
    head, rest = content.split(b"\r\n", 1)
    columns = head.decode("gb18030").split("|")
    for at in (6, 8):
        columns[at] = money.yuan(money.fen(columns[at]) + 1)
    body = "|".join(columns).encode("gb18030") + b"\r\n" + rest[: rest.rindex("#摘要|".encode("gb18030"))]
    return body + f"#摘要|{hashlib.sha256(body).hexdigest()}\r\n".encode("gb18030")
