"""重新核定 as a run: a trial in chunks, killed anywhere it goes on where it was. Releasing it is another person's act."""

from collections.abc import Callable
from datetime import datetime

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor
from shebao.base.errors import ShebaoError
from shebao.base.months import Month
from shebao.levy import recalculating
from shebao.policy.rulebook import Rulebook, standard

Clock = Callable[[], datetime]


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
