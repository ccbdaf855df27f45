"""月度申报: the months of the unit, a month's statement with the people behind every figure, and declaring it."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.base.clock import today
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_of, month_shown, shift
from shebao.base.terms import Insurance
from shebao.casework import operations
from shebao.casework.item import item_of
from shebao.casework.models import Case, CaseState, Channel
from shebao.casework.operations import RowsRefusedError
from shebao.channels import errors
from shebao.channels.contexts import of_request
from shebao.channels.guards import unit_operators
from shebao.channels.portal.pages import HOME, actor_of, key_of, live_of, number_of, show
from shebao.levy.declared_queries import Stage, estimates_of, explain_estimate, standing, standings
from shebao.levy.settling import open_credits
from shebao.levy.statement import PEOPLE_MAX, Movement, Statement, people_behind, statement
from shebao.policy.levy import month_rates
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason

ITEM = "levy.declare_month"
MONTHS_SHOWN = 12
LIST = ("月度申报", "/u/months")
TYPES = {insurance.value: insurance for insurance in Insurance}


@unit_operators
@require_GET
def months(request: HttpRequest) -> HttpResponse:
    """Months, newest first: declared or not, the clock, the bill."""
    unit_id, place, on = actor_of(request).unit_id, live_of(request).place, today()
    present = month_of(on)
    told = standings(unit_id, place, [shift(present, -i) for i in range(MONTHS_SHOWN)], on, standard())
    last = max((i for i, s in enumerate(told) if s.declaration or s.bill), default=0)
    context = {
        "months": told[: last + 1],
        "present": present,
        "credits": [(insurance.label, fen) for insurance, fen in open_credits(unit_id).items()],
        "may": told[0].stage is not Stage.NOT_REQUIRED,
    }
    return show(request, "months", LIST[0], context, crumbs=(HOME, (LIST[0], None)))


@unit_operators
@require_GET
def month(request: HttpRequest, month: int) -> HttpResponse:
    """One month: the statement, what opens from it, how it stands."""
    return _page(request, month)


@unit_operators
@require_POST
def declare(request: HttpRequest, month: int) -> HttpResponse:
    """确认申报: files the item with the figures that were shown; refused when they are not (any more) what the register gives."""
    typed = {"month": str(month), "headcount": request.POST.get("headcount", ""), "total": request.POST.get("total", "")}
    try:
        case_id = operations.file_many(item_of(ITEM), of_request(request), [typed], key=key_of(request), channel=Channel.PAGE)
    except RowsRefusedError as error:
        return _page(request, month, refused=[refusal.text for refusals in error.rows.values() for refusal in refusals])
    except ShebaoError as error:
        return _page(request, month, refused=[error.text])
    return HttpResponseRedirect(f"/u/cases/{case_id}")


def _page(request: HttpRequest, wanted: Month, refused: list[str] | None = None) -> HttpResponse:
    unit_id, place, on = actor_of(request).unit_id, live_of(request).place, today()
    if not 2020 <= wanted // 100 <= 2999 or not 1 <= wanted % 100 <= 12 or wanted > shift(month_of(on), 1):
        return errors.page(request, 404)
    try:
        told = statement(unit_id, place, wanted, standard())
    except ShebaoError as error:
        return show(request, "month_unknown", _title(wanted), {"why": error.text}, crumbs=_crumbs(wanted), status=error.status)
    stands = standing(unit_id, place, told, on, standard())
    estimates = estimates_of(unit_id, wanted)
    context = {
        "told": told,
        "stands": stands,
        "movements": list(Movement),
        "waiting": _waiting(unit_id, wanted),
        "estimates": [(e, Insurance(e.insurance)) for e in estimates],
        "reasons": [(x.inputs[-1][1], reason(x.to_dict())) for e in estimates for x in explain_estimate(e, place, standard())],
        "unverified": [r.label for r in month_rates(standard(), wanted, place).rules if r.status.verify_before_production],
        "errors": [(None, text) for text in refused or ()],
        "has_errors": bool(refused),
        "before": shift(wanted, -1),
        "after": shift(wanted, 1) if wanted < month_of(on) else None,
        **_opened(request, told),
    }
    return show(request, "month", _title(wanted), context, crumbs=_crumbs(wanted), status=422 if refused else 200)


def _title(wanted: Month) -> str:
    return f"{month_shown(wanted)}申报表"


def _crumbs(wanted: Month) -> tuple[tuple[str, str | None], ...]:
    return (HOME, LIST, (month_shown(wanted), None))


def _opened(request: HttpRequest, told: Statement) -> dict[str, object]:
    """The people behind the figure that was opened, a page of them."""
    movement = next((m for m in Movement if m.value == request.GET.get("show")), None)
    insurance = TYPES.get(number_of(request.GET.get("type")))
    if movement is None:
        return {"opened": None}
    after = number_of(request.GET.get("after"))
    people = people_behind(told, movement, insurance, after=after, limit=PEOPLE_MAX + 1)
    return {
        "opened": movement,
        "type": insurance,
        "people": people[:PEOPLE_MAX],
        "first_page": after,
        "next_after": people[PEOPLE_MAX - 1].person_id if len(people) > PEOPLE_MAX else 0,
    }


def _waiting(unit_id: int, wanted: Month) -> Case | None:
    """A declaration of the month that is on its way."""
    open_cases = Case.objects.filter(unit_id=unit_id, item_code=ITEM, state=CaseState.REVIEW)
    return open_cases.filter(filings__values__month=wanted).order_by("-id").first()
