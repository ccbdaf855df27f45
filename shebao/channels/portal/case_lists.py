"""Questions of the portal about cases: lists, rows of a batch, counts. Everything is limited, nothing is loaded whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from shebao.casework.cases import NoSuchCaseError
from shebao.casework.item import ServiceItem, item_of
from shebao.casework.models import Case, CaseState, Channel, Event, Filing, FilingState, Upload
from shebao.casework.operations import OPEN_STATES

PAGE_ROWS = 20
BATCH_ROWS = 50
WRONG = Q(refusals__isnull=False) | Q(values__isnull=True)
WARNED = Q(refusals__isnull=True, values__isnull=False, warnings__isnull=False)
FINE = Q(refusals__isnull=True, values__isnull=False, warnings__isnull=True)
HAS_ERRORS = Exists(Filing.objects.filter(WRONG, case=OuterRef("pk"), state__in=OPEN_STATES))
TABS = {"wrong": WRONG, "warned": WARNED, "fine": FINE, "back": Q(state=FilingState.RETURNED), "all": Q()}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters over a list of cases; empty: any."""

    item: str = ""
    state: str = ""
    returned: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    cases: list[Case]
    total: int
    number: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_ROWS))


def find_cases(unit_id: int, states: Sequence[str], wanted: Wanted, page: int) -> Page:
    """Cases of a unit in some states, the ones changed last first; each tells whether it `has_errors`."""
    rows = Case.objects.filter(unit_id=unit_id, state__in=states)
    if CaseState.DRAFT in states:
        rows = rows.exclude(channel=Channel.COUNTER, state=CaseState.DRAFT)  # the counter's own paper, until it is submitted
    if wanted.item:
        rows = rows.filter(item_code=wanted.item)
    if wanted.state in states:
        rows = rows.filter(state=wanted.state)
    if wanted.returned:
        rows = rows.filter(returned=wanted.returned == "yes")
    if wanted.text:
        rows = rows.filter(Q(number__icontains=wanted.text) | Q(subject__contains=wanted.text))
    total = rows.count()
    page = min(max(1, page), max(1, -(-total // PAGE_ROWS)))
    ordered = rows.annotate(has_errors=HAS_ERRORS).order_by("-returned", "-changed_at", "-id")
    return Page(list(ordered[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]), total, page)


def recent_cases(unit_id: int, item: ServiceItem, *, channel: str = "", limit: int = 6) -> list[Case]:
    """The last cases of an item; each tells whether it `has_errors`."""
    rows = Case.objects.filter(unit_id=unit_id, item_code=item.code)
    if channel:
        rows = rows.filter(channel=channel)
    return list(rows.annotate(has_errors=HAS_ERRORS).order_by("-id")[:limit])


def get_case(case_id: int) -> Case:
    """A case of the acting unit. Raises: NoSuchCaseError."""
    case = Case.objects.filter(pk=case_id).first()
    if case is None:
        raise NoSuchCaseError
    return case


def item_of_case(case: Case) -> ServiceItem:
    """The item as it was when the case was filed."""
    return item_of(case.item_code, case.item_version)


def is_batch(case: Case) -> bool:
    """Whether the page of many rows fits."""
    return case.channel == Channel.WORKBOOK or Filing.objects.filter(case=case).count() > 1


def the_filing(case: Case) -> Filing:
    """The only row of a single case. Raises: NoSuchCaseError when there is none."""
    filing = Filing.objects.filter(case=case).order_by("row").first()
    if filing is None:
        raise NoSuchCaseError
    return filing


def upload_of(case: Case) -> Upload | None:
    """The upload of a case without the file itself."""
    return Upload.objects.defer("content").filter(case=case).first()


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of a batch that is not submitted: total = fine + wrong + warned. `back` are those among them that were returned."""

    total: int
    fine: int
    wrong: int
    warned: int
    back: int

    @property
    def ready(self) -> int:
        return self.fine + self.warned


def count_rows(case: Case) -> Counts:
    """One pass over the rows that are still open."""
    return Counts(
        **Filing.objects.filter(case=case, state__in=OPEN_STATES).aggregate(
            total=Count("id"),
            fine=Count("id", filter=FINE),
            wrong=Count("id", filter=WRONG),
            warned=Count("id", filter=WARNED),
            back=Count("id", filter=Q(state=FilingState.RETURNED)),
        )
    )


def open_rows(case: Case, tab: str, text: str) -> QuerySet[Filing]:
    """Rows of a batch that is not submitted, in the order of the file."""
    rows = Filing.objects.filter(TABS.get(tab, TABS["all"]), case=case, state__in=OPEN_STATES)
    if text:
        rows = rows.filter(Q(name__contains=text) | Q(id_number__startswith=text.upper()))
    return rows.order_by("row")


def settled_rows(case: Case, state: str, text: str) -> QuerySet[Filing]:
    """Rows of a case that was submitted."""
    rows = Filing.objects.filter(case=case).exclude(state=FilingState.WITHDRAWN)
    if state in FilingState.values:
        rows = rows.filter(state=state)
    if text:
        rows = rows.filter(Q(name__contains=text) | Q(id_number__startswith=text.upper()))
    return rows.order_by("row")


def states_of_rows(case: Case) -> dict[str, int]:
    """How many rows are in each state."""
    found = Filing.objects.filter(case=case).values_list("state").annotate(n=Count("id")).order_by()
    return {state: n for state, n in found if state != FilingState.WITHDRAWN}


def events_of(case: Case) -> list[Event]:
    """The timeline, newest first."""
    return list(Event.objects.filter(case=case).order_by("-id")[:100])


def rest_of(case: Case) -> Case | None:
    """The draft that kept the wrong rows when this case was submitted."""
    return Case.objects.filter(parent=case, state__in=(CaseState.DRAFT, CaseState.CHECKING)).order_by("id").first()
