"""The context of filings: from the request of a unit's operator, or from a stored case."""

from datetime import datetime

from django.http import HttpRequest

from shebao.access.queries import Live
from shebao.base.actor import Actor
from shebao.base.clock import now
from shebao.casework.item import Context
from shebao.casework.models import Case
from shebao.parties.queries import get_unit


def of_request(request: HttpRequest) -> Context:
    """The acting unit operator's own unit, now."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    live: Live = request.live  # type: ignore[attr-defined]
    moment = now()
    return Context(actor.unit_id, live.agency_id, live.place, live.vip, moment.date(), moment)


def of_case(case: Case, moment: datetime) -> Context:
    """The unit a case belongs to. The actor must be allowed to see it."""
    unit = get_unit(case.unit_id)
    return Context(unit.pk, unit.agency_id, unit.place, unit.vip, moment.date(), moment)
