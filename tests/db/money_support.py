"""What the tests of refunds and reconciliation share: told payments, statements, balances, and what must hold after each of them."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.gateways import statement as codec
from shebao.gateways.statement import Direction, Movement, TaxDayRow
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import payouts, receiving, reconcile_settling, reconcile_statements, reconciling, refunding, suspense
from shebao.levy.models import Bill, Channel, Receipt
from shebao.levy.receiving import Payment, Told
from shebao.levy.reconcile_models import Difference, IncomeAccount, Outgoing, OutgoingPart, ReconDay, StatementLine
from shebao.levy.refund_models import MoveKind, PayoutAnswer, Refund, SourceKind
from shebao.levy.refund_sources import Source
from tests.db.support import AT, PLACE, ask, finance

TODAY = AT.date()
CLERK, COLLEAGUE, THIRD = 300, 301, 302
ACCOUNT = "42010099000000001"
PAYEE = refunding.Payee("甲示例公司", "示例银行", "42010012345678")
serials = count(1)


def payment(bill: Bill | str, amount_fen: int, serial: str = "", paid_on: date = TODAY) -> Payment:
    number = bill if isinstance(bill, str) else bill.number
    return Payment(serial or f"SW{next(serials):06d}", number, "甲示例公司", amount_fen, paid_on)


def tell(*payments: Payment, batch: str = "B1", channel: Channel = Channel.TAX, agency: int = 1, on: date = TODAY) -> list[Told]:
    with acting(finance()):
        return receiving.receive_told(channel, batch, payments, place=PLACE, agency_id=agency, on=on, at=AT)


def arrive(*names: str) -> int:
    with acting(finance()):
        return receiving.arrive(names, place=PLACE, on=TODAY, at=AT)


def receipt(serial: str) -> Receipt:
    with acting(ENGINE):
        return Receipt.objects.get(serial=serial)


def fresh(bill: Bill) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(pk=bill.pk)


def refund_of(pk: int) -> Refund:
    with acting(ENGINE):
        return Refund.objects.get(pk=pk)


def balances() -> dict[AccountKind, int]:
    with acting(ENGINE):
        rows = trial_balance(PLACE, date(2031, 1, 1))
    return {kind: sum(r.balance_fen for r in rows if r.kind is kind) for kind in AccountKind}


def propose(serial: str, kind: MoveKind, amount_fen: int, *, bill: str = "", to: int | None = None, by: int = CLERK) -> int:
    wanted = suspense.Wanted(kind, amount_fen, "经与单位核对", bill, to)
    pk = receipt(serial).pk
    with acting(finance(by)):
        return suspense.propose(pk, wanted, at=AT)


def decide(move: int, *, confirm: bool = True, by: int = COLLEAGUE, note: str = "") -> str:
    with acting(finance(by)):
        return suspense.decide(move, confirm=confirm, note=note, place=PLACE, on=TODAY, at=AT).value


def of_suspense(serial: str, amount_fen: int) -> Source:
    return Source(SourceKind.SUSPENSE, receipt(serial).pk, amount_fen)


def apply_refund(*sources: Source, by: int = CLERK, unit: int | None = None, person: int | None = None, agency: int = 1) -> int:
    wanted = refunding.Application(sources, PAYEE, "重复缴费", agency, PLACE, unit, person)
    with acting(finance(by)):
        return refunding.apply(wanted, on=TODAY, at=AT).pk


def review_refund(pk: int, *, approve: bool = True, by: int = COLLEAGUE, note: str = "") -> str:
    with acting(finance(by)):
        return refunding.review(pk, approve=approve, note=note, on=TODAY, at=AT).value


def credit(reference: str, amount_fen: int, day: date, serial: str = "") -> Movement:
    return Movement(serial or f"YH{next(serials):07d}", Direction.CREDIT, amount_fen, "甲示例公司", reference, day)


def debit(reference: str, amount_fen: int, day: date, serial: str = "") -> Movement:
    return Movement(serial or f"YH{next(serials):07d}", Direction.DEBIT, amount_fen, "某收款人", reference, day)


class Bank:
    """The bank's side: statements of our account that follow each other."""

    def __init__(self, opening_fen: int, first: date) -> None:
        self.balance, self.sequence, self.day = opening_fen, 0, first - timedelta(days=1)
        with acting(finance()):
            if not IncomeAccount.objects.filter(place=PLACE).exists():
                reconcile_statements.register_account(PLACE, ACCOUNT, "示例银行", 1, on=first, at=AT)

    def content(self, *movements: Movement, day: date | None = None) -> bytes:
        """The next day's statement; the bank's balance goes on with it."""
        self.day = day or self.day + timedelta(days=1)
        self.sequence += 1
        moves = [Movement(m.serial, m.direction, m.amount_fen, m.counterparty, m.reference, self.day) for m in movements]
        written = codec.write(ACCOUNT, self.day, self.sequence, self.balance, moves)
        self.balance += sum(m.amount_fen if m.direction is Direction.CREDIT else -m.amount_fen for m in moves)
        return written

    def send(self, *movements: Movement, day: date | None = None) -> reconcile_statements.Loaded:
        return load(self.content(*movements, day=day))


def load(content: bytes) -> reconcile_statements.Loaded:
    read = codec.read(content, today=date(2027, 12, 31))
    with acting(finance()):
        return reconcile_statements.load(read, content, "对账单.txt", at=AT)


def reconcile(day: date, tax: Sequence[TaxDayRow] | None = None) -> reconciling.Result:
    with acting(finance()):
        return reconciling.reconcile(PLACE, day, tax_rows=tax, on=day, at=AT)


def differences(kind: str = "", *, state: str = "") -> list[Difference]:
    with acting(ENGINE):
        found = Difference.objects.order_by("id").select_related("receipt")
        return [d for d in found if (not kind or d.kind == kind) and (not state or d.state == state)]


def check_everything() -> None:
    """What holds after every step, whatever it was."""
    found = balances()
    (cash_in, bank_in, allocated, suspended, out, due, fiscal, advanced) = ask(
        """
        select
          coalesce(sum(amount_fen) filter (where parent_id is null), 0)::bigint,
          coalesce(sum(amount_fen) filter (where parent_id is null and (channel not in ('tax', 'bank') or arrived_on is not null)), 0)::bigint,
          coalesce(sum(allocated_fen), 0)::bigint,
          coalesce(sum(amount_fen - allocated_fen), 0)::bigint
            - (select coalesce(sum(amount_fen), 0) from levy_suspensemove where kind = 'hand_over' and state = 'confirmed')::bigint
            - (select coalesce(sum(l.amount_fen), 0) from levy_refundline l join levy_refund r on r.id = l.refund_id
               where l.source = 'suspense' and r.booked)::bigint
            + (select coalesce(sum(e.credit_fen - e.used_fen), 0) from levy_estimate e)::bigint
            - (select coalesce(sum(l.amount_fen), 0) from levy_refundline l join levy_refund r on r.id = l.refund_id
               where l.source = 'credit' and r.booked)::bigint,
          (select coalesce(sum(amount_fen), 0) from levy_refund where state = 'paid')::bigint,
          (select coalesce(sum(amount_fen), 0) from levy_refund where booked and state <> 'paid')::bigint,
          (select coalesce(sum(l.amount_fen), 0) from levy_outgoing o join levy_statementline l on l.id = o.line_id
           where o.state = 'confirmed' and o.kind = 'fiscal')::bigint,
          (select coalesce(sum(l.amount_fen), 0) from levy_outgoing o join levy_statementline l on l.id = o.line_id
           where o.state = 'confirmed' and o.kind = 'advance' and o.returned_on is null)::bigint
        from levy_receipt where state not in ('void', 'pending')
        """
    )[0]
    assert found[AccountKind.BANK] == bank_in - out - fiscal - advanced
    assert (found[AccountKind.FISCAL], found[AccountKind.ADVANCE]) == (fiscal, advanced)
    assert found[AccountKind.TRANSIT] == cash_in - bank_in
    assert -found[AccountKind.SUSPENSE] == suspended
    assert -found[AccountKind.REFUND_DUE] == due
    assert ask("select coalesce(sum(a.amount_fen), 0)::bigint from levy_allocation a") == [(allocated,)]


def rows_of_everything(bill: Bill, agency: int) -> None:
    """One row in every table of suspense, refunds and reconciliation, of one side. Agencies of one place share an account, these do not."""
    serial = f"RW{agency}"
    tell(payment(bill, bill.total_fen + 900, serial), agency=agency)
    tell(payment(bill, bill.total_fen + 901, serial), agency=agency)
    arrive(serial)
    mine = receipt(serial)
    with acting(finance(CLERK)):
        other = 2 if agency == 1 else 1
        suspense.propose(mine.pk, suspense.Wanted(MoveKind.HAND_OVER, 100, "核对", to_agency_id=other), at=AT)
        source = Source(SourceKind.SUSPENSE, mine.pk, 200)
        made = refunding.apply(refunding.Application((source,), PAYEE, "重复", agency, PLACE, bill.unit_id), on=TODAY, at=AT)
    review_refund(made.pk)
    with acting(finance()):
        sent = payouts.instruct(agency, PLACE, bank="403", private_key=b"k" * 32, on=TODAY, at=AT)
        of = {"payout": sent, "agency_id": agency, "bank": "403", "day": TODAY, "order": agency}
        PayoutAnswer.objects.create(**of, sha256=b"0" * 32, refused=0, received_at=AT)
        account = IncomeAccount.objects.create(
            place=PLACE if agency == 1 else "429000", number=f"4201009900000000{agency}", bank="示例银行", agency_id=agency, opened_on=TODAY
        )
    content = codec.write(account.number, TODAY, 1, 0, [credit("X", 5, TODAY, f"YHX{agency}")])
    load(content)
    with acting(finance()):
        line = StatementLine.objects.get(statement__account=account)
        ReconDay.objects.create(
            account=account, agency_id=agency, day=TODAY, lines=0, matched=0, differing=0, bank_fen=0, unbooked_fen=0, transit_fen=0,
            run_by=0, run_at=AT,
        )  # fmt: skip
        difference = Difference.objects.create(
            key=f"row:{agency}", account=account, agency_id=agency, kind="unknown", theirs_fen=5, line=line, found_on=TODAY, found_at=AT
        )
        reconcile_settling.chase(difference.pk, "已联系银行", at=AT)
        out = Outgoing.objects.create(line=line, agency_id=agency, kind="advance", reason="核对", proposed_by=1, proposed_at=AT)
        OutgoingPart.objects.create(outgoing=out, fund=0, amount_fen=5)
