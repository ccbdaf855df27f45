"""How the desk words what it shows: how long something waits, what state a case is in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shebao.casework.models import Case, CaseState

# The desk's own targets; no document sets a time for the counter's review.
LONG, TOO_LONG = timedelta(days=1), timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Age:
    """How long something has waited: words and a tone, never the colour alone."""

    text: str
    tone: str


def age(since: datetime | None, at: datetime) -> Age | None:
    """The age of a waiting thing."""
    if since is None:
        return None
    waited = at - since
    shown = _shown(waited)
    if waited >= TOO_LONG:
        return Age(f"{shown}，过久", "err")
    if waited >= LONG:
        return Age(f"{shown}，较久", "warn")
    return Age(shown, "info")


def _shown(waited: timedelta) -> str:
    minutes = int(waited.total_seconds() // 60)
    if minutes < 1:
        return "刚刚"
    if minutes < 60:
        return f"{minutes} 分钟"
    return f"{minutes // 60} 小时" if minutes < 60 * 24 else f"{minutes // 1440} 天"


def state_words(case: Case) -> tuple[str, str]:
    """The state of a case as the desk calls it, with a tone."""
    if case.state == CaseState.REVIEW:
        if case.first_by is not None:
            return ("复核中", "info") if case.claimed_by else ("待复核", "warn")
        return ("审核中", "info") if case.claimed_by else ("待审核", "warn")
    if case.state == CaseState.DRAFT and case.returned:
        return "已退回", "err"
    return str(CaseState(case.state).label), {CaseState.DONE: "ok"}.get(CaseState(case.state), "mute")
