"""The trace of every effect and every look at another person's data. Rows are inserted, never changed (held by the database)."""

from django.db import models


class Event(models.Model):
    """One act: who (account, role, unit or agency), what (action), on what (subject), before and after."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    account_id = models.IntegerField()
    account_name = models.CharField(max_length=60)
    role = models.CharField(max_length=20)
    unit_id = models.IntegerField(null=True)
    agency_id = models.SmallIntegerField(null=True)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=80)
    person_id = models.BigIntegerField(null=True)
    case_id = models.BigIntegerField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.CharField(max_length=45, default="")

    class Meta:
        indexes = [
            models.Index(fields=["person_id", "at"], name="audit_event_person"),
            models.Index(fields=["unit_id", "at"], name="audit_event_unit"),
            models.Index(fields=["case_id"], name="audit_event_case"),
        ]
