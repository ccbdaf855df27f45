"""Where our partners are and their keys: beside the data, in the folder `partners`."""

from pathlib import Path

from django.conf import settings

from shebao.gateways.partner_keys import keys_of, own_key
from shebao.gateways.tax_client import Partner

TAX = "tax"


def tax_office() -> Partner | None:
    """The tax office; None while its address or its public key is missing: the outbox waits then.  Raises: KeyRefused."""
    folder = Path(settings.PARTNERS)
    keys = keys_of(folder, TAX)
    return Partner(settings.TAX_URL, own_key(folder), keys) if settings.TAX_URL and keys else None
