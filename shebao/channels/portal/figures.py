"""Figures of the home page: what changes this month, what it will cost, what is owed and paid."""

from dataclasses import dataclass
from datetime import date, datetime, time

import numpy as np
from django.db import connection
from django.db.models import Count, Q

from shebao.base.clock import ZONE
from shebao.base.months import Month, first_day, month_of, shift
from shebao.base.terms import Insurance
from shebao.casework.models import Case, CaseState
from shebao.enrolment.models import Spell
from shebao.levy.models import Bill, BillKind
from shebao.levy.queries import unit_totals
from shebao.parties.queries import find_terms
from shebao.policy.levy import assess, month_rates
from shebao.policy.rulebook import RuleMissing, standard

MONTHS_SHOWN = 12
CHART_FEN = 100_00  # one step of the chart: browsers draw numbers of nine digits wrongly
TENTH_OF_WAN_FEN = 1_000_00  # 0.1 万元


@dataclass(frozen=True, slots=True)
class Forecast:
    """预核定: what the present roster will owe for a month, fen; people whose wage is raised to the floor or cut to the cap."""

    people: int
    unit_fen: int
    person_fen: int
    floored: int
    capped: int

    @property
    def total_fen(self) -> int:
        return self.unit_fen + self.person_fen


def forecast(unit_id: int, month: Month, place: str) -> Forecast | None:
    """Assess the present roster by columns, as the monthly run will. None where a rule of the month has no value yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select s.insurance_mask, coalesce(w.wage_fen, 0) from enrolment_spell s
            left join enrolment_wage w on w.unit_id = s.unit_id and w.person_id = s.person_id and w.known_to is null
              and w.from_month <= %(m)s and (w.to_month is null or w.to_month > %(m)s)
            where s.unit_id = %(unit)s and s.known_to is null and s.from_month <= %(m)s and (s.to_month is null or s.to_month > %(m)s)
            """,
            {"unit": unit_id, "m": month},
        )
        rows = cursor.fetchall()
    terms = find_terms(unit_id, month)
    if not rows or terms is None:
        return Forecast(0, 0, 0, 0, 0)
    masks = np.array([row[0] for row in rows], np.uint8)
    wages = np.array([row[1] for row in rows], np.int64)
    rates = month_rates(standard(), month, place)
    try:
        found = assess(wages, masks, np.full(len(rows), terms.injury_class, np.int8), rates)
    except RuleMissing:
        return None
    floor, cap = rates.floor_fen.get(Insurance.PENSION, 0), rates.cap_fen.get(Insurance.PENSION, 0)
    return Forecast(
        len(rows),
        int(found.unit_total().sum()),
        int(found.person_total().sum()),
        int((wages < floor).sum()),
        int((wages > cap).sum() if cap else 0),
    )


@dataclass(frozen=True, slots=True)
class Movement:
    """增员 and 减员 that were approved in a month: people."""

    added: int
    stopped: int


def movement(unit_id: int, month: Month) -> Movement:
    """What filings of the month did to the register, whichever month they begin or end with."""
    since = datetime.combine(first_day(month), time(), ZONE)
    rows = Spell.objects.filter(unit_id=unit_id, known_to__isnull=True, known_from__gte=since, case_id__isnull=False)
    return Movement(
        **rows.aggregate(
            added=Count("person_id", filter=Q(to_month__isnull=True), distinct=True),
            stopped=Count("person_id", filter=Q(to_month__isnull=False), distinct=True),
        )
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """Cases by what they wait for."""

    drafts: int
    returned: int
    review: int
    done: int


def waiting(unit_id: int) -> Waiting:
    """One pass over the unit's cases."""
    draft = Q(state__in=(CaseState.DRAFT, CaseState.CHECKING))
    return Waiting(
        **Case.objects.filter(unit_id=unit_id).aggregate(
            drafts=Count("id", filter=draft & Q(returned=False)),
            returned=Count("id", filter=draft & Q(returned=True)),
            review=Count("id", filter=Q(state=CaseState.REVIEW)),
            done=Count("id", filter=Q(state=CaseState.DONE)),
        )
    )


def bill_of(unit_id: int, month: Month) -> Bill | None:
    """The 核定单 of a month."""
    return Bill.objects.filter(unit_id=unit_id, month=month, kind=BillKind.MONTHLY).first()


def twelve_months(unit_id: int, on: date) -> list[dict[str, object]]:
    """Columns of the chart: 已到账 and 未到账 by month, oldest first."""
    first = shift(month_of(on), 1 - MONTHS_SHOWN)
    return [
        {
            "label": f"{m % 100} 月",
            "values": [paid // CHART_FEN, (owed - paid) // CHART_FEN],
            "texts": [paid, owed - paid],
            "shown": f"{owed // TENTH_OF_WAN_FEN // 10}.{owed // TENTH_OF_WAN_FEN % 10}",
        }
        for m, owed, paid, _ in unit_totals(unit_id, first)
    ]
