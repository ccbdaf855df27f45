"""Taking credits back: a bill is open again, a batch was undone, a transfer was wrong."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from django.db import connection

from shebao.accounts.crediting import ADD_UP, ENTRY_COLUMNS, NOTHING, SOURCE_COLUMNS, TALLY_COLUMNS, Credited, booked, open_month
from shebao.accounts.models import EntryKind, Settlement
from shebao.accounts.moving import Move, move
from shebao.base.months import Month, month_of
from shebao.ledger.models import AccountKind
from shebao.policy.formulas.personal_account import opening_interest, product_interest


def reverse(references: Sequence[str], *, place: str, on: date, at: datetime) -> Credited:
    """Take back what these references credited (the bill is open again, the batch was undone). What was not credited is left alone.

    In the year of the credit its 积数 goes with it; out of settled years, the interest that it bore there goes too (利息差额).
    """
    if not references:
        return NOTHING
    open_month(place, month_of(on), at=at)
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, {"refs": list(references)})
        live: list[tuple[int, int]] = cursor.fetchall()
        by_month: dict[Month, list[int]] = {}
        for source_id, month in live:
            by_month.setdefault(month, []).append(source_id)
        made: list[tuple[str, int, str, int, int, int]] = []
        for month, sources in sorted(by_month.items()):  # one month as a rule: what is undone together was made together
            now = open_month(place, month, at=at)
            values: dict[str, Any] = {
                "sources": sources,
                "place": place,
                "month": now,
                "year": now // 100,
                "from_year": month // 100,
                "left": 13 - now % 100,
                "on": on,
                "at": at,
            }
            cursor.execute(_REVERSE, values)
            made += cursor.fetchall()
            if now // 100 > month // 100:
                _take_back_interest(sources, month, now, place=place, on=on, at=at)
    return booked(made, AccountKind.TO_ACCOUNTS, place=place, on=on, at=at)


def _take_back_interest(sources: Sequence[int], month: Month, now: Month, *, place: str, on: date, at: datetime) -> None:
    """What these credits bore in the settled years since, compounded year by year, as if each stood alone."""
    rates = list(
        Settlement.objects.filter(place=place, state="done", year__gte=month // 100).order_by("year").values_list("year", "rate_ppm")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select source_id, person_id,
                   sum(case when kind = 2 then 0 else (own_fen + employer_fen) * (13 - credited_month %% 100) end)::bigint,
                   sum(case when kind = 2 then own_fen + employer_fen else 0 end)::bigint, sum(own_fen + employer_fen)::bigint
            from accounts_entry where source_id = any(%s) and year = %s group by 1, 2 order by 1, 2
            """,
            [list(sources), month // 100],
        )
        rows = cursor.fetchall()
    if not rows or not rates:
        return
    product, opening, fen = (np.array([row[i] for row in rows], np.int64) for i in (2, 3, 4))
    interest = opening_interest(opening, rates[0][1]) + product_interest(product, rates[0][1])
    for _, rate_ppm in rates[1:]:
        interest = interest + opening_interest(fen + interest, rate_ppm)
    moves = [
        Move(f"interest-back:{row[0]}:{row[1]}", "冲回缴费已计的利息", EntryKind.INTEREST_DIFFERENCE, row[1], -int(back))
        for row, back in zip(rows, interest, strict=True)
    ]
    move(moves, place=place, agency_id=None, month=now, on=on, at=at)


_LIVE = """
select s.id, s.credited_month from accounts_source s
where s.reference = any(%(refs)s) and s.reverses_id is null and not exists (select 1 from accounts_source r where r.reverses_id = s.id)
order by s.id
"""
_REVERSE = (
    """
with made as (
  insert into accounts_source """
    + SOURCE_COLUMNS
    + """
  select 'back:' || s.id, 1, s.kind, s.label, s.place, s.agency_id, %(month)s, %(on)s, %(at)s, s.rows, -s.own_fen, -s.employer_fen,
         s.id, s.case_id
  from accounts_source s where s.id = any(%(sources)s) order by s.id
  on conflict do nothing returning id, reference, turn, label, rows, own_fen, employer_fen, reverses_id),
given as materialized (
  select m.id, e.person_id, e.month, e.kind, -e.own_fen as own_fen, -e.employer_fen as employer_fen
  from made m join accounts_entry e on e.source_id = m.reverses_id and e.year = %(from_year)s),
entries as (
  insert into accounts_entry """
    + ENTRY_COLUMNS
    + """
  select person_id, id, own_fen, employer_fen, month, %(month)s, %(year)s, kind from given),
tallies as (
  insert into accounts_tally """
    + TALLY_COLUMNS
    + """
  select person_id, %(year)s, %(place)s,
         coalesce(sum(own_fen + employer_fen) filter (where kind = 2), 0)::bigint,
         coalesce(sum(own_fen) filter (where kind = 1), 0)::bigint, coalesce(sum(employer_fen) filter (where kind = 1), 0)::bigint,
         coalesce(sum(own_fen + employer_fen) filter (where kind in (1, 3)), 0)::bigint * %(left)s,
         coalesce(sum(own_fen + employer_fen) filter (where kind = 3), 0)::bigint, 0
  from given group by 1 order by 1
  """
    + ADD_UP
    + """)
select reference, turn, label, rows, own_fen, employer_fen from made order by id
"""
)
