"""The tax office's own books: bills as pushed, payments taken, what was handed over. SQLite; amounts are fen."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shebao.base.errors import ShebaoError
from shebao.gateways import tax as codec
from shebao.gateways.tax import DayAsked, DayLine, DayList, Outcome, Paid, Recall, State, TaxBill
from shebao.sandbox.days import add_working_days
from shebao.sandbox.process import next_number

HAND_OVER_DAYS = {"app": 1, "counter": 1, "bank": 3}  # working days until the fund's account has it (seed 003)

SCHEMA = """
create table if not exists bill (
  number text primary key, version integer not null, content text not null, recalled integer not null default 0,
  total_fen integer not null, elsewhere_fen integer not null, taken_fen integer not null default 0 check (taken_fen >= 0)
) without rowid;
create table if not exists payment (
  serial text primary key, bill text not null, amount_fen integer not null check (amount_fen > 0), channel text not null,
  account text not null, holder text not null, day text not null, paid_at text not null,
  state text not null check (state in ('intended', 'paid', 'failed', 'reversing', 'reversed')), reason text not null default '',
  due_on text not null, handed_over text not null default '', message text not null default '',
  reversal text not null default '', reversed_at text not null default '', reversal_message text not null default ''
) without rowid;
create index if not exists payment_bill on payment (bill);
create index if not exists payment_day on payment (day, serial);
create index if not exists payment_open on payment (state, due_on);
"""


class NoSuchBill(ShebaoError):
    """No bill of this number was pushed."""

    code = "SBX-30"
    status = 404

    def __init__(self, number: str) -> None:
        super().__init__(f"税务沙箱没有收到核定单“{number[:20]}”：单号可能输错，或社保经办机构还没有传来，请核对后稍候再试")


class NotPayable(ShebaoError):
    """Nothing is to be paid on it, or not so much."""

    code = "SBX-31"


class NoSuchPayment(ShebaoError):
    """No payment has this 税票号, or it cannot be reversed any more."""

    code = "SBX-32"
    status = 404


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill as the tax office has it now."""

    pushed: TaxBill
    recalled: bool
    taken_fen: int

    @property
    def payable_fen(self) -> int:
        return 0 if self.recalled else max(0, self.pushed.total_fen - self.pushed.elsewhere_fen - self.taken_fen)

    @property
    def state(self) -> str:
        if self.recalled:
            return "recalled"
        if self.taken_fen and not self.payable_fen:
            return "paid"
        return "part_paid" if self.taken_fen else "waiting"


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment: intended until the bank has moved the money, then paid; failed when the bank would not."""

    serial: str
    bill: str
    amount_fen: int
    channel: str
    account: str
    holder: str
    day: date
    paid_at: datetime
    state: str
    reason: str
    due_on: date
    handed_over: str

    def told(self) -> Paid:
        return Paid(self.serial, self.bill, self.amount_fen, self.paid_at, self.channel)


def take_bills(link: sqlite3.Connection, bills: Sequence[TaxBill]) -> list[Outcome]:
    """Keep the highest version of each; one that comes late changes nothing. A version above a recall brings the bill back."""
    for bill in bills:
        link.execute(
            """
            insert into bill (number, version, content, total_fen, elsewhere_fen) values (?, ?, ?, ?, ?)
            on conflict (number) do update set version = excluded.version, content = excluded.content, recalled = 0,
              total_fen = excluded.total_fen, elsewhere_fen = excluded.elsewhere_fen where excluded.version > bill.version
            """,
            [bill.number, bill.version, json.dumps(bill.told(), ensure_ascii=False), bill.total_fen, bill.elsewhere_fen],
        )
    return [Outcome(bill.number, bill.version, "accepted") for bill in bills]


def take_recalls(link: sqlite3.Connection, recalls: Sequence[Recall]) -> list[Outcome]:
    """Take bills back that nothing was paid on and nothing is being paid on; the others stand."""
    outcomes = []
    for recall in recalls:
        row = link.execute("select version, taken_fen from bill where number = ?", [recall.number]).fetchone()
        if row is None:
            outcomes.append(Outcome(recall.number, recall.version, "unknown"))
            continue
        being_paid = link.execute("select 1 from payment where bill = ? and state = 'intended'", [recall.number]).fetchone()
        if row["taken_fen"] or being_paid:
            outcomes.append(Outcome(recall.number, recall.version, "paid"))
            continue
        link.execute(
            "update bill set recalled = 1, version = ? where number = ? and version < ?", [recall.version, recall.number, recall.version]
        )
        outcomes.append(Outcome(recall.number, recall.version, "recalled"))
    return outcomes


def states_of(link: sqlite3.Connection, numbers: Sequence[str]) -> list[State]:
    """As asked for, also of those nobody pushed."""
    found = []
    for number in numbers:
        try:
            standing = bill(link, number)
        except NoSuchBill:
            found.append(State(number, 0, "unknown", 0))
        else:
            version = link.execute("select version from bill where number = ?", [number]).fetchone()[0]
            found.append(State(number, version, standing.state, standing.taken_fen))
    return found


def bill(link: sqlite3.Connection, number: str) -> Bill:
    """Raises: NoSuchBill."""
    row = link.execute("select * from bill where number = ?", [number]).fetchone()
    if row is None:
        raise NoSuchBill(number)
    return _bill(row)


def bills(link: sqlite3.Connection, most: int = 200) -> list[Bill]:
    """Those that something is to be paid on, in the order of their numbers."""
    rows = link.execute(
        "select * from bill where recalled = 0 and total_fen - elsewhere_fen > taken_fen order by number limit ?", [most]
    ).fetchall()
    return [_bill(row) for row in rows]


def _bill(row: sqlite3.Row) -> Bill:
    content: dict[str, Any] = json.loads(row["content"])
    pushed = codec.read_bills({"bills": [content], "count": 1, "total_fen": content["total_fen"]})[0]
    return Bill(pushed, bool(row["recalled"]), row["taken_fen"])


def intend(
    link: sqlite3.Connection, number: str, amount_fen: int | None, *, channel: str, account: str, holder: str, at: datetime, force: bool
) -> Payment:
    """Begin a payment; no money has moved yet. amount_fen None: what is to be paid. force: also what nobody owes (trouble wanted).

    Raises: NoSuchBill, NotPayable.
    """
    if force and amount_fen:
        payable = amount_fen  # also for a bill that does not exist here
    else:
        standing = bill(link, number)
        pending = link.execute("select coalesce(sum(amount_fen), 0) from payment where bill = ? and state = 'intended'", [number])
        payable = standing.payable_fen - pending.fetchone()[0]
        if standing.recalled:
            raise NotPayable(f"核定单 {number} 已被社保经办机构撤回，不能缴费；请按新的核定单号缴费")
        if payable <= 0:
            raise NotPayable(f"核定单 {number} 没有待缴金额，不必再缴")
        if amount_fen is not None and amount_fen > payable:
            raise NotPayable(f"核定单 {number} 待缴 {payable // 100}.{payable % 100:02d} 元，不能多缴")
    day = at.date()
    serial = f"S{day:%Y%m%d}{next_number(link, 'serial'):08d}"
    made = Payment(
        serial, number, amount_fen or payable, channel, account, holder, day, at, "intended", "",
        add_working_days(day, HAND_OVER_DAYS[channel]), "",
    )  # fmt: skip
    link.execute(
        "insert into payment (serial, bill, amount_fen, channel, account, holder, day, paid_at, state, due_on) "
        "values (?, ?, ?, ?, ?, ?, ?, ?, 'intended', ?)",
        [
            serial,
            number,
            made.amount_fen,
            channel,
            account,
            holder,
            day.isoformat(),
            at.isoformat(timespec="seconds"),
            made.due_on.isoformat(),
        ],
    )
    return made


def settle(link: sqlite3.Connection, serial: str, *, paid: bool, reason: str = "") -> None:
    """The bank has moved the money, or will not. Again: nothing."""
    done = link.execute(
        "update payment set state = ?, reason = ? where serial = ? and state = 'intended' returning bill, amount_fen",
        ["paid" if paid else "failed", reason, serial],
    ).fetchone()
    if done and paid:
        link.execute("update bill set taken_fen = taken_fen + ? where number = ?", [done["amount_fen"], done["bill"]])


def payment(link: sqlite3.Connection, serial: str) -> Payment:
    """Raises: NoSuchPayment."""
    row = link.execute("select * from payment where serial = ?", [serial]).fetchone()
    if row is None:
        raise NoSuchPayment(f"税务沙箱没有税票号“{serial[:40]}”，请核对")
    return _payment(row)


def payments(link: sqlite3.Connection, where: str, values: Sequence[object], most: int = 1000) -> list[Payment]:
    """By a condition of our own, in the order of their serials."""
    return [_payment(row) for row in link.execute(f"select * from payment where {where} order by serial limit {most}", values)]


def _payment(row: Mapping[str, Any]) -> Payment:
    return Payment(
        row["serial"], row["bill"], row["amount_fen"], row["channel"], row["account"], row["holder"], date.fromisoformat(row["day"]),
        datetime.fromisoformat(row["paid_at"]), row["state"], row["reason"], date.fromisoformat(row["due_on"]), row["handed_over"],
    )  # fmt: skip


def reverse(link: sqlite3.Connection, serial: str, *, reason: str, at: datetime) -> None:
    """Begin a 冲正 of a payment that was not handed over yet. Raises: NoSuchPayment, NotPayable."""
    standing = payment(link, serial)
    if standing.state != "paid" or standing.handed_over:
        raise NotPayable(f"税票号 {serial} 不能冲正：{'资金已划转社保收入户' if standing.handed_over else '它不是已缴费状态'}")
    link.execute(
        "update payment set state = 'reversing', reason = ?, reversal = ?, reversed_at = ? where serial = ?",
        [reason, f"R{at:%Y%m%d}{next_number(link, 'reversal'):08d}", at.isoformat(timespec="seconds"), serial],
    )


def settle_reversal(link: sqlite3.Connection, serial: str) -> None:
    """The bank has given the money back. Again: nothing."""
    done = link.execute(
        "update payment set state = 'reversed' where serial = ? and state = 'reversing' returning bill, amount_fen", [serial]
    ).fetchone()
    if done:
        link.execute("update bill set taken_fen = taken_fen - ? where number = ?", [done["amount_fen"], done["bill"]])


def day_list(link: sqlite3.Connection, asked: DayAsked) -> DayList:
    """What was taken on a day, from after a serial on, as the hall asks for it."""
    taken = "day = ? and state in ('paid', 'reversing', 'reversed')"
    found = payments(link, f"{taken} and serial > ?", [asked.day.isoformat(), asked.after], codec.MANY + 1)
    count, total = link.execute(
        f"select count(*), coalesce(sum(amount_fen), 0) from payment where {taken} and state = 'paid'", [asked.day.isoformat()]
    ).fetchone()
    lines = tuple(DayLine(each.told(), each.state != "paid") for each in found[: codec.MANY])
    return DayList(asked.day, count, total, lines, len(found) > codec.MANY)
