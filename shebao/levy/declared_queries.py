"""Questions about declarations: how a unit's months stand, who has not declared, how an undeclared month came about."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from django.db import connection

from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_of, shift
from shebao.base.terms import INSURANCES, SHORT_LABELS, Insurance
from shebao.levy.declaring import lines_of
from shebao.levy.desk_queries import Found
from shebao.levy.models import Bill, BillKind, BillState, Declaration, Estimate, MonthState, PlaceMonth
from shebao.levy.statement import Movement, Statement
from shebao.policy.calendar import working_days_between
from shebao.policy.declaration import declared_mask, explain_undeclared, payment_due
from shebao.policy.explain import Explained
from shebao.policy.rulebook import Rulebook


class Stage(StrEnum):
    """How the declaration of a unit's month stands."""

    NOT_REQUIRED = "not_required"
    FUTURE = "future"
    NOTHING = "nothing"
    OPEN = "open"
    DECLARED = "declared"
    CHANGED = "changed"
    ASSESSING = "assessing"
    BILLED = "billed"
    ESTIMATED = "estimated"
    SETTLED = "settled"

    @property
    def label(self) -> str:
        return _WORDS[self][0]

    @property
    def tone(self) -> str:
        return _WORDS[self][1]

    @property
    def may_declare(self) -> bool:
        """Whether declaring is the next step."""
        return self in (Stage.OPEN, Stage.CHANGED, Stage.ESTIMATED)


_WORDS = {
    Stage.NOT_REQUIRED: ("不实行自主申报", "mute"),
    Stage.FUTURE: ("未到申报期", "mute"),
    Stage.NOTHING: ("无需申报", "mute"),
    Stage.OPEN: ("未申报", "warn"),
    Stage.DECLARED: ("已申报", "ok"),
    Stage.CHANGED: ("已申报，有变动", "warn"),
    Stage.ASSESSING: ("核定中", "info"),
    Stage.BILLED: ("已核定", "ok"),
    Stage.ESTIMATED: ("未申报，按上月 110% 核定", "err"),
    Stage.SETTLED: ("已补申报", "ok"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """One unit's month. due: 缴费截止日, of the bill or, before there is one, counted from the declaration; days_left: working days until
    then, negative past it; both None when nothing is due or the calendar does not reach so far (then `unknown` says why)."""

    month: Month
    stage: Stage
    declaration: Declaration | None
    bill: Bill | None
    due: date | None
    days_left: int | None
    unknown: str = ""

    @property
    def clock(self) -> str:
        """距缴费截止 in words; empty when no clock runs."""
        if self.bill is not None and self.bill.state == BillState.PAID:
            return "已缴清"
        if self.due is None or self.days_left is None:
            return self.unknown
        if self.days_left < 0:
            return f"已过缴费截止日 {-self.days_left} 个工作日"
        return f"距缴费截止还有 {self.days_left} 个工作日"


def standing(unit_id: int, place: str, told: Statement, on: date, rulebook: Rulebook) -> Standing:
    """How a month stands, with its statement at hand: a change after the declaration shows."""
    (found,) = standings(unit_id, place, [told.month], on, rulebook)
    if found.stage is Stage.OPEN and not told.this.heads:
        return _with(found, Stage.NOTHING)
    if found.stage is Stage.DECLARED and found.declaration is not None and lines_of(found.declaration) != _now(told):
        return _with(found, Stage.CHANGED)
    return found


def _now(told: Statement) -> dict[Insurance, object]:
    return {row.insurance: row.sums[Movement.THIS] for row in told.declared if row.sums[Movement.THIS].heads}


def _with(found: Standing, stage: Stage) -> Standing:
    return Standing(found.month, stage, found.declaration, found.bill, found.due, found.days_left, found.unknown)


def standings(unit_id: int, place: str, months: Iterable[Month], on: date, rulebook: Rulebook) -> list[Standing]:
    """How months stand, in the order given. What changed after a declaration is not looked for."""
    wanted = list(months)
    states = {m.month: MonthState(m.state) for m in PlaceMonth.objects.filter(place=place, month__in=wanted)}
    bills = {b.month: b for b in Bill.objects.filter(unit_id=unit_id, month__in=wanted, kind=BillKind.MONTHLY)}
    declared = {d.month: d for d in Declaration.objects.filter(unit_id=unit_id, month__in=wanted).order_by("round")}
    open_estimates = set(Estimate.objects.filter(unit_id=unit_id, month__in=wanted, settled_at=None).values_list("month", flat=True))
    found = []
    for month in wanted:
        declaration, bill, state = declared.get(month), bills.get(month), states.get(month, MonthState.OPEN)
        if not declared_mask(rulebook, month, place):
            stage = Stage.NOT_REQUIRED
        elif month > month_of(on):
            stage = Stage.FUTURE
        elif state is MonthState.ASSESSING:
            stage = Stage.ASSESSING
        elif state is MonthState.OPEN:
            stage = Stage.DECLARED if declaration else Stage.OPEN
        elif month in open_estimates:
            stage = Stage.ESTIMATED
        else:
            stage = Stage.SETTLED if declaration is not None and declaration.late else Stage.BILLED if bill else Stage.NOTHING
        found.append(_clocked(month, stage, declaration, bill, on, place, rulebook))
    return found


def _clocked(
    month: Month, stage: Stage, declaration: Declaration | None, bill: Bill | None, on: date, place: str, rulebook: Rulebook
) -> Standing:
    try:
        due = bill.due_date if bill else None
        if due is None and declaration is not None:
            due = payment_due(rulebook, month, declaration.declared_at.astimezone(ZONE).date(), place)
        if due is None:
            return Standing(month, stage, declaration, bill, None, None)
        left = working_days_between([on], [due])[0] if on <= due else -max(working_days_between([due], [on])[0], 1)
    except ShebaoError as error:
        return Standing(month, stage, declaration, bill, bill.due_date if bill else None, None, error.text)
    return Standing(month, stage, declaration, bill, due, left)


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A unit that has people in the declared types of a month and has not declared it. last_fen: what the month before came to in them;
    estimate_fen: what the month was determined at, once it is assessed."""

    unit_id: int
    number: str
    name: str
    contact_name: str
    contact_phone: str
    heads: int
    last_fen: int
    estimate_fen: int


def undeclared(
    agency_id: int, place: str, month: Month, rulebook: Rulebook, *, search: str = "", page: int = 1, size: int = 50
) -> Found[Undeclared]:
    """Units of an agency that still have to declare a month, most people first. Also what a reminder goes by (size large, page 1).

    In an assessed month: those determined by last month whose late declaration is still missing.
    """
    mask = declared_mask(rulebook, month, place)
    types = [i.value for i in INSURANCES if mask & i.flag]
    values: dict[str, Any] = {"agency": agency_id, "month": month, "previous": shift(month, -1), "mask": mask, "types": types}
    values |= {"q": search, "like": f"%{search}%", "limit": size, "offset": (page - 1) * size}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with open as (
              select u.id, u.number, u.name, u.contact_name, u.contact_phone, count(distinct s.person_id) as heads
              from parties_unit u join enrolment_spell s on s.unit_id = u.id and s.known_to is null and s.from_month <= %(month)s
                and (s.to_month is null or s.to_month > %(month)s) and s.insurance_mask & %(mask)s <> 0
              where u.agency_id = %(agency)s and u.kind = 'employer'
                and (%(q)s = '' or u.number = %(q)s or u.name like %(like)s)
                and not exists (select 1 from levy_declaration d where d.unit_id = u.id and d.month = %(month)s)
                and (not exists (select 1 from levy_placemonth m where m.place = u.place and m.month = %(month)s and m.state = 'assessed')
                     or exists (select 1 from levy_estimate e where e.unit_id = u.id and e.month = %(month)s and e.settled_at is null))
              group by u.id)
            select o.*,
              coalesce((select sum(l.unit_fen + l.person_fen) from levy_bill b join levy_billline l on l.bill_id = b.id
                        where b.unit_id = o.id and b.month = %(previous)s and b.kind = 'monthly' and l.insurance = any(%(types)s)
                          and l.origin in ('normal', 'estimate')), 0)::bigint,
              coalesce((select sum(e.unit_fen + e.person_fen) from levy_estimate e
                        where e.unit_id = o.id and e.month = %(month)s), 0)::bigint,
              count(*) over ()
            from open o order by o.heads desc, o.id limit %(limit)s offset %(offset)s
            """,
            values,
        )
        rows = cursor.fetchall()
    return Found([Undeclared(*row[:8]) for row in rows], rows[0][8] if rows else 0)


def declared_counts(agency_id: int, month: Month) -> tuple[int, int]:
    """(units that declared a month, what they declared in fen) of an agency."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(*), coalesce(sum(unit_fen + person_fen), 0)::bigint from (
              select distinct on (unit_id) unit_fen, person_fen from levy_declaration
              where agency_id = %s and month = %s order by unit_id, round desc) d
            """,
            [agency_id, month],
        )
        units, fen = cursor.fetchone()
        return units, fen


def estimates_of(unit_id: int, month: Month) -> list[Estimate]:
    """What an undeclared month was determined at, by type in the order of every table; settled ones included."""
    order = {i.value: i.bit for i in INSURANCES}
    return sorted(Estimate.objects.filter(unit_id=unit_id, month=month), key=lambda e: order[e.insurance])


def explain_estimate(estimate: Estimate, place: str, rulebook: Rulebook) -> tuple[Explained, ...]:
    """How the parts of an estimate came about: unit part, then person part where there is one."""
    short = SHORT_LABELS[Insurance(estimate.insurance)]
    parts = (("单位", estimate.last_unit_fen), ("个人", estimate.last_person_fen))
    previous = shift(estimate.month, -1)
    return tuple(explain_undeclared(f"{short}保险{who}部分", fen, previous, estimate.month, place, rulebook) for who, fen in parts if fen)
