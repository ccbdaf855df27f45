"""社保业务审批入口: what waits for the agency's reviewers, what one of them holds, what was decided. Queues are data; questions only."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q, QuerySet

from shebao.base.terms import Post
from shebao.casework.models import Case, CaseState, Channel, Event
from shebao.casework.queries import CASES_SIZE, Page, Wanted, page_of

AUTOMATIC_MINUTES = 10  # an automatic review that has not ended by then is shown to the reviewers
LATE_DAYS = 3  # the desk's own target; no document sets a time for the counter's review


@dataclass(frozen=True, slots=True)
class Queue:
    """One list of cases. rows: which cases of an agency for an account at an instant. columns: see desk/queue.html.

    empty: what the empty list says. take: whether one may 领取 from it. newest: the last changed first, else the longest waiting.
    badge: whether the menu counts it.
    """

    code: str
    title: str
    icon: str
    rows: Callable[[QuerySet[Case], int, datetime], QuerySet[Case]]
    columns: tuple[str, ...]
    empty: str
    posts: frozenset[Post]
    take: bool = False
    newest: bool = False
    badge: bool = True


def _open(cases: QuerySet[Case], at: datetime) -> QuerySet[Case]:
    """Waits for a person: not automatic, or automatic and stuck."""
    stuck = Q(submitted_at__lt=at - timedelta(minutes=AUTOMATIC_MINUTES))
    return cases.filter(Q(automatic=False) | stuck, state=CaseState.REVIEW, claimed_by=None)


def _decided(cases: QuerySet[Case], account_id: int, at: datetime) -> QuerySet[Case]:
    mine = Event.objects.filter(account_id=account_id, kind__in=("reviewed", "first_reviewed"))
    return cases.filter(pk__in=mine.values("case_id"))


_LIST = ("about", "unit", "people", "channel", "submitted")
_REVIEWERS = frozenset({Post.REVIEWER, Post.CLERK})

QUEUES: tuple[Queue, ...] = (
    Queue(
        "waiting",
        "待审核",
        "inbox",
        lambda cases, me, at: _open(cases, at).filter(first_by=None),
        (*_LIST, "age"),
        "没有待审核的办件。单位提交后会立即出现在这里，最早提交的排在最前。",
        _REVIEWERS,
        take=True,
    ),
    Queue(
        "second",
        "待复核",
        "person-check",
        lambda cases, me, at: _open(cases, at).exclude(first_by=None),
        (*_LIST, "first", "age"),
        "没有待复核的办件。需要两人审核的业务初审通过后会出现在这里。",
        _REVIEWERS,
        take=True,
    ),
    Queue(
        "late",
        "等待过久",
        "exclamation-triangle",
        lambda cases, me, at: _open(cases, at).filter(submitted_at__lt=at - timedelta(days=LATE_DAYS)),
        (*_LIST, "age"),
        f"没有等待超过 {LATE_DAYS} 天的办件。",
        _REVIEWERS,
        take=True,
    ),
    Queue(
        "mine",
        "我领取的",
        "person-check",
        lambda cases, me, at: cases.filter(state=CaseState.REVIEW, claimed_by=me),
        (*_LIST, "age"),
        "您现在没有领取的办件。请到“待审核”领取，领取后别人不会再办同一件。",
        _REVIEWERS,
    ),
    Queue(
        "entered",
        "我录入的",
        "pencil-square",
        lambda cases, me, at: cases.filter(channel=Channel.COUNTER, created_by=me).exclude(state=CaseState.WITHDRAWN),
        ("about", "unit", "submitted", "state"),
        "您还没有在窗口录入过办件。请到“窗口受理”选择单位和事项。",
        frozenset({Post.CLERK}),
        newest=True,
        badge=False,
    ),
    Queue(
        "reviewed",
        "已审核",
        "check2-square",
        _decided,
        (*_LIST, "state"),
        "您还没有审核过办件。审核通过或退回的办件会列在这里，方便回头查。",
        _REVIEWERS,
        newest=True,
        badge=False,
    ),
)
BY_CODE = {queue.code: queue for queue in QUEUES}
WAITING, MINE = BY_CODE["waiting"], BY_CODE["mine"]


def queues_for(posts: frozenset[Post]) -> tuple[Queue, ...]:
    """The queues that posts may open."""
    return tuple(queue for queue in QUEUES if queue.posts & posts)


def queue(
    wanted_queue: Queue, wanted: Wanted, *, agency_id: int, account_id: int, at: datetime, page: int = 1, size: int = CASES_SIZE
) -> Page[Case]:
    """A queue of the agency: what waits oldest first, what was done newest first."""
    cases = wanted.of(wanted_queue.rows(Case.objects.filter(agency_id=agency_id), account_id, at))
    order = ("-changed_at", "-id") if wanted_queue.newest else ("submitted_at", "id")
    return page_of(cases.order_by(*order), page, size)


def next_waiting(*, agency_id: int, account_id: int, at: datetime) -> Case | None:
    """The case that has waited longest and that this account neither filed nor reviewed first."""
    return (
        _open(Case.objects.filter(agency_id=agency_id), at)
        .exclude(submitted_by=account_id)
        .exclude(created_by=account_id)
        .exclude(Q(first_by=account_id) & Q(first_by__isnull=False))
        .order_by("submitted_at", "id")
        .first()
    )


@dataclass(frozen=True, slots=True)
class QueueHead:
    """How many cases a queue holds and since when its oldest waits."""

    count: int
    oldest_at: datetime | None


def queue_heads(*, agency_id: int, account_id: int, at: datetime) -> dict[str, QueueHead]:
    """By code: counts and oldest cases of what waits and of what I hold, from one pass over what is under review."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(*) filter (where waiting and first_by is null), min(submitted_at) filter (where waiting and first_by is null),
                   count(*) filter (where waiting and first_by is not null),
                   min(submitted_at) filter (where waiting and first_by is not null),
                   count(*) filter (where waiting and submitted_at < %(late)s),
                   min(submitted_at) filter (where waiting and submitted_at < %(late)s),
                   count(*) filter (where claimed_by = %(me)s), min(submitted_at) filter (where claimed_by = %(me)s)
            from (select submitted_at, claimed_by, first_by, claimed_by is null and (not automatic or submitted_at < %(stuck)s) as waiting
                  from casework_case where agency_id = %(agency)s and state = 'review') q
            """,
            {
                "me": account_id,
                "agency": agency_id,
                "stuck": at - timedelta(minutes=AUTOMATIC_MINUTES),
                "late": at - timedelta(days=LATE_DAYS),
            },
        )
        row = cursor.fetchone()
    codes = ("waiting", "second", "late", "mine")
    return {code: QueueHead(row[2 * i], row[2 * i + 1]) for i, code in enumerate(codes)}


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
