"""对账: the bank's statements line by line, the days that were reconciled, and every difference with its owner and its end."""

from django.db import models

from shebao.levy.refund_models import MoveState


class IncomeAccount(models.Model):
    """收入户: the bank account of a place that contributions come into, and the agency that keeps it."""

    id = models.AutoField(primary_key=True)
    place = models.CharField(max_length=6, unique=True)
    number = models.CharField(max_length=32, unique=True)
    bank = models.CharField(max_length=100)
    agency_id = models.SmallIntegerField()
    opened_on = models.DateField()  # from this day on its statements come in


class StatementState(models.TextChoices):
    """A statement that came before its predecessor waits for it."""

    QUEUED = "queued", "等待前一日"
    LOADED = "loaded", "已登记"


class Statement(models.Model):
    """银行对账单 of one account and day. `content` keeps the bytes as they came."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(IncomeAccount, on_delete=models.PROTECT, related_name="statements")
    agency_id = models.SmallIntegerField()
    day = models.DateField()
    sequence = models.IntegerField()
    opening_fen = models.BigIntegerField()
    closing_fen = models.BigIntegerField()
    credits = models.IntegerField()
    credit_fen = models.BigIntegerField()
    debits = models.IntegerField()
    debit_fen = models.BigIntegerField()
    sha256 = models.BinaryField(max_length=32, unique=True)
    name = models.CharField(max_length=120)
    content = models.BinaryField()
    state = models.CharField(max_length=6, choices=StatementState)
    received_by = models.IntegerField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="levy_statement_day_once"),
            models.UniqueConstraint(fields=["account", "sequence"], name="levy_statement_sequence_once"),
            models.CheckConstraint(
                condition=models.Q(closing_fen=models.F("opening_fen") + models.F("credit_fen") - models.F("debit_fen")),
                name="levy_statement_balances",
            ),
        ]


class Outcome(models.TextChoices):
    """What a line of a statement was found to be: one or the other, never nothing."""

    MATCHED = "matched", "已核对"
    DIFFERENCE = "difference", "有差异"


class StatementLine(models.Model):
    """One movement on the account. outcome is null until the day is reconciled."""

    id = models.BigAutoField(primary_key=True)
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    agency_id = models.SmallIntegerField()
    line = models.IntegerField()
    serial = models.CharField(max_length=40)
    direction = models.CharField(max_length=6)  # credit: money came in; debit: money went out
    amount_fen = models.BigIntegerField()
    counterparty = models.CharField(max_length=100, default="")
    reference = models.CharField(max_length=60, default="")
    booked_on = models.DateField()
    outcome = models.CharField(max_length=10, choices=Outcome, null=True)
    matched_to = models.CharField(max_length=60, default="")  # receipt:…, batch:…, debit:…, refund:…, return:…, reversal:…
    booked = models.BooleanField(default=False)  # our books hold this movement

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["statement", "line"], name="levy_statementline_once"),
            models.UniqueConstraint(fields=["statement", "serial"], name="levy_statementline_serial"),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0, direction__in=["credit", "debit"]), name="levy_statementline_amount"
            ),
            models.CheckConstraint(
                condition=models.Q(outcome=None, matched_to="")
                | models.Q(outcome="difference", matched_to="")
                | (models.Q(outcome="matched", booked=True) & ~models.Q(matched_to="")),
                name="levy_statementline_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["reference"], name="levy_statementline_ref"),
            models.Index(fields=["serial"], name="levy_stmtline_serial"),
        ]


class ReconDay(models.Model):
    """The reconciliation of a day of a place: how its lines fell, and what the books and the statement say at its end."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(IncomeAccount, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    day = models.DateField()
    statement = models.ForeignKey(Statement, null=True, on_delete=models.PROTECT, related_name="+")
    lines = models.IntegerField()
    matched = models.IntegerField()
    differing = models.IntegerField()
    closing_fen = models.BigIntegerField(null=True)
    bank_fen = models.BigIntegerField()  # the ledger's BANK at the end of the day
    unbooked_fen = models.BigIntegerField()  # what stands on statements and not in our books (outgoing below zero)
    transit_fen = models.BigIntegerField()
    tax_rows = models.IntegerField(null=True)
    rounds = models.IntegerField(default=1)
    run_by = models.IntegerField()
    run_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="levy_reconday_once"),
            models.CheckConstraint(condition=models.Q(lines=models.F("matched") + models.F("differing")), name="levy_reconday_whole"),
        ]


class DifferenceKind(models.TextChoices):
    """How two sides can disagree."""

    UNKNOWN = "unknown", "对账单有、我方无（到账不明）"
    UNKNOWN_DEBIT = "unknown_debit", "对账单有、我方无（支出不明）"
    TWICE = "twice", "重复到账"
    AMOUNT = "amount", "到账金额不符"
    LATE = "late", "已告知缴费、逾期未到账"
    UNSEEN = "unseen", "我方已登记到账、对账单无"
    TAX_MISSING = "tax_missing", "我方有、税务日清单无"
    TAX_EXTRA = "tax_extra", "税务日清单有、我方无"
    TAX_AMOUNT = "tax_amount", "与税务日清单金额不符"
    BALANCE = "balance", "银行存款账与对账单余额不符"


class DifferenceState(models.TextChoices):
    """Open until it has gone away by itself or two people have settled it."""

    OPEN = "open", "待处理"
    PROPOSED = "proposed", "待复核"
    SETTLED = "settled", "已处理"


class Difference(models.Model):
    """One disagreement. `key` makes a rerun find it again; `settled_by` names the operation that ended it."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=80, unique=True)
    account = models.ForeignKey(IncomeAccount, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    kind = models.CharField(max_length=13, choices=DifferenceKind)
    ours_fen = models.BigIntegerField(null=True)
    theirs_fen = models.BigIntegerField(null=True)
    subject = models.CharField(max_length=60, default="")
    line = models.ForeignKey(StatementLine, null=True, on_delete=models.PROTECT, related_name="+")
    receipt = models.ForeignKey("levy.Receipt", null=True, on_delete=models.PROTECT, related_name="+")
    found_on = models.DateField()
    found_at = models.DateTimeField()
    owner = models.IntegerField(null=True)
    state = models.CharField(max_length=8, choices=DifferenceState, default=DifferenceState.OPEN)
    settled_by = models.CharField(max_length=20, default="")
    reason = models.CharField(max_length=200, default="")
    proposed_by = models.IntegerField(null=True)
    confirmed_by = models.IntegerField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(confirmed_by=None) | ~models.Q(confirmed_by=models.F("proposed_by")),
                name="levy_difference_two_people",
            ),
            models.CheckConstraint(
                condition=(~models.Q(state="settled") & models.Q(settled_at=None))
                | (models.Q(state="settled", settled_at__isnull=False) & ~models.Q(settled_by="") & ~models.Q(reason="")),
                name="levy_difference_settled",
            ),
            # What nobody but people can settle is settled by two.
            models.CheckConstraint(
                condition=~models.Q(state="settled", settled_by="closed") | models.Q(proposed_by__isnull=False, confirmed_by__isnull=False),
                name="levy_difference_closed_by_two",
            ),
        ]
        indexes = [models.Index(fields=["agency_id", "state"], name="levy_difference_agency")]

    @property
    def amount_fen(self) -> int:
        """How far the sides are apart."""
        return abs((self.ours_fen or 0) - (self.theirs_fen or 0))


class OutgoingKind(models.TextChoices):
    """What an outgoing movement that is no refund of ours was."""

    FISCAL = "fiscal", "划转财政专户"
    ADVANCE = "advance", "待处理支出"


class Outgoing(models.Model):
    """One outgoing movement of the bank, booked by two people. posted_on: the day of its booking; returned_on: of an advance given back."""

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(StatementLine, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    kind = models.CharField(max_length=7, choices=OutgoingKind)
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=9, choices=MoveState, default=MoveState.PROPOSED)
    proposed_by = models.IntegerField()
    proposed_at = models.DateTimeField()
    decided_by = models.IntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    posted_on = models.DateField(null=True)
    returned_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=~models.Q(state="declined"), name="levy_outgoing_once"),
            models.CheckConstraint(
                condition=models.Q(state="proposed", decided_by=None)
                | (~models.Q(state="proposed") & models.Q(decided_by__isnull=False) & ~models.Q(decided_by=models.F("proposed_by"))),
                name="levy_outgoing_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(state="confirmed", posted_on__isnull=False) | (~models.Q(state="confirmed") & models.Q(posted_on=None)),
                name="levy_outgoing_posted",
            ),
            models.CheckConstraint(
                condition=models.Q(returned_on=None) | models.Q(state="confirmed", kind="advance"), name="levy_outgoing_returned"
            ),
        ]


class OutgoingPart(models.Model):
    """How much of it each fund bears; fund 0 while that is not known."""

    id = models.BigAutoField(primary_key=True)
    outgoing = models.ForeignKey(Outgoing, on_delete=models.PROTECT, related_name="parts")
    fund = models.SmallIntegerField()
    amount_fen = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["outgoing", "fund"], name="levy_outgoingpart_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="levy_outgoingpart_positive"),
        ]


class Chase(models.Model):
    """催收: when somebody asked the other side about a difference, and what they said. Append-only."""

    id = models.BigAutoField(primary_key=True)
    difference = models.ForeignKey(Difference, on_delete=models.PROTECT, related_name="chases")
    account_id = models.IntegerField()
    at = models.DateTimeField()
    note = models.CharField(max_length=200)
