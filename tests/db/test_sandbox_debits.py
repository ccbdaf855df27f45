"""A debit batch of the hall at a bank that really runs: folder, result, books; each trouble is refused with its sentence or harmless."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.gateways.partner_keys import own_key
from shebao.ledger.models import AccountKind
from shebao.levy import debit_batches
from shebao.levy.bank_models import BatchState, DebitBatch, DebitFile, Scheme
from shebao.runs import bank_withholding
from tests.db import debit_support as debits
from tests.db import support
from tests.db.sandbox_support import Town, balances, town
from tests.db.support import PLACE, ask
from tests.sandbox.support import await_true

_months = count(202604)


@pytest.fixture(scope="module")
def city(database: str) -> Iterator[Town]:
    with pytest.MonkeyPatch.context() as patch:
        support.make_agency()
        with town(patch, now_is="2026-03-20T09:00:00") as made:
            yield made


def books_hold() -> dict[AccountKind, int]:
    """The ledger sums to zero, and receivables and money on its way are what dues, receipts and batches say. Returns the balances."""
    debits.books_hold()
    return balances()


def account_of(person: int) -> str:
    return str(ask("select account from levy_debitagreement where person_id = %s and ended_at is null", [person])[0][0])


def holds(city: Town, person: int, fen: int) -> None:
    ((name,),) = ask("select name from parties_person where id = %s", [person])
    city.partners.bank.call("POST", "/control/account", {"number": account_of(person), "holder": name, "balance_fen": fen})


def send(city: Town, month: int, folder: Path, scheme: Scheme, bank: str) -> DebitBatch:
    """Built, confirmed by a second person, put where the bank looks."""
    key = own_key(city.partners.hall_keys).private.private_bytes_raw()
    made = bank_withholding.withhold(PLACE, scheme, bank, month, folder, key, clock=now)
    with acting(debits.OTHER_FINANCE):
        batch = debit_batches.confirm_sending(made, at=now())
    assert city.exchange().sent == 1
    return batch


def state(batch: DebitBatch) -> str:
    return str(debits.fresh(batch.pk).state)


BATCHES = [(Scheme.CITY, debits.POST), (Scheme.CITY, debits.FARM), (Scheme.PROVINCE, debits.POST), (Scheme.PROVINCE, debits.FARM)]
TROUBLE = [("truncated", "BNK-0"), ("digit", "BNK-0"), ("wrong-totals", "BNK-09"), ("twice", "")]


@pytest.mark.parametrize(("kind", "code", "scheme", "bank"), [(*t, *b) for t, b in zip(TROUBLE, BATCHES, strict=True)])
def test_a_result_in_trouble_is_refused_or_harmless_and_the_true_one_is_booked_once(
    city: Town, tmp_path: Path, kind: str, code: str, scheme: Scheme, bank: str
) -> None:
    rich, poor = debits.people(2, scheme=scheme, bank=bank, since=202601)
    debits.owe([rich, poor], [202603])
    holds(city, rich, debits.FEN)
    holds(city, poor, debits.FEN - 1)
    before = books_hold()
    city.partners.trouble("bank", kind, 1, message="result", seed=11)
    batch = send(city, 202603, tmp_path, scheme, bank)
    assert debits.states(rich) == {202603: "sent"}
    inbox = city.exchange_folder / "inbox"
    await_true(lambda: any(inbox.glob("DR_*.txt")))
    if code:
        assert city.exchange().refused == 1
        why = city.refused_files("inbox")[f"DR_{batch.number}_01.txt"]
        assert why.startswith(code)
        assert "没有入账" in why
        assert (state(batch), debits.states(rich)) == (BatchState.SENT, {202603: "sent"})
        assert books_hold() == before
        await_true(lambda: any(inbox.glob("DR_*.txt")))  # sent again, as it should have been
    assert city.exchange().taken == 1
    assert state(batch) == BatchState.POSTED
    assert (debits.states(rich), debits.states(poor)) == ({202603: "paid"}, {202603: "open"})
    city.partners.rounds()
    city.exchange()
    assert books_hold() != before
    with acting(ENGINE):
        told = DebitBatch.objects.get(pk=batch.pk)
    assert (told.paid_lines, told.paid_fen) == (1, debits.FEN)


def test_the_statement_shows_the_batch_in_one_sum_and_it_has_arrived(city: Town) -> None:
    with acting(ENGINE):
        posted = list(DebitBatch.objects.filter(state=BatchState.POSTED).order_by("id"))
    assert posted
    city.partners.next_day()
    city.exchange()
    with acting(ENGINE):
        files = list(DebitFile.objects.filter(batch__in=posted, taken_fen__gt=0))
        assert files and all(file.arrived_on is not None for file in files)
    held = books_hold()
    assert held[AccountKind.TRANSIT] == 0
