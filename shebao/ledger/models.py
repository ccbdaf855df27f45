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
    """One booking. `key` makes it happen once; `resolves` points at the pending posting that this one posts or voids."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=80, unique=True)
    booked_on = models.DateField()
    recorded_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=PostingState)
    text = models.CharField(max_length=120)
    reference = models.CharField(max_length=60)
    resolves = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="+")


class Entry(models.Model):
    """One side of a posting: positive is debit (借), negative is credit (贷), in fen."""

    id = models.BigAutoField(primary_key=True)
    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    amount_fen = models.BigIntegerField()
