"""The sandbox bank: accounts, debit and payout files in, result files out, a statement of the fund's account every day."""

import sqlite3
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from shebao.base import money
from shebao.base.clock import now, today
from shebao.gateways import statement as statements
from shebao.gateways.bank import Kind
from shebao.gateways.bank_client import Folder
from shebao.gateways.partner_keys import keys_of, own_key
from shebao.gateways.statement import Direction, Movement
from shebao.sandbox import bank_books, bank_files, bank_sends
from shebao.sandbox.bank_books import Leg, NoSuchAccount
from shebao.sandbox.bank_files import FileRefused
from shebao.sandbox.process import Partner, keep, kept, next_number
from shebao.sandbox.web import FILE_BYTES_MAX, Answer, BadRequest, NotFound, Request, Route, told

KEYS, EXCHANGE, STATEMENTS = "partners", "exchange", "statements"
HALL = "shebao"
HALL_CODE = "SB420100"
BANK_CODES = ("BK403", "BK103")
FUND, FUND_HOLDER = "42010099000000001", "武汉市社会保险基金收入户"
UNIT_FEN = 1_000_000_000_00  # a unit's demo account: what a large employer pays for years


class Bank(Partner):
    """The process. fund: number of the fund's 收入户; opening_fen: what it holds on the bank's first day."""

    name, label = "bank", "银行沙箱"
    schema = bank_books.SCHEMA + bank_files.SCHEMA + bank_sends.SCHEMA

    def __init__(self, folder: Path, *, fund: str = FUND, opening_fen: int = 0, seed: int = 1) -> None:
        super().__init__(folder)
        self.keys = self.folder / KEYS
        self.exchange = self.folder / EXCHANGE
        for name in ("inbox", "outbox", STATEMENTS):
            (self.exchange / name).mkdir(parents=True, exist_ok=True)
        self.private = own_key(self.keys).private.private_bytes_raw()
        with self.store.change() as link:
            if not kept(link, "stated until"):  # the first day ever
                bank_books.found(link, fund=fund, fund_holder=FUND_HOLDER, opening_fen=opening_fen, day=today(), at=now())
                keep(link, "stated until", (today() - timedelta(days=1)).isoformat())
                keep(link, "opening", str(opening_fen))
                keep(link, "fund", fund)
                keep(link, "seed", str(seed))
            self.fund = kept(link, "fund")

    def routes(self) -> Sequence[Route]:
        batch = "(?P<batch>[0-9A-Za-z-]{1,24})/(?P<part>[0-9]{1,2})"
        return [
            Route("POST", "/debits", self._posted, bytes_max=FILE_BYTES_MAX),
            Route("POST", "/payouts", self._posted, bytes_max=FILE_BYTES_MAX),
            Route("GET", f"/results/{batch}", lambda request, batch, part: self._result("DK", "DR", batch, part)),
            Route("GET", f"/payout-results/{batch}", lambda request, batch, part: self._result("FK", "FR", batch, part)),
            Route("GET", "/statements/(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})", self._statement),
            Route("POST", "/peer/transfer", self._transfer, token=True),
            Route("POST", "/peer/transfers", self._transfers, token=True),
            Route("POST", "/peer/account", self._need_account, token=True),
            Route("GET", "/peer/account/(?P<number>[0-9]{1,32})", self._account, token=True),
            Route("GET", "/control/account/(?P<number>[0-9]{1,32})", self._account, token=True, always=True),
            Route("POST", "/control/account", self._set_account, token=True, always=True),
            Route("POST", "/control/agreement", self._agreement, token=True, always=True),
            Route("POST", "/control/retry", self._retry, token=True, always=True),
            Route("POST", "/control/return", self._return, token=True, always=True),
            Route("POST", "/control/again", self._again, token=True, always=True),
        ]

    # -- what is due

    def work(self) -> bool:
        busy = self._take_from_folder()
        busy = self._answer_one() or busy
        busy = self._state_days() or busy
        with self.store.change() as link:
            return bank_sends.send(link, self.exchange, today()) or busy

    def _take_from_folder(self) -> bool:
        """What the hall put into its outbox: taken files go to done/, the others to rejected/ with the reason beside them."""
        outbox = Folder(self.exchange)
        files = sorted(path for path in (self.exchange / "outbox").iterdir() if path.is_file() and not path.name.startswith("."))
        for path in files:
            try:
                self.take(path.read_bytes(), path.name)
            except FileRefused as error:
                outbox.reject(path, error.code, error.text)
                with self.store.change() as link:
                    self.note(link, "refused", f"{path.name}：{error.text}")
            else:
                outbox.done(path)
        return bool(files)

    def take(self, content: bytes, name: str) -> str:
        """Take a file of the hall, whatever way it came: 'taken', 'early', 'known'. Raises: FileRefused."""
        keys = keys_of(self.keys, HALL)
        if not keys:
            raise FileRefused("SBX-26", "沙箱银行还没有登记社保经办机构的公钥，请先交换公钥（shebao sandbox key）")
        kind = Kind.PAYOUT if content[1:3] == Kind.PAYOUT.value.encode() else Kind.DEBIT
        with self.store.change() as link:
            said = bank_files.take(
                link, content, kind, name, sender=HALL_CODE, receivers=BANK_CODES, public_key=keys[0].raw, today=today()
            )  # fmt: skip
            self.note(link, said, f"{name}：{ {'taken': '已受理', 'early': '等待前一个文件', 'known': '重复送达，没有再次处理'}[said] }")
        self.nudged.set()
        return said

    def _answer_one(self) -> bool:
        with self.store.change() as link:
            row = bank_files.next_file(link)
            if row is None:
                return False
            public = keys_of(self.keys, HALL)[0].raw
            name, content = bank_files.work_off(link, row, fund=self.fund, key=self.private, public_key=public, at=now())
            bank_sends.queue(link, "result", "inbox", name, content, day=today(), key=self.private)
            self.note(link, "answered", f"批次 {row['batch']} 已处理，结果文件 {name}")
        return True

    def _state_days(self) -> bool:
        """A statement of every day that has ended and has none: numbered without gaps, also of days without a movement."""
        with self.store.change() as link:
            day = date.fromisoformat(kept(link, "stated until")) + timedelta(days=1)
            if day >= today():
                return False
            sequence = next_number(link, "statement")
            opening = bank_books.balance_before(link, self.fund, day) or 0
            moved = bank_books.movements(link, self.fund, day=day)
            if sequence == 1:  # what it held on its first day is the opening balance, no movement
                moved = [m for m in moved if m.kind != "opening"]
                opening = int(kept(link, "opening", "0"))
            lines = [_on_statement(m, day) for m in moved]
            content = statements.write(self.fund, day, sequence, opening, lines)
            name = f"DZ_{day:%Y%m%d}-{sequence:06d}_01.txt"
            bank_sends.queue(link, "statement", STATEMENTS, name, content, day=today(), key=self.private)
            keep(link, "stated until", day.isoformat())
            keep(link, f"statement {day.isoformat()}", name)
            self.note(link, "statement", f"{day} 对账单第 {sequence} 号，{len(lines)} 笔")
        return True

    def switched_off(self, link: sqlite3.Connection) -> None:
        bank_sends.release(link, today())

    # -- for the hall

    def _posted(self, request: Request) -> Answer:
        said = self.take(request.body, {k.title(): v for k, v in request.headers.items()}.get("X-Shebao-File", "")[:60])
        return told({"outcome": said}, 200 if said == "known" else 202)

    def _result(self, asked: str, kind: str, batch: str, part: str) -> Answer:
        name = f"{kind}_{batch}_{int(part):02d}.txt"
        with self.store.change() as link:
            if link.execute("select 1 from file where kind = ? and batch = ?", [asked, batch]).fetchone() is None:
                raise NotFound("没有这个批次")
            return self._sent(link, name)

    def _statement(self, request: Request, day: str) -> Answer:
        with self.store.change() as link:
            name = kept(link, f"statement {day}")
            if not name:
                raise NotFound("这一天还没有对账单")
            return self._sent(link, name)

    @staticmethod
    def _sent(link: sqlite3.Connection, name: str) -> Answer:
        content = bank_sends.fetch(link, name, today())
        return told({"outcome": "waiting"}, 202) if content is None else Answer(200, content, "application/octet-stream")

    # -- for the tax office

    def _transfer(self, request: Request) -> Answer:
        asked = request.json()
        return self._move(asked, [asked])

    def _transfers(self, request: Request) -> Answer:
        asked = request.json()
        legs = asked.get("legs")
        return self._move(asked, legs if isinstance(legs, list) else [])

    def _move(self, asked: dict[str, Any], wanted: list[Any]) -> Answer:
        try:
            legs = [
                Leg(
                    each["source"], self.fund if each["target"] == "fund" else each["target"], int(each["amount_fen"]), each["kind"],
                    each["reference"], each["text"], each.get("name", ""),
                )
                for each in wanted
            ]  # fmt: skip
            key = str(asked["key"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadRequest("转账指令不完整") from error
        if not legs or any(leg.amount_fen <= 0 for leg in legs):
            raise BadRequest("转账金额应大于零")
        with self.store.change() as link:
            fresh = bank_books.book(link, key, legs, text=legs[0].text, day=today(), at=now())
        return told({"booked": fresh})

    def _need_account(self, request: Request) -> Answer:
        """A payer's demo account, opened on demand with more than is needed now."""
        asked = request.json()
        number, need = str(asked.get("number", "")), int(asked.get("need_fen", 0))
        with self.store.change() as link:
            if number not in bank_books.accounts(link, [number]):
                kind = "unit" if asked.get("kind") == "unit" else "person"
                bank_books.add_account(link, number, str(asked.get("holder", ""))[:100], "", kind, today())
                fen = UNIT_FEN if kind == "unit" else max(3 * need, bank_books.demo_balance_fen(number, 1))
                bank_books.set_balance(link, number, fen, key=f"opened:{number}", day=today(), at=now())
        return self._account(request, number)

    # -- for the command line

    def _account(self, request: Request, number: str) -> Answer:
        with self.store.look() as link:
            found = bank_books.account(link, number)
            moved = bank_books.movements(link, number)[-20:]
        return told(
            {
                "number": found.number,
                "holder": found.holder,
                "kind": found.kind,
                "state": found.state,
                "balance_fen": found.balance_fen,
                "balance": money.yuan(found.balance_fen),
                "movements": [
                    {"day": m.day.isoformat(), "amount": money.yuan(m.amount_fen), "text": m.text, "reference": m.reference} for m in moved
                ],
            }
        )

    def _set_account(self, request: Request) -> Answer:
        asked = request.json()
        number, fen = str(asked.get("number", "")), asked.get("balance_fen")
        state, holder = str(asked.get("state", "")), str(asked.get("holder", ""))[:100]
        if state not in ("", "open", "frozen", "closed") or not (fen is None or (isinstance(fen, int) and 0 <= fen <= money.FEN_MAX)):
            raise BadRequest("余额应不小于零，状态应为 open、frozen 或 closed")
        with self.store.change() as link:
            if number not in bank_books.accounts(link, [number]):
                if fen is None and not holder:
                    raise NoSuchAccount(number)
                bank_books.add_account(link, number, holder or "沙箱客户", "", "person", today())
            if fen is not None:
                bank_books.change_account(link, number, state="open", holder="")
                key = f"balance:{number}:{next_number(link, 'balance')}"
                bank_books.set_balance(link, number, fen, key=key, day=today(), at=now())
            bank_books.change_account(link, number, state=state, holder=holder)
        return self._account(request, number)

    def _agreement(self, request: Request) -> Answer:
        """签约 at the branch: number is the 加办单号; state signed or ended."""
        asked = request.json()
        number, account, name = (str(asked.get(field, "")) for field in ("number", "account", "name"))
        state = str(asked.get("state", "signed"))
        if not number or state not in ("signed", "ended"):
            raise BadRequest("签约要有加办单号；状态应为 signed 或 ended")
        with self.store.change() as link:
            if account:
                bank_books.add_account(link, account, name or "沙箱客户", "", "person", today())
            link.execute(
                """
                insert into agreement (number, account, name, state, day) values (?, ?, ?, ?, ?)
                on conflict (number) do update set state = excluded.state,
                  account = case excluded.account when '' then agreement.account else excluded.account end
                """,
                [number, account, name, state, today().isoformat()],
            )
        return told({"number": number, "state": state})

    def _retry(self, request: Request) -> Answer:
        batch = str(request.json().get("batch", ""))
        with self.store.change() as link:
            row = link.execute("select * from file where kind = 'DK' and batch = ? and state = 'answered'", [batch]).fetchone()
            if row is None:
                raise NotFound("没有这个已答复的批次，请核对批次号")
            public = keys_of(self.keys, HALL)[0].raw
            made = bank_files.retry(link, row, fund=self.fund, key=self.private, public_key=public, at=now())
            if made:
                bank_sends.queue(link, "result", "inbox", *made, day=today(), key=self.private)
        self.nudged.set()
        return told({"file": made[0] if made else ""})

    def _return(self, request: Request) -> Answer:
        """退票: a refund that was paid comes back, once."""
        serial = str(request.json().get("serial", ""))
        with self.store.change() as link:
            paid = [m for m in bank_books.movements(link, self.fund) if m.reference == serial and m.kind == "payout"]
            if not paid:
                raise NotFound("没有付过这个流水号的退费，请核对")
            leg = Leg(paid[-1].counter, self.fund, -paid[-1].amount_fen, "returned", serial, "退票", paid[-1].counter_name)
            bank_books.book(link, f"returned:{serial}", [leg], text=f"退票 {serial}", day=today(), at=now())
        return told({"serial": serial})

    def _again(self, request: Request) -> Answer:
        with self.store.change() as link:
            if not bank_sends.send_again(link, str(request.json().get("name", ""))):
                raise NotFound("没有发过这个名字的文件")
        self.nudged.set()
        return told({"outcome": "queued"})

    def shown(self, link: sqlite3.Connection) -> dict[str, Any]:
        fund = bank_books.account(link, self.fund)
        files = link.execute("select kind, batch, day, order_, state from file order by id desc limit 10")
        sent = link.execute("select kind, name, state, trouble from outgoing order by id desc limit 10")
        return {
            "fund": {"number": fund.number, "holder": fund.holder, "balance": money.yuan(fund.balance_fen)},
            "collected": money.yuan(bank_books.account(link, bank_books.COLLECTED).balance_fen),
            "accounts": link.execute("select count(*) from account").fetchone()[0],
            "files": [dict(row) for row in files],
            "sent": [dict(row) for row in sent],
            "stated_until": kept(link, "stated until"),
            "books": bank_books.discrepancies(link) or "right",
        }


def _on_statement(moved: bank_books.Movement, day: date) -> Movement:
    direction = Direction.CREDIT if moved.amount_fen > 0 else Direction.DEBIT
    return Movement(f"YH{moved.id:012d}", direction, abs(moved.amount_fen), moved.counter_name, moved.reference, day)
