"""为什么变: what changed a due of a past month, by which act, from what to what, and by which rules. Written once with the due itself."""

from django.db import models


class CauseKind(models.TextChoices):
    """The acts that change months which were assessed before."""

    BACK = "back", "追溯参保"
    SPELL = "spell", "参保关系订正"
    WAGE = "wage", "申报工资订正"
    SIZE = "size", "企业规模登记"
    CLASS = "class", "工伤费率类别订正"
    TIER = "tier", "缴费档次改定"
    OTHER = "other", "订正"


class RuleSet(models.Model):
    """The rules behind a month's amounts as they stood when something was computed by them; the same rules are kept once."""

    id = models.AutoField(primary_key=True)
    place = models.CharField(max_length=6)
    month = models.IntegerField()
    digest = models.BinaryField(max_length=32)  # SHA-256 of the rules as canonical JSON
    rules = models.JSONField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "month", "digest"], name="levy_ruleset_once")]


class Cause(models.Model):
    """One act. What a correction changed stands in the course of corrections; what has no line there tells it here."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=5, choices=CauseKind)
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    person = models.ForeignKey("parties.Person", null=True, on_delete=models.PROTECT, related_name="+")
    case_id = models.BigIntegerField(null=True)
    correction = models.ForeignKey("parties.Correction", null=True, on_delete=models.PROTECT, related_name="+")
    before = models.CharField(max_length=300, default="")
    after = models.CharField(max_length=300, default="")
    reason = models.CharField(max_length=200, default="")
    at = models.DateTimeField()


class DueChange(models.Model):
    """One due that an act changed: what had been charged until then, what is due by the register and the rules of that instant. fen.

    line: where the part that goes up is charged; refund_due: where the part that goes down waits. Neither: a flexible worker's due, put
    to another amount before it was paid.
    """

    id = models.BigAutoField(primary_key=True)
    cause = models.ForeignKey(Cause, on_delete=models.PROTECT, related_name="changes")
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    person = models.ForeignKey("parties.Person", on_delete=models.PROTECT, related_name="+")
    month = models.IntegerField()
    insurance = models.SmallIntegerField()
    base_fen = models.BigIntegerField()
    unit_fen = models.BigIntegerField()
    person_fen = models.BigIntegerField()
    due_base_fen = models.BigIntegerField()
    due_unit_fen = models.BigIntegerField()
    due_person_fen = models.BigIntegerField()
    line = models.ForeignKey("levy.Line", null=True, on_delete=models.PROTECT, related_name="+")
    refund_due = models.ForeignKey("levy.RefundDue", null=True, on_delete=models.PROTECT, related_name="+")
    rules = models.ForeignKey(RuleSet, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "unit", "person", "month", "insurance"], name="levy_duechange_once"),
        ]
