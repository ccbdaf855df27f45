"""划入个人账户: whoever collects tells what came in for whom; each reference counts once, and is taken back as a whole (reversing.py).

Many references and any number of people at a time, in a constant number of statements. The books move in the same transaction:
划入个人账户 (debit) against 个人账户基金 (credit), one posting a source, so the fund is the sum of the accounts at every moment.
Lock order: the year of the place, accounts by person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self

from django.db import IntegrityError, connection
from psycopg.errors import UniqueViolation

from shebao.accounts.copying import many_rows
from shebao.accounts.models import EntryKind
from shebao.base.clock import ZONE
from shebao.base.months import Month, month_of
from shebao.base.terms import Insurance
from shebao.ledger.closing import open_day
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book

FUND = Insurance.PENSION.value


@dataclass(frozen=True, slots=True)
class Reference:
    """What the credits come from. reference: its identity ("bill:12", "debit:7"), at most 60 characters; label: as people know it."""

    reference: str
    label: str
    agency_id: int | None = None
    case_id: int | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Who is credited with what, as a query of the caller's own tables: columns reference, person_id, month, own_fen, employer_fen.

    Several rows of one reference, person and month are added up; what adds up to nothing is no entry. values: its named parameters.
    people: the first and last person of a range of tens of thousands, given by one reference with one row a person and month: their
    tallies are brought forward as a range, and credit raises CreditRaced where somebody's first credit of the year came in between.
    """

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    people: tuple[int, int] | None = None

    @classmethod
    def of(cls, rows: Sequence[tuple[str, int, Month, int, int]]) -> Self:
        """From memory: (reference, person, month, own fen, employer fen)."""
        columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], [], []]
        names = ("r_reference", "r_person", "r_month", "r_own", "r_employer")
        return cls(
            "select * from unnest(%(r_reference)s::text[], %(r_person)s::bigint[], %(r_month)s::int[], %(r_own)s::bigint[],"
            " %(r_employer)s::bigint[]) as n (reference, person_id, month, own_fen, employer_fen)",
            dict(zip(names, columns, strict=True)),
        )


class CreditRaced(Exception):
    """Somebody of a range got the first credit of the year in this very instant. Nothing of the transaction stays: do it again."""


@dataclass(frozen=True, slots=True)
class Credited:
    """What a call moved: new sources, entries, fen (negative when taken back)."""

    sources: int
    rows: int
    total_fen: int


NOTHING = Credited(0, 0, 0)


def credit(
    references: Sequence[Reference],
    rows: Rows,
    *,
    place: str,
    on: date,
    at: datetime,
    kind: EntryKind = EntryKind.CREDIT,
    counter: AccountKind = AccountKind.TO_ACCOUNTS,
) -> Credited:
    """Credit what came in, and book it. A reference that is credited already (and was not taken back since) changes nothing.

    on: the day of payment; its month bears the interest, or, when that year is settled already, the first month that can still.
    Amounts may be negative (a refund that leaves the rest of its bill alone). kind: CREDIT, BROUGHT (bears interest from the
    year's beginning) or TRANSFER_IN (from its month on).
    """
    if not references:
        return NOTHING
    month = open_month(place, month_of(on), at=at)
    values: dict[str, Any] = {
        **rows.values,
        "a_refs": [r.reference for r in references],
        "a_labels": [r.label[:120] for r in references],
        "a_agencies": [r.agency_id for r in references],
        "a_cases": [r.case_id for r in references],
        "a_place": place,
        "a_month": month,
        "a_year": month // 100,
        "a_left": 13 - month % 100,
        "a_on": on,
        "a_at": at,
        "a_kind": kind.value,
    }
    if rows.people is None:
        with connection.cursor() as cursor:
            cursor.execute(_CREDIT.format(given=_ADDED.format(rows=rows.sql), tallies=_TALLIES.format(**_TALLIED[kind])), values)
            made = cursor.fetchall()
    else:
        made = _credit_range(rows, values, kind)
    return booked(made, counter, place=place, on=on, at=at)


def _credit_range(rows: Rows, values: dict[str, Any], kind: EntryKind) -> list[Any]:
    assert rows.people is not None
    statement = _CREDIT.format(given=_GIVEN_ONCE.format(rows=rows.sql), tallies=_TALLIES_OF_RANGE.format(**_TALLIED[kind]))
    try:
        with many_rows(), connection.cursor() as cursor:
            cursor.execute(statement, values | {"a_first": rows.people[0], "a_last": rows.people[1]})
            return list(cursor.fetchall())
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation) and (error.__cause__.diag.table_name or "").startswith("accounts_tally"):
            raise CreditRaced from error
        raise


def live_entries(references: Sequence[str]) -> list[tuple[str, int, Month]]:
    """Whom these references have credited for which month, and not taken back: (reference, person, month)."""
    if not references:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select s.reference, e.person_id, e.month from accounts_source s join accounts_entry e on e.source_id = s.id
            and e.year = s.credited_month / 100
            where s.reference = any(%s) and s.reverses_id is null
              and not exists (select 1 from accounts_source r where r.reverses_id = s.id)
            """,
            [list(references)],
        )
        return list(cursor.fetchall())


def open_month(place: str, wanted: Month, *, at: datetime) -> Month:
    """The month a movement is credited in: the wanted one while its year is open; else the month it is recorded in, or the January after
    the last settled year. The year cannot be settled before this transaction has ended."""
    with connection.cursor() as cursor:
        cursor.execute("select max(year) from accounts_placeyear where place = %s and state <> 'open'", [place])
        closed: int | None = cursor.fetchone()[0]
        month = wanted
        if closed is not None and wanted // 100 <= closed:
            month = max(month_of(at.astimezone(ZONE).date()), (closed + 1) * 100 + 1)
        year = month // 100
        cursor.execute("select state from accounts_placeyear where place = %s and year = %s for share", [place, year])
        if (row := cursor.fetchone()) is None:
            cursor.execute(
                "insert into accounts_placeyear (place, year, state) values (%s, %s, 'open') on conflict do nothing", [place, year]
            )
            cursor.execute("select accounts_open_year(%s)", [year])
            cursor.execute("select state from accounts_placeyear where place = %s and year = %s for share", [place, year])
            row = cursor.fetchone()
    # Somebody began to settle the year while we waited for its row: the next one is open.
    return month if row[0] == "open" else open_month(place, month, at=at)


def booked(made: Sequence[tuple[str, int, str, int, int, int]], counter: AccountKind, *, place: str, on: date, at: datetime) -> Credited:
    """Book sources just made, one posting each: (reference, turn, label, rows, own fen, employer fen).

    Its key is what the source is, not its number: a restarted run, or two connections in another order, book the same.
    """
    bookings = [
        Booking(
            f"account:{reference}:{turn}",
            (label if fen >= 0 else f"冲回：{label}")[:120],
            reference,
            (Side(FUND, counter, fen), Side(FUND, AccountKind.PERSONAL, -fen)),
        )
        for reference, turn, label, _, own_fen, employer_fen in made
        if (fen := own_fen + employer_fen)
    ]
    book(bookings, place=place, on=open_day(place, on), at=at)
    return Credited(len(made), sum(row[3] for row in made), sum(row[4] + row[5] for row in made))


# Which columns of the tally a kind brings forward, from the grouped sums of its rows.
_TALLIED: dict[EntryKind, dict[str, str]] = {
    EntryKind.CREDIT: {"brought": "0", "own": "n.own_fen", "employer": "n.employer_fen", "other": "0", "product": "n.fen * %(a_left)s"},
    EntryKind.BROUGHT: {"brought": "n.fen", "own": "0", "employer": "0", "other": "0", "product": "0"},
    EntryKind.TRANSFER_IN: {"brought": "0", "own": "0", "employer": "0", "other": "n.fen", "product": "n.fen * %(a_left)s"},
}
ADD_UP = """
on conflict (person_id, year, place) do update set
  brought_fen = accounts_tally.brought_fen + excluded.brought_fen, own_fen = accounts_tally.own_fen + excluded.own_fen,
  employer_fen = accounts_tally.employer_fen + excluded.employer_fen, product_fen = accounts_tally.product_fen + excluded.product_fen,
  other_fen = accounts_tally.other_fen + excluded.other_fen, basis_fen = accounts_tally.basis_fen + excluded.basis_fen
"""
TALLY_COLUMNS = "(person_id, year, place, brought_fen, own_fen, employer_fen, product_fen, other_fen, basis_fen)"
ENTRY_COLUMNS = "(person_id, source_id, own_fen, employer_fen, month, credited_month, year, kind)"
SOURCE_COLUMNS = (
    "(reference, turn, kind, label, place, agency_id, credited_month, booked_on, recorded_at, rows, own_fen, employer_fen,"
    " reverses_id, case_id)"
)
_VALUES = "%(a_year)s, %(a_place)s, {brought}, {own}, {employer}, {product}, {other}, 0"
_PEOPLE = """select g.person_id, sum(g.own_fen)::bigint as own_fen, sum(g.employer_fen)::bigint as employer_fen,
               sum(g.own_fen + g.employer_fen)::bigint as fen
        from given g join made m on m.reference = g.reference group by 1 order by 1"""
_TALLIES = f"tallies as (insert into accounts_tally {TALLY_COLUMNS} select n.person_id, {_VALUES} from ({_PEOPLE}) n" + ADD_UP + ")"
# ON CONFLICT costs each row twice as much as knowing beforehand which are there.
_TALLIES_OF_RANGE = f"""
n as materialized ({_PEOPLE}),
there as (
  update accounts_tally t set brought_fen = t.brought_fen + {{brought}}, own_fen = t.own_fen + {{own}},
    employer_fen = t.employer_fen + {{employer}}, product_fen = t.product_fen + {{product}}, other_fen = t.other_fen + {{other}}
  from n where t.person_id between %(a_first)s and %(a_last)s and t.year = %(a_year)s and t.place = %(a_place)s
    and t.person_id = n.person_id
  returning t.person_id),
tallies as (
  insert into accounts_tally {TALLY_COLUMNS} select n.person_id, {_VALUES}
  from n where not exists (select 1 from there where there.person_id = n.person_id))"""
_ADDED = """
  select g.reference, g.person_id, g.month, sum(g.own_fen)::bigint as own_fen, sum(g.employer_fen)::bigint as employer_fen
  from ({rows}) g join asked on asked.reference = g.reference
  group by 1, 2, 3 having sum(g.own_fen) <> 0 or sum(g.employer_fen) <> 0"""
_GIVEN_ONCE = """
  select g.* from ({rows}) g join asked on asked.reference = g.reference where g.own_fen <> 0 or g.employer_fen <> 0"""
_CREDIT = (
    """
with asked as (
  select a.reference, a.label, a.agency_id, a.case_id, coalesce(last.turn, 0) + 1 as turn
  from unnest(%(a_refs)s::text[], %(a_labels)s::text[], %(a_agencies)s::int[], %(a_cases)s::bigint[])
       as a (reference, label, agency_id, case_id)
  left join lateral (select s.id, s.turn from accounts_source s where s.reference = a.reference order by s.turn desc limit 1) last on true
  where last.id is null or exists (select 1 from accounts_source r where r.reverses_id = last.id)),
given as materialized ({given}),
made as (
  insert into accounts_source """
    + SOURCE_COLUMNS
    + """
  select a.reference, a.turn, %(a_kind)s, a.label, %(a_place)s, a.agency_id, %(a_month)s, %(a_on)s, %(a_at)s,
         t.rows, t.own_fen, t.employer_fen, null, a.case_id
  from asked a join (select reference, count(*)::int as rows, sum(own_fen)::bigint as own_fen, sum(employer_fen)::bigint as employer_fen
                     from given group by 1) t on t.reference = a.reference
  order by a.reference on conflict (reference, turn) do nothing returning id, reference, turn, label, rows, own_fen, employer_fen),
entries as (
  insert into accounts_entry """
    + ENTRY_COLUMNS
    + """
  select g.person_id, m.id, g.own_fen, g.employer_fen, g.month, %(a_month)s, %(a_year)s, %(a_kind)s
  from given g join made m on m.reference = g.reference),
{tallies}
select reference, turn, label, rows, own_fen, employer_fen from made order by id
"""
)
