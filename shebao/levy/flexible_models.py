"""What flexible workers (灵活就业人员) owe: one row a person, month and type."""

from django.db import models


class DueOrigin(models.TextChoices):
    """Why a flexible worker's month is owed."""

    NORMAL = "normal", "正常应缴"
    BACK = "back", "中断补缴"
    EXTEND = "extend", "延长缴费"


class DueState(models.TextChoices):
    """Where a due is. It is in one place at a time: on a bill exactly when billed, in an open debit batch exactly when sent."""

    OPEN = "open", "待缴"
    BILLED = "billed", "已核定待缴"
    SENT = "sent", "批扣中"
    PAID = "paid", "已缴"
    WRITTEN_OFF = "written_off", "已注销"
    LAPSED = "lapsed", "逾年度未缴"
    REFUNDED = "refunded", "已退"


class FlexDue(models.Model):
    """应缴 of a flexible worker: total = what goes to the personal account + what goes to the pool, fen. interest_fen: 补缴利息 beside it.

    unit: the 个人流动窗口 of the agency. tier: percent of the average wage. Ledger: receivable from the moment the row is there until it
    is paid, written off or lapsed.
    """

    pk = models.CompositePrimaryKey("person_id", "month", "insurance")
    person_id = models.BigIntegerField()  # a plain column: Django cannot make a composite key of a foreign key; the key is in SQL
    month = models.IntegerField()
    insurance = models.SmallIntegerField()
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    origin = models.CharField(max_length=6, choices=DueOrigin)
    tier = models.SmallIntegerField()
    base_fen = models.IntegerField()
    total_fen = models.IntegerField()
    account_fen = models.IntegerField()
    interest_fen = models.IntegerField(default=0, db_default=0)
    state = models.CharField(max_length=11, choices=DueState, default=DueState.OPEN)
    bill = models.ForeignKey("levy.Bill", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    batch_id = models.BigIntegerField(null=True)  # debit batch it was sent in, kept when it was paid by it
    paid_on = models.DateField(null=True)
    case_id = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "levy_flexdue"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(total_fen__gt=0, account_fen__gte=0, account_fen__lte=models.F("total_fen"), interest_fen__gte=0),
                name="levy_flexdue_amounts",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", bill=None, batch_id=None)
                | models.Q(state="billed", bill__isnull=False, batch_id=None)
                | models.Q(state="sent", bill=None, batch_id__isnull=False)
                | models.Q(state__in=["paid", "refunded"])
                | models.Q(state__in=["written_off", "lapsed"], bill=None, batch_id=None),
                name="levy_flexdue_one_place",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["paid", "refunded"], paid_on__isnull=False)
                | (~models.Q(state__in=["paid", "refunded"]) & models.Q(paid_on=None)),
                name="levy_flexdue_paid_on",
            ),
        ]
        indexes = [
            models.Index(fields=["bill"], condition=models.Q(bill__isnull=False), name="levy_flexdue_bill"),
        ]


class PersonRequest(models.Model):
    """A 核定 that a page or a program sent with a key of its own: sent again, it gives the same bill."""

    key = models.UUIDField(primary_key=True)
    person = models.ForeignKey("parties.Person", on_delete=models.PROTECT, related_name="+", db_index=False)
    fingerprint = models.CharField(max_length=80)
    bill = models.ForeignKey("levy.Bill", on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        db_table = "levy_personrequest"
