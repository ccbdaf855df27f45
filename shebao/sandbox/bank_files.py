"""The bank takes debit and payout files and answers them: each read strictly, in order, once; money moves all or nothing a line."""

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import date, datetime

import numpy as np

from shebao.base.errors import ShebaoError
from shebao.gateways import bank as codec
from shebao.gateways.bank import BankFile, BankFileRefused, Header, Kind, name_bytes, same_name
from shebao.sandbox import bank_books
from shebao.sandbox.bank_books import Account, demo_balance_fen
from shebao.sandbox.process import kept, next_number

SHORT, NO_ACCOUNT, FROZEN, OTHER_NAME, NOT_SIGNED = "11", "12", "13", "14", "15"
ANSWERS = {Kind.DEBIT: Kind.DEBIT_RESULT, Kind.PAYOUT: Kind.PAYOUT_RESULT}

SCHEMA = """
create table if not exists file (
  id integer primary key, kind text not null, batch text not null, sender text not null, receiver text not null,
  day text not null, order_ integer not null,
  sha256 text not null unique, content blob not null,
  state text not null check (state in ('early', 'taken', 'answered')), name text not null,
  unique (kind, batch), unique (sender, receiver, day, order_)
);
create table if not exists agreement (
  number text primary key, account text not null, name text not null,
  state text not null check (state in ('signed', 'ended')), day text not null
) without rowid;
"""


class FileRefused(ShebaoError):
    """The bank does not take a file; nothing of it was done. `code` is the reader's or ours."""

    status = 422

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def take(
    link: sqlite3.Connection,
    content: bytes,
    kind: Kind,
    name: str,
    *,
    receivers: Sequence[str],
    sender: str,
    public_key: bytes,
    today: date,
) -> str:
    """Keep a file to be worked on: 'taken', 'early' (an earlier one of its day is missing: it waits), 'known' (the same bytes came before).

    Raises: FileRefused.
    """
    digest = hashlib.sha256(content).hexdigest()
    if link.execute("select 1 from file where sha256 = ?", [digest]).fetchone():
        return "known"
    try:
        receiver = codec.peek(content).receiver
        receiver = receiver if receiver in receivers else receivers[0]
        header = codec.read(content, kind, sender=sender, receiver=receiver, public_key=public_key, today=today).header
    except BankFileRefused as error:
        raise FileRefused(error.code, error.text) from error
    if link.execute("select 1 from file where kind = ? and batch = ?", [kind.value, header.batch]).fetchone():
        raise FileRefused("SBX-24", f"批次 {header.batch} 已经受理，这个文件内容不同；没有扣款，请与社保经办机构核对")
    day = header.day.isoformat()
    line = [sender, receiver, day]
    if link.execute("select 1 from file where sender = ? and receiver = ? and day = ? and order_ = ?", [*line, header.order]).fetchone():
        raise FileRefused("SBX-25", f"{day} 的第 {header.order} 个文件已经收到，这个文件用了同一个序号；没有扣款，请重新编号")
    link.execute(
        """
        insert into file (kind, batch, sender, receiver, day, order_, sha256, content, state, name)
        values (?, ?, ?, ?, ?, ?, ?, ?, 'early', ?)
        """,
        [kind.value, header.batch, *line, header.order, digest, content, name],
    )
    _in_order(link, line)
    return str(link.execute("select state from file where sha256 = ?", [digest]).fetchone()[0])


def _in_order(link: sqlite3.Connection, line: list[str]) -> None:
    """Files of a day are worked on from 001 on without gaps; one that came before its turn waits. line: sender, receiver, day."""
    same = "sender = ? and receiver = ? and day = ?"
    orders = [row[0] for row in link.execute(f"select order_ from file where {same} order by order_", line)]
    last = next((i for i, order in enumerate(orders) if order != i + 1), len(orders))
    link.execute(f"update file set state = 'taken' where {same} and order_ <= ? and state = 'early'", [*line, last])


def next_file(link: sqlite3.Connection) -> sqlite3.Row | None:
    """The first that was not answered yet."""
    row: sqlite3.Row | None = link.execute("select * from file where state = 'taken' order by day, order_, id limit 1").fetchone()
    return row


def opened(row: sqlite3.Row, public_key: bytes, today: date) -> BankFile:
    """A file that was taken, read again."""
    kind = Kind(row["kind"])
    return codec.read(bytes(row["content"]), kind, sender=row["sender"], receiver=row["receiver"], public_key=public_key, today=today)


def work_off(link: sqlite3.Connection, row: sqlite3.Row, *, fund: str, key: bytes, public_key: bytes, at: datetime) -> tuple[str, bytes]:
    """Move the money of one file and write its answer: (name, content). In one transaction with whatever the caller adds.

    key: private, of the bank.  public_key: of the sender.
    """
    kind, today = Kind(row["kind"]), at.date()
    file = opened(row, public_key, today)
    results, taken = (_debit if kind is Kind.DEBIT else _pay_out)(link, file, fund, int(kept(link, "seed", "1")), at)
    link.execute("update file set state = 'answered' where id = ?", [row["id"]])
    return answer(link, file, results, taken, part=1, key=key, today=today)


def answer(
    link: sqlite3.Connection, file: BankFile, results: list[str], taken: list[int], *, part: int, key: bytes, today: date,
    only: list[int] | None = None,
) -> tuple[str, bytes]:  # fmt: skip
    """A result file about the lines of a file (only: these), in the order of the file."""
    lines = np.array(range(len(file)) if only is None else only, np.int64)
    columns = {name: file.columns[name][lines] for name in ("sequence", "number", "account", "name", "amount")}
    serials = [f"{today:%y%m%d}{next_number(link, 'bank serial'):010d}" if results[i] == codec.SUCCESS else "" for i in lines]
    columns |= {
        "result": np.array([results[i].encode() for i in lines], "S2"),
        "taken": np.array([taken[i] for i in lines], np.int64),
        "day": np.full(len(lines), today.year * 10000 + today.month * 100 + today.day, np.int64),
        "serial": np.array([serial.encode() for serial in serials], "S16"),
    }
    asked = file.header
    order = next_number(link, f"order {asked.receiver} {today.isoformat()}")
    header = Header(ANSWERS[asked.kind], asked.receiver, asked.sender, asked.batch, today, order, part)
    return f"{header.kind.value}_{asked.batch}_{part:02d}.txt", codec.write(header, columns, key)


def retry(
    link: sqlite3.Connection, row: sqlite3.Row, *, fund: str, key: bytes, public_key: bytes, at: datetime
) -> tuple[str, bytes] | None:
    """Try once more what failed in a debit batch; the later successes go into a further part. None when nothing more could be taken."""
    file = opened(row, public_key, at.date())
    lines = _lines(file)
    batch = f"debit:{file.header.batch}"
    taken_before = """
        select m.reference from movement m join entry e on e.id = m.entry where m.kind = 'debit' and (e.key = ? or e.key like ? || ':%')
    """
    done = {found["reference"] for found in link.execute(taken_before, [batch, batch])}
    standing = bank_books.accounts(link, {line[1] for line in lines})
    late, legs = [], []
    for i, (number, account, name, amount) in enumerate(lines):
        if number not in done and not _judged(standing.get(account), None, account, name) and standing[account].balance_fen >= amount:
            late.append(i)
            legs.append((account, -amount, standing[account].balance_fen - amount, fund, "社会保险费批扣", "debit", number, "批扣补扣"))
    if not late:
        return None
    part = next_number(link, f"part {row['kind']} {file.header.batch}") + 1
    balances = {str(leg[0]): int(str(leg[2])) for leg in legs}
    said = ("debit-batch", file.header.batch, "批扣补扣")
    bank_books.book_batch(
        link, f"debit:{file.header.batch}:{part}", legs, balances, fund, said, text=f"批扣补扣 {file.header.batch}", at=at
    )
    results, taken = [codec.SUCCESS] * len(lines), [line[3] for line in lines]
    return answer(link, file, results, taken, part=part, key=key, today=at.date(), only=late)


def _debit(link: sqlite3.Connection, file: BankFile, fund: str, seed: int, at: datetime) -> tuple[list[str], list[int]]:
    """Take each line's whole amount or nothing; the fund gets the sum in one movement that bears the batch's number."""
    lines = _lines(file)
    standing = bank_books.accounts(link, {line[1] for line in lines})
    signed = {row["number"]: row for row in link.execute("select * from agreement")}
    standing |= _opened(link, [line for line in lines if line[1] not in standing and line[0] not in signed], seed, at)
    balances = {number: account.balance_fen for number, account in standing.items()}
    results, taken, rows = [], [], []
    for number, account, name, amount in lines:
        result = _judged(standing.get(account), signed.get(number), account, name)
        if not result and balances[account] < amount:
            result = SHORT
        results.append(result or codec.SUCCESS)
        taken.append(0 if result else amount)
        if not result:
            balances[account] -= amount
            rows.append((account, -amount, balances[account], fund, "社会保险费批扣", "debit", number, f"批扣 {file.header.batch}"))
    bank_books.book_batch(
        link,
        f"debit:{file.header.batch}",
        rows,
        balances,
        fund,
        ("debit-batch", file.header.batch, "批扣"),
        text=f"批扣 {file.header.batch}",
        at=at,
    )
    return results, taken


def _lines(file: BankFile) -> list[tuple[str, str, bytes, int]]:
    return [
        (number.decode(), account.decode(), name, amount)
        for number, account, name, amount in zip(
            *(file.columns[field].tolist() for field in ("number", "account", "name", "amount")), strict=True
        )
    ]


def _opened(link: sqlite3.Connection, lines: list[tuple[str, str, bytes, int]], seed: int, at: datetime) -> dict[str, Account]:
    """Accounts and agreements that a demo city has and we have not heard of: opened on demand, with what their number says they hold."""
    fresh: dict[str, tuple[str, bytes]] = {}
    for number, account, name, _ in lines:
        fresh.setdefault(account, (number, name))
    if not fresh:
        return {}
    rows = []
    for account, (_, name) in fresh.items():
        bank_books.add_account(link, account, name.decode(codec.ENCODING, "replace"), "", "person", at.date())
        if fen := demo_balance_fen(account, seed):
            rows.append(bank_books.Leg(bank_books.OUTSIDE, account, fen, "opening", "", "开户存入"))
    bank_books.book(link, f"opened:{at.isoformat()}:{min(fresh)}", rows, text="按需开户", day=at.date(), at=at)
    link.executemany(
        "insert or ignore into agreement (number, account, name, state, day) values (?, ?, ?, 'signed', ?)",
        [(number, account, name.decode(codec.ENCODING, "replace"), at.date().isoformat()) for number, account, name, _ in lines],
    )
    return bank_books.accounts(link, fresh)


def _judged(account: Account | None, agreement: sqlite3.Row | None, number: str, name: bytes) -> str:
    """Why nothing may be taken from an account, '' when it may."""
    if account is None or account.state == "closed":
        return NO_ACCOUNT
    if account.state == "frozen":
        return FROZEN
    if agreement is not None and (agreement["state"] != "signed" or agreement["account"] != number):
        return NOT_SIGNED
    return "" if same_name(name, name_bytes(account.holder)) else OTHER_NAME


def _pay_out(link: sqlite3.Connection, file: BankFile, fund: str, seed: int, at: datetime) -> tuple[list[str], list[int]]:
    """Pay each line from the fund: one movement a line on its statement, with the number of the refund."""
    lines = _lines(file)
    standing = bank_books.accounts(link, {line[1] for line in lines})
    results, taken, legs = [], [], []
    left = bank_books.account(link, fund).balance_fen
    for number, account, name, amount in lines:
        known = standing.get(account)
        if known is None:  # an account elsewhere: the money leaves our small world through it
            bank_books.add_account(link, account, name.decode(codec.ENCODING, "replace"), "", "person", at.date())
        result = _judged(known, None, account, name) if known else ""
        if not result and left < amount:
            result = SHORT
        results.append(result or codec.SUCCESS)
        taken.append(0 if result else amount)
        if not result:
            left -= amount
            legs.append(bank_books.Leg(fund, account, amount, "payout", number, f"退费 {number}"))
    bank_books.book(link, f"payout:{file.header.batch}", legs, text=f"退费付款 {file.header.batch}", day=at.date(), at=at)
    return results, taken
