"""核定单: one a unit and month, all types together, with what is owed beside the normal month; and what is still open of them."""

from datetime import date, datetime

from django.db import connection

from shebao.base.terms import INSURANCES, Insurance, Payer
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book
from shebao.levy.bulk import AMOUNT_COLUMNS
from shebao.levy.models import Run
from shebao.levy.settling import estimate_undeclared, use_credits
from shebao.policy.calendar import add_working_days
from shebao.policy.declaration import payment_due
from shebao.policy.rulebook import Rulebook

ASSESSED_TYPES = tuple(i for i in INSURANCES if i is not Insurance.MATERNITY)  # 生育 is levied within 职工基本医疗 since 2020


def due_date(rulebook: Rulebook, issued_on: date, place: str) -> date:
    """缴费截止日: so many working days after the bill, as the rule of the day says. Raises: RuleMissing, CalendarMissing."""
    return add_working_days(issued_on, int(rulebook.rule("declaration.payment_working_days", issued_on, place).value))


def bill_month(run: Run, rulebook: Rulebook, *, on: date, at: datetime) -> int:
    """Issue the bills of a published month and book them as receivable. Set-based; returns how many bills.

    Lines owed outside the normal month (补缴) that are on no bill yet are taken onto it. Undeclared units are determined by last month;
    credits of settled months pay at once.
    """
    due = payment_due(rulebook, run.month, on, run.place)
    with connection.cursor() as cursor:
        cursor.execute(_BILLS, {"run": run.pk, "month": run.month, "place": run.place, "on": on, "due": due})
        bills = int(cursor.rowcount)
        cursor.execute(
            """
            update levy_line l set bill_id = b.id from levy_bill b
            where b.run_id = %s and l.unit_id = b.unit_id and l.bill_id is null and l.month <= b.month
            """,
            [run.pk],
        )
        cursor.execute(_NORMAL_LINES, {"run": run.pk, "month": run.month})
        estimate_undeclared(run, rulebook, at=at)
        cursor.execute(_OTHER_LINES, [run.pk])
        cursor.execute(
            """
            update levy_bill b set unit_fen = t.unit_fen, person_fen = t.person_fen
            from (select l.bill_id, sum(l.unit_fen) as unit_fen, sum(l.person_fen) as person_fen from levy_billline l
                  join levy_bill x on x.id = l.bill_id where x.run_id = %s group by 1) t
            where b.id = t.bill_id
            """,
            [run.pk],
        )
        cursor.execute(
            """
            select l.insurance, sum(l.unit_fen + l.person_fen)::bigint from levy_billline l join levy_bill b on b.id = l.bill_id
            where b.run_id = %s group by 1
            """,
            [run.pk],
        )
        sums = cursor.fetchall()
    sides = [
        side
        for fund, amount_fen in sums
        for side in (Side(fund, AccountKind.RECEIVABLE, amount_fen), Side(fund, AccountKind.INCOME, -amount_fen))
    ]
    if any(side.amount_fen for side in sides):
        text = f"{run.month} 月度核定应收"
        book([Booking(f"assess:{run.place}:{run.month}", text, f"run:{run.pk}", tuple(sides))], place=run.place, on=on, at=at)
    use_credits(run, at=at)
    return bills


_BILLS = """
insert into levy_bill (number, unit_id, agency_id, month, issued_on, due_date, headcount, unit_fen, person_fen, paid_fen, state, run_id)
select 'HD' || %(month)s || '-' || lpad(nextval('levy_bill_number')::text, 7, '0'), u.id, u.agency_id, %(month)s, %(on)s, %(due)s,
       coalesce(a.heads, 0), 0, 0, 0, 'issued', %(run)s
from parties_unit u
left join (select unit_id, count(*) as heads from levy_assessment where month = %(month)s group by 1) a on a.unit_id = u.id
where u.place = %(place)s and u.kind = 'employer'
  and (a.heads > 0 or exists (select 1 from levy_line l where l.unit_id = u.id and l.bill_id is null and l.month <= %(month)s))
order by u.id
"""


def type_row(insurance: Insurance) -> str:
    """One type of a levy_assessment row as a row of values: code, flag, base, unit part, person part."""
    unit, person = (AMOUNT_COLUMNS.get((insurance, payer), "0") for payer in (Payer.UNIT, Payer.PERSON))
    base = {Insurance.MEDICAL: "medical_base_fen", Insurance.LARGE_MEDICAL: "0"}.get(insurance, "pension_base_fen")
    return f"({insurance.value}, {insurance.flag}, {base}, {unit}, {person})"


_NORMAL_LINES = f"""
insert into levy_billline (bill_id, insurance, origin, headcount, base_fen, unit_fen, person_fen, paid_fen)
select b.id, t.insurance, 'normal', count(*), sum(t.base_fen), sum(t.unit_fen), sum(t.person_fen), 0
from levy_assessment a join levy_bill b on b.unit_id = a.unit_id and b.month = a.month and b.run_id = %(run)s
cross join lateral (values {", ".join(type_row(i) for i in ASSESSED_TYPES)}) as t (insurance, flag, base_fen, unit_fen, person_fen)
where a.month = %(month)s and a.profile & t.flag <> 0 group by b.id, t.insurance order by b.id, t.insurance
"""

_OTHER_LINES = """
insert into levy_billline (bill_id, insurance, origin, headcount, base_fen, unit_fen, person_fen, paid_fen)
select l.bill_id, l.insurance, l.origin, count(distinct l.person_id), sum(l.base_fen), sum(l.unit_fen), sum(l.person_fen), 0
from levy_line l join levy_bill b on b.id = l.bill_id where b.run_id = %s group by 1, 2, 3
"""
