"""阶段性减免 as it was applied to a month: what the unit part was, and what was taken off it, by unit and type, with the document."""

from django.db import models


class ReliefLine(models.Model):
    """A reduction of a unit's part of one type in a month's run; fen. Written with the chunk that assessed the unit, never changed.

    before_fen: the unit part by the normal calculation. rule_id, law: which rule took relief_fen off it.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey("levy.Run", on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    month = models.IntegerField()
    insurance = models.SmallIntegerField()
    headcount = models.IntegerField()
    before_fen = models.BigIntegerField()
    relief_fen = models.BigIntegerField()
    effect = models.CharField(max_length=6)
    rule_id = models.CharField(max_length=40)
    law = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "unit", "insurance"], name="levy_reliefline_once"),
            models.CheckConstraint(
                condition=models.Q(relief_fen__gt=0, relief_fen__lte=models.F("before_fen")), name="levy_reliefline_within"
            ),
        ]
