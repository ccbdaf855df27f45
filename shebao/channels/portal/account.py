"""单位缴费账户: what the own unit owed and paid, month by month, in charts and a table."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import today
from shebao.channels import unit_account
from shebao.channels.guards import unit_operators
from shebao.channels.portal.pages import HOME, actor_of, show


@unit_operators
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The last 24 months."""
    context = unit_account.context_of(actor_of(request).unit_id, today(), bill_url="/u/bills/")
    return show(request, "account", "单位缴费账户", context, crumbs=(HOME, ("单位缴费账户", None)))
