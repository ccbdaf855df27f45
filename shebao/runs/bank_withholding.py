"""批扣 as a run: plan once, build chunk by chunk, publish, write the file; later post the bank's answer chunk by chunk and tell the people.

Killed anywhere, it goes on where it was and ends with the same lines, the same file and the same books.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection
from numpy.typing import NDArray

from shebao.access.acting import acting
from shebao.accounts.crediting import CreditRaced
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.months import Month, month_of
from shebao.contact.messages import tell_people
from shebao.gateways.bank_client import put_file
from shebao.levy import debit_answers, debit_batches, debit_telling
from shebao.levy.bank_models import BANKS, BatchState, DebitBatch, DebitChunk, Scheme
from shebao.levy.debit_batches import DuesMovedError
from shebao.policy.rulebook import Rulebook, standard

Clock = Callable[[], datetime]
WRITERS = 2  # two cores
TRIES_MAX = 20


def file_name(number: str) -> str:
    """How the file of a batch is called, in our folder and on its way."""
    return f"DK_{number}_01.txt"


def number_of(batch_id: int) -> str:
    """The number of a batch."""
    with acting(ENGINE):
        return str(DebitBatch.objects.get(pk=batch_id).number)


def build(batch_id: int, folder: Path, private_key: bytes, *, clock: Clock) -> Path | None:
    """Do what is missing of a batch that was begun, up to its file in `folder`. A second call finds nothing to do.

    Returns: the file; None when the batch is past that.
    """
    with acting(ENGINE):
        work = debit_batches.plan(batch_id)
    build_chunks(work)
    with acting(ENGINE):
        debit_batches.publish(batch_id, at=clock())
    return write(batch_id, folder, private_key, clock=clock)


def build_chunks(work: debit_batches.Work) -> None:
    """Every missing chunk, each in a transaction of its own."""
    _parallel([lambda n=number: _again(lambda: _build_chunk(work.batch, n), DuesMovedError) for number in work.chunks])  # type: ignore[misc]


def write(batch_id: int, folder: Path, private_key: bytes, *, clock: Clock) -> Path | None:
    """The file of a published batch, once it lies whole in `folder` the batch waits for its second person."""
    with acting(ENGINE):
        if DebitBatch.objects.get(pk=batch_id).state != BatchState.BUILDING:
            return None
        batch = debit_batches.number_file(batch_id, at=clock())
    content = content_of(batch, private_key)
    path = put_file(folder, file_name(batch.number), content)
    with acting(ENGINE):
        debit_batches.built(batch_id, content, at=clock())
    return path


def content_of(batch: DebitBatch, private_key: bytes) -> bytes:
    """The bytes of a published batch's file, from the database."""
    assert batch.file_day is not None and batch.file_order is not None
    with acting(ENGINE):
        chunks = debit_batches.chunks_of(batch.pk)
    parts: dict[int, Mapping[str, NDArray[Any]]] = {}

    def one(chunk: DebitChunk) -> None:
        with acting(ENGINE):
            parts[chunk.chunk] = debit_batches.records(batch.pk, chunk)

    _parallel([lambda c=chunk: one(c) for chunk in chunks])  # type: ignore[misc]
    ordered = [parts[chunk.chunk] for chunk in chunks]
    return debit_batches.write_file(batch, ordered, private_key, day=batch.file_day, order=batch.file_order)


def withhold(
    place: str,
    scheme: Scheme,
    bank: str,
    month: Month,
    folder: Path,
    private_key: bytes,
    *,
    clock: Clock,
    rulebook: Rulebook | None = None,
) -> int:
    """Begin and build in this process; for the job, commands, tests and the demo. Returns the batch."""
    with acting(ENGINE):
        batch_id = debit_batches.begin(place, scheme, bank, month, rulebook=rulebook or standard(), at=clock())
    build(batch_id, folder, private_key, clock=clock)
    return batch_id


def build_due(place: str, folder: Path, private_key: bytes, *, clock: Clock, rulebook: Rulebook | None = None) -> list[int]:
    """Batches whose day has come in this month and that are not made, of every bank that has agreements; unfinished ones go on.

    A month that is skipped or not to be debited yet is left alone, and one whose batch somebody recalled. Returns what was built.
    """
    made = []
    month = month_of(clock().date())
    for scheme in Scheme:
        for bank in BANKS:
            with acting(ENGINE):
                if not debit_batches.wanted(place, scheme, bank, month):
                    continue
            try:
                made.append(withhold(place, scheme, bank, month, folder, private_key, clock=clock, rulebook=rulebook))
            except (debit_batches.NotYetError, debit_batches.BatchDayOutage, debit_batches.BatchExistsError):
                continue
    return made


def post(batch_id: int, *, clock: Clock) -> bool:
    """Book what is missing of an answered batch. Returns whether it is booked now."""
    with acting(ENGINE):
        batch = DebitBatch.objects.get(pk=batch_id)
        if batch.state != BatchState.ANSWERED:
            return batch.state == BatchState.POSTED
        missing = debit_answers.unposted(batch_id)
    # The bank's day, not today's: a run that is restarted on the next day books as the undisturbed one would have.
    assert batch.answered_at is not None
    at = batch.answered_at
    on = at.astimezone(ZONE).date()

    def one(number: int) -> None:
        with acting(ENGINE):
            debit_answers.post_chunk(batch, number, on=on, at=at)

    _parallel([lambda n=number: _again(lambda: one(n), CreditRaced) for number in missing])  # type: ignore[misc]
    with acting(ENGINE):
        return debit_answers.finish(batch_id, at=at)


def tell(batch_id: int, *, clock: Clock) -> int:
    """Tell everybody of a booked batch once, chunk by chunk. Returns how many were told."""
    told = 0
    with acting(ENGINE):
        chunks = debit_telling.untold(batch_id)
    for number in chunks:
        with acting(ENGINE):
            messages = debit_telling.take_chunk(batch_id, number)
            tell_people(messages, at=clock(), url="/p/debit")
        told += len(messages)
    with acting(ENGINE):
        debit_telling.all_told(batch_id, at=clock())
    return told


def _build_chunk(batch: DebitBatch, number: int) -> None:
    with acting(ENGINE):
        debit_batches.build_chunk(batch, number)


def _again(job: Callable[[], None], raced: type[Exception]) -> None:
    """A job that was overtaken by somebody's payment starts again; nothing of it has stayed."""
    for attempt in range(1, TRIES_MAX + 1):
        try:
            job()
            return
        except raced:
            if attempt == TRIES_MAX:
                raise


def _parallel(jobs: list[Callable[[], None]]) -> None:
    """Every job, two at a time, each on a connection of its thread's own. Raises what the first that failed raised."""
    if len(jobs) <= 1:
        for job in jobs:
            job()
        return

    def apart(job: Callable[[], None]) -> None:
        try:
            job()
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(apart, jobs))
