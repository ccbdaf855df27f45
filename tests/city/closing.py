"""Days and months are closed, the bank's statements are held against the books, differences settled, accounts get their interest."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shebao.access.acting import acting
from shebao.accounts import part_year, settling
from shebao.accounts.models import EndKind
from shebao.base.actor import ENGINE
from shebao.base.months import last_day, shift
from shebao.gateways import statement as codec
from shebao.gateways.statement import Direction, Movement
from shebao.ledger import closing
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, DayClosedError, Side, book
from shebao.levy import reconcile_settling, reconcile_statements, reconciling
from shebao.levy.refund_models import Refund
from shebao.policy.rulebook import standard
from shebao.runs import account_interest
from tests.changed_rules import without
from tests.city import law
from tests.city.flexible import FlexibleWorkers
from tests.city.oracle import Receipt
from tests.city.world import LAST_DAY, asked, finance, same, serial
from tests.db.support import PLACE

ACCOUNT = "42010099000000001"
UNPUBLISHED = without("account.interest_rate", date(2025, 12, 31), PLACE)
ARRIVES = {"tax": 1, "bank": 3}  # working days
MONEY_KINDS = ("unknown", "twice", "amount")


class Closing(FlexibleWorkers):
    """The bank keeps its own balance; whatever its statements show, the books must come out at the same."""

    def start_the_others(self) -> None:
        super().start_the_others()
        self.balance: int | None = None  # of the bank's account for us; None before there is one
        self.sequence, self.statement_day = 0, self.today
        self.shown: set[str] = set()  # what came by file or hand and stood on a statement
        self.unknown_debits: dict[str, int] = {}
        self.over: set[str] = set()  # differences that were settled, by serial of receipt or reference of debit
        self.shut: date | None = None
        self.frozen: tuple[date, dict[tuple[int, str], int]] | None = None
        self.months_closed: list[int] = []

    # 日结, 月结

    @rule(days=st.integers(1, 9))
    def close_the_days_before(self, days: int) -> None:
        to = self.today - timedelta(days=days)
        try:
            with acting(finance(300)):
                closing.close_days(PLACE, to, at=self.now)
        except closing.NotClosableError as error:
            assert (self.shut is not None and to <= self.shut) or not asked("select 1 from ledger_posting limit 1"), error.text
            return
        self.shut = to
        self.frozen = to, self.booked_until(to)
        sides = (Side(110, AccountKind.BANK, 1), Side(110, AccountKind.SUSPENSE, -1))
        try:
            with acting(ENGINE):
                book([Booking(f"late:{serial()}", "试记", "test", sides)], place=PLACE, on=to, at=self.now)
        except DayClosedError:
            self.done("day closed")
        else:
            raise AssertionError("something was booked into a closed day")

    def booked_until(self, day: date) -> dict[tuple[int, str], int]:
        rows = asked(
            """
            select a.fund, a.kind, sum(e.amount_fen)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id
            join ledger_posting p on p.id = e.posting_id where p.state = 'posted' and p.booked_on <= %s group by 1, 2
            """,
            [day],
        )
        return {(fund, kind): fen for fund, kind, fen in rows if fen}

    @rule(wait=st.booleans())
    def close_a_month(self, wait: bool) -> None:
        month = shift(self.months_closed[-1], 1) if self.months_closed else shift(self.this_month, -1)
        if wait:
            self.today = max(self.today, last_day(month) + timedelta(days=1))
        if last_day(month) < self.today and (self.shut is None or self.shut < last_day(month)) and self.books.bills:
            self.close_the_days_before((self.today - last_day(month)).days)
        try:
            with acting(finance(300)):
                closing.close_month(PLACE, month, at=self.now)
        except closing.MonthNotClosableError as error:
            assert self.shut is None or self.shut < last_day(month), error.text
            return
        try:
            with acting(finance(300)):
                closing.confirm_month(PLACE, month, at=self.now)
        except closing.SamePersonError:
            pass
        else:
            raise AssertionError("one person closed a month alone")
        with acting(finance(301)):
            closing.confirm_month(PLACE, month, at=self.now)
        self.months_closed.append(month)
        self.done("month closed")

    # 对账

    def bank_in_books(self) -> int:
        return sum(fen for (_, kind), fen in self.books.balances().items() if kind == "bank")

    @rule(
        told=st.integers(0, 255),
        unknown=st.sampled_from([0, 0, 700, 123_456]),
        trouble=st.sampled_from(["", "", "twice", "amount", "debit", "back", "return"]),
        days=st.integers(1, 6),
    )
    def the_bank_sends_a_statement(self, told: int, unknown: int, trouble: str, days: int) -> None:
        if self.balance is None:
            self.later(1)
            self.balance = self.bank_in_books()
            self.shown = {s for s, r in self.books.receipts.items() if r.arrived}
            with acting(finance(300)):
                reconcile_statements.register_account(PLACE, ACCOUNT, "示例银行", 1, on=self.today, at=self.now)
        self.later(days)
        if self.today <= self.statement_day or self.today == LAST_DAY:
            return
        moves: list[tuple[Direction, int, str]] = []
        differing: Counter[str] = Counter()
        for name, receipt in self.books.receipts.items():
            if receipt.arrived and not receipt.void and receipt.channel in ("file", "hand") and name not in self.shown:
                moves.append((Direction.CREDIT, receipt.amount, name))
                self.shown.add(name)
        on_the_way = [r for r in self.books.receipts.values() if r.channel == "tax" and not r.arrived and not r.void]
        coming = [r for i, r in enumerate(on_the_way) if told >> i % 8 & 1]
        if trouble == "amount" and coming:
            wrong = coming.pop()
            moves.append((Direction.CREDIT, wrong.amount + 1, wrong.serial))
            differing["amount"] += 1
        moves += [(Direction.CREDIT, r.amount, r.serial) for r in coming]
        batches = dict(reversed(self.to_arrive)) if told & 1 else {}
        for number, part in batches.items():
            moves.append((Direction.CREDIT, self.to_arrive[number, part][0], number))
        with acting(ENGINE):
            refunds = list(Refund.objects.filter(state="instructed").order_by("id")) if told & 2 else []
            paid = list(Refund.objects.filter(state="paid").order_by("id")[:1]) if trouble == "return" else []
        moves += [(Direction.DEBIT, r.amount_fen, r.serial) for r in refunds]
        moves += [(Direction.CREDIT, r.amount_fen, r.serial) for r in paid]
        if unknown:
            moves.append((Direction.CREDIT, unknown, f"WHO{serial()}"))
            differing["unknown"] += 1
        known = [s for s in sorted(self.shown) if s in self.books.receipts and self.seen_by_a_statement(s)]
        if trouble == "twice" and known:
            moves.append((Direction.CREDIT, self.books.receipts[known[0]].amount, known[0]))
            differing["twice"] += 1
        if trouble == "debit":
            self.unknown_debits[f"OUT{serial()}"] = 4_321
            moves.append((Direction.DEBIT, 4_321, list(self.unknown_debits)[-1]))
            differing["unknown_debit"] += 1
        if trouble == "back" and (out := [n for n in self.unknown_debits if n not in self.over]):
            moves.append((Direction.CREDIT, 4_321, out[0]))
            self.over.add(out[0])
        self.load_and_reconcile(moves, differing)
        for receipt in coming:
            receipt.arrived = True
        for number, part in batches.items():
            _, index, name = self.to_arrive.pop((number, part))
            if index is not None:
                self.books.batches[index] = (self.books.batches[index][0], True)
            if name:
                self.books.receipts[name].arrived = True
        for refund in refunds:
            self.books.refunds_paid.add(refund.number)
            self.done("refund paid")
        for refund in paid:
            self.books.refunds_paid.discard(refund.number)
            self.done("refund came back")
        self.differences_are_these()
        self.later(1)  # it is of the whole day
        self.done("statement")

    def seen_by_a_statement(self, name: str) -> bool:
        return bool(asked("select 1 from levy_statementline where matched_to = %s", [f"receipt:{name}"]))

    def load_and_reconcile(self, moves: list[tuple[Direction, int, str]], differing: Counter[str]) -> None:
        assert self.balance is not None
        self.sequence += 1
        self.statement_day = self.today
        lines = [Movement(f"YH{serial():08d}", way, fen, "某人", name, self.today) for way, fen, name in moves]
        content = codec.write(ACCOUNT, self.today, self.sequence, self.balance, lines)
        self.balance += sum(fen if way is Direction.CREDIT else -fen for way, fen, _ in moves)
        before = {name for (name,) in asked("select serial from levy_receipt")}
        for again in (False, True):
            try:
                with acting(finance(0)):
                    reconcile_statements.load(codec.read(content, today=self.today), content, "对账单.txt", at=self.now)
            except reconcile_statements.StatementKnownError:
                assert again
            else:
                assert not again
        with acting(finance(0)):
            told = reconciling.reconcile(PLACE, self.today, tax_rows=None, on=self.today, at=self.now)
        assert (told.lines, told.differing) == (len(lines), sum(differing.values())), (told, differing)
        assert told.balanced, told
        fresh = asked("select serial, amount_fen from levy_receipt where not serial = any(%s)", [sorted(before)])
        assert len(fresh) == differing["unknown"] + differing["twice"] + differing["amount"]
        for name, fen in fresh:
            self.books.receipts[name] = Receipt(name, fen, self.today, True, "stmt")

    def differences_are_these(self) -> None:
        """Open ones: what has been told of and is late, money nobody knows, debits nobody knows; and nothing else."""
        late = {
            f"late {r.serial}"
            for r in self.books.receipts.values()
            if r.channel in ARRIVES and not r.arrived and not r.void and law.working_days_after(r.paid_on, ARRIVES[r.channel]) < self.today
        }
        for name, receipt in self.books.receipts.items():
            if receipt.channel == "stmt" and receipt.rest == 0 and receipt.held == receipt.out:
                self.over.add(f"money {name}")
        money = {f"money {name}" for name, r in self.books.receipts.items() if r.channel == "stmt"}
        debits = set(self.unknown_debits)
        found = {
            {"late": f"late {name}", "unknown_debit": subject}.get(kind, f"money {name}" if kind in MONEY_KINDS else f"{kind} {name}")
            for kind, name, subject in asked(
                "select d.kind, coalesce(r.serial, ''), d.subject from levy_difference d left join levy_receipt r on r.id = d.receipt_id"
                " where d.state <> 'settled'"
            )
        }
        same(found, (late | money | debits) - self.over, "differences")

    @precondition(lambda self: self.sequence)
    @rule(which=st.integers(0, 9), confirm=st.booleans())
    def close_a_difference(self, which: int, confirm: bool) -> None:
        rows = asked(
            "select d.id, d.kind, coalesce(r.serial, ''), d.subject from levy_difference d left join levy_receipt r on r.id = d.receipt_id"
            " where d.state <> 'settled' order by d.id"
        )
        if not rows:
            return
        pk, kind, name, subject = rows[which % len(rows)]
        with acting(finance(300)):
            reconcile_settling.chase(pk, "已联系银行", at=self.now)
        try:
            with acting(finance(300)):
                reconcile_settling.propose_close(pk, "已核实", at=self.now)
        except reconcile_settling.MoneyOpenError:
            # Money that the books do not hold as the bank does is booked first: an outgoing sum, an entry that never came.
            assert kind in ("unknown_debit", "unseen") or (kind in MONEY_KINDS and self.books.receipts[name].rest > 0)
            return
        assert kind not in MONEY_KINDS or self.books.receipts[name].rest == 0
        with acting(finance(301)):
            reconcile_settling.decide_close(pk, confirm=confirm, at=self.now)
        if confirm:
            self.over.add({"late": f"late {name}", "unknown_debit": subject}.get(kind, f"money {name}"))
            self.done("difference closed")

    # 个人账户

    @rule(wait=st.booleans())
    def accounts_get_their_interest(self, wait: bool) -> None:
        if wait:
            self.today = max(self.today, date(2026, 1, 8))
        try:
            account_interest.settle(PLACE, 2025, clock=lambda: self.now, rulebook=standard())
        except settling.YearNotOverError:
            assert self.today.year == 2025
            return
        except settling.AlreadySettledError:
            assert 2025 in self.books.accounts.closing
            return
        assert self.today.year > 2025 and 2025 not in self.books.accounts.closing
        self.books.accounts.settle(2025, self.this_month)
        self.done("accounts settled")

    @rule(which=st.integers(0, 8), pays=st.booleans())
    def an_account_is_settled_within_the_year(self, which: int, pays: bool) -> None:
        """Somebody retires or dies before the rate of the year is published: the last one counts until it is."""
        people = [p for of in self.units.values() for p in of] + sorted(self.alone)
        person, month = people[which % len(people)], self.this_month
        accounts = self.books.accounts
        settled = 2025 in accounts.closing
        refused = person in accounts.parts[month // 100] or (month // 100 == 2026 and not settled and self.has_an_account(person))
        kind = EndKind.DEATH if pays else EndKind.RETIREMENT
        try:
            with acting(ENGINE):
                made = part_year.settle_part_year(
                    person, kind, month, place=PLACE, agency_id=1, rulebook=UNPUBLISHED, on=self.today, at=self.now
                )
        except part_year.NotSettleableError as error:
            assert refused, error.text
            return
        assert not refused
        rate = law.INTEREST[2024]
        assert (made.interest_fen, made.balance_fen) == accounts.part_year(person, month, Decimal(rate), pays=pays)
        self.done("part year")

    def has_an_account(self, person: int) -> bool:
        return any(e.person == person and e.month // 100 == 2025 for e in self.books.accounts.entries)
