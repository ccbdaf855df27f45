"""去缴费: where a bill is paid, when the tax office has a page for it."""

from django.conf import settings

from shebao.levy.models import OPEN_STATES, Bill


def pay_url(bill: Bill) -> str:
    """The page of the tax office that takes the payment of this bill; empty when there is none, or nothing to pay."""
    if not settings.PAY_URL or bill.state not in OPEN_STATES or not bill.open_fen:
        return ""
    return f"{settings.PAY_URL}/{bill.number}"
