"""A tax office for tests: a real HTTP server in a thread, with its own keys, that can be away, slow of wit, or lose its answers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

from django.test import Client

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.gateways import partner_keys, signed, strict_json
from shebao.gateways import tax as wire
from shebao.gateways.strict_json import MessageRefused
from shebao.gateways.tax_client import Partner, true_time
from shebao.levy.models import Bill
from shebao.levy.tax_models import TaxBill
from shebao.runs import tax_office
from tests.db.support import AT

_sequences = count(1)


@dataclass
class Office:
    """What the tax office knows. messages: by id what was answered, so that the same one is the same; pushed: every bill as it came."""

    keys: Path
    ours: Path
    url: str = ""
    away: bool = False
    loses: int = 0  # of its next answers
    refuses: set[str] = field(default_factory=set)
    paid: set[str] = field(default_factory=set)
    answers: dict[UUID, bytes] = field(default_factory=dict)
    contents: dict[UUID, bytes] = field(default_factory=dict)
    pushed: list[wire.TaxBill] = field(default_factory=list)
    recalled: list[wire.Recall] = field(default_factory=list)
    bills: dict[str, wire.TaxBill] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    days: dict[date, list[wire.DayLine]] = field(default_factory=dict)
    calls: int = 0

    @property
    def own(self) -> partner_keys.OwnKey:
        return partner_keys.own_key(self.keys)

    def partner(self, url: str = "") -> Partner:
        """Us, speaking to it."""
        return Partner(url or self.url, partner_keys.own_key(self.ours), [self.own.public], timeout=5)

    def answer(self, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, UUID | None, bytes]:
        message = None
        try:
            signed.verify_request([partner_keys.own_key(self.ours).public], headers, "POST", path, content, at=true_time())
            envelope = signed.read_envelope(content)
            message = envelope.message
            if message in self.answers:
                assert self.contents[message] == content, "a message never changes"
                return 200, message, self.answers[message]
            told = strict_json.dump(self._done(path, envelope))
        except MessageRefused as error:
            return error.status, message, strict_json.dump({"code": error.code, "title": error.text, "status": error.status})
        self.answers[message], self.contents[message] = told, content
        return 200, message, told

    def _done(self, path: str, envelope: signed.Envelope) -> dict[str, object]:
        if path == wire.BILLS:
            return wire.outcomes_body([self._push(bill) for bill in wire.read_bills(envelope.body)])
        if path == wire.RECALLS:
            return wire.outcomes_body([self._recall(one) for one in wire.read_recalls(envelope.body)])
        if path == wire.ASKED_STATES:
            return wire.states_told_body([self._state(number) for number in wire.read_states_asked(envelope.body)])
        asked = wire.read_day_asked(envelope.body)
        lines = sorted(self.days.get(asked.day, []), key=lambda line: line.paid.serial)
        good = [line.paid.amount_fen for line in lines if not line.reversed]
        rest = [line for line in lines if line.paid.serial > asked.after]
        return wire.DayList(asked.day, len(good), sum(good), tuple(rest[:2]), len(rest) > 2).told()

    def _push(self, bill: wire.TaxBill) -> wire.Outcome:
        if bill.number in self.refuses:
            return wire.Outcome(bill.number, bill.version, "refused", "SW-01", "纳税人识别号未登记")
        self.pushed.append(bill)
        if bill.version > self.versions.get(bill.number, 0):
            self.bills[bill.number], self.versions[bill.number] = bill, bill.version
        return wire.Outcome(bill.number, bill.version, "accepted")

    def _recall(self, one: wire.Recall) -> wire.Outcome:
        if one.number in self.paid:
            return wire.Outcome(one.number, one.version, "paid", "SW-02", "已开具税票")
        self.recalled.append(one)
        self.versions[one.number] = one.version
        known = self.bills.pop(one.number, None)
        return wire.Outcome(one.number, one.version, "recalled" if known else "unknown")

    def _state(self, number: str) -> wire.State:
        state = "unknown" if number not in self.bills else "paid" if number in self.paid else "waiting"
        return wire.State(number, self.versions.get(number, 0), state, 0)


def _handler(office: Office) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            office.calls += 1
            if office.away:
                self.send_response(503)
                self.end_headers()
                return
            status, message, told = office.answer(self.path, content, dict(self.headers))
            if office.loses:
                office.loses -= 1
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in signed.sign_answer(office.own, status, message, told, at=true_time()).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *values: object) -> None:
            pass

    return Handler


@contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    """An office that listens on loopback until the end of the block."""
    office = Office(folder / "theirs", folder / "ours")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(office))
    office.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield office
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(office: Office | None, at: datetime = AT) -> tax_office.Sent:
    return tax_office.send(office.partner() if office else None, clock=lambda: at)


def states() -> dict[str, str]:
    """By bill's number where it is with the tax office."""
    with acting(ENGINE):
        return dict(TaxBill.objects.values_list("bill__number", "state"))


def bills_of(unit: int) -> list[Bill]:
    with acting(ENGINE):
        return list(Bill.objects.filter(unit_id=unit).order_by("id"))


@dataclass
class Teller:
    """The tax office as it calls us: through Django, with everything around the view."""

    office: Office
    client: Client = field(default_factory=lambda: Client(SERVER_NAME="localhost"))

    def envelope(self, body: dict[str, object], **changed: object) -> signed.Envelope:
        told = {"sender": "tax", "message": uuid4(), "sequence": next(_sequences), "day": AT.date(), "body": body} | changed
        return signed.Envelope(**told)  # type: ignore[arg-type]

    def post(self, path: str, content: bytes, *, own: partner_keys.OwnKey | None = None, **changed: str):  # type: ignore[no-untyped-def]
        headers = signed.sign_request(own or self.office.own, "POST", path, content, at=true_time()) | changed
        given = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        return self.client.post(path, content, content_type="application/json", **given)

    def tell(self, path: str, body: dict[str, object], **changed: object):  # type: ignore[no-untyped-def]
        return self.post(path, self.envelope(body, **changed).content())

    def pay(self, *payments: wire.Paid) -> list[str]:
        """Tell of payments; the outcome of each."""
        answer = self.tell(wire.PAYMENTS, wire.payments_body(payments))
        assert answer.status_code == 200, answer.content.decode()
        return [one.outcome for one in wire.read_heard(strict_json.load(answer.content))]

    def pay_raw(self, *payments: wire.Paid):  # type: ignore[no-untyped-def]
        """Tell of payments; the answer as it is."""
        return self.tell(wire.PAYMENTS, wire.payments_body(payments))

    def reverse(self, *reversals: wire.Reversal) -> list[str]:
        answer = self.tell(wire.REVERSALS, wire.reversals_body(reversals))
        assert answer.status_code == 200, answer.content.decode()
        return [one.outcome for one in wire.read_heard(strict_json.load(answer.content))]


IN_TIME = AT.replace(day=3)  # before October's bills are due


def paid(serial: str, number: str, fen: int, at: datetime = IN_TIME, channel: str = "app") -> wire.Paid:
    return wire.Paid(serial, number, fen, at, channel)
