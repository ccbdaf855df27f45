"""个人账户 and 个人权益记录单: the own account with how its interest came about, and the yearly record as page and sealed paper."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.clock import now, today
from shebao.channels import due_changes, errors
from shebao.channels.guards import individuals
from shebao.channels.personal.pages import actor_of, engine_of, live_of, show
from shebao.channels.portal.batch import download
from shebao.channels.portal.bills import PDF_TYPE
from shebao.channels.portal.pages import number_of
from shebao.channels.rights import account_context, find_account, months_words, record_of, record_years
from shebao.channels.rights_papers import record_pdf, sheet_of
from shebao.parties.models import Person

ACCOUNT, RECORD = ("个人账户", "/p/account"), ("个人权益记录单", "/p/record")


@individuals
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """The account: balance, its years in a chart and a table, one year month by month, interest with 怎么算的."""
    actor = actor_of(request)
    found = find_account(actor.person_id, request.GET.get("place", ""))
    record([Trace("accounts.looked", str(actor.person_id), person_id=actor.person_id)], at=now())
    context = account_context(found, number_of(request.GET.get("year"))) if found else {"account": None}
    context |= {"base": ACCOUNT[1], "changes": due_changes.of_oneself(engine_of(actor), actor.person_id)}
    return show(request, "account", ACCOUNT[0], context, crumbs=((ACCOUNT[0], None),))


@individuals
@require_GET
def rights(request: HttpRequest) -> HttpResponse:
    """个人权益记录单 of a year: registration, months paid, account, years counted."""
    actor, years = actor_of(request), record_years(actor_of(request).person_id)
    asked = number_of(request.GET.get("year"))
    year = asked if asked in years else next((y for y in years if y < today().year), years[0] if years else 0)
    person = Person.objects.get(pk=actor.person_id)
    record([Trace("accounts.record_looked", f"{person.number} {year}", person_id=person.pk)], at=now())
    told = record_of(person.pk, year) if year else None
    context = {
        "person": person,
        "years": years,
        "year": year,
        "record": told,
        "sheet": sheet_of(told, person, agency=live_of(request).agency_name) if told else None,
        "months_words": months_words,
    }
    return show(request, "record", RECORD[0], context, crumbs=((RECORD[0], None),))


@individuals
@require_GET
def rights_paper(request: HttpRequest, year: int) -> HttpResponse:
    """The same under the seal, with QR and verification code."""
    actor = actor_of(request)
    person = Person.objects.get(pk=actor.person_id)
    if year not in record_years(person.pk):
        return errors.page(request, 404)
    record([Trace("accounts.record_printed", f"{person.number} {year}", person_id=person.pk)], at=now())
    content = record_pdf(
        person, year, agency_id=actor.agency_id, agency=live_of(request).agency_name, account_id=actor.account_id, at=now()
    )
    return download(content, f"个人权益记录单-{year}.pdf", PDF_TYPE, inline=True)


urls: list[URLPattern] = [
    path("account", account, name="personal-account"),
    path("record", rights, name="personal-record"),
    path("record/<int:year>.pdf", rights_paper, name="personal-record-pdf"),
]
