"""The clock, read at the edges only (channels, runs, commands). Domains take the day as an argument."""

import os
import time
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
_STARTED = time.monotonic()


def now() -> datetime:
    """This instant in Wuhan. SHEBAO_NOW (ISO, local time) starts the clock elsewhere, for demos and tests; it then ticks on."""
    if start := os.environ.get("SHEBAO_NOW"):
        return datetime.fromisoformat(start).replace(tzinfo=ZONE) + timedelta(seconds=time.monotonic() - _STARTED)
    return datetime.now(ZONE)


def today() -> date:
    """Today's date in Wuhan."""
    return now().date()
