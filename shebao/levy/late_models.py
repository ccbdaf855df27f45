"""滞纳金 of what was paid late: one row a receipt and line it went to, on the 滞纳金核定单 that demands it."""

from django.db import models


class LateFee(models.Model):
    """What ran up on a part of a bill's line until it was paid; fen. It is written once; reversed when the payment is taken back.

    from_day: the day the part was due (of a deferred part, the end of the deferral); the days after it count. day_rates_ppm: the daily
    rates summed over those days, as they stood when the fee was charged.
    """

    id = models.BigAutoField(primary_key=True)
    bill = models.ForeignKey("levy.Bill", on_delete=models.PROTECT, related_name="fees")
    receipt = models.ForeignKey("levy.Receipt", on_delete=models.PROTECT, related_name="+")
    line = models.ForeignKey("levy.BillLine", on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    month = models.IntegerField()
    insurance = models.SmallIntegerField()
    principal_fen = models.BigIntegerField()
    from_day = models.DateField()
    paid_on = models.DateField()
    days = models.IntegerField()
    day_rates_ppm = models.IntegerField()
    fee_fen = models.BigIntegerField()
    charged_at = models.DateTimeField()
    reversed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receipt", "line", "from_day"], condition=models.Q(reversed_at=None), name="levy_latefee_once"),
            models.CheckConstraint(
                condition=models.Q(fee_fen__gt=0, principal_fen__gt=0, days__gt=0, paid_on__gt=models.F("from_day")),
                name="levy_latefee_positive",
            ),
        ]
        indexes = [models.Index(fields=["receipt"], name="levy_latefee_receipt")]
