"""个人账户 of the demo city: balances and months from before its first month, as labelled 示例 migration rows; the years over settled.

What came in since is credited by the payments themselves.
"""

from datetime import date, datetime

from django.db import connection

from shebao.access.acting import acting
from shebao.accounts import crediting, settling
from shebao.accounts.crediting import Reference, Rows
from shebao.accounts.models import EntryKind, YearState
from shebao.accounts.queries import settled_years
from shebao.accounts.registering import NewFacts, register_facts
from shebao.base.actor import ENGINE
from shebao.base.months import Month, month_of, months_between
from shebao.base.terms import Insurance
from shebao.policy.rulebook import Rulebook
from shebao.runs import account_interest
from shebao.site.demo import register
from shebao.site.demo.scale import PLACE

LABEL = "示例：前期个人账户余额（迁移数据，非真实）"
WORK_BEGINS_AT = 22  # years old, in this example
FIRST_ACCOUNT: Month = 199601
DEEMED_BEGINS: Month = 198801
SHARE_OF_WAGE = (8, 100)
EARLIER_WAGES = (55, 100)  # what people earned in the years before, on average, of what they declare now


def bring_forward(first: Month, today: date) -> None:
    """Opening balances and 缴费月数 of everybody who is insured from the city's first month on; brought in two years ago, so
    that there are years over to settle."""
    brought = min(first, (today.year - 2) * 100 + 12)
    on = date(brought // 100, brought % 100, 1)
    at = register.instant(brought, 3)
    with acting(ENGINE):
        people = _people(first)
        rows = [("demo:brought", person, brought, _balance(months, wage_fen), 0) for person, _, months, _, wage_fen in people if months]
        crediting.credit([Reference("demo:brought", LABEL)], Rows.of(rows), place=PLACE, on=on, at=at, kind=EntryKind.BROUGHT)
        facts = [NewFacts(person, start, deemed, months, LABEL) for person, start, months, deemed, _ in people]
        register_facts(facts, from_day=on, at=at)


def _balance(months: int, wage_fen: int) -> int:
    return months * wage_fen * SHARE_OF_WAGE[0] * EARLIER_WAGES[0] // (SHARE_OF_WAGE[1] * EARLIER_WAGES[1])


def _people(first: Month) -> list[tuple[int, Month, int, int, int]]:
    """(person, 账户建立年月, months paid before, 视同缴费月数, wage) of those insured in the first month: by age, as an example."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select p.id, extract(year from p.birth_date)::int, extract(month from p.birth_date)::int, min(w.wage_fen)
            from enrolment_spell s join parties_person p on p.id = s.person_id
            join enrolment_wage w on w.person_id = s.person_id and w.unit_id = s.unit_id and w.known_to is null and w.from_month <= %s
            where s.known_to is null and s.from_month <= %s and s.insurance_mask & %s <> 0
            group by 1 order by 1
            """,
            [first, first, Insurance.PENSION.flag],
        )
        found = []
        for person, year, month, wage_fen in cursor.fetchall():
            began = (year + WORK_BEGINS_AT) * 100 + month
            start = min(max(began, FIRST_ACCOUNT), first)
            deemed = months_between(max(began, DEEMED_BEGINS), FIRST_ACCOUNT) if began < FIRST_ACCOUNT else 0
            found.append((person, start, months_between(start, first), max(deemed, 0), wage_fen))
        return found


def settle_past_years(today: date, rulebook: Rulebook) -> list[int]:
    """Settle every year of the city that is over and has a rate, in order. Years without one wait, as they would in real life."""
    done = []
    with acting(ENGINE):
        years = [year for year, state, _ in reversed(settled_years(PLACE)) if state == YearState.OPEN and year < today.year]
    for year in years:
        try:
            account_interest.settle(PLACE, year, clock=lambda: _moment(today), rulebook=rulebook)
        except settling.NoRateError:
            break
        done.append(year)
    return done


def _moment(today: date) -> datetime:
    return register.instant(month_of(today), today.day)
