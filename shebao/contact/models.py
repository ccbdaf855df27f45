"""预约, 问题报告, 通知公告 and messages. No insurance in here: what a booking or a question is about is a code and a title."""

from django.db import models


class Office(models.Model):
    """A counter hall of an agency where appointments are kept. `unit_day_max`: bookings one unit may hold for one day."""

    id = models.AutoField(primary_key=True)
    agency_id = models.SmallIntegerField()
    name = models.CharField(max_length=60)
    address = models.CharField(max_length=120, default="")
    phone = models.CharField(max_length=20, default="")
    open = models.BooleanField(default=True)
    unit_day_max = models.SmallIntegerField(default=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency_id", "name"], name="contact_office_once"),
            models.CheckConstraint(condition=models.Q(unit_day_max__gte=1), name="contact_office_day_max"),
        ]


class OfficeItem(models.Model):
    """What may be booked at an office. `code`: of a 事项, or the agency's own word."""

    id = models.AutoField(primary_key=True)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="items")
    agency_id = models.SmallIntegerField()
    code = models.CharField(max_length=60)
    title = models.CharField(max_length=60)
    offered = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["office", "code"], name="contact_officeitem_once")]


class Hours(models.Model):
    """Opening hours that slots are made from: on a weekday (0 = Monday), in minutes of the day."""

    id = models.AutoField(primary_key=True)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="hours")
    agency_id = models.SmallIntegerField()
    weekday = models.SmallIntegerField()
    from_minute = models.SmallIntegerField()
    to_minute = models.SmallIntegerField()
    slot_minutes = models.SmallIntegerField()
    capacity = models.SmallIntegerField()
    kept = models.BooleanField(default=True)


class ClosedDay(models.Model):
    """A working day on which an office is closed all the same. `in_force`: false once it was opened again."""

    id = models.AutoField(primary_key=True)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="closed_days")
    agency_id = models.SmallIntegerField()
    day = models.DateField()
    reason = models.CharField(max_length=60)
    in_force = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["office", "day"], name="contact_closedday_once")]


class Slot(models.Model):
    """One span of an office's day. `booked` is kept by a trigger on bookings; more than `capacity` the database refuses."""

    id = models.BigAutoField(primary_key=True)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="slots")
    agency_id = models.SmallIntegerField()
    day = models.DateField()
    from_minute = models.SmallIntegerField()
    to_minute = models.SmallIntegerField()
    capacity = models.SmallIntegerField()
    booked = models.SmallIntegerField(default=0)
    closed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["office", "day", "from_minute"], condition=models.Q(closed=False), name="contact_slot_once"),
            models.CheckConstraint(
                condition=models.Q(booked__gte=0) & models.Q(booked__lte=models.F("capacity")), name="contact_slot_not_overfull"
            ),
        ]

    @property
    def left(self) -> int:
        return self.capacity - self.booked


class BookingState(models.TextChoices):
    """The life of an appointment."""

    BOOKED = "booked", "已预约"
    WAITING = "waiting", "排队中"
    CALLED = "called", "办理中"
    SERVED = "served", "已办理"
    MISSED = "missed", "未到场"
    CANCELLED = "cancelled", "已取消"


class Booking(models.Model):
    """One unit's place in a slot for an item. `ticket`: the waiting number of the day, given when checked in."""

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=14, unique=True)
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="bookings")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    item_code = models.CharField(max_length=60)
    item_title = models.CharField(max_length=60)
    case_number = models.CharField(max_length=24, default="")
    state = models.CharField(max_length=10, choices=BookingState, default=BookingState.BOOKED)
    booked_by = models.IntegerField()
    booked_by_name = models.CharField(max_length=50)
    booked_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    ticket = models.SmallIntegerField(null=True)
    arrived_at = models.DateTimeField(null=True)
    called_at = models.DateTimeField(null=True)
    counter = models.CharField(max_length=10, default="")
    reason = models.CharField(max_length=120, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit_id", "slot", "item_code"], condition=~models.Q(state="cancelled"), name="contact_booking_once"
            ),
            models.UniqueConstraint(fields=["office", "day", "ticket"], name="contact_booking_ticket_once"),
        ]
        indexes = [
            models.Index(fields=["unit_id", "-day"], name="contact_booking_unit"),
            models.Index(fields=["office", "day", "state"], name="contact_booking_day"),
        ]


class QuestionState(models.TextChoices):
    """Whose turn it is."""

    OPEN = "open", "待答复"
    CLAIMED = "claimed", "答复中"
    ANSWERED = "answered", "已答复"
    CLOSED = "closed", "已关闭"


class Question(models.Model):
    """问题报告: what a unit asks; the talk itself stands in its lines."""

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=20, unique=True)
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    category = models.CharField(max_length=20)
    subject = models.CharField(max_length=60)
    case_number = models.CharField(max_length=24, default="")
    state = models.CharField(max_length=10, choices=QuestionState, default=QuestionState.OPEN)
    rounds = models.SmallIntegerField(default=1)
    asked_by_name = models.CharField(max_length=50)
    asked_at = models.DateTimeField()
    waiting_since = models.DateTimeField()
    changed_at = models.DateTimeField()
    claimed_by = models.IntegerField(null=True)
    claimed_name = models.CharField(max_length=50, default="")

    class Meta:
        indexes = [
            models.Index(fields=["unit_id", "-changed_at"], name="contact_question_unit"),
            models.Index(fields=["agency_id", "state", "waiting_since"], name="contact_question_queue"),
        ]


class QuestionLine(models.Model):
    """What one side said; never changed."""

    id = models.BigAutoField(primary_key=True)
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="lines")
    unit_id = models.IntegerField()
    agency_id = models.SmallIntegerField()
    side = models.CharField(max_length=6)
    text = models.TextField()
    at = models.DateTimeField()
    account_id = models.IntegerField()
    account_name = models.CharField(max_length=50)


class Audience(models.TextChoices):
    """To whom a notice speaks."""

    ALL = "all", "所有人（含未登录）"
    AGENCY = "agency", "本机构全部参保单位"
    UNIT = "unit", "一个单位"


class NoticeState(models.TextChoices):
    """The life of a notice."""

    DRAFT = "draft", "草稿"
    PUBLISHED = "published", "已发布"
    WITHDRAWN = "withdrawn", "已撤回"


class Notice(models.Model):
    """通知公告: written by one person, published by another."""

    id = models.AutoField(primary_key=True)
    agency_id = models.SmallIntegerField()
    audience = models.CharField(max_length=8, choices=Audience)
    unit_id = models.IntegerField(null=True)
    title = models.CharField(max_length=80)
    text = models.TextField()
    from_date = models.DateField()
    to_date = models.DateField(null=True)
    state = models.CharField(max_length=10, choices=NoticeState, default=NoticeState.DRAFT)
    written_by = models.IntegerField()
    written_name = models.CharField(max_length=50)
    written_at = models.DateTimeField()
    published_by = models.IntegerField(null=True)
    published_name = models.CharField(max_length=50, default="")
    published_at = models.DateTimeField(null=True)
    withdrawn_name = models.CharField(max_length=50, default="")
    withdrawn_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=120, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(published_by=None) | ~models.Q(published_by=models.F("written_by")), name="contact_notice_two_people"
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft") | models.Q(state="withdrawn") | models.Q(published_by__isnull=False),
                name="contact_notice_published_by_somebody",
            ),
            models.CheckConstraint(
                condition=models.Q(to_date=None) | models.Q(to_date__gte=models.F("from_date")), name="contact_notice_order"
            ),
            models.CheckConstraint(
                condition=(models.Q(audience="unit") & models.Q(unit_id__isnull=False))
                | (~models.Q(audience="unit") & models.Q(unit_id=None)),
                name="contact_notice_to_whom",
            ),
        ]
        indexes = [models.Index(fields=["state", "audience", "-from_date"], name="contact_notice_shown")]


class Message(models.Model):
    """消息 to one unit, read once by anybody of it; or to one person. Never changed otherwise."""

    id = models.BigAutoField(primary_key=True)
    unit_id = models.IntegerField(null=True)
    person_id = models.BigIntegerField(null=True)
    agency_id = models.SmallIntegerField()
    title = models.CharField(max_length=60)
    text = models.CharField(max_length=400)
    case_id = models.BigIntegerField(null=True)
    url = models.CharField(max_length=80, default="")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    read_name = models.CharField(max_length=50, default="")

    class Meta:
        indexes = [
            models.Index(fields=["unit_id", "-id"], name="contact_message_unit"),
            models.Index(fields=["unit_id"], condition=models.Q(read_at=None), name="contact_message_unread"),
            models.Index(fields=["person_id", "-id"], condition=models.Q(person_id__isnull=False), name="contact_message_person"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(unit_id__isnull=False, person_id=None) | models.Q(unit_id=None, person_id__isnull=False),
                name="contact_message_to_one",
            )
        ]
