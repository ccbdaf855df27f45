"""What stands behind a posting: its reference as a link to the bill, receipt, run or refund that it was booked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from shebao.accounts.queries import settlements_done
from shebao.levy.desk_queries import find_receipt, find_run
from shebao.levy.refund_queries import refund_numbered


@dataclass(frozen=True, slots=True)
class Behind:
    """A link with its words."""

    label: str
    url: str


def _receipt(key: str, place: str) -> Behind:
    # A payment entered by hand is booked under its number here until it is confirmed.
    found = find_receipt(int(key)) if key.isascii() and key.isdigit() and len(key) < 16 else None
    serial = found.serial if found else key
    return Behind(f"到账 {serial}", f"/w/receipts?q={quote(serial)}")


def _run(key: str, place: str) -> Behind | None:
    run = find_run(int(key)) if key.isascii() and key.isdigit() and len(key) < 10 else None
    return Behind(f"批次 {run.pk}", f"/w/runs/{run.kind}/{run.pk}") if run and run.place == place else None


def _settlement(key: str, place: str) -> Behind | None:
    found = settlements_done(place, 1, int(key)) if key.isascii() and key.isdigit() and len(key) < 10 else []
    return Behind(f"{found[0][0].year} 年个人账户结算", f"/w/runs/account_interest/{key}") if found else None


def _refund(key: str, place: str) -> Behind | None:
    found = refund_numbered(key)
    return Behind(f"退费 {key}", f"/w/refunds/{found.pk}") if found else None


# By the word before the colon of a reference.
KINDS: dict[str, Callable[[str, str], Behind | None]] = {
    "bill": lambda key, place: Behind(f"单据 {key}", f"/w/bills/{quote(key)}"),
    "receipt": _receipt,
    "run": _run,
    "debit": lambda key, place: Behind(f"批扣 {key}", f"/w/debits/{quote(key)}"),
    "settlement": _settlement,
    "refund": _refund,
}


def behind(references: Sequence[str], place: str) -> dict[str, Behind]:
    """A link for each reference that leads somewhere."""
    told: dict[str, Behind] = {}
    for reference in dict.fromkeys(references):
        word, _, key = reference.partition(":")
        link = KINDS[word](key, place) if word in KINDS and key else None
        if link is not None:
            told[reference] = link
    return told


WORDS = {"bill": "单据", "receipt": "到账", "run": "批次", "debit": "批扣", "settlement": "个人账户年度结算", "refund": "退费"}


def reference_words(reference: str) -> str:
    """A reference in the words of the pages, without asking what is behind it: for long lists."""
    word, _, key = reference.partition(":")
    return f"{WORDS[word]} {key}" if word in WORDS and key else reference
