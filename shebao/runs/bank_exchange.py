"""Files to and from the bank through a shared folder: debit and payout files out, results and statements in.

Can be run again at any time and killed anywhere: a file is moved aside only after what it says is on record, and what is on record twice
is on record once. Applied files go to done/, refused ones to rejected/ with the reason beside them.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.gateways import statement
from shebao.gateways.bank import BankFileRefused, Kind, peek
from shebao.gateways.bank_client import BYTES_MAX, Folder
from shebao.gateways.strict_json import MessageRefused
from shebao.gateways.tax_client import Partner, PartnerAway, PartnerRefused
from shebao.levy import debit_answers, payout_answers, reconcile_statements
from shebao.levy.bank_models import BatchState, DebitBatch
from shebao.levy.debit_answers import BankKeys, FileEarly, FileKnown
from shebao.levy.reconcile_models import ReconDay, Statement, StatementState
from shebao.levy.reconcile_statements import StatementKnownError
from shebao.levy.refund_models import Payout, RefundState
from shebao.runs import bank_withholding, reconcile_day, tax_office

Clock = Callable[[], datetime]
STATEMENTS = "statements"  # beside inbox/ and outbox/
log = logging.getLogger("shebao.bank")


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What one call did: files put out, taken and refused, days reconciled."""

    sent: int = 0
    taken: int = 0
    refused: int = 0
    reconciled: int = 0


def exchange(root: Path, private_key: bytes, public_keys: BankKeys, tax: Partner | None, *, place: str, clock: Clock) -> Exchanged:
    """One round. private_key: ours; public_keys: the bank's; tax: the tax office, whose list of a day its reconciliation asks for."""
    sent = _send(root, private_key)
    taken, refused = _take_results(Folder(root), public_keys, clock)
    finish(clock)
    more_taken, more_refused = _take_statements(root / STATEMENTS, clock)
    return Exchanged(sent, taken + more_taken, refused + more_refused, _reconcile(place, tax, clock))


def _send(root: Path, private_key: bytes) -> int:
    """Put out what a second person has confirmed and the bank has not had. Putting it twice is harmless: the bytes are the same."""
    with acting(ENGINE):
        batches = list(DebitBatch.objects.filter(state=BatchState.SENT).order_by("id"))
        payouts = list(Payout.objects.filter(refunds__state=RefundState.INSTRUCTED).distinct().order_by("id"))
    sent = 0
    for batch in batches:
        if not _known(root, name := bank_withholding.file_name(batch.number)):
            Folder(root).put(name, bank_withholding.content_of(batch, private_key))
            sent += 1
    for payout in payouts:
        if not _known(root, name := f"{Kind.PAYOUT.value}_{payout.number}_01.txt"):
            Folder(root).put(name, bytes(payout.content))
            sent += 1
    return sent


def _known(root: Path, name: str) -> bool:
    return any((root / "outbox" / folder / name).exists() for folder in ("", "done", "rejected"))


def _take_results(folder: Folder, public_keys: BankKeys, clock: Clock) -> tuple[int, int]:
    """Result files of the inbox. One that is only early stays for the next round; what follows it may be what it waits for."""
    taken = refused = 0
    waiting = list(folder.waiting())
    for _ in range(len(waiting)):
        early = []
        for path in waiting:
            try:
                _take_result(_read(path), public_keys, clock)
            except FileKnown:
                folder.done(path)
            except FileEarly:
                early.append(path)
            except ShebaoError as error:
                _refuse(path, error)
                refused += 1
            else:
                folder.done(path)
                taken += 1
        if len(early) in (0, len(waiting)):
            break
        waiting = early
    return taken, refused


def _read(path: Path) -> bytes:
    """A file of the bank, unless it is larger than any can be: that one is not even read."""
    if path.stat().st_size > BYTES_MAX:
        raise BankFileRefused("BNK-13", f"文件超过 {BYTES_MAX // 1024 // 1024} 兆；没有入账，请拆成几批")
    return path.read_bytes()


def _take_result(content: bytes, public_keys: BankKeys, clock: Clock) -> None:
    """One answer, to a debit file or to a payout file; the second one of a payout finds nothing left to do."""
    kind, at = peek(content).kind, clock()
    with acting(ENGINE):
        if kind is Kind.PAYOUT_RESULT:
            payout_answers.receive(content, public_keys, at=at, on=at.date())
        else:
            debit_answers.receive(content, public_keys, at=at, on=at.date())


def finish(clock: Clock) -> None:
    """Book what was answered and tell the people, of this round or of one that was cut off."""
    with acting(ENGINE):
        answered = list(DebitBatch.objects.filter(state=BatchState.ANSWERED).values_list("pk", flat=True))
        untold = list(DebitBatch.objects.filter(state=BatchState.POSTED, told_at=None).values_list("pk", flat=True))
    for batch_id in answered:
        if bank_withholding.post(batch_id, clock=clock):
            untold.append(batch_id)
    for batch_id in untold:
        bank_withholding.tell(batch_id, clock=clock)


def _take_statements(folder: Path, clock: Clock) -> tuple[int, int]:
    taken = refused = 0
    for path in sorted(p for p in folder.glob("[!.]*.txt") if p.is_file() and not p.is_symlink()) if folder.is_dir() else ():
        try:
            content = _read(path)
            told = statement.read(content, today=clock().date())
            with acting(ENGINE):
                reconcile_statements.load(told, content, path.name, at=clock())
        except StatementKnownError:
            _move(path)
        except ShebaoError as error:
            _refuse(path, error)
            refused += 1
        else:
            _move(path)
            taken += 1
    return taken, refused


def _reconcile(place: str, tax: Partner | None, clock: Clock) -> int:
    """Reconcile each day whose statement is there and which nobody has reconciled with it, in the order of the days."""
    with acting(ENGINE):
        done = ReconDay.objects.filter(statement__isnull=False, account__place=place).values("day")
        loaded = Statement.objects.filter(state=StatementState.LOADED, account__place=place)
        days = list(loaded.exclude(day__in=done).order_by("day").values_list("day", flat=True))
    for day in days:
        _ask(tax, day, clock)
        reconcile_day.run(place, day, clock=clock)
    return len(days)


def _ask(tax: Partner | None, day: date, clock: Clock) -> None:
    """The tax office's list of the day; without one the day is reconciled without it, and again when somebody asks."""
    if tax is None:
        return
    try:
        tax_office.ask_day(tax, day, clock=clock)
    except (PartnerAway, PartnerRefused, MessageRefused) as error:
        log.warning("no list of %s from the tax office: %s", day, error.text)


def _move(path: Path) -> None:
    (path.parent / "done").mkdir(exist_ok=True)
    path.replace(path.parent / "done" / path.name)


def _refuse(path: Path, error: ShebaoError) -> None:
    Folder(path.parent.parent).reject(path, error.code, error.text)
    log.warning("%s refused: %s %s", path.name, error.code, error.text)
