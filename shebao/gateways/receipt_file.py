"""到账文件: the CSV by which a bank or tax office reports payments. Read whole or not at all; described in docs/partners/receipts.md.

Line 1   #到账文件,1,批次号,YYYY-MM-DD,笔数,总金额
Line 2   流水号,核定单号,缴费单位,缴费金额,缴费日期
Line 3…  one payment each
UTF-8 (with or without BOM) or GB18030; amounts in yuan with at most two decimals.
"""

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from datetime import date

from shebao.base import money
from shebao.base.errors import ShebaoError

MARK = "#到账文件"
VERSION = "1"
HEADER = ["流水号", "核定单号", "缴费单位", "缴费金额", "缴费日期"]
BYTES_MAX = 64 * 1024 * 1024
LINES_MAX = 1_000_000
BILL_NUMBER_MAX = 20
_TOKEN = re.compile(r"[0-9A-Za-z-]{1,40}\Z", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)


class ReceiptFileRefused(ShebaoError):
    """The file as a whole is refused; nothing of it was applied. Each cause has its own code and sentence."""

    status = 422

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class ReportedPayment:
    """One line of the file, fen."""

    line: int
    serial: str
    bill_number: str
    payer: str
    amount_fen: int
    paid_on: date


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """A file that holds what its first line promises."""

    sha256: bytes
    batch: str
    day: date
    payments: tuple[ReportedPayment, ...]
    total_fen: int


def read(content: bytes, *, today: date) -> ReceiptFile:
    """Read a file strictly: counts, totals, digits, days and serials all have to hold.

    Raises: ReceiptFileRefused.
    """
    if not content.strip():
        raise ReceiptFileRefused("RCF-01", "文件是空的，请重新下载后再上传")
    if len(content) > BYTES_MAX:
        raise ReceiptFileRefused("RCF-02", f"文件超过 {BYTES_MAX // 1024 // 1024} 兆，请拆成几批")
    rows = _rows(_decoded(content)) if _regular(content) else []
    batch, day, count, total_fen = _first_line(rows[0] if rows else [])
    if day > today:
        raise ReceiptFileRefused("RCF-06", f"文件日期 {day} 在今天之后，请核对后重新出盘")
    if len(rows) < 2 or rows[1] != HEADER:
        raise ReceiptFileRefused("RCF-07", f"第 2 行的列名应为：{','.join(HEADER)}")
    body = [row for row in rows[2:] if row]
    if len(body) != count:
        raise ReceiptFileRefused("RCF-08", f"首行写明 {count} 笔，文件里有 {len(body)} 笔，文件可能不完整；没有入账，请重新下载")
    payments = tuple(_payment(i, row, day) for i, row in enumerate(body, start=3))
    _once(payments)
    summed = sum(p.amount_fen for p in payments)
    if summed != total_fen:
        raise ReceiptFileRefused(
            "RCF-09",
            f"首行总金额 {money.yuan_shown(total_fen)} 元，明细合计 {money.yuan_shown(summed)} 元，两者不符；没有入账，请与对方核对",
        )
    return ReceiptFile(hashlib.sha256(content).digest(), batch, day, payments, total_fen)


def write(batch: str, day: date, payments: "list[tuple[str, str, str, int, date]]") -> bytes:
    """A file as a partner would send it: (serial, bill number, payer, amount_fen, day) a payment."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow([MARK, VERSION, batch, day.isoformat(), len(payments), money.yuan(sum(p[3] for p in payments))])
    lines.writerow(HEADER)
    for serial, bill, payer, amount_fen, paid_on in payments:
        lines.writerow([serial, bill, payer, money.yuan(amount_fen), paid_on.isoformat()])
    return out.getvalue().encode("utf-8-sig")


def _regular(content: bytes) -> bool:
    if b"\x00" in content:
        raise ReceiptFileRefused("RCF-03", "这不是到账文件（含有二进制内容），请上传银行或税务给出的 CSV 文件")
    return True


def _rows(text: str) -> list[list[str]]:
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        return list(lines)
    except csv.Error:
        raise ReceiptFileRefused(
            "RCF-18", f"第 {lines.line_num} 行的引号没有配对，或一列太长，文件可能不完整；没有入账，请重新下载"
        ) from None


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ReceiptFileRefused("RCF-04", "文件编码既不是 UTF-8 也不是 GB18030，请重新导出")


def _first_line(row: list[str]) -> tuple[str, date, int, int]:
    if len(row) != 6 or row[0] != MARK or row[1] != VERSION:
        raise ReceiptFileRefused("RCF-05", f"首行应为：{MARK},{VERSION},批次号,日期,笔数,总金额")
    if not _TOKEN.match(row[2]):
        raise ReceiptFileRefused("RCF-05", "首行的批次号只能用字母、数字和短横线，最多 40 位")
    if not re.fullmatch(r"[0-9]{1,7}", row[4], re.ASCII) or int(row[4]) > LINES_MAX:
        raise ReceiptFileRefused("RCF-05", "首行的笔数不是数字")
    return row[2], _day(row[3], 1), int(row[4]), _amount(row[5], 1)


def _payment(line: int, row: list[str], day: date) -> ReportedPayment:
    if len(row) != len(HEADER):
        raise ReceiptFileRefused("RCF-10", f"第 {line} 行有 {len(row)} 列，应为 {len(HEADER)} 列；没有入账，请重新出盘")
    serial, bill, payer, amount, paid = row
    if not _TOKEN.match(serial):
        raise ReceiptFileRefused("RCF-11", f"第 {line} 行的流水号为空或含有不允许的字符；没有入账，请重新出盘")
    if not _TOKEN.match(bill) or len(bill) > BILL_NUMBER_MAX:
        raise ReceiptFileRefused("RCF-12", f"第 {line} 行的核定单号为空、超过 {BILL_NUMBER_MAX} 位或含有不允许的字符；没有入账，请重新出盘")
    amount_fen = _amount(amount, line)
    if amount_fen <= 0:
        raise ReceiptFileRefused("RCF-13", f"第 {line} 行的缴费金额不大于零；退款请走退费流程，不能放在到账文件里")
    paid_on = _day(paid, line)
    if paid_on > day:
        raise ReceiptFileRefused("RCF-14", f"第 {line} 行的缴费日期 {paid_on} 晚于文件日期 {day}；没有入账，请与对方核对")
    return ReportedPayment(line, serial, bill, payer.strip()[:100], amount_fen, paid_on)


def _once(payments: tuple[ReportedPayment, ...]) -> None:
    seen: dict[str, int] = {}
    for payment in payments:
        if payment.serial in seen:
            raise ReceiptFileRefused(
                "RCF-15", f"第 {seen[payment.serial]} 行和第 {payment.line} 行的流水号相同（{payment.serial}）；没有入账，请与对方核对"
            )
        seen[payment.serial] = payment.line


def _amount(text: str, line: int) -> int:
    try:
        return money.fen(text)
    except money.MoneyError:
        raise ReceiptFileRefused("RCF-16", f"第 {line} 行的金额“{text[:20]}”不是金额，应如 1234.56；没有入账，请重新出盘") from None


def _day(text: str, line: int) -> date:
    try:
        if _DAY.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ReceiptFileRefused("RCF-17", f"第 {line} 行的日期“{text[:20]}”应如 2026-11-21；没有入账，请重新出盘")
