"""税务往来: what was sent to the tax office and what it told; what it refused goes again; a bill is cancelled before its receipt."""

from datetime import date, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.casework.jobs import defer
from shebao.channels import errors
from shebao.channels.desk.pages import actor_of, clean, engine_of, said, show
from shebao.channels.guards import agency
from shebao.channels.partners.signature import folder
from shebao.gateways.partner_keys import KeyRefused, keys_of
from shebao.levy import cancelling, tax, tax_queries
from shebao.levy.models import BillKind
from shebao.levy.queries import find_bill
from shebao.levy.tax_models import TaxState

TITLE = "税务往来"


class DayRefused(ShebaoError):
    """A day whose list cannot be asked for."""

    code = "TAX-25"
    status = 422


@agency(Post.FINANCE)
@require_GET
def dealings(request: HttpRequest) -> HttpResponse:
    """The outbox, what came back, and the days."""
    return _page(request)


def _page(request: HttpRequest, error: ShebaoError | None = None) -> HttpResponse:
    with acting(ENGINE):
        found = tax_queries.overview(actor_of(request).agency_id)
    states = [(state.label, found.by_state.get(state, 0)) for state in TaxState if found.by_state.get(state)]
    waits = sum(found.by_state.get(s, 0) for s in (TaxState.QUEUED, TaxState.SENT, TaxState.RECALL_QUEUED, TaxState.RECALL_SENT))
    context = {"found": found, "states": states, "waits": waits, "missing": _missing(), "again": request.GET.get("again") == "1"}
    yesterday = now().date() - timedelta(days=1)
    context |= {"asked": clean(request.GET.get("asked"), 10), "day": clean(request.POST.get("day"), 10) or yesterday.isoformat()}
    return show(request, "tax", TITLE, context | (said(error) if error else {}), status=error.status if error else 200)


def _missing() -> str:
    """What keeps the outbox from being sent at all."""
    if not settings.TAX_URL:
        return "没有配置税务地址（SHEBAO_TAX_URL），核定单留在发件箱，配置后自动发送；缴费信息可继续用到账文件登记"
    try:
        return "" if keys_of(folder(), "tax") else "没有登记税务公钥，核定单留在发件箱；请用 shebao partner key --add tax 登记"
    except KeyRefused as error:
        return error.text


@agency(Post.FINANCE)
@require_POST
def again(request: HttpRequest, number: str) -> HttpResponse:
    """重新发送 a bill that the tax office refused."""
    if find_bill(number) is None:  # within the reach of the agency
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            tax.send_again(number, at=now())
    except ShebaoError as error:
        return _page(request, error)
    return HttpResponseRedirect("/w/tax?again=1")


@agency(Post.FINANCE)
@require_POST
def fetch(request: HttpRequest) -> HttpResponse:
    """取日清单 of a day that is over, once more if need be; by the job process, as the other side may be slow."""
    text = clean(request.POST.get("day"), 10)
    try:
        day = date.fromisoformat(text)
        if day >= now().date():
            raise DayRefused("只能取已经过完的日期；当天的清单明天取")
        if missing := _missing():
            raise DayRefused(missing)
    except ValueError:
        return _page(request, DayRefused("日期请按 2026-11-21 的样子填写"))
    except ShebaoError as error:
        return _page(request, error)
    with acting(engine_of(actor_of(request))):
        defer("tax_list", day=day.isoformat())
        record([Trace("levy.tax_day_asked", day.isoformat())], at=now())
    return HttpResponseRedirect(f"/w/tax?asked={day}#h-days")


@agency(Post.CLERK, Post.FINANCE)
@require_POST
def cancel(request: HttpRequest, number: str) -> HttpResponse:
    """作废 a 个人核定单 at the counter, for its person: recalled at the tax office first."""
    found, moment = find_bill(number), now()
    if found is None or found.kind != BillKind.PERSON:
        return errors.page(request, 404)
    with acting(engine_of(actor_of(request))):
        cancelling.cancel(found, case_id=None, on=moment.date(), at=moment)
    return HttpResponseRedirect(f"/w/bills/{number}")
