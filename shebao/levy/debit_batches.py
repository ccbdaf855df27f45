"""批扣批次: begun on its day, planned once, built chunk by chunk, published whole, its file written, sent after a second person's word.

Restartable anywhere: the plan is stored, each chunk has its guard, the state row decides who goes on. Lock order: batch, chunk, dues.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from django.db import connection
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray

from shebao.accounts.copying import Column, RawArrays, array_of, copy_rows, many_rows, rows_of
from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_of, month_shown
from shebao.gateways import bank as codec
from shebao.levy.bank_models import BANKS, BatchState, DebitAgreement, DebitBatch, DebitChunk, LeftOut, Scheme
from shebao.levy.debit_months import BILLED_REASON, NOT_NOW_REASON, OUT_REASON, STATE_SQL, Collected, collect
from shebao.policy.batch_day import batch_day
from shebao.policy.calendar import social_insurance_year
from shebao.policy.rulebook import Rulebook

CHUNK_PEOPLE = 50_000
RUN_STATEMENT_TIMEOUT = "30min"
_REASONS = {BILLED_REASON: LeftOut.BILLED, OUT_REASON: LeftOut.OUT, NOT_NOW_REASON: LeftOut.NOT_NOW}
_LINE = (
    ("batch_id", 4),
    ("sequence", 4),
    ("person_id", 8),
    ("agency_id", 2),
    ("agreement_id", 8),
    ("amount_fen", 4),
    ("first_month", 4),
    ("last_month", 4),
    ("months", 2),
)


class BatchExistsError(ShebaoError):
    """A month is debited once at each bank."""

    code = "BNK-40"


class NotYetError(ShebaoError):
    """The batch day has not come, or the month is over."""

    code = "BNK-41"
    status = 422


class BatchDayOutage(ShebaoError):
    """The batch day lies in a shutdown of the system: the month is skipped and merges into the next."""

    code = "BNK-42"
    status = 422


class UnknownBank(ShebaoError):
    """Not one of the partner banks."""

    code = "BNK-43"
    status = 422


class BatchStateError(ShebaoError):
    """The batch is not where the operation needs it."""

    code = "BNK-44"


class SecondPersonError(ShebaoError):
    """Who builds a batch does not confirm its sending."""

    code = "BNK-45"
    status = 403


class DuesMovedError(ShebaoError):
    """Somebody paid elsewhere while their chunk was built: it is built again. Only seen when that happens over and over."""

    code = "BNK-46"


def take_time() -> None:
    """Let the statements of this transaction run as long as 900,000 lines need."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [RUN_STATEMENT_TIMEOUT])


def begin(place: str, scheme: Scheme, bank: str, month: Month, *, rulebook: Rulebook, at: datetime) -> int:
    """Start the batch of a month, or find the one that a former start left unfinished.

    Returns: the batch.  Raises: UnknownBank, NotYetError, BatchDayOutage, BatchExistsError, RuleMissing, CalendarMissing.
    """
    if bank not in BANKS:
        raise UnknownBank(f"协作银行没有“{bank}”，可选：{'、'.join(f'{code} {name}' for code, name in BANKS.items())}")
    today = at.astimezone(ZONE).date()
    planned = batch_day(rulebook, month, place, provincial=scheme == Scheme.PROVINCE)
    if planned.skipped_by is not None:
        raise BatchDayOutage(f"{planned.day:%Y-%m-%d} 在系统停机期间，{month_shown(month)}不批扣，未缴月份并入下一个月的批扣")
    if today < planned.day:
        raise NotYetError(f"{month_shown(month)}的批扣日是 {planned.day:%Y-%m-%d}，还没有到，不能提前批扣")
    if month_of(today) != month:
        raise NotYetError(f"{month_shown(month)}已经过去，不再补做批扣；未缴月份并入本月的批扣")
    with connection.cursor() as cursor:  # one start at a time
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"debit {place} {scheme} {bank}"])
    found = DebitBatch.objects.filter(place=place, scheme=scheme, bank=bank, month=month).exclude(state=BatchState.RECALLED).first()
    if found is not None:
        if found.state == BatchState.BUILDING:
            return found.pk
        raise BatchExistsError(
            f"{month_shown(month)}{found.bank_label}的批扣批次 {found.number} 已经生成（{found.get_state_display()}），不会重复"
        )
    taken = DebitBatch.objects.filter(place=place, scheme=scheme, bank=bank, month=month).count()
    batch = DebitBatch.objects.create(
        number=f"PK{place}{month}{bank}{'C' if scheme == Scheme.CITY else 'P'}{taken + 1}",
        place=place,
        scheme=scheme,
        bank=bank,
        month=month,
        first_month=social_insurance_year(rulebook, month, place).first_month,
        planned_on=planned.day,
        begun_by=current().account_id,
        begun_at=at,
    )
    record([Trace("debit.begun", batch.number)], at=at)
    return batch.pk


def wanted(place: str, scheme: Scheme, bank: str, month: Month) -> bool:
    """Whether the system should make a month's batch by itself: somebody has signed, and nobody has built or recalled one."""
    if DebitBatch.objects.filter(place=place, scheme=scheme, bank=bank, month=month).exclude(state=BatchState.BUILDING).exists():
        return False
    return DebitAgreement.objects.filter(place=place, scheme=scheme, bank=bank, ended_at=None).exists()


@dataclass(frozen=True, slots=True)
class Work:
    """What a batch still has to do, by number of chunk."""

    batch: DebitBatch
    chunks: tuple[int, ...]


def plan(batch_id: int) -> Work:
    """Fix the chunks of a batch, once, and tell which are not built. Nothing of one that is not being built."""
    take_time()
    batch = DebitBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state != BatchState.BUILDING:
        return Work(batch, ())
    if batch.chunks is None:
        people = _people(batch)
        cuts = range(0, len(people), CHUNK_PEOPLE)
        DebitChunk.objects.bulk_create(
            DebitChunk(
                batch_id=batch_id,
                chunk=number,
                first_person=int(people[base]),
                last_person=int(people[min(base + CHUNK_PEOPLE, len(people)) - 1]),
                base=base,
            )
            for number, base in enumerate(cuts)
        )
        batch.chunks = len(cuts)
        DebitBatch.objects.filter(pk=batch_id).update(chunks=batch.chunks)
        with connection.cursor() as cursor:
            cursor.execute("select levy_debit_open(%s)", [batch_id])
    missing = DebitChunk.objects.filter(batch_id=batch_id, built_lines=None).order_by("chunk")
    return Work(batch, tuple(missing.values_list("chunk", flat=True)))


_SIGNED = "a.place = %(place)s and a.scheme = %(scheme)s and a.bank = %(bank)s and a.ended_at is null and a.signed_at <= %(begun)s"


def _people(batch: DebitBatch) -> NDArray[np.int64]:
    with RawArrays(connection.connection) as cursor:
        cursor.execute(
            f"select array_agg(a.person_id order by a.person_id) from levy_debitagreement a where {_SIGNED}", _values(batch), binary=True
        )
        return rows_of(cursor)[0]


def _values(batch: DebitBatch) -> dict[str, object]:
    return {
        "place": batch.place,
        "scheme": batch.scheme,
        "bank": batch.bank,
        "begun": batch.begun_at,
        "batch": batch.pk,
        "month": batch.month,
        "year": batch.first_month,
    }


def build_chunk(batch: DebitBatch, number: int) -> int:
    """One chunk in the current transaction: its guard, its lines, its dues sent; or none of them. Returns the lines.

    Raises: DuesMovedError when a due was paid or billed elsewhere in this instant; nothing of the chunk stays then, try again.
    """
    take_time()
    chunk = DebitChunk.objects.select_for_update().get(batch_id=batch.pk, chunk=number)
    if chunk.built_lines is not None:
        return 0
    values = _values(batch) | {"first": chunk.first_person, "last": chunk.last_person}
    found, agencies, agreements = _collected(batch, values)
    good = found.amount_fen > 0
    lines = int(good.sum())
    fen = int(found.amount_fen.sum())
    DebitChunk.objects.filter(pk=chunk.pk).update(built_lines=lines, built_fen=fen)
    copy_rows(
        f"levy_debitline_{batch.pk}",
        _LINE,
        {
            "batch_id": np.full(lines, batch.pk),
            "sequence": np.arange(chunk.base + 1, chunk.base + 1 + lines),
            "person_id": found.people[good],
            "agency_id": agencies[good],
            "agreement_id": agreements[good],
            "amount_fen": found.amount_fen[good],
            "first_month": found.first_month[good],
            "last_month": found.last_month[good],
            "months": found.months[good],
        },
    )
    with many_rows(), RawArrays(connection.connection) as cursor:
        cursor.execute(
            """
            update levy_flexdue d set state = 'sent', batch_id = %s from unnest(%s, %s, %s) as l (person_id, first_month, last_month)
            where d.person_id between %s and %s and d.person_id = l.person_id and d.month between l.first_month and l.last_month
              and d.state = 'open'
            """,
            [
                batch.pk,
                *(Column(column[good]) for column in (found.people, found.first_month, found.last_month)),
                chunk.first_person,
                chunk.last_person,
            ],
        )
        if cursor.rowcount != int(found.dues[good].sum()):
            raise DuesMovedError("有人刚刚通过其他渠道缴费，本段重新生成")
    out = np.flatnonzero(~good)
    if len(out):
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into levy_debitleftout (batch_id, person_id, agency_id, reason, open_fen)"
                " select %s, p, a, r, f from unnest(%s::bigint[], %s::int[], %s::text[], %s::bigint[]) as n (p, a, r, f)",
                [
                    batch.pk,
                    found.people[out].tolist(),
                    agencies[out].tolist(),
                    [_REASONS[int(reason)].value for reason in found.reason[out]],
                    found.open_fen[out].tolist(),
                ],
            )
    return lines


def _collected(batch: DebitBatch, values: dict[str, object]) -> tuple[Collected, NDArray[np.int64], NDArray[np.int64]]:
    """The people of a range with something open, their agencies and agreements."""
    with many_rows(), RawArrays(connection.connection) as cursor:
        cursor.execute(
            f"""
            select array_agg(d.person_id), array_agg(d.month::int8), array_agg(d.insurance::int8), array_agg(({STATE_SQL})::int8),
                   array_agg((d.total_fen + d.interest_fen)::int8), array_agg(d.agency_id::int8), array_agg(a.id)
            from levy_debitagreement a join levy_flexdue d on d.person_id = a.person_id and d.month between %(year)s and %(month)s
            where {_SIGNED} and a.person_id between %(first)s and %(last)s and d.person_id between %(first)s and %(last)s
            """,
            values,
            binary=True,
        )
        people, months, insurances, *rest = rows_of(cursor)
    order = np.lexsort((insurances, months, people))
    people, months, states, fen, agencies, agreements = (column[order] for column in (people, months, *rest))
    found = collect(people, months, states, fen, batch.month)
    last = np.searchsorted(people, found.people, side="right") - 1  # the latest due tells the agency that keeps the person now
    return found, agencies[last], agreements[last]


def publish(batch_id: int, *, at: datetime) -> None:
    """Check the lines against their guards and show them. The file comes after."""
    take_time()
    batch = DebitBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state != BatchState.BUILDING or batch.built_at is not None:
        return
    with connection.cursor() as cursor:
        cursor.execute("select levy_debit_publish(%s)", [batch_id])
        cursor.execute(
            "select coalesce(sum(built_lines), 0), coalesce(sum(built_fen), 0)::bigint from levy_debitchunk where batch_id = %s", [batch_id]
        )
        lines, fen = cursor.fetchone()
        cursor.execute("select count(*) from levy_debitleftout where batch_id = %s", [batch_id])
        left_out = cursor.fetchone()[0]
    DebitBatch.objects.filter(pk=batch_id).update(lines=lines, total_fen=fen, left_out=left_out, built_at=at)


_BETWEEN = "\x1f"  # no name holds it
_NAME_BYTES = 32
_INTS = ("sequence", "amount", "first_month", "last_month", "months", "person", "agency")
_RECORDS = """
  select array_agg(l.sequence::int8), array_agg(l.amount_fen::int8), array_agg(l.first_month::int8), array_agg(l.last_month::int8),
         array_agg(l.months::int8), array_agg(l.person_id), array_agg(l.agency_id::int8),
         string_agg(a.number, %(between)s), string_agg(a.account, %(between)s), string_agg(p.name, %(between)s)
  from levy_debitline l join levy_debitagreement a on a.id = l.agreement_id join parties_person p on p.id = l.person_id
  where l.batch_id = %(batch)s and l.sequence between %(low)s and %(high)s and p.id between %(first)s and %(last)s
    and a.person_id between %(first)s and %(last)s
"""


def records(batch_id: int, chunk: DebitChunk) -> dict[str, NDArray[Any]]:
    """The lines of a chunk as they stand in the file, by sequence: whole numbers, and number, account and name as bytes."""
    take_time()
    with many_rows(), RawArrays(connection.connection) as cursor:
        cursor.execute(_RECORDS, _reach(batch_id, chunk) | {"between": _BETWEEN}, binary=True)
        row = cursor.fetchone()
    assert row is not None
    found: dict[str, NDArray[Any]] = {name: array_of(value) for name, value in zip(_INTS, row, strict=False)}
    number, account, name = ((text or "").encode(codec.ENCODING).split(_BETWEEN.encode()) if text else [] for text in row[-3:])
    names = np.array([n if len(n) <= _NAME_BYTES else codec.name_bytes(n.decode(codec.ENCODING)) for n in name], f"S{_NAME_BYTES}")
    found |= {"number": np.array(number, "S16"), "account": np.array(account, "S20"), "name": names}
    order = np.argsort(found["sequence"])
    return {field: column[order] for field, column in found.items()}


def _reach(batch_id: int, chunk: DebitChunk) -> dict[str, Any]:
    """Bounds of a chunk: sequences and people."""
    high = chunk.base + (chunk.built_lines or 0)
    return {"batch": batch_id, "low": chunk.base + 1, "high": high, "first": chunk.first_person, "last": chunk.last_person}


def owners(batch_id: int, chunk: DebitChunk) -> dict[str, NDArray[np.int64]]:
    """Whose the lines of a chunk are, by sequence."""
    with many_rows(), RawArrays(connection.connection) as cursor:
        cursor.execute(
            """
            select array_agg(sequence::int8), array_agg(person_id), array_agg(agency_id::int8) from levy_debitline
            where batch_id = %(batch)s and sequence between %(low)s and %(high)s
            """,
            _reach(batch_id, chunk),
            binary=True,
        )
        found = dict(zip(("sequence", "person", "agency"), rows_of(cursor), strict=True))
    order = np.argsort(found["sequence"])
    return {name: column[order] for name, column in found.items()}


def chunks_of(batch_id: int) -> list[DebitChunk]:
    """The chunks that have lines, in order."""
    return list(DebitChunk.objects.filter(batch_id=batch_id, built_lines__gt=0).order_by("chunk"))


_FILE = ("sequence", "amount", "first_month", "last_month", "months", "number", "account", "name")


def write_file(batch: DebitBatch, parts: Sequence[Mapping[str, NDArray[Any]]], private_key: bytes, *, day: date, order: int) -> bytes:
    """The file of a published batch from the records of its chunks: the same bytes whenever it is asked for."""
    empty = {"number": "S16", "account": "S20", "name": "S32"}
    columns = {name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0, empty.get(name, np.int64)) for name in _FILE}
    header = codec.Header(codec.Kind.DEBIT, hall_code(batch.place), bank_code(batch.bank), batch.number, day, order)
    return codec.write(header, columns, private_key)


def number_file(batch_id: int, *, at: datetime) -> DebitBatch:
    """Give the file its day and its order among the files to that bank of the day, once."""
    batch = DebitBatch.objects.select_for_update().get(pk=batch_id)
    if batch.file_order is None:
        day = at.astimezone(ZONE).date()
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"debit file {batch.bank}"])
            order = next_order(cursor, batch.bank, day)
        DebitBatch.objects.filter(pk=batch_id).update(file_day=day, file_order=order)
        batch.file_day, batch.file_order = day, order
    return batch


def next_order(cursor: CursorWrapper, bank: str, day: date) -> int:
    """The order of our next file to a bank on a day, debits and payouts together. The caller holds the bank's lock."""
    cursor.execute(
        """
        select coalesce(max(o), 0) + 1 from (
          select file_order as o from levy_debitbatch where bank = %(bank)s and file_day = %(day)s
          union all select file_order from levy_payout where bank = %(bank)s and day = %(day)s) x
        """,
        {"bank": bank, "day": day},
    )
    return int(cursor.fetchone()[0])


def built(batch_id: int, content: bytes, *, at: datetime) -> None:
    """The file is on the disk: the batch waits for the second person. What it says of each chunk is kept as a digest."""
    batch = DebitBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state != BatchState.BUILDING:
        return
    begin = 0
    for chunk in chunks_of(batch_id):
        end = begin + (chunk.built_lines or 0)
        DebitChunk.objects.filter(pk=chunk.pk).update(sent_sha256=codec.asked_digest(content, codec.Kind.DEBIT, begin, end))
        begin = end
    DebitBatch.objects.filter(pk=batch_id).update(state=BatchState.BUILT, file_sha256=hashlib.sha256(content).digest())
    record([Trace("debit.built", batch.number, after={"lines": batch.lines, "total_fen": batch.total_fen})], at=at)


def confirm_sending(batch_id: int, *, at: datetime) -> DebitBatch:
    """复核发送 by a second person. The file is handed over after this is on record; handing it over again is harmless.

    Raises: BatchStateError, SecondPersonError.
    """
    batch = DebitBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state == BatchState.SENT:
        return batch
    if batch.state != BatchState.BUILT:
        raise BatchStateError(f"批次 {batch.number} {batch.get_state_display()}，不能发送；请刷新页面查看")
    if batch.begun_by == current().account_id:
        raise SecondPersonError("生成批次和复核发送不能是同一人，请由另一位财务人员复核发送")
    DebitBatch.objects.filter(pk=batch_id).update(state=BatchState.SENT, sent_by=current().account_id, sent_at=at)
    record([Trace("debit.sent", batch.number, after={"lines": batch.lines, "total_fen": batch.total_fen})], at=at)
    return DebitBatch.objects.get(pk=batch_id)


def recall(batch_id: int, *, at: datetime) -> None:
    """撤销 a batch that was not sent: its people are free again, its dues open. A new one may be built.

    Raises: BatchStateError.
    """
    take_time()
    batch = DebitBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state != BatchState.BUILT:
        raise BatchStateError(f"批次 {batch.number} {batch.get_state_display()}，只有还没有发送的批次可以撤销")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update levy_flexdue d set state = 'open', batch_id = null from levy_debitline l
            where l.batch_id = %s and d.person_id = l.person_id and d.month between l.first_month and l.last_month
              and d.state = 'sent' and d.batch_id = l.batch_id
            """,
            [batch_id],
        )
    DebitBatch.objects.filter(pk=batch_id).update(state=BatchState.RECALLED, recalled_at=at, recalled_by=current().account_id)
    record([Trace("debit.recalled", batch.number)], at=at)


def hall_code(place: str) -> str:
    """We in the header of a file."""
    return f"SB{place}"


def bank_code(bank: str) -> str:
    """The bank in the header of a file."""
    return f"BK{bank}"
