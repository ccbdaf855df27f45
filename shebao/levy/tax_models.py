"""税务: which bills the tax office has, what was sent to it, what it told, and the lists of its days."""

from django.db import models


class TaxState(models.TextChoices):
    """Where a bill is on its way to the tax office and back. Which state may follow which: bill_life.TAX_STEPS."""

    QUEUED = "queued", "待发送税务"
    SENT = "sent", "已发送，待税务回执"
    ACCEPTED = "accepted", "税务已接收"
    REFUSED = "refused", "税务退回"
    RECALL_QUEUED = "recall_queued", "待向税务撤回"
    RECALL_SENT = "recall_sent", "已要求撤回，待税务回执"
    RECALLED = "recalled", "已从税务撤回"


class TaxBill(models.Model):
    """A bill and the tax office. version: of what was sent last; worth_fen, elsewhere_fen, due_date: what that said.

    accepted: the highest version the tax office has accepted and not given back; 0 when it has nothing of the bill.
    """

    bill = models.OneToOneField("levy.Bill", primary_key=True, on_delete=models.PROTECT, related_name="at_tax")
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey("parties.Person", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    state = models.CharField(max_length=13, choices=TaxState)
    version = models.IntegerField(default=0)
    accepted = models.IntegerField(default=0)
    worth_fen = models.BigIntegerField(default=0)
    elsewhere_fen = models.BigIntegerField(default=0)
    due_date = models.DateField(null=True)
    message = models.ForeignKey("levy.TaxMessage", null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, default="")
    queued_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["sent", "recall_sent"], message__isnull=False)
                | (~models.Q(state__in=["sent", "recall_sent"]) & models.Q(message=None)),
                name="levy_taxbill_message",
            ),
            models.CheckConstraint(
                condition=models.Q(accepted__gte=0, accepted__lte=models.F("version")) & ~models.Q(state="accepted", accepted=0),
                name="levy_taxbill_accepted",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "bill"], condition=models.Q(state__in=["queued", "recall_queued"]), name="levy_taxbill_waiting"),
            models.Index(fields=["agency_id"], condition=models.Q(state="refused"), name="levy_taxbill_refused"),
        ]


class TaxChange(models.Model):
    """A bill was made, or something of it changed that the tax office has to know: written by a trigger in the same transaction."""

    id = models.BigAutoField(primary_key=True)
    bill = models.ForeignKey("levy.Bill", on_delete=models.PROTECT, related_name="+", db_index=False)
    done = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(done=False), name="levy_taxchange_waiting")]


class MessageState(models.TextChoices):
    """waiting: to be sent, again and again until it is answered; the others are its end."""

    WAITING = "waiting", "待回执"
    ANSWERED = "answered", "已回执"
    REFUSED = "refused", "被退回"


class TaxMessage(models.Model):
    """One message of ours. Its id is the sequence number; its bytes never change, so that sending it twice is sending it once."""

    id = models.BigAutoField(primary_key=True)
    message = models.UUIDField(unique=True)
    path = models.CharField(max_length=40)
    content = models.BinaryField()
    bills = models.IntegerField()
    state = models.CharField(max_length=8, choices=MessageState, default=MessageState.WAITING)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    made_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    said = models.CharField(max_length=200, default="")

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(state="waiting"), name="levy_taxmessage_waiting")]


class CancelState(models.TextChoices):
    """A cancellation that the tax office is asked about first."""

    ASKED = "asked", "撤回中"
    DONE = "done", "已作废"
    REFUSED = "refused", "未能作废"


class Cancelling(models.Model):
    """Somebody wants a bill cancelled that the tax office has: it is recalled there first, and only then cancelled."""

    id = models.BigAutoField(primary_key=True)
    bill = models.ForeignKey("levy.Bill", on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey("parties.Person", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    state = models.CharField(max_length=7, choices=CancelState, default=CancelState.ASKED)
    reason = models.CharField(max_length=200, default="")
    asked_by = models.IntegerField()
    case_id = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    told = models.BooleanField(default=False, db_default=False)  # whoever waited for the end was told of it

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(told=False, ended_at__isnull=False), name="levy_cancelling_untold"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["bill"], condition=models.Q(state="asked"), name="levy_cancelling_once"),
            models.CheckConstraint(
                condition=models.Q(state="asked", ended_at=None) | (~models.Q(state="asked") & models.Q(ended_at__isnull=False)),
                name="levy_cancelling_ended",
            ),
        ]


class TaxHeard(models.Model):
    """One message of the tax office as it came, and what we answered. Append-only."""

    message = models.UUIDField(primary_key=True)
    sender = models.CharField(max_length=30)
    sequence = models.BigIntegerField()
    day = models.DateField()
    path = models.CharField(max_length=40)
    key_id = models.CharField(max_length=16)
    sha256 = models.BinaryField(max_length=32)
    content = models.BinaryField()
    answer = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sender", "day", "sequence"], name="levy_taxheard_once")]
        indexes = [models.Index(fields=["received_at"], name="levy_taxheard_at")]


class PaidBy(models.TextChoices):
    """How a payer paid at the tax office."""

    APP = "app", "手机应用"
    BANK = "bank", "银行网点"
    COUNTER = "counter", "办税服务厅"


class TaxPayment(models.Model):
    """A payment as the tax office told it. serial: the 税票号. Append-only; the money is the receipt."""

    serial = models.CharField(max_length=40, primary_key=True)
    bill_number = models.CharField(max_length=20)
    amount_fen = models.BigIntegerField()
    paid_at = models.DateTimeField()
    channel = models.CharField(max_length=7, choices=PaidBy)
    receipt = models.OneToOneField("levy.Receipt", on_delete=models.PROTECT, related_name="+")
    message = models.ForeignKey(TaxHeard, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="levy_taxpayment_positive")]


class ReversalState(models.TextChoices):
    """waiting: its payment is still to be told, or cannot be undone yet."""

    WAITING = "waiting", "待处理"
    DONE = "done", "已冲正"


class TaxReversal(models.Model):
    """冲正 of a payment as the tax office told it. At most one of a payment."""

    serial = models.CharField(max_length=40, primary_key=True)
    of = models.CharField(max_length=40, unique=True)
    amount_fen = models.BigIntegerField()
    reversed_at = models.DateTimeField()
    reason = models.CharField(max_length=100)
    state = models.CharField(max_length=7, choices=ReversalState)
    note = models.CharField(max_length=200, default="")
    told = models.BooleanField(default=False, db_default=False)  # the payer was told
    receipt = models.OneToOneField("levy.Receipt", null=True, on_delete=models.PROTECT, related_name="+")
    message = models.ForeignKey(TaxHeard, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        indexes = [models.Index(fields=["serial"], condition=models.Q(told=False, state="done"), name="levy_taxreversal_untold")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0) & (models.Q(state="waiting") | models.Q(receipt__isnull=False)),
                name="levy_taxreversal_whole",
            )
        ]


class TaxDay(models.Model):
    """The list of a day as the tax office gave it at a moment; the newest one counts. Append-only, like its lines."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    asked_at = models.DateTimeField()
    count = models.IntegerField()
    total_fen = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["day", "id"], name="levy_taxday_day")]


class TaxDayLine(models.Model):
    """One payment of such a list."""

    id = models.BigAutoField(primary_key=True)
    list = models.ForeignKey(TaxDay, on_delete=models.PROTECT, related_name="lines", db_index=False)
    serial = models.CharField(max_length=40)
    bill_number = models.CharField(max_length=20)
    amount_fen = models.BigIntegerField()
    paid_at = models.DateTimeField()
    channel = models.CharField(max_length=7, choices=PaidBy)
    reversed = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["list", "serial"], name="levy_taxdayline_once")]
