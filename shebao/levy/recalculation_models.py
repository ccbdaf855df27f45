"""重新核定: which rules a month was assessed by, and what a changed rule makes of months that were assessed before."""

from django.db import models


class MonthRules(models.Model):
    """The rules behind a month's amounts, with values and sources, as they stood when it was assessed or recalculated. The last counts."""

    id = models.AutoField(primary_key=True)
    place = models.CharField(max_length=6)
    month = models.IntegerField()
    run = models.OneToOneField("levy.Run", null=True, on_delete=models.PROTECT, related_name="+")
    recalculation = models.ForeignKey("levy.Recalculation", null=True, on_delete=models.PROTECT, related_name="+")
    rules = models.JSONField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recalculation", "month"], condition=models.Q(recalculation__isnull=False), name="levy_monthrules_once"
            ),
            models.CheckConstraint(
                condition=models.Q(run=None, recalculation__isnull=False) | models.Q(run__isnull=False, recalculation=None),
                name="levy_monthrules_of_one",
            ),
        ]
        indexes = [models.Index(fields=["place", "month", "-id"], name="levy_monthrules_last")]


class RecalculationState(models.TextChoices):
    """The life of a 重新核定. Nothing is owed by a trial; it is released whole by a second person, or discarded."""

    COMPUTING = "computing", "试算中"
    TRIAL = "trial", "试算完成，待复核"
    RELEASED = "released", "已生效"
    DISCARDED = "discarded", "已放弃"
    FAILED = "failed", "试算中止"


class Recalculation(models.Model):
    """One trial over assessed months of a place, and its release by another person.

    changes: by month (as text) the rules that differ, each as it was and as it is.
    """

    id = models.AutoField(primary_key=True)
    place = models.CharField(max_length=6)
    first_month = models.IntegerField()
    last_month = models.IntegerField()
    state = models.CharField(max_length=10, choices=RecalculationState, default=RecalculationState.COMPUTING)
    note = models.CharField(max_length=300, default="")
    changes = models.JSONField(default=dict)
    computed_by = models.IntegerField()
    computed_name = models.CharField(max_length=50)
    started_at = models.DateTimeField()
    computed_at = models.DateTimeField(null=True)
    released_by = models.IntegerField(null=True)
    released_name = models.CharField(max_length=50, default="")
    released_at = models.DateTimeField(null=True)
    chunks_total = models.IntegerField(default=0)
    people = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["place"], condition=models.Q(state__in=["computing", "trial"]), name="levy_recalculation_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(released_by=None) | ~models.Q(released_by=models.F("computed_by")),
                name="levy_recalculation_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(state="released", released_by__isnull=False, released_at__isnull=False)
                | (~models.Q(state="released") & models.Q(released_at=None)),
                name="levy_recalculation_released",
            ),
            models.CheckConstraint(condition=models.Q(first_month__lte=models.F("last_month")), name="levy_recalculation_months"),
        ]


class RecalculationChunk(models.Model):
    """Guard row: written with the lines of its units and month, so that a restart does what is missing and no more."""

    id = models.BigAutoField(primary_key=True)
    recalculation = models.ForeignKey(Recalculation, on_delete=models.PROTECT, related_name="chunks")
    month = models.IntegerField()
    chunk = models.IntegerField()
    people = models.IntegerField()
    lines = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recalculation", "month", "chunk"], name="levy_recalculationchunk_once")]


class LineState(models.TextChoices):
    """What becomes of a difference."""

    TRIAL = "trial", "待复核"
    CHARGED = "charged", "已生效"
    HELD = "held", "待补办申报后处理"
    CLOSED = "closed", "不再补退"


class RecalculationLine(models.Model):
    """One person, month and type whose due differs: what was charged, what the rules make it now, and what stands in the way. fen."""

    id = models.BigAutoField(primary_key=True)
    recalculation = models.ForeignKey(Recalculation, on_delete=models.PROTECT, related_name="lines")
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+")
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
    reason = models.CharField(max_length=200)
    note = models.CharField(max_length=100, default="")
    state = models.CharField(max_length=8, choices=LineState, default=LineState.TRIAL)
    line = models.ForeignKey("levy.Line", null=True, on_delete=models.PROTECT, related_name="+")  # what goes up, once it is charged
    refund_due = models.ForeignKey("levy.RefundDue", null=True, on_delete=models.PROTECT, related_name="+")  # what goes down

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recalculation", "unit", "person", "month", "insurance"], name="levy_recalculationline_once"),
        ]
        indexes = [models.Index(fields=["unit", "month"], condition=models.Q(state="held"), name="levy_recalculation_held")]
