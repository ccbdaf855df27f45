"""Questions about 批扣: batches with how far they are, lines with their results, a person's debits and the next one."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from django.db import connection

from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_of, shift
from shebao.gateways.bank import RESULTS
from shebao.levy.bank_models import DebitAgreement, DebitBatch, DebitChunk, LeftOut
from shebao.levy.debit_months import BILLED_REASON, NOT_NOW_REASON, OUT_REASON, STATE_SQL, collect
from shebao.levy.flexible_models import FlexDue
from shebao.policy.batch_day import BatchDay, batch_day
from shebao.policy.calendar import social_insurance_year
from shebao.policy.rulebook import Rulebook

BATCHES_SHOWN = 24
_WHY_NOT = {BILLED_REASON: LeftOut.BILLED.label, OUT_REASON: LeftOut.OUT.label, NOT_NOW_REASON: LeftOut.NOT_NOW.label}


def batches(place: str, limit: int = BATCHES_SHOWN) -> list[DebitBatch]:
    """Batches of a place, newest first."""
    return list(DebitBatch.objects.filter(place=place).order_by("-month", "-id")[:limit])


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a batch is, in chunks of people."""

    chunks: int
    built: int
    posted: int


def standing(batch_id: int) -> Standing:
    """How far a batch is."""
    rows = list(DebitChunk.objects.filter(batch_id=batch_id).values_list("built_lines", "posted_lines"))
    return Standing(len(rows), sum(row[0] is not None for row in rows), sum(row[1] is not None for row in rows))


def results(batch_id: int) -> list[tuple[str, str, int, int]]:
    """(code, words, lines, fen asked) of the whole batch by result, most lines first; figures of the place, no names."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select r.result, count(*), sum(l.amount_fen)::bigint from levy_debitresult r
            join levy_debitline l on l.batch_id = r.batch_id and l.sequence = r.sequence
            where r.batch_id = %s and r.part = 1 group by 1 order by 2 desc, 1
            """,
            [batch_id],
        )
        return [(code, RESULTS.get(code, "其他原因"), int(lines), int(fen)) for code, lines, fen in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Line:
    """One debit with its result; result is empty while the bank has not answered."""

    sequence: int
    person_id: int
    person_number: str
    name: str
    agreement: str
    amount_fen: int
    first_month: Month
    last_month: Month
    months: int
    result: str
    name_differs: bool

    @property
    def words(self) -> str:
        return RESULTS.get(self.result, "") if self.result else "待回盘"


def lines(batch_id: int, *, failed: bool, page: int = 1, size: int = 50) -> tuple[list[Line], int]:
    """Lines within the actor's reach, by sequence, and how many there are. failed: only those the bank refused and did not take later."""
    wanted = (
        "r.result <> '00' and not exists (select 1 from levy_debitresult x where x.batch_id = l.batch_id and x.sequence = l.sequence"
        " and x.part > 1)"
        if failed
        else "true"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select l.sequence, l.person_id, p.number, p.name, a.number, l.amount_fen, l.first_month, l.last_month, l.months,
                   coalesce(r.result, ''), coalesce(r.name_differs, false), count(*) over ()
            from levy_debitline l join levy_debitagreement a on a.id = l.agreement_id join parties_person p on p.id = l.person_id
            left join levy_debitresult r on r.batch_id = l.batch_id and r.sequence = l.sequence and r.part = 1
            where l.batch_id = %s and {wanted} order by l.sequence limit %s offset %s
            """,
            [batch_id, size, (page - 1) * size],
        )
        rows = cursor.fetchall()
    return [Line(*row[:-1]) for row in rows], int(rows[0][-1]) if rows else 0


def line_of(batch_id: int, *, sequence: int | None = None, person_id: int | None = None) -> Line | None:
    """One line by its number in the batch, or a person's; None outside the actor's reach. Its result is the bank's last word on it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select l.sequence, l.person_id, p.number, p.name, a.number, l.amount_fen, l.first_month, l.last_month, l.months,
                   coalesce(r.result, ''), coalesce(r.name_differs, false)
            from levy_debitline l join levy_debitagreement a on a.id = l.agreement_id join parties_person p on p.id = l.person_id
            left join lateral (select * from levy_debitresult x where x.batch_id = l.batch_id and x.sequence = l.sequence
                               order by x.part desc limit 1) r on true
            where l.batch_id = %s and (%s::int is null or l.sequence = %s) and (%s::bigint is null or l.person_id = %s) limit 1
            """,
            [batch_id, sequence, sequence, person_id, person_id],
        )
        row = cursor.fetchone()
    return Line(*row) if row else None


def dues_behind(batch: DebitBatch, line: Line) -> list[FlexDue]:
    """The months a line asked for, oldest first: those the batch took; of one that was not taken, those that were unpaid on its day."""
    found = FlexDue.objects.select_related("bill").filter(person_id=line.person_id, month__gte=line.first_month, month__lte=line.last_month)
    dues = list(found.order_by("month", "insurance"))
    taken = [due for due in dues if due.batch_id == batch.pk]
    return taken or [due for due in dues if due.paid_on is None or due.paid_on >= batch.planned_on]


def left_out(batch_id: int) -> list[tuple[str, int, int]]:
    """(reason, people, open fen) of a batch, within the actor's reach."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select reason, count(*), sum(open_fen)::bigint from levy_debitleftout where batch_id = %s group by 1 order by 2 desc",
            [batch_id],
        )
        return [(LeftOut(reason).label, int(heads), int(fen)) for reason, heads, fen in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Past:
    """A debit of a person: result '' while it is at the bank. late: taken after it had been refused."""

    batch: str
    bank: str
    planned_on: date
    state: str
    amount_fen: int
    first_month: Month
    last_month: Month
    months: int
    result: str
    taken_on: date | None
    serial: str
    late: bool

    @property
    def words(self) -> str:
        return "批扣失败后补扣成功" if self.late else RESULTS.get(self.result, "银行处理中") if self.result else "银行处理中"


def debits_of(person_id: int, limit: int = 36) -> list[Past]:
    """What was asked of a person's account, newest first, recalled batches left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select b.number, b.bank, b.planned_on, b.state, l.amount_fen, l.first_month, l.last_month, l.months, coalesce(r.result, ''),
                   r.taken_on, coalesce(trim(r.serial), ''), coalesce(r.part, 1) > 1
            from levy_debitline l join levy_debitbatch b on b.id = l.batch_id
            left join lateral (select * from levy_debitresult x where x.batch_id = l.batch_id and x.sequence = l.sequence
                               order by x.part desc limit 1) r on true
            where l.person_id = %s and b.state <> 'recalled' order by b.planned_on desc, b.id desc limit %s
            """,
            [person_id, limit],
        )
        return [Past(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Next:
    """The next debit as it would be today. amount_fen 0: why says why. unknown: the day is not known, and why."""

    day: BatchDay | None
    month: Month
    amount_fen: int
    first_month: Month
    last_month: Month
    months: int
    why: str
    unknown: str = ""


def next_debit(agreement: DebitAgreement, today: date, rulebook: Rulebook) -> Next:
    """Preview of the next batch that has not been made: its day, months and amount with what is owed now."""
    month = month_of(today)
    try:
        day = _day(agreement, month, rulebook)
        made = DebitBatch.objects.filter(bank=agreement.bank, place=agreement.place, scheme=agreement.scheme, month=month)
        if today > day.day or made.exclude(state="recalled").exists():
            month = shift(month, 1)
            day = _day(agreement, month, rulebook)
        year = social_insurance_year(rulebook, month, agreement.place).first_month
    except ShebaoError as error:
        return Next(None, month, 0, 0, 0, 0, "", error.text)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select d.person_id, d.month, {STATE_SQL}, d.total_fen + d.interest_fen from levy_flexdue d
            where d.person_id = %s and d.month between %s and %s order by d.month, d.insurance
            """,
            [agreement.person_id, year, month],
        )
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 4)
    # The month of the batch may not be assessed yet: then the run ends in the month before.
    upto = month if len(rows) and rows[-1, 1] == month else shift(month, -1)
    rows = rows[rows[:, 1] <= upto]
    found = collect(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], upto)
    if not len(found.people):
        return Next(day, month, 0, 0, 0, 0, "目前没有待缴的月份")
    why = _WHY_NOT.get(int(found.reason[0]), "")
    return Next(day, month, int(found.amount_fen[0]), int(found.first_month[0]), int(found.last_month[0]), int(found.months[0]), why)


def _day(agreement: DebitAgreement, month: Month, rulebook: Rulebook) -> BatchDay:
    return batch_day(rulebook, month, agreement.place, provincial=agreement.scheme == "province")
