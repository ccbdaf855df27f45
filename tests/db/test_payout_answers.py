"""The bank's answer to a payout file is held against every line that we sent; nothing of a wrong one is applied."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.gateways import bank as codec
from shebao.gateways.bank import BankFileRefused, Header, Kind
from shebao.levy import payout_answers, payouts
from shebao.levy.debit_answers import FileEarly
from shebao.levy.models import Bill
from shebao.levy.refund_models import Payout, PayoutAnswer
from tests.db import support
from tests.db.money_support import (
    TODAY,
    apply_refund,
    arrive,
    balances,
    check_everything,
    of_suspense,
    payment,
    refund_of,
    review_refund,
    tell,
)
from tests.db.support import AT, PLACE, finance

KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (7, 8))
KEYS = {"403": [KEY.public_key().public_bytes_raw()], "103": [OTHER_KEY.public_key().public_bytes_raw()]}
days = count(1)


@pytest.fixture(scope="module")
def bill(database: str) -> Iterator[Bill]:
    support.make_agency(1)
    unit = support.make_unit("甲公司", agency=1)
    support.hire(unit, 2, month=202610)
    support.assess(202610)
    with acting(ENGINE):
        found = Bill.objects.get(unit_id=unit, month=202610)
    tell(payment(found, found.total_fen, "P"))
    arrive("P")
    yield found


@pytest.fixture
def payout(bill: Bill) -> Iterator[tuple[Payout, list[int]]]:
    """Two refunds on their way to the bank, and what must hold at the end."""
    day = TODAY - timedelta(days=next(days))
    found = []
    for fen in (700, 900):
        serial = f"P{day:%m%d}{fen}"
        tell(payment(bill, bill.total_fen, serial))  # a second time: in suspense
        arrive(serial)
        found.append(apply_refund(of_suspense(serial, fen)))
        review_refund(found[-1])
    with acting(finance()):
        made = payouts.instruct(1, PLACE, bank="403", private_key=bytes(32), on=day, at=AT)
    yield made, found
    check_everything()


def answer(
    sent: Payout, results: list[str], *, key: Ed25519PrivateKey = KEY, bank: str = "403", order: int = 1, part: int = 1,
    batch: str = "", only: slice = slice(None), **changed: Any,
) -> bytes:  # fmt: skip
    """The bank's answer; changed: columns that it gets wrong."""
    ours = codec.lines_of(bytes(sent.content), Kind.PAYOUT)
    columns: Mapping[str, Any] = {name: ours[name][only] for name in ("sequence", "number", "account", "name", "amount")}
    n = len(columns["sequence"])
    taken = np.where(np.array(results[:n]) == codec.SUCCESS, columns["amount"], 0)
    columns |= {"result": np.array([r.encode() for r in results[:n]]), "taken": taken, "day": np.full(n, 20200101)}
    columns |= {"serial": np.array([b"B1"] * n)} | changed
    header = Header(Kind.PAYOUT_RESULT, f"BK{bank}", f"SB{PLACE}", batch or sent.number, sent.day, order, part)
    return codec.write(header, columns, key.private_bytes_raw())


def receive(content: bytes) -> int:
    with acting(ENGINE):
        return payout_answers.receive(content, KEYS, on=TODAY, at=AT)


def states(found: list[int]) -> list[str]:
    return [refund_of(pk).state for pk in found]


def test_what_the_bank_refuses_never_left_us_and_the_rest_waits_for_the_statement(payout: tuple[Payout, list[int]]) -> None:
    sent, found = payout
    before = balances()
    content = answer(sent, ["12", "00"])
    assert receive(content) == 1
    assert states(found) == ["returned", "instructed"]
    assert receive(content) == 0, "the same bytes again change nothing"
    assert balances() == before
    with pytest.raises(BankFileRefused, match="已经回盘") as told:
        receive(answer(sent, ["12", "12"], order=2))
    assert (told.value.code, states(found)) == ("BNK-22", ["returned", "instructed"])


WRONG = {
    "another batch": ("BNK-24", {"batch": "TF20200101-1-001"}),
    "a line that we never sent": ("BNK-25", {"sequence": np.array([1, 3])}),
    "a line is missing": ("BNK-26", {"only": slice(1)}),
    "another amount": ("BNK-27", {"amount": np.array([700, 901]), "taken": np.array([0, 901])}),
    "another account": ("BNK-28", {"account": np.array([b"42010012345678", b"42010012345679"])}),
    "another refund": ("BNK-28", {"number": np.array([b"TK00000099-1", b"TK00000098-1"])}),
    "a second part": ("BNK-29", {"part": 2}),
    "another bank signs for it": ("BNK-06", {"key": OTHER_KEY}),
    "another bank answers for it": ("BNK-05", {"key": OTHER_KEY, "bank": "103"}),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_answer_that_does_not_fit_what_we_sent_is_refused_whole(payout: tuple[Payout, list[int]], what: str) -> None:
    code, changed = WRONG[what]
    with pytest.raises(BankFileRefused) as told:
        receive(answer(payout[0], ["12", "00"], **changed))
    assert told.value.code == code
    assert states(payout[1]) == ["instructed", "instructed"]
    with acting(ENGINE):
        assert not PayoutAnswer.objects.filter(payout=payout[0]).exists()


def test_an_answer_that_comes_before_its_turn_waits_and_a_debit_answer_counts_in_the_same_row(payout: tuple[Payout, list[int]]) -> None:
    sent, found = payout
    second = answer(sent, ["12", "00"], order=2)
    with pytest.raises(FileEarly):
        receive(second)
    assert states(found) == ["instructed", "instructed"]
    support.as_owner(
        "insert into levy_debitbatch (number, place, scheme, bank, month, first_month, planned_on, state, lines, total_fen, left_out,"
        " paid_lines, paid_fen, begun_by, begun_at) values ('PK1', %s, 'city', '403', 202001, 202001, %s, 'built', 0, 0, 0, 0, 0, 0, now())",
        [PLACE, sent.day],
    )
    support.as_owner(
        'insert into levy_debitfile (sha256, batch_id, bank, part, day, "order", lines, taken_fen, suspense_fen, received_at)'
        " select %s, id, '403', 1, %s, 1, 0, 0, 0, now() from levy_debitbatch where number = 'PK1'",
        [b"1" * 32, sent.day],
    )
    assert receive(second) == 1
    assert states(found) == ["returned", "instructed"]
