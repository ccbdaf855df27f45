"""Questions about accounts: years with their interest, months credited, months counted, settlements of a place."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import numpy as np
from django.db import connection
from django.db.models import Count, Sum

from shebao.accounts.models import EntryKind, PartYear, PlaceYear, Registered, Settlement, YearState
from shebao.base.months import Month
from shebao.policy.account import RATE, SHARE, Year
from shebao.policy.formulas import FenArray
from shebao.policy.formulas.personal_account import differs, yearly_interest
from shebao.policy.rulebook import Rule, Rulebook


@dataclass(frozen=True, slots=True)
class AccountYear:
    """One year of an account in a place, fen. interest_*: None while the year is not settled; closing: then what stands so far.

    months_fen: credited by calendar month of crediting, twelve.
    """

    year: int
    opening_fen: int
    own_fen: int
    employer_fen: int
    other_fen: int
    basis_fen: int
    product_fen: int
    interest_opening_fen: int | None
    interest_credits_fen: int | None
    closing_fen: int
    rate_ppm: int | None
    rate_status: str
    months_fen: tuple[int, ...]

    @property
    def settled(self) -> bool:
        return self.rate_ppm is not None

    @property
    def credits_fen(self) -> int:
        return self.own_fen + self.employer_fen

    @property
    def interest_fen(self) -> int | None:
        return None if self.interest_opening_fen is None else self.interest_opening_fen + (self.interest_credits_fen or 0)


@dataclass(frozen=True)
class AccountTold:
    """An account of a person in a place: its years, oldest first."""

    person_id: int
    place: str
    years: tuple[AccountYear, ...]

    @cached_property
    def balance_fen(self) -> int:
        """累计储存额: settled years with their interest, and what was credited since."""
        return self.years[-1].closing_fen if self.years else 0

    @property
    def settled_to(self) -> int | None:
        """The last settled year."""
        return next((y.year for y in reversed(self.years) if y.settled), None)

    def year(self, wanted: int) -> AccountYear | None:
        return next((y for y in self.years if y.year == wanted), None)


_YEARS = """
select place, year, opening, own_fen, employer_fen, other_fen, basis_fen, product_fen, interest_opening, interest_credits, closing,
       rate_ppm, rate_status
from (
  select r.place, r.year, s.opening_fen as opening, s.own_fen, s.employer_fen, s.other_fen, s.basis_fen, s.product_fen,
         s.interest_opening_fen as interest_opening, s.interest_credits_fen as interest_credits, s.closing_fen as closing, r.rate_ppm,
         r.rate_status
  from accounts_snapshot s join accounts_settlement r on r.id = s.settlement_id and r.state = 'done' where s.person_id = %(person)s
  union all
  select t.place, t.year, t.brought_fen, t.own_fen, t.employer_fen, t.other_fen, t.basis_fen, t.product_fen, null, null, 0, null, ''
  from accounts_tally t where t.person_id = %(person)s
    and not exists (select 1 from accounts_settlement r where r.place = t.place and r.year = t.year and r.state = 'done')) x
order by place, year
"""


def accounts_of(person_id: int) -> list[AccountTold]:
    """The accounts of a person within the actor's reach, by place; the one that moved last first."""
    with connection.cursor() as cursor:
        cursor.execute(_YEARS, {"person": person_id})
        rows = cursor.fetchall()
        cursor.execute(
            """
            select s.place, e.credited_month, sum(e.own_fen + e.employer_fen)::bigint from accounts_entry e
            join accounts_source s on s.id = e.source_id where e.person_id = %s and e.kind in (1, 3) group by 1, 2
            """,
            [person_id],
        )
        months = {(place, month): fen for place, month, fen in cursor.fetchall()}
    by_place: dict[str, list[AccountYear]] = {}
    for place, year, opening, own, employer, other, basis, product, on_opening, on_credits, closing, rate_ppm, status in rows:
        years = by_place.setdefault(place, [])
        if rate_ppm is None:
            opening += years[-1].closing_fen if years else 0
            closing = opening + own + employer + other
        monthly = tuple(months.get((place, year * 100 + n), 0) for n in range(1, 13))
        years.append(
            AccountYear(
                year, opening, own, employer, other, basis, product, on_opening, on_credits, closing, rate_ppm, status or "", monthly
            )
        )
    told = [AccountTold(person_id, place, tuple(years)) for place, years in by_place.items()]
    return sorted(told, key=lambda a: (-a.years[-1].year, a.place))


@dataclass(frozen=True, slots=True)
class EntryTold:
    """One movement as people read it, fen. month: the 费款所属期 it is for; credited_month: from which it bears interest."""

    month: Month
    credited_month: Month
    own_fen: int
    employer_fen: int
    kind: EntryKind
    label: str
    booked_on: date

    @property
    def fen(self) -> int:
        return self.own_fen + self.employer_fen


def entries_of(person_id: int, place: str, year: int) -> list[EntryTold]:
    """The movements of an account in a year, in the order they were credited; what was taken back stands as itself and its reverse."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select e.month, e.credited_month, e.own_fen, e.employer_fen, e.kind, s.label, s.booked_on
            from accounts_entry e join accounts_source s on s.id = e.source_id
            where e.person_id = %s and e.year = %s and s.place = %s order by e.credited_month, s.id, e.month
            """,
            [person_id, year, place],
        )
        return [
            EntryTold(month, credited, own, employer, EntryKind(kind), label, booked_on)
            for month, credited, own, employer, kind, label, booked_on in cursor.fetchall()
        ]


@dataclass(frozen=True, slots=True)
class Months:
    """Months that count. paid: distinct months whose own contribution stands on the account; carried: paid before, brought over."""

    start: Month | None
    paid: int
    carried: int
    deemed: int

    @property
    def actual(self) -> int:
        """实际缴费月数."""
        return self.paid + self.carried

    @property
    def total(self) -> int:
        """累计缴费月数: actual and deemed."""
        return self.actual + self.deemed


def months_counted(person_id: int, *, until: Month | None = None, on: date | None = None, known_at: datetime | None = None) -> Months:
    """缴费年限 in months, up to a month. What was written off, has lapsed or was given back does not count: it stands on no account.

    on, known_at: the registered part as it is true on a day and as the register stood at an instant; now, when left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(*), min(month) from (
              select month from accounts_entry where person_id = %(person)s and kind = 1 and (%(until)s::int is null or month <= %(until)s)
              group by 1 having sum(own_fen) > 0) x
            """,
            {"person": person_id, "until": until},
        )
        paid, first = cursor.fetchone()
    held = Registered.objects.filter(person_id=person_id)
    held = held.filter(known_to=None) if known_at is None else held.filter(known_from__lte=known_at).exclude(known_to__lte=known_at)
    if on is not None:
        held = held.filter(from_day__lte=on)
    row = held.order_by("-from_day", "-id").first()
    if row is None:
        return Months(first, paid, 0, 0)
    return Months(row.account_start, paid, row.carried_months, row.deemed_months)


def part_years_of(person_id: int) -> list[PartYear]:
    """当年结算 of a person, newest first, with what was settled again."""
    return list(PartYear.objects.filter(person_id=person_id).select_related("resettled").order_by("-month"))


def year_reckoned(told: AccountYear, place: str, rulebook: Rulebook) -> Year | None:
    """A settled year as the policy reckons it, to be explained. None when it is not settled, or was settled with another rate than the
    rule book has now (then only what was posted can be shown)."""
    rule: Rule | None = rulebook.find(RATE, date(told.year, 12, 31), place)
    if not told.settled or rule is None or rule.value != told.rate_ppm:
        return None
    shares = tuple(r for r in rulebook.all(place) if r.id == SHARE) if told.employer_fen else ()
    return Year(
        told.opening_fen, told.credits_fen, told.product_fen, rule, other_fen=told.other_fen, basis_fen=told.basis_fen,
        employer_fen=told.employer_fen, shares=shares,
    )  # fmt: skip


def settlements(place: str | None = None) -> list[Settlement]:
    """The runs of a place (of all places), newest first."""
    found = Settlement.objects.order_by("-id")
    return list(found if place is None else found.filter(place=place))


def settlements_done(place: str, limit: int, run_id: int | None = None) -> list[tuple[Settlement, int, int, int]]:
    """Runs of a place with how far they are: chunks done, accounts, closing balances of those in fen."""
    found = Settlement.objects.filter(place=place).order_by("-id")
    if run_id is not None:
        found = found.filter(pk=run_id)
    counted = found.annotate(done=Count("chunks"), done_rows=Sum("chunks__rows", default=0), done_fen=Sum("chunks__total_fen", default=0))
    return [(run, run.done, int(run.done_rows), int(run.done_fen)) for run in counted[:limit]]


@dataclass(frozen=True, slots=True)
class Gap:
    """An account for which the two methods differ by more than the run's ratio, fen."""

    person_id: int
    monthly_fen: int
    yearly_fen: int
    closing_fen: int


def differing(run: Settlement, *, after: int = 0, limit: int = 100) -> list[Gap]:
    """The accounts of a settlement for which 年度计算法 answers differently, by person, through the one kernel."""
    found: list[Gap] = []
    while len(found) < limit:
        rows = _interests(run.pk, after, 10_000)
        if not len(rows):
            break
        people, monthly, credits, closing = rows.T
        yearly: FenArray = yearly_interest(credits, run.rate_ppm)
        where = np.flatnonzero(differs(monthly, yearly, closing, run.gap_ppm))
        found += [Gap(int(people[i]), int(monthly[i]), int(yearly[i]), int(closing[i])) for i in where]
        after = int(people[-1])
    return found[:limit]


def _interests(run_id: int, after: int, limit: int) -> FenArray:
    with connection.cursor() as cursor:
        cursor.execute(
            "select person_id, interest_credits_fen, own_fen + employer_fen, closing_fen from accounts_snapshot"
            " where settlement_id = %s and person_id > %s order by person_id limit %s",
            [run_id, after, limit],
        )
        return np.array(cursor.fetchall(), np.int64).reshape(-1, 4)


def settled_years(place: str) -> list[tuple[int, YearState, Settlement | None]]:
    """Account years of a place without a gap, newest first, each with its settlement: the one that counts, or the last that failed.

    A year in which nothing moved still bears interest: it has no row of its own before its settlement begins.
    """
    last: dict[int, Settlement] = {}
    for run in Settlement.objects.filter(place=place).order_by("id"):
        if run.state != "failed" or run.year not in last:
            last[run.year] = run
    known = dict(PlaceYear.objects.filter(place=place).values_list("year", "state"))
    years = range(max(known, default=0), min(known, default=1) - 1, -1)
    return [(year, YearState(known.get(year, YearState.OPEN)), last.get(year)) for year in years]
