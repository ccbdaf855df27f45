"""Figures of an agency's desk, from cases and their timelines: what was decided when and by whom, how long it took, what waits, why
cases went back. Each question is one query over a set; indexes keep the timeline of other periods out (migration 0004)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.casework.queries import midnight

DAYS_MAX = 366
REASONS_SHOWN = 10
OLDEST_SHOWN = 5
# Upper bounds of the ages of what waits, in days; the last class is open.
AGES = (1, 2, 3, 5, 10, 20)


class BadPeriodError(ShebaoError):
    """The days asked for are no period of at most a year."""

    code = "CAS-30"
    status = 422


@dataclass(frozen=True, slots=True)
class Period:
    """Days in Wuhan, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The instants it lies between, the second excluded."""
        return midnight(self.first), midnight(self.last + timedelta(days=1))

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=i) for i in range(self.days))


def period(first: str, last: str, today: date, *, days: int = 30) -> Period:
    """The period typed as two dates; the last days up to today when nothing was typed. Raises: BadPeriodError."""
    try:
        end = date.fromisoformat(last) if last.strip() else today
        start = date.fromisoformat(first) if first.strip() else end - timedelta(days=days - 1)
    except ValueError:
        raise BadPeriodError("日期请按 2026-11-05 的样子填写，并核对有没有这一天") from None
    if start > end:
        raise BadPeriodError("开始日期晚于结束日期，请对调后再查")
    if (end - start).days >= DAYS_MAX:
        raise BadPeriodError(f"一次最多统计 {DAYS_MAX} 天，请缩短起止日期")
    if end > today:
        raise BadPeriodError(f"结束日期不能晚于今天（{today.isoformat()}）")
    return Period(start, end)


# --- what was decided ---


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions of one day by one reviewer; account_id 0 is the system."""

    day: date
    account_id: int
    name: str
    count: int


def decided(agency_id: int, asked: Period) -> list[Decided]:
    """Decisions (passed or sent back) by day and reviewer, in that order."""
    return [
        Decided(day, account, name, count)
        for day, account, name, count in _rows(
            """
            select (at at time zone %s)::date, account_id, max(account_name), count(*) from casework_event
            where agency_id = %s and kind = 'reviewed' and at >= %s and at < %s group by 1, 2 order by 1, 2
            """,
            [ZONE.key, agency_id, *asked.bounds],
        )
    ]


@dataclass(frozen=True, slots=True)
class Speed:
    """Decisions of a group, and how long people took from the submission to the decision, in seconds; None where there were none.

    Only the group "system" tells the system's own time: it would drown that of people everywhere else.
    """

    group: str
    count: int
    automatic: int
    returned: int
    median_seconds: int | None
    p90_seconds: int | None

    @property
    def automatic_ppm(self) -> int:
        """Share decided by the system."""
        return self.automatic * 1_000_000 // self.count if self.count else 0

    @property
    def returned_ppm(self) -> int:
        """Share of decisions that sent something back."""
        return self.returned * 1_000_000 // self.count if self.count else 0


@dataclass(frozen=True, slots=True)
class Speeds:
    """The same decisions grouped in four ways."""

    whole: Speed
    by_reviewer_kind: list[Speed]  # "system" and "people"
    by_item: list[Speed]
    by_channel: list[Speed]


# The last round of a case began when the case says; only of earlier rounds the timeline is asked.
_SPEEDS = """
with d as (
  select e.case_id, e.at, e.account_id = 0 by_system, e.text like '%%退回：%%' sent_back, c.item_code, c.channel,
         extract(epoch from e.at - case when e.round = c.round then c.submitted_at else s.at end) took
  from casework_event e join casework_case c on c.id = e.case_id
  left join lateral (select s.at from casework_event s where e.round <> c.round and s.case_id = e.case_id
                     and s.kind = 'submitted' and s.round = e.round order by s.id desc limit 1) s on true
  where e.agency_id = %s and e.kind = 'reviewed' and e.at >= %s and e.at < %s
)
select 4 + grouping(item_code, channel), null::bool, item_code, channel, count(*), count(*) filter (where by_system),
       count(*) filter (where sent_back),
       round(percentile_cont(0.5) within group (order by took) filter (where not by_system))::bigint,
       round(percentile_cont(0.9) within group (order by took) filter (where not by_system))::bigint
from d group by grouping sets ((), (item_code), (channel))
union all
select 3, by_system, null, null, count(*), count(*) filter (where by_system), count(*) filter (where sent_back),
       round(percentile_cont(0.5) within group (order by took))::bigint, round(percentile_cont(0.9) within group (order by took))::bigint
from d group by by_system
order by 1, 5 desc, 3, 4
"""


def speeds(agency_id: int, asked: Period) -> Speeds:
    """How many decisions and how long they took, in all, by whom, by item and by channel, the most frequent first. One query."""
    whole, kinds, items, channels = Speed("", 0, 0, 0, None, None), [], [], []
    for grouping, system, item, channel, *figures in _rows(_SPEEDS, [agency_id, *asked.bounds]):
        if grouping == 7:
            whole = Speed("", *figures)
        elif grouping == 3:
            kinds.append(Speed("system" if system else "people", *figures))
        elif grouping == 5:
            items.append(Speed(item, *figures))
        else:
            channels.append(Speed(channel, *figures))
    return Speeds(whole, kinds, items, channels)


def return_reasons(agency_id: int, asked: Period, limit: int = REASONS_SHOWN) -> list[tuple[str, int]]:
    """Why cases went back, the most frequent reason first: the chosen template, without what was added to it. A batch counts once."""
    return [
        (reason, count)
        for reason, count in _rows(
            """
            select split_part(regexp_replace(substring(text from '退回：(.*)$'), '（共 [0-9]+ 人被退回）$', ''), '；', 1), count(*)
            from casework_event where agency_id = %s and kind = 'reviewed' and at >= %s and at < %s and text like %s
            group by 1 order by 2 desc, 1 limit %s
            """,
            [agency_id, *asked.bounds, "%退回：%", limit],
        )
    ]


# --- what waits ---


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a reviewer at an instant. ages: by class of AGES, the last one open."""

    total: int
    ages: list[int]
    oldest: list[tuple[int, str, str, datetime]]  # case id, number, item code, submitted at


def waiting(agency_id: int, at: datetime) -> Waiting:
    """Cases under review that the system does not decide, by the full days since they were submitted."""
    bounds = [at - timedelta(days=days) for days in AGES]
    rows = _rows(
        """
        select width_bucket(extract(epoch from submitted_at), %s::float8[]), count(*) from casework_case
        where agency_id = %s and state = 'review' and not automatic group by 1
        """,
        [sorted(bound.timestamp() for bound in bounds), agency_id],
    )
    ages = [0] * (len(AGES) + 1)
    for bucket, count in rows:
        ages[len(AGES) - bucket] = count
    oldest = _rows(
        """
        select id, number, item_code, submitted_at from casework_case
        where agency_id = %s and state = 'review' and not automatic order by submitted_at, id limit %s
        """,
        [agency_id, OLDEST_SHOWN],
    )
    return Waiting(sum(ages), ages, [(i, number, item, submitted) for i, number, item, submitted in oldest])


def _rows(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        return list(cursor.fetchall())
