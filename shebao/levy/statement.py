"""月度申报表: last month + added − stopped ± changed = this month, by type, to the fen, with the people behind every figure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from shebao.base.months import Month, shift
from shebao.base.terms import Insurance
from shebao.levy.dues import PARTS, TYPES, Dues, dues_of
from shebao.policy.declaration import declared_mask
from shebao.policy.rulebook import Rulebook

PEOPLE_MAX = 50


class Movement(StrEnum):
    """The columns of the statement."""

    LAST = "last"
    ADDED = "added"
    STOPPED = "stopped"
    CHANGED = "changed"
    THIS = "this"

    @property
    def label(self) -> str:
        return {"last": "上月", "added": "本月增加", "stopped": "本月减少", "changed": "基数等变更", "this": "本月应申报"}[self.value]


@dataclass(frozen=True, slots=True)
class Sums:
    """People and money, fen. Of CHANGED the people are those whose amounts differ, the money is the difference."""

    heads: int = 0
    base_fen: int = 0
    unit_fen: int = 0
    person_fen: int = 0

    @property
    def total_fen(self) -> int:
        return self.unit_fen + self.person_fen

    @property
    def money(self) -> tuple[int, int, int]:
        return self.base_fen, self.unit_fen, self.person_fen

    def plus(self, other: "Sums") -> "Sums":
        """Both together."""
        return Sums(*(a + b for a, b in zip((self.heads, *self.money), (other.heads, *other.money), strict=True)))


@dataclass(frozen=True, slots=True)
class TypeRow:
    """One type: last + added − stopped + changed = this. `declared`: the unit declares it; others are assessed by the register."""

    insurance: Insurance
    declared: bool
    sums: Mapping[Movement, Sums]


@dataclass(frozen=True, eq=False)
class Statement:
    """The statement of one unit for one month."""

    unit_id: int
    month: Month
    previous: Month
    rows: tuple[TypeRow, ...]
    total: TypeRow  # of the declared types; its heads are people, each once, and its `insurance` means nothing
    before: Dues = field(repr=False)
    after: Dues = field(repr=False)
    mask: int = 0

    @property
    def declared(self) -> tuple[TypeRow, ...]:
        return tuple(row for row in self.rows if row.declared)

    @property
    def others(self) -> tuple[TypeRow, ...]:
        return tuple(row for row in self.rows if not row.declared)

    @property
    def this(self) -> Sums:
        return self.total.sums[Movement.THIS]


def statement(unit_id: int, place: str, month: Month, rulebook: Rulebook) -> Statement:
    """The statement of a unit's month as things stand. Last month is what is owed for it by now, 补缴 included.

    Raises: NoTermsError, RuleMissing, UnknownPlace.
    """
    previous = shift(month, -1)
    after = dues_of(unit_id, place, month, rulebook)
    before = dues_of(unit_id, place, previous, rulebook, back=True)
    people = np.union1d(before.people, after.people)
    before, after = before.over(people), after.over(people)
    mask = declared_mask(rulebook, month, place)
    rows = [TypeRow(i, bool(mask & i.flag), _sums(before, after, [i])) for i in TYPES if _known(before, after, i)]
    declared = [row.insurance for row in rows if row.declared]
    total = TypeRow(Insurance.PENSION, True, _sums(before, after, declared))
    return Statement(unit_id, month, previous, tuple(rows), total, before, after, mask)


def _known(before: Dues, after: Dues, insurance: Insurance) -> bool:
    return bool((before.within(insurance) | after.within(insurance)).any())


def selected(before: Dues, after: Dues, insurances: list[Insurance]) -> dict[Movement, NDArray[np.bool_]]:
    """Who stands behind each movement in some types taken together."""
    flags = sum(i.flag for i in insurances)
    was, stays = (before.masks & flags) != 0, (after.masks & flags) != 0
    differs = (before.masks & flags) != (after.masks & flags)
    for insurance in insurances:
        for part in PARTS:
            differs = differs | (before.columns[insurance, part] != after.columns[insurance, part])
    return {
        Movement.LAST: was,
        Movement.ADDED: stays & ~was,
        Movement.STOPPED: was & ~stays,
        Movement.CHANGED: was & stays & differs,
        Movement.THIS: stays,
    }


def _sums(before: Dues, after: Dues, insurances: list[Insurance]) -> dict[Movement, Sums]:
    chosen = selected(before, after, insurances)

    def money(dues: Dues, who: NDArray[np.bool_]) -> tuple[int, int, int]:
        base, unit, person = (sum(int(dues.columns[i, part][who].sum()) for i in insurances) for part in PARTS)
        return base, unit, person

    found: dict[Movement, Sums] = {}
    for movement, who in chosen.items():
        heads = int(who.sum())
        if movement is Movement.CHANGED:
            found[movement] = Sums(heads, *(b - a for a, b in zip(money(before, who), money(after, who), strict=True)))
        else:
            found[movement] = Sums(heads, *money(before if movement in (Movement.LAST, Movement.STOPPED) else after, who))
    return found


@dataclass(frozen=True, slots=True)
class PersonMove:
    """One person behind a figure: what was owed last month and what is owed this month, base/unit/person in fen."""

    person_id: int
    number: str
    name: str
    id_number: str
    before: Sums
    after: Sums

    @property
    def change_fen(self) -> int:
        return self.after.total_fen - self.before.total_fen


def people_behind(
    told: Statement, movement: Movement, insurance: Insurance | None, *, after: int = 0, limit: int = PEOPLE_MAX
) -> list[PersonMove]:
    """The people behind one figure, by id, from after one id on. insurance: None for the declared types together."""
    insurances = [insurance] if insurance else [row.insurance for row in told.declared]
    who = selected(told.before, told.after, insurances)[movement] & (told.before.people > after)
    places = np.flatnonzero(who)[:limit]
    ids = [int(told.before.people[i]) for i in places]
    with connection.cursor() as cursor:
        cursor.execute("select id, number, name, id_number from parties_person where id = any(%s)", [ids])
        names = {row[0]: row[1:] for row in cursor.fetchall()}
    found = []
    for i, person_id in zip(places, ids, strict=True):
        sides = [
            Sums(1 if any(dues.masks[i] & x.flag for x in insurances) else 0, *(_one(dues, i, insurances, part) for part in PARTS))
            for dues in (told.before, told.after)
        ]
        number, name, id_number = names.get(person_id, ("", "（不在本单位查询范围）", ""))
        found.append(PersonMove(person_id, number, name, id_number, sides[0], sides[1]))
    return found


def _one(dues: Dues, place: np.intp, insurances: list[Insurance], part: str) -> int:
    return sum(int(dues.columns[i, part][place]) for i in insurances)
