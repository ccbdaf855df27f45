"""What a 重新核定 found, for pages and the command line."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from shebao.base.months import month_shown
from shebao.levy.models import Recalculation, RecalculationChunk, RecalculationLine


def listed(place: str, limit: int = 30) -> list[Recalculation]:
    """Trials of a place, newest first."""
    return list(Recalculation.objects.filter(place=place).order_by("-id")[:limit])


def find(recalculation_id: int) -> Recalculation | None:
    """A trial by number."""
    return Recalculation.objects.filter(pk=recalculation_id).first()


@dataclass(frozen=True, slots=True)
class Changed:
    """One rule that changed, with the months it bears on; old and new as month_rules.changed tells them (None: there was none)."""

    label: str
    rule_id: str
    months: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None


def changes_of(found: Recalculation) -> list[Changed]:
    """The rules behind a trial, each change once with all its months."""
    by_change: dict[str, tuple[dict[str, Any], list[int]]] = {}
    for text, changes in sorted(found.changes.items()):
        for change in changes:
            by_change.setdefault(repr(change), (change, []))[1].append(int(text))
    return [Changed(change["label"], change["id"], _months(months), change["old"], change["new"]) for change, months in by_change.values()]


def _months(months: list[int]) -> str:
    first, last = month_shown(min(months)), month_shown(max(months))
    return first if len(months) == 1 else f"{first}至{last}（{len(months)} 个月）"


@dataclass(frozen=True, slots=True)
class Sums:
    """What the lines of a trial come to, fen; held and closed: lines that do not take effect now."""

    lines: int
    units: int
    people: int
    up_unit_fen: int
    up_person_fen: int
    down_unit_fen: int
    down_person_fen: int
    held: int
    closed: int

    @property
    def up_fen(self) -> int:
        return self.up_unit_fen + self.up_person_fen

    @property
    def down_fen(self) -> int:
        return self.down_unit_fen + self.down_person_fen


def sums_of(found: Recalculation) -> Sums:
    """Within the actor's reach."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(*), count(distinct unit_id), count(distinct person_id),
                   coalesce(sum(greatest(due_unit_fen - unit_fen, 0)) filter (where effective), 0)::bigint,
                   coalesce(sum(greatest(due_person_fen - person_fen, 0)) filter (where effective), 0)::bigint,
                   coalesce(sum(greatest(unit_fen - due_unit_fen, 0)) filter (where effective), 0)::bigint,
                   coalesce(sum(greatest(person_fen - due_person_fen, 0)) filter (where effective), 0)::bigint,
                   count(*) filter (where state = 'held'), count(*) filter (where state = 'closed')
            from (select *, state in ('trial', 'charged') as effective from levy_recalculationline where recalculation_id = %s) l
            """,
            [found.pk],
        )
        return Sums(*cursor.fetchone())


def lines_of(found: Recalculation, *, search: str = "", page: int = 1, size: int = 50) -> tuple[list[RecalculationLine], int]:
    """Lines by unit, person, month and type, and how many there are. search: a unit's number or part of its name, a person's name."""
    rows = RecalculationLine.objects.filter(recalculation=found).select_related("unit", "person")
    if search:
        rows = rows.filter(Q(unit__number=search) | Q(unit__name__contains=search) | Q(person__name__contains=search))
    ordered = rows.order_by("unit_id", "person_id", "month", "insurance", "id")
    return list(ordered[(page - 1) * size : page * size]), rows.count()


def progress_of(found: Recalculation) -> tuple[int, int]:
    """Pieces done, and how many there are."""
    return RecalculationChunk.objects.filter(recalculation=found).count(), max(found.chunks_total, 1)
