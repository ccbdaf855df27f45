"""The runs that are drilled: how each is made ready, what a child does from wherever the last one was killed, and what else must be the
same at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from shebao.base.clock import ZONE
from shebao.levy import bulk
from shebao.runs import monthly_assessment

PLACE, MONTH = "420100", 202611
CHUNK = 40


def clock() -> datetime:
    return datetime(2026, 11, 25, 9, tzinfo=ZONE)


def nothing() -> None:
    """Nothing has to be made ready."""


@dataclass(frozen=True)
class Kind:
    """One run. act: begins it, or goes on with it."""

    name: str
    act: Callable[[], None]
    prepare: Callable[[], None] = nothing
    more: tuple[str, ...] = ()


def assess() -> None:
    from shebao.levy.assessing import AlreadyAssessedError

    bulk.chunks.__defaults__ = (CHUNK,)
    try:
        monthly_assessment.assess(PLACE, MONTH, clock=clock)
    except AlreadyAssessedError:
        pass  # the one before was killed after its last word


KINDS = {
    kind.name: kind
    for kind in (Kind("monthly_assessment", assess, more=("select kind, place, month, state, rows, total_fen, bills from levy_run",)),)
}
__all__ = ["KINDS", "Kind", "date"]
