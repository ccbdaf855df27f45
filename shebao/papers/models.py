"""凭证: every sealed paper that was ever issued, with the PDF itself. Append-only but for its revocation."""

from django.db import models
from django.db.models.functions import Now


class Paper(models.Model):
    """One issued paper. Ids of units, people, filings and accounts are plain numbers: papers know no other domain."""

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=16)  # see codes.py
    kind = models.CharField(max_length=40)  # contracts.PaperKind
    title = models.CharField(max_length=60)
    facts = models.JSONField()  # [{"label", "value"}]: what 凭证验真 shows to anyone, already masked
    unit_id = models.IntegerField(null=True)
    agency_id = models.IntegerField()
    agency_name = models.CharField(max_length=60)  # as printed, for 凭证验真
    person_id = models.BigIntegerField(null=True)
    case_id = models.BigIntegerField(null=True)
    made_by = models.IntegerField()  # account
    made_at = models.DateTimeField(db_default=Now())
    sha256 = models.BinaryField(max_length=32)
    size = models.IntegerField()  # bytes
    content = models.BinaryField()  # the sealed PDF
    valid_until = models.DateField(null=True)  # the last day on which it is valid
    revoked_at = models.DateTimeField(null=True)
    revoked_reason = models.CharField(max_length=200, default="", db_default="")

    class Meta:
        app_label = "papers"
        db_table = "papers_paper"
        indexes = [
            models.Index(fields=["unit_id", "-made_at"], name="papers_paper_unit"),
            models.Index(fields=["person_id", "-made_at"], name="papers_paper_person", condition=models.Q(person_id__isnull=False)),
            models.Index(fields=["case_id"], name="papers_paper_case", condition=models.Q(case_id__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["code"], name="papers_paper_code_unique"),
            models.CheckConstraint(name="papers_paper_code_form", condition=models.Q(code__regex=r"^[0-9A-HJKMNP-TV-Z]{16}$")),
            models.CheckConstraint(
                name="papers_paper_revocation_has_reason",
                condition=models.Q(revoked_at__isnull=True, revoked_reason="") | models.Q(revoked_at__isnull=False, revoked_reason__gt=""),
            ),
            models.CheckConstraint(name="papers_paper_size_positive", condition=models.Q(size__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.code}"


class Bundle(models.Model):
    """Many papers ordered at once by a unit and made by a job. The zip is put together when it is fetched: every PDF is stored once.

    digest: of what was asked, so that a key sent again with other content is refused. expires_at: end of fetching the whole as one file.
    """

    id = models.BigAutoField(primary_key=True)
    unit_id = models.IntegerField()
    agency_id = models.IntegerField()
    key = models.UUIDField()
    digest = models.BinaryField(max_length=32)
    title = models.CharField(max_length=60)
    asked = models.JSONField()
    total = models.IntegerField()
    made_by = models.IntegerField()
    made_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "papers"
        db_table = "papers_bundle"
        indexes = [models.Index(fields=["unit_id", "-id"], name="papers_bundle_unit")]
        constraints = [
            models.UniqueConstraint(fields=["unit_id", "key"], name="papers_bundle_once"),
            models.CheckConstraint(
                name="papers_bundle_finished",
                condition=models.Q(finished_at__isnull=True, expires_at__isnull=True)
                | models.Q(finished_at__isnull=False, expires_at__isnull=False),
            ),
            models.CheckConstraint(name="papers_bundle_total_positive", condition=models.Q(total__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.total}"


class BundleItem(models.Model):
    """One paper of a bundle: made once, or with the reason why it could not be made."""

    id = models.BigAutoField(primary_key=True)
    bundle = models.ForeignKey(Bundle, on_delete=models.PROTECT, related_name="items", db_index=False)
    unit_id = models.IntegerField()
    agency_id = models.IntegerField()
    place = models.IntegerField()  # 1…n
    person_id = models.BigIntegerField()
    paper = models.OneToOneField(Paper, null=True, on_delete=models.PROTECT, related_name="+")
    problem = models.CharField(max_length=200, default="", db_default="")

    class Meta:
        app_label = "papers"
        db_table = "papers_bundleitem"
        constraints = [
            models.UniqueConstraint(fields=["bundle", "place"], name="papers_bundleitem_place"),
            models.UniqueConstraint(fields=["bundle", "person_id"], name="papers_bundleitem_person"),
            models.CheckConstraint(name="papers_bundleitem_outcome", condition=models.Q(paper__isnull=True) | models.Q(problem="")),
        ]

    def __str__(self) -> str:
        return f"{self.bundle_id}/{self.place}"
