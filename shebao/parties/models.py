"""Registers of people, units and agencies. Registers with validity carry two time axes: true from/to (months, `to` excluded,
null = open) and known from/to (instants, null = still held true). A row is never edited but for closing `known_to`."""

from django.db import models


class Agency(models.Model):
    """经办机构 of a place (统筹区)."""

    id = models.SmallIntegerField(primary_key=True)
    name = models.CharField(max_length=60)
    place = models.CharField(max_length=6)
    district = models.CharField(max_length=6, default="")


class UnitKind(models.TextChoices):
    """What a payer is. Only employers are billed by the monthly run."""

    EMPLOYER = "employer", "用人单位"
    WINDOW = "window", "个人流动窗口"
    RESIDENTS = "residents", "城乡居民医疗保险"
    STUDENTS = "students", "大学生医疗保险"


class Unit(models.Model):
    """参保单位 as it is true now. `vip`: all its filings are reviewed by the system; otherwise 增减员 wait for the counter.

    What was true or known before is in UnitFact; the fields named in facts.UNIT_FIELDS change by `change_units` only.
    """

    id = models.AutoField(primary_key=True)
    number = models.CharField(max_length=13, unique=True)
    name = models.CharField(max_length=100)
    uscc = models.CharField(max_length=18, null=True, unique=True)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    place = models.CharField(max_length=6)
    kind = models.CharField(max_length=10, choices=UnitKind, default=UnitKind.EMPLOYER)
    vip = models.BooleanField(default=False)
    industry = models.CharField(max_length=40, default="")
    contact_name = models.CharField(max_length=50, default="")
    contact_phone = models.CharField(max_length=20, default="")
    phone = models.CharField(max_length=20, default="", db_default="")
    fax = models.CharField(max_length=20, default="", db_default="")
    email = models.CharField(max_length=100, default="", db_default="")
    postcode = models.CharField(max_length=6, default="", db_default="")
    legal_representative = models.CharField(max_length=50, default="", db_default="")
    address = models.CharField(max_length=120, default="")
    registered_on = models.DateField()
    closed_on = models.DateField(null=True)


class UnitTerms(models.Model):
    """单位参保险种与工伤费率类别, by month, on two time axes."""

    id = models.BigAutoField(primary_key=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    insurance_mask = models.SmallIntegerField()
    injury_class = models.SmallIntegerField()
    from_month = models.IntegerField()
    to_month = models.IntegerField(null=True)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["unit", "from_month"], name="parties_terms_unit")]


class Person(models.Model):
    """参保人员 as it is true now. `id_number` is the 社会保障号码 (公民身份号码), `number` the agency's own 个人编号.

    What was true or known before is in PersonFact; the fields named in facts.PERSON_FIELDS change by `change_people` only.
    """

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=12, unique=True)
    id_number = models.CharField(max_length=18, unique=True)
    name = models.CharField(max_length=50)
    sex = models.CharField(max_length=1)
    birth_date = models.DateField()
    ethnicity = models.CharField(max_length=2, default="01")
    mobile = models.CharField(max_length=11, default="")
    phone = models.CharField(max_length=20, default="", db_default="")
    education = models.CharField(max_length=2, default="", db_default="")
    marriage = models.CharField(max_length=1, default="", db_default="")
    household_address = models.CharField(max_length=150, default="", db_default="")
    home_address = models.CharField(max_length=150, default="", db_default="")
    photo = models.CharField(max_length=64, default="", db_default="")
    registered_at = models.DateTimeField()


class Fact(models.Model):
    """One value of one field of somebody's register row: the days it is true for (`true_to` excluded, null = open), and the instants
    between which the register held it so. Only what ever changed has facts; the first version of all else is the register row itself.

    value: as text (dates ISO, yes and no as true and false). correction: 信息订正, what it replaced was never true.
    """

    id = models.BigAutoField(primary_key=True)
    field = models.CharField(max_length=24)
    value = models.TextField(null=True)
    true_from = models.DateField(null=True)
    true_to = models.DateField(null=True)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    correction = models.BooleanField(default=False)
    case_id = models.BigIntegerField(null=True)
    account_name = models.CharField(max_length=60, default="")

    class Meta:
        abstract = True


class PersonFact(Fact):
    """What was known of a person."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")


class UnitFact(Fact):
    """What was known of a unit."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
