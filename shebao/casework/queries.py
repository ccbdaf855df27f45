"""Questions about cases, for the filer's pages and for the reviewer's. Nothing here changes anything.

What the actor may not see is as if it were not there: row-level security answers, the arguments only narrow.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from django.db import connection
from django.db.models import F, Model, Q, QuerySet
from django.db.models.lookups import IsNull

from shebao.base.clock import ZONE
from shebao.casework.cases import NoSuchCaseError
from shebao.casework.cells import half_width
from shebao.casework.item import items
from shebao.casework.models import Case, CaseState, Channel, Event, Filing, FilingState, Upload

Row = TypeVar("Row")
Record = TypeVar("Record", bound=Model)

PAGES_MAX = 2_000  # of any list: beyond it one searches
ROWS_SIZE = 50
CASES_SIZE = 20

TODO_STATES = (CaseState.CHECKING, CaseState.DRAFT)
DONE_STATES = (CaseState.REVIEW, CaseState.DONE, CaseState.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list. `page` counts from 1 and is a page that exists (the last one when a higher one was asked for)."""

    rows: list[Row]
    total: int
    page: int
    size: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))


def page_of(rows: QuerySet[Record], page: int, size: int) -> Page[Record]:
    """A page of an ordered query."""
    total = rows.count()
    page = min(max(page, 1), max(1, -(-total // size)), PAGES_MAX)
    return Page(list(rows[(page - 1) * size : page * size]), total, page, size)


# --- lists of cases ---


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a list of cases is narrowed; what is empty does not narrow.

    search: a 业务顺序号, or part of whom the case is about.  unit_ids: None for all that the actor may see.
    """

    item_code: str = ""
    state: str = ""
    channel: str = ""
    returned: bool | None = None
    search: str = ""
    unit_ids: Sequence[int] | None = None
    from_day: date | None = None
    to_day: date | None = None

    def of(self, cases: QuerySet[Case]) -> QuerySet[Case]:
        """Narrow a query. Days are those on which a case last changed, both included."""
        given: dict[str, object] = {}
        if self.item_code:
            given["item_code"] = self.item_code
        if self.state:
            given["state"] = self.state
        if self.channel:
            given["channel"] = self.channel
        if self.returned is not None:
            given["returned"] = self.returned
        if self.unit_ids is not None:
            given["unit_id__in"] = list(self.unit_ids)
        if self.from_day:
            given["changed_at__gte"] = midnight(self.from_day)
        if self.to_day:
            given["changed_at__lt"] = midnight(self.to_day + timedelta(days=1))
        found = cases.filter(**given)
        return found.filter(_about(self.search.strip())) if self.search.strip() else found


EVERYTHING = Wanted()


def _about(text: str) -> Q:
    """By number, by subject, or by a person in the case (ID number or name as filed)."""
    people = Filing.objects.filter(Q(id_number=text.upper()) | Q(name=text)).exclude(state=FilingState.WITHDRAWN)
    return Q(number__iexact=text) | Q(subject__contains=text) | Q(pk__in=people.values("case_id"))


def midnight(day: date) -> datetime:
    """The first instant of a day in Wuhan."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)


def todo(unit_id: int, wanted: Wanted = EVERYTHING, *, page: int = 1, size: int = CASES_SIZE) -> Page[Case]:
    """待办任务列表 of a unit: not submitted, returned first, then the last changed."""
    return page_of(wanted.of(_of_unit(unit_id, TODO_STATES)).order_by("-returned", "-changed_at", "-id"), page, size)


def done(unit_id: int, wanted: Wanted = EVERYTHING, *, page: int = 1, size: int = CASES_SIZE) -> Page[Case]:
    """已办任务列表 of a unit: submitted (进行中), ended (结束) or taken back (已退单), the last changed first."""
    return page_of(wanted.of(_of_unit(unit_id, DONE_STATES)).order_by("-changed_at", "-id"), page, size)


def recent(unit_id: int, limit: int = 10) -> list[Case]:
    """A unit's cases of any state, the last changed first."""
    return list(Case.objects.filter(unit_id=unit_id).order_by("-changed_at", "-id")[:limit])


def _of_unit(unit_id: int, states: Sequence[CaseState]) -> QuerySet[Case]:
    return Case.objects.filter(unit_id=unit_id, state__in=states)


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """Figures of a unit's home page. `todo` includes the returned ones; `done` counts cases that ended since `since`."""

    todo: int
    returned: int
    review: int
    done: int


def unit_counts(unit_id: int, *, since: datetime) -> UnitCounts:
    """How many cases of a unit wait, were returned, are under review, and ended since an instant."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(*) filter (where state in ('checking', 'draft')), count(*) filter (where state = 'draft' and returned),
                   count(*) filter (where state = 'review'), count(*) filter (where state = 'done' and ended_at >= %s)
            from casework_case where unit_id = %s
            """,
            [since, unit_id],
        )
        return UnitCounts(*cursor.fetchone())


def item_choices() -> tuple[tuple[str, str], ...]:
    """(code, title) of all items, for filters."""
    return tuple((item.code, item.title) for item in items())


CHANNEL_CHOICES: tuple[tuple[str, str], ...] = tuple((channel.value, str(channel.label)) for channel in Channel)


# --- one case ---


def get_case(case_id: int) -> Case:
    """A case by id. Raises: NoSuchCaseError when absent, or not the actor's to see."""
    case = Case.objects.filter(pk=case_id).first()
    if case is None:
        raise NoSuchCaseError
    return case


def find_case(number: str) -> Case | None:
    """A case by its 业务顺序号."""
    return Case.objects.filter(number__iexact=number.strip()).first()


def parts_of(case: Case) -> list[Case]:
    """Cases that were split off from this one, oldest first."""
    return list(Case.objects.filter(parent=case).order_by("id"))


def events_of(case: Case) -> list[Event]:
    """The timeline, newest first."""
    return list(Event.objects.filter(case=case).order_by("-id"))


def upload_of(case: Case) -> Upload | None:
    """The workbook of a batch without its bytes."""
    return Upload.objects.defer("content").filter(case=case).first()


def find_filing(case: Case, filing_id: int) -> Filing | None:
    """One row of a case by its id."""
    return Filing.objects.filter(case=case, pk=filing_id).first()


class Show(StrEnum):
    """Which rows of a batch a page shows."""

    ALL = "all"
    CLEAN = "clean"  # nothing against it, no reminder
    WARNED = "warned"  # could be submitted, with a reminder
    REFUSED = "refused"
    EXCEPTIONS = "exceptions"  # refused or warned
    REVIEW = "review"
    DONE = "done"
    RETURNED = "returned"


_REFUSED = Q(refusals__isnull=False) | Q(values__isnull=True)
_SHOWN: Mapping[Show, Q] = {
    Show.ALL: Q(),
    Show.CLEAN: ~_REFUSED & Q(warnings__isnull=True),
    Show.WARNED: ~_REFUSED & Q(warnings__isnull=False),
    Show.REFUSED: _REFUSED,
    Show.EXCEPTIONS: _REFUSED | Q(warnings__isnull=False),
    Show.REVIEW: Q(state=FilingState.REVIEW),
    Show.DONE: Q(state=FilingState.DONE),
    Show.RETURNED: Q(state=FilingState.RETURNED),
}


def show_of(text: str) -> Show:
    """The filter of an address; all rows when it names none."""
    return Show(text) if text in Show.__members__.values() else Show.ALL


def filings(
    case: Case, show: Show = Show.ALL, *, search: str = "", page: int = 1, size: int = ROWS_SIZE, exceptions_first: bool = False
) -> Page[Filing]:
    """Rows of a case in their order, without those taken out.

    Args: search: the beginning of an ID number, part of a name, or several whole ID numbers.
          exceptions_first: refused rows, then warned ones, then the rest.
    """
    rows = Filing.objects.filter(_SHOWN[show], case=case).exclude(state=FilingState.WITHDRAWN)
    if len(numbers := id_numbers_in(search)) > 1:
        rows = rows.filter(id_number__in=numbers)
    elif text := search.strip():
        rows = rows.filter(Q(id_number__startswith=text.upper()) | Q(name__contains=text))
    order = (IsNull(F("refusals"), True), IsNull(F("warnings"), True), F("row")) if exceptions_first else (F("row"),)
    return page_of(rows.order_by(*order), page, size)


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows of a case that are not taken out: total = clean + warned + refused, and = draft + review + done + returned."""

    total: int
    clean: int
    warned: int
    refused: int
    draft: int
    review: int
    done: int
    returned: int


def row_counts(case: Case) -> RowCounts:
    """The figures above a batch, in one pass."""
    refused = "(refusals is not null or values is null)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select count(*), count(*) filter (where not {refused} and warnings is null),
                   count(*) filter (where not {refused} and warnings is not null), count(*) filter (where {refused}),
                   count(*) filter (where state = 'draft'), count(*) filter (where state = 'review'),
                   count(*) filter (where state = 'done'), count(*) filter (where state = 'returned')
            from casework_filing where case_id = %s and state <> 'withdrawn'
            """,
            [case.pk],
        )
        return RowCounts(*cursor.fetchone())


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of a batch with the same warning: the code, one of the sentences, how many rows, the first of them."""

    code: str
    text: str
    rows: int
    first_row: int


def warning_groups(case: Case, *, limit: int = 12) -> list[Group]:
    """What the rows of a batch are to be warned of, the most frequent first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select r ->> 'code', min(r ->> 'text'), count(distinct f.row), min(f.row)
            from casework_filing f cross join lateral jsonb_array_elements(f.warnings) r
            where f.case_id = %s and f.state <> 'withdrawn' and f.warnings is not null group by 1 order by 3 desc, 1 limit %s
            """,
            [case.pk, limit],
        )
        return [Group(*row) for row in cursor.fetchall()]


def id_numbers_in(text: str) -> list[str]:
    """The whole ID numbers of a text that was pasted, in order, each once; a box drops line ends, so they may stand without a gap."""
    plain = half_width(text)
    found = [one for run in re.findall(r"[0-9Xx]{18,}", plain) for one in re.findall(r"[0-9]{17}[0-9Xx]", run)]
    return list(dict.fromkeys(number.upper() for number in found))


def rows_by_id_numbers(case: Case, id_numbers: Sequence[str]) -> dict[str, Filing]:
    """The rows of a case under review, by ID number."""
    found = Filing.objects.filter(case=case, state=FilingState.REVIEW, id_number__in=list(id_numbers))
    return {filing.id_number: filing for filing in found}


def people_counts(case_ids: Sequence[int]) -> dict[int, int]:
    """How many rows each of these cases holds, without those taken out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select case_id, count(*) from casework_filing where case_id = any(%s) and state <> 'withdrawn' group by 1", [list(case_ids)]
        )
        return dict(cursor.fetchall())


def cases_about(id_number: str, limit: int = 20) -> list[Case]:
    """Cases with a row about a person, newest first."""
    rows = Filing.objects.filter(id_number=id_number).exclude(state=FilingState.WITHDRAWN)
    return list(Case.objects.filter(pk__in=rows.values("case_id")).order_by("-changed_at", "-id")[:limit])
