"""What was paid for a person in a year, month by month, for the 个人权益记录单: through whom, on which base, both parts of pension."""

from dataclasses import dataclass

from django.db import connection

from shebao.base.months import Month
from shebao.base.terms import INSURANCES, Insurance
from shebao.levy.bulk import AMOUNT_COLUMNS


@dataclass(frozen=True, slots=True)
class PaidMonth:
    """A month of a person through one payer, pension alone; fen. account_fen: what stands on the personal account for it.

    base_fen, unit_fen, person_fen: None where only the account tells of the month (补缴, months before these books).
    """

    month: Month
    payer: str
    base_fen: int | None
    unit_fen: int | None
    person_fen: int | None
    account_fen: int


def paid_months(person_id: int, year: int) -> list[PaidMonth]:
    """The paid pension months of a year, by month. A month counts as paid when its own part was credited to the account."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS, {"person": person_id, "first": year * 100 + 1, "last": year * 100 + 12, "pension": Insurance.PENSION.value})
        return [PaidMonth(*row) for row in cursor.fetchall()]


def months_paid(person_id: int, year: int) -> dict[int, int]:
    """How many months of a year were paid for a person, by insurance code: the types of the months whose pension is credited, as a bill
    is cleared with all its types, and a flexible worker's own paid dues."""
    types = " union all ".join(
        f"select a.month, {i.value} where a.profile & {i.flag} <> 0" for i in INSURANCES if any(key[0] is i for key in AMOUNT_COLUMNS)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            with credited as (
              select month from accounts_entry where person_id = %(person)s and kind = 1 and month between %(first)s and %(last)s
              group by 1 having sum(own_fen) > 0)
            select insurance, count(distinct month)::int from (
              select t.month, t.insurance from levy_assessment a join credited c on c.month = a.month
              cross join lateral ({types}) as t (month, insurance)
              where a.person_id = %(person)s and a.month between %(first)s and %(last)s
              union all
              select f.month, f.insurance from levy_flexdue f
              where f.person_id = %(person)s and f.month between %(first)s and %(last)s and f.state = 'paid'
              union all
              select month, %(pension)s from credited) x group by 1
            """,
            {"person": person_id, "first": year * 100 + 1, "last": year * 100 + 12, "pension": Insurance.PENSION.value},
        )
        return dict(cursor.fetchall())


_MONTHS = f"""
with credited as (
  select month, sum(own_fen + employer_fen)::bigint as fen from accounts_entry
  where person_id = %(person)s and kind = 1 and month between %(first)s and %(last)s group by 1 having sum(own_fen) > 0),
due as (
  select a.month, u.name, a.pension_base_fen::bigint as base, a.pension_unit_fen::bigint as unit, a.pension_person_fen::bigint as own
  from levy_assessment a left join parties_unit u on u.id = a.unit_id
  where a.person_id = %(person)s and a.month between %(first)s and %(last)s and a.profile & {Insurance.PENSION.flag} <> 0
  union all
  select f.month, '灵活就业人员（个人缴费）', f.base_fen, 0, f.total_fen
  from levy_flexdue f where f.person_id = %(person)s and f.month between %(first)s and %(last)s and f.insurance = %(pension)s
    and f.state = 'paid')
select c.month, coalesce(string_agg(d.name, '、'), '—'), max(d.base), sum(d.unit)::bigint, sum(d.own)::bigint, c.fen
from credited c left join due d on d.month = c.month group by c.month, c.fen order by c.month
"""
