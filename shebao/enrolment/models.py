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
