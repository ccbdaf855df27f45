"""Who owes what: the dues of a unit's people on its monthly bills, to the fen, but for those that were taken out of them.

What comes in on a bill is shared over its lines (receiving). A line's money is shared over its people here, the same way: in proportion
to what each still owes, largest remainder, in the order of their ids. Money counts for those who were on the line when it came in: who
had been taken onto an order by then has no part in it. So the open amounts of the people on a line always add up to what is open of the
line, and nobody who was clear comes into arrears because another one's order is rolled back (decision 0010).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.db import connection

from shebao.base.money import split
from shebao.base.terms import Insurance
from shebao.levy.billing import ASSESSED_TYPES, type_row
from shebao.levy.suspension import suspended


@dataclass(frozen=True, slots=True)
class Owed:
    """One person's due of a month and type on a bill; fen. paid_*: the share of what has come in on the bill."""

    person_id: int
    month: int
    insurance: Insurance
    origin: str
    base_fen: int
    unit_fen: int
    person_fen: int
    line_id: int
    bill_id: int
    bill_number: str
    due_date: date
    unit_id: int
    paid_unit_fen: int = 0
    paid_person_fen: int = 0

    @property
    def key(self) -> tuple[int, int, int]:
        """Which due of its line it is."""
        return self.line_id, self.person_id, self.month

    @property
    def open_unit_fen(self) -> int:
        return self.unit_fen - self.paid_unit_fen

    @property
    def open_person_fen(self) -> int:
        return self.person_fen - self.paid_person_fen

    @property
    def open_fen(self) -> int:
        return self.open_unit_fen + self.open_person_fen

    @property
    def paid_fen(self) -> int:
        return self.paid_unit_fen + self.paid_person_fen


def owed_on(bill_ids: Sequence[int], people: Sequence[int] | None = None) -> list[Owed]:
    """What is owed on these bills by these people (all of them when None), with their shares of what has come in.

    By month, person and type. Who was taken out of a bill is not on it any more.
    """
    found = _dues(bill_ids, people)
    paid = _paid({due.line_id for due in found})
    if not paid:
        return found
    shares = _shares(bill_ids, paid)
    return [_with_shares(due, shares[due.key]) if due.line_id in paid else due for due in found]


Key = tuple[int, int, int]
Absence = tuple[int, int | None]  # left the line at this level of its money, came back at that one (None: not)


def _with_shares(due: Owed, open_parts: tuple[int, int]) -> Owed:
    return replace(due, paid_unit_fen=due.unit_fen - open_parts[0], paid_person_fen=due.person_fen - open_parts[1])


def _paid(line_ids: Iterable[int]) -> dict[int, int]:
    """How much has come in, by line; lines for which nothing came are left out."""
    with connection.cursor() as cursor:
        cursor.execute("select id, paid_fen from levy_billline where id = any(%s) and paid_fen > 0", [list(line_ids)])
        return dict(cursor.fetchall())


def _shares(bill_ids: Sequence[int], paid: dict[int, int]) -> dict[Key, tuple[int, int]]:
    """What is still open of the unit's and the person's part, for every due that is or was on these lines."""
    by_line: dict[int, list[Owed]] = {}
    for due in _dues(bill_ids, None, list(paid), taken_too=True):
        by_line.setdefault(due.line_id, []).append(due)
    absences: dict[Key, list[Absence]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "select line_id, person_id, month, level_fen, back_level_fen from levy_takendue where line_id = any(%s)", [list(paid)]
        )
        for line_id, person_id, month, left, back in cursor.fetchall():
            absences.setdefault((line_id, person_id, month), []).append((left, back))
    found: dict[Key, tuple[int, int]] = {}
    deferred = suspended(sorted({due.unit_id for dues in by_line.values() for due in dues}), date.max)
    for line_id, dues in by_line.items():
        first = (dues[0].unit_id, dues[0].month, dues[0].insurance.value) in deferred and dues[0].origin == "normal"
        found |= shared(sorted(dues, key=lambda due: due.key), paid[line_id], absences, people_first=first)
    return found


def shared(
    dues: Sequence[Owed], paid_fen: int, absences: Mapping[Key, Sequence[Absence]], *, people_first: bool = False
) -> dict[Key, tuple[int, int]]:
    """(unit, person) still open of each due of one line, after all the money of the line was shared, stretch by stretch, over those
    who were on it. people_first: the unit part is deferred, so money counts for the people's own parts before it."""
    left = {due.key: [due.unit_fen, due.person_fen] for due in dues}
    ends = {level for gone in absences.values() for absence in gone for level in absence if level is not None and 0 < level < paid_fen}
    start = 0
    for end in sorted(ends | {paid_fen}):
        here = [due.key for due in dues if not any(a <= start and (b is None or b >= end) for a, b in absences.get(due.key, ()))]
        own_fen = min(end - start, sum(left[key][1] for key in here)) if people_first else 0
        if own_fen:
            for key, fen in zip(here, split(own_fen, [left[key][1] for key in here]), strict=True):
                left[key][1] -= fen
        if end - start > own_fen:
            parts = split(end - start - own_fen, [fen for key in here for fen in left[key]])
            for i, key in enumerate(here):
                left[key][0] -= parts[2 * i]
                left[key][1] -= parts[2 * i + 1]
        start = end
    return {key: (unit_fen, person_fen) for key, (unit_fen, person_fen) in left.items()}


_LIVE = """
not exists (select 1 from levy_takendue t where t.unit_id = {0}.unit_id and t.person_id = {0}.person_id and t.month = {0}.month
            and t.insurance = l.insurance and t.origin = l.origin and t.line_id = l.id and t.state <> 'rolled_back')
"""
_DUES = f"""
select a.person_id, a.month, t.insurance, 'normal', t.base_fen, t.unit_fen, t.person_fen, l.id, b.id, b.number, b.due_date, b.unit_id
from levy_bill b join levy_assessment a on a.unit_id = b.unit_id and a.month = b.month
cross join lateral (values {", ".join(type_row(i) for i in ASSESSED_TYPES)}) as t (insurance, flag, base_fen, unit_fen, person_fen)
join levy_billline l on l.bill_id = b.id and l.insurance = t.insurance and l.origin = 'normal'
where b.id = any(%(bills)s) and b.kind = 'monthly' and a.profile & t.flag <> 0 and t.unit_fen + t.person_fen > 0
  and (%(people)s::bigint[] is null or a.person_id = any(%(people)s)) and (%(lines)s::bigint[] is null or l.id = any(%(lines)s))
  and (%(taken)s or {_LIVE.format("a")})
union all
select x.person_id, x.month, x.insurance, x.origin, x.base_fen, x.unit_fen, x.person_fen, l.id, b.id, b.number, b.due_date, b.unit_id
from levy_bill b join levy_line x on x.bill_id = b.id
join levy_billline l on l.bill_id = b.id and l.insurance = x.insurance and l.origin = x.origin
where b.id = any(%(bills)s) and b.kind = 'monthly' and x.unit_fen + x.person_fen > 0
  and (%(people)s::bigint[] is null or x.person_id = any(%(people)s)) and (%(lines)s::bigint[] is null or l.id = any(%(lines)s))
  and (%(taken)s or {_LIVE.format("x")})
"""
_ORDER = {insurance.value: insurance.bit for insurance in Insurance}


def _dues(bill_ids: Sequence[int], people: Sequence[int] | None, lines: list[int] | None = None, *, taken_too: bool = False) -> list[Owed]:
    if not bill_ids or people == []:
        return []
    with connection.cursor() as cursor:
        wanted = {"bills": list(bill_ids), "people": None if people is None else list(people), "lines": lines, "taken": taken_too}
        cursor.execute(_DUES, wanted)
        rows = cursor.fetchall()
    found = [Owed(row[0], row[1], Insurance(row[2]), *row[3:]) for row in rows]
    return sorted(found, key=lambda due: (due.month, due.person_id, _ORDER[due.insurance], due.origin, due.bill_id))
