"""单位登记信息: what is registered of the unit itself, its terms, and every change, today or as the register held it on a day."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.channels import errors
from shebao.channels.as_of import as_of, versions
from shebao.channels.guards import unit_operators
from shebao.channels.papers import short_labels
from shebao.channels.portal.pages import HOME, actor_of, show
from shebao.channels.registered import terms_at, unit_at, unit_told
from shebao.parties.as_of import history_of_unit
from shebao.parties.queries import get_unit

TITLE = "单位登记信息"


@unit_operators
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The unit as registered."""
    unit, asked = get_unit(actor_of(request).unit_id), as_of(request)
    known = unit_at(unit.pk, asked)
    if known is None:
        return errors.page(request, 404)
    context = {
        "unit": unit,
        "known": known,
        "asked": asked,
        "told": [("单位编号", unit.number), ("经办机构", unit.agency.name), *unit_told(known)],
        "terms": [
            {**told, "insurances": "、".join(short_labels(told["insurances"])), "row": told["terms"]} for told in terms_at(unit.pk, asked)
        ],
        "versions": versions(history_of_unit(unit.pk, known_at=asked.known_at)),
    }
    return show(request, "own_unit", TITLE, context, crumbs=(HOME, (TITLE, None)))
