"""Where our partners are and their keys: beside the data, in the folder `partners`."""

from pathlib import Path

from django.conf import settings

from shebao.gateways.partner_keys import keys_of, own_key
from shebao.gateways.tax_client import Partner
from shebao.levy.bank_models import BANKS

TAX, BANK = "tax", "bank"


def tax_office() -> Partner | None:
    """The tax office; None while its address or its public key is missing: the outbox waits then.  Raises: KeyRefused."""
    folder = Path(settings.PARTNERS)
    keys = keys_of(folder, TAX)
    return Partner(settings.TAX_URL, own_key(folder), keys) if settings.TAX_URL and keys else None


def own_private_key() -> bytes:
    """Ours, as the bank's files want it: 32 raw bytes."""
    return own_key(Path(settings.PARTNERS)).private.private_bytes_raw()


def bank_folder() -> Path | None:
    """Where files to and from the bank lie: the folder we share, or one of our own when it is reached by HTTP; None without."""
    if settings.BANK_FOLDER:
        return Path(settings.BANK_FOLDER)
    return Path(settings.DATA) / "bank" if settings.BANK_URL else None


def bank_keys() -> dict[str, list[bytes]]:
    """By bank (行别) the public keys that may sign for it, raw: those of `bank-<行别>`, or of `bank` where it has none of its own.

    Raises: KeyRefused.
    """
    folder = Path(settings.PARTNERS)
    return {code: [key.raw for key in keys_of(folder, f"{BANK}-{code}") or keys_of(folder, BANK)] for code in BANKS}
