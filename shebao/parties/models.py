"""Registers of people, units and agencies. Registers with validity carry two time axes: true from/to (months, `to` excluded,
null = open) and known from/to (instants, null = still held true). A row is never edited but for closing `known_to`."""

from django.db import models


class Agency(models.Model):
    """经办机构 of a place (统筹区)."""

    id = models.SmallIntegerField(primary_key=True)
    name = models.CharField(max_length=60)
    place = models.CharField(max_length=6)
    district = models.CharField(max_length=6, default="")


class CalendarYear(models.Model):
    """工作日历 of a year after the packaged ones, as the published notice has it: entered by one administrator, confirmed by another, and
    never changed after that. off: weekdays without work; worked: weekend days with work (调休上班)."""

    year = models.SmallIntegerField(primary_key=True)
    off = models.JSONField()
    worked = models.JSONField()
    source = models.CharField(max_length=100)
    entered_by = models.IntegerField()
    entered_name = models.CharField(max_length=50)
    entered_at = models.DateTimeField()
    confirmed_by = models.IntegerField(null=True)
    confirmed_name = models.CharField(max_length=50, default="", db_default="")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(confirmed_by=None) | ~models.Q(confirmed_by=models.F("entered_by")),
                name="parties_calendaryear_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_by=None, confirmed_at=None) | models.Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
                name="parties_calendaryear_confirmed",
            ),
        ]


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
    founded_on = models.DateField(null=True)
    unit_type = models.CharField(max_length=2, default="", db_default="")  # AAB019
    economic_type = models.CharField(max_length=3, default="", db_default="")  # AAB020
    industry_code = models.CharField(max_length=2, default="", db_default="")  # AAB022, division
    legal_id_number = models.CharField(max_length=18, default="", db_default="")
    special_reason = models.CharField(max_length=100, default="", db_default="")  # why the agency set the types
    size = models.CharField(max_length=6, default="", db_default="")  # 企业规模; "" is not known


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


class Certificate(models.Model):
    """社会保险登记证. One live one a unit; a reissue (补证) voids the old number and says why."""

    id = models.AutoField(primary_key=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    number = models.CharField(max_length=20, unique=True)
    issued_on = models.DateField()
    issued_for = models.CharField(max_length=100)
    case_id = models.BigIntegerField(null=True)
    voided_on = models.DateField(null=True)
    void_reason = models.CharField(max_length=100, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit"], condition=models.Q(voided_on=None), name="parties_certificate_one_live"),
            models.CheckConstraint(
                condition=models.Q(voided_on=None, void_reason="") | models.Q(voided_on__isnull=False, void_reason__gt=""),
                name="parties_certificate_void_has_reason",
            ),
        ]


class Verification(models.Model):
    """社会保险登记验证 of a year, once: what was registered and confirmed on that day."""

    id = models.AutoField(primary_key=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    year = models.SmallIntegerField()
    verified_on = models.DateField()
    late = models.BooleanField()
    confirmed = models.JSONField()
    case_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["unit", "year"], name="parties_verification_once")]


class Closing(models.Model):
    """注销登记 of a unit. to_month: the first month without terms."""

    unit = models.OneToOneField(Unit, primary_key=True, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    closed_on = models.DateField()
    to_month = models.IntegerField()
    reason = models.CharField(max_length=40)
    document = models.CharField(max_length=100)
    case_id = models.BigIntegerField(null=True)


class SpecialKind(models.TextChoices):
    """特殊人群. The seed names the first two and says “等”."""

    ARMY_CADRE = "army_cadre", "军转干部"
    MODEL_WORKER = "model_worker", "劳动模范"
    OTHER = "other", "其他（见认定依据）"


class SpecialGroup(models.Model):
    """特殊人群认定 of a person: the days it is true for, the evidence, and the instants between which the register held it so."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    kind = models.CharField(max_length=20, choices=SpecialKind)
    from_date = models.DateField()
    to_date = models.DateField(null=True)
    evidence = models.CharField(max_length=200)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    case_id = models.BigIntegerField(null=True)


class CorrectionKind(models.TextChoices):
    """What was put right."""

    SPELL = "spell", "参保关系"
    WAGE = "wage", "申报工资"
    PERSON = "person", "个人信息"
    SPECIAL = "special", "特殊人群"
    UNIT = "unit", "单位登记"


class Correction(models.Model):
    """One line of the course of corrections: before, after, why, and the money it moved (fen). Who entered and who confirmed it stands
    with the case."""

    id = models.BigAutoField(primary_key=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=CorrectionKind)
    label = models.CharField(max_length=60)
    before = models.CharField(max_length=300)
    after = models.CharField(max_length=300)
    reason = models.CharField(max_length=200)
    up_fen = models.BigIntegerField(default=0)
    down_fen = models.BigIntegerField(default=0)
    case_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["unit", "at"], name="parties_correction_unit"),
            models.Index(fields=["person", "at"], name="parties_correction_person"),
        ]
