"""What items share that change a fact of a unit for months that were assessed: tried beforehand, done for good with its differences."""

from collections.abc import Callable

from django.db import transaction

from shebao.base.errors import ShebaoError
from shebao.base.months import month_of, shift
from shebao.base.terms import Insurance
from shebao.casework.item import Context, Filing, MoneyEffect
from shebao.casework.models import Case
from shebao.items.corrections.common import MoneyMovedError, Trial, money_of
from shebao.levy.causes import Because, note
from shebao.levy.differences import Difference, Share, assessed_months, settle
from shebao.levy.models import CauseKind
from shebao.levy.months import hold
from shebao.levy.unit_changes import unit_differences
from shebao.parties.corrections import NewCorrection, note_corrections


class _Undo(Exception):
    pass


def tried_unit(context: Context, months: list[int], act: Callable[[], object]) -> Trial:
    """Do it, see what it changes, and undo it."""
    found: list[Difference] = []
    try:
        with transaction.atomic():
            found += unit_differences(context.unit_id, context.place, months, act)
            raise _Undo
    except _Undo:
        return Trial(tuple(found))
    except ShebaoError as problem:
        return Trial((), problem)


def money_of_unit(trial: Trial) -> MoneyEffect:
    """补收 and 待退 of all its people together, by month and type."""
    sums: dict[tuple[int, Insurance], tuple[Share, Share]] = {}
    for d in trial.differences:
        was, due = sums.get((d.month, d.insurance), (Share(), Share()))
        sums[d.month, d.insurance] = (_plus(was, d.charged), _plus(due, d.due))
    together = tuple(
        Difference(0, 0, month, of, was, due)
        for (month, of), (was, due) in sorted(sums.items(), key=lambda each: (each[0][0], each[0][1].bit))
    )
    told, table = money_of([trial]), money_of([Trial(together, trial.problem)])
    people = len({d.person_id for d in trial.differences})
    return MoneyEffect(told.title, (), ((f"涉及 {people} 人。",) if people else ()) + tuple(told.sentences), table.tables)


def _plus(one: Share, other: Share) -> Share:
    return Share(one.base_fen + other.base_fen, one.unit_fen + other.unit_fen, one.person_fen + other.person_fen)


def months_since(context: Context, first: int, end: int | None = None) -> list[int]:
    """Assessed months of the place from one on, until before another one."""
    return [m for m in assessed_months(context.place) if m >= first and (end is None or m < end)]


def corrected_unit(
    filing: Filing,
    context: Context,
    months: list[int],
    act: Callable[[], object],
    kind: CauseKind,
    line: Callable[[int, int], NewCorrection],
) -> None:
    """Do it for good: months held, differences charged or kept as 待退 with their cause, the course noted where money moves.

    line: makes the line of the course from what is charged and what is due back (fen).  Raises: MoneyMovedError.
    """
    this = month_of(context.on)
    hold(context.place, {*months, this, shift(this, 1)})
    found = unit_differences(context.unit_id, context.place, months, act)
    if found and not Case.objects.filter(pk=filing.case_id).exclude(second_reason="").exists():
        raise MoneyMovedError("提交之后有月份已经核定，这次订正现在涉及金额，须经复核；请退回，由受理人重新提交")
    told = line(sum(d.up_fen for d in found), sum(d.down_fen for d in found))
    (correction_id,) = note_corrections([told], at=context.at)
    if found:
        act_ = Because(kind, context.unit_id, context.agency_id, None, filing.case_id or None, correction_id)
        (cause,) = note([act_], at=context.at)
        settle(found, {context.unit_id: context.agency_id}, at=context.at, causes=[cause] * len(found))
