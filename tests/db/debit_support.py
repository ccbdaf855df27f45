"""What the tests of 批扣 share: people with agreements and dues, a bank that answers, and the sums the books must hold."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import ZONE
from shebao.base.months import first_day
from shebao.gateways import bank as codec
from shebao.gateways.bank import Header, Kind
from shebao.ledger.queries import trial_balance
from shebao.levy import debit_answers, debit_batches, debit_signing, flexible
from shebao.levy.bank_models import DebitBatch, Scheme
from shebao.levy.debit_signing import NewAgreement
from shebao.levy.models import DueOrigin
from shebao.parties.operations import NewPerson, register_people
from shebao.parties.windows import ensure_window
from shebao.runs import bank_withholding as run
from tests.db import support
from tests.db.support import PLACE, as_owner, ask

OUR_KEY, BANK_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (7, 8))
BANK_PUBLIC = BANK_KEY.public_key().public_bytes_raw()
POST, FARM = "403", "103"
FEN = 89_952
OTHER_FINANCE = Actor(Role.ENGINE, 301, "财务乙")
_accounts, _orders = count(1), count(1)


def at(month: int, day: int = 20, hour: int = 9) -> datetime:
    return datetime.combine(first_day(month).replace(day=day), datetime.min.time(), ZONE).replace(hour=hour)


def card() -> str:
    """A card number whose check digit holds, of a bank that does not exist."""
    body = f"62999900{next(_accounts):010d}"
    return next(body + d for d in "0123456789" if debit_signing.luhn(body + d))


def people(heads: int = 1, *, bank: str = POST, scheme: Scheme = Scheme.CITY, agency: int = 1, since: int = 202101) -> list[int]:
    """People who pay for themselves, with a live agreement."""
    numbers = [support.new_id_number() for _ in range(heads)]
    with acting(ENGINE):
        window = ensure_window(agency, at=at(since, 1))
        found = register_people([NewPerson(n, f"张{'三四五六'[i % 4]}䶮") for i, n in enumerate(numbers)], at=at(since, 1))
        support.enrolment.start(
            [support.enrolment.NewSpell(found[n], window.pk, agency, 1, since, 300_000, None) for n in numbers], at=at(since, 1)
        )
        for n in numbers:
            debit_signing.sign(NewAgreement(found[n], agency, PLACE, bank, card(), scheme), at=at(since, 1))
    return [found[n] for n in numbers]


def owe(person_ids: Sequence[int], months: Sequence[int], *, fen: int = FEN, agency: int = 1) -> None:
    """Open dues, booked as receivable."""
    with acting(ENGINE):
        window = ensure_window(agency, at=at(min(months), 1)).pk
        dues = [
            flexible.NewDue(p, m, window, agency, 60, 449_760, fen, fen * 2 // 5, 0, DueOrigin.NORMAL, None)
            for p in sorted(person_ids)
            for m in sorted(months)
        ]
        key = f"owed:{min(person_ids)}:{min(months)}:{len(dues)}:{fen}"
        flexible.create(dues, place=PLACE, key=key, text="应缴", on=at(max(months), 1).date(), at=at(max(months), 1))


def paid_elsewhere(person_ids: Sequence[int], months: Sequence[int]) -> list[Any]:
    """Dues go to paid by a way of their own, as another channel's would."""
    reach = [list(person_ids), list(months)]
    as_owner("update levy_flexdue set state = 'sent', batch_id = 0 where person_id = any(%s) and month = any(%s) and state = 'open'", reach)
    return as_owner(
        "update levy_flexdue set state = 'paid', paid_on = %s where person_id = any(%s) and month = any(%s) and state = 'sent'"
        " and batch_id = 0 returning total_fen",
        [at(max(months), 2).date(), *reach],
    )


def settle(person_ids: Sequence[int], months: Sequence[int]) -> None:
    """Months paid at the counter, with their money booked."""
    rows = paid_elsewhere(person_ids, months)
    fen = sum(row[0] for row in rows)
    sides = (flexible.Side(110, flexible.AccountKind.BANK, fen), flexible.Side(110, flexible.AccountKind.RECEIVABLE, -fen))
    with acting(ENGINE):
        booking = flexible.Booking(f"settled:{min(person_ids)}:{min(months)}", "柜面缴费", "t", sides)
        flexible.book([booking], place=PLACE, on=at(max(months), 2).date(), at=at(max(months), 2))


def built(month: int, folder: Path, *, bank: str = POST, scheme: Scheme = Scheme.CITY, day: int = 20) -> DebitBatch:
    """The batch of a month, built up to its file."""
    made = run.withhold(PLACE, scheme, bank, month, folder, OUR_KEY.private_bytes_raw(), clock=lambda: at(month, day))
    return fresh(made)


def sent(month: int, folder: Path, *, bank: str = POST, scheme: Scheme = Scheme.CITY, day: int = 20) -> DebitBatch:
    batch = built(month, folder, bank=bank, scheme=scheme, day=day)
    with acting(OTHER_FINANCE):
        return debit_batches.confirm_sending(batch.pk, at=at(month, day, 10))


def fresh(batch_id: int) -> DebitBatch:
    with acting(ENGINE):
        return DebitBatch.objects.get(pk=batch_id)


def asked(batch: DebitBatch, folder: Path) -> codec.BankFile:
    """Our file, as the bank reads it."""
    content = (folder / run.file_name(batch.number)).read_bytes()
    return codec.read(
        content,
        Kind.DEBIT,
        sender="SB" + PLACE,
        receiver="BK" + batch.bank,
        public_key=OUR_KEY.public_key().public_bytes_raw(),
        today=date(2099, 1, 1),
    )


def answer(
    batch: DebitBatch,
    folder: Path,
    *,
    failed: Mapping[int, str] | None = None,
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    key: Ed25519PrivateKey = BANK_KEY,
    **header: Any,
) -> bytes:
    """The bank's answer to our file. failed: result code by sequence; change: what it does wrong."""
    theirs = asked(batch, folder)
    columns = {name: theirs.columns[name] for name in ("sequence", "number", "account", "name", "amount")}
    results = np.array([(failed or {}).get(int(s), "00").encode() for s in columns["sequence"]], "S2")
    day = header.get("day") or batch.file_day
    columns |= {
        "result": results,
        "taken": np.where(results == b"00", columns["amount"], 0),
        "day": np.full(len(results), day.year * 10000 + day.month * 100 + day.day),
        "serial": np.array([f"YH{batch.pk:04d}{s:08d}".encode() for s in columns["sequence"].tolist()], "S16"),
    }
    words = {"sender": f"BK{batch.bank}", "receiver": f"SB{PLACE}", "batch": header.pop("number", batch.number), "day": day, "order": 1}
    return codec.write(Header(Kind.DEBIT_RESULT, **(words | header)), change(columns) if change else columns, key.private_bytes_raw())


def receive(content: bytes, *, when: datetime) -> debit_answers.Answered:
    with acting(ENGINE):
        return debit_answers.receive(content, [BANK_PUBLIC], at=when, on=when.date())


def answered_and_posted(batch: DebitBatch, folder: Path, **changed: Any) -> None:
    receive(answer(batch, folder, **changed), when=at(batch.month, 21))
    assert run.post(batch.pk, clock=lambda: at(batch.month, 21))


def lines(batch: DebitBatch) -> dict[int, tuple[int, int, int, int]]:
    """By person: amount, first and last month, months."""
    rows = ask("select person_id, amount_fen, first_month, last_month, months from levy_debitline where batch_id = %s", [batch.pk])
    return {row[0]: row[1:] for row in rows}


def states(person_id: int) -> dict[int, str]:
    return dict(ask("select month, state from levy_flexdue where person_id = %s order by 1", [person_id]))


def books_hold() -> None:
    """The control accounts are what their sub-ledgers say."""
    with acting(ENGINE):
        balances: dict[str, int] = {}
        for line in trial_balance(PLACE, date(2099, 1, 1)):
            balances[line.kind.value] = balances.get(line.kind.value, 0) + line.balance_fen
        from shebao.levy.debiting import in_transit_fen

        ours = in_transit_fen(PLACE)
    ((owed, receipts),) = as_owner(
        "select coalesce((select sum(total_fen) from levy_flexdue where state in ('open', 'billed', 'sent')), 0)::bigint,"
        " coalesce((select sum(amount_fen) from levy_receipt where channel = 'bank' and arrived_on is null), 0)::bigint"
    )
    assert sum(balances.values()) == 0
    assert balances.get("receivable", 0) == owed
    assert balances.get("transit", 0) == ours + receipts
