"""批扣 on record: signed debits, batches, their lines and the bank's answers."""

from django.db import models

BANKS: dict[str, str] = {  # 人行行别: the partner banks of seed 000
    "403": "邮政储蓄银行",
    "103": "农业银行",
}


class Scheme(models.TextChoices):
    """Whose batch day holds for somebody: the city's or that of the provincial units' people."""

    CITY = "city", "武汉市"
    PROVINCE = "province", "省本级"


class DebitAgreement(models.Model):
    """批扣签约: months of a flexible worker are taken from this account. One live a person; number is the 加办单号."""

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=16, unique=True)
    person = models.ForeignKey("parties.Person", on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    place = models.CharField(max_length=6)
    scheme = models.CharField(max_length=8, choices=Scheme)
    bank = models.CharField(max_length=3)
    account = models.CharField(max_length=20)
    signed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=60, default="")
    case_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=models.Q(ended_at=None), name="levy_debitagreement_once"),
            models.CheckConstraint(
                condition=models.Q(ended_at=None) | models.Q(ended_at__gte=models.F("signed_at")), name="levy_debitagreement_order"
            ),
        ]


class BatchState(models.TextChoices):
    """The life of a batch. While it is building, built, sent or answered, its people are out: no other channel takes their money."""

    BUILDING = "building", "生成中"
    BUILT = "built", "待复核发送"
    SENT = "sent", "已发送银行"
    ANSWERED = "answered", "已回盘，入账中"
    POSTED = "posted", "已入账"
    RECALLED = "recalled", "已撤销"


class DebitBatch(models.Model):
    """批扣批次 of a place, bank and month. first_month: where the 社保年度 begins. Fen. One a month, but for recalled ones."""

    id = models.AutoField(primary_key=True)
    number = models.CharField(max_length=24, unique=True)
    place = models.CharField(max_length=6)
    scheme = models.CharField(max_length=8, choices=Scheme)
    bank = models.CharField(max_length=3)
    month = models.IntegerField()
    first_month = models.IntegerField()
    planned_on = models.DateField()
    state = models.CharField(max_length=8, choices=BatchState, default=BatchState.BUILDING)
    chunks = models.IntegerField(null=True)  # known once it is planned
    lines = models.IntegerField(default=0)
    total_fen = models.BigIntegerField(default=0)
    left_out = models.IntegerField(default=0)
    file_day = models.DateField(null=True)
    file_order = models.SmallIntegerField(null=True)
    file_sha256 = models.BinaryField(max_length=32, null=True)
    paid_lines = models.IntegerField(default=0)
    paid_fen = models.BigIntegerField(default=0)
    begun_by = models.IntegerField()
    begun_at = models.DateTimeField()
    built_at = models.DateTimeField(null=True)
    sent_by = models.IntegerField(null=True)
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    debited_on = models.DateField(null=True)  # the day of the bank's answer
    posted_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    recalled_at = models.DateTimeField(null=True)
    recalled_by = models.IntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["place", "scheme", "bank", "month"], condition=~models.Q(state="recalled"), name="levy_debitbatch_once"
            ),
            models.UniqueConstraint(
                fields=["bank", "file_day", "file_order"], condition=models.Q(file_order__isnull=False), name="levy_debitbatch_order"
            ),
            models.CheckConstraint(
                condition=models.Q(sent_by=None) | ~models.Q(sent_by=models.F("begun_by")), name="levy_debitbatch_two_people"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["sent", "answered", "posted"], sent_at__isnull=False, file_sha256__isnull=False)
                | models.Q(state__in=["building", "built", "recalled"], sent_at=None),
                name="levy_debitbatch_sent",
            ),
            models.CheckConstraint(
                condition=models.Q(paid_lines__lte=models.F("lines"), paid_fen__lte=models.F("total_fen")), name="levy_debitbatch_paid"
            ),
        ]

    @property
    def bank_label(self) -> str:
        return BANKS.get(self.bank, self.bank)

    @property
    def failed_lines(self) -> int:
        return self.lines - self.paid_lines


class DebitChunk(models.Model):
    """A range of people of a batch, fixed when it was planned, and its guards: what was built, posted and told in it, once each.

    base: lines of the chunk are numbered from base + 1. sent_sha256: of what the file asked for them (gateways.bank.asked_digest).
    """

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(DebitBatch, on_delete=models.PROTECT, related_name="+")
    chunk = models.IntegerField()
    first_person = models.BigIntegerField()
    last_person = models.BigIntegerField()
    base = models.IntegerField()
    built_lines = models.IntegerField(null=True)
    built_fen = models.BigIntegerField(null=True)
    sent_sha256 = models.BinaryField(max_length=32, null=True)
    posted_lines = models.IntegerField(null=True)
    posted_fen = models.BigIntegerField(null=True)
    told = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "chunk"], name="levy_debitchunk_once")]


class DebitLine(models.Model):
    """One debit of a batch: a person's months. A partition a batch, published whole; this model only reads."""

    pk = models.CompositePrimaryKey("batch_id", "sequence")
    batch = models.ForeignKey(DebitBatch, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    sequence = models.IntegerField()
    person = models.ForeignKey("parties.Person", on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    agency_id = models.SmallIntegerField()
    agreement = models.ForeignKey(DebitAgreement, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    amount_fen = models.IntegerField()
    first_month = models.IntegerField()
    last_month = models.IntegerField()
    months = models.SmallIntegerField()

    class Meta:
        managed = False
        db_table = "levy_debitline"


class DebitResult(models.Model):
    """The bank's answer to a line: the receipt (到账) of a debit when result is '00'. part above 1: a late success."""

    pk = models.CompositePrimaryKey("batch_id", "sequence", "part")
    batch = models.ForeignKey(DebitBatch, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    sequence = models.IntegerField()
    part = models.SmallIntegerField()
    agency_id = models.SmallIntegerField()
    person = models.ForeignKey("parties.Person", on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    result = models.CharField(max_length=2)
    taken_fen = models.IntegerField()
    taken_on = models.DateField()
    serial = models.CharField(max_length=16)
    name_differs = models.BooleanField()

    class Meta:
        managed = False
        db_table = "levy_debitresult"


class LeftOut(models.TextChoices):
    """Why somebody who owes was not put into a batch."""

    BILLED = "billed", "已有个人核定单待缴，不重复批扣"
    OUT = "out", "上一批次尚未回盘"
    NOT_NOW = "not_now", "本月不在参保缴费期内，中断前的月份不批扣"


class DebitLeftOut(models.Model):
    """Somebody with an agreement and open dues who is not in the batch, and why."""

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(DebitBatch, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey("parties.Person", on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    reason = models.CharField(max_length=8, choices=LeftOut)
    open_fen = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "person"], name="levy_debitleftout_once")]


class DebitFile(models.Model):
    """A result file that was applied: its digest makes a second one harmless, its order holds the files of a day in turn."""

    id = models.AutoField(primary_key=True)
    sha256 = models.BinaryField(max_length=32, unique=True)
    batch = models.ForeignKey(DebitBatch, on_delete=models.PROTECT, related_name="files")
    bank = models.CharField(max_length=3)
    part = models.SmallIntegerField()
    day = models.DateField()
    order = models.SmallIntegerField()
    lines = models.IntegerField()
    taken_fen = models.BigIntegerField()
    suspense_fen = models.BigIntegerField(default=0)  # of late successes: what was taken for dues that are not owed any more
    received_at = models.DateTimeField()
    arrived_on = models.DateField(null=True)  # the day on which a statement showed the sum of the file

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "day", "order"], name="levy_debitfile_order"),
            models.UniqueConstraint(fields=["batch", "part"], name="levy_debitfile_part"),
        ]
