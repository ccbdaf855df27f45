"""VIP 单位权限: granted and withdrawn by the agency after an evaluation."""

from datetime import date, datetime

from shebao.audit.operations import Trace, record
from shebao.parties.changes import Change, change_units
from shebao.parties.models import Unit


def set_vip(unit_id: int, vip: bool, *, at: datetime, on: date, case_id: int | None) -> None:
    """Make a unit a VIP one, or an ordinary one again, from a day on. Call as the engine."""
    before = Unit.objects.values_list("vip", flat=True).get(pk=unit_id)
    change_units([Change(unit_id, {"vip": vip}, true_from=on, case_id=case_id)], at=at)
    record([Trace("access.vip_changed", "", unit_id=unit_id, case_id=case_id, before={"vip": before}, after={"vip": vip})], at=at)
