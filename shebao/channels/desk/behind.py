"""What stands behind a posting: its reference as a link to the bill, receipt, run or refund that it was booked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from shebao.levy.desk_queries import find_receipt, find_run


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


# By the word before the colon of a reference.
KINDS: dict[str, Callable[[str, str], Behind | None]] = {
    "bill": lambda key, place: Behind(f"单据 {key}", f"/w/bills/{quote(key)}"),
    "receipt": _receipt,
    "run": _run,
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
