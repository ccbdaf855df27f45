"""What the tests of appointments, questions and notices share: an office with a morning of slots."""

from datetime import date, datetime

from shebao.access.acting import acting
from shebao.base.actor import Actor
from shebao.base.clock import ZONE
from shebao.contact import offices
from shebao.contact.models import Slot
from tests.db import support

MONDAY = date(2026, 11, 23)
FRIDAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=ZONE)  # a Friday morning
ITEMS = [("enrolment.add_employee", "增员（续保）"), ("other", "其他业务")]
NINE, TWELVE = 9 * 60, 12 * 60


def on(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)


def make_office(
    actor: Actor | None = None, *, capacity: int = 3, name: str = "示例大厅", day_max: int = 3, last: date = date(2026, 11, 27)
) -> int:
    """An office open on weekdays 9 to 12 in half hours, with slots from the Friday of NOW on."""
    with acting(actor or support.reviewer()):
        made = offices.save_office(None, offices.OfficeData(name, "示例路 1 号", "027-0000", unit_day_max=day_max), ITEMS, at=NOW)
        offices.add_hours(made, offices.NewHours((0, 1, 2, 3, 4), NINE, TWELVE, 30, capacity), at=NOW)
        offices.make_slots(made, NOW.date(), last, at=NOW)
    return made


def slot_of(office_id: int, day: date = MONDAY, minute: int = NINE) -> int:
    found = support.ask(
        "select id from contact_slot where office_id = %s and day = %s and from_minute = %s and not closed", [office_id, day, minute]
    )
    return int(found[0][0])


def slot(slot_id: int) -> Slot:
    with acting(support.ENGINE):
        return Slot.objects.get(pk=slot_id)
