"""Spells and declared wages on two time axes. The database refuses two spells of one person and type in one month."""

from django.db import models

from shebao.parties.models import Person, Unit


class Spell(models.Model):
    """参保关系: a person insured through a unit in the types of `insurance_mask`, from `from_month` until before `to_month`."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    insurance_mask = models.SmallIntegerField()
    from_month = models.IntegerField()
    to_month = models.IntegerField(null=True)
    stop_reason = models.CharField(max_length=4, default="")
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    case_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["unit", "person"], condition=models.Q(known_to=None), name="enrolment_spell_unit"),
        ]


class Wage(models.Model):
    """申报工资, fen a month, from `from_month` until before `to_month`."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    wage_fen = models.BigIntegerField()
    from_month = models.IntegerField()
    to_month = models.IntegerField(null=True)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    case_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["unit", "person"], condition=models.Q(known_to=None), name="enrolment_wage_unit"),
        ]


class Tier(models.Model):
    """缴费档次 a flexible worker chose, percent of the average wage, from `from_month` until before `to_month`, through a 个人流动窗口."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    percent = models.SmallIntegerField()
    from_month = models.IntegerField()
    to_month = models.IntegerField(null=True)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    case_id = models.BigIntegerField(null=True)


class AnnualWage(models.Model):
    """年度申报: the wage a unit declared for a person and a 社保年度, fen a month. The wages that follow from it are `Wage` rows."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    year = models.SmallIntegerField()
    wage_fen = models.BigIntegerField()
    from_month = models.IntegerField()
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    case_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "year", "person"], condition=models.Q(known_to=None), name="enrolment_annualwage_once")
        ]


class RetireeKind(models.TextChoices):
    """Whose pension comes from another pool than the city's (seed 004)."""

    OUTSIDE = "outside", "非我市中心城区统筹范围退休人员"
    PUBLIC = "public", "机关事业单位退休人员"


class OutsideRetiree(models.Model):
    """非统筹退休人员 of a unit: the declared pension, fen a month, from `from_month` until before `to_month`."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", db_index=False)
    agency_id = models.SmallIntegerField()
    kind = models.CharField(max_length=8, choices=RetireeKind)
    pension_fen = models.BigIntegerField()
    from_month = models.IntegerField()
    to_month = models.IntegerField(null=True)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    case_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["unit", "person"], condition=models.Q(known_to=None), name="enrolment_retiree_unit"),
        ]
