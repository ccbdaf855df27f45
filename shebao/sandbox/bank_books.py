"""The bank's own books: accounts and movements in SQLite, double entry, append-only. A key is booked once, whoever asks how often.

Money comes into this small world from the account of the outside (库存现金), which alone may be overdrawn. All amounts are fen.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown

OUTSIDE = "0000000000000001"  # 库存现金
COLLECTED = "0000000000000101"  # 待报解社会保险费: what the tax office has taken in and not yet handed over
DEMO_FEN_MAX = 1_000_000_00
_NUMBER = re.compile(r"[0-9]{8,32}\Z", re.ASCII)

SCHEMA = """
create table if not exists account (
  number text primary key, holder text not null, document text not null default '', kind text not null,
  state text not null default 'open' check (state in ('open', 'frozen', 'closed')),
  balance_fen integer not null default 0, opened_on text not null,
  check (balance_fen >= 0 or kind = 'outside')
) without rowid;
create table if not exists entry (
  id integer primary key, key text not null unique, day text not null, at text not null, text text not null, digest text not null
);
create table if not exists movement (
  id integer primary key, entry integer not null references entry, account text not null references account,
  amount_fen integer not null check (amount_fen <> 0), balance_fen integer not null, counter text not null, counter_name text not null,
  kind text not null, reference text not null, text text not null
);
create index if not exists movement_account on movement (account, id);
create index if not exists movement_entry on movement (entry);
create trigger if not exists entry_stays before update on entry begin select raise(abort, 'an entry stays as it is'); end;
create trigger if not exists entry_kept before delete on entry begin select raise(abort, 'an entry is kept'); end;
create trigger if not exists movement_stays before update on movement begin select raise(abort, 'a movement stays as it is'); end;
create trigger if not exists movement_kept before delete on movement begin select raise(abort, 'a movement is kept'); end;
"""


class NoSuchAccount(ShebaoError):
    """The bank does not know the number."""

    code = "SBX-20"
    status = 404

    def __init__(self, number: str) -> None:
        super().__init__(f"沙箱银行没有账号“{number[:32]}”，请核对")


class BadAccountNumber(ShebaoError):
    """No account could have this number."""

    code = "SBX-21"
    status = 422

    def __init__(self) -> None:
        super().__init__("账号应为 8 至 32 位数字，请核对")


class CannotPay(ShebaoError):
    """Too little in the account, or it is closed. `short` tells the two apart."""

    code = "SBX-22"

    def __init__(self, text: str, *, short: bool) -> None:
        super().__init__(text)
        self.short = short


class KeyUsed(ShebaoError):
    """The key of an earlier instruction with another content."""

    code = "SBX-23"

    def __init__(self) -> None:
        super().__init__("这个流水号已用于另一笔业务，没有记账；请换新的流水号")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it stands, fen."""

    number: str
    holder: str
    document: str
    kind: str
    state: str
    balance_fen: int


@dataclass(frozen=True, slots=True)
class Leg:
    """Money from one account to another, fen. reference: what both sides call it (a bill, a line of a batch).

    name: who stands behind it on the other side's statement, where that is not the account's holder.
    """

    source: str
    target: str
    amount_fen: int
    kind: str
    reference: str
    text: str
    name: str = ""


def found(link: sqlite3.Connection, *, fund: str, fund_holder: str, opening_fen: int, day: date, at: datetime) -> None:
    """The bank's first day: the outside, the collecting account, the fund's 收入户 with what it holds. Again: nothing."""
    add_account(link, OUTSIDE, "库存现金", "", "outside", day)
    add_account(link, COLLECTED, "待报解社会保险费", "", "collecting", day)
    add_account(link, fund, fund_holder, "", "fund", day)
    if opening_fen:
        book(link, f"opening:{fund}", [Leg(OUTSIDE, fund, opening_fen, "opening", "", "开户时的余额")], text="期初余额", day=day, at=at)


def add_account(link: sqlite3.Connection, number: str, holder: str, document: str, kind: str, day: date) -> None:
    """Open an account with nothing in it; one that is there stays as it is. Raises: BadAccountNumber."""
    if not _NUMBER.match(number):
        raise BadAccountNumber
    link.execute(
        "insert into account (number, holder, document, kind, opened_on) values (?, ?, ?, ?, ?) on conflict do nothing",
        [number, holder, document, kind, day.isoformat()],
    )


def account(link: sqlite3.Connection, number: str) -> Account:
    """Raises: NoSuchAccount."""
    row = link.execute("select * from account where number = ?", [number]).fetchone()
    if row is None:
        raise NoSuchAccount(number)
    return _account(row)


def accounts(link: sqlite3.Connection, numbers: Iterable[str] | None = None) -> dict[str, Account]:
    """By number; all of them when none are named."""
    if numbers is None:
        rows = link.execute("select * from account order by number").fetchall()
        return {row["number"]: _account(row) for row in rows}
    link.execute("create temp table if not exists wanted (number text primary key)")
    link.execute("delete from wanted")
    link.executemany("insert or ignore into wanted values (?)", ((number,) for number in numbers))
    return {row["number"]: _account(row) for row in link.execute("select account.* from wanted join account using (number)")}


def _account(row: sqlite3.Row) -> Account:
    return Account(row["number"], row["holder"], row["document"], row["kind"], row["state"], row["balance_fen"])


def change_account(link: sqlite3.Connection, number: str, *, state: str, holder: str) -> None:
    """open, frozen (挂失、冻结、止付) or closed (销户); the holder's name. '' leaves either as it is. Raises: NoSuchAccount."""
    known = account(link, number)
    link.execute("update account set state = ?, holder = ? where number = ?", [state or known.state, holder or known.holder, number])


def set_balance(link: sqlite3.Connection, number: str, balance_fen: int, *, key: str, day: date, at: datetime) -> None:
    """Bring or fetch cash until the account holds this much. Raises: NoSuchAccount."""
    differs = balance_fen - account(link, number).balance_fen
    if differs > 0:
        book(link, key, [Leg(OUTSIDE, number, differs, "cash", "", "现金存入")], text="现金存入", day=day, at=at)
    elif differs < 0:
        book(link, key, [Leg(number, OUTSIDE, -differs, "cash", "", "现金支取")], text="现金支取", day=day, at=at)


def demo_balance_fen(number: str, seed: int) -> int:
    """What an account holds that a demo opens on demand: it follows from number and seed. One of ten has less than a yuan."""
    drawn = int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:6], "big")
    return drawn % 100 if drawn % 10 == 0 else 20_000_00 + drawn % DEMO_FEN_MAX


def book(link: sqlite3.Connection, key: str, legs: Sequence[Leg], *, text: str, day: date, at: datetime) -> bool:
    """Book legs under one key, all or none, in the caller's transaction. False when the key was booked before with the same content.

    Raises: KeyUsed, NoSuchAccount, CannotPay.
    """
    digest = hashlib.sha256(repr([(leg.source, leg.target, leg.amount_fen, leg.kind, leg.reference) for leg in legs]).encode()).hexdigest()
    if known := link.execute("select digest from entry where key = ?", [key]).fetchone():
        if known["digest"] != digest:
            raise KeyUsed
        return False
    standing = accounts(link, {number for leg in legs for number in (leg.source, leg.target)})
    balances = {number: found.balance_fen for number, found in standing.items()}
    rows = []
    for leg in legs:
        for number in (leg.source, leg.target):
            if number not in standing:
                raise NoSuchAccount(number)
            if standing[number].state == "closed" or (standing[number].state == "frozen" and number == leg.source):
                raise CannotPay(f"账号 {number} 已销户或冻结", short=False)
        balances[leg.source] -= leg.amount_fen
        balances[leg.target] += leg.amount_fen
        if balances[leg.source] < 0 and standing[leg.source].kind != "outside":
            raise CannotPay(
                f"账户余额 {yuan_shown(balances[leg.source] + leg.amount_fen)} 元，不足 {yuan_shown(leg.amount_fen)} 元", short=True
            )
        for number, other, amount_fen in ((leg.source, leg.target, -leg.amount_fen), (leg.target, leg.source, leg.amount_fen)):
            rows.append(
                (number, amount_fen, balances[number], other, leg.name or standing[other].holder, leg.kind, leg.reference, leg.text)
            )
    inserted = link.execute(
        "insert into entry (key, day, at, text, digest) values (?, ?, ?, ?, ?)", [key, day.isoformat(), at.isoformat(), text, digest]
    ).lastrowid
    link.executemany(
        "insert into movement (entry, account, amount_fen, balance_fen, counter, counter_name, kind, reference, text) "
        f"values ({inserted}, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    link.executemany("update account set balance_fen = ? where number = ?", [(fen, number) for number, fen in balances.items()])
    return True


def book_batch(
    link: sqlite3.Connection, key: str, rows: Sequence[Sequence[object]], balances: Mapping[str, int], target: str,
    said: tuple[str, str, str], *, text: str, at: datetime,
) -> bool:  # fmt: skip
    """Book many debits against one credit. rows: movements of the payers as they go into the table, balances: theirs afterwards.

    said: kind, reference and text of the one credit of the target.
    """
    total = -sum(int(str(row[1])) for row in rows)
    if not total or link.execute("select 1 from entry where key = ?", [key]).fetchone():
        return False
    day, balance = at.date().isoformat(), account(link, target).balance_fen + total
    entry = link.execute(
        "insert into entry (key, day, at, text, digest) values (?, ?, ?, ?, '')", [key, day, at.isoformat(), text]
    ).lastrowid
    insert = f"""insert into movement (entry, account, amount_fen, balance_fen, counter, counter_name, kind, reference, text)
                 values ({entry}, ?, ?, ?, ?, ?, ?, ?, ?)"""
    link.executemany(insert, rows)
    link.execute(insert, [target, total, balance, "", "批扣客户", *said])
    link.executemany("update account set balance_fen = ? where number = ?", [(balances[str(row[0])], row[0]) for row in rows])
    link.execute("update account set balance_fen = ? where number = ?", [balance, target])
    return True


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement of an account, fen; positive: money came in. balance_fen: after it."""

    id: int
    day: date
    amount_fen: int
    balance_fen: int
    counter: str
    counter_name: str
    kind: str
    reference: str
    text: str


def movements(link: sqlite3.Connection, number: str, *, day: date | None = None) -> list[Movement]:
    """In the order booked; of one day, or all."""
    rows = link.execute(
        """
        select m.*, e.day from movement m join entry e on e.id = m.entry where m.account = ? and e.day = coalesce(?, e.day) order by m.id
        """,
        [number, day.isoformat() if day else None],
    )
    return [
        Movement(
            row["id"],
            date.fromisoformat(row["day"]),
            row["amount_fen"],
            row["balance_fen"],
            row["counter"],
            row["counter_name"],
            row["kind"],
            row["reference"],
            row["text"],
        )
        for row in rows
    ]


def balance_before(link: sqlite3.Connection, number: str, day: date) -> int:
    """What an account held when the day began, fen."""
    row = link.execute(
        "select coalesce(sum(m.amount_fen), 0) from movement m join entry e on e.id = m.entry where m.account = ? and e.day < ?",
        [number, day.isoformat()],
    ).fetchone()
    return int(row[0])


def discrepancies(link: sqlite3.Connection) -> list[str]:
    """What is wrong in the books: entries that do not sum to zero, accounts that are not the sum of their movements. Empty when right."""
    entries = link.execute("select entry from movement group by entry having sum(amount_fen) <> 0").fetchall()
    off = link.execute(
        """
        select number from account left join movement on movement.account = account.number group by number
        having account.balance_fen <> coalesce(sum(movement.amount_fen), 0)
        """
    ).fetchall()
    return [f"entry {row[0]}" for row in entries] + [f"account {row[0]}" for row in off]
