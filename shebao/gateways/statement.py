"""银行对账单 of the 收入户's bank: a strict text file in GB18030; described in docs/partners/statement.md.

#对账单|1|账号|日期|序号|期初余额|期末余额|贷方笔数|贷方金额|借方笔数|借方金额
流水号|贷或借|金额|对方户名|附言|记账日期                                (one movement a line)
#摘要|SHA-256 of all bytes before this line, hex
Lines end in CR LF; amounts in yuan with two decimals; no line is left out, none is empty.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from shebao.base import money
from shebao.base.errors import ShebaoError

MARK, TRAILER = "#对账单", "#摘要"
_HEAD = f"首行应为：{MARK}|1|账号|日期|序号|期初余额|期末余额|贷方笔数|贷方金额|借方笔数|借方金额"
_HEAD_COLUMNS = 11
VERSION = "1"
BYTES_MAX = 256 * 1024 * 1024
LINES_MAX = 1_000_000
SEQUENCE_MAX = 999_999
_ACCOUNT = re.compile(r"[0-9]{8,32}\Z", re.ASCII)
_SERIAL = re.compile(r"[0-9A-Za-z-]{1,40}\Z", re.ASCII)
_REFERENCE = re.compile(r"[0-9A-Za-z-]{0,60}\Z", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
_MONEY = re.compile(r"-?[0-9]{1,11}\.[0-9]{2}\Z", re.ASCII)
_COUNT = re.compile(r"(0|[1-9][0-9]{0,6})\Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f|]")


class Direction(str, Enum):
    """贷: money came in; 借: money went out (as the bank sees our account)."""

    CREDIT = "credit"
    DEBIT = "debit"


_WORDS = {Direction.CREDIT: "贷", Direction.DEBIT: "借"}
_DIRECTIONS = {word: direction for direction, word in _WORDS.items()}


class StatementRefused(ShebaoError):
    """The file as a whole is refused; nothing of it was recorded. Each cause has its own code and sentence."""

    status = 422

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Movement:
    """One line: serial is the bank's own; reference (附言) is what the payer's side gave: a 流水号, a batch number, a refund's number."""

    serial: str
    direction: Direction
    amount_fen: int
    counterparty: str
    reference: str
    booked_on: date


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that holds what its head and trailer promise. sequence: 1 for the account's first statement, one more for each next."""

    sha256: bytes
    account: str
    day: date
    sequence: int
    opening_fen: int
    closing_fen: int
    movements: tuple[Movement, ...]

    def sums(self, direction: Direction) -> tuple[int, int]:
        """How many movements of a direction, and fen."""
        found = [m.amount_fen for m in self.movements if m.direction is direction]
        return len(found), sum(found)


@dataclass(frozen=True, slots=True)
class TaxDayRow:
    """One row of the tax office's list of a day's receipts, as the tax protocol hands it over; fen."""

    serial: str
    bill_number: str
    amount_fen: int
    paid_on: date


def read(content: bytes, *, today: date) -> Statement:
    """Read a statement strictly. Raises: StatementRefused."""
    head, rows, digest = _parts(content)
    account, day = _account(head[2]), _day(head[3], 1)
    if day > today:
        raise StatementRefused("STM-06", f"对账单日期 {day} 在今天之后，请核对后重新下载")
    sequence = _count(head[4], "序号")
    if not 1 <= sequence <= SEQUENCE_MAX:
        raise StatementRefused("STM-05", "首行的序号应为 1 到 999999 的整数，请核对后重新下载")
    opening, closing = _amount(head[5], 1), _amount(head[6], 1)
    told = {
        Direction.CREDIT: (_count(head[7], "贷方笔数"), _amount(head[8], 1)),
        Direction.DEBIT: (_count(head[9], "借方笔数"), _amount(head[10], 1)),
    }
    movements = tuple(_movement(i, row, day) for i, row in enumerate(rows, start=2))
    statement = Statement(digest, account, day, sequence, opening, closing, movements)
    for direction, (count, fen) in told.items():
        found_count, found_fen = statement.sums(direction)
        word = _WORDS[direction]
        if found_count != count:
            raise StatementRefused(
                "STM-08", f"首行写明{word}方 {count} 笔，文件里有 {found_count} 笔，文件可能不完整；没有登记，请重新下载"
            )
        if found_fen != fen:
            raise StatementRefused(
                "STM-09",
                f"首行{word}方金额 {money.yuan_shown(fen)} 元，明细合计 {money.yuan_shown(found_fen)} 元，两者不符；没有登记，请与银行核对",
            )
    if opening + told[Direction.CREDIT][1] - told[Direction.DEBIT][1] != closing:
        raise StatementRefused("STM-10", "期初余额加贷方减借方不等于期末余额；没有登记，请与银行核对")
    _once([m.serial for m in movements])
    return statement


def write(account: str, day: date, sequence: int, opening_fen: int, movements: Sequence[Movement]) -> bytes:
    """A statement as the bank would send it; the closing balance follows."""
    sums = {
        direction: (
            sum(m.direction is direction for m in movements),
            sum(m.amount_fen for m in movements if m.direction is direction),
        )
        for direction in Direction
    }
    (credits, credit_fen), (debits, debit_fen) = sums[Direction.CREDIT], sums[Direction.DEBIT]
    closing = opening_fen + credit_fen - debit_fen
    head = [
        MARK, VERSION, account, day.isoformat(), str(sequence), money.yuan(opening_fen), money.yuan(closing),
        str(credits), money.yuan(credit_fen), str(debits), money.yuan(debit_fen),
    ]  # fmt: skip
    rows = [
        [m.serial, _WORDS[m.direction], money.yuan(m.amount_fen), plain(m.counterparty), m.reference, m.booked_on.isoformat()]
        for m in movements
    ]
    return _written([head, *rows])


def plain(text: str) -> str:
    """A text without what would break a line of the file."""
    return _FORBIDDEN.sub(" ", text).strip()[:100]


def account_problem(number: str) -> str:
    """Why a text cannot be a bank account number; empty when it can."""
    return "" if _ACCOUNT.match(number) else "银行账号应为 8 到 32 位数字，请对照账户资料重新填写"


def looks_mistyped(number: str) -> bool:
    """Whether a card number (16 to 19 digits) fails its check digit (Luhn). Accounts of units carry none, so this only warns."""
    if not 16 <= len(number) <= 19 or not number.isdigit():
        return False
    total = 0
    for i, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if i % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 != 0


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    body = "".join("|".join(row) + "\r\n" for row in rows).encode("gb18030")
    return body + f"{TRAILER}|{hashlib.sha256(body).hexdigest()}\r\n".encode("gb18030")


def _parts(content: bytes) -> tuple[list[str], list[list[str]], bytes]:
    """Head, body rows and the digest of the whole file."""
    if not content.strip():
        raise StatementRefused("STM-01", "文件是空的，请重新下载后再上传")
    if len(content) > BYTES_MAX:
        raise StatementRefused("STM-02", f"文件超过 {BYTES_MAX // 1024 // 1024} 兆，请与银行核对")
    if b"\x00" in content:
        raise StatementRefused("STM-03", "这不是对账文件（含有二进制内容），请上传银行给出的原文件")
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        raise StatementRefused("STM-04", "文件编码不是 GB18030，或有残缺的字；没有登记，请重新下载") from None
    if not text.startswith(f"{MARK}|{VERSION}|"):
        raise StatementRefused("STM-05", _HEAD)
    lines = text.split("\r\n")
    if len(lines) < 3 or lines[-1] != "" or not lines[-2].startswith(f"{TRAILER}|"):
        raise StatementRefused("STM-07", "文件没有结尾的摘要行，可能不完整；没有登记，请重新下载")
    digest = lines[-2].partition("|")[2]
    body = content[: content.rindex(f"{TRAILER}|".encode("gb18030"))]
    if not _DIGEST.match(digest) or hashlib.sha256(body).hexdigest() != digest:
        raise StatementRefused("STM-12", "文件内容与结尾的摘要不符，可能在途中被改动；没有登记，请重新下载")
    rows = [line.split("|") for line in lines[:-2]]
    if len(rows[0]) != _HEAD_COLUMNS:
        raise StatementRefused("STM-05", _HEAD)
    if len(rows) - 1 > LINES_MAX:
        raise StatementRefused("STM-02", f"文件超过 {LINES_MAX} 笔，请与银行核对")
    return rows[0], rows[1:], hashlib.sha256(content).digest()


def _movement(line: int, row: list[str], day: date) -> Movement:
    if len(row) != 6:
        raise StatementRefused("STM-11", f"第 {line} 行有 {len(row)} 列，应为 6 列；没有登记，请重新下载")
    serial, word, amount, counterparty, reference, booked = row
    if not _SERIAL.match(serial):
        raise StatementRefused("STM-13", f"第 {line} 行的流水号为空或含有不允许的字符；没有登记，请与银行核对")
    if word not in _DIRECTIONS:
        raise StatementRefused("STM-14", f"第 {line} 行的方向应为“贷”或“借”；没有登记，请与银行核对")
    if not _REFERENCE.match(reference):
        raise StatementRefused("STM-15", f"第 {line} 行的附言只能用字母、数字和短横线，最多 60 位；没有登记，请与银行核对")
    amount_fen = _positive(amount, line)
    booked_on = _day(booked, line)
    if booked_on != day:
        raise StatementRefused("STM-16", f"第 {line} 行的记账日期 {booked_on} 不是对账单日期 {day}；没有登记，请与银行核对")
    return Movement(serial, _DIRECTIONS[word], amount_fen, counterparty.strip()[:100], reference, booked_on)


def _once(serials: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for line, serial in enumerate(serials, start=2):
        if serial in seen:
            raise StatementRefused("STM-17", f"第 {seen[serial]} 行和第 {line} 行的流水号相同（{serial}）；没有登记，请与银行核对")
        seen[serial] = line


def _account(text: str) -> str:
    if not _ACCOUNT.match(text):
        raise StatementRefused("STM-05", "首行的账号应为 8 到 32 位数字")
    return text


def _count(text: str, what: str) -> int:
    if not _COUNT.match(text):
        raise StatementRefused("STM-05", f"首行的{what}不是数字")
    return int(text)


def _amount(text: str, line: int) -> int:
    if not _MONEY.match(text):
        raise StatementRefused("STM-18", f"第 {line} 行的金额“{text[:20]}”应如 1234.56；没有登记，请与银行核对")
    return money.fen(text)


def _positive(text: str, line: int) -> int:
    if (fen := _amount(text, line)) <= 0:
        raise StatementRefused("STM-19", f"第 {line} 行的金额不大于零；没有登记，请与银行核对")
    return fen


def _day(text: str, line: int) -> date:
    try:
        if _DAY.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise StatementRefused("STM-20", f"第 {line} 行的日期“{text[:20]}”应如 2026-11-21；没有登记，请与银行核对")
