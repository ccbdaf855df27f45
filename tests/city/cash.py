"""Money comes in by every way: right, in part, twice, for nobody, told and then not; it waits, is claimed, released, and given back."""

from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shebao.access.acting import acting
from shebao.base.errors import ShebaoError
from shebao.gateways import strict_json
from shebao.gateways import tax as wire
from shebao.gateways.signed import Envelope
from shebao.levy import payouts, receiving, refunding, suspense, tax_hearing
from shebao.levy.late_payments import FeePaidError
from shebao.levy.matching import CannotReleaseError
from shebao.levy.refund_models import MoveKind, SourceKind
from shebao.levy.refund_sources import NotPaidYetError, Source, TakenAlreadyError
from tests.city import law
from tests.city.oracle import Receipt
from tests.city.world import World, asked, finance, serial
from tests.db.support import PLACE

KEY = Ed25519PrivateKey.generate().private_bytes_raw()
PAYEE = refunding.Payee("示例公司", "示例银行", "6222020200000000008")
NO_BILL = "HD209912-9999999"
REFUSED = (suspense.NotPossibleError, suspense.TooMuchError, CannotReleaseError, FeePaidError)


class Cash(World):
    """Files, the tax office, the counter; suspense and refunds."""

    def some_bill(self, which: int) -> Any:
        bills = self.open_bills()
        return bills[which % len(bills)] if bills else None

    @precondition(lambda self: self.open_bills())
    @rule(which=st.integers(0, 20), share=st.sampled_from([1, 250, 500, 999, 1000, 1000, 1000, 1001, 2000]))
    def pay(self, which: int, share: int) -> None:
        if bill := self.some_bill(which):
            self.file([self.payment(bill.number, max(1, bill.open * share // 1000))])
            self.done("paid" if share >= 1000 else "paid in part")

    @precondition(lambda self: self.open_bills())
    @rule(which=st.integers(0, 20))
    def pay_twice_in_one_file(self, which: int) -> None:
        if bill := self.some_bill(which):
            self.file([self.payment(bill.number, bill.open), self.payment(bill.number, bill.open)])
            self.done("paid twice")

    @precondition(lambda self: self.open_bills())
    @rule(unit=st.integers(0, 1))
    def pay_everything(self, unit: int) -> None:
        mine = [b for b in self.open_bills() if b.unit == list(self.units)[unit]]
        if mine:
            self.file([self.payment(b.number, b.open) for b in mine])
            self.done("all paid")

    @rule(amount=st.integers(1, 9_999_999))
    def pay_a_bill_that_is_none(self, amount: int) -> None:
        self.file([self.payment(NO_BILL, amount)])

    @precondition(lambda self: self.files)
    @rule(which=st.integers(0, 20))
    def send_a_file_again(self, which: int) -> None:
        if not self.files:
            return
        digest, batch, payments = self.files[which % len(self.files)]
        try:
            with acting(finance(300)):
                receiving.receive_file(digest, batch, "到账.csv", payments, place=PLACE, agency_id=1, on=self.today, at=self.now)
        except receiving.FileKnownError:
            self.done("file again")
        else:
            raise AssertionError("a file was applied twice")

    @precondition(lambda self: self.files)
    @rule(which=st.integers(0, 20))
    def send_known_payments_under_another_batch(self, which: int) -> None:
        if not self.files:
            return
        _, _, payments = self.files[which % len(self.files)]
        n = serial()
        with acting(finance(300)):
            got = receiving.receive_file(
                n.to_bytes(32, "big"), f"B{n}", "到账.csv", payments, place=PLACE, agency_id=1, on=self.today, at=self.now
            )
        assert got.known == len(payments)
        self.done("serials again")

    @precondition(lambda self: self.open_bills())
    @rule(which=st.integers(0, 20), amount=st.integers(1, 5_000_000))
    def enter_by_hand(self, which: int, amount: int) -> None:
        bill = self.some_bill(which)
        payment = self.payment(bill.number if bill else NO_BILL, amount)
        with acting(finance(300)):
            self.pending[receiving.enter_by_hand(payment, agency_id=1, place=PLACE, on=self.today, at=self.now)] = payment

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 20), confirm=st.booleans(), same=st.booleans())
    def settle_what_was_entered(self, which: int, confirm: bool, same: bool) -> None:
        if not self.pending:
            return
        receipt = list(self.pending)[which % len(self.pending)]
        try:
            with acting(finance(300 if same else 301)):
                (receiving.confirm if confirm else receiving.void)(receipt, place=PLACE, on=self.today, at=self.now)
        except receiving.SamePersonError:
            assert confirm and same
            return
        payment = self.pending.pop(receipt)
        if confirm:
            self.came_in(payment, channel="hand")
            self.done("entered by hand")

    # The tax office tells

    def hear(self, path: str, body: dict[str, Any]) -> list[str]:
        envelope = Envelope("tax", uuid4(), serial(), self.today, body)
        content = envelope.content()
        with acting(finance(0)):
            answer = tax_hearing.hear(envelope, path, content, "k", place=PLACE, at=self.now)
            again = tax_hearing.hear(envelope, path, content, "k", place=PLACE, at=self.now)
        assert answer == again
        return [one.outcome for one in wire.read_heard(strict_json.load(answer))]

    def tell(self, *payments: receiving.Payment) -> list[str]:
        told = [wire.Paid(p.serial, p.bill_number, p.amount_fen, self.now, "app") for p in payments]
        return self.hear(wire.PAYMENTS, wire.payments_body(told))

    @rule(which=st.integers(0, 30), share=st.sampled_from([500, 999, 1000, 1000, 1000, 1100]), again=st.booleans(), other=st.booleans())
    def the_tax_office_tells_of_a_payment(self, which: int, share: int, again: bool, other: bool) -> None:
        open_fen = {b.number: b.open for b in self.open_bills()} | {
            n: sum(self.books.flexible[p, m][0] for m in months) for n, (p, months) in self.person_bills.items()
        }
        if not open_fen:
            return
        number = sorted(open_fen)[which % len(open_fen)]
        payment = self.payment(number, max(1, open_fen[number] * share // 1000))
        outcome = self.tell(payment)
        receipt = self.came_in(payment, channel="tax", arrived=False)
        assert outcome == ["suspense" if receipt.rest else "booked"]
        self.done("told")
        if again:
            assert self.tell(payment) == ["known"]
        if other:
            changed = receiving.Payment(payment.serial, number, "", payment.amount_fen + 1, self.today)
            assert self.tell(changed) == ["refused"]

    @rule(which=st.integers(0, 30), before=st.booleans())
    def the_tax_office_takes_a_payment_back(self, which: int, before: bool) -> None:
        told = [r for r in self.books.receipts.values() if r.channel == "tax" and not r.void and r.serial not in self.reversed]
        if before and (bill := self.some_bill(which)):  # the reversal comes first: the payment is none as soon as it is told
            payment = self.payment(bill.number, bill.open)
            assert self.reverse(payment.serial, payment.amount_fen) == ["waiting"]
            self.reversed.add(payment.serial)
            self.tell(payment)
            self.receipt_reversed(self.came_in(payment, channel="tax", arrived=False))
            self.done("reversed before")
            return
        if not told:
            return
        receipt = told[which % len(told)]
        numbers = {number for number, _, _ in receipt.shares}
        possible = not receipt.arrived and not receipt.held and all(self.can_leave(receipt, number) for number in numbers)
        assert self.reverse(receipt.serial, receipt.amount) == ["reversed" if possible else "waiting"], (receipt, possible)
        self.reversed.add(receipt.serial)
        if possible:
            self.receipt_reversed(receipt)
            self.done("reversed")
        elif receipt.arrived:
            self.done("not reversed after arrival")

    def reverse(self, of: str, fen: int) -> list[str]:
        one = wire.Reversal(f"C{serial():08d}", of, fen, self.now, "误缴")
        return self.hear(wire.REVERSALS, wire.reversals_body([one]))

    def can_leave(self, receipt: Receipt, number: str) -> bool:
        if number in self.person_bills_paid:
            return number not in self.person_refunded
        return self.books.releasable(receipt, number)

    def receipt_reversed(self, receipt: Receipt) -> None:
        for number in {number for number, _, _ in receipt.shares}:
            self.leaves(receipt, number)
        receipt.void = True

    def leaves(self, receipt: Receipt, number: str) -> None:
        if number in self.person_bills_paid:
            person, months = self.person_bills[number] = self.person_bills_paid.pop(number)
            receipt.shares.pop((number, law.PENSION, "normal"))
            for month in months:
                self.books.settled[person, month] = "billed"
            self.books.accounts.take_back(number, self.this_month, self.this_month)
            return
        order = self.books.bills[number]
        was_clear = not order.open
        self.books.release(receipt, number, self.this_month, self.this_month)
        if order.kind == "arrears" and was_clear:
            people = {t.who[0] for b in self.books.bills.values() for line in b.lines for t in line.taken if t.order == number}
            for person in people:
                self.registered.setdefault((order.unit, person), number)

    # Out of suspense

    def waiting(self) -> list[Receipt]:
        return [r for r in self.books.receipts.values() if r.rest > 0 and not r.void]

    def by_two(self, receipt: Receipt, wanted: suspense.Wanted, *, confirm: bool = True) -> None:
        with acting(finance(300)):
            move = suspense.propose(self.receipt_id(receipt), wanted, at=self.now)
        with acting(finance(301)):
            suspense.decide(move, confirm=confirm, note="不对", place=PLACE, on=self.today, at=self.now)

    @precondition(lambda self: self.waiting() and self.open_bills())
    @rule(which=st.integers(0, 30), bill=st.integers(0, 30), share=st.sampled_from([500, 1000, 1000]), confirm=st.booleans())
    def claim_money_for_a_bill(self, which: int, bill: int, share: int, confirm: bool) -> None:
        waiting, target = self.waiting(), self.some_bill(bill)
        if not waiting or target is None:
            return
        receipt = waiting[which % len(waiting)]
        amount = max(1, min(receipt.rest, target.open) * share // 1000)
        self.by_two(receipt, suspense.Wanted(MoveKind.MATCH, amount, "核对后认领", target.number), confirm=confirm)
        if confirm:
            self.money_for(receipt, target.number, amount)
            self.done("claimed")

    @precondition(lambda self: any(r.shares for r in self.books.receipts.values()))
    @rule(which=st.integers(0, 30), bill=st.integers(0, 3))
    def release_money_from_a_bill(self, which: int, bill: int) -> None:
        with_shares = [r for r in self.books.receipts.values() if r.shares and not r.void]
        if not with_shares:
            return
        receipt = with_shares[which % len(with_shares)]
        numbers = sorted({number for number, _, _ in receipt.shares})
        number = numbers[bill % len(numbers)]
        fen = sum(part for (n, _, _), part in receipt.shares.items() if n == number)
        possible = self.can_leave(receipt, number)
        try:
            self.by_two(receipt, suspense.Wanted(MoveKind.RELEASE, fen, "缴错单", number))
        except REFUSED:
            assert not possible
            return
        assert possible
        self.leaves(receipt, number)
        self.done("released")

    @precondition(lambda self: any(r.channel == "tax" and not r.void for r in self.books.receipts.values()))
    @rule(which=st.integers(0, 30))
    def withdraw_what_never_came(self, which: int) -> None:
        told = [r for r in self.books.receipts.values() if r.channel == "tax" and not r.void]
        if not told:
            return
        receipt = told[which % len(told)]
        numbers = {number for number, _, _ in receipt.shares}
        possible = not receipt.arrived and not receipt.held and all(self.can_leave(receipt, number) for number in numbers)
        try:
            self.by_two(receipt, suspense.Wanted(MoveKind.WITHDRAW, receipt.amount, "未到账"))
        except REFUSED:
            assert not possible
            return
        assert possible
        self.receipt_reversed(receipt)
        self.done("withdrawn")

    # Refunds

    @precondition(lambda self: self.waiting())
    @rule(which=st.integers(0, 30), share=st.sampled_from([333, 1000, 1001]), approve=st.booleans(), pay=st.booleans())
    def refund_money(self, which: int, share: int, approve: bool, pay: bool) -> None:
        waiting = self.waiting()
        if not waiting:
            return
        receipt = waiting[which % len(waiting)]
        amount = max(1, receipt.rest * share // 1000)
        too_much = amount > receipt.rest or not receipt.arrived
        if not self.refund(
            Source(SourceKind.SUSPENSE, self.receipt_id(receipt), amount), too_much, approve, [(0, amount, "suspense")], pay
        ):
            return
        receipt.held += amount
        receipt.out += amount
        self.done("refunded")

    @precondition(lambda self: self.books.too_much)
    @rule(which=st.integers(0, 30), approve=st.booleans(), pay=st.booleans())
    def refund_what_was_charged_too_much(self, which: int, approve: bool, pay: bool) -> None:
        if not self.books.too_much:
            return
        pk = sorted(self.books.too_much)[which % len(self.books.too_much)]
        unit, person, month, code, fen, gone = self.books.too_much[pk]
        bill = next(b for b in self.books.bills.values() if (b.unit, b.month, b.kind) == (unit, month, "monthly"))
        taken = [t for line in bill.lines if line.code == code for t in line.taken if t.who == (person, month)]
        not_in = any(not t.order or self.books.bills[t.order].open for t in taken)
        refused = gone or not_in or bill.state not in ("paid", "moved")
        if self.refund(Source(SourceKind.DIFFERENCE, pk), refused, approve, [(code, fen, "difference")], pay):
            self.books.too_much[pk] = (unit, person, month, code, fen, True)
            if code == law.PENSION and self.own_back[pk]:
                self.books.accounts.refund(person, self.own_back[pk], self.this_month, self.this_month)
            self.done("difference refunded")

    @precondition(lambda self: self.books.flexible)
    @rule(which=st.integers(0, 30), approve=st.booleans(), pay=st.booleans())
    def refund_a_month_of_a_flexible_worker(self, which: int, approve: bool, pay: bool) -> None:
        months = sorted(self.books.flexible)
        if not months:
            return
        person, month = months[which % len(months)]
        fen, account = self.books.flexible[person, month]
        refused = self.books.settled.get((person, month)) != "paid" or not self.arrived((person, month))
        source = Source(SourceKind.FLEXDUE, person_id=person, month=month, insurance=law.PENSION)
        if self.refund(source, refused, approve, [(law.PENSION, fen, "flexdue")], pay):
            self.books.settled[person, month] = "refunded"
            self.person_refunded |= {n for n, (p, of) in self.person_bills_paid.items() if p == person and month in of}
            self.books.accounts.refund(person, account, self.this_month, self.this_month)
            self.done("month refunded")

    def arrived(self, who: tuple[int, int]) -> bool:
        """Whether the money of a paid month of a flexible worker is in the bank."""
        for number, (person, months) in self.person_bills_paid.items():
            if person == who[0] and who[1] in months:
                return all(r.arrived for r in self.books.receipts.values() if any(n == number for n, _, _ in r.shares))
        return self.batch_arrived(who)

    def batch_arrived(self, who: tuple[int, int]) -> bool:
        raise NotImplementedError

    def refund(self, source: Source, refused: bool, approve: bool, lines: list[tuple[int, int, str]], pay: bool) -> bool:
        """A refund from application to bank. Returns whether it was approved; a declined one changes nothing."""
        wanted = refunding.Application([source], PAYEE, "多缴", 1, PLACE)
        try:
            with acting(finance(300)):
                refund = refunding.apply(wanted, on=self.today, at=self.now)
        except (suspense.TooMuchError, NotPaidYetError, TakenAlreadyError) as error:
            assert refused, error
            return False
        assert not refused, lines
        try:
            with acting(finance(300)):
                refunding.review(refund.pk, approve=True, on=self.today, at=self.now)
        except suspense.SameHandsError:
            pass
        else:
            raise AssertionError("who applied for a refund approved it")
        with acting(finance(301)):
            refunding.review(refund.pk, approve=approve, note="不予", on=self.today, at=self.now)
        if not approve:
            return False
        self.books.refunds[refund.number] = lines
        if pay:
            self.pay_refunds_out()
        return True

    @precondition(lambda self: len(self.books.refunds) > len(self.books.refunds_paid))
    @rule()
    def pay_refunds_out(self) -> None:
        """The approved ones go to the bank in one file; its statement shows them."""
        try:
            with acting(finance(302)):
                payouts.instruct(1, PLACE, bank="403", private_key=KEY, on=self.today, at=self.now)
        except ShebaoError:
            return
        self.done("refunds instructed")

    @precondition(lambda self: self.books.refunds)
    @rule(which=st.integers(0, 9))
    def a_refund_that_came_back_is_sent_again(self, which: int) -> None:
        back = [pk for (pk,) in asked("select id from levy_refund where state = 'returned' order by id")]
        if not back:
            return
        pk = back[which % len(back)]
        with acting(finance(300)):
            refunding.apply_again(pk, PAYEE, reason="更正账号", on=self.today, at=self.now)
        with acting(finance(301)):
            refunding.review(pk, approve=True, on=self.today, at=self.now)
        self.done("refund sent again")
