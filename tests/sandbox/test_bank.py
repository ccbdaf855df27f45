"""The sandbox bank from outside: files in, results and statements out, each switch of trouble, killed in the middle."""

import random
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from shebao.gateways import bank, statement
from shebao.gateways.bank import BankFile, BankFileRefused, Header, Kind
from shebao.gateways.bank_client import BankUnreachable, Http, put_file
from shebao.gateways.partner_keys import own_key
from shebao.gateways.statement import StatementRefused
from tests.sandbox.support import TODAY, Sandbox, await_true, sandbox

HALL, BANK = "SB420100", "BK403"
FUND = "42010099000000001"
OPENING_FEN = 5_000_00
numbers, batches = count(1), count(1)
Line = tuple[str, str, str, int]  # 加办单号, account, name, fen


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with sandbox("bank", opening_fen=OPENING_FEN) as made:
        yield made


@pytest.fixture
def partners() -> Iterator[Sandbox]:
    """A bank of one test: days, orders and statements begin anew."""
    with sandbox("bank", opening_fen=OPENING_FEN) as made:
        yield made


def key_of(made: Sandbox) -> bytes:
    return own_key(made.hall_keys).private.private_bytes_raw()


def line(fen: int, balance_fen: int, made: Sandbox, **more: object) -> Line:
    """A debit of a fresh customer whose account holds so much."""
    n = next(numbers)
    account, name = f"6217{n:012d}", f"沙箱客户{n}"
    made.bank.call("POST", "/control/account", {"number": account, "balance_fen": balance_fen, "holder": name, **more})
    return f"JB{n:08d}", account, name, fen


def debit_file(made: Sandbox, lines: Sequence[Line], *, order: int = 1, batch: str = "", day: date = TODAY) -> tuple[str, bytes]:
    batch = batch or f"PK{next(batches):06d}"
    columns = {
        "sequence": np.arange(1, len(lines) + 1),
        "number": np.array([each[0].encode() for each in lines], "S16"),
        "account": np.array([each[1].encode() for each in lines], "S20"),
        "name": np.array([bank.name_bytes(each[2]) for each in lines], "S32"),
        "amount": np.array([each[3] for each in lines]),
        "first_month": np.full(len(lines), 202611),
        "last_month": np.full(len(lines), 202611),
        "months": np.full(len(lines), 1),
    }
    return batch, bank.write(Header(Kind.DEBIT, HALL, BANK, batch, day, order), columns, key_of(made))


def inbox(made: Sandbox, name: str) -> Path:
    return made.folder / "bank" / "exchange" / "inbox" / name


def statements(made: Sandbox) -> list[Path]:
    return sorted((made.folder / "bank" / "exchange" / "statements").glob("DZ_*.txt"))


def put(made: Sandbox, name: str, content: bytes) -> None:
    put_file(made.folder / "bank" / "exchange" / "outbox", name, content)


def read(made: Sandbox, content: bytes, *, today: date = TODAY) -> BankFile:
    public = own_key(made.folder / "bank" / "partners").public.raw
    return bank.read(content, Kind.DEBIT_RESULT, sender=BANK, receiver=HALL, public_key=public, today=today)


def results(file: BankFile) -> list[str]:
    return [code.decode() for code in file.columns["result"].tolist()]


def balance(made: Sandbox, account: str) -> int:
    return int(made.bank.call("GET", f"/control/account/{account}")["balance_fen"])


def test_each_line_is_taken_whole_or_not_at_all_and_the_fund_gets_the_sum(partners: Sandbox) -> None:
    enough, short = line(100_00, 100_00, partners), line(100_00, 99_99, partners)
    closed, frozen = line(1_00, 50_00, partners, state="closed"), line(1_00, 50_00, partners, state="frozen")
    renamed = line(1_00, 50_00, partners)
    partners.bank.call("POST", "/control/account", {"number": renamed[1], "holder": "别人"})
    ended = line(1_00, 50_00, partners)
    partners.bank.call("POST", "/control/agreement", {"number": ended[0], "account": ended[1], "name": ended[2], "state": "ended"})
    lines = [enough, short, closed, frozen, renamed, ended]
    batch, content = debit_file(partners, lines)
    put(partners, f"DK_{batch}_01.txt", content)
    answer = inbox(partners, f"DR_{batch}_01.txt")
    await_true(answer.exists)
    file = read(partners, answer.read_bytes())
    assert results(file) == ["00", "11", "12", "13", "14", "15"]
    assert file.header.total_fen == 100_00
    assert [balance(partners, each[1]) for each in (enough, short, closed)] == [0, 99_99, 50_00]
    assert balance(partners, FUND) == OPENING_FEN + 100_00
    assert partners.show("bank")["books"] == "right"

    partners.next_day()
    (stated,) = statements(partners)
    told = statement.read(stated.read_bytes(), today=TODAY + timedelta(days=1))
    assert (told.account, told.day, told.sequence, told.opening_fen, told.closing_fen) == (
        FUND,
        TODAY,
        1,
        OPENING_FEN,
        OPENING_FEN + 100_00,
    )
    assert [(m.reference, m.amount_fen) for m in told.movements] == [(batch, 100_00)]


def test_accounts_of_a_demo_city_are_opened_on_demand_and_hold_what_their_number_says(running: Sandbox) -> None:
    lines = [(f"JBX{n:06d}", f"6228{n:014d}", f"演示客户{n}", 800_00) for n in range(60)]
    batch, content = debit_file(running, lines)
    http = Http(running.bank.address())
    http.send(f"DK_{batch}_01.txt", content)
    http.send(f"DK_{batch}_01.txt", content)
    await_true(lambda: http.fetch(batch, 1) is not None)
    answered = http.fetch(batch, 1)
    assert answered
    codes = results(read(running, answered))
    assert {"00", "11"} == set(codes), "most have enough, some have not"
    assert codes.count("11") < 20
    assert http.fetch("PK-NONE", 1) is None


def test_a_batch_is_taken_once_and_other_bytes_under_its_number_are_refused(running: Sandbox) -> None:
    one = line(10_00, 100_00, running)
    batch, content = debit_file(running, [one], order=2)
    http = Http(running.bank.address())
    http.send("a", content)
    await_true(lambda: http.fetch(batch, 1) is not None)
    put(running, f"DK_{batch}_01.txt", content)
    await_true((running.folder / "bank" / "exchange" / "outbox" / "done" / f"DK_{batch}_01.txt").exists)
    assert balance(running, one[1]) == 90_00
    _, other = debit_file(running, [(*one[:3], 20_00)], order=3, batch=batch)
    with pytest.raises(BankUnreachable, match="422"):
        http.send("b", other)
    assert balance(running, one[1]) == 90_00


def test_a_file_before_its_turn_waits_for_the_one_before_it(partners: Sandbox) -> None:
    first, second = line(10_00, 100_00, partners), line(10_00, 100_00, partners)
    batch_one, one = debit_file(partners, [first], order=1)
    batch_two, two = debit_file(partners, [second], order=2)
    put(partners, f"DK_{batch_two}_01.txt", two)
    partners.rounds()
    assert (balance(partners, second[1]), inbox(partners, f"DR_{batch_two}_01.txt").exists()) == (100_00, False)
    put(partners, f"DK_{batch_one}_01.txt", one)
    await_true(inbox(partners, f"DR_{batch_two}_01.txt").exists)
    assert read(partners, inbox(partners, f"DR_{batch_one}_01.txt").read_bytes()).header.order == 1
    assert balance(partners, second[1]) == 90_00


@pytest.mark.parametrize("spoil", ["cut", "digit", "other key"])
def test_a_damaged_debit_file_lies_apart_with_its_reason_and_nobody_is_debited(running: Sandbox, spoil: str) -> None:
    one = line(10_00, 100_00, running)
    batch, content = debit_file(running, [one], order=50)
    if spoil == "other key":
        sandbox_key = own_key(running.root / "somebody").private.private_bytes_raw()
        header = bank.peek(content)
        file = bank.read(content, Kind.DEBIT, sender=HALL, receiver=BANK, public_key=own_key(running.hall_keys).public.raw, today=TODAY)
        content = bank.write(header, file.columns, sandbox_key)
    content = {"cut": content[:-40], "digit": content.replace(b"1000", b"1001", 1), "other key": content}[spoil]
    name = f"DK_{batch}_01.txt"
    put(running, name, content)
    why = running.folder / "bank" / "exchange" / "outbox" / "rejected" / f"{name}.why.txt"
    await_true(why.exists)
    assert why.read_text().startswith({"cut": "BNK-01", "digit": "BNK-0", "other key": "BNK-06"}[spoil])
    assert balance(running, one[1]) == 100_00


@pytest.mark.parametrize(("kind", "codes"), [("truncated", ("BNK-01", "BNK-07")), ("digit", ("BNK-07",)), ("wrong-totals", ("BNK-09",))])
def test_a_result_in_trouble_is_refused_by_the_codec_and_sent_again_when_the_hall_has_refused_it(
    partners: Sandbox, kind: str, codes: tuple[str, ...]
) -> None:
    partners.trouble("bank", kind, 1, message="result", seed=7)
    batch, content = debit_file(partners, [line(10_00, 100_00, partners)])
    put(partners, f"DK_{batch}_01.txt", content)
    answer = inbox(partners, f"DR_{batch}_01.txt")
    await_true(answer.exists)
    with pytest.raises(BankFileRefused) as refused:
        read(partners, answer.read_bytes())
    assert refused.value.code in codes
    http = Http(partners.bank.address())
    assert http.fetch(batch, 1) == answer.read_bytes()
    rejected = answer.parent / "rejected"
    rejected.mkdir()
    answer.rename(rejected / answer.name)
    await_true(answer.exists)
    assert results(read(partners, answer.read_bytes())) == ["00"]
    assert http.fetch(batch, 1) == answer.read_bytes()


def test_a_doubled_result_comes_again_after_it_was_taken(partners: Sandbox) -> None:
    partners.trouble("bank", "twice", 1, message="result")
    batch, content = debit_file(partners, [line(10_00, 100_00, partners)])
    put(partners, f"DK_{batch}_01.txt", content)
    answer = inbox(partners, f"DR_{batch}_01.txt")
    await_true(answer.exists)
    first = answer.read_bytes()
    answer.unlink()
    await_true(answer.exists)
    assert answer.read_bytes() == first
    answer.unlink()
    partners.rounds()
    assert not answer.exists()


def test_a_late_result_comes_on_the_next_day_or_when_the_trouble_is_over(partners: Sandbox) -> None:
    partners.trouble("bank", "late", 2, message="result")
    batch_one, one = debit_file(partners, [line(10_00, 100_00, partners)], order=1)
    put(partners, f"DK_{batch_one}_01.txt", one)
    partners.rounds()
    assert not inbox(partners, f"DR_{batch_one}_01.txt").exists()
    assert Http(partners.bank.address()).fetch(batch_one, 1) is None
    partners.next_day()
    assert inbox(partners, f"DR_{batch_one}_01.txt").exists()
    batch_two, two = debit_file(partners, [line(10_00, 100_00, partners)], order=1, day=TODAY + timedelta(days=1))
    put(partners, f"DK_{batch_two}_01.txt", two)
    partners.rounds()
    assert not inbox(partners, f"DR_{batch_two}_01.txt").exists()
    partners.bank.call("POST", "/control/trouble", {"kind": "off"})
    await_true(inbox(partners, f"DR_{batch_two}_01.txt").exists)


def test_results_out_of_order_keep_their_numbers(partners: Sandbox) -> None:
    partners.trouble("bank", "out-of-order", 1, message="result")
    made = []
    for order in (1, 2):
        batch, content = debit_file(partners, [line(10_00, 100_00, partners)], order=order)
        put(partners, f"DK_{batch}_01.txt", content)
        made.append(inbox(partners, f"DR_{batch}_01.txt"))
        partners.rounds()
    await_true(lambda: all(path.exists() for path in made))
    assert made[0].stat().st_mtime_ns >= made[1].stat().st_mtime_ns, "the first comes after the second"
    assert [read(partners, path.read_bytes()).header.order for path in made] == [1, 2]


def test_what_failed_may_be_taken_later_and_told_in_a_further_part(partners: Sandbox) -> None:
    paid, poor = line(10_00, 100_00, partners), line(10_00, 5_00, partners)
    batch, content = debit_file(partners, [paid, poor])
    put(partners, f"DK_{batch}_01.txt", content)
    await_true(inbox(partners, f"DR_{batch}_01.txt").exists)
    assert partners.bank.call("POST", "/control/retry", {"batch": batch})["file"] == ""
    partners.bank.call("POST", "/control/account", {"number": poor[1], "balance_fen": 10_00})
    assert partners.bank.call("POST", "/control/retry", {"batch": batch})["file"].startswith("DR_")
    late = inbox(partners, f"DR_{batch}_02.txt")
    await_true(late.exists)
    file = read(partners, late.read_bytes())
    assert (file.columns["number"].tolist(), results(file)) == ([poor[0].encode()], ["00"])
    assert (balance(partners, paid[1]), balance(partners, poor[1])) == (90_00, 0)


STATEMENT_TROUBLE = [("truncated", ("STM-07", "STM-04")), ("digit", ("STM-12",)), ("wrong-totals", ("STM-09",))]


@pytest.mark.parametrize(("kind", "codes"), STATEMENT_TROUBLE)
def test_a_statement_in_trouble_is_refused_by_the_codec(partners: Sandbox, kind: str, codes: tuple[str, ...]) -> None:
    batch, content = debit_file(partners, [line(10_00, 100_00, partners)])
    put(partners, f"DK_{batch}_01.txt", content)
    await_true(inbox(partners, f"DR_{batch}_01.txt").exists)
    partners.trouble("bank", kind, 1, message="statement", seed=3)
    partners.next_day()
    with pytest.raises(StatementRefused) as refused:
        statement.read(statements(partners)[0].read_bytes(), today=TODAY + timedelta(days=1))
    assert refused.value.code in codes
    partners.bank.call("POST", "/control/again", {"name": statements(partners)[0].name})
    partners.rounds()
    assert statement.read(statements(partners)[0].read_bytes(), today=TODAY + timedelta(days=1)).sequence == 1


def test_every_day_has_a_statement_and_each_opens_with_the_closing_of_the_last(partners: Sandbox) -> None:
    batch, content = debit_file(partners, [line(10_00, 100_00, partners)])
    put(partners, f"DK_{batch}_01.txt", content)
    await_true(inbox(partners, f"DR_{batch}_01.txt").exists)
    partners.next_day(4)
    told = [statement.read(path.read_bytes(), today=TODAY + timedelta(days=4)) for path in statements(partners)]
    assert [(each.day, each.sequence) for each in told] == [(TODAY + timedelta(days=i), i + 1) for i in range(4)]
    assert [each.opening_fen for each in told[1:]] == [each.closing_fen for each in told[:-1]]


def payout_file(made: Sandbox, lines: Sequence[Line], *, order: int = 1, key: bytes = b"") -> tuple[str, bytes]:
    """FK: refunds of the hall; a Line is number, account, name, fen."""
    batch = f"TF{next(batches):06d}"
    columns = {
        "sequence": np.arange(1, len(lines) + 1),
        "number": np.array([each[0].encode() for each in lines], "S16"),
        "account": np.array([each[1].encode() for each in lines], "S20"),
        "name": np.array([bank.name_bytes(each[2]) for each in lines], "S32"),
        "amount": np.array([each[3] for each in lines]),
        "purpose": np.array(["社保退费".encode("gb18030")] * len(lines)),
    }
    return batch, bank.write(Header(Kind.PAYOUT, HALL, BANK, batch, TODAY, order), columns, key or key_of(made))


def refund(line: Line, number: str, fen: int) -> Line:
    return number, line[1], line[2], fen


@pytest.mark.parametrize("way", ["folder", "http"])
def test_refunds_are_paid_from_the_fund_once_and_what_cannot_be_paid_is_answered(partners: Sandbox, way: str) -> None:
    good, closed = line(0, 1_00, partners), line(0, 1_00, partners, state="closed")
    lines = [refund(good, "TK00000001-1", 20_00), refund(closed, "TK00000002-1", 30_00), refund(good, "TK00000003-1", OPENING_FEN)]
    batch, content = payout_file(partners, lines)
    http = Http(partners.bank.address())
    for _ in range(2):  # the same bytes again change nothing
        if way == "http":
            http.send("FK", content, path="payouts")
        else:
            put(partners, f"FK_{batch}_01.txt", content)
            await_true((partners.folder / "bank" / "exchange" / "outbox" / "done" / f"FK_{batch}_01.txt").exists)
    answer = inbox(partners, f"FR_{batch}_01.txt")
    await_true(answer.exists)
    public = own_key(partners.folder / "bank" / "partners").public.raw
    file = bank.read(answer.read_bytes(), Kind.PAYOUT_RESULT, sender=BANK, receiver=HALL, public_key=public, today=TODAY)
    assert http.fetch(batch, 1, path="payout-results") == answer.read_bytes()
    assert results(file) == ["00", "12", "11"]
    assert (file.header.batch, file.header.total_fen) == (batch, 20_00)
    assert (balance(partners, good[1]), balance(partners, closed[1]), balance(partners, FUND)) == (21_00, 1_00, OPENING_FEN - 20_00)
    for _ in range(2):
        partners.bank.call("POST", "/control/return", {"serial": "TK00000001-1"})
    partners.next_day()
    told = statement.read(statements(partners)[0].read_bytes(), today=TODAY + timedelta(days=1))
    assert [(m.direction.value, m.amount_fen, m.reference) for m in told.movements] == [
        ("debit", 20_00, "TK00000001-1"), ("credit", 20_00, "TK00000001-1")
    ]  # fmt: skip
    assert told.closing_fen == OPENING_FEN
    assert partners.show("bank")["books"] == "right"


def test_a_payout_file_that_somebody_else_signed_or_a_digit_of_which_was_changed_pays_nobody(partners: Sandbox) -> None:
    payee = line(0, 1_00, partners)
    batch, forged = payout_file(partners, [refund(payee, "TK00000001-1", 20_00)], key=bytes(32))
    _, true = payout_file(partners, [refund(payee, "TK00000001-1", 20_00)])
    put(partners, f"FK_{batch}_01.txt", forged)
    put(partners, "FK_changed_01.txt", true.replace(b"000000002000", b"000000009000", 1))
    rejected = partners.folder / "bank" / "exchange" / "outbox" / "rejected"
    await_true(lambda: len(list(rejected.glob("*.why.txt"))) == 2)
    assert sorted(path.read_text()[:6] for path in rejected.glob("*.why.txt")) == ["BNK-06", "BNK-07"]
    assert (balance(partners, payee[1]), balance(partners, FUND)) == (1_00, OPENING_FEN)


def test_while_the_bank_is_down_files_wait_and_one_post_after_it_is_enough(partners: Sandbox) -> None:
    one = line(10_00, 100_00, partners)
    batch, content = debit_file(partners, [one])
    http = Http(partners.bank.address(), timeout=5)
    partners.trouble("bank", "down", 2, how="503")
    for _ in range(2):
        with pytest.raises(BankUnreachable):
            http.send("DK", content)
    partners.trouble("bank", "down", 1, how="lost")
    with pytest.raises(BankUnreachable):
        http.send("DK", content)
    http.send("DK", content)
    await_true(lambda: http.fetch(batch, 1) is not None)
    assert balance(partners, one[1]) == 90_00


def test_killed_again_and_again_each_account_is_debited_once_and_the_answer_comes(partners: Sandbox) -> None:
    chance = random.Random(4)
    lines = [line(10_00, 100_00, partners) for _ in range(8)]
    made = []
    for order in range(1, 7):
        batch, content = debit_file(partners, lines, order=order)
        put(partners, f"DK_{batch}_01.txt", content)
        made.append(inbox(partners, f"DR_{batch}_01.txt"))
        time.sleep(chance.uniform(0, 0.25))
        partners.kill("bank")
        partners.start("bank")
    await_true(lambda: all(path.exists() for path in made))
    assert [balance(partners, each[1]) for each in lines] == [40_00] * 8
    assert balance(partners, FUND) == OPENING_FEN + 6 * 8 * 10_00
    assert partners.show("bank")["books"] == "right"
    assert [read(partners, path.read_bytes()).header.order for path in made] == [1, 2, 3, 4, 5, 6]


def test_a_second_bank_on_the_same_folder_is_refused_with_a_sentence(running: Sandbox) -> None:
    with pytest.raises(AssertionError, match="正由另一个进程使用"):
        running.start("bank")


def test_nobody_reaches_accounts_without_the_token(running: Sandbox) -> None:
    import urllib.request

    for path in (f"/peer/account/{FUND}", f"/control/account/{FUND}"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(running.bank.address() + path, timeout=5)
