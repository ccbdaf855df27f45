"""自主申报 and 缓缴 on record: what a unit declared for a month, how an undeclared month was settled, what may be paid later."""

from django.db import models


class Declaration(models.Model):
    """自主申报 of one unit for one month; declared again (the next round) as long as the month is open. `late`: 补申报 after the month
    was determined at 110 % of the last one. Money in fen, of the types that are declared there."""

    id = models.BigAutoField(primary_key=True)
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    month = models.IntegerField()
    round = models.SmallIntegerField()
    late = models.BooleanField(default=False)
    headcount = models.IntegerField()
    unit_fen = models.BigIntegerField()
    person_fen = models.BigIntegerField()
    declared_at = models.DateTimeField()
    declared_by = models.IntegerField()
    declared_name = models.CharField(max_length=50)
    case_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["unit", "month", "round"], name="levy_declaration_once")]
        indexes = [models.Index(fields=["month"], name="levy_declaration_month")]

    @property
    def total_fen(self) -> int:
        return self.unit_fen + self.person_fen


class DeclarationLine(models.Model):
    """One type of a declaration."""

    id = models.BigAutoField(primary_key=True)
    declaration = models.ForeignKey(Declaration, on_delete=models.PROTECT, related_name="lines", db_index=False)
    insurance = models.SmallIntegerField()
    headcount = models.IntegerField()
    base_fen = models.BigIntegerField()
    unit_fen = models.BigIntegerField()
    person_fen = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["declaration", "insurance"], name="levy_declarationline_once")]


class Estimate(models.Model):
    """按上月 110% 核定 of one type of an undeclared month: from which amounts of the month before, at which ratio. It stays on record when
    the late declaration settles it; `credit_fen` is what had been paid too much by then, `used_fen` how much of it later bills took."""

    id = models.BigAutoField(primary_key=True)
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    month = models.IntegerField()
    line = models.OneToOneField("levy.BillLine", on_delete=models.PROTECT, related_name="+")
    insurance = models.SmallIntegerField()
    ratio_ppm = models.IntegerField()
    last_unit_fen = models.BigIntegerField()
    last_person_fen = models.BigIntegerField()
    unit_fen = models.BigIntegerField()
    person_fen = models.BigIntegerField()
    estimated_at = models.DateTimeField()
    declaration = models.ForeignKey(Declaration, null=True, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True)
    settled_unit_fen = models.BigIntegerField(null=True)
    settled_person_fen = models.BigIntegerField(null=True)
    credit_fen = models.BigIntegerField(default=0)
    used_fen = models.BigIntegerField(default=0)
    refunded_fen = models.BigIntegerField(default=0, db_default=0)  # refunded, or held for a refund that was applied for

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used_fen__gte=0, refunded_fen__gte=0)
                & models.Q(used_fen__lte=models.F("credit_fen") - models.F("refunded_fen")),
                name="levy_estimate_used",
            ),
        ]
        indexes = [
            models.Index(fields=["unit"], condition=models.Q(credit_fen__gt=models.F("used_fen")), name="levy_estimate_credit"),
        ]


class CreditUse(models.Model):
    """How much of a credit paid which line of a later bill."""

    id = models.BigAutoField(primary_key=True)
    estimate = models.ForeignKey(Estimate, on_delete=models.PROTECT, related_name="+")
    line = models.ForeignKey("levy.BillLine", on_delete=models.PROTECT, related_name="+")
    amount_fen = models.BigIntegerField()
    used_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["estimate", "line"], name="levy_credituse_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="levy_credituse_positive"),
        ]


class Deferral(models.Model):
    """缓缴: the unit part of some types (mask) of the months from first to last (both included) may be paid until `repay_by`. No late fee
    runs and nobody is in arrears for it meanwhile."""

    id = models.BigAutoField(primary_key=True)
    unit = models.ForeignKey("parties.Unit", on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    scheme = models.CharField(max_length=20)
    insurance_mask = models.SmallIntegerField()
    first_month = models.IntegerField()
    last_month = models.IntegerField()
    repay_by = models.DateField()
    agreement = models.CharField(max_length=40)
    granted_at = models.DateTimeField()
    case_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(first_month__lte=models.F("last_month")), name="levy_deferral_order"),
        ]
