"""批扣 of the demo city: flexible workers who have their months debited, batches of the last months with the bank's answers."""

import random
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.months import Month
from shebao.gateways import bank as codec
from shebao.levy import debit_answers, debit_batches, debit_signing, debiting
from shebao.levy.bank_models import BANKS, DebitBatch, Scheme
from shebao.levy.debit_signing import NewAgreement, luhn
from shebao.policy.rulebook import Rulebook
from shebao.runs import bank_withholding
from shebao.site.demo import register
from shebao.site.demo.flexible import FlexiblePeople
from shebao.site.demo.scale import PLACE, Scale

PEOPLE_MAX, BATCHES = 250, 3
BATCH_DAY, ANSWER_DAY, ARRIVAL_DAY = 20, 21, 22
FAILED = ("11", "11", "11", "11", "12", "13", "14")
FAILED_SHARE = 0.08


class Debits:
    """Those who pay by debit. They sign in time for the last months; their former months were paid as all others'."""

    def __init__(self, flexible: FlexiblePeople, scale: Scale, months: Sequence[Month], rulebook: Rulebook, *, sender: int) -> None:
        """sender: the account of finance that confirms."""
        self._chance = random.Random(f"{scale.seed}:debits")
        self._flexible, self._rulebook, self._months = flexible, rulebook, list(months)
        self._bank_key = Ed25519PrivateKey.from_private_bytes(self._chance.randbytes(32))
        self._sender = Actor(Role.ENGINE, sender, "财务")

    def live(self, month: Month) -> None:
        """A lived month, after its dues are there and before anybody pays at the window."""
        behind = len(self._months) - self._months.index(month)
        if behind == BATCHES:
            self._sign(month)
        if behind <= BATCHES:
            for bank in BANKS:
                self._debit(bank, month, arrives=behind > 1)

    def _sign(self, month: Month) -> None:
        payers = self._flexible.leave_to_debits(PEOPLE_MAX)
        at = register.instant(month, 6)
        with acting(ENGINE):
            for person_id, agency_id in payers:
                bank = self._chance.choice(("403", "403", "103"))
                debit_signing.sign(NewAgreement(person_id, agency_id, PLACE, bank, self._card()), at=at)

    def _card(self) -> str:
        """A card whose check digit holds, of a range that no bank has."""
        body = f"62999900{self._chance.randrange(10**10):010d}"
        return next(body + digit for digit in "0123456789" if luhn(body + digit))

    def _debit(self, bank: str, month: Month, *, arrives: bool) -> None:
        begun = register.instant(month, BATCH_DAY)
        with TemporaryDirectory() as folder:
            key = self._bank_key.private_bytes_raw()  # of this past alone; the hall's own key signs from today on
            made = bank_withholding.withhold(
                PLACE,
                Scheme.CITY,
                bank,
                month,
                Path(folder),
                key,
                clock=lambda: begun,
                rulebook=self._rulebook,
            )
            with acting(self._sender):
                batch = debit_batches.confirm_sending(made, at=register.instant(month, BATCH_DAY, 10))
            content = (Path(folder) / bank_withholding.file_name(batch.number)).read_bytes()
        at = register.instant(month, ANSWER_DAY)
        with acting(ENGINE):
            answer = self._answer(content, batch)
            debit_answers.receive(answer, [self._bank_key.public_key().public_bytes_raw()], at=at, on=at.date())
        bank_withholding.post(made, clock=lambda: at)
        bank_withholding.tell(made, clock=lambda: at)
        if arrives:
            with acting(ENGINE):
                paid = DebitBatch.objects.get(pk=made).paid_fen
                later = register.instant(month, ARRIVAL_DAY)
                if paid:
                    debiting.arrive(batch.number, paid, arrived_on=later.date(), at=later)

    def _answer(self, content: bytes, batch: DebitBatch) -> bytes:
        public = self._bank_key.public_key().public_bytes_raw()
        ours, theirs = debit_batches.hall_code(PLACE), debit_batches.bank_code(batch.bank)
        day = batch.planned_on
        asked = codec.read(content, codec.Kind.DEBIT, sender=ours, receiver=theirs, public_key=public, today=day)
        columns = {name: asked.columns[name] for name in ("sequence", "number", "account", "name", "amount")}
        words = [self._chance.choice(FAILED) if self._chance.random() < FAILED_SHARE else codec.SUCCESS for _ in range(len(asked))]
        results = np.array([word.encode() for word in words], "S2")
        columns |= {
            "result": results,
            "taken": np.where(results == codec.SUCCESS.encode(), columns["amount"], 0),
            "day": np.full(len(asked), day.year * 10000 + day.month * 100 + day.day),
            "serial": np.array([f"{batch.bank}{batch.pk:05d}{i:08d}".encode() for i in range(len(asked))], "S16"),
        }
        header = codec.Header(codec.Kind.DEBIT_RESULT, theirs, ours, batch.number, day, 1)
        return codec.write(header, columns, self._bank_key.private_bytes_raw())


def debited_person() -> int | None:
    """Somebody of the city's first agency with an agreement; one whose debit failed once, if there is such a person."""
    with acting(ENGINE), connection.cursor() as cursor:
        cursor.execute(
            "select a.person_id from levy_debitagreement a left join levy_debitresult r on r.person_id = a.person_id and r.result <> %s"
            " where a.agency_id = 1 group by 1 order by count(r.person_id) desc, 1 limit 1",
            [codec.SUCCESS],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None
