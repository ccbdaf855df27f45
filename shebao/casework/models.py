"""办件. A case (业务顺序号) holds one filing or many; Excel, page, API and counter store the same rows."""

from django.db import models


class CaseState(models.TextChoices):
    """业务状态 in the seeds' words."""

    CHECKING = "checking", "校验中"
    DRAFT = "draft", "未提交"
    REVIEW = "review", "进行中"
    DONE = "done", "结束"
    WITHDRAWN = "withdrawn", "已退单"


class FilingState(models.TextChoices):
    """What became of one row."""

    DRAFT = "draft", "未提交"
    REVIEW = "review", "进行中"
    DONE = "done", "结束"
    RETURNED = "returned", "回退"
    WITHDRAWN = "withdrawn", "已删除"


class Channel(models.TextChoices):
    """How a case came in."""

    PAGE = "page", "网页"
    WORKBOOK = "workbook", "批量上传"
    API = "api", "接口"
    COUNTER = "counter", "柜面"


class Case(models.Model):
    """办件. `version` moves with every change and is what two tabs or two reviewers are compared by.

    unit_id: 0 while there is no unit yet (登记). second_reason: why a second reviewer has to confirm; first_*: what the first one decided
    (first_returns: filing id -> [reason, pins] of the rows to return), kept until the second one confirms or returns.
    """

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=24, unique=True)
    item_code = models.CharField(max_length=60)
    item_version = models.SmallIntegerField()
    channel = models.CharField(max_length=10, choices=Channel)
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    subject = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=CaseState)
    returned = models.BooleanField(default=False)
    return_reason = models.CharField(max_length=300, default="")
    round = models.SmallIntegerField(default=0)
    version = models.IntegerField(default=1)
    automatic = models.BooleanField(default=False)
    created_by = models.IntegerField()
    created_by_name = models.CharField(max_length=50)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    submitted_by = models.IntegerField(null=True)
    submitted_at = models.DateTimeField(null=True)
    reviewed_by = models.IntegerField(null=True)
    ended_at = models.DateTimeField(null=True)
    claimed_by = models.IntegerField(null=True)
    claimed_name = models.CharField(max_length=50, default="")
    claimed_at = models.DateTimeField(null=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    second_reason = models.CharField(max_length=120, default="")
    first_by = models.IntegerField(null=True)
    first_name = models.CharField(max_length=50, default="")
    first_at = models.DateTimeField(null=True)
    first_returns = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reviewed_by=None) | ~models.Q(reviewed_by=models.F("submitted_by")),
                name="casework_case_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(first_by=None)
                | (~models.Q(first_by=models.F("submitted_by")) & ~models.Q(first_by=models.F("created_by"))),
                name="casework_case_first_other",
            ),
            models.CheckConstraint(
                condition=models.Q(first_by=None) | models.Q(reviewed_by=None) | ~models.Q(first_by=models.F("reviewed_by")),
                name="casework_case_second_other",
            ),
        ]
        indexes = [
            models.Index(fields=["unit_id", "state", "-changed_at"], name="casework_case_unit"),
            models.Index(fields=["agency_id", "submitted_at"], condition=models.Q(state="review"), name="casework_case_queue"),
        ]


class Filing(models.Model):
    """One row of a case: what was typed, what it was read as, what stands against it, what became of it."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="filings", db_index=False)
    row = models.IntegerField()
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    state = models.CharField(max_length=10, choices=FilingState)
    id_number = models.CharField(max_length=40, default="")
    name = models.CharField(max_length=60, default="")
    typed = models.JSONField()
    values = models.JSONField(null=True)
    refusals = models.JSONField(null=True)
    warnings = models.JSONField(null=True)
    return_reason = models.CharField(max_length=300, default="")
    pins = models.JSONField(null=True)
    round = models.SmallIntegerField(default=0)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "row"], name="casework_filing_once")]
        indexes = [models.Index(fields=["unit_id", "id_number"], name="casework_filing_subject")]


class Effect(models.Model):
    """Guard: one filing has its effect once, whoever asks and however often."""

    filing = models.OneToOneField(Filing, primary_key=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class Event(models.Model):
    """The case's own timeline, append-only: every round stays visible."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="events")
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    text = models.CharField(max_length=300)
    account_id = models.IntegerField()
    account_name = models.CharField(max_length=50)
    round = models.SmallIntegerField()


class Upload(models.Model):
    """A workbook as it was sent, kept with its digest, and how far its rows are checked."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT, related_name="upload")
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    name = models.CharField(max_length=160)
    sha256 = models.BinaryField(max_length=32)
    content = models.BinaryField()
    rows_total = models.IntegerField(null=True)
    rows_checked = models.IntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=400, default="")
    problem_code = models.CharField(max_length=12, default="")
    warnings = models.JSONField(default=list)


class Submission(models.Model):
    """Idempotency: one key, one effect, the same answer again. Kept for good, it is small."""

    key = models.UUIDField(primary_key=True)
    account_id = models.IntegerField()
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    action = models.CharField(max_length=80)
    digest = models.BinaryField(max_length=32)
    case_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()


class AttachmentKind(models.TextChoices):
    """What a file was handed in as."""

    PHOTO = "photo", "相片"
    MATERIAL = "material", "资料"


class Attachment(models.Model):
    """A photo or a scanned material as it was made harmless (casework.pictures). Never changed but for its case: null until it is filed.

    name: of the photo's field, or the material as the item lists it.  sha256: of the content kept.  withdrawn_at: replaced or taken
    back after a reviewer may have seen it; what nobody saw is let go of (case null) and emptied by the job after a day.
    """

    id = models.UUIDField(primary_key=True)
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="attachments", null=True)
    kind = models.CharField(max_length=10, choices=AttachmentKind)
    name = models.CharField(max_length=120)
    file_name = models.CharField(max_length=80)
    media_type = models.CharField(max_length=40)
    sha256 = models.BinaryField(max_length=32)
    size = models.IntegerField()
    width = models.IntegerField(default=0)
    height = models.IntegerField(default=0)
    content = models.BinaryField()
    account_id = models.IntegerField()
    account_name = models.CharField(max_length=50)
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(size__lt=1), name="casework_attachment_not_empty"),
        ]
        indexes = [models.Index(fields=["at"], condition=models.Q(case=None, withdrawn_at=None), name="casework_attachment_left")]


class Settlement(models.Model):
    """审核意见 of a large batch that takes effect in pieces: decided once, finished once, at most one of a case open at a time.

    `back_reason` is not empty when all rows go back. `rows_done` counts rows that took effect or went back since.
    """

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="settlements", db_index=False)
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    reviewer = models.IntegerField()
    reviewer_name = models.CharField(max_length=50)
    decided_at = models.DateTimeField()
    back_reason = models.CharField(max_length=300, default="")
    back_pins = models.JSONField(default=list)
    rows_total = models.IntegerField()
    rows_done = models.IntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case"], condition=models.Q(finished_at=None), name="casework_settlement_one_open"),
            models.CheckConstraint(condition=models.Q(rows_done__lte=models.F("rows_total")), name="casework_settlement_within"),
        ]
        indexes = [models.Index(fields=["case", "-id"], name="casework_settlement_case")]


class ErrorFile(models.Model):
    """下载导入失败列表 of a large batch as a job made it, for the rows as they were at a version of the case; made anew when they change.

    content is null while the job is at it.
    """

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT, related_name="+")
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    version = models.IntegerField()
    asked_at = models.DateTimeField()
    rows = models.IntegerField(default=0)
    content = models.BinaryField(null=True)
