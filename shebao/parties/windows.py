"""个人流动窗口: the payer that stands for the flexible workers of an agency. One an agency, made when it is first needed."""

from datetime import datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.clock import ZONE
from shebao.base.months import month_of
from shebao.base.terms import Insurance
from shebao.parties.models import Agency, Unit, UnitKind
from shebao.parties.operations import NewUnit, register_units

_LOCK = 4_201_001  # advisory lock of those who may make one


def window_of(agency_id: int) -> Unit | None:
    """The 个人流动窗口 of an agency, if it has one."""
    return Unit.objects.filter(agency_id=agency_id, kind=UnitKind.WINDOW, closed_on=None).order_by("id").first()


def ensure_window(agency_id: int, *, at: datetime) -> Unit:
    """The 个人流动窗口 of an agency; registered now when there is none. Two calls at once make one."""
    if (found := window_of(agency_id)) is not None:
        return found
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, %s)", [_LOCK, agency_id])
    if (found := window_of(agency_id)) is not None:
        return found
    agency = Agency.objects.get(pk=agency_id)
    day = at.astimezone(ZONE).date()
    new = NewUnit(
        f"{agency.name}个人流动窗口",
        None,
        agency_id,
        agency.place,
        Insurance.PENSION.flag,
        1,
        month_of(day),
        day,
        kind=UnitKind.WINDOW.value,
    )
    window = Unit.objects.get(pk=register_units([new], at=at)[0])
    record([Trace("parties.window_opened", window.number, unit_id=window.pk, agency_id=agency_id)], at=at)
    return window
