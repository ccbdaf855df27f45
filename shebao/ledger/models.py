"""Accounts, postings and entries. The database holds: entries of a posting sum to zero, nothing is changed or removed."""

from django.db import models


class AccountKind(models.TextChoices):
    """What an account of a fund holds."""

    RECEIVABLE = "receivable", "应收保险费"
    INCOME = "income", "保险费收入"
    BANK = "bank", "收入户存款"
    SUSPENSE = "suspense", "暂收款"
    LATE_FEE_DUE = "late_fee_due", "应收滞纳金"
    LATE_FEE = "late_fee", "滞纳金收入"
    INTEREST_DUE = "interest_due", "应收补缴利息"
    INTEREST = "interest", "补缴利息收入"
    TRANSIT = "transit", "在途款（已缴未入账）"
    REFUND_DUE = "refund_due", "应退保险费"
    TO_ACCOUNTS = "to_accounts", "划入个人账户"
    PERSONAL = "personal", "个人账户基金"
    ACCOUNT_INT = "account_int", "个人账户记账利息"
    FISCAL = "fiscal", "财政专户存款"
    ADVANCE = "advance", "暂付款（待处理支出）"


class Account(models.Model):
    """One account: a kind within a fund (insurance code; 0 for money not yet known to belong to a fund) of a place."""

    id = models.AutoField(primary_key=True)
    place = models.CharField(max_length=6)
    fund = models.SmallIntegerField()
    kind = models.CharField(max_length=12, choices=AccountKind)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "fund", "kind"], name="ledger_account_once")]


class PostingState(models.TextChoices):
    """pending: entered, not yet effective; posted: effective; void: a pending one that was taken back."""

    PENDING = "pending", "待确认"
    POSTED = "posted", "已入账"
    VOID = "void", "已作废"


class Posting(models.Model):
    """One booking in the books of one place. `key` makes it happen once; `resolves` points at the pending posting that this one posts
    or voids; `reverses` at the posted one whose entries this one takes back (once, and never of a reversal)."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=80, unique=True)
    place = models.CharField(max_length=6)
    booked_on = models.DateField()
    recorded_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=PostingState)
    text = models.CharField(max_length=120)
    reference = models.CharField(max_length=60)
    resolves = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="+")
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["place", "booked_on", "id"], name="ledger_posting_day")]


class Entry(models.Model):
    """One side of a posting: positive is debit (借), negative is credit (贷), in fen."""

    id = models.BigAutoField(primary_key=True)
    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    amount_fen = models.BigIntegerField()


class PlaceBook(models.Model):
    """The books of a place: up to which day they are closed. Booking takes the row FOR SHARE, closing FOR UPDATE; it only moves on."""

    place = models.CharField(max_length=6, primary_key=True)
    closed_to = models.DateField(null=True)


class DayClosing(models.Model):
    """日结 of one day of a place. Days are closed in order and for good; the row itself moves `PlaceBook.closed_to` on."""

    id = models.BigAutoField(primary_key=True)
    place = models.CharField(max_length=6)
    day = models.DateField()
    closed_by = models.IntegerField()
    closed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "day"], name="ledger_dayclosing_once")]


class DaySum(models.Model):
    """One account at the end of a closed day, frozen: what was booked on that day, and in all since the beginning, fen."""

    id = models.BigAutoField(primary_key=True)
    closing = models.ForeignKey(DayClosing, on_delete=models.PROTECT, related_name="sums")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    debit_fen = models.BigIntegerField()
    credit_fen = models.BigIntegerField()
    debit_total_fen = models.BigIntegerField()
    credit_total_fen = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["closing", "account"], name="ledger_daysum_once")]


class MonthClosing(models.Model):
    """月结 of a place: one of finance closes, another confirms. Nothing of it is changed afterwards."""

    id = models.AutoField(primary_key=True)
    place = models.CharField(max_length=6)
    month = models.IntegerField()
    closed_by = models.IntegerField()
    closed_at = models.DateTimeField()
    confirmed_by = models.IntegerField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["place", "month"], name="ledger_monthclosing_once"),
            models.CheckConstraint(
                condition=models.Q(confirmed_by=None, confirmed_at=None)
                | (models.Q(confirmed_at__isnull=False) & ~models.Q(confirmed_by=models.F("closed_by"))),
                name="ledger_monthclosing_two_people",
            ),
        ]
