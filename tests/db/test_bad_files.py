"""What partners send, spoiled in every way it can be, by every way it can come: refused with a sentence or harmless, and nothing changes.

The table is way × fault. A way says what it answered and, for what came good, what it brought about; a fault says what is done to a
good message. The good one is taken after all of them, and then once more.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.gateways import bank as codec
from shebao.gateways import partner_keys, strict_json
from shebao.gateways import statement as statements
from shebao.gateways import tax as wire
from shebao.gateways.bank_client import Http
from shebao.gateways.statement import Direction, Movement
from shebao.levy import reconcile_statements
from shebao.levy.bank_models import DebitBatch, Scheme
from shebao.levy.models import Bill
from shebao.runs import bank_exchange, bank_http
from shebao.sandbox.trouble import one_digit, truncated
from shebao.site import command, jobs
from tests import make
from tests.db import debit_support as bank
from tests.db import support
from tests.db.sandbox_support import books_hold
from tests.db.support import PLACE, as_owner
from tests.db.tax_support import IN_TIME, Teller, open_office, paid
from tests.db.web_support import Browser, words

NOW = "2026-11-21T10:00:00"
MONTH = 202611
ACCOUNT = "42010099000000001"
TABLES = (
    "levy_flexdue", "levy_debitbatch", "levy_debitresult", "levy_debitfile", "levy_receipt", "levy_statement", "levy_statementline",
    "levy_bill", "levy_allocation", "levy_taxheard", "levy_taxpayment", "ledger_entry", "accounts_entry", "contact_message",
)  # fmt: skip


@dataclass
class World:
    """A hall with four debit batches at the bank, an account whose statements come, bills at the tax office."""

    folder: Path
    batches: list[DebitBatch]
    people: list[int]
    teller: Teller

    def result(self, i: int, **changed: Any) -> bytes:
        return bank.answer(self.batches[i], self.folder, **changed)


@pytest.fixture(scope="module")
def world(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch, open_office(folder) as office:
        patch.setenv("SHEBAO_NOW", NOW)
        patch.setattr(settings, "PARTNERS", folder / "ours")
        support.make_agency()
        as_owner("update parties_agency set district = '420106'")
        partner_keys.add_key(folder / "ours", "tax", office.own.public.line)
        partner_keys.add_key(folder / "ours", "bank", bank_line())
        make.finance(username="cai")
        make.finance(username="wu")
        ways = [(s, b) for s in (Scheme.CITY, Scheme.PROVINCE) for b in (bank.POST, bank.FARM)]
        who = [bank.people(2, scheme=scheme, bank=code, since=202601) for scheme, code in ways]
        bank.owe([p for pair in who for p in pair], [202610, MONTH])
        # Each has its own (bank, day), whose files are numbered: no way waits for another.
        batches = [bank.sent(MONTH, folder, scheme=s, bank=b, day=15 if s == Scheme.PROVINCE else 20) for s, b in ways]
        support.hire(support.make_unit("甲公司"), 2)
        support.assess(202610)
        with acting(ENGINE):
            reconcile_statements.register_account(PLACE, ACCOUNT, "示例银行", 1, on=date(2026, 11, 1), at=now())
        yield World(folder, batches, [p for pair in who for p in pair], Teller(office))


def bank_line() -> str:
    raw = bank.BANK_PUBLIC
    return f"ed25519 {partner_keys.key_id_of(raw)} {base64.b64encode(raw).decode()}"


def state() -> list[tuple[Any, ...]]:
    """Everything a message could change."""
    return [as_owner(f"select count(*), md5(string_agg(t::text, ',' order by t::text)) from {table} t")[0] for table in TABLES]


# ---- results of debits ----------------------------------------------------------------------------------------------------------------


def resealed(content: bytes, line: int, at: int, text: bytes) -> bytes:
    """Changed by somebody who owns the bank's key: digest and signature hold again."""
    wide = codec.width(codec.Kind.DEBIT_RESULT)
    raw = bytearray(content)
    raw[line * wide + at : line * wide + at + len(text)] = text
    raw[-2 * wide + 23 : -2 * wide + 87] = hashlib.sha256(bytes(raw[: -2 * wide])).hexdigest().encode()
    raw[-wide + 1 : -wide + 89] = base64.b64encode(bank.BANK_KEY.sign(bytes(raw[:wide]) + bytes(raw[-2 * wide : -wide])))
    return bytes(raw)


def wrong_total(world: World, i: int) -> bytes:
    """The total of header says a fen more than the lines, sealed by the bank."""
    content = world.result(i)
    told = f"{codec.peek(content).total_fen:015d}".encode()
    other = f"{codec.peek(content).total_fen + 1:015d}".encode()
    assert content.count(told) >= 2
    first = content.index(told)
    return resealed(content, 0, first, other)


Spoil = Callable[[World, int], bytes]
FAULTS: dict[str, tuple[Spoil, set[str]]] = {
    "截断": (lambda w, i: truncated(w.result(i), Random(i)), {"BNK-01"}),
    "截断到整行": (lambda w, i: w.result(i)[: -codec.width(codec.Kind.DEBIT_RESULT)], {"BNK-01", "BNK-02", "BNK-06", "BNK-07", "BNK-08"}),
    "改动一位数字": (
        lambda w, i: one_digit(w.result(i), Random(i), rb"(?<=YH)[0-9]{12}"), {"BNK-07"}),
    "合计不符": (wrong_total, {"BNK-08", "BNK-09"}),
    "少一笔": (lambda w, i: w.result(i, change=lambda c: {n: v[:1] for n, v in c.items()}), {"BNK-26"}),
    "次序颠倒": (lambda w, i: w.result(i, order=2), {"BNK-23"}),
    "别人签名": (lambda w, i: w.result(i, key=bank.OUR_KEY), {"BNK-06"}),
    "空文件": (lambda w, i: b"", {"BNK-01", "BNK-02"}),
}  # fmt: skip


class Way:
    """One way by which a result comes. Returns the sentence it was refused with; empty when it was taken or known."""

    def __init__(self, world: World, i: int, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self.i, self.capsys = world, i, capsys

    @property
    def number(self) -> str:
        return self.world.batches[self.i].number

    def bring(self, content: bytes) -> str:
        raise NotImplementedError


class Page(Way):
    def bring(self, content: bytes) -> str:
        answer = Browser("cai").post("/w/debits/results", {"file": SimpleUploadedFile("结果.txt", content)})
        if answer.status_code == 302:
            jobs.finish_answered_batches.func()
            return ""
        assert answer.status_code in (409, 422), answer.status_code
        text = words(answer)
        return text[text.index("没有办理") :][:300]


class Folder(Way):
    link: Http | None = None

    def bring(self, content: bytes) -> str:
        root = self.world.folder / f"exchange{self.i}"
        name = f"DR_{self.number}_01.txt"
        (root / "inbox").mkdir(parents=True, exist_ok=True)
        self.put(root, name, content)
        keys = [bank.BANK_PUBLIC]
        done = bank_exchange.exchange(root, bank.OUR_KEY.private_bytes_raw(), keys, None, place=PLACE, clock=now)
        if done.refused:
            return (root / "inbox" / "rejected" / f"{name}.why.txt").read_text()
        if (root / "inbox" / name).exists():
            return "BNK-23 排队等候，没有入账"  # it keeps until its turn
        assert (root / "inbox" / "done" / name).exists()
        return ""

    def put(self, root: Path, name: str, content: bytes) -> None:
        (root / "inbox" / name).write_bytes(content)


class ByHttp(Folder):
    """A bank that answers calls: what it gives is carried into the inbox by the run of the hall."""

    def put(self, root: Path, name: str, content: bytes) -> None:
        (root / "inbox" / name).unlink(missing_ok=True)
        with answering(f"/results/{self.number}/01", content) as link:
            _, fetched = bank_http.carry(root, link)
        if not fetched:  # a result that is taken is asked for no more: a bank that pushes it all the same
            (root / "inbox" / name).write_bytes(content)


class Command(Way):
    def bring(self, content: bytes) -> str:
        path = self.world.folder / f"result{self.i}.txt"
        path.write_bytes(content)
        code = command.main(["debit", "receive", str(path), "--json"])
        told = self.capsys.readouterr()
        assert (code, bool(told.err)) in ((0, False), (2, True)), told
        return told.err


@contextmanager
def answering(path: str, content: bytes) -> Iterator[Http]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == path
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content) if known else 0))
            self.end_headers()
            if known:
                self.wfile.write(content)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *values: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Http(f"http://127.0.0.1:{server.server_port}", timeout=5)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


WAYS: list[type[Way]] = [Page, Folder, ByHttp, Command]


@pytest.mark.parametrize("i", range(len(WAYS)), ids=[way.__name__ for way in WAYS])
def test_a_result_of_debits(world: World, i: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", NOW)
    way = WAYS[i](world, i, capsys)
    before = state()
    told: dict[str, str] = {}
    for fault, (spoil, codes) in FAULTS.items():
        content = spoil(world, i)
        told[fault] = way.bring(content)
        assert state() == before, f"{fault} by {way.__class__.__name__} changed something"
        assert "没有入账" in told[fault], (fault, told[fault])
        if isinstance(way, Folder):
            assert told[fault][:6] in codes, (fault, told[fault])
    assert way.bring(world.result(i)) == ""
    assert bank.fresh(world.batches[i].pk).state == "posted"
    people = world.people[2 * i : 2 * i + 2]
    assert [bank.states(p) for p in people] == [{202610: "paid", MONTH: "paid"}] * 2
    after = state()
    again = way.bring(world.result(i))
    assert again == "" if isinstance(way, Folder) else "没有重复入账" in again
    other = way.bring(world.result(i, failed={1: "11"}))
    assert "已经回盘，这次的内容不同" in other and state() == after
    books_hold()


def test_two_batches_confirmed_one_after_the_other_both_go_out(world: World) -> None:
    """The second confirmation finds the job of the first still waiting, and is not undone by that."""
    who = [bank.people(1, bank=code, since=202612)[0] for code in (bank.POST, bank.FARM)]
    bank.owe(who, [202612])
    built = [bank.built(202612, world.folder, bank=code) for code in (bank.POST, bank.FARM)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", "2026-12-20T12:00:00")
        browser = Browser("wu")
        for batch in built:
            assert browser.post(f"/w/debits/{batch.number}/send").status_code == 302
            assert bank.fresh(batch.pk).state == "sent"
        for batch in built:  # taken away by hand it is the file that was confirmed
            patch.setattr(settings, "DATA", world.folder)
            (world.folder / "debits").mkdir(exist_ok=True)
            name = f"DK_{batch.number}_01.txt"
            (world.folder / "debits" / name).write_bytes((world.folder / name).read_bytes())
            given = browser.get(f"/w/debits/{batch.number}/file.txt")
            assert given.status_code == 200 and given.content == (world.folder / name).read_bytes()
            (world.folder / "debits" / name).write_bytes(b"changed")
            assert browser.get(f"/w/debits/{batch.number}/file.txt").status_code == 404


# ---- statements -----------------------------------------------------------------------------------------------------------------------


def movement(day: date, n: int) -> Movement:
    return Movement(f"YH{day:%m%d}{n:04d}", Direction.CREDIT, 12_345, "甲示例公司", "NO-SUCH-BILL", day)


def statement_of(day: date, sequence: int, opening_fen: int) -> bytes:
    return statements.write(ACCOUNT, day, sequence, opening_fen, [movement(day, 1), movement(day, 2)])


def resummed(content: bytes) -> bytes:
    """The closing balance is a fen off, and the digest of the last line is right again."""
    *body, _ = content.decode("gb18030").split("\r\n")[:-1]
    head = body[0].split("|")
    yuan, fen = head[6].split(".")
    head[6] = f"{yuan}.{(int(fen) + 1) % 100:02d}"
    kept = "".join(f"{line}\r\n" for line in ["|".join(head), *body[1:]]).encode("gb18030")
    return kept + f"{statements.TRAILER}|{hashlib.sha256(kept).hexdigest()}\r\n".encode("gb18030")


STATEMENT_FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "截断": lambda content: truncated(content, Random(3)),
    "改动一位数字": lambda content: one_digit(content, Random(3), rb"\|123\.45\|"),
    "合计不符": resummed,
    "空文件": lambda content: b"",
}


class StatementWay:
    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self.capsys = world, capsys

    def bring(self, content: bytes, day: date) -> str:
        raise NotImplementedError


class StatementPage(StatementWay):
    def bring(self, content: bytes, day: date) -> str:
        answer = Browser("cai").post("/w/reconciliation/statement", {"file": SimpleUploadedFile("对账单.txt", content)})
        if answer.status_code == 302:
            return ""
        assert answer.status_code in (409, 422), answer.status_code
        return words(answer)


class StatementFolder(StatementWay):
    def bring(self, content: bytes, day: date) -> str:
        root = self.world.folder / "statements-exchange"
        (root / "statements").mkdir(parents=True, exist_ok=True)
        (root / "statements" / "ST.txt").write_bytes(content)
        done = bank_exchange.exchange(root, bank.OUR_KEY.private_bytes_raw(), [bank.BANK_PUBLIC], None, place=PLACE, clock=now)
        return (root / "statements" / "rejected" / "ST.txt.why.txt").read_text() if done.refused else ""


class StatementCommand(StatementWay):
    def bring(self, content: bytes, day: date) -> str:
        path = self.world.folder / "statement.txt"
        path.write_bytes(content)
        code = command.main(["reconcile", "--day", day.isoformat(), "--statement", str(path), "--json"])
        told = self.capsys.readouterr()
        assert (code, bool(told.err)) in ((0, False), (2, True)), told
        return told.err


STATEMENT_WAYS: list[type[StatementWay]] = [StatementPage, StatementFolder, StatementCommand]


def test_a_statement_of_the_bank(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way brings one day; the next way goes on where it ended, so that an order can be wrong."""
    monkeypatch.setenv("SHEBAO_NOW", NOW)
    opening = 0
    for n, kind in enumerate(STATEMENT_WAYS):
        way, day = kind(world, capsys), date(2026, 11, 16 + n)
        good = statement_of(day, n + 1, opening)
        before = state()
        for fault, spoil in STATEMENT_FAULTS.items():
            told = way.bring(spoil(good), day)
            assert state() == before and ("银行" in told or "文件" in told), (fault, kind.__name__, told[:200])
        wrong = way.bring(statement_of(day, n + 1, opening + 1), day) if n else ""
        assert not n or ("期初余额" in wrong and "没有登记" in wrong and state() == before)
        assert way.bring(good, day) == ""
        reconciled(world)  # what was taken is reconciled by the next round, whichever way it came
        opening += 2 * 12_345
        after = state()
        again = way.bring(good, day)
        assert state() == after and (again == "" if kind is StatementFolder else "没有重复处理" in again), kind.__name__
        other = way.bring(statement_of(day, n + 1, opening + 7), day)
        assert "内容不同" in other and state() == after
    # Out of order: the 20th waits for the 19th, and both are there when that comes.
    early, first = statement_of(date(2026, 11, 20), 5, opening + 2 * 12_345), statement_of(date(2026, 11, 19), 4, opening)
    page = StatementPage(world, capsys)
    assert page.bring(early, date(2026, 11, 20)) == "" and loaded() == [1, 2, 3]
    assert page.bring(first, date(2026, 11, 19)) == "" and loaded() == [1, 2, 3, 4, 5]
    books_hold()


def reconciled(world: World) -> None:
    keys = [bank.BANK_PUBLIC]
    bank_exchange.exchange(world.folder / "rest", bank.OUR_KEY.private_bytes_raw(), keys, None, place=PLACE, clock=now)


def loaded() -> list[int]:
    return [row[0] for row in as_owner("select sequence from levy_statement where state = 'loaded' order by 1")]


# ---- messages of the tax office -------------------------------------------------------------------------------------------------------


def test_a_message_of_the_tax_office(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", NOW)
    teller = world.teller
    with acting(ENGINE):
        bill = Bill.objects.filter(kind="monthly").order_by("id").first()
    assert bill is not None
    good = teller.envelope(wire.payments_body([paid("SP1", bill.number, 100), paid("SP2", bill.number, 200)]), sequence=901)
    content = good.content()
    signature = signed_headers(teller, content)

    def wrong_total() -> bytes:
        told = json.loads(content)
        told["body"]["total_fen"] += 1
        return strict_json.dump(told)

    faults: dict[str, Callable[[], Any]] = {
        "截断": lambda: teller.post(wire.PAYMENTS, truncated(content, Random(5))),
        "截断，签名是原文的": lambda: raw(teller, truncated(content, Random(5)), signature),
        "改动一位数字，签名是原文的": lambda: raw(teller, one_digit(content, Random(5)), signature),
        "合计不符": lambda: teller.post(wire.PAYMENTS, wrong_total()),
        "别人签名": lambda: teller.post(wire.PAYMENTS, content, own=partner_keys.own_key(world.folder / "stranger")),
        "没有签名": lambda: teller.client.post(wire.PAYMENTS, content, content_type="application/json"),
        "空报文": lambda: teller.post(wire.PAYMENTS, b""),
        "同一流水两次": lambda: teller.tell(wire.PAYMENTS, wire.payments_body([paid("SP1", bill.number, 1), paid("SP1", bill.number, 1)])),
    }
    before = state()
    for fault, send in faults.items():
        answer = send()
        assert answer.status_code in (400, 401, 403, 409, 413, 422), (fault, answer.status_code)
        told = answer.json()
        assert told["code"].startswith("TAX-") and len(told["title"]) > 8, fault
        assert state() == before, f"{fault} changed something"
    first = teller.post(wire.PAYMENTS, content)
    assert first.status_code == 200
    after = state()
    again = teller.post(wire.PAYMENTS, content)
    assert again.content == first.content and state() == after, "replayed it has one answer and one effect"
    changed = teller.envelope(wire.payments_body([paid("SP9", bill.number, 7)]), message=good.message, sequence=902).content()
    refused = teller.post(wire.PAYMENTS, changed)
    assert refused.status_code == 409 and refused.json()["code"] == "TAX-08" and state() == after
    # Out of order: a later number first. Both are booked, each once.
    late = teller.tell(wire.PAYMENTS, wire.payments_body([paid("SP4", bill.number, 400)]), sequence=905)
    early = teller.tell(wire.PAYMENTS, wire.payments_body([paid("SP3", bill.number, 300, IN_TIME)]), sequence=904)
    assert (late.status_code, early.status_code) == (200, 200)
    assert as_owner("select paid_fen from levy_bill where id = %s", [bill.pk]) == [(1_000,)]


def signed_headers(teller: Teller, content: bytes) -> dict[str, str]:
    from shebao.gateways import signed
    from shebao.gateways.tax_client import true_time

    headers = signed.sign_request(teller.office.own, "POST", wire.PAYMENTS, content, at=true_time())
    return {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}


def raw(teller: Teller, content: bytes, headers: dict[str, str]) -> Any:
    return teller.client.post(wire.PAYMENTS, content, content_type="application/json", **headers)  # type: ignore[arg-type]
