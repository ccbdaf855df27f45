"""批扣文件: what goes to a partner bank and comes back, byte by byte. Read whole or not at all; described in docs/partners/bank.md.

Every line of a file has the same width and ends in LF: header H, one line a record, trailer T (count, total, SHA-256 of all before it),
signature S (Ed25519 over header and trailer). Digits and codes are ASCII, names GB18030; amounts are fen.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shebao.base.errors import ShebaoError
from shebao.gateways.fixed_width import Column, Field, Malformed, Matrix, put, take

VERSION = "01"
RECORDS_MAX = 900_000
ENCODING = "gb18030"
SUCCESS = "00"
RESULTS: Mapping[str, str] = {
    SUCCESS: "扣款成功",
    "11": "账户余额不足",
    "12": "账户不存在或已销户",
    "13": "账户已挂失、冻结或止付",
    "14": "户名与账号不符",
    "15": "未签约或签约已解除",
    "99": "银行其他原因",
}


class Kind(str, Enum):
    """What a file is: 代扣 to the bank and its result, 代发 (退款) to the bank and its result."""

    DEBIT = "DK"
    DEBIT_RESULT = "DR"
    PAYOUT = "FK"
    PAYOUT_RESULT = "FR"


_OF_ALL = (Field("sequence", "N", 8), Field("number", "A", 16), Field("account", "A", 20), Field("name", "G", 32), Field("amount", "N", 12))
_ANSWER = (*_OF_ALL, Field("result", "A", 2), Field("taken", "N", 12), Field("day", "N", 8), Field("serial", "A", 16))
LAYOUTS: Mapping[Kind, tuple[Field, ...]] = {
    Kind.DEBIT: (*_OF_ALL, Field("first_month", "N", 6), Field("last_month", "N", 6), Field("months", "N", 2)),
    Kind.DEBIT_RESULT: _ANSWER,
    Kind.PAYOUT: (*_OF_ALL, Field("purpose", "G", 14)),
    Kind.PAYOUT_RESULT: _ANSWER,
}
MARKS: Mapping[Kind, bytes] = {Kind.DEBIT: b"D", Kind.DEBIT_RESULT: b"R", Kind.PAYOUT: b"F", Kind.PAYOUT_RESULT: b"R"}
SUMMED: Mapping[Kind, str] = {Kind.DEBIT: "amount", Kind.DEBIT_RESULT: "taken", Kind.PAYOUT: "amount", Kind.PAYOUT_RESULT: "taken"}
_HEADER = (
    Field("kind", "A", 2),
    Field("version", "A", 2),
    Field("sender", "A", 12),
    Field("receiver", "A", 12),
    Field("batch", "A", 24),
    Field("part", "N", 2),
    Field("day", "N", 8),
    Field("order", "N", 3),
    Field("count", "N", 7),
    Field("total", "N", 15),
)
_HEADER_WIDTH = 1 + sum(f.width for f in _HEADER)
_ASCII = re.compile(rb"[0-9A-Za-z-]+ *\Z")


def width(kind: Kind) -> int:
    """Bytes of a line of a file, LF included."""
    return 1 + sum(f.width for f in LAYOUTS[kind]) + 1


class BankFileRefused(ShebaoError):
    """The file as a whole is refused; nothing of it was applied. Each cause has its own code and sentence."""

    status = 422

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. total_fen: asked in a file of ours, taken (or paid out) in an answer.

    part: 1 answers the whole batch, 2 and more tell late successes. order: number of the file among its sender's of that day, from 1.
    """

    kind: Kind
    sender: str
    receiver: str
    batch: str
    day: date
    order: int
    part: int = 1
    count: int = 0
    total_fen: int = 0


@dataclass(frozen=True, slots=True)
class BankFile:
    """A file that holds what it promises. columns: by field name, shape (n,): N int64, A and G bytes without the spaces behind them."""

    header: Header
    columns: Mapping[str, Column]
    sha256: bytes

    def __len__(self) -> int:
        return self.header.count


def asked_digest(content: bytes, kind: Kind, begin: int, end: int) -> bytes:
    """SHA-256 of what the records [begin, end) of a file ask: sequence, number, account, name, amount. A file and its answer agree in it
    exactly when they agree in each of these."""
    wide = width(kind)
    lines = np.frombuffer(content, np.uint8, (end - begin) * wide, (begin + 1) * wide).reshape(-1, wide)
    return hashlib.sha256(np.ascontiguousarray(lines[:, 1 : 1 + sum(f.width for f in _OF_ALL)]).data).digest()


def name_bytes(name: str) -> bytes:
    """A name as it stands in a record: GB18030, cut at a character when it is longer than the field."""
    encoded = name.encode(ENCODING, "replace")
    while len(encoded) > 32:
        name = name[:-1]
        encoded = name.encode(ENCODING, "replace")
    return encoded


def same_name(ours: bytes, theirs: bytes) -> bool:
    """Whether a returned name may be ours: a bank that lacks a character writes '?' for it, one or more for each."""
    if ours == theirs:
        return True
    try:
        pattern = "".join(".{1,2}" if c == "?" else re.escape(c) for c in re.sub(r"\?+", "?", theirs.decode(ENCODING)))
        return re.fullmatch(pattern, ours.decode(ENCODING)) is not None
    except UnicodeDecodeError:
        return False


def write(header: Header, columns: Mapping[str, Column], private_key: bytes) -> bytes:
    """A whole file, signed. columns: every field of the layout; text as bytes. count and total of the header are counted here.

    private_key: 32 raw bytes (Ed25519).  Raises: ValueError where a value does not fit its field.
    """
    layout, wide = LAYOUTS[header.kind], width(header.kind)
    count = len(columns["sequence"])
    total = int(np.asarray(columns[SUMMED[header.kind]], np.int64).sum())
    if count > RECORDS_MAX:
        raise ValueError(f"{count} records, at most {RECORDS_MAX}")
    lines: Matrix = np.full((count + 3, wide), 0x20, np.uint8)
    lines[:, -1] = 0x0A
    words: dict[str, Any] = {
        "kind": header.kind.value.encode(),
        "version": VERSION.encode(),
        "sender": header.sender.encode(),
        "receiver": header.receiver.encode(),
        "batch": header.batch.encode(),
        "part": header.part,
        "day": _day_number(header.day),
        "order": header.order,
        "count": count,
        "total": total,
    }
    lines[0, 0] = ord("H")
    put(lines[:1], _HEADER, {name: np.array([value]) for name, value in words.items()})
    lines[1 : count + 1, 0] = MARKS[header.kind][0]
    put(lines[1 : count + 1], layout, columns)
    digest = hashlib.sha256(lines[: count + 1].data).hexdigest()
    trailer = f"T{count:07d}{total:015d}{digest}".encode()
    lines[count + 1, : len(trailer)] = np.frombuffer(trailer, np.uint8)
    signature = Ed25519PrivateKey.from_private_bytes(private_key).sign(lines[0].tobytes() + lines[count + 1].tobytes())
    last = b"S" + base64.b64encode(signature)
    lines[count + 2, : len(last)] = np.frombuffer(last, np.uint8)
    return lines.tobytes()


def read(content: bytes, kind: Kind, *, sender: str, receiver: str, public_key: bytes | Sequence[bytes], today: date) -> BankFile:
    """Read a file strictly: width, header, digest, signature, counts, totals, every digit, every sequence has to hold.

    public_key: of the sender, 32 raw bytes (Ed25519); or several, while it changes its key.  Raises: BankFileRefused (BNK-01 to BNK-14).
    """
    lines = _lines(content, kind)
    header = _header(lines[0], kind)
    if (header.sender, header.receiver) != (sender, receiver):
        raise BankFileRefused(
            "BNK-05", f"文件由 {header.sender} 发给 {header.receiver}，应由 {sender} 发给 {receiver}；没有入账，请核对是否放错目录"
        )
    count, total = _trailer(lines)
    _signed(lines, [public_key] if isinstance(public_key, bytes) else public_key)
    if header.day > today:
        raise BankFileRefused("BNK-12", f"文件日期 {header.day} 在今天（{today}）之后；没有入账，请与对方核对后重新出盘")
    body = lines[1:-2]
    if not header.count == count == len(body):
        raise BankFileRefused("BNK-08", f"首行写明 {header.count} 笔、末行 {count} 笔，文件里有 {len(body)} 笔；没有入账，请与对方核对")
    columns = _columns(body, kind)
    summed = int(columns[SUMMED[kind]].sum())
    if not header.total_fen == total == summed:
        raise BankFileRefused(
            "BNK-09",
            f"首行总金额 {_yuan(header.total_fen)} 元、末行 {_yuan(total)} 元，明细合计 {_yuan(summed)} 元，不一致；没有入账，请与对方核对",
        )
    _once(columns["sequence"])
    if kind in (Kind.DEBIT_RESULT, Kind.PAYOUT_RESULT):
        _answers(columns, header.day)
    return BankFile(header, columns, hashlib.sha256(content).digest())


def lines_of(content: bytes, kind: Kind) -> dict[str, Column]:
    """The records of a file of our own, from our own record. Raises: BankFileRefused."""
    return _columns(_lines(content, kind)[1:-2], kind)


def peek(content: bytes) -> Header:
    """The header of a file before anything else of it is believed, to know which bank and batch it speaks of. Raises: BankFileRefused."""
    for kind in Kind:
        if content[1:3] == kind.value.encode() and len(content) >= width(kind):
            return _header(np.frombuffer(content[: width(kind)], np.uint8), kind)
    raise BankFileRefused("BNK-02", "这不是批扣文件（首行不对）；没有入账，请核对是否放错文件")


def _lines(content: bytes, kind: Kind) -> Matrix:
    wide = width(kind)
    if not content.strip():
        raise BankFileRefused("BNK-01", "文件是空的；没有入账，请对方重新出盘")
    if content[:1] != b"H" or content[1:3] != kind.value.encode():
        raise BankFileRefused("BNK-02", f"这不是{_KIND_LABELS[kind]}（首行不对）；没有入账，请核对是否放错文件")
    if content[3:5] != VERSION.encode():
        raise BankFileRefused(
            "BNK-03", f"文件版本“{content[3:5].decode('ascii', 'replace')}”不认识，现用版本 {VERSION}；没有入账，请按约定版本重新出盘"
        )
    if len(content) > wide * (RECORDS_MAX + 3):
        raise BankFileRefused("BNK-13", f"文件超过 {RECORDS_MAX:,} 笔；没有入账，请拆成几批")
    if len(content) % wide or len(content) < 3 * wide:
        raise BankFileRefused("BNK-01", f"文件不完整：每行应为 {wide} 字节，最后一行缺了一部分；没有入账，请重新传送")
    lines = np.frombuffer(content, np.uint8).reshape(-1, wide)
    if lines[-2, 0] != ord("T") or lines[-1, 0] != ord("S"):
        raise BankFileRefused("BNK-01", "文件不完整：缺少末尾的合计行或签名行；没有入账，请重新传送")
    if (lines[:, -1] != 0x0A).any():
        at = int(np.flatnonzero(lines[:, -1] != 0x0A)[0]) + 1
        raise BankFileRefused("BNK-01", f"文件不完整或被改动：第 {at} 行不在约定的位置换行；没有入账，请重新传送")
    return lines


def _header(line: Matrix, kind: Kind) -> Header:
    try:
        if line[_HEADER_WIDTH:-1].tobytes().strip(b" "):
            raise ValueError("text behind the last field")
        words = {name: column[0] for name, column in take(line.reshape(1, -1), _HEADER).items()}
        day = _number_day(int(words["day"]))
        header = Header(
            kind,
            words["sender"].decode("ascii"),
            words["receiver"].decode("ascii"),
            words["batch"].decode("ascii"),
            day,
            int(words["order"]),
            int(words["part"]),
            int(words["count"]),
            int(words["total"]),
        )
        if not (header.order and header.part and all(_ASCII.match(words[name]) for name in ("sender", "receiver", "batch"))):
            raise ValueError("empty")
    except (ValueError, Malformed):
        raise BankFileRefused("BNK-04", "首行的双方、批次号、日期、序号、笔数或金额不合格式；没有入账，请按约定重新出盘") from None
    return header


def _trailer(lines: Matrix) -> tuple[int, int]:
    line = lines[-2].tobytes()
    found = re.fullmatch(rb"T([0-9]{7})([0-9]{15})([0-9a-f]{64}) *\n", line)
    if found is None:
        raise BankFileRefused("BNK-08", "末行的合计笔数、金额或摘要不合格式；没有入账，请按约定重新出盘")
    # A view: nothing of 100 MB is copied to be hashed.
    digest = hashlib.sha256(lines[:-2].data).hexdigest()
    if digest.encode() != found[3]:
        raise BankFileRefused("BNK-07", "文件内容与末行的 SHA-256 摘要不符，传送中被改动或损坏；没有入账，请重新传送")
    return int(found[1]), int(found[2])


def _signed(lines: Matrix, public_keys: Sequence[bytes]) -> None:
    found = re.fullmatch(rb"S([0-9A-Za-z+/=]{88}) *\n", lines[-1].tobytes())
    try:
        signature = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        signature = b""
    # Another spelling of the same bytes would be another file.
    if found is None or base64.b64encode(signature) != found[1] or not any(_verifies(key, signature, lines) for key in public_keys):
        raise BankFileRefused("BNK-06", "签名不是对方登记的密钥所签；没有入账，请立即与对方核实文件来源")


def _verifies(public_key: bytes, signature: bytes, lines: Matrix) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, lines[0].tobytes() + lines[-2].tobytes())
    except InvalidSignature:
        return False
    return True


def _columns(body: Matrix, kind: Kind) -> dict[str, Column]:
    if (body[:, 0] != MARKS[kind][0]).any():
        at = int(np.flatnonzero(body[:, 0] != MARKS[kind][0])[0]) + 2
        raise BankFileRefused("BNK-10", f"第 {at} 行不是明细行；没有入账，请按约定重新出盘")
    try:
        return take(body, LAYOUTS[kind])
    except Malformed as error:
        raise BankFileRefused("BNK-10", f"第 {error.row + 2} 行的“{_LABELS[error.field]}”不合格式；没有入账，请按约定重新出盘") from None


def _once(sequences: Column) -> None:
    wrong = np.flatnonzero(sequences[1:] <= sequences[:-1])
    if len(wrong):
        at = int(wrong[0]) + 1
        raise BankFileRefused(
            "BNK-11",
            f"第 {at + 2} 行的序号 {int(sequences[at])} 与前面重复或没有按从小到大排列；没有入账，请与对方核对",
        )


def _answers(columns: Mapping[str, Column], day: date) -> None:
    """An answer takes all or nothing, with a known code, on a day that has been."""
    results = columns["result"]
    good = results == SUCCESS.encode()
    known = np.isin(results, [code.encode() for code in RESULTS])
    right = known & np.where(good, columns["taken"] == columns["amount"], columns["taken"] == 0)
    if not right.all():
        at = int(np.flatnonzero(~right)[0])
        raise BankFileRefused(
            "BNK-14",
            f"第 {at + 2} 行：结果 {results[at].decode('ascii', 'replace')}，应扣 {_yuan(int(columns['amount'][at]))} 元、"
            f"实扣 {_yuan(int(columns['taken'][at]))} 元；只能全额扣款（00）或不扣（其他已约定的代码），没有入账，请与对方核对",
        )
    if (nameless := np.flatnonzero(good & (columns["serial"] == b""))).size:
        raise BankFileRefused("BNK-10", f"第 {int(nameless[0]) + 2} 行已经扣款，但没有银行流水号；没有入账，请与对方核对")
    days = np.unique(columns["day"])
    try:
        if any(_number_day(int(number)) > day for number in days):
            raise ValueError("later")
    except ValueError:
        raise BankFileRefused("BNK-12", f"有明细的扣款日期不是日期，或在文件日期 {day} 之后；没有入账，请与对方核对") from None


def _day_number(day: date) -> int:
    return day.year * 10000 + day.month * 100 + day.day


def _number_day(number: int) -> date:
    return date(number // 10000, number // 100 % 100, number % 100)


def _yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"


_KIND_LABELS = {
    Kind.DEBIT: "批扣文件",
    Kind.DEBIT_RESULT: "批扣结果文件",
    Kind.PAYOUT: "退款代发文件",
    Kind.PAYOUT_RESULT: "退款代发结果文件",
}
_LABELS = {
    "sequence": "序号",
    "number": "加办单号",
    "account": "账号",
    "name": "户名",
    "amount": "应扣金额",
    "first_month": "起始年月",
    "last_month": "终止年月",
    "months": "月数",
    "purpose": "用途",
    "result": "结果代码",
    "taken": "实扣金额",
    "day": "扣款日期",
    "serial": "银行流水号",
}
