"""花名册 and 增减员异动 of a unit, now or as known at an instant. Everything is read in the order of the people's ids and from after one
id on, so that a unit of 100,000 costs a page what a unit of ten costs: nothing is counted through, nothing is sorted anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from django.db import connection

from shebao.parties.as_of import VALUE_KNOWN

CHUNK_ROWS = 2_000

_COLUMNS = "person_id, insurance_mask, from_month, to_month, stop_reason, known_from, known_to, case_id"
_HELD = f"select {_COLUMNS} from enrolment_spell where unit_id = %(unit)s and person_id > %(after)s and known_to is null"
# Two branches, each on its partial index, in the same order.
_HELD_THEN = f"""{_HELD} and known_from <= %(known)s union all
    select {_COLUMNS} from enrolment_spell where unit_id = %(unit)s and person_id > %(after)s
      and known_from <= %(known)s and known_to > %(since)s"""
_WAGE_HELD = "w.known_to is null"
_WAGE_HELD_THEN = "w.known_from <= %(known)s and (w.known_to is null or w.known_to > %(known)s)"
_IN_MONTH = "from_month <= %(month)s and (to_month is null or to_month > %(month)s)"


class Cover(str, Enum):
    """Which people a roster lists: insured in the month, or no longer."""

    RUNNING = "running"
    STOPPED = "stopped"

    @property
    def label(self) -> str:
        return "参保缴费" if self is Cover.RUNNING else "已停保"


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a unit's 花名册: one person, all types together."""

    person_id: int
    number: str
    id_number: str
    name: str
    sex: str
    insurance_mask: int
    from_month: int
    to_month: int | None
    wage_fen: int | None


def staff(
    unit_id: int,
    month: int,
    *,
    search: str = "",
    after: int = 0,
    limit: int = 20,
    mask: int = 0,
    cover: Cover = Cover.RUNNING,
    known_at: datetime | None = None,
    on: date | None = None,
) -> list[Member]:
    """Staff of a unit in a month, in the order of their ids, from after one id (paging without counting).

    Args: search: part of a name, or the beginning of a 公民身份号码 or 个人编号. mask: only who is insured in one of these types.
          known_at, on: as the register knew it at that instant for that day; names and numbers too.
    """
    told = _told(known_at)
    if cover is Cover.RUNNING:
        rows, having = f"where {_IN_MONTH}", "true"
    else:
        rows, having = "where from_month <= %(month)s", f"not bool_or({_IN_MONTH})"
    if search:
        rows += f" and exists (select 1 from parties_person p where p.id = s.person_id and ({_found(told['name'], told['id_number'])}))"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select p.id, p.number, {told["id_number"]}, {told["name"]}, {told["sex"]}, x.mask, x.first, x.last,
                   (select w.wage_fen from enrolment_wage w where w.unit_id = %(unit)s and w.person_id = p.id and {told["wage"]}
                      and w.from_month <= %(month)s and (w.to_month is null or w.to_month > %(month)s or %(stopped)s)
                      order by w.from_month desc limit 1)
            from (select s.person_id, bit_or(s.insurance_mask) as mask, min(s.from_month) as first,
                         case when not bool_or(s.to_month is null) then max(s.to_month) end as last
                  from ({told["spells"]}) s {rows} group by s.person_id
                  having {having} and (%(mask)s = 0 or bit_or(s.insurance_mask) & %(mask)s <> 0)
                  order by s.person_id limit %(limit)s) x
            join parties_person p on p.id = x.person_id order by p.id
            """,
            _values(unit_id, month, known_at, on)
            | {"after": after, "limit": limit, "mask": mask, "stopped": cover is Cover.STOPPED, **_search(search)},
        )
        return [Member(*row) for row in cursor.fetchall()]


def headcount(unit_id: int, month: int, *, known_at: datetime | None = None) -> int:
    """How many people a unit insures in a month."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select count(distinct person_id) from ({_told(known_at)['spells']}) s where {_IN_MONTH}",
            _values(unit_id, month, known_at, None) | {"after": 0},
        )
        return int(cursor.fetchone()[0])


def all_staff(unit_id: int, month: int, **more: Any) -> Iterator[Member]:
    """Everybody of a roster, read in chunks: never more than 2,000 in memory. more: as for staff()."""
    after = 0
    while chunk := staff(unit_id, month, after=after, limit=CHUNK_ROWS, **more):
        yield from chunk
        after = chunk[-1].person_id


# --- 单位增减员异动 ---


class Basis(str, Enum):
    """What puts somebody into the 异动表 of a month: that it was entered in the register then, or that it took effect then."""

    FILED = "filed"
    EFFECT = "effect"

    @property
    def label(self) -> str:
        return "按办理月份" if self is Basis.FILED else "按生效月份"


class Move(str, Enum):
    """增员, 减员, a change of types, or both in one month."""

    ADDED = "add"
    STOPPED = "stop"
    TYPES = "types"
    BOTH = "both"

    @property
    def label(self) -> str:
        return {"add": "增员", "stop": "减员", "types": "险种变更", "both": "当月增员又减员"}[self.value]


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the 异动表. before, now: masks of types; from_month: first month of the cover; to_month: first month without it."""

    person_id: int
    number: str
    id_number: str
    name: str
    sex: str
    before: int
    now: int
    from_month: int | None
    to_month: int | None
    stop_reason: str
    at: datetime | None
    case_id: int | None
    move: Move


@dataclass(frozen=True, slots=True)
class MovementTotals:
    """before + added - stopped = now; people."""

    before: int
    now: int
    moves: dict[Move, int]


@dataclass(frozen=True, slots=True)
class Period:
    """A month of the 异动表 with the instants it begins and ends at; known_at: for Basis.EFFECT, as the register knew it then."""

    month: int
    basis: Basis
    begins: datetime
    ends: datetime
    known_at: datetime | None = None


# Whether a spell counts before, counts now, made the difference, or was opened within the period.
_EFFECT = (
    "from_month < %(month)s and (to_month is null or to_month >= %(month)s)",
    _IN_MONTH,
    "from_month = %(month)s or to_month = %(month)s",
    "false",
)
_FILED = (
    "known_from < %(begins)s and (known_to is null or known_to >= %(begins)s) and to_month is null",
    "known_from < %(ends)s and (known_to is null or known_to >= %(ends)s) and to_month is null",
    "known_from >= %(begins)s and known_from < %(ends)s and (known_to is null or known_to >= %(ends)s)",
    "known_from >= %(begins)s and known_from < %(ends)s and to_month is null",
)
_MOVE = """case when before = now then 'both' when before = 0 then 'add' when now = 0 then 'stop' else 'types' end"""


def _moves(period: Period) -> str:
    was, now, moved, opened = _EFFECT if period.basis is Basis.EFFECT else _FILED
    spells = _HELD_THEN if period.basis is Basis.FILED or period.known_at else _HELD
    return f"""
        select *, {_MOVE} as move from (
          select person_id, coalesce(bit_or(insurance_mask) filter (where {was}), 0) as before,
                 coalesce(bit_or(insurance_mask) filter (where {now}), 0) as now,
                 min(from_month) filter (where {moved}) as first, max(to_month) filter (where {moved}) as last,
                 max(stop_reason) filter (where {moved}) as reason,
                 coalesce(max(known_from) filter (where {moved}),
                          max(known_to) filter (where known_to >= %(begins)s and known_to < %(ends)s)) as at,
                 max(case_id) filter (where {moved}) as case_id, coalesce(bool_or({opened}), false) as opened
          from ({spells}) s group by person_id) m"""


def movements(unit_id: int, period: Period, *, move: Move | None = None, after: int = 0, limit: int = 50) -> list[Movement]:
    """Who came and who left in a month, in the order of their ids, from after one id."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select p.id, p.number, p.id_number, p.name, p.sex, x.before, x.now, x.first, x.last, coalesce(x.reason, ''), x.at, x.case_id,
                   x.move
            from (select * from ({_moves(period)}) m where (before <> now or (opened and before = 0))
                  and (%(move)s = '' or move = %(move)s) order by person_id limit %(limit)s) x
            join parties_person p on p.id = x.person_id order by p.id
            """,
            _period(unit_id, period) | {"after": after, "limit": limit, "move": move.value if move else ""},
        )
        return [Movement(*(*row[:-1], Move(row[-1]))) for row in cursor.fetchall()]


def movement_totals(unit_id: int, period: Period) -> MovementTotals:
    """Heads before and now, and how many moves of each kind."""
    kinds = (Move.ADDED, Move.STOPPED, Move.TYPES)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select count(*) filter (where before <> 0), count(*) filter (where now <> 0),
                   {", ".join(f"count(*) filter (where move = '{move.value}' and before <> now)" for move in kinds)},
                   count(*) filter (where before = 0 and now = 0 and opened)
            from ({_moves(period)}) m
            """,
            _period(unit_id, period) | {"after": 0},
        )
        before, now, added, stopped, types, both = cursor.fetchone()
        return MovementTotals(before, now, {Move.ADDED: added, Move.STOPPED: stopped, Move.TYPES: types, Move.BOTH: both})


def all_movements(unit_id: int, period: Period, *, move: Move | None = None) -> Iterator[Movement]:
    """The whole 异动表, read in chunks."""
    after = 0
    while chunk := movements(unit_id, period, move=move, after=after, limit=CHUNK_ROWS):
        yield from chunk
        after = chunk[-1].person_id


# --- parts of the statements ---


def _period(unit_id: int, period: Period) -> dict[str, Any]:
    filed = period.basis is Basis.FILED
    known = period.ends if filed else period.known_at
    return {
        "unit": unit_id,
        "month": period.month,
        "begins": period.begins,
        "ends": period.ends,
        "known": known,
        "since": period.begins if filed else known,
    }


def _values(unit_id: int, month: int, known_at: datetime | None, on: date | None) -> dict[str, Any]:
    day = on or (known_at.date() if known_at else None)
    return {"unit": unit_id, "month": month, "known": known_at, "since": known_at, "on": day}


def _told(known_at: datetime | None) -> dict[str, str]:
    """The expressions of a roster: plain columns now, what was known then otherwise."""
    if known_at is None:
        return {"spells": _HELD, "wage": _WAGE_HELD, "name": "p.name", "id_number": "p.id_number", "sex": "p.sex"}
    then = {
        field: f"coalesce({VALUE_KNOWN.format(of='person', id='p.id', field=field)}, p.{field})" for field in ("name", "id_number", "sex")
    }
    return {"spells": _HELD_THEN, "wage": _WAGE_HELD_THEN, **then}


def _found(name: str, id_number: str) -> str:
    return f"{name} like %(part)s or {id_number} like %(start)s or p.number like %(start)s"


def _search(text: str) -> dict[str, str]:
    plain = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"part": f"%{plain}%", "start": f"{plain.upper()}%"}
