"""Dues, bills, receipts. A normal month is one wide row a person in a partition published whole; the exceptional is narrow."""

from django.db import models

from shebao.levy import bank_models as bank_models
from shebao.levy import reconcile_models as reconcile_models
from shebao.levy import refund_models as refund_models
from shebao.levy import tax_models as tax_models
from shebao.levy.cause_models import Cause as Cause
from shebao.levy.cause_models import CauseKind as CauseKind
from shebao.levy.cause_models import DueChange as DueChange
from shebao.levy.cause_models import RuleSet as RuleSet
from shebao.levy.declared_models import CreditUse as CreditUse
from shebao.levy.declared_models import Declaration as Declaration
from shebao.levy.declared_models import DeclarationLine as DeclarationLine
from shebao.levy.declared_models import Deferral as Deferral
from shebao.levy.declared_models import Estimate as Estimate
from shebao.levy.flexible_models import DueOrigin as DueOrigin
from shebao.levy.flexible_models import DueState as DueState
from shebao.levy.flexible_models import FlexDue as FlexDue
from shebao.levy.flexible_models import PersonRequest as PersonRequest
from shebao.levy.late_models import LateFee as LateFee
from shebao.levy.recalculation_models import LineState as LineState
from shebao.levy.recalculation_models import MonthRules as MonthRules
from shebao.levy.recalculation_models import Recalculation as Recalculation
from shebao.levy.recalculation_models import RecalculationChunk as RecalculationChunk
from shebao.levy.recalculation_models import RecalculationLine as RecalculationLine
from shebao.levy.recalculation_models import RecalculationState as RecalculationState
from shebao.levy.relief_models import ReliefLine as ReliefLine
from shebao.parties.models import Person, Unit


class MonthState(models.TextChoices):
    """The life of a 费款所属期 in a place."""

    OPEN = "open", "办理中"
    ASSESSING = "assessing", "核定中"
    ASSESSED = "assessed", "已核定"


class PlaceMonth(models.Model):
    """The row that settles month close against late enrolment: enrolling takes FOR SHARE, publishing FOR UPDATE."""

    id = models.AutoField(primary_key=True)
    place = models.CharField(max_length=6)
    month = models.IntegerField()
    state = models.CharField(max_length=10, choices=MonthState, default=MonthState.OPEN)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "month"], name="levy_placemonth_once")]


class Run(models.Model):
    """One run of a batch (monthly_assessment …): restartable by its chunks, told once."""

    id = models.AutoField(primary_key=True)
    kind = models.CharField(max_length=30)
    place = models.CharField(max_length=6)
    month = models.IntegerField()
    state = models.CharField(max_length=10, default="running")
    note = models.CharField(max_length=200, default="")
    started_by = models.IntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    chunks_total = models.IntegerField(default=0)
    rows = models.IntegerField(default=0)
    total_fen = models.BigIntegerField(default=0)
    bills = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "place", "month"], condition=~models.Q(state="failed"), name="levy_run_once")
        ]


class RunChunk(models.Model):
    """Guard row: written in the same transaction as the chunk's rows, so a restart does what is missing and no more."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="chunks")
    chunk = models.IntegerField()
    rows = models.IntegerField()
    total_fen = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "chunk"], name="levy_runchunk_once")]


class Assessment(models.Model):
    """应缴, one person and month through one unit (wide). Partitioned by month in SQL; this model only reads."""

    pk = models.CompositePrimaryKey("unit_id", "person_id", "month")
    person = models.ForeignKey(Person, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    unit = models.ForeignKey(Unit, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    month = models.IntegerField()
    pension_base_fen = models.IntegerField()
    medical_base_fen = models.IntegerField()
    pension_unit_fen = models.IntegerField()
    pension_person_fen = models.IntegerField()
    unemployment_unit_fen = models.IntegerField()
    unemployment_person_fen = models.IntegerField()
    injury_unit_fen = models.IntegerField()
    medical_unit_fen = models.IntegerField()
    medical_person_fen = models.IntegerField()
    large_medical_person_fen = models.SmallIntegerField()
    profile = models.SmallIntegerField()

    class Meta:
        managed = False
        db_table = "levy_assessment"


class Origin(models.TextChoices):
    """Why something is owed."""

    NORMAL = "normal", "正常应缴"
    BACK = "back", "补缴"
    DIFF = "diff", "补差"
    ARREARS = "arrears", "欠费补缴"
    LATE_FEE = "late_fee", "滞纳金"
    ESTIMATE = "estimate", "未申报，按上月 110% 核定"
    EXTEND = "extend", "延长缴费"
    INTEREST = "interest", "补缴利息"


# What a month's run puts on a bill; everything else comes onto it from elsewhere.
MONTHLY_ORIGINS = (Origin.NORMAL, Origin.ESTIMATE)


class Line(models.Model):
    """应缴 outside a month's normal run: a person, month, type and origin, with its base and both parts."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    month = models.IntegerField()
    insurance = models.SmallIntegerField()
    origin = models.CharField(max_length=8, choices=Origin)
    base_fen = models.BigIntegerField()
    unit_fen = models.BigIntegerField()
    person_fen = models.BigIntegerField()
    bill = models.ForeignKey("Bill", null=True, on_delete=models.PROTECT, related_name="+")
    case_id = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=200, default="", db_default="")  # of a changed rule, in short; of every other, see DueChange
    recorded_at = models.DateTimeField()

    class Meta:
        # A bill has one due of a person, month and type; what is charged again before the bill is added to it, later it is another bill's.
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "person", "month", "insurance", "origin", "bill"], nulls_distinct=False, name="levy_line_once"
            )
        ]


class RefundDue(models.Model):
    """待退差额: charged too much, as a correction found: a person, month and type. Kept until it is refunded; never set off silently."""

    id = models.BigAutoField(primary_key=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    month = models.IntegerField()
    insurance = models.SmallIntegerField()
    base_fen = models.BigIntegerField()
    unit_fen = models.BigIntegerField()
    person_fen = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    case_id = models.BigIntegerField(null=True)
    recalculation = models.ForeignKey("Recalculation", null=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "person", "month", "insurance", "case_id", "recalculation"],
                nulls_distinct=False,
                name="levy_refunddue_once",
            ),
            models.CheckConstraint(
                condition=models.Q(unit_fen__gte=0, person_fen__gte=0) & (models.Q(unit_fen__gt=0) | models.Q(person_fen__gt=0)),
                name="levy_refunddue_positive",
            ),
        ]


class BillKind(models.TextChoices):
    """What a bill is about: a month of the unit, overdue dues of some of its people taken out of those bills, the late fee of what was paid
    late, or months of one flexible worker (its unit is the 个人流动窗口)."""

    MONTHLY = "monthly", "核定单"
    ARREARS = "arrears", "欠费补缴单"
    LATE_FEE = "late_fee", "滞纳金核定单"
    PERSON = "person", "个人核定单"


class BillState(models.TextChoices):
    """The life of a 核定单 or 欠费补缴单. Something can be owed on the first two only."""

    ISSUED = "issued", "待缴费"
    PART_PAID = "part_paid", "部分到账"
    PAID = "paid", "已到账"
    MOVED = "moved", "已转补缴单"
    WRITTEN_OFF = "written_off", "已注销"
    ROLLED_BACK = "rolled_back", "已回退"
    CANCELLED = "cancelled", "已作废"


ENDED_STATES = (BillState.ROLLED_BACK, BillState.CANCELLED)  # never come back
OPEN_STATES = (BillState.ISSUED, BillState.PART_PAID)


class Bill(models.Model):
    """A unit's 核定单 of one 费款所属期, or its 欠费补缴单 of a day; all types together.

    What is still owed: unit_fen + person_fen + late_fee_fen − paid_fen − moved_fen − written_off_fen.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=8, choices=BillKind, default=BillKind.MONTHLY, db_default="monthly")
    number = models.CharField(max_length=20, unique=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    month = models.IntegerField()
    first_month = models.IntegerField(null=True)  # of a person's bill: the months it is about; `month` is the one it was made in
    last_month = models.IntegerField(null=True)
    issued_on = models.DateField()
    due_date = models.DateField()
    headcount = models.IntegerField()
    unit_fen = models.BigIntegerField()
    person_fen = models.BigIntegerField()
    late_fee_fen = models.BigIntegerField(default=0, db_default=0)
    paid_fen = models.BigIntegerField(default=0)
    moved_fen = models.BigIntegerField(default=0, db_default=0)
    written_off_fen = models.BigIntegerField(default=0, db_default=0)
    paid_on = models.DateField(null=True)
    state = models.CharField(max_length=12, choices=BillState, default=BillState.ISSUED)
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "month"], condition=models.Q(kind="monthly"), name="levy_bill_once"),
            models.CheckConstraint(
                condition=models.Q(kind="person", person__isnull=False, first_month__isnull=False, last_month__gte=models.F("first_month"))
                | (~models.Q(kind="person") & models.Q(person=None, first_month=None, last_month=None)),
                name="levy_bill_of_person",
            ),
            models.CheckConstraint(
                condition=models.Q(paid_fen__gte=0)
                & models.Q(moved_fen__gte=0)
                & models.Q(written_off_fen__gte=0)
                & models.Q(late_fee_fen__gte=0)
                & models.Q(
                    paid_fen__lte=models.F("unit_fen")
                    + models.F("person_fen")
                    + models.F("late_fee_fen")
                    - models.F("moved_fen")
                    - models.F("written_off_fen")
                ),
                name="levy_bill_not_overpaid",
            ),
        ]
        indexes = [models.Index(fields=["agency_id", "month"], name="levy_bill_agency")]

    @property
    def total_fen(self) -> int:
        return self.unit_fen + self.person_fen + self.late_fee_fen

    @property
    def open_fen(self) -> int:
        return self.total_fen - self.paid_fen - self.moved_fen - self.written_off_fen

    def state_now(self) -> BillState:
        """The state that follows from the amounts. What was rolled back or cancelled never comes back."""
        if self.state in ENDED_STATES:
            return BillState(self.state)
        if self.open_fen:
            return BillState.PART_PAID if self.paid_fen else BillState.ISSUED
        if self.moved_fen:
            return BillState.MOVED
        return BillState.WRITTEN_OFF if self.written_off_fen and not self.paid_fen else BillState.PAID


class BillLine(models.Model):
    """One type and origin of a bill."""

    id = models.BigAutoField(primary_key=True)
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="lines")
    insurance = models.SmallIntegerField()
    origin = models.CharField(max_length=8, choices=Origin)
    headcount = models.IntegerField()
    base_fen = models.BigIntegerField()
    unit_fen = models.BigIntegerField()
    person_fen = models.BigIntegerField()
    paid_fen = models.BigIntegerField(default=0)
    moved_fen = models.BigIntegerField(default=0, db_default=0)
    written_off_fen = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bill", "insurance", "origin"], name="levy_billline_once"),
            models.CheckConstraint(
                condition=models.Q(paid_fen__gte=0)
                & models.Q(moved_fen__gte=0)
                & models.Q(written_off_fen__gte=0)
                & models.Q(
                    paid_fen__lte=models.F("unit_fen") + models.F("person_fen") - models.F("moved_fen") - models.F("written_off_fen")
                ),
                name="levy_billline_not_overpaid",
            ),
        ]

    @property
    def open_fen(self) -> int:
        return self.unit_fen + self.person_fen - self.paid_fen - self.moved_fen - self.written_off_fen


class BackPaymentState(models.TextChoices):
    """The life of a 单位员工欠费补缴: registered, on an order, paid; or taken back (also when nothing was owed any more)."""

    REGISTERED = "registered", "待生成补缴单"
    ORDERED = "ordered", "待缴费"
    PAID = "paid", "已缴清"
    CANCELLED = "cancelled", "已取消"


class BackPayment(models.Model):
    """单位员工欠费补缴: a person whose arrears in this unit shall be paid by the unit's next order. One at a time."""

    id = models.BigAutoField(primary_key=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=BackPaymentState, default=BackPaymentState.REGISTERED)
    order = models.ForeignKey(Bill, null=True, on_delete=models.PROTECT, related_name="+")
    case_id = models.BigIntegerField(null=True)
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "person"], condition=models.Q(state__in=["registered", "ordered"]), name="levy_backpayment_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state="cancelled")
                | models.Q(state="registered", order=None)
                | models.Q(state__in=["ordered", "paid"], order__isnull=False),
                name="levy_backpayment_order",
            ),
        ]


class TakenState(models.TextChoices):
    """What became of a due that was taken out of its bill."""

    ORDERED = "ordered", "补缴单待缴费"
    PAID = "paid", "已补缴"
    ROLLED_BACK = "rolled_back", "已回退"
    WRITTEN_OFF = "written_off", "已注销"


class TakenDue(models.Model):
    """One person's due of a month and type taken out of its bill: onto an arrears order, or written off.

    unit_fen, person_fen: what was still open of it, and so was taken. paid_fen: the person's share of what had come in on the bill
    before. late_fee_fen: beside them, owed by the unit. A due that is rolled back may be taken again; every other state is taken for good.
    level_fen, back_level_fen: how much had come in on the line when the due left it and when it came back, so that money that came in
    meanwhile stays with those it came in for (see owing.py).
    """

    id = models.BigAutoField(primary_key=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    agency_id = models.SmallIntegerField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    month = models.IntegerField()
    insurance = models.SmallIntegerField()
    origin = models.CharField(max_length=8, choices=Origin)
    base_fen = models.BigIntegerField()
    unit_fen = models.BigIntegerField()
    person_fen = models.BigIntegerField()
    paid_fen = models.BigIntegerField()
    late_fee_fen = models.BigIntegerField()
    level_fen = models.BigIntegerField()
    back_level_fen = models.BigIntegerField(null=True)
    line = models.ForeignKey(BillLine, on_delete=models.PROTECT, related_name="+")
    due_date = models.DateField()
    order = models.ForeignKey(Bill, null=True, on_delete=models.PROTECT, related_name="taken")
    case_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=12, choices=TakenState)
    taken_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "person", "month", "insurance", "origin", "line"],
                condition=~models.Q(state="rolled_back"),
                name="levy_takendue_once",
            ),
            models.CheckConstraint(
                condition=models.Q(state="rolled_back", back_level_fen__gte=models.F("level_fen"))
                | (~models.Q(state="rolled_back") & models.Q(back_level_fen=None)),
                name="levy_takendue_way_back",
            ),
            models.CheckConstraint(
                condition=models.Q(unit_fen__gte=0, person_fen__gte=0, paid_fen__gte=0, late_fee_fen__gte=0),
                name="levy_takendue_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(state="written_off", order=None, late_fee_fen=0, paid_fen=0)
                | (~models.Q(state="written_off") & models.Q(order__isnull=False)),
                name="levy_takendue_where",
            ),
        ]

    @property
    def taken_fen(self) -> int:
        return self.unit_fen + self.person_fen


class ReceiptFile(models.Model):
    """到账文件. The digest of its bytes makes a second upload harmless."""

    id = models.AutoField(primary_key=True)
    sha256 = models.BinaryField(max_length=32, unique=True)
    batch = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    lines = models.IntegerField()
    total_fen = models.BigIntegerField()
    agency_id = models.SmallIntegerField()
    received_by = models.IntegerField()
    received_at = models.DateTimeField()


class ReceiptState(models.TextChoices):
    """What became of money that arrived."""

    PENDING = "pending", "待复核"
    ALLOCATED = "allocated", "已分配"
    SUSPENSE = "suspense", "暂收待查"
    VOID = "void", "已作废"


class Channel(models.TextChoices):
    """Who told of a payment. What the tax office and a partner bank's debits tell is on its way (在途) until a statement shows it."""

    FILE = "file", "到账文件"
    HAND = "hand", "手工登记"
    TAX = "tax", "税务"
    BANK = "bank", "银行批扣"
    STATEMENT = "stmt", "银行对账单"


# STATEMENT: nobody told of it, it stood on the bank's statement; like FILE and HAND it is an arrival.
IN_TRANSIT = (Channel.TAX, Channel.BANK)


class Receipt(models.Model):
    """到账: one payment as the bank or the tax office reported it, or as finance entered it (then confirmed by another)."""

    id = models.BigAutoField(primary_key=True)
    serial = models.CharField(max_length=40, unique=True)
    file = models.ForeignKey(ReceiptFile, null=True, on_delete=models.PROTECT, related_name="receipts")
    line = models.IntegerField(null=True)
    bill_number = models.CharField(max_length=20)
    bill = models.ForeignKey(Bill, null=True, on_delete=models.PROTECT, related_name="+")
    payer = models.CharField(max_length=100, default="")
    amount_fen = models.BigIntegerField()
    allocated_fen = models.BigIntegerField(default=0)
    moved_fen = models.BigIntegerField(default=0, db_default=0)  # of what is not allocated: refunded, handed over, or held for one of them
    batch = models.CharField(max_length=40, default="", db_default="")  # of whoever told it; the bank may pay a batch in one sum
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")  # 移交: no new money, it came with that one
    paid_on = models.DateField()
    channel = models.CharField(max_length=4, choices=Channel, default=Channel.FILE, db_default="file")
    arrived_on = models.DateField(null=True)  # the day on which money that was on its way came in; the other channels tell arrivals
    state = models.CharField(max_length=10, choices=ReceiptState)
    reason = models.CharField(max_length=120, default="")
    agency_id = models.SmallIntegerField()
    entered_by = models.IntegerField()
    entered_at = models.DateTimeField()
    confirmed_by = models.IntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="levy_receipt_positive"),
            models.CheckConstraint(
                condition=models.Q(allocated_fen__gte=0, moved_fen__gte=0)
                & models.Q(allocated_fen__lte=models.F("amount_fen") - models.F("moved_fen")),
                name="levy_receipt_allocated",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_by=None) | ~models.Q(confirmed_by=models.F("entered_by")),
                name="levy_receipt_two_people",
            ),
        ]

    @property
    def rest_fen(self) -> int:
        """What of it is in suspense (暂收): neither allocated nor moved on."""
        return self.amount_fen - self.allocated_fen - self.moved_fen


class Allocation(models.Model):
    """How much of a receipt went to which line of a bill; below zero when it was taken back from there."""

    id = models.BigAutoField(primary_key=True)
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="allocations")
    line = models.ForeignKey(BillLine, on_delete=models.PROTECT, related_name="+")
    amount_fen = models.BigIntegerField()
