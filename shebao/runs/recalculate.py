"""重新核定 as a run: a trial in chunks, killed anywhere it goes on where it was. Releasing it is another person's act."""

from collections.abc import Callable
from datetime import datetime

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_shown
from shebao.base.terms import Post
from shebao.levy import recalculating
from shebao.levy.models import Recalculation, RecalculationState
from shebao.levy.recalculation_queries import find, listed, progress_of
from shebao.levy.run_kinds import DONE, FAILED, REVERSED, RUNNING, RunKind, RunLine
from shebao.policy.rulebook import Rulebook, standard

Clock = Callable[[], datetime]
STATES = {
    RecalculationState.RELEASED: DONE,
    RecalculationState.DISCARDED: REVERSED,
    RecalculationState.FAILED: FAILED,
}


def _listed(place: str, limit: int, run_id: int | None) -> list[RunLine]:
    """Trials of a place for the run console, newest first; or the one of an id."""
    found = listed(place, limit) if run_id is None else [one for one in [find(run_id)] if one is not None and one.place == place]
    return [_line(one) for one in found]


def _line(one: Recalculation) -> RunLine:
    done, total = progress_of(one)
    trial = one.state == RecalculationState.TRIAL
    ended = one.released_at or (one.computed_at if one.state != RecalculationState.COMPUTING and not trial else None)
    about = f"第 {one.pk} 号　{month_shown(one.first_month)}" + (
        f"至{month_shown(one.last_month)}" if one.last_month != one.first_month else ""
    )
    state = STATES.get(RecalculationState(one.state), RUNNING)
    waits = "试算完成，待另一位工作人员复核生效" if trial else ""
    return RunLine(one.pk, state, about, done, total, one.people, None, one.computed_by, one.started_at, ended, one.note, waits)


def _why_not(run: RunLine) -> str:
    if run.state == RUNNING and run.waits:
        return ""
    if run.state == DONE:
        return "重新核定已复核生效，补差和待退已经产生，不能整批冲回；参数再有变动的再办理重新核定"
    return "只有试算完成、还没有复核的可以放弃"


RUN_KIND = RunKind(
    "recalculation",
    "重新核定",
    "recalculate",
    "recalculation_id",
    page=lambda run: f"/w/recalculations/{run.id}",
    listed=_listed,
    about="参数追溯变动后：先试算差额和原因，另一人复核才生效",
    start="/w/recalculations",
    starters=frozenset({Post.FINANCE, Post.REVIEWER}),
    why_not=_why_not,
    reverse=lambda run, reason, on, at: recalculating.discard(run.id, at=at),
    undo=("放弃试算", "已放弃"),
    undo_says="试算结果保留备查，不产生应缴或应退；可以重新试算。",
)


def run(recalculation_id: int, *, clock: Clock, rulebook: Rulebook | None = None) -> None:
    """Do what is missing of a trial that was begun. A second call finds nothing to do. Refusals end it, with the sentence on its page."""
    rulebook = rulebook or standard()
    try:
        with acting(ENGINE):
            pieces = recalculating.plan(recalculation_id)
        for piece in pieces:
            with acting(ENGINE):
                recalculating.do_piece(recalculation_id, piece, rulebook)
        with acting(ENGINE):
            recalculating.finish(recalculation_id, at=clock())
    except ShebaoError as error:
        with acting(ENGINE):
            recalculating.fail(recalculation_id, error.text, at=clock())


def trial(place: str, first: Month, last: Month, *, by: Actor, clock: Clock, rulebook: Rulebook | None = None) -> int:
    """Begin and do a whole trial in this process, in the name of `by`. Returns its id.

    Raises: NothingChangedError, RulesNotKept, OpenTrialError.
    """
    with acting(by):
        recalculation_id = recalculating.begin(place, first, last, rulebook or standard(), at=clock())
    run(recalculation_id, clock=clock, rulebook=rulebook)
    return recalculation_id
