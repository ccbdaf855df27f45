"""Questions about the books. A closed day is a starting point: what was frozen then, and only what was booked since."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection

from shebao.base.months import Month, first_day, last_day
from shebao.ledger.models import AccountKind, MonthClosing, PlaceBook


@dataclass(frozen=True, slots=True)
class Balance:
    """One account at the end of a day: posted debits and credits since the beginning, fen."""

    fund: int
    kind: AccountKind
    debit_fen: int
    credit_fen: int

    @property
    def balance_fen(self) -> int:
        return self.debit_fen - self.credit_fen


# The totals of every account at the end of a day: the last closed day up to it, plus what is booked after that.
_TOTALS = """
with start as (select max(day) as day from ledger_dayclosing where place = %(place)s and day <= %(on)s),
frozen as (
  select s.account_id, s.debit_total_fen as debit, s.credit_total_fen as credit
  from start join ledger_dayclosing d on d.place = %(place)s and d.day = start.day join ledger_daysum s on s.closing_id = d.id),
since as (
  select e.account_id, coalesce(sum(e.amount_fen) filter (where e.amount_fen > 0), 0)::bigint as debit,
         coalesce(-sum(e.amount_fen) filter (where e.amount_fen < 0), 0)::bigint as credit
  from ledger_posting p join ledger_entry e on e.posting_id = p.id
  where p.place = %(place)s and p.state = 'posted' and p.booked_on <= %(on)s
    and p.booked_on > coalesce((select day from start), '-infinity') group by 1)
select a.fund, a.kind, coalesce(f.debit, 0) + coalesce(s.debit, 0), coalesce(f.credit, 0) + coalesce(s.credit, 0)
from ledger_account a left join frozen f on f.account_id = a.id left join since s on s.account_id = a.id
where a.place = %(place)s and (f.account_id is not null or s.account_id is not null) order by 1, 2
"""


def trial_balance(place: str, on: date) -> list[Balance]:
    """试算平衡表 at the end of a day. A pending posting counts once it is posted, a void one never."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, {"place": place, "on": on})
        return [Balance(fund, AccountKind(kind), debit, credit) for fund, kind, debit, credit in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class MonthLine:
    """One account over a month: balances at both ends and what was booked between, fen; debit positive."""

    fund: int
    kind: AccountKind
    opening_fen: int
    debit_fen: int
    credit_fen: int

    @property
    def closing_fen(self) -> int:
        return self.opening_fen + self.debit_fen - self.credit_fen


def month_report(place: str, month: Month) -> list[MonthLine]:
    """基金收支月报: every account that stands open or moved in a month."""
    before = {(b.fund, b.kind): b for b in trial_balance(place, first_day(month) - timedelta(days=1))}
    told = []
    for after in trial_balance(place, last_day(month)):
        was = before.get((after.fund, after.kind), Balance(after.fund, after.kind, 0, 0))
        line = MonthLine(after.fund, after.kind, was.balance_fen, after.debit_fen - was.debit_fen, after.credit_fen - was.credit_fen)
        if line.opening_fen or line.debit_fen or line.credit_fen:
            told.append(line)
    return told


def frozen_wrong(place: str, first: date, last: date) -> list[date]:
    """Closed days of a span whose frozen sums are not what their postings add up to: never, or something is broken."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with moved as (
              select p.booked_on as day, e.account_id, coalesce(sum(e.amount_fen) filter (where e.amount_fen > 0), 0)::bigint as debit,
                     coalesce(-sum(e.amount_fen) filter (where e.amount_fen < 0), 0)::bigint as credit
              from ledger_placebook b join ledger_posting p on p.place = b.place and p.booked_on <= b.closed_to
              join ledger_entry e on e.posting_id = p.id
              where b.place = %(place)s and p.state = 'posted' and p.booked_on between %(first)s and %(last)s group by 1, 2),
            frozen as (
              select d.day, s.account_id, s.debit_fen as debit, s.credit_fen as credit from ledger_dayclosing d
              join ledger_daysum s on s.closing_id = d.id where d.place = %(place)s and d.day between %(first)s and %(last)s)
            select distinct day from moved m full join frozen f using (day, account_id)
            where coalesce(m.debit, 0) <> coalesce(f.debit, 0) or coalesce(m.credit, 0) <> coalesce(f.credit, 0) order by 1
            """,
            {"place": place, "first": first, "last": last},
        )
        return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Closed:
    """How far the books of a place are closed: days, and the last months."""

    to: date | None
    months: list[MonthClosing]

    def month(self, month: Month) -> MonthClosing | None:
        """The closing of a month, if there is one."""
        return next((m for m in self.months if m.month == month), None)


def closed(place: str, months: int = 12) -> Closed:
    """How far the books are closed."""
    book = PlaceBook.objects.filter(place=place).first()
    return Closed(book.closed_to if book else None, list(MonthClosing.objects.filter(place=place).order_by("-month")[:months]))
