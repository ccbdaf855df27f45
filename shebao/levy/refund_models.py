"""退费 and what is done with money in suspense: each proposed by one person and decided by another, nothing edited."""

from django.db import models


class HeldState(models.TextChoices):
    """What became of a payment that was told a second time with other content."""

    OPEN = "open", "待核对"
    KEPT = "kept", "以先到的为准"
    TAKEN = "taken", "另作一笔入账"


class HeldTold(models.Model):
    """A known 流水号 told again with another bill, amount or day. Nothing of it counts until two people have decided."""

    id = models.BigAutoField(primary_key=True)
    receipt = models.ForeignKey("levy.Receipt", on_delete=models.PROTECT, related_name="+")
    serial = models.CharField(max_length=40)
    channel = models.CharField(max_length=4)
    batch = models.CharField(max_length=40)
    bill_number = models.CharField(max_length=20)
    payer = models.CharField(max_length=100, default="")
    amount_fen = models.BigIntegerField()
    paid_on = models.DateField()
    agency_id = models.SmallIntegerField()
    told_at = models.DateTimeField()
    state = models.CharField(max_length=5, choices=HeldState, default=HeldState.OPEN)
    wanted = models.CharField(max_length=5, default="")
    reason = models.CharField(max_length=200, default="")
    proposed_by = models.IntegerField(null=True)
    decided_by = models.IntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["serial", "bill_number", "amount_fen", "paid_on"], name="levy_heldtold_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="levy_heldtold_positive"),
            models.CheckConstraint(
                condition=models.Q(state="open", decided_by=None)
                | (
                    ~models.Q(state="open")
                    & models.Q(state=models.F("wanted"), proposed_by__isnull=False, decided_by__isnull=False)
                    & ~models.Q(decided_by=models.F("proposed_by"))
                ),
                name="levy_heldtold_two_people",
            ),
        ]


class MoveKind(models.TextChoices):
    """What is done with money of a receipt."""

    MATCH = "match", "认领到核定单"
    HAND_OVER = "hand_over", "移交其他经办机构"
    RELEASE = "release", "撤回分配，转暂收"
    WITHDRAW = "withdraw", "冲销未到账的缴费"


class MoveState(models.TextChoices):
    """One person proposes, another decides."""

    PROPOSED = "proposed", "待复核"
    CONFIRMED = "confirmed", "已办结"
    DECLINED = "declined", "已退回"


class SuspenseMove(models.Model):
    """One operation on the money of a receipt, all of it or a part (分拆). While it waits, MATCH and HAND_OVER hold their amount."""

    id = models.BigAutoField(primary_key=True)
    receipt = models.ForeignKey("levy.Receipt", on_delete=models.PROTECT, related_name="moves")
    agency_id = models.SmallIntegerField()
    kind = models.CharField(max_length=9, choices=MoveKind)
    amount_fen = models.BigIntegerField()
    bill = models.ForeignKey("levy.Bill", null=True, on_delete=models.PROTECT, related_name="+")
    to_agency_id = models.SmallIntegerField(null=True)
    child = models.ForeignKey("levy.Receipt", null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=9, choices=MoveState, default=MoveState.PROPOSED)
    proposed_by = models.IntegerField()
    proposed_at = models.DateTimeField()
    decided_by = models.IntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="levy_suspensemove_positive"),
            models.CheckConstraint(
                condition=models.Q(kind="match", bill__isnull=False, to_agency_id=None)
                | models.Q(kind="hand_over", bill=None, to_agency_id__isnull=False)
                | models.Q(kind="release", bill__isnull=False, to_agency_id=None)
                | models.Q(kind="withdraw", to_agency_id=None),
                name="levy_suspensemove_where",
            ),
            models.CheckConstraint(
                condition=models.Q(state="proposed", decided_by=None)
                | (~models.Q(state="proposed") & models.Q(decided_by__isnull=False) & ~models.Q(decided_by=models.F("proposed_by"))),
                name="levy_suspensemove_two_people",
            ),
        ]
        indexes = [
            models.Index(fields=["agency_id"], condition=models.Q(state="proposed"), name="levy_suspensemove_waiting"),
        ]


class RefundState(models.TextChoices):
    """The life of a 退费."""

    APPLIED = "applied", "待复核"
    REVIEWED = "reviewed", "待二次复核"
    APPROVED = "approved", "待发银行"
    INSTRUCTED = "instructed", "银行处理中"
    PAID = "paid", "已退付"
    RETURNED = "returned", "银行退票"
    DECLINED = "declined", "不予退费"


class SourceKind(models.TextChoices):
    """Where the money of a refund is held until it goes back."""

    SUSPENSE = "suspense", "暂收款"
    DIFFERENCE = "difference", "待退差额"
    CREDIT = "credit", "结算多缴"
    FLEXDUE = "flexdue", "灵活就业误缴"


class Refund(models.Model):
    """退费 to one payee, from one or more sources of one agency. The account it goes to is written down when it is applied for."""

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=20, unique=True)
    agency_id = models.SmallIntegerField()
    place = models.CharField(max_length=6)
    unit = models.ForeignKey("parties.Unit", null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey("parties.Person", null=True, on_delete=models.PROTECT, related_name="+")
    amount_fen = models.BigIntegerField()
    payee_name = models.CharField(max_length=100)
    payee_bank = models.CharField(max_length=100)
    payee_account = models.CharField(max_length=32)
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=RefundState, default=RefundState.APPLIED)
    two_reviewers = models.BooleanField(default=False)
    booked = models.BooleanField(default=False)  # approved once: its money stands in 应退 until it is paid
    case_id = models.BigIntegerField(null=True, unique=True)
    applied_by = models.IntegerField()
    applied_at = models.DateTimeField()
    reviewed_by = models.IntegerField(null=True)
    second_by = models.IntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, default="")  # why it was declined or returned
    attempt = models.SmallIntegerField(default=0)
    payout = models.ForeignKey("levy.Payout", null=True, on_delete=models.PROTECT, related_name="refunds")
    paid_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="levy_refund_positive"),
            models.CheckConstraint(
                condition=(models.Q(reviewed_by=None) | ~models.Q(reviewed_by=models.F("applied_by")))
                & (models.Q(second_by=None) | (~models.Q(second_by=models.F("applied_by")) & ~models.Q(second_by=models.F("reviewed_by")))),
                name="levy_refund_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["applied", "declined"])
                | (models.Q(reviewed_by__isnull=False) & (models.Q(state="reviewed") | models.Q(two_reviewers=False)))
                | models.Q(reviewed_by__isnull=False, second_by__isnull=False),
                name="levy_refund_reviewed",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["instructed", "paid", "returned"], payout__isnull=False)
                | ~models.Q(state__in=["instructed", "paid", "returned"]),
                name="levy_refund_instructed",
            ),
            models.CheckConstraint(
                condition=models.Q(state="paid", paid_on__isnull=False) | (~models.Q(state="paid") & models.Q(paid_on=None)),
                name="levy_refund_paid_on",
            ),
        ]
        indexes = [models.Index(fields=["agency_id", "state"], name="levy_refund_agency")]

    @property
    def serial(self) -> str:
        """What the bank is told for this attempt, and what its statement says."""
        return f"{self.number}-{self.attempt}"


class RefundLine(models.Model):
    """What a refund takes from one source. The database holds it there, and never more than the source has."""

    id = models.BigAutoField(primary_key=True)
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="lines")
    source = models.CharField(max_length=10, choices=SourceKind)
    fund = models.SmallIntegerField()
    amount_fen = models.BigIntegerField()
    interest_fen = models.BigIntegerField(default=0)  # of amount_fen, 补缴利息
    receipt = models.ForeignKey("levy.Receipt", null=True, on_delete=models.PROTECT, related_name="+")
    refund_due = models.ForeignKey("levy.RefundDue", null=True, on_delete=models.PROTECT, related_name="+")
    estimate = models.ForeignKey("levy.Estimate", null=True, on_delete=models.PROTECT, related_name="+")
    person_id = models.BigIntegerField(null=True)
    month = models.IntegerField(null=True)
    released = models.BooleanField(default=False)  # the refund was declined: the source has it again

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0, interest_fen__gte=0, interest_fen__lte=models.F("amount_fen")),
                name="levy_refundline_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(source="suspense", receipt__isnull=False, refund_due=None, estimate=None, person_id=None)
                | models.Q(source="difference", receipt=None, refund_due__isnull=False, estimate=None, person_id=None)
                | models.Q(source="credit", receipt=None, refund_due=None, estimate__isnull=False, person_id=None)
                | models.Q(source="flexdue", receipt=None, refund_due=None, estimate=None, person_id__isnull=False, month__isnull=False),
                name="levy_refundline_source",
            ),
            models.UniqueConstraint(
                fields=["refund_due"], condition=models.Q(released=False, refund_due__isnull=False), name="levy_refundline_due_once"
            ),
            models.UniqueConstraint(
                fields=["person_id", "month", "fund"],
                condition=models.Q(released=False, person_id__isnull=False),
                name="levy_refundline_flexdue_once",
            ),
            models.UniqueConstraint(
                fields=["refund", "receipt"], condition=models.Q(receipt__isnull=False), name="levy_refundline_receipt_once"
            ),
            models.UniqueConstraint(
                fields=["refund", "estimate"], condition=models.Q(estimate__isnull=False), name="levy_refundline_estimate_once"
            ),
        ]


class RefundStep(models.Model):
    """The course of a refund: who did what when. Append-only."""

    id = models.BigAutoField(primary_key=True)
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="steps")
    step = models.CharField(max_length=16)
    account_id = models.IntegerField()
    at = models.DateTimeField()
    note = models.CharField(max_length=200, default="")


class Payout(models.Model):
    """One 退费付款文件 to the bank: which refunds, how much, the digest of its bytes."""

    id = models.AutoField(primary_key=True)
    number = models.CharField(max_length=30, unique=True)
    place = models.CharField(max_length=6)
    agency_id = models.SmallIntegerField()
    day = models.DateField()
    count = models.IntegerField()
    total_fen = models.BigIntegerField()
    sha256 = models.BinaryField(max_length=32)
    content = models.BinaryField()
    bank = models.CharField(max_length=3)
    file_order = models.SmallIntegerField()  # among all our files to this bank of the day
    made_by = models.IntegerField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bank", "day", "file_order"], name="levy_payout_order")]


class PayoutAnswer(models.Model):
    """The bank's answer to a payout file, applied once: the same bytes again are harmless, and the files of a day come in their order."""

    id = models.AutoField(primary_key=True)
    payout = models.OneToOneField(Payout, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    sha256 = models.BinaryField(max_length=32)
    bank = models.CharField(max_length=3)
    day = models.DateField()
    order = models.SmallIntegerField()
    refused = models.IntegerField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bank", "day", "order"], name="levy_payoutanswer_order")]
