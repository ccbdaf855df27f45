"""A machine that lives through months of a small city's money in any order, and after every step compares the database with the oracle
and with the independent auditor. One example is one transaction, undone at its end: thousands of them leave the database as it was.

The invariants (trust.md §8) and where each is looked at; "step" is after every step, "audit" every few steps by the checks of
`shebao audit books`, which share no code with the ledger:
I1  every posting sums to zero            step: the deferred trigger, made immediate; audit: posting_balanced
I2  the ledger sums to zero               step: balances(); audit: fund_balanced
I3  account = credits + interest − paid   step: everybodys_account; audit: control "personal"
I4  receivable = open dues                step: balances() by fund; audit: control "receivable"
I5  bank = what came in and stayed        step: balances() by fund; audit: controls "bank", "transit"; each statement: Closing
I6  no overlapping spells                 the database refuses them (EXCLUDE); nothing here moves spells
I7  one due a person, type and month      step: every_bill_is_the_oracles (lines person by person when they are taken); unique keys
I8  every due is covered                  step: charged from the register's people only (Employers.assess, charge)
I9  closed month: a due or a reason       rule assess: every person of the register is on the bill
I10 everything traces to a filing         not of money: tests of the items
I11 two people                            rules: same person refused (hand, refund, month, recalculation); audit: receipt_two_people
I12 one state; sent ⇔ in one open batch   step: dues_of_flexible_workers; audit: sent_dues_are_out, due_in_one_place
I13 a file counts once                    rules send_a_file_again, the_bank_answers, load_and_reconcile
I14 paid ≤ due + late fee                 step: every_bill_is_the_oracles; audit: paid_within_due; CHECK constraints
I15, I16 same key, same answer            rules: hear() tells everything twice
I17 unit dues = people's dues             audit: unit_bill_of_its_people, batch_of_its_lines; rule build_a_batch
I18 amounts recompute                     oracle: law.py from the register, at assessment and at each recalculation
I19 written off stays off                 rule charge(): corrections leave it alone; the account never gets it
I20–I25 transfers, identities, benefits   not of this city
I26 who sees what                         tests/db/test_isolation.py
I27 posts                                 tests of access
I28 changes are traced                    step: something_is_traced
I29 states follow the graph               step: every_bill_is_the_oracles (state by the amounts); audit: bill rules
I30 closed figures stay                   step: closed_days_stay; audit: closed_days
I31 cutover                               the lives begin in 2025
I32 restore                               tests/db/test_embedded_*
"""

from hypothesis.stateful import invariant

from shebao.access.acting import acting
from shebao.auditor import books
from shebao.auditor.controls import CONTROLS
from shebao.auditor.rules import RULES
from shebao.base.actor import Actor, Role
from tests.city.cash import Cash
from tests.city.closing import Closing
from tests.city.employers import Employers
from tests.city.world import FIRST, asked, same
from tests.db.support import moment

AUDIT_EVERY = 9
KINDS = (
    *("receivable", "late_fee_due", "bank", "transit", "suspense", "refund_due", "income", "late_fee"),
    "personal",
)


class MoneyCity(Employers, Cash, Closing):
    """Two employers and three flexible workers, from January 2025 on."""

    @invariant()
    def everything_agrees(self) -> None:
        if not hasattr(self, "books"):
            return
        type(self).steps_done += 1
        self.steps += 1
        self.the_books_say_what_the_oracle_says()
        self.every_bill_is_the_oracles()
        self.every_receipt_is_the_oracles()
        self.dues_of_flexible_workers()
        self.everybodys_account()
        self.closed_days_stay()
        if self.steps % AUDIT_EVERY == 0:
            same(audited(), [], "the auditor")

    def the_books_say_what_the_oracle_says(self) -> None:
        asked("set constraints all immediate")
        asked("set constraints all deferred")
        found, expected = balances(), self.books.balances()
        by_fund: dict[int, int] = {}
        for (fund, _), fen in found.items():
            by_fund[fund] = by_fund.get(fund, 0) + fen
        assert not any(by_fund.values()), by_fund
        told = {key: fen for key, fen in found.items() if key[1] in KINDS}
        same(told, expected, "balances")
        interest = sum(fen for (_, kind), fen in found.items() if kind in ("to_accounts", "account_int"))
        assert interest == self.books.accounts.fund

    def every_bill_is_the_oracles(self) -> None:
        rows = asked(
            """
            select b.number, b.state, b.due_date, l.insurance, l.origin, l.unit_fen, l.person_fen, l.paid_fen, l.moved_fen, l.written_off_fen
            from levy_bill b join levy_billline l on l.bill_id = b.id where b.kind <> 'person'
            """
        )
        found: dict[str, list[object]] = {}
        for number, state, due, code, origin, *amounts in rows:
            head, *_ = found.setdefault(number, [(state, due), {}])
            assert head == (state, due)
            found[number][1][code, origin] = tuple(amounts)  # type: ignore[index]
        for number, bill in self.books.bills.items():
            lines = {(line.code, line.origin): line.amounts for line in bill.lines}
            (head, of_database) = found.pop(number)
            same(head, (bill.state, bill.due), number)
            same(of_database, lines, number)
        assert not found

    def every_receipt_is_the_oracles(self) -> None:
        rows = asked("select serial, amount_fen, allocated_fen, moved_fen, state from levy_receipt where state <> 'pending'")
        voided = {s for s, *_, state in rows if state == "void"}
        assert voided >= {s for s, r in self.books.receipts.items() if r.void}
        found = {s: (a, b, c) for s, a, b, c, state in rows if state != "void"}
        same(found, {s: (r.amount, r.shared, r.held) for s, r in self.books.receipts.items() if not r.void}, "receipts")

    def dues_of_flexible_workers(self) -> None:
        rows = asked("select person_id, month, total_fen, account_fen, state from levy_flexdue")
        expected = {who: (fen, own, self.books.settled.get(who, "open")) for who, (fen, own) in self.books.flexible.items()}
        same({(p, m): (fen, own, state) for p, m, fen, own, state in rows}, expected, "flexible")

    def everybodys_account(self) -> None:
        rows = asked(
            """
            select person_id, sum(fen)::bigint from (
              select person_id, own_fen + employer_fen as fen from accounts_entry
              union all select person_id, interest_opening_fen + interest_credits_fen from accounts_snapshot) x group by 1
            """
        )
        accounts = self.books.accounts
        people = {e.person for e in accounts.entries} | {p for p, _ in rows}
        same({p: fen for p, fen in rows if fen}, {p: fen for p in people if (fen := accounts.balance(p))}, "accounts")

    def closed_days_stay(self) -> None:
        if self.frozen is not None:
            assert self.booked_until(self.frozen[0]) == self.frozen[1]


def audited() -> list[str]:
    """What the auditor's checks say inside this transaction, where they differ."""
    from django.db import connection

    with acting(Actor(Role.AUDITOR, 1, "稽核")):
        connection.ensure_connection()
        with connection.connection.cursor() as cursor:
            found = [books._control(cursor, control, "", past=False) for control in CONTROLS]
            found += [books._rule(cursor, rule, "", None) for rule in RULES]
    return [f"{f.name}: {f.sentence} {f.figures}" for f in found if f.state == "wrong"]


def balances() -> dict[tuple[int, str], int]:
    """Posted balance by fund and kind of account, debit positive."""
    rows = asked(
        """
        select a.fund, a.kind, sum(e.amount_fen)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id
        join ledger_posting p on p.id = e.posting_id where p.state = 'posted' group by 1, 2
        """
    )
    return {(fund, kind): fen for fund, kind, fen in rows if fen}


def make_city() -> None:
    """Two employers of three people each and three flexible workers, once for all examples."""
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.levy import debit_signing
    from tests import make
    from tests.db.debit_support import card
    from tests.db.support import PLACE, hire, make_agency, make_unit, person_ids

    make_agency(1)
    for i, wage in enumerate((800_000, 333_333)):
        unit = make_unit(f"随机示例公司{i}", since=FIRST)
        people = sorted(person_ids(hire(unit, 3, month=FIRST, wage_fen=wage, at=moment(FIRST, 1))))
        MoneyCity.units[unit] = people
        MoneyCity.wages |= {p: wage + n for n, p in enumerate(people)}
    for tier in (60, 100, 300):
        person = make.flexible(since=FIRST, tier=tier).person_id
        MoneyCity.alone[person] = tier
        with acting(ENGINE):
            debit_signing.sign(debit_signing.NewAgreement(person, 1, PLACE, "403", card()), at=moment(FIRST, 1))
