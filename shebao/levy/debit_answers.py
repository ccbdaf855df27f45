"""The bank's answer to a batch: checked against every line of ours, kept, posted chunk by chunk, its people told.

Nothing is applied before all of a file holds. Each chunk pays its dues, opens those that failed, and books what it paid, in one
transaction under its guard, so the books equal the dues at every moment. Killed anywhere, it goes on.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from shebao.accounts.copying import copy_rows, many_rows
from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.gateways import bank as codec
from shebao.gateways.bank import BankFile, BankFileRefused, Kind, asked_digest
from shebao.ledger.operations import Booking, book
from shebao.levy import crediting
from shebao.levy.bank_models import BatchState, DebitBatch, DebitChunk, DebitFile
from shebao.levy.debit_batches import bank_code, chunks_of, hall_code, owners, records, take_time
from shebao.levy.debit_late import apply_late, only_late_successes, paid_sides

_RESULT = (
    ("batch_id", 4),
    ("sequence", 4),
    ("part", 2),
    ("agency_id", 2),
    ("person_id", 8),
    ("result", 2),
    ("taken_fen", 4),
    ("taken_on", 4),
    ("serial", 16),
    ("name_differs", 1),
)
_EPOCH = date(2000, 1, 1).toordinal()  # PostgreSQL counts days from here


BankKeys = Sequence[bytes] | Mapping[str, Sequence[bytes]]  # of the one bank, or by bank (行别)


class FileKnown(ShebaoError):
    """The same bytes came before; nothing happens."""

    code = "BNK-21"


class FileEarly(ShebaoError):
    """A file that comes before it in its sender's day is missing: it keeps until then."""

    code = "BNK-23"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a file brought: lines taken and refused by the bank. late: of a batch booked before."""

    batch_id: int
    taken: int
    refused: int
    taken_fen: int
    late: bool


def keys_for(public_keys: BankKeys, bank: str) -> list[bytes]:
    """The keys that may sign for a bank (行别)."""
    return list(public_keys.get(bank, ()) if isinstance(public_keys, Mapping) else public_keys)


def receive(content: bytes, public_keys: BankKeys, *, at: datetime, on: date) -> Answered:
    """Read a result file and keep it, whole or not at all. Posting follows by the run.

    Raises: BankFileRefused (BNK-01 to BNK-14, BNK-22, 24 to 29), FileKnown, FileEarly.
    """
    take_time()
    digest = hashlib.sha256(content).digest()
    known = DebitFile.objects.filter(sha256=digest).first()
    if known is not None:
        raise FileKnown(f"这个文件已于 {known.received_at:%Y-%m-%d} 处理，没有重复入账")
    head = codec.peek(content)
    batch = DebitBatch.objects.select_for_update().filter(number=head.batch).first()
    if batch is None:
        raise BankFileRefused("BNK-24", f"没有批次 {head.batch}；没有入账，请与对方核对批次号")
    keys = keys_for(public_keys, batch.bank)
    file = codec.read(content, Kind.DEBIT_RESULT, sender=bank_code(batch.bank), receiver=hall_code(batch.place), public_key=keys, today=on)
    # The other side of a race waited for the batch: it looks again.
    known = DebitFile.objects.filter(sha256=digest).first()
    if known is not None:
        raise FileKnown(f"这个文件已于 {known.received_at:%Y-%m-%d} 处理，没有重复入账")
    _may_come(batch, file)
    late = file.header.part > 1
    matched = _match(batch, file, content, whole=not late)
    if late:
        only_late_successes(batch, file)
    in_turn(batch.bank, file.header)
    row = {"batch_id": batch.pk, "bank": batch.bank, "part": file.header.part, "day": file.header.day, "order": file.header.order}
    DebitFile.objects.create(sha256=digest, lines=len(file), taken_fen=file.header.total_fen, received_at=at, **row)
    if late:
        _add(batch, file, matched)
        apply_late(batch, file.header.part, at=at, on=on)
    else:
        _keep(batch, file, matched)
        DebitBatch.objects.filter(pk=batch.pk).update(state=BatchState.ANSWERED, answered_at=at, debited_on=file.header.day)
    taken = int((file.columns["taken"] > 0).sum())
    after = {"part": file.header.part, "taken": taken, "refused": len(file) - taken, "taken_fen": file.header.total_fen}
    record([Trace("debit.answered", batch.number, after=after)], at=at)
    return Answered(batch.pk, taken, len(file) - taken, file.header.total_fen, late)


def _may_come(batch: DebitBatch, file: BankFile) -> None:
    if batch.state in (BatchState.BUILDING, BatchState.BUILT, BatchState.RECALLED):
        raise BankFileRefused("BNK-24", f"批次 {batch.number} {batch.get_state_display()}，没有发送过；没有入账，请与对方核对")
    answered = batch.state != BatchState.SENT
    if file.header.part == 1 and answered:
        raise BankFileRefused(
            "BNK-22", f"批次 {batch.number} 已经回盘，这次的内容不同；没有入账，请与对方核对，确有迟到的成功请用第 2 部分另发"
        )
    if file.header.part > 1 and batch.state != BatchState.POSTED:
        raise FileEarly(f"批次 {batch.number} 第 1 部分还没有入账，这个文件排队等候")


def one_by_one(bank: str) -> None:
    """Answers of a bank are applied one at a time."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"debit answers {bank}"])


def in_turn(bank: str, header: codec.Header) -> None:
    """Files of a bank and day come by their order, answers to debits and to payouts together. Raises: FileEarly, BankFileRefused."""
    one_by_one(bank)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select coalesce(max(o), 0) from (
              select "order" as o from levy_debitfile where bank = %(bank)s and day = %(day)s
              union all select "order" from levy_payoutanswer where bank = %(bank)s and day = %(day)s) x
            """,
            {"bank": bank, "day": header.day},
        )
        last = int(cursor.fetchone()[0])
    if header.order > last + 1:
        raise FileEarly(f"{header.day} 的第 {last + 1} 个文件还没有到，第 {header.order} 个排队等候，没有入账")
    if header.order <= last:
        raise BankFileRefused("BNK-22", f"{header.day} 的第 {header.order} 个文件已经处理过，这次的内容不同；没有入账，请与对方核对")


@dataclass(frozen=True, slots=True)
class Matched:
    """Our side of each record of a file, shape (n,)."""

    people: NDArray[np.int64]
    agencies: NDArray[np.int64]
    name_differs: NDArray[np.bool_]


def _match(batch: DebitBatch, file: BankFile, content: bytes, *, whole: bool) -> Matched:
    """Hold every record against our line of the same sequence. Raises: BankFileRefused (BNK-25 to BNK-28)."""
    theirs = file.columns
    sequences = theirs["sequence"]
    people, agencies = np.zeros(len(file), np.int64), np.zeros(len(file), np.int64)
    differs = np.zeros(len(file), np.bool_)
    chunks = chunks_of(batch.pk)
    inside = np.zeros(len(file), np.bool_)
    for chunk in chunks:
        inside |= (sequences > chunk.base) & (sequences <= chunk.base + (chunk.built_lines or 0))
    if not inside.all():
        refuse(file, int(np.flatnonzero(~inside)[0]), "BNK-25", "这一笔不在批次里")
    for chunk in chunks:
        lines = chunk.built_lines or 0
        low, high = np.searchsorted(sequences, [chunk.base + 1, chunk.base + lines + 1])
        if low == high and not whole:
            continue
        if (
            whole
            and high - low == lines
            and asked_digest(content, Kind.DEBIT_RESULT, int(low), int(high)) == bytes(chunk.sent_sha256 or b"")
        ):
            mine = owners(batch.pk, chunk)  # to the byte what we asked: nothing is left to compare
            assert np.array_equal(mine["sequence"], sequences[low:high])
            people[low:high], agencies[low:high] = mine["person"], mine["agency"]
            continue
        ours = records(batch.pk, chunk)
        part = sequences[low:high]
        at = np.searchsorted(ours["sequence"], part)
        here = (at < len(ours["sequence"])) & (ours["sequence"][np.minimum(at, len(ours["sequence"]) - 1)] == part)
        if not here.all():
            refuse(file, int(low) + int(np.flatnonzero(~here)[0]), "BNK-25", "这一笔不在批次里")
        if whole and len(part) != lines:
            gone = np.setdiff1d(ours["sequence"], part)[0]
            raise BankFileRefused("BNK-26", f"批次 {batch.number} 的第 {gone} 笔没有结果；没有入账，请对方补齐后重新出盘")
        wrong = np.flatnonzero(theirs["amount"][low:high] != ours["amount"][at])
        if len(wrong):
            our_fen = int(ours["amount"][at[wrong[0]]])
            refuse(file, int(low + wrong[0]), "BNK-27", f"应扣金额与我方的 {yuan_shown(our_fen)} 元不符")
        for name in ("number", "account"):
            wrong = np.flatnonzero(theirs[name][low:high] != ours[name][at])
            if len(wrong):
                refuse(file, int(low + wrong[0]), "BNK-28", "加办单号或账号与我方不符")
        people[low:high], agencies[low:high] = ours["person"][at], ours["agency"][at]
        our_names = ours["name"][at]
        for i in np.flatnonzero(theirs["name"][low:high] != our_names).tolist():
            differs[low + i] = not codec.same_name(bytes(our_names[i]), bytes(theirs["name"][low + i]))
    return Matched(people, agencies, differs)


def refuse(file: BankFile, at: int, code: str, why: str) -> None:
    """Refuse a file for its record at a place (from 0)."""
    raise BankFileRefused(code, f"第 {at + 2} 行（序号 {int(file.columns['sequence'][at])}）：{why}；没有入账，请与对方核对")


def _rows(batch: DebitBatch, file: BankFile, matched: Matched) -> dict[str, NDArray[Any]]:
    count, columns = len(file), file.columns
    days, where = np.unique(columns["day"], return_inverse=True)
    since = np.array([date(d // 10000, d // 100 % 100, d % 100).toordinal() - _EPOCH for d in days.tolist()], np.int64)
    return {
        "batch_id": np.full(count, batch.pk),
        "sequence": columns["sequence"],
        "part": np.full(count, file.header.part),
        "agency_id": matched.agencies,
        "person_id": matched.people,
        "result": columns["result"],
        "taken_fen": columns["taken"],
        "taken_on": since[where] if count else np.empty(0, np.int64),
        "serial": np.strings.ljust(columns["serial"], 16, b" ") if count else np.empty(0, "S16"),
        "name_differs": matched.name_differs.astype(np.int64),
    }


def _keep(batch: DebitBatch, file: BankFile, matched: Matched) -> None:
    """The answers as a partition of their own: copied without a key, then keyed and attached."""
    with connection.cursor() as cursor:
        cursor.execute("select levy_debit_answer_open(%s)", [batch.pk])
    copy_rows(f"levy_debitresult_{batch.pk}", _RESULT, _rows(batch, file, matched))
    with connection.cursor() as cursor:
        cursor.execute("select levy_debit_answer_close(%s)", [batch.pk])


def _add(batch: DebitBatch, file: BankFile, matched: Matched) -> None:
    """The few answers of a later part, beside the first ones."""
    columns = file.columns
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_debitresult (batch_id, sequence, part, agency_id, person_id, result, taken_fen, taken_on, serial, name_differs)
            select %s, n.sequence, %s, n.agency, n.person, n.result, n.taken, to_date(n.day::text, 'YYYYMMDD'), n.serial, n.differs
            from unnest(%s::int[], %s::int[], %s::bigint[], %s::text[], %s::int[], %s::int[], %s::text[], %s::bool[])
                 as n (sequence, agency, person, result, taken, day, serial, differs)
            """,
            [
                batch.pk,
                file.header.part,
                columns["sequence"].tolist(),
                matched.agencies.tolist(),
                matched.people.tolist(),
                [result.decode() for result in columns["result"].tolist()],
                columns["taken"].tolist(),
                columns["day"].tolist(),
                [serial.decode() for serial in columns["serial"].tolist()],
                matched.name_differs.tolist(),
            ],
        )


def unposted(batch_id: int) -> tuple[int, ...]:
    """Chunks of an answered batch that are not booked yet."""
    return tuple(DebitChunk.objects.filter(batch_id=batch_id, posted_lines=None).order_by("chunk").values_list("chunk", flat=True))


def post_chunk(batch: DebitBatch, number: int, *, on: date, at: datetime) -> int:
    """Book one chunk in the current transaction: paid dues, open dues, one posting; or nothing of it. Returns the lines that were paid."""
    take_time()
    chunk = DebitChunk.objects.select_for_update().get(batch_id=batch.pk, chunk=number)
    if chunk.posted_lines is not None:
        return 0
    lines = [chunk.base + 1, chunk.base + (chunk.built_lines or 0)]
    with many_rows(), connection.cursor() as cursor:
        cursor.execute(
            """
            with moved as (
              update levy_flexdue d set state = case when r.result = '00' then 'paid' else 'open' end,
                paid_on = case when r.result = '00' then r.taken_on end, batch_id = case when r.result = '00' then d.batch_id end
              from levy_debitresult r
              where r.batch_id = %s and r.part = 1 and r.sequence between %s and %s and d.person_id between %s and %s
                and d.person_id = r.person_id and d.state = 'sent' and d.batch_id = %s
              returning d.insurance, d.total_fen, d.interest_fen, d.state)
            select insurance, sum(total_fen)::bigint, sum(interest_fen)::bigint from moved where state = 'paid' group by 1 order by 1
            """,
            [batch.pk, *lines, chunk.first_person, chunk.last_person, batch.pk],
        )
        funds = cursor.fetchall()
        cursor.execute(
            """
            select count(*) filter (where result = '00'), coalesce(sum(taken_fen), 0)::bigint from levy_debitresult
            where batch_id = %s and sequence between %s and %s and part = 1
            """,
            [batch.pk, *lines],
        )
        paid, taken_fen = cursor.fetchone()
    if sum(total + interest for _, total, interest in funds) != taken_fen:
        raise AssertionError(f"batch {batch.number} chunk {number}: dues and answers differ")
    DebitChunk.objects.filter(pk=chunk.pk).update(posted_lines=paid, posted_fen=taken_fen)
    if taken_fen:
        booking = Booking(f"debit:{batch.number}:{number}", f"批扣到账 {batch.number}", f"debit:{batch.number}", paid_sides(funds))
        book([booking], place=batch.place, on=on, at=at)
    assert batch.debited_on is not None
    crediting.credit_chunk(
        batch.pk,
        number,
        (chunk.first_person, chunk.last_person),
        label=f"批扣 {batch.number}",
        place=batch.place,
        on=batch.debited_on,
        at=at,
    )
    return int(paid)


def finish(batch_id: int, *, at: datetime) -> bool:
    """All chunks are booked: personal accounts are credited, and the batch is posted. Returns whether it is now or was before."""
    take_time()
    batch = DebitBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state != BatchState.ANSWERED:
        return batch.state == BatchState.POSTED
    if unposted(batch_id):
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(sum(posted_lines), 0), coalesce(sum(posted_fen), 0)::bigint from levy_debitchunk where batch_id = %s",
            [batch_id],
        )
        lines, fen = cursor.fetchone()
    DebitBatch.objects.filter(pk=batch_id).update(state=BatchState.POSTED, paid_lines=lines, paid_fen=fen, posted_at=at)
    record([Trace("debit.posted", batch.number, after={"paid": lines, "failed": batch.lines - lines, "paid_fen": fen})], at=at)
    return True
