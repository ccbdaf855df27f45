"""退费付款文件 at the bank: each line is paid from the fund at once; the answer is the statement. A wrong account: 退票."""

import sqlite3
from datetime import datetime

from shebao.gateways import statement
from shebao.gateways.statement import StatementRefused
from shebao.sandbox import bank_books
from shebao.sandbox.bank_books import Leg
from shebao.sandbox.bank_files import FileRefused
from shebao.sandbox.process import keep, kept


def take(link: sqlite3.Connection, content: bytes, *, fund: str, at: datetime) -> tuple[str, str]:
    """Pay a file in the caller's transaction: 'taken' and what to note, or 'known' and nothing. Raises: FileRefused."""
    try:
        file = statement.read_payout(content)
    except StatementRefused as error:
        raise FileRefused(error.code, error.text) from error
    if file.account != fund or file.day > at.date():
        raise FileRefused("SBX-27", "付款文件的账号不是社保收入户，或日期在今天之后；没有付款，请核对后重新出盘")
    digest = kept(link, f"refunds {file.batch}")
    if digest:
        if digest != file.sha256.hex():
            raise FileRefused("SBX-24", f"批次 {file.batch} 已经受理，这个文件内容不同；没有付款，请与社保经办机构核对")
        return "known", ""
    if bank_books.account(link, fund).balance_fen < file.total_fen:
        raise FileRefused("SBX-28", "收入户余额不足，没有付款")
    keep(link, f"refunds {file.batch}", file.sha256.hex())
    known = bank_books.accounts(link, {line.account for line in file.lines})
    there, back = [], []
    for line in file.lines:
        bank_books.add_account(link, line.account, line.name, "", "person", at.date())
        wrong = line.account in known and (known[line.account].state != "open" or known[line.account].holder != line.name)
        target = bank_books.COLLECTED if wrong else line.account
        there.append(Leg(fund, target, line.amount_fen, "refund", line.serial, "退费", line.name))
        if wrong:
            back.append(Leg(target, fund, line.amount_fen, "returned", line.serial, "退票", line.name))
    bank_books.book(link, f"refunds:{file.batch}", [*there, *back], text=f"退费付款 {file.batch}", day=at.date(), at=at)
    return "taken", f"退费付款 {file.batch}：{len(there)} 笔，退票 {len(back)} 笔"
