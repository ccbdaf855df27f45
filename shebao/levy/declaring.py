"""自主申报: a unit declares what it owes for a month, once or again while the month is open; late, after it was determined at 110 %."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import Month, month_of, month_shown
from shebao.base.terms import Insurance, Payer, insurances_in
from shebao.levy import bulk
from shebao.levy.dues import published, register
from shebao.levy.models import Bill, BillKind, Declaration, DeclarationLine, Estimate, MonthState
from shebao.levy.months import hold, state_of
from shebao.levy.relief import relieve_block
from shebao.levy.settling import settle
from shebao.levy.statement import Sums
from shebao.policy.declaration import declared_mask
from shebao.policy.levy import BASE_RULES, month_rates
from shebao.policy.rulebook import Rulebook

Totals = Mapping[Insurance, Sums]


class NotRequiredError(ShebaoError):
    """No rule asks units of the place to declare that month."""

    code = "DCL-01"

    def __init__(self, month: Month) -> None:
        super().__init__(f"{month_shown(month)}在本统筹区不实行自主申报，由经办机构按参保登记核定，不用申报")


class NotYetError(ShebaoError):
    """The month has not begun."""

    code = "DCL-02"

    def __init__(self, month: Month) -> None:
        super().__init__(f"{month_shown(month)}还没有开始，不能提前申报；请在 {month // 100}-{month % 100:02d}-01 以后办理")


class NothingToDeclareError(ShebaoError):
    """Nobody is insured in the declared types."""

    code = "DCL-03"

    def __init__(self, month: Month) -> None:
        super().__init__(f"{month_shown(month)}本单位没有需要申报的参保人员，不用申报；如有新进职工，请先办理增员")


class AlreadyDeclaredError(ShebaoError):
    """Declared before, and nothing has changed since."""

    code = "DCL-04"

    def __init__(self, former: Declaration) -> None:
        super().__init__(
            f"{month_shown(former.month)}已由{former.declared_name}于 {former.declared_at.astimezone(ZONE):%Y-%m-%d %H:%M:%S} 申报"
            f"（{former.headcount:,} 人，{yuan_shown(former.total_fen)} 元），之后没有变化，不用重复申报"
        )


class ClosedError(ShebaoError):
    """The bill is issued."""

    code = "DCL-05"

    def __init__(self, month: Month, bill: Bill | None, former: Declaration | None) -> None:
        declared = f"，申报人{former.declared_name}，{former.declared_at.astimezone(ZONE):%Y-%m-%d %H:%M:%S}" if former else ""
        issued = f"核定单 {bill.number} 已生成" if bill else "本月没有本单位的核定单"
        super().__init__(f"{month_shown(month)}已核定，{issued}{declared}，不能再申报；之后的变动按补缴处理，并入以后的核定单")


class ChangedMeanwhileError(ShebaoError):
    """What was confirmed is not (any more) what the register gives."""

    code = "DCL-06"

    def __init__(self, month: Month, found: Sums) -> None:
        super().__init__(
            f"{month_shown(month)}应申报 {found.heads:,} 人、{yuan_shown(found.total_fen)} 元，与您确认的不一致，"
            "人员或基数刚有变动；请核对最新的申报表后再申报"
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a unit declares. headcount and total_fen: as the declarant confirmed them, or None to take what the register gives.

    by: account and name of who declared, where the effect is written for somebody else (an approved filing).
    """

    unit_id: int
    agency_id: int
    case_id: int | None = None
    headcount: int | None = None
    total_fen: int | None = None
    by: tuple[int, str] | None = None


def declare(wanted: Wanted, *, place: str, month: Month, at: datetime, rulebook: Rulebook) -> int:
    """Declare a month of a unit; while it is open a changed register can be declared again. After the month was determined at 110 % of
    the last one, the late declaration settles it (see settling).

    Returns: the declaration.  Raises: NotRequiredError, NotYetError, MonthBusyError, NothingToDeclareError, AlreadyDeclaredError,
    ClosedError, ChangedMeanwhileError.
    """
    mask = required(place, month, at=at, rulebook=rulebook)
    late = hold(place, [month])[month] is MonthState.ASSESSED
    bill = Bill.objects.select_for_update().filter(unit_id=wanted.unit_id, month=month, kind=BillKind.MONTHLY).first() if late else None
    stands = _looked_at(wanted, place, month, mask, late=late, bill=bill, rulebook=rulebook)
    if stands.error is not None:
        raise stands.error
    former, totals, people, summed = stands.former, stands.totals, stands.people, of_all(stands.totals, stands.people)
    row = (wanted.unit_id, wanted.agency_id, wanted.case_id, people, totals)
    found = _store([row], month, at, round_=(former.round if former else 0) + 1, by=wanted.by)
    if not found:
        winner = last_declaration(wanted.unit_id, month)
        raise AlreadyDeclaredError(winner) if winner else ChangedMeanwhileError(month, summed)
    if bill is not None:
        settle(bill, found[wanted.unit_id], totals, place=place, at=at)
    record(
        [Trace("levy.declared", f"{month}", after={"people": people, "total_fen": summed.total_fen, "late": late}, unit_id=wanted.unit_id)],
        at=at,
    )
    return found[wanted.unit_id]


@dataclass(frozen=True, slots=True)
class _Stands:
    """What declaring a month would find: what was declared before, what there is to declare, and what stands in the way."""

    former: Declaration | None
    totals: dict[Insurance, Sums]
    people: int
    error: ShebaoError | None


def hindrance(wanted: Wanted, *, place: str, month: Month, at: datetime, rulebook: Rulebook) -> ShebaoError | None:
    """What stands in the way of declaring now, without declaring: the error that `declare` would raise, or None."""
    try:
        mask = required(place, month, at=at, rulebook=rulebook)
    except ShebaoError as error:
        return error
    late = state_of(place, month) is MonthState.ASSESSED
    bill = Bill.objects.filter(unit_id=wanted.unit_id, month=month, kind=BillKind.MONTHLY).first() if late else None
    return _looked_at(wanted, place, month, mask, late=late, bill=bill, rulebook=rulebook).error


def _looked_at(wanted: Wanted, place: str, month: Month, mask: int, *, late: bool, bill: Bill | None, rulebook: Rulebook) -> _Stands:
    former = last_declaration(wanted.unit_id, month)
    if late and not Estimate.objects.filter(unit_id=wanted.unit_id, month=month, settled_at=None).exists():
        return _Stands(former, {}, 0, ClosedError(month, bill, former))
    totals, people = totals_of(wanted.unit_id, place, month, mask, rulebook, assessed=late)
    error: ShebaoError | None = None
    if not people:
        error = NothingToDeclareError(month)
    elif former is not None and not late and lines_of(former) == totals:
        error = AlreadyDeclaredError(former)
    elif (wanted.headcount, wanted.total_fen) not in ((None, None), (people, of_all(totals, people).total_fen)):
        error = ChangedMeanwhileError(month, of_all(totals, people))
    return _Stands(former, totals, people, error)


def declare_all(place: str, month: Month, *, at: datetime, rulebook: Rulebook, but: frozenset[int] = frozenset()) -> int:
    """Declare an open month for every unit of a place that has not, but for some: for demonstration cities and tests.

    Returns how many declared.
    Does nothing where the month is not declared. Raises: NotYetError, MonthBusyError, ClosedError when the month is assessed.
    """
    mask = declared_mask(rulebook, month, place)
    if not mask:
        return 0
    required(place, month, at=at, rulebook=rulebook)
    if hold(place, [month])[month] is MonthState.ASSESSED:
        raise ClosedError(month, None, None)
    of = bulk.employers(place, month)
    with connection.cursor() as cursor:
        cursor.execute("select id, agency_id from parties_unit where place = %s", [place])
        agencies = dict(cursor.fetchall())
        cursor.execute("select unit_id from levy_declaration where month = %s", [month])
        done = {row[0] for row in cursor.fetchall()} | but
    rates = month_rates(rulebook, month, place)
    made = 0
    for first, last in bulk.chunks(bulk.unit_heads(month, of)):
        block = bulk.read_block(month, first, last, of)
        if not len(block.people):
            continue
        assessed, _ = bulk.assess_block(block, of, rates)
        assessed, _ = relieve_block(block, assessed, rates)
        bases = {"pension.base": assessed.pension_base, "medical.base": assessed.medical_base}
        starts = np.flatnonzero(np.concatenate(([True], block.units[1:] != block.units[:-1])))
        columns = {}
        inside_any = (block.masks & mask) != 0
        for insurance in insurances_in(mask):
            inside = (block.masks & insurance.flag) != 0
            base = bases.get(BASE_RULES.get(insurance, ""), np.zeros(len(inside), np.int32))
            parts = (inside, np.where(inside, base, 0), *(assessed.amounts[insurance, payer] for payer in Payer))
            columns[insurance] = np.stack([np.add.reduceat(part.astype(np.int64), starts) for part in parts], axis=1)
        heads = np.add.reduceat(inside_any.astype(np.int64), starts)
        rows = [
            (unit, agencies[unit], None, int(heads[i]), {t: Sums(*map(int, c[i])) for t, c in columns.items() if c[i][0]})
            for i, unit in enumerate(block.units[starts].tolist())
            if heads[i] and unit not in done
        ]
        made += len(_store(rows, month, at, round_=1))
    record([Trace("levy.declared", f"{place} {month}", after={"units": made})], at=at)
    return made


def required(place: str, month: Month, *, at: datetime, rulebook: Rulebook) -> int:
    """The types a unit declares for a month, as a mask. Raises: NotRequiredError, NotYetError."""
    mask = declared_mask(rulebook, month, place)
    if not mask:
        raise NotRequiredError(month)
    if month > month_of(at.astimezone(ZONE).date()):
        raise NotYetError(month)
    return mask


def totals_of(
    unit_id: int, place: str, month: Month, mask: int, rulebook: Rulebook, *, assessed: bool
) -> tuple[dict[Insurance, Sums], int]:
    """What a unit owes in the types of a mask, by type, and how many people that is. assessed: from the published month."""
    dues = published(unit_id, month) if assessed else register(unit_id, place, month, rulebook)
    found = {}
    for insurance in insurances_in(mask):
        inside = dues.within(insurance)
        if inside.any():
            parts = (int(dues.columns[insurance, part][inside].sum()) for part in ("base", "unit", "person"))
            found[insurance] = Sums(int(inside.sum()), *parts)
    return found, int(((dues.masks & mask) != 0).sum())


def of_all(totals: Totals, people: int) -> Sums:
    """The types together; people counted once."""
    summed = Sums()
    for sums in totals.values():
        summed = summed.plus(sums)
    return Sums(people, *summed.money)


def last_declaration(unit_id: int, month: Month) -> Declaration | None:
    """The declaration that holds for a unit's month, or None."""
    return Declaration.objects.filter(unit_id=unit_id, month=month).order_by("-round").first()


def lines_of(declaration: Declaration) -> dict[Insurance, Sums]:
    """What was declared, by type in the order of every table."""
    lines = {Insurance(x.insurance): x for x in DeclarationLine.objects.filter(declaration=declaration)}
    ordered = sorted(lines, key=lambda insurance: insurance.bit)
    return {i: Sums(lines[i].headcount, lines[i].base_fen, lines[i].unit_fen, lines[i].person_fen) for i in ordered}


_Row = tuple[int, int, int | None, int, Totals]


def _store(rows: Sequence[_Row], month: Month, at: datetime, *, round_: int, by: tuple[int, str] | None = None) -> dict[int, int]:
    """Write declarations with their lines. Returns id by unit; a unit whose round was taken in the same second is absent."""
    if not rows:
        return {}
    account, name = by or (current().account_id, current().name)
    summed = [of_all(totals, people) for *_, people, totals in rows]
    late = "exists (select 1 from levy_estimate e where e.unit_id = n.unit_id and e.month = %(month)s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            insert into levy_declaration (unit_id, agency_id, month, round, late, headcount, unit_fen, person_fen,
                                          declared_at, declared_by, declared_name, case_id)
            select n.unit_id, n.agency_id, %(month)s, %(round)s, {late}, n.headcount, n.unit_fen, n.person_fen, %(at)s, %(by)s, %(name)s,
                   n.case_id
            from unnest(%(units)s::int[], %(agencies)s::int[], %(cases)s::bigint[], %(heads)s::int[], %(unit)s::bigint[],
                        %(person)s::bigint[]) as n (unit_id, agency_id, case_id, headcount, unit_fen, person_fen)
            order by n.unit_id on conflict (unit_id, month, round) do nothing returning unit_id, id
            """,
            {
                "month": month,
                "round": round_,
                "at": at,
                "by": account,
                "name": name[:50] or "系统",
                "units": [r[0] for r in rows],
                "agencies": [r[1] for r in rows],
                "cases": [r[2] for r in rows],
                "heads": [s.heads for s in summed],
                "unit": [s.unit_fen for s in summed],
                "person": [s.person_fen for s in summed],
            },
        )
        found: dict[int, int] = dict(cursor.fetchall())
        lines = [(found[r[0]], i.value, s) for r in rows if r[0] in found for i, s in r[4].items()]
        cursor.execute(
            """
            insert into levy_declarationline (declaration_id, insurance, headcount, base_fen, unit_fen, person_fen)
            select * from unnest(%s::bigint[], %s::int[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[])
            """,
            [
                [x[0] for x in lines],
                [x[1] for x in lines],
                [x[2].heads for x in lines],
                [x[2].base_fen for x in lines],
                [x[2].unit_fen for x in lines],
                [x[2].person_fen for x in lines],
            ],
        )
    return found
