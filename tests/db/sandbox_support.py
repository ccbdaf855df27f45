"""The real hall between the real sandbox partners: its web side listens, its runs are called, and its books are looked at."""

import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connections

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE, now
from shebao.gateways.partner_keys import keys_of, own_key
from shebao.gateways.tax_client import Partner
from shebao.ledger import closing
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import reconcile_statements
from shebao.levy.models import Bill, Receipt
from shebao.runs import bank_exchange, tax_office
from shebao.runs.bank_exchange import Exchanged
from shebao.sandbox.bank import FUND
from tests.db.support import PLACE
from tests.sandbox.support import Sandbox, sandbox

FAR = date(2099, 1, 1)


class _Web(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            connections.close_all()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    """The hall's own web side, in threads of this process, on this process's database."""
    server = make_server("127.0.0.1", port, get_wsgi_application(), _Web, _Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Town:
    """A hall with its partners. `partners.next_day()` turns the day of all three."""

    def __init__(self, partners: Sandbox) -> None:
        self.partners = partners
        self.exchange_folder = partners.folder / "bank" / "exchange"

    def tax(self) -> Partner:
        keys = self.partners.hall_keys
        return Partner(self.partners.tax.address(), own_key(keys), keys_of(keys, "tax"), timeout=10)

    def push(self) -> tax_office.Sent:
        return tax_office.send(self.tax(), clock=now, patient=True)

    def exchange(self) -> Exchanged:
        """A round with the bank, as the job does it."""
        keys = self.partners.hall_keys
        private, public = own_key(keys).private.private_bytes_raw(), [key.raw for key in keys_of(keys, "bank")]
        return bank_exchange.exchange(self.exchange_folder, private, public, self.tax(), place=PLACE, clock=now)

    def pay_on_page(self, bill: Bill, channel: str = "app") -> str:
        """What somebody reads who pays a bill in the browser."""
        form = urllib.parse.urlencode({"channel": channel, "amount": str(bill.open_fen)}).encode()
        with urllib.request.urlopen(f"{self.partners.tax.address()}/pay/{bill.number}", form, timeout=20) as answer:
            return str(answer.read().decode())

    def refused_files(self, folder: str) -> dict[str, str]:
        """By file what lies beside it in rejected/: code and sentence."""
        found = (self.exchange_folder / folder / "rejected").glob("*.why.txt")
        return {path.name.removesuffix(".why.txt"): path.read_text() for path in found}


@contextmanager
def town(monkeypatch: pytest.MonkeyPatch, *, opening_fen: int = 0, now_is: str = "2026-11-16T09:00:00") -> Iterator[Town]:
    """Partners, the hall's web side, keys exchanged, the 收入户 registered; the hall's clock is the partners'."""
    with listening() as port, sandbox("bank", fund=FUND, opening_fen=opening_fen, now=now_is) as partners:
        partners.hall_url = f"http://127.0.0.1:{port}"
        partners.start("tax")
        monkeypatch.setenv("SHEBAO_NOW", now_is)
        monkeypatch.setenv("SHEBAO_CLOCK", str(partners.clock))
        monkeypatch.setattr(settings, "PARTNERS", Path(partners.hall_keys))
        at = now()
        with acting(ENGINE):
            reconcile_statements.register_account(PLACE, FUND, "银行沙箱", 1, on=at.date(), at=at)
        yield Town(partners)


def balances() -> dict[AccountKind, int]:
    """By kind, fen, debit positive."""
    found: dict[AccountKind, int] = dict.fromkeys(AccountKind, 0)
    with acting(ENGINE):
        for row in trial_balance(PLACE, FAR):
            found[row.kind] += row.balance_fen
    return found


def books_hold() -> Mapping[AccountKind, int]:
    """The ledger sums to zero and every control account is what stands behind it. Returns the balances."""
    held = balances()
    assert sum(held.values()) == 0
    with acting(ENGINE):
        wrong = [line.sentence for line in closing.controls(PLACE) if line.difference_fen]
    assert wrong == []
    return held


def fresh(bill: Bill) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(pk=bill.pk)


def receipts(bill: Bill) -> list[Receipt]:
    with acting(ENGINE):
        return list(Receipt.objects.filter(bill_number=bill.number).order_by("id"))


def today() -> date:
    return now().astimezone(ZONE).date()
