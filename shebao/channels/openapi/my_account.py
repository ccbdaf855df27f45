"""The open API of 个人: the own personal account, and one year of it explained."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.actor import Actor
from shebao.base.clock import now
from shebao.channels import errors
from shebao.channels.guards import person_api
from shebao.channels.openapi.contact import json_answer
from shebao.channels.rights import as_json, find_account
from shebao.surfaces.api import BadBodyError


@person_api
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """The account of whoever asks: balance, months, years; with ?year= that year's movements and how its interest came about."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    year = request.GET.get("year", "")
    if year and not (year.isascii() and year.isdigit() and len(year) == 4):
        raise BadBodyError("year 应为 4 位年份")
    record([Trace("accounts.looked", str(actor.person_id), person_id=actor.person_id)], at=now())
    found = find_account(actor.person_id)
    if found is None or (year and found.year(int(year)) is None):
        return errors.problem(request, 404, "ACT-06", "没有这个年度的个人账户记录" if found else "还没有个人账户记录")
    return json_answer(as_json(found, int(year) if year else None))
