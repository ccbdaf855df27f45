"""The bank by HTTP: what a shared folder would carry is carried between the bank's address and a folder of our own.

The folder stays the one place where files lie, are applied or refused; so both ways of travel end in the same run (bank_exchange), and
a result that was refused is asked for again without being refused again: the same bytes are left alone.
"""

from pathlib import Path

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.gateways.bank import Kind
from shebao.gateways.bank_client import Http, put_file
from shebao.levy.bank_models import BatchState, DebitBatch, DebitFile
from shebao.levy.refund_models import Payout, RefundState

WAYS = {Kind.DEBIT: ("debits", "results", Kind.DEBIT_RESULT), Kind.PAYOUT: ("payouts", "payout-results", Kind.PAYOUT_RESULT)}
LATE_BATCHES = 6  # of a bank that failed lines may still succeed in are asked for


def carry(root: Path, link: Http) -> tuple[int, int]:
    """Send what lies in outbox/, fetch answers into inbox/. Returns how many each.  Raises: BankUnreachable (nothing is lost)."""
    return _send(root, link), _fetch(root, link)


def _send(root: Path, link: Http) -> int:
    sent = 0
    for path in sorted((root / "outbox").glob("[A-Z]*.txt")):
        link.send(path.name, path.read_bytes(), path=WAYS[Kind(path.name[:2])][0])
        (path.parent / "done").mkdir(exist_ok=True)
        path.replace(path.parent / "done" / path.name)  # the bank has it; killed before this it is sent again, harmlessly
        sent += 1
    return sent


def _fetch(root: Path, link: Http) -> int:
    fetched = 0
    for kind, number, part in _awaited():
        _, where, answer = WAYS[kind]
        name = f"{answer.value}_{number}_{part:02d}.txt"
        if (root / "inbox" / name).exists():
            continue
        content = link.fetch(number, part, path=where)
        if content is None or _refused_before(root / "inbox" / "rejected" / name, content):
            continue
        put_file(root / "inbox", name, content)
        fetched += 1
    return fetched


def _awaited() -> list[tuple[Kind, str, int]]:
    """The answers that may come: first parts of what was sent, later parts of the last batches in which something failed."""
    with acting(ENGINE):
        out = [(Kind.DEBIT, number, 1) for number in _numbers(DebitBatch.objects.filter(state=BatchState.SENT))]
        posted = DebitBatch.objects.filter(state=BatchState.POSTED).order_by("-id")[:LATE_BATCHES]
        for batch in posted:
            if batch.failed_lines:
                out.append((Kind.DEBIT, batch.number, DebitFile.objects.filter(batch=batch).count() + 1))
        out += [(Kind.PAYOUT, number, 1) for number in _numbers(Payout.objects.filter(refunds__state=RefundState.INSTRUCTED).distinct())]
    return out


def _numbers(found) -> list[str]:  # type: ignore[no-untyped-def]
    return list(found.order_by("id").values_list("number", flat=True))


def _refused_before(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
