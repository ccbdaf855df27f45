"""Movements that are no credits of what was collected: part-year interest, payouts, transfers out, differences of interest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from shebao.accounts.crediting import ADD_UP, ENTRY_COLUMNS, FUND, SOURCE_COLUMNS, TALLY_COLUMNS
from shebao.accounts.models import EntryKind
from shebao.base.months import Month
from shebao.ledger.closing import open_day
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book

# What the fund is moved against: interest is a cost of the fund, the rest goes back to where credits came from.
COUNTER = {EntryKind.INTEREST: AccountKind.ACCOUNT_INT, EntryKind.INTEREST_DIFFERENCE: AccountKind.ACCOUNT_INT}


@dataclass(frozen=True, slots=True)
class Move:
    """One movement of one account, fen. less_basis_fen, less_product: what bears no interest at the year's end any more, for it was
    reckoned already. reference: once for all time."""

    reference: str
    label: str
    kind: EntryKind
    person_id: int
    fen: int
    less_basis_fen: int = 0
    less_product: int = 0
    case_id: int | None = None


def move(moves: Sequence[Move], *, place: str, agency_id: int | None, month: Month, on: date, at: datetime) -> None:
    """Enter movements in a month of an open year (crediting.open_month) and book each. A handful of statements."""
    wanted = [m for m in moves if m.fen or m.less_basis_fen or m.less_product]
    if not wanted:
        return
    values: dict[str, Any] = {
        "refs": [m.reference for m in wanted],
        "labels": [m.label[:120] for m in wanted],
        "kinds": [m.kind.value for m in wanted],
        "people": [m.person_id for m in wanted],
        "fen": [m.fen for m in wanted],
        "basis": [-m.less_basis_fen for m in wanted],
        "products": [-m.less_product for m in wanted],
        "cases": [m.case_id for m in wanted],
        "place": place,
        "agency": agency_id,
        "month": month,
        "year": month // 100,
        "on": on,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, values)
        made = cursor.fetchall()
    bookings = [
        Booking(
            f"account:{source_id}",
            label,
            reference,
            (Side(FUND, COUNTER.get(EntryKind(kind), AccountKind.TO_ACCOUNTS), fen), Side(FUND, AccountKind.PERSONAL, -fen)),
        )
        for source_id, reference, label, kind, fen in made
        if fen
    ]
    book(bookings, place=place, on=open_day(place, on), at=at)


_MOVE = (
    """
with given as materialized (
  select * from unnest(%(refs)s::text[], %(labels)s::text[], %(kinds)s::int[], %(people)s::bigint[], %(fen)s::bigint[],
                       %(basis)s::bigint[], %(products)s::bigint[], %(cases)s::bigint[])
                as g (reference, label, kind, person_id, fen, basis_fen, product_fen, case_id)),
made as (
  insert into accounts_source """
    + SOURCE_COLUMNS
    + """
  select reference, 1, kind, label, %(place)s, %(agency)s, %(month)s, %(on)s, %(at)s, 1, fen, 0, null, case_id from given order by reference
  returning id, reference, label, kind, own_fen),
entries as (
  insert into accounts_entry """
    + ENTRY_COLUMNS
    + """
  select g.person_id, m.id, g.fen, 0, %(month)s, %(month)s, %(year)s, g.kind from given g join made m on m.reference = g.reference),
tallies as (
  insert into accounts_tally """
    + TALLY_COLUMNS
    + """
  select person_id, %(year)s, %(place)s, 0, 0, 0, sum(product_fen)::bigint, sum(fen)::bigint, sum(basis_fen)::bigint
  from given group by 1 order by 1
  """
    + ADD_UP
    + """)
select id, reference, label, kind, own_fen from made order by id
"""
)
