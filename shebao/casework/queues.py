"""社保业务审批入口: what waits for the agency's reviewers, what one of them holds, what was decided. Questions only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection
from django.db.models import Q, QuerySet

from shebao.base.clock import ZONE
from shebao.casework.models import Case, CaseState, Event
from shebao.casework.queries import CASES_SIZE, Page, Wanted, midnight, page_of

AUTOMATIC_MINUTES = 10  # an automatic review that has not ended by then is shown to the reviewers


class Queue(StrEnum):
    """社保业务审批入口: what waits, what I hold, what was decided."""

    WAITING = "waiting"
    MINE = "mine"
    REVIEWED = "reviewed"


def queue(
    name: Queue, wanted: Wanted, *, agency_id: int, account_id: int, at: datetime, page: int = 1, size: int = CASES_SIZE
) -> Page[Case]:
    """A queue of the agency: what waits and what I hold oldest first, what I decided newest first."""
    cases = wanted.of(_queued(name, agency_id, account_id, at))
    order = ("-changed_at", "-id") if name is Queue.REVIEWED else ("submitted_at", "id")
    return page_of(cases.order_by(*order), page, size)


def next_waiting(*, agency_id: int, account_id: int, at: datetime) -> Case | None:
    """The case that has waited longest and that this account did not file itself."""
    return (
        _queued(Queue.WAITING, agency_id, account_id, at)
        .exclude(submitted_by=account_id)
        .exclude(created_by=account_id)
        .order_by("submitted_at", "id")
        .first()
    )


def _queued(name: Queue, agency_id: int, account_id: int, at: datetime) -> QuerySet[Case]:
    cases = Case.objects.filter(agency_id=agency_id)
    if name is Queue.REVIEWED:
        decided = Event.objects.filter(account_id=account_id, kind="reviewed", agency_id=agency_id)
        return cases.filter(pk__in=decided.values("case_id"))
    open_cases = cases.filter(state=CaseState.REVIEW)
    if name is Queue.MINE:
        return open_cases.filter(claimed_by=account_id)
    stuck = Q(submitted_at__lt=at - timedelta(minutes=AUTOMATIC_MINUTES))
    return open_cases.filter(Q(automatic=False) | stuck, claimed_by=None)


@dataclass(frozen=True, slots=True)
class QueueHead:
    """How many cases a queue holds and since when its oldest waits."""

    count: int
    oldest_at: datetime | None


def queue_heads(*, agency_id: int, account_id: int, at: datetime) -> dict[Queue, QueueHead]:
    """Counts and oldest cases of what waits, what I hold, and (by count) what I decided since midnight."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(*) filter (where waiting), min(submitted_at) filter (where waiting),
                   count(*) filter (where claimed_by = %(me)s), min(submitted_at) filter (where claimed_by = %(me)s)
            from (select submitted_at, claimed_by, claimed_by is null and (not automatic or submitted_at < %(stuck)s) as waiting
                  from casework_case where agency_id = %(agency)s and state = 'review') q
            """,
            {"me": account_id, "agency": agency_id, "stuck": at - timedelta(minutes=AUTOMATIC_MINUTES)},
        )
        waiting, oldest, mine, oldest_mine = cursor.fetchone()
    today = throughput(agency_id=agency_id, account_id=account_id, since=midnight(at.astimezone(ZONE).date()))
    return {
        Queue.WAITING: QueueHead(waiting, oldest),
        Queue.MINE: QueueHead(mine, oldest_mine),
        Queue.REVIEWED: QueueHead(today.mine, None),
    }


@dataclass(frozen=True, slots=True)
class Throughput:
    """Decisions since an instant: my own, the whole agency's by people, and those of the system."""

    mine: int
    by_people: int
    by_system: int


def throughput(*, agency_id: int, account_id: int, since: datetime) -> Throughput:
    """How many decisions were made since an instant, from the timelines."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(*) filter (where account_id = %s), count(*) filter (where account_id <> 0), count(*) filter (where account_id = 0)
            from casework_event where agency_id = %s and kind = 'reviewed' and at >= %s
            """,
            [account_id, agency_id, since],
        )
        return Throughput(*cursor.fetchone())
