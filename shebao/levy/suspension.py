"""What suspends 欠费 and 滞纳金: the employer's part of a month and type that runs under a deferral (缓缴).

Contract for whoever knows deferrals: `PROVIDERS.append(f)` once, at start (AppConfig.ready), where f(unit_ids, on) returns
{(unit_id, month, insurance code): last day of the deferral} for what is deferred on that day *or was once* (the last day may lie before
`on`). Meaning, everywhere in this project:

- until and with that day the unit part of that month and type is not overdue: it makes nobody of the unit 欠费;
- its 滞纳金 counts from the day after that day instead of the day after the bill's due date;
- the person's own part is never deferred; money that has come in on a line counts for what is not deferred first.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

Deferred = Mapping[tuple[int, int, int], date]
Provider = Callable[[Sequence[int], date], Deferred]

PROVIDERS: list[Provider] = []


def suspended(unit_ids: Sequence[int], on: date) -> dict[tuple[int, int, int], date]:
    """The last day of deferral by (unit, month, insurance), the latest where several say something."""
    found: dict[tuple[int, int, int], date] = {}
    for provider in PROVIDERS:
        for key, last in provider(unit_ids, on).items():
            found[key] = max(last, found.get(key, last))
    return found
