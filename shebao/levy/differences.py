"""补收与待退: what a correction of the register means for months that were assessed before. Computed twice by the one kernel, before
and after; where the two differ, what is due now is compared with what was charged. Upwards it is charged, downwards it is kept as 待退."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from shebao.base.terms import INSURANCES, Insurance, Payer
from shebao.levy.bulk import AMOUNT_COLUMNS
from shebao.levy.causes import Because, note
from shebao.levy.models import CauseKind
from shebao.levy.month_rules import rule_sets
from shebao.levy.relief import SIZE_ON
from shebao.policy.levy import assess_one, month_rates
from shebao.policy.rulebook import standard

Key = tuple[int, int, int, Insurance]  # unit, person, month, type


@dataclass(frozen=True, slots=True)
class Share:
    """应缴 of a person, month and type, fen."""

    base_fen: int = 0
    unit_fen: int = 0
    person_fen: int = 0

    @property
    def total_fen(self) -> int:
        return self.unit_fen + self.person_fen


NOTHING = Share()


@dataclass(frozen=True, slots=True)
class Difference:
    """One person, month and type whose due has changed: what was charged, and what is due by the corrected register."""

    unit_id: int
    person_id: int
    month: int
    insurance: Insurance
    charged: Share
    due: Share

    @property
    def unit_fen(self) -> int:
        """What the unit owes more (or, below zero, has paid too much)."""
        return self.due.unit_fen - self.charged.unit_fen

    @property
    def person_fen(self) -> int:
        return self.due.person_fen - self.charged.person_fen

    @property
    def up_fen(self) -> int:
        """补收."""
        return max(self.unit_fen, 0) + max(self.person_fen, 0)

    @property
    def down_fen(self) -> int:
        """待退."""
        return max(-self.unit_fen, 0) + max(-self.person_fen, 0)


def assessed_months(place: str) -> list[int]:
    """Months of a place that are assessed, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("select month from levy_placemonth where place = %s and state = 'assessed' order by month", [place])
        return [month for (month,) in cursor.fetchall()]


def left_out(place: str, months: Iterable[int]) -> list[int]:
    """Of some months those that were passed over: a later month of the place is assessed, they are not. Nothing would ever charge them."""
    known = assessed_months(place)
    return sorted({month for month in months if known and month < known[-1] and month not in known})


def by_register(person_ids: Sequence[int]) -> dict[Key, Share]:
    """What the register as it stands makes people owe, in all assessed months, through employers.

    Raises: RuleMissing when a month has no value for a type somebody is insured in.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select s.unit_id, s.person_id, m.month, u.place, bit_or(s.insurance_mask), min(w.wage_fen), min(t.injury_class),
                   {SIZE_ON.format(day="to_date(m.month::text, 'YYYYMM')")}
            from enrolment_spell s join parties_unit u on u.id = s.unit_id and u.kind = 'employer'
            join levy_placemonth m on m.place = u.place and m.state = 'assessed' and m.month >= s.from_month
              and (s.to_month is null or m.month < s.to_month)
            join enrolment_wage w on w.unit_id = s.unit_id and w.person_id = s.person_id and w.known_to is null
              and w.from_month <= m.month and (w.to_month is null or w.to_month > m.month)
            left join parties_unitterms t on t.unit_id = s.unit_id and t.known_to is null
              and t.from_month <= m.month and (t.to_month is null or t.to_month > m.month)
            where s.person_id = any(%s) and s.known_to is null group by 1, 2, 3, 4, u.id
            """,
            [list(person_ids)],
        )
        rows = cursor.fetchall()
    return {
        (unit_id, person_id, month, insurance): share
        for unit_id, person_id, month, place, mask, wage_fen, injury_class, size in rows
        for insurance, share in shares(wage_fen, mask, injury_class or 0, month, place, size or "").items()
    }


def shares(wage_fen: int, mask: int, injury_class: int, month: int, place: str, size: str = "") -> dict[Insurance, Share]:
    """应缴 of one person for one month by type, with the base. size: 企业规模. Raises: RuleMissing, InjuryClassUnknown, UnitSizeUnknown."""
    rates = month_rates(standard(), month, place)
    owed = assess_one(wage_fen, mask, injury_class, rates, size)
    found: dict[Insurance, Share] = {}
    for insurance in INSURANCES:
        unit_fen, person_fen = owed[insurance, Payer.UNIT], owed[insurance, Payer.PERSON]
        if unit_fen or person_fen:
            floor, cap = rates.floor_fen.get(insurance, 0), rates.cap_fen.get(insurance, 0)
            base_fen = min(max(wage_fen, floor), cap) if insurance in rates.floor_fen else 0
            found[insurance] = Share(base_fen, unit_fen, person_fen)
    return found


def charged(person_ids: Sequence[int], month: int | None = None) -> dict[Key, Share]:
    """What people were charged so far, in all months or in one: the months' own assessment, 补缴 since, less what is 待退 already, and what
    a released recalculation holds back until the month is declared (it is charged then, whatever comes in between)."""
    types = sorted({insurance for insurance, _ in AMOUNT_COLUMNS}, key=lambda i: i.bit)
    this_month = "true" if month is None else "month = %(month)s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select unit_id, person_id, month, insurance, sum(base_fen)::bigint, sum(unit_fen)::bigint, sum(person_fen)::bigint from (
              select a.unit_id, a.person_id, a.month, t.insurance, t.base_fen, t.unit_fen, t.person_fen from levy_assessment a
              cross join lateral (values {", ".join(_type_row(i) for i in types)}) as t (insurance, base_fen, unit_fen, person_fen)
              where a.person_id = any(%(people)s) and {this_month}
              union all
              select unit_id, person_id, month, insurance, base_fen, unit_fen, person_fen from levy_line
              where person_id = any(%(people)s) and {this_month}
              union all
              select unit_id, person_id, month, insurance, -base_fen, -unit_fen, -person_fen from levy_refunddue
              where person_id = any(%(people)s) and {this_month}
              union all
              select unit_id, person_id, month, insurance, due_base_fen - base_fen, due_unit_fen - unit_fen, due_person_fen - person_fen
              from levy_recalculationline h where state = 'held' and person_id = any(%(people)s) and {this_month}
                and exists (select 1 from levy_recalculation r where r.id = h.recalculation_id and r.state = 'released')) x
            group by 1, 2, 3, 4
            """,
            {"people": list(person_ids), "month": month},
        )
        return {(unit, person, month, Insurance(code)): Share(*parts) for unit, person, month, code, *parts in cursor.fetchall()}


def _type_row(insurance: Insurance) -> str:
    unit, person = (f"a.{name}" if (name := AMOUNT_COLUMNS.get((insurance, payer))) else "0" for payer in (Payer.UNIT, Payer.PERSON))
    base = {Insurance.MEDICAL: "a.medical_base_fen", Insurance.LARGE_MEDICAL: "0"}.get(insurance, "a.pension_base_fen")
    return f"({insurance.value}, case when a.profile & {insurance.flag} <> 0 then {base} else 0 end, {unit}, {person})"


def written_off(person_ids: Sequence[int]) -> frozenset[Key]:
    """Months and types of people whose dues were written off (欠费注销): for good, so no correction charges or gives them back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select unit_id, person_id, month, insurance from levy_takendue where person_id = any(%s) and state = 'written_off'",
            [list(person_ids)],
        )
        return frozenset((unit, person, month, Insurance(code)) for unit, person, month, code in cursor.fetchall())


def between(
    before: Mapping[Key, Share], after: Mapping[Key, Share], so_far: Mapping[Key, Share], closed: frozenset[Key] = frozenset()
) -> list[Difference]:
    """Where the register makes another amount due than before: what was charged, and what is due now. By unit, person, month and type.

    closed: months and types that are settled for good and stay as they are.
    """
    keys = (before.keys() | after.keys()) - closed
    moved = sorted(key for key in keys if before.get(key, NOTHING) != after.get(key, NOTHING))
    found = (Difference(*key, so_far.get(key, NOTHING), after.get(key, NOTHING)) for key in moved)
    return [one for one in found if one.unit_fen or one.person_fen]


# Up onto the unit's next bill (补缴 where nothing had been charged, 补差 where something had), down as 待退差额; and each with its cause.
_SETTLE = """
with n as (
  select * from unnest(%(units)s::int[], %(people)s::bigint[], %(agencies)s::int[], %(months)s::int[], %(types)s::int[],
    %(base)s::bigint[], %(unit)s::bigint[], %(person)s::bigint[], %(due_base)s::bigint[], %(due_unit)s::bigint[], %(due_person)s::bigint[],
    %(causes)s::bigint[], %(rules)s::int[])
  as n (unit_id, person_id, agency_id, month, insurance, base, unit, person, due_base, due_unit, due_person, cause_id, rules_id)),
up as (
  insert into levy_line (person_id, unit_id, agency_id, month, insurance, origin, base_fen, unit_fen, person_fen, case_id, recorded_at)
  select n.person_id, n.unit_id, n.agency_id, n.month, n.insurance, case when n.unit + n.person > 0 then 'diff' else 'back' end,
         greatest(n.due_base - n.base, 0), greatest(n.due_unit - n.unit, 0), greatest(n.due_person - n.person, 0), c.case_id, %(at)s
  from n join levy_cause c on c.id = n.cause_id where n.due_unit > n.unit or n.due_person > n.person
  order by n.unit_id, n.person_id, n.month, n.insurance
  on conflict on constraint levy_line_once do update set base_fen = levy_line.base_fen + excluded.base_fen,
    unit_fen = levy_line.unit_fen + excluded.unit_fen, person_fen = levy_line.person_fen + excluded.person_fen
  returning id, unit_id, person_id, month, insurance),
down as (
  insert into levy_refunddue
    (unit_id, person_id, agency_id, month, insurance, base_fen, unit_fen, person_fen, reason, case_id, recorded_at)
  select n.unit_id, n.person_id, n.agency_id, n.month, n.insurance, greatest(n.base - n.due_base, 0),
         greatest(n.unit - n.due_unit, 0), greatest(n.person - n.due_person, 0), coalesce(k.reason, c.reason), c.case_id, %(at)s
  from n join levy_cause c on c.id = n.cause_id left join parties_correction k on k.id = c.correction_id
  where n.due_unit < n.unit or n.due_person < n.person
  order by n.unit_id, n.person_id, n.month, n.insurance
  returning id, unit_id, person_id, month, insurance)
insert into levy_duechange (cause_id, unit_id, agency_id, person_id, month, insurance, base_fen, unit_fen, person_fen,
                            due_base_fen, due_unit_fen, due_person_fen, line_id, refund_due_id, rules_id)
select n.cause_id, n.unit_id, n.agency_id, n.person_id, n.month, n.insurance, n.base, n.unit, n.person, n.due_base, n.due_unit,
       n.due_person, up.id, down.id, n.rules_id
from n left join up using (unit_id, person_id, month, insurance) left join down using (unit_id, person_id, month, insurance)
order by n.unit_id, n.person_id, n.month, n.insurance
"""


def settle(
    differences: Sequence[Difference],
    agencies: Mapping[int, int],
    *,
    reason: str = "",
    case_id: int | None = None,
    at: datetime,
    causes: Sequence[int] = (),
) -> None:
    """Charge what is due more (onto the unit's next bill) and keep what was charged too much as 待退. Nothing is dropped, and each says
    why: what had been charged, what is due now, the act and the rules of this instant.

    Args: agencies: 经办机构 by unit id.  causes: of each difference its cause (`causes.note`); without any they are noted here, one a
    unit, with the reason and case given.
    """
    if not differences:
        return
    if not causes:
        units = sorted({d.unit_id for d in differences})
        acts = [Because(CauseKind.OTHER, unit, agencies[unit], case_id=case_id, reason=reason) for unit in units]
        of = dict(zip(units, note(acts, at=at), strict=True))
        causes = [of[d.unit_id] for d in differences]
    places = _places({d.unit_id for d in differences})
    rules = rule_sets(((places[d.unit_id], d.month) for d in differences), standard(), at=at)
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLE,
            {
                "at": at,
                "units": [d.unit_id for d in differences],
                "people": [d.person_id for d in differences],
                "agencies": [agencies[d.unit_id] for d in differences],
                "months": [d.month for d in differences],
                "types": [d.insurance.value for d in differences],
                "base": [d.charged.base_fen for d in differences],
                "unit": [d.charged.unit_fen for d in differences],
                "person": [d.charged.person_fen for d in differences],
                "due_base": [d.due.base_fen for d in differences],
                "due_unit": [d.due.unit_fen for d in differences],
                "due_person": [d.due.person_fen for d in differences],
                "causes": list(causes),
                "rules": [rules[places[d.unit_id], d.month] for d in differences],
            },
        )


def _places(unit_ids: Iterable[int]) -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("select id, place from parties_unit where id = any(%s)", [list(unit_ids)])
        return dict(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Refund:
    """待退差额 of a person and month, all types, fen."""

    unit_id: int
    person_id: int
    person_name: str
    month: int
    unit_fen: int
    person_fen: int
    reason: str
    case_id: int | None
    recorded_at: datetime
    ids: tuple[int, ...]


def refunds_due(*, unit_id: int | None = None, person_id: int | None = None, limit: int = 200) -> list[Refund]:
    """待退差额 within the actor's reach, newest first; of a unit or a person when one is named."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select r.unit_id, r.person_id, p.name, r.month, sum(r.unit_fen)::bigint, sum(r.person_fen)::bigint, r.reason, r.case_id,
                   r.recorded_at, array_agg(r.id order by r.insurance)
            from levy_refunddue r join parties_person p on p.id = r.person_id
            where (%s::int is null or r.unit_id = %s) and (%s::bigint is null or r.person_id = %s)
            group by r.unit_id, r.person_id, p.name, r.month, r.reason, r.case_id, r.recorded_at
            order by r.recorded_at desc, r.month, r.person_id limit %s
            """,
            [unit_id, unit_id, person_id, person_id, limit],
        )
        return [Refund(*[*row[:-1], tuple(row[-1])]) for row in cursor.fetchall()]


def refund_total(unit_id: int) -> int:
    """待退差额 of a unit, both parts, fen."""
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(sum(unit_fen + person_fen), 0)::bigint from levy_refunddue where unit_id = %s", [unit_id])
        return int(cursor.fetchone()[0])
