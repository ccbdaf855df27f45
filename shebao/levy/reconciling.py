"""对账 of a day: the bank's statement, the tax office's list, our receipts and the books against each other. Run again, it finds the same.

Every line of a statement ends as matched or as a difference; the database refuses a day whose lines do not add up. What goes away by
itself (money that arrives late, suspense that was cleared) ends its difference with the name of what ended it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from django.db import connection
from django.db.models import QuerySet, Sum

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.gateways.statement import TaxDayRow
from shebao.ledger.closing import open_day
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import reconcile_lines
from shebao.levy.bank_models import DebitFile
from shebao.levy.models import IN_TRANSIT, Channel, Receipt, ReceiptState
from shebao.levy.reconcile_lines import Found
from shebao.levy.reconcile_models import (
    Difference,
    DifferenceKind,
    DifferenceState,
    IncomeAccount,
    Outcome,
    Outgoing,
    ReconDay,
    Statement,
    StatementLine,
    StatementState,
)
from shebao.levy.reconcile_statements import hold_account, lines_of
from shebao.levy.refund_models import MoveState
from shebao.levy.tax_models import TaxPayment
from shebao.policy.arrival import late_after
from shebao.policy.rulebook import standard


class NoAccountError(ShebaoError):
    """The place has no 收入户 on record."""

    code = "RCN-06"


@dataclass(frozen=True, slots=True)
class Result:
    """How a day came out; fen. fresh: differences that were not known before."""

    day: date
    lines: int
    matched: int
    differing: int
    fresh: int
    open: int
    closing_fen: int | None
    bank_fen: int
    unbooked_fen: int
    transit_fen: int

    @property
    def balanced(self) -> bool:
        return self.closing_fen is None or self.bank_fen + self.unbooked_fen == self.closing_fen


def account_of(place: str) -> IncomeAccount:
    """The 收入户 of a place. Raises: NoAccountError."""
    account = IncomeAccount.objects.filter(place=place).first()
    if account is None:
        raise NoAccountError("本统筹区还没有登记收入户，不能对账；请先在“对账”页登记账号")
    return account


def reconcile(place: str, day: date, *, tax_rows: Sequence[TaxDayRow] | None, on: date, at: datetime) -> Result:
    """Reconcile a day (and statements of earlier days that have waited). tax_rows: the tax office's list, None while it was not asked.

    on: today; what is booked is booked on the statement's day, or on the first open day after it. As the engine.
    Raises: NoAccountError.
    """
    account = account_of(place)
    hold_account(account.pk)
    waiting = Statement.objects.filter(account=account, state=StatementState.LOADED, day__lte=day, lines__isnull=False, lines__outcome=None)
    fresh = 0
    for statement in sorted({s.pk: s for s in waiting}.values(), key=lambda s: s.sequence):
        lines = [line for line in lines_of(statement.pk) if line.outcome is None]
        booked_on = open_day(place, statement.day)
        found = reconcile_lines.match_lines(statement, lines, place=place, on=booked_on, at=at)
        fresh += _keep([_of_line(account, one) for one in found], statement.day, at)
        if statement.day != day:
            _sum_up(account, statement.day, None, at)
    fresh += _keep(_late(account, day), day, at)
    fresh += _keep(_unseen(account, day), day, at)
    if tax_rows is not None:
        fresh += _compare_tax(account, day, tax_rows, at)
    _end_by_themselves(account, at)
    recon, balance = _sum_up(account, day, None if tax_rows is None else len(tax_rows), at)
    fresh += balance
    opened = Difference.objects.filter(account=account).exclude(state=DifferenceState.SETTLED).count()
    record([Trace("levy.reconciled", f"{place} {day}", after={"lines": recon.lines, "fresh": fresh}, agency_id=account.agency_id)], at=at)
    return Result(
        day, recon.lines, recon.matched, recon.differing, fresh, opened, recon.closing_fen, recon.bank_fen, recon.unbooked_fen,
        recon.transit_fen,
    )  # fmt: skip


def _new(
    account: IncomeAccount, key: str, kind: DifferenceKind, subject: str, ours: int | None, theirs: int | None, *,
    line_id: int | None = None, receipt_id: int | None = None,
) -> Difference:  # fmt: skip
    return Difference(
        key=key[:80], account=account, agency_id=account.agency_id, kind=kind.value, ours_fen=ours, theirs_fen=theirs,
        subject=subject[:60], line_id=line_id, receipt_id=receipt_id,
    )  # fmt: skip


def _keep(found: Sequence[Difference], day: date, at: datetime) -> int:
    """Keep what is not known yet. Returns how many that are."""
    for one in found:
        one.found_on, one.found_at = day, at
    before = set(Difference.objects.filter(key__in=[one.key for one in found]).values_list("key", flat=True))
    new = [one for one in found if one.key not in before]
    Difference.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def _of_line(account: IncomeAccount, one: Found) -> Difference:
    line = one.line
    subject = line.reference or line.serial
    theirs = line.amount_fen
    return _new(account, f"line:{line.pk}", one.kind, subject, one.ours_fen, theirs, line_id=line.pk, receipt_id=one.receipt_id)


def _late(account: IncomeAccount, day: date) -> list[Difference]:
    """Told of and on no statement when the published working days are over, by the way it was paid (payment.arrival_days.*): single
    payments, and the sums of debit batches."""
    rows = list(
        Receipt.objects.filter(channel__in=list(IN_TRANSIT), arrived_on=None, parent=None, paid_on__lt=day)
        .filter(agency_id__in=_agencies(account.place))
        .exclude(state=ReceiptState.VOID)
    )
    ways = dict(TaxPayment.objects.filter(receipt_id__in=[r.pk for r in rows]).values_list("receipt_id", "channel"))
    until = lru_cache(maxsize=None)(lambda way, paid_on: late_after(way, paid_on, account.place, standard()))
    found = [
        _new(account, f"late:{r.pk}", DifferenceKind.LATE, r.serial, r.amount_fen, None, receipt_id=r.pk)
        for r in rows
        if until("bank" if r.channel == Channel.BANK else ways.get(r.pk, ""), r.paid_on) < day
    ]
    files = DebitFile.objects.filter(batch__place=account.place, arrived_on=None, day__lt=day, taken_fen__gt=0).select_related("batch")
    return found + [
        _new(account, f"late-debit:{f.pk}", DifferenceKind.LATE, f.batch.number, f.taken_fen, None)
        for f in files.order_by("id")
        if until("bank", f.day) < day
    ]


def _unseen(account: IncomeAccount, day: date) -> list[Difference]:
    """Entered as arrived (file, hand) on days whose statement is here, and not on any."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select r.id, r.serial, r.amount_fen from levy_receipt r
            where r.channel in ('file', 'hand') and r.state not in ('void', 'pending') and r.parent_id is null
              and r.agency_id = any(%(agencies)s) and r.paid_on >= %(since)s
              and r.paid_on <= (select max(day) from levy_statement where account_id = %(account)s and state = 'loaded' and day <= %(day)s)
              and not exists (select 1 from levy_statementline l where l.matched_to = 'receipt:' || r.serial)
            order by r.id
            """,
            {"agencies": _agencies(account.place), "since": account.opened_on, "account": account.pk, "day": day},
        )
        return [
            _new(account, f"unseen:{pk}", DifferenceKind.UNSEEN, serial, fen, None, receipt_id=pk) for pk, serial, fen in cursor.fetchall()
        ]


def _agencies(place: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("select id from parties_agency where place = %s", [place])
        return [pk for (pk,) in cursor.fetchall()]


# --- the tax office's list ---


def _compare_tax(account: IncomeAccount, day: date, rows: Sequence[TaxDayRow], at: datetime) -> int:
    """Its list of the day against what it told us of that day. Differences that a later list no longer shows are over."""
    ours = {
        r.serial: r
        for r in Receipt.objects.filter(channel=Channel.TAX, paid_on=day, parent=None, agency_id__in=_agencies(account.place)).exclude(
            state=ReceiptState.VOID
        )
    }
    theirs = {row.serial: row for row in rows}
    found: list[Difference] = []
    for serial in sorted(ours.keys() | theirs.keys()):
        receipt, row = ours.get(serial), theirs.get(serial)
        if row is None and receipt is not None:
            kind = DifferenceKind.TAX_MISSING
        elif receipt is None:
            kind = DifferenceKind.TAX_EXTRA
        elif row is not None and (receipt.amount_fen, receipt.bill_number) != (row.amount_fen, row.bill_number):
            kind = DifferenceKind.TAX_AMOUNT
        else:
            continue
        pk = receipt.pk if receipt else None
        ours_fen, theirs_fen = receipt.amount_fen if receipt else None, row.amount_fen if row else None
        key = f"{kind.value}:{day}:{serial}"
        found.append(_new(account, key, kind, serial, ours_fen, theirs_fen, receipt_id=pk))
    kinds = [DifferenceKind.TAX_MISSING, DifferenceKind.TAX_EXTRA, DifferenceKind.TAX_AMOUNT]
    over = (
        Difference.objects.filter(account=account, kind__in=kinds, found_on=day)
        .exclude(state=DifferenceState.SETTLED)
        .exclude(key__in=[one.key for one in found])
    )
    _end(over, "agreed", "重新取得的税务日清单已一致", at)
    return _keep(found, day, at)


# --- what ends by itself ---


def _end(rows: Iterable[Difference], by: str, reason: str, at: datetime) -> int:
    ended = list(rows)
    Difference.objects.filter(pk__in=[d.pk for d in ended]).update(
        state=DifferenceState.SETTLED, settled_by=by, reason=reason, settled_at=at
    )
    record([Trace("levy.difference_ended", d.subject or d.key, after={"by": by}, agency_id=d.agency_id) for d in ended], at=at)
    return len(ended)


def _end_by_themselves(account: IncomeAccount, at: datetime) -> None:
    going = Difference.objects.filter(account=account).exclude(state=DifferenceState.SETTLED)
    late = going.filter(kind=DifferenceKind.LATE)
    _end(late.filter(receipt__arrived_on__isnull=False), "arrived", "款项已在对账单上到账", at)
    _end(late.filter(receipt__state=ReceiptState.VOID), "withdrawn", "告知的缴费已冲销", at)
    arrived = DebitFile.objects.filter(batch__place=account.place, arrived_on__isnull=False).values_list("pk", flat=True)
    keys = late.filter(key__startswith="late-debit:").values_list("key", flat=True)
    there = {f"late-debit:{pk}" for pk in arrived.filter(pk__in=[int(key.partition(":")[2]) for key in keys])}
    _end(late.filter(key__in=there), "arrived", "款项已在对账单上到账", at)
    _end(going.filter(kind=DifferenceKind.UNSEEN, receipt__state=ReceiptState.VOID), "withdrawn", "登记的到账已冲销", at)
    _end(_told_since(going), "agreed", "税务已补报，我方已登记同一笔缴费", at)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select d.id from levy_difference d join levy_receipt r on r.id = d.receipt_id
            where d.account_id = %s and d.state <> 'settled' and d.kind = 'unseen'
              and exists (select 1 from levy_statementline l where l.matched_to = 'receipt:' || r.serial)
            """,
            [account.pk],
        )
        seen = [pk for (pk,) in cursor.fetchall()]
    _end(going.filter(pk__in=seen), "arrived", "款项已在对账单上到账", at)
    _end(going.filter(kind=DifferenceKind.UNKNOWN_DEBIT, line__booked=True), "reversed", "银行已冲正，款项退回", at)
    with connection.cursor() as cursor:  # what is only held for a move or refund that may still be declined is not gone
        cursor.execute(
            """
            select d.id from levy_difference d join levy_receipt r on r.id = d.receipt_id
            where d.account_id = %s and d.state <> 'settled' and d.kind in ('unknown', 'twice', 'amount') and r.channel = 'stmt'
              and r.amount_fen = r.allocated_fen + r.moved_fen
              and not exists (select 1 from levy_suspensemove m where m.receipt_id = r.id and m.state = 'proposed')
              and not exists (select 1 from levy_refundline l join levy_refund f on f.id = l.refund_id
                              where l.receipt_id = r.id and not l.released and not f.booked)
            """,
            [account.pk],
        )
        cleared = going.filter(pk__in=[pk for (pk,) in cursor.fetchall()])
    _end(cleared, "cleared", "暂收款已认领、移交或退费", at)


def _told_since(going: QuerySet[Difference]) -> list[Difference]:
    """What stood on the tax office's list only, and it has told us of since: the same serial and amount."""
    rows = list(going.filter(kind=DifferenceKind.TAX_EXTRA))
    known = dict(
        Receipt.objects.filter(serial__in=[d.subject for d in rows], parent=None)
        .exclude(state=ReceiptState.VOID)
        .values_list("serial", "amount_fen")
    )
    return [d for d in rows if known.get(d.subject) == d.theirs_fen]


def _sum_up(account: IncomeAccount, day: date, tax_rows: int | None, at: datetime) -> tuple[ReconDay, int]:
    """Write the day down, and whether books and statement agree at its end. Returns how many differences that adds."""
    statement = Statement.objects.filter(account=account, day=day, state=StatementState.LOADED).first()
    counts: Mapping[str, int] = {}
    if statement is not None:
        rows = StatementLine.objects.filter(statement=statement).values_list("outcome", flat=True)
        outcomes = list(rows)
        counts = {word: outcomes.count(word) for word in Outcome}
        if sum(counts.values()) != len(outcomes):
            raise AssertionError("a line of the statement has no outcome")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select coalesce(sum(case l.direction when 'credit' then l.amount_fen else -l.amount_fen end), 0)::bigint
            from levy_statementline l join levy_statement s on s.id = l.statement_id
            where s.account_id = %s and s.state = 'loaded' and s.day <= %s and l.outcome is not null and not l.booked
            """,
            [account.pk, day],
        )
        (unbooked,) = cursor.fetchone()
    # An outgoing movement that was identified later is booked on a later day: at the end of this one it was not in the books yet.
    later = Outgoing.objects.filter(
        line__statement__account=account, line__statement__day__lte=day, state=MoveState.CONFIRMED, posted_on__gt=day
    )
    unbooked -= later.aggregate(fen=Sum("line__amount_fen"))["fen"] or 0
    balances = trial_balance(account.place, day)
    bank = sum(b.balance_fen for b in balances if b.kind is AccountKind.BANK)
    transit = sum(b.balance_fen for b in balances if b.kind is AccountKind.TRANSIT)
    matched, differing = counts.get(Outcome.MATCHED, 0), counts.get(Outcome.DIFFERENCE, 0)
    closing = statement.closing_fen if statement else None
    recon = ReconDay.objects.filter(account=account, day=day).first() or ReconDay(
        account=account, agency_id=account.agency_id, day=day, rounds=0
    )
    recon.statement, recon.lines, recon.matched, recon.differing = statement, matched + differing, matched, differing
    recon.closing_fen, recon.bank_fen, recon.unbooked_fen, recon.transit_fen = closing, bank, unbooked, transit
    recon.tax_rows = recon.tax_rows if tax_rows is None else tax_rows
    recon.rounds, recon.run_by, recon.run_at = recon.rounds + 1, current().account_id, at
    recon.save()
    return recon, _balance(account, day, closing, bank + unbooked, at)


def _balance(account: IncomeAccount, day: date, closing: int | None, ours: int, at: datetime) -> int:
    if closing is None:
        return 0
    key = f"balance:{account.pk}:{day}"
    if ours == closing:
        rows = Difference.objects.filter(key=key).exclude(state=DifferenceState.SETTLED)
        _end(rows, "balanced", f"账面与对账单余额均为 {yuan_shown(closing)} 元", at)
        # What made an earlier day differ is in the books by now: later days agree.
        earlier = Difference.objects.filter(account=account, kind=DifferenceKind.BALANCE, found_on__lt=day)
        _end(earlier.exclude(state=DifferenceState.SETTLED), "balanced", f"{day} 账面与对账单余额已一致", at)
        return 0
    Difference.objects.filter(key=key).exclude(state=DifferenceState.SETTLED).update(ours_fen=ours, theirs_fen=closing)
    return _keep([_new(account, key, DifferenceKind.BALANCE, day.isoformat(), ours, closing)], day, at)
