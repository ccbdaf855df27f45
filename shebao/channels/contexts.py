"""The context of filings: from the request of a unit's operator, at the counter, or from a stored case."""

from datetime import datetime

from django.http import HttpRequest

from shebao.access.queries import Live
from shebao.base.actor import Actor
from shebao.base.clock import now
from shebao.casework.item import Context
from shebao.casework.models import Case, Channel
from shebao.parties.models import Agency, Unit
from shebao.parties.queries import get_unit


def of_request(request: HttpRequest) -> Context:
    """The acting unit operator's own unit, now."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    live: Live = request.live  # type: ignore[attr-defined]
    moment = now()
    return Context(
        actor.unit_id,
        live.agency_id,
        live.place,
        live.vip,
        moment.date(),
        moment,
        account_id=actor.account_id,
        unit_number=live.unit_number,
        unit_name=live.unit_name,
    )


def at_counter(request: HttpRequest, unit: Unit | None) -> Context:
    """What the acting clerk of the agency enters for a unit, or (None) for a unit to be, now."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    live: Live = request.live  # type: ignore[attr-defined]
    moment = now()
    if unit is None:
        return Context(0, actor.agency_id, live.place, False, moment.date(), moment, counter=True, account_id=actor.account_id)
    return _of_unit(unit, moment, counter=True, account_id=actor.account_id)


def of_case(case: Case, moment: datetime, *, account_id: int = 0) -> Context:
    """The unit a case belongs to. The actor must be allowed to see it."""
    counter = case.channel == Channel.COUNTER
    if case.unit_id == 0:
        place = Agency.objects.values_list("place", flat=True).get(pk=case.agency_id)
        return Context(0, case.agency_id, place, False, moment.date(), moment, counter=counter, account_id=account_id)
    return _of_unit(get_unit(case.unit_id), moment, counter=counter, account_id=account_id)


def _of_unit(unit: Unit, moment: datetime, *, counter: bool, account_id: int) -> Context:
    return Context(
        unit.pk,
        unit.agency_id,
        unit.place,
        unit.vip,
        moment.date(),
        moment,
        counter=counter,
        account_id=account_id,
        unit_number=unit.number,
        unit_name=unit.name,
    )
