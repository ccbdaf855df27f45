"""科目明细账 and 凭证: one account posting by posting with its running balance, and one posting whole."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from shebao.ledger.models import AccountKind, Posting, PostingState
from shebao.ledger.queries import trial_balance

COUNTED_MAX = 10_000  # entries beyond that are told as "more than"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of an account: days, part of the text or reference, one side only ('debit', 'credit')."""

    fund: int
    kind: AccountKind
    first: date
    last: date
    search: str = ""
    side: str = ""

    @property
    def whole(self) -> bool:
        """Whether every entry of the days is meant, so that a running balance says something."""
        return not self.search and not self.side


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry with its posting, fen; debit positive. balance_fen: the account after it; None where entries are left out between."""

    entry_id: int
    posting_id: int
    booked_on: date
    text: str
    reference: str
    amount_fen: int
    reversal: bool
    reversed: bool
    balance_fen: int | None = None

    @property
    def cursor(self) -> str:
        """Where the next page begins."""
        return f"{self.booked_on.isoformat()}~{self.entry_id}"


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Some entries of an account, what it held before the first of them, and the sums of all that were asked for, fen."""

    lines: list[EntryLine]
    opening_fen: int  # at the beginning of the span
    debit_fen: int
    credit_fen: int
    count: int  # at most COUNTED_MAX
    more: str  # the cursor of the next page; empty on the last

    @property
    def closing_fen(self) -> int:
        """At the end of the span, where every entry of it was asked for."""
        return self.opening_fen + self.debit_fen - self.credit_fen


_FROM = """
from ledger_posting p join ledger_entry e on e.posting_id = p.id join ledger_account a on a.id = e.account_id
left join ledger_posting back on back.reverses_id = p.id
where p.place = %(place)s and p.state = 'posted' and a.fund = %(fund)s and a.kind = %(kind)s and p.booked_on between %(first)s and %(last)s
  and (%(search)s = '' or p.reference = %(search)s or strpos(p.text, %(search)s) > 0 or strpos(p.reference, %(search)s) > 0)
  and (%(side)s = '' or (e.amount_fen > 0) = (%(side)s = 'debit'))
"""


def account_page(place: str, wanted: Wanted, *, after: str = "", limit: int = 50) -> AccountPage:
    """Entries of an account in the order of their days, so many after a cursor. A cursor that is none begins at the beginning."""
    day, entry = _cursor(after) or (wanted.first, 0)
    values: dict[str, str | int | date] = {
        "place": place,
        "fund": wanted.fund,
        "kind": wanted.kind.value,
        "first": wanted.first,
        "last": wanted.last,
        "search": wanted.search,
        "side": wanted.side,
        "day": day,
        "entry": entry,
        "limit": limit + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"select coalesce(sum(fen) filter (where fen > 0), 0)::bigint, coalesce(-sum(fen) filter (where fen < 0), 0)::bigint, count(*)"
            f" from (select e.amount_fen as fen {_FROM} limit %(most)s) counted",
            values | {"most": None if wanted.search else COUNTED_MAX},
        )
        debit, credit, count = cursor.fetchone()
        if not wanted.search:  # what the frozen totals tell is not summed again
            debit, credit = _moved(place, wanted)
        cursor.execute(
            f"select e.id, p.id, p.booked_on, p.text, p.reference, e.amount_fen, p.reverses_id is not null, back.id is not null {_FROM}"
            " and (p.booked_on, e.id) > (%(day)s, %(entry)s) order by p.booked_on, e.id limit %(limit)s",
            values,
        )
        lines = [EntryLine(*row) for row in cursor.fetchall()]
    opening = balance_before(place, wanted.fund, wanted.kind, wanted.first)
    if wanted.whole:
        running = opening if not after else balance_before(place, wanted.fund, wanted.kind, day, entry)
        told = []
        for line in lines:
            running += line.amount_fen
            told.append(_with_balance(line, running))
        lines = told
    more = lines[limit - 1].cursor if len(lines) > limit else ""
    return AccountPage(lines[:limit], opening, debit, credit, count, more)


def _moved(place: str, wanted: Wanted) -> tuple[int, int]:
    """Debits and credits of the account over the days asked for, of the side asked for."""
    ends = []
    for on in (wanted.last, wanted.first - timedelta(days=1)):
        found = (b for b in trial_balance(place, on) if b.fund == wanted.fund and b.kind is wanted.kind)
        ends.append(next(((b.debit_fen, b.credit_fen) for b in found), (0, 0)))
    (debit, credit), (debit_before, credit_before) = ends
    return (debit - debit_before) * (wanted.side != "credit"), (credit - credit_before) * (wanted.side != "debit")


def first_posting(place: str) -> date | None:
    """The day the books of a place begin."""
    return Posting.objects.filter(place=place).order_by("booked_on").values_list("booked_on", flat=True).first()


def _with_balance(line: EntryLine, fen: int) -> EntryLine:
    return EntryLine(
        line.entry_id, line.posting_id, line.booked_on, line.text, line.reference, line.amount_fen, line.reversal, line.reversed, fen
    )


def _cursor(text: str) -> tuple[date, int] | None:
    day, _, entry = text.partition("~")
    if not (entry.isascii() and entry.isdigit() and len(entry) < 19):
        return None
    try:
        return date.fromisoformat(day), int(entry)
    except ValueError:
        return None


def balance_before(place: str, fund: int, kind: AccountKind, day: date, entry: int = 0) -> int:
    """What an account held before a day, and with the entries of that day up to one (0: none of them). From the last closed day on, fen."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with account as (select id from ledger_account where place = %(place)s and fund = %(fund)s and kind = %(kind)s),
            start as (select max(day) as day from ledger_dayclosing where place = %(place)s and day < %(day)s)
            select coalesce((select s.debit_total_fen - s.credit_total_fen from start join ledger_dayclosing d
                             on d.place = %(place)s and d.day = start.day join ledger_daysum s on s.closing_id = d.id
                             where s.account_id = (select id from account)), 0)
              + coalesce((select sum(e.amount_fen) from ledger_posting p join ledger_entry e on e.posting_id = p.id
                          where p.place = %(place)s and p.state = 'posted' and e.account_id = (select id from account)
                            and p.booked_on > coalesce((select day from start), '-infinity')
                            and (p.booked_on, e.id) < (%(day)s, %(entry)s + 1)), 0)
            """,
            {"place": place, "fund": fund, "kind": kind.value, "day": day, "entry": entry},
        )
        return int(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class PostingEntry:
    """One side of a posting, fen; debit positive."""

    fund: int
    kind: AccountKind
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Voucher:
    """A posting whole, with those bound to it: what it resolves or reverses, and what resolved or reversed it."""

    posting_id: int
    key: str
    booked_on: date
    recorded_at: datetime
    state: PostingState
    text: str
    reference: str
    entries: list[PostingEntry]
    resolves: int | None
    resolved_by: tuple[int, PostingState] | None
    reverses: int | None
    reversed_by: tuple[int, str] | None

    @property
    def total_fen(self) -> int:
        return sum(e.amount_fen for e in self.entries if e.amount_fen > 0)


def voucher(place: str, posting_id: int) -> Voucher | None:
    """A posting of the place by number."""
    posting = Posting.objects.filter(pk=posting_id, place=place).first()
    if posting is None:
        return None
    entries = posting.entries.select_related("account").order_by("id")
    resolved = Posting.objects.filter(resolves_id=posting.pk).values_list("id", "state").first()
    back = Posting.objects.filter(reverses_id=posting.pk).values_list("id", "text").first()
    return Voucher(
        posting.pk,
        posting.key,
        posting.booked_on,
        posting.recorded_at,
        PostingState(posting.state),
        posting.text,
        posting.reference,
        [PostingEntry(e.account.fund, AccountKind(e.account.kind), e.amount_fen) for e in entries],
        posting.resolves_id,
        (resolved[0], PostingState(resolved[1])) if resolved else None,
        posting.reverses_id,
        back,
    )


@dataclass(frozen=True, slots=True)
class FundDay:
    """What came in for a fund on a day, fen: at the bank at once, and told of by tax office or bank (在途, whose later arrival is not
    counted again)."""

    day: date
    fund: int
    arrived_fen: int
    told_fen: int


def collections(place: str, first: date, last: date) -> list[FundDay]:
    """Money by day and fund, as the books say: what came from outside, not what only moved between accounts or went back."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select day, fund, sum(bank)::bigint, sum(transit)::bigint from (
              select p.booked_on as day, a.fund, coalesce(sum(e.amount_fen) filter (where a.kind = 'bank'), 0) as bank,
                     coalesce(sum(e.amount_fen) filter (where a.kind = 'transit'), 0) as transit,
                     sum(sum(e.amount_fen)) over (partition by p.id) as came
              from ledger_posting p join ledger_entry e on e.posting_id = p.id join ledger_account a on a.id = e.account_id
              where p.place = %s and p.state = 'posted' and p.booked_on between %s and %s and a.kind in ('bank', 'transit')
              group by p.id, p.booked_on, a.fund) moved
            where came > 0 group by 1, 2 order by 1, 2
            """,
            [place, first, last],
        )
        return [FundDay(*row) for row in cursor.fetchall()]
