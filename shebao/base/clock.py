"""The clock, read at the edges only (channels, runs, commands). Domains take the day as an argument."""

import os
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
_STARTED = time.monotonic()


def now() -> datetime:
    """This instant in Wuhan. SHEBAO_NOW (ISO, local time) starts the clock elsewhere, for demos and tests; it then ticks on.

    SHEBAO_CLOCK names a file with a number of days by which a demo is ahead, so that its hall and its partners turn the page together.
    """
    ahead = timedelta(days=days_ahead())
    if start := os.environ.get("SHEBAO_NOW"):
        return datetime.fromisoformat(start).replace(tzinfo=ZONE) + timedelta(seconds=time.monotonic() - _STARTED) + ahead
    return datetime.now(ZONE) + ahead


def today() -> date:
    """Today's date in Wuhan."""
    return now().date()


def days_ahead() -> int:
    """How many days the demo's clock is ahead; 0 where there is no such file."""
    if not (name := os.environ.get("SHEBAO_CLOCK")):
        return 0
    try:
        return int(Path(name).read_text())
    except (FileNotFoundError, ValueError):
        return 0
