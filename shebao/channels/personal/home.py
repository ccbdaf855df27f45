"""个人首页: through whom one is insured, what is to be paid, what is new."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import now
from shebao.base.months import month_of
from shebao.base.terms import SHORT_LABELS, insurances_in
from shebao.channels.guards import individuals
from shebao.channels.personal.pages import actor_of, live_of, show
from shebao.contact.messages import messages_of
from shebao.enrolment.queries import spells_of
from shebao.levy.flexible_owed import owed_by
from shebao.parties.models import Person

MESSAGES_SHOWN = 3


@individuals
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """首页."""
    actor, month = actor_of(request), month_of(now().date())
    spells = [s for s in reversed(spells_of(actor.person_id)) if s.to_month is None or s.to_month > month]
    context = {
        "live": live_of(request),
        "person": Person.objects.get(pk=actor.person_id),
        "spells": [
            {"spell": s, "types": "、".join(SHORT_LABELS[i] for i in insurances_in(s.insurance_mask)), "flexible": s.unit_kind == "window"}
            for s in spells
        ],
        "flexible": any(s.unit_kind == "window" for s in spells),
        "owed": owed_by(actor.person_id),
        "messages": messages_of(person_id=actor.person_id, limit=MESSAGES_SHOWN),
    }
    return show(request, "home", "首页", context, crumbs=())
