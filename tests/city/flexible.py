"""Flexible workers: months assessed on bills, months owed and debited by the bank: built, sent, answered in every way, merged, recalled."""

import hashlib
from datetime import date
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.base.months import first_day, shift
from shebao.gateways import bank as codec
from shebao.levy import debit_answers, debit_batches, flexible, flexible_arrears, flexible_billing
from shebao.levy.bank_models import DebitBatch, Scheme
from shebao.policy.rulebook import standard
from shebao.runs import bank_withholding
from tests.city import law
from tests.city.oracle import Receipt
from tests.city.world import FIRST, World, asked, finance, months_back, same
from tests.db.support import PLACE

OURS, BANKS = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (7, 8))
BANK = "403"
FAILURES = ("11", "12", "13", "99")


class FlexibleWorkers(World):
    """Three people who pay for themselves; all have signed a debit at one bank."""

    def start_the_others(self) -> None:
        super().start_the_others()
        self.batch: DebitBatch | None = None  # the one that is built or out
        self.lines: dict[int, tuple[int, list[int]]] = {}  # of it: fen and months by person
        self.debited: dict[str, tuple[int, dict[int, tuple[int, list[int]]], dict[int, str]]] = {}  # answered: index, lines, results
        self.to_arrive: dict[tuple[str, int], tuple[int, int | None, str]] = {}  # batch and part: fen, index of batches, receipt
        self.results_on: dict[date, int] = {}  # how many files the bank has sent on a day

    def state(self, person: int, month: int) -> str:
        who = (person, month)
        return self.books.settled.get(who, "open") if who in self.books.flexible else ""

    # Months on bills

    @rule(which=st.integers(0, 2), tier=st.sampled_from([60, 70, 100, 300]), back=st.integers(0, 5), more=st.integers(0, 5))
    def assess_a_flexible_worker(self, which: int, tier: int, back: int, more: int) -> None:
        person, this = list(self.alone)[which], self.this_month
        first = max(FIRST, shift(this, -back))
        last = min(shift(first, more), this)
        months = list(months_back(first, last))
        held = [n for n, (p, of) in self.person_bills.items() if p == person and set(of) & set(months)]
        sent = any(state == "sent" and who[0] == person for who, state in self.books.settled.items())
        refused = sent or first // 100 < this // 100 or any(self.state(person, m) in ("paid", "refunded", "written_off") for m in months)
        wanted = flexible_billing.Wanted(person, 1, tier, first, last)
        try:
            with acting(ENGINE):
                bill = flexible_billing.issue(wanted, place=PLACE, rulebook=standard(), on=self.today, at=self.now)
        except flexible_billing.AssessRefusedError as error:
            assert refused, error.text
            return
        assert not refused
        for number in held:  # replaced whole: what it had beside these months is open again
            for month in self.person_bills.pop(number)[1]:
                self.books.settled.pop((person, month))
        for month in months:
            self.books.flexible[person, month] = list(law.flexible_month(tier))
            self.books.settled[person, month] = "billed"
        assert bill.total_fen == len(months) * law.flexible_month(tier)[0]
        self.person_bills[bill.number] = (person, months)
        self.done("flexible bill")

    @rule(which=st.integers(0, 2), back=st.integers(0, 5))
    def give_a_month_up(self, which: int, back: int) -> None:
        person, month = list(self.alone)[which], max(FIRST, shift(self.this_month, -back))
        try:
            with acting(ENGINE):
                flexible_arrears.write_off(person, month, month, agency_id=1, place=PLACE, case_id=None, on=self.today, at=self.now)
        except ShebaoError as error:
            assert self.state(person, month) != "open", error.text
            return
        assert self.state(person, month) == "open"
        self.books.settled[person, month] = "written_off"
        self.done("month given up")

    @rule(back=st.integers(0, 3))
    def months_are_owed(self, back: int) -> None:
        """The month's run: whoever is insured owes it at the registered tier."""
        month = max(FIRST, shift(self.this_month, -back))
        with acting(ENGINE):
            made = flexible.assess(list(self.alone), [month], place=PLACE, rulebook=standard(), on=self.today, at=self.now)
        assert {person for person, _ in made} == {p for p in self.alone if (p, month) not in self.books.flexible}
        for person, _ in made:
            self.books.flexible[person, month] = list(law.flexible_month(self.alone[person]))

    # 批扣

    def collected(self, month: int) -> dict[int, tuple[int, list[int]]]:
        """All unpaid months of the year up to this one; after a gap only the unbroken run with this month; nobody who pays elsewhere."""
        found = {}
        for person in sorted(self.alone):
            of_year = list(months_back(month // 100 * 100 + 1, month))
            states = {m: self.state(person, m) for m in of_year}
            if {"billed", "sent"} & set(states.values()):
                continue
            run: list[int] = []
            for m in reversed(of_year):
                if states[m] not in ("open", "paid"):
                    break
                run += [m] if states[m] == "open" else []
            if run:
                found[person] = (sum(self.books.flexible[person, m][0] for m in run), sorted(run))
        return found

    @precondition(lambda self: self.batch is None)
    @rule(send=st.booleans(), owed=st.booleans())
    def build_a_batch(self, send: bool, owed: bool) -> None:
        if self.batch is not None:
            return
        if owed:
            self.months_are_owed(0)
        self.today = max(self.today, first_day(self.this_month).replace(day=20))
        expected = self.collected(self.this_month)
        known = asked("select count(*) from levy_debitbatch where month = %s and state <> 'recalled'", [self.this_month])[0][0]
        try:
            made = bank_withholding.withhold(
                PLACE, Scheme.CITY, BANK, self.this_month, self.folder, OURS.private_bytes_raw(), clock=lambda: self.now
            )
        except debit_batches.BatchExistsError:
            assert known
            return
        assert not known
        rows = asked("select person_id, amount_fen, first_month, last_month from levy_debitline where batch_id = %s", [made])
        same({p: (fen, a, b) for p, fen, a, b in rows}, {p: (fen, of[0], of[-1]) for p, (fen, of) in expected.items()}, "batch")
        self.batch, self.lines = DebitBatch.objects.get(pk=made), expected
        for person, (_, months) in expected.items():
            self.books.settled |= {(person, m): "sent" for m in months}
        self.done("batch built")
        if send:
            self.send_or_recall_the_batch(True)

    @precondition(lambda self: self.batch is not None and self.batch.state == "built")
    @rule(send=st.booleans())
    def send_or_recall_the_batch(self, send: bool) -> None:
        if self.batch is None or self.batch.state != "built":
            return
        try:
            with acting(finance(302)):
                if send:
                    self.batch = debit_batches.confirm_sending(self.batch.pk, at=self.now)
                else:
                    debit_batches.recall(self.batch.pk, at=self.now)
        finally:
            pass
        if not send:
            self.free({p: months for p, (_, months) in self.lines.items()})
            self.batch = None
            self.done("batch recalled")

    def free(self, people: dict[int, list[int]]) -> None:
        for person, months in people.items():
            for month in months:
                del self.books.settled[person, month]

    def answer(self, results: dict[int, str], *, part: int = 1, changed: dict[str, Any] | None = None) -> bytes:
        """What the bank writes about the file it read."""
        assert self.batch is not None
        asked_for = codec.read(
            (self.folder / bank_withholding.file_name(self.batch.number)).read_bytes(),
            codec.Kind.DEBIT,
            sender="SB" + PLACE,
            receiver="BK" + BANK,
            public_key=OURS.public_key().public_bytes_raw(),
            today=date(2099, 1, 1),
        )
        order = dict(asked("select sequence, person_id from levy_debitline where batch_id = %s", [self.batch.pk]))
        words = [results.get(order[int(s)], "") for s in asked_for.columns["sequence"]]
        here = np.array([bool(word) for word in words], bool)
        columns: dict[str, Any] = {n: asked_for.columns[n][here] for n in ("sequence", "number", "account", "name", "amount")}
        told = np.array([word.encode() for word in words if word], "S2")
        columns |= {
            "result": told,
            "taken": np.where(told == b"00", columns["amount"], 0),
            "day": np.full(len(told), self.today.year * 10000 + self.today.month * 100 + self.today.day),
            "serial": np.array([f"YH{self.batch.pk:06d}{s:06d}".encode() for s in columns["sequence"].tolist()], "S16"),
        }
        columns |= changed or {}
        day_order = self.results_on.get(self.today, 0) + 1
        header = codec.Header(codec.Kind.DEBIT_RESULT, "BK" + BANK, "SB" + PLACE, self.batch.number, self.today, day_order, part)
        return codec.write(header, columns, BANKS.private_bytes_raw())

    def receive(self, content: bytes) -> None:
        with acting(finance(0)):
            debit_answers.receive(content, [BANKS.public_key().public_bytes_raw()], at=self.now, on=self.today)

    def refuses(self, content: bytes, *errors: type[Exception]) -> None:
        before = asked("select md5(string_agg(d::text, ',' order by d.person_id, d.month)) from levy_flexdue d")
        try:
            self.receive(content)
        except errors:
            assert asked("select md5(string_agg(d::text, ',' order by d.person_id, d.month)) from levy_flexdue d") == before
            return
        raise AssertionError("a wrong file was taken")

    @precondition(lambda self: self.batch is not None and self.batch.state == "sent")
    @rule(
        fail=st.sets(st.integers(0, 2), max_size=3),
        why=st.sampled_from(FAILURES),
        trouble=st.sampled_from(["", "", "", "truncated", "digit", "short", "more"]),
        days=st.integers(0, 4),
    )
    def the_bank_answers(self, fail: set[int], why: str, trouble: str, days: int) -> None:
        if self.batch is None or self.batch.state != "sent":
            return
        self.later(days)
        results = {person: why if i in fail else "00" for i, person in enumerate(sorted(self.lines))}
        content = self.answer(results)
        if trouble == "truncated":
            self.refuses(content[:-37], codec.BankFileRefused)
        elif trouble == "digit":
            at = len(content) // 2
            self.refuses(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :], codec.BankFileRefused)
        elif trouble == "short" and len(results) > 1:
            self.refuses(self.answer(dict(list(results.items())[1:])), codec.BankFileRefused)
        elif trouble == "more" and results:
            amount = np.array([fen + 1 for fen, _ in self.lines.values()], np.int64)
            taken = np.where(np.array([r == "00" for r in results.values()]), amount, 0)
            self.refuses(self.answer(results, changed={"amount": amount, "taken": taken}), codec.BankFileRefused)
        self.receive(content)
        self.results_on[self.today] = self.results_on.get(self.today, 0) + 1
        self.refuses(content, debit_answers.FileKnown)
        assert bank_withholding.post(self.batch.pk, clock=lambda: self.now)
        assert bank_withholding.post(self.batch.pk, clock=lambda: self.now), "a second time it finds nothing to do"
        self.free({p: self.lines[p][1] for p, result in results.items() if result != "00"})
        self.taken(f"batch{self.batch.pk}", {p: self.lines[p] for p, result in results.items() if result == "00"})
        self.debited[self.batch.number] = (len(self.books.batches) - 1, self.lines, results)
        if fen := self.books.batches[-1][0]:
            self.to_arrive[self.batch.number, 1] = (fen, len(self.books.batches) - 1, "")
        bank_withholding.tell(self.batch.pk, clock=lambda: self.now)
        self.done("debit failed" if fail else "debited")
        self.batch = None

    def taken(self, key: str, people: dict[int, tuple[int, list[int]]]) -> None:
        parts = {(key, "debit", (p, m)): self.books.flexible[p, m][1] for p, (_, months) in people.items() for m in months}
        self.books.accounts.credit(key, parts, self.this_month, self.this_month)
        for person, (_, months) in people.items():
            self.books.settled |= {(person, m): "paid" for m in months}
        self.books.batches.append((sum(fen for fen, _ in people.values()), False))

    @precondition(lambda self: self.batch is None and any(r != "00" for *_, results in self.debited.values() for r in results.values()))
    @rule(which=st.integers(0, 5), days=st.integers(0, 3))
    def the_bank_took_it_after_all(self, which: int, days: int) -> None:
        """A late success: paid where it is still owed just so; otherwise the person's own money."""
        known = [(n, p) for n, (_, lines, results) in self.debited.items() for p in lines if results[p] != "00"]
        if not known or self.batch is not None:
            return
        number, person = known[which % len(known)]
        self.later(days)
        _, lines, results = self.debited[number]
        self.batch, self.lines = DebitBatch.objects.get(number=number), lines
        part = asked("select max(part) + 1 from levy_debitfile where batch_id = %s", [self.batch.pk])[0][0]
        content = self.answer({person: "00"}, part=part)
        self.receive(content)
        self.results_on[self.today] = self.results_on.get(self.today, 0) + 1
        self.batch = None
        results[person] = "00"
        fen, months = lines[person]
        between = [m for m in months_back(months[0], months[-1]) if self.state(person, m) == "open"]
        owed = sum(self.books.flexible[person, m][0] for m in between)
        if (owed, len(between)) == (fen, len(months)):
            self.taken(f"{number}:{part}:{person}", {person: (fen, between)})
            self.to_arrive[number, part] = (fen, len(self.books.batches) - 1, "")
            self.done("debited late")
        else:
            (name,) = asked(
                "select serial from levy_receipt where serial like %s and entered_at = %s order by id desc limit 1",
                [f"{number}-%", self.now],
            )[0]
            self.books.receipts[name] = Receipt(name, fen, self.today, False, "bank")
            self.to_arrive[number, part] = (fen, None, name)
            self.done("debited for nothing")

    def batch_arrived(self, who: tuple[int, int]) -> bool:
        found = asked(
            "select bool_and(f.arrived_on is not null) from levy_flexdue d join levy_debitfile f on f.batch_id = d.batch_id"
            " where d.person_id = %s and d.month = %s",
            list(who),
        )
        return bool(found[0][0])


__all__ = ["FlexibleWorkers", "hashlib"]
