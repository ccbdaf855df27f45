"""Questions of the yearly declaration: who is to be declared, who was, and the unit's retirees outside the city's pool."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

CHUNK_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class YearStanding:
    """A person as the yearly declaration of a unit sees them.

    open_from: the month since which they are insured through the unit, None when they are not (any more).
    ended: the first month without cover, of who was stopped.  wage_fen: the wage that holds in the year's first month.
    later_month, later_fen: the next declared wage that begins after the year's first month.  exact: a wage begins in that very month.
    declared_fen: what was declared for the year before.
    """

    person_id: int
    name: str
    open_from: int | None
    ended: int | None
    insurance_mask: int
    wage_fen: int | None
    later_month: int | None
    later_fen: int | None
    exact: bool
    declared_fen: int | None


STRANGER = YearStanding(0, "", None, None, 0, None, None, None, False, None)

# The limits keep the planner from joining a whole unit with itself where it has no statistics yet: one look-up by index a person.
_STANDING = """
select p.id_number, p.id, p.name, s.open_from, s.ended, coalesce(s.mask, 0), w.wage_fen, l.from_month, l.wage_fen,
       coalesce(w.from_month = %(first)s and %(first)s > s.open_from, false), a.wage_fen
from parties_person p
left join lateral (
  select min(from_month) filter (where to_month is null) as open_from, max(to_month) as ended,
         bit_or(insurance_mask) filter (where to_month is null) as mask
  from enrolment_spell where person_id = p.id and unit_id = %(unit)s and known_to is null) s on true
left join lateral (
  select wage_fen, from_month from enrolment_wage
  where person_id = p.id and unit_id = %(unit)s and known_to is null and from_month <= %(first)s
    and (to_month is null or to_month > %(first)s) limit 1) w on true
left join lateral (
  select wage_fen, from_month from enrolment_wage
  where person_id = p.id and unit_id = %(unit)s and known_to is null and from_month > %(first)s order by from_month limit 1) l on true
left join lateral (
  select wage_fen from enrolment_annualwage
  where person_id = p.id and unit_id = %(unit)s and year = %(year)s and known_to is null limit 1) a on true
where p.id_number = any(string_to_array(%(numbers)s, ','))
"""


def year_standings(id_numbers: Sequence[str], unit_id: int, year: int, first_month: int) -> dict[str, YearStanding]:
    """The standing of many people in one query. Who is unknown is absent from the answer."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"numbers": ",".join(id_numbers), "unit": unit_id, "year": year, "first": first_month})
        return {row[0]: YearStanding(*row[1:]) for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class YearMember:
    """Somebody whose wage a unit declares for a year: insured through it before the year begins, and not stopped."""

    person_id: int
    id_number: str
    name: str
    wage_fen: int | None


# Whom a unit declares for a year: insured through it in the year's first month, and not stopped.
_EXPECTED = """
from enrolment_spell s join parties_person p on p.id = s.person_id
where s.unit_id = %(unit)s and s.known_to is null and s.to_month is null and s.from_month <= %(first)s
"""


def year_staff(unit_id: int, first_month: int) -> Iterator[YearMember]:
    """The staff a unit declares for a year, by id, read in chunks: the wage is the one of the year's first month as declared by now."""
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                select distinct on (s.person_id) s.person_id, p.id_number, p.name,
                  (select w.wage_fen from enrolment_wage w where w.unit_id = s.unit_id and w.person_id = s.person_id
                     and w.known_to is null and w.from_month <= %(first)s and (w.to_month is null or w.to_month > %(first)s))
                {_EXPECTED} and s.person_id > %(after)s order by s.person_id limit {CHUNK_ROWS}
                """,
                {"unit": unit_id, "first": first_month, "after": after},
            )
            rows = cursor.fetchall()
        yield from (YearMember(*row) for row in rows)
        if len(rows) < CHUNK_ROWS:
            return
        after = rows[-1][0]


def year_missing(unit_id: int, first_month: int, named: str, *, after: int = 0, limit: int = 50) -> tuple[int, list[YearMember]]:
    """Staff to be declared who are not among the people named, by id from after one id on: how many in all, and the first of them.

    named: ID numbers, joined by commas (one text is a hundred times as fast as a hundred thousand parameters).
    """
    values: dict[str, Any] = {"unit": unit_id, "first": first_month, "named": named, "after": after, "limit": limit}
    missing = f"""
      select distinct s.person_id, p.id_number, p.name, null::bigint as wage
      {_EXPECTED} and p.id_number <> all(string_to_array(%(named)s, ','))
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            with missing as materialized ({missing})
            select (select count(*) from missing), m.* from missing m where m.person_id > %(after)s order by m.person_id limit %(limit)s
            """,
            values,
        )
        rows = cursor.fetchall()
    return (rows[0][0] if rows else 0), [YearMember(*row[1:]) for row in rows]


@dataclass(frozen=True, slots=True)
class Retiree:
    """A line of a unit's register of retirees outside the city's pool."""

    person_id: int
    id_number: str
    name: str
    kind: str
    pension_fen: int
    from_month: int
    to_month: int | None


def retirees(unit_id: int, month: int) -> Iterator[Retiree]:
    """A unit's retirees outside the pool who are on its register in a month or later, by id, read in chunks."""
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                select distinct on (r.person_id) r.person_id, p.id_number, p.name, r.kind, r.pension_fen, r.from_month, r.to_month
                from enrolment_outsideretiree r join parties_person p on p.id = r.person_id
                where r.unit_id = %s and r.known_to is null and (r.to_month is null or r.to_month > %s) and r.person_id > %s
                order by r.person_id, r.from_month desc limit {CHUNK_ROWS}
                """,
                [unit_id, month, after],
            )
            rows = cursor.fetchall()
        yield from (Retiree(*row) for row in rows)
        if len(rows) < CHUNK_ROWS:
            return
        after = rows[-1][0]


@dataclass(frozen=True, slots=True)
class RetireeStanding:
    """Who stands behind an ID number of a retirees' list: on whose register, and whether they are insured as staff somewhere."""

    person_id: int
    name: str
    here: Retiree | None
    other_unit: str
    staff_of: str


def retiree_standings(id_numbers: Sequence[str], unit_id: int, month: int) -> dict[str, RetireeStanding]:
    """The standing of many people in one query. Who is unknown is absent from the answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select p.id_number, p.id, p.name, r.kind, r.pension_fen, r.from_month, r.to_month,
              (select u.name from enrolment_outsideretiree o join parties_unit u on u.id = o.unit_id
               where o.person_id = p.id and o.unit_id <> %(unit)s and o.known_to is null and (o.to_month is null or o.to_month > %(month)s)
               limit 1),
              (select u.name from enrolment_spell s join parties_unit u on u.id = s.unit_id
               where s.person_id = p.id and s.known_to is null and s.insurance_mask & 1 <> 0 and s.to_month is null limit 1)
            from parties_person p
            left join lateral (
              select * from enrolment_outsideretiree r where r.person_id = p.id and r.unit_id = %(unit)s and r.known_to is null
                and (r.to_month is null or r.to_month > %(month)s) order by r.from_month desc limit 1) r on true
            where p.id_number = any(string_to_array(%(numbers)s, ','))
            """,
            {"numbers": ",".join(id_numbers), "unit": unit_id, "month": month},
        )
        rows = cursor.fetchall()
    return {
        number: RetireeStanding(
            person_id, name, Retiree(person_id, number, name, kind, fen, first, end) if kind else None, other or "", staff or ""
        )
        for number, person_id, name, kind, fen, first, end, other, staff in rows
    }
