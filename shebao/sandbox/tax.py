"""The sandbox tax office: bills come in, payers pay from accounts at the sandbox bank, the hall is told, the money is handed over."""

import hashlib
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shebao.base import money
from shebao.base.clock import now, today
from shebao.base.errors import ShebaoError
from shebao.gateways import tax as codec
from shebao.gateways.strict_json import BYTES_MAX
from shebao.sandbox import tax_books, tax_heard, tax_pages, tax_tells
from shebao.sandbox.bank_books import COLLECTED
from shebao.sandbox.bank_link import PartnerSaysNo, PartnerSilent, Peer
from shebao.sandbox.process import Partner
from shebao.sandbox.tax_books import Bill, NotPayable, Payment
from shebao.sandbox.tax_heard import Hearing
from shebao.sandbox.tax_tells import Telling
from shebao.sandbox.web import Answer, BadRequest, Request, Route, told

KEYS = "partners"
TOLD_SECONDS = 1.5


def account_of(payer_code: str) -> str:
    """The demo account that a payer pays from: always the same one."""
    return "62" + f"{int.from_bytes(hashlib.sha256(payer_code.encode()).digest()[:7], 'big') % 10**14:014d}"


class TaxOffice(Partner):
    """The process. hall_url: where the hall listens ('' while there is none); bank: the folder of the sandbox bank."""

    name, label = "tax", "税务沙箱"
    schema = tax_books.SCHEMA + tax_heard.SCHEMA + tax_tells.SCHEMA

    def __init__(self, folder: Path, *, hall_url: str, bank: Peer) -> None:
        super().__init__(folder)
        self.keys = self.folder / KEYS
        self.hall_url = hall_url
        self.bank = bank
        self.hearing = Hearing(self.store, self.keys)
        self.telling = Telling(self.store, self.keys, hall_url)

    def routes(self) -> Sequence[Route]:
        heard = (codec.BILLS, codec.RECALLS, codec.ASKED_STATES, codec.ASKED_DAY)
        return [
            *(Route("POST", path, self.hearing.hear, bytes_max=BYTES_MAX) for path in heard),
            Route("GET", "/", self._home),
            Route("GET", "/style.css", lambda request: Answer(200, tax_pages.STYLE.encode(), "text/css; charset=utf-8")),
            Route("GET", "/favicon.ico", lambda request: Answer(204, b"", "image/x-icon")),
            Route("GET", "/pay", self._find),
            Route("GET", "/pay/(?P<number>[0-9A-Za-z-]{1,20})", self._bill),
            Route("POST", "/pay/(?P<number>[0-9A-Za-z-]{1,20})", self._pay),
            Route("GET", "/receipt/(?P<serial>[0-9A-Za-z-]{1,40})", self._receipt),
            Route("POST", "/control/pay", self._paid_by_command, token=True, always=True),
            Route("POST", "/control/reverse", self._reversed, token=True, always=True),
        ]

    # -- what is due

    def work(self) -> bool:
        busy = self._settle_all()
        busy = self._hand_over() or busy
        busy = self.telling.queue(now()) or busy
        return self.telling.send(today()) or busy

    def _settle_all(self) -> bool:
        """What was intended and not settled: this process or the bank ended in between. The bank knows the key."""
        with self.store.look() as link:
            open_ones = tax_books.payments(link, "state in ('intended', 'reversing')", [])
        settled = [self._settle(payment) for payment in open_ones]
        return any(settled)

    def _settle(self, payment: Payment) -> bool:
        """Let the bank move the money of a payment, or back. False while it does not answer."""
        back = payment.state == "reversing"
        leg = {
            "key": f"tax:{'reversal' if back else 'payment'}:{payment.serial}",
            "source": COLLECTED if back else payment.account,
            "target": payment.account if back else COLLECTED,
            "amount_fen": payment.amount_fen,
            "kind": "tax-back" if back else "tax",
            "reference": payment.serial,
            "text": f"社会保险费{'冲正' if back else ''} {payment.bill}",
        }
        reason = ""
        try:
            self.bank.call("POST", "/peer/transfer", leg)
        except PartnerSilent:
            return False
        except PartnerSaysNo as error:
            reason = error.text
        with self.store.change() as link:
            if back:
                tax_books.settle_reversal(link, payment.serial)
            else:
                tax_books.settle(link, payment.serial, paid=not reason, reason=reason)
        self.nudged.set()
        return True

    def _hand_over(self) -> bool:
        """Move what is due into the fund's account, one movement a payment: its 税票号 stands on the fund's statement."""
        day = today()
        with self.store.look() as link:
            due = tax_books.payments(link, "state = 'paid' and handed_over = '' and due_on <= ?", [day.isoformat()], 500)
        if not due:
            return False
        legs = [
            {"source": COLLECTED, "target": "fund", "amount_fen": p.amount_fen, "kind": "tax-in", "reference": p.serial, "text": p.bill,
             "name": p.holder} for p in due
        ]  # fmt: skip
        digest = hashlib.sha256(" ".join(p.serial for p in due).encode()).hexdigest()[:24]
        try:
            self.bank.call("POST", "/peer/transfers", {"key": f"tax:over:{digest}", "legs": legs}, timeout=60)
        except (PartnerSilent, PartnerSaysNo):
            return False
        with self.store.change() as link:
            link.executemany("update payment set handed_over = ? where serial = ?", [(day.isoformat(), p.serial) for p in due])
            self.note(link, "handed-over", f"{len(due)} 笔、{money.yuan_shown(sum(p.amount_fen for p in due))} 元已划到社保收入户")
        return True

    def switched_off(self, link: sqlite3.Connection) -> None:
        self.telling.release(link, today())

    # -- pages

    def _home(self, request: Request) -> Answer:
        with self.store.look() as link:
            return tax_pages.answer(tax_pages.home(tax_books.bills(link, 50)))

    def _find(self, request: Request) -> Answer:
        number = request.query.get("number", "").strip().upper()
        with self.store.look() as link:
            try:
                tax_books.bill(link, number)
            except tax_books.NoSuchBill as error:
                return tax_pages.answer(tax_pages.home(tax_books.bills(link, 50), number, error.text), 404)
        return Answer(303, b"", headers={"Location": f"/pay/{number}"})

    def _bill(self, request: Request, number: str, problem: str = "", status: int = 200) -> Answer:
        with self.store.look() as link:
            try:
                bill = tax_books.bill(link, number)
            except tax_books.NoSuchBill as error:
                return tax_pages.answer(tax_pages.refused("没有这张单据", error.text), 404)
            payments = tax_books.payments(link, "bill = ?", [number])
        account = account_of(bill.pushed.payer.code)
        return tax_pages.answer(tax_pages.pay(bill, account, self._balance(account), payments, problem), status)

    def _balance(self, account: str) -> int | None:
        try:
            return int(self.bank.call("GET", f"/peer/account/{account}")["balance_fen"])
        except (PartnerSaysNo, PartnerSilent):
            return None

    def _pay(self, request: Request, number: str) -> Answer:
        form = request.form()
        shown = form.get("amount", "")
        try:
            with self.store.look() as link:
                bill = tax_books.bill(link, number)
            if bill.payable_fen and shown != str(bill.payable_fen):
                raise NotPayable("待缴金额已经变化，请核对新的金额后再缴费")
            payment = self.pay(number, None, channel=form.get("channel", ""))
        except tax_books.NoSuchBill as error:
            return tax_pages.answer(tax_pages.refused("没有这张单据", error.text), 404)
        except ShebaoError as error:
            return self._bill(request, number, error.text, error.status)
        self._await_told(payment)
        return Answer(303, b"", headers={"Location": f"/receipt/{payment.serial}"})

    def _await_told(self, payment: Payment) -> None:
        """A moment, so that whoever goes back to the hall finds the payment there; the clerk goes on telling if it takes longer."""
        until = time.monotonic() + TOLD_SECONDS
        while payment.state == "paid" and time.monotonic() < until:
            self.nudged.set()
            with self.store.look() as link:
                if self._told(link, payment.serial) == "answered":
                    return
            time.sleep(0.05)

    @staticmethod
    def _told(link: sqlite3.Connection, serial: str) -> str:
        row = link.execute("select o.state from payment p join outgoing o on o.message = p.message where p.serial = ?", [serial]).fetchone()
        return row["state"] if row else ""

    def _receipt(self, request: Request, serial: str) -> Answer:
        with self.store.look() as link:
            try:
                payment = tax_books.payment(link, serial)
            except tax_books.NoSuchPayment as error:
                return tax_pages.answer(tax_pages.refused("没有这个税票号", error.text), 404)
            state = self._told(link, serial)
        said = {"answered": "已告知社保经办机构", "refused": "社保经办机构没有受理，正在核对"}
        return tax_pages.answer(tax_pages.receipt(payment, said.get(state, "正在告知"), self.hall_url))

    # -- paying

    def pay(self, number: str, amount_fen: int | None, *, channel: str, account: str = "", force: bool = False) -> Payment:
        """Pay a bill from an account at the bank: intended here, moved there, settled here. Again after a fall, by `work`.

        Raises: NoSuchBill, NotPayable, BadRequest, PartnerSilent (nothing was intended).
        """
        if channel not in codec.CHANNELS:
            raise BadRequest("请选择一个缴费渠道")
        holder, code, wanted_fen, unit = "沙箱缴费人", number, amount_fen or 0, True
        with self.store.look() as link:
            try:
                bill: Bill = tax_books.bill(link, number)
                payer = bill.pushed.payer
                holder, code, wanted_fen, unit = payer.name, payer.code, max(wanted_fen, bill.payable_fen), payer.kind == "unit"
            except tax_books.NoSuchBill:
                if not force:
                    raise
        account = account or account_of(code)
        self.bank.call(
            "POST", "/peer/account", {"number": account, "holder": holder, "kind": "unit" if unit else "person", "need_fen": wanted_fen}
        )
        with self.store.change() as link:
            payment = tax_books.intend(link, number, amount_fen, channel=channel, account=account, holder=holder, at=now(), force=force)
        self._settle(payment)
        with self.store.look() as link:
            return tax_books.payment(link, payment.serial)

    def _paid_by_command(self, request: Request) -> Answer:
        """part_fen: only so much; over_fen: so much more than is owed; twice: the whole again, paid or not."""
        asked = request.json()
        number, channel = str(asked.get("bill", "")), str(asked.get("channel", "app"))
        part, over = _fen(asked, "part_fen"), _fen(asked, "over_fen")
        twice, account = asked.get("twice") is True, str(asked.get("account", ""))
        with self.store.look() as link:
            try:
                standing = tax_books.bill(link, number)
                payable, whole = standing.payable_fen, standing.pushed.total_fen
            except tax_books.NoSuchBill:
                if not over:
                    raise
                payable, whole = 0, 0  # a payment for a number nobody knows
        if over and part:
            raise BadRequest("--part 和 --over 只能选一个")
        wanted = payable + over if over else part or (payable or whole if twice else None)
        made = [self.pay(number, wanted, channel=channel, account=account, force=bool(over or twice))]
        if twice and payable:
            made.append(self.pay(number, wanted, channel=channel, account=account, force=True))
        self.round()
        with self.store.look() as link:
            return told({"payments": [_shown(tax_books.payment(link, each.serial)) for each in made]})

    def _reversed(self, request: Request) -> Answer:
        asked = request.json()
        with self.store.change() as link:
            tax_books.reverse(link, str(asked.get("serial", "")), reason=str(asked.get("reason") or "缴费人申请撤销"), at=now())
        self.nudged.set()
        return told({"serial": asked["serial"]})

    def shown(self, link: sqlite3.Connection) -> dict[str, Any]:
        counts = dict(link.execute("select state, count(*) from payment group by state").fetchall())
        outgoing = dict(link.execute("select state, count(*) from outgoing group by state").fetchall())
        waiting = link.execute("select message, path, trouble, tries, reason from outgoing where state = 'waiting' order by id limit 20")
        return {
            "bills": link.execute("select count(*) from bill where recalled = 0").fetchone()[0],
            "payable": link.execute("select count(*) from bill where recalled = 0 and total_fen - elsewhere_fen > taken_fen").fetchone()[0],
            "payments": counts,
            "messages": outgoing,
            "waiting": [dict(row) for row in waiting],
            "hall": self.hall_url,
            "latest": [_shown(p) for p in _latest(link)],
        }


def _latest(link: sqlite3.Connection) -> list[Payment]:
    rows = link.execute("select serial from payment order by serial desc limit 10").fetchall()
    return [tax_books.payment(link, row["serial"]) for row in rows]


def _shown(payment: Payment) -> dict[str, Any]:
    return {
        "serial": payment.serial,
        "bill": payment.bill,
        "amount": money.yuan(payment.amount_fen),
        "channel": payment.channel,
        "account": payment.account,
        "state": payment.state,
        "reason": payment.reason,
        "due_on": payment.due_on.isoformat(),
        "handed_over": payment.handed_over,
        "paid_at": payment.paid_at.isoformat(timespec="seconds"),
    }


def _fen(asked: dict[str, Any], name: str) -> int:
    value = asked.get(name) or 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= money.FEN_MAX:
        raise BadRequest("金额应为不小于零的整数分")
    return value
