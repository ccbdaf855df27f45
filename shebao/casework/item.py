"""A 事项 declared once. From this declaration come form, template, API, review page, printout and 办事指南.

The item says what; fields, surfaces and domains say how. Facts are loaded for all filings in one query; checks are pure.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any

from shebao.base.errors import Refusal
from shebao.casework.fields import Field, Value


class Audience(str, Enum):
    """Who may file: a unit's operators online, or the agency's clerks at the counter (柜面) for whoever came."""

    UNIT = "unit"
    COUNTER = "counter"


class Subject(str, Enum):
    """What one row is about: a person (it has the field id_number), the unit itself (one row), or a unit to be (counter only)."""

    PERSON = "person"
    UNIT = "unit"
    NEW_UNIT = "new_unit"


class Review(str, Enum):
    """Who decides a filing."""

    AUTOMATIC = "automatic"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Context:
    """Around a filing: for which unit, at which agency, on which day. No insurance in here; items load what they need.

    unit_id: 0 for a unit to be (Subject.NEW_UNIT). counter: entered by the agency's clerk, who sees the originals; true again when the
    filing takes effect. account_id: who files; 0 where nobody does (taking effect).
    """

    unit_id: int
    agency_id: int
    place: str
    vip: bool
    on: date
    at: datetime
    counter: bool = False
    account_id: int = 0
    unit_number: str = ""
    unit_name: str = ""


@dataclass(slots=True)
class Filing:
    """One row on its way: what it was read as. `id` is 0 until stored."""

    values: dict[str, Value]
    row: int = 1
    id: int = 0
    case_id: int = 0

    def text(self, name: str) -> str:
        """A text value; empty when not given."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> int | None:
        """An int value (fen, month), or None."""
        value = self.values.get(name)
        return value if isinstance(value, int) else None


Check = Callable[[Filing, Any, Context], Refusal | None]
# Many readable rows judged by columns (values by field name): for each row its warnings when it certainly passes every check, or None
# when it has to be checked by itself. May send any row to the checks, but must never pass what they refuse, or warn otherwise.
Screen = Callable[[Mapping[str, Sequence[Value]], Context], Sequence[tuple[Refusal, ...] | None]]


@dataclass(frozen=True, slots=True)
class Amount:
    """One line of the effect on money: what a type costs the unit and the person a month, fen."""

    label: str
    base_fen: int
    unit_fen: int
    person_fen: int
    explained: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Any table of an effect: consequences, a month's statement. Cells are texts as people read them; figures: columns set right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    figures: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """One value that a filing changes, as people read it: what is registered now, what it becomes."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class MoneyEffect:
    """影响: what a filing does to the monthly payment, with sentences and tables beside the figures."""

    title: str
    amounts: tuple[Amount, ...] = ()
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def unit_fen(self) -> int:
        return sum(amount.unit_fen for amount in self.amounts)

    @property
    def person_fen(self) -> int:
        return sum(amount.person_fen for amount in self.amounts)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a live look-up by 公民身份号码 tells: facts to show, values to fill in, what stands in the way."""

    facts: tuple[tuple[str, str], ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    person_id: int | None = None


@dataclass(frozen=True, slots=True)
class Guide:
    """What 办事指南 says beside what the declaration already tells."""

    summary: str
    who: str
    when: str
    law: tuple[str, ...]
    after: str
    words: tuple[str, ...] = ()  # what people also call it, for search


@dataclass(frozen=True, slots=True)
class ServiceItem:
    """One 事项. `code` and `version` are kept by every filing for good.

    available: may it be filed at all now; told on its first page, refused in page, batch and API alike (not when taking effect).
    prefill: what a new form opens with. rows: what its template is pre-filled with.
    counter_lifts: codes of refusals that only hold online; at the counter they become warnings for the reviewer.
    second_review: why a second reviewer has to confirm (复核); empty when one is enough. Asked at submission.
    compare: what changes, before and after, for 核对, the review and the printout.
    template_title: what its template is called; rows_fixed: nobody is added to the template's rows, and their core columns are locked.
    """

    code: str
    version: int
    title: str
    prefix: str
    audience: frozenset[Audience]
    group: str
    icon: str
    fields: tuple[Field, ...]
    facts: Callable[[Sequence[Filing], Context], Sequence[Any]]
    checks: tuple[Check, ...]
    warns: tuple[Check, ...]
    review: Callable[[Context], Review]
    perform: Callable[[Sequence[Filing], Context], None]
    effect: Callable[[Sequence[Filing], Context], MoneyEffect] | None
    look_up: Callable[[str, Context], Answer] | None
    materials: tuple[str, ...]
    guide: Guide
    batch_rows_max: int
    printout: str  # name of the paper of its cases; empty: 《社会保险业务申报表》
    refusal_codes: Mapping[str, str]  # code -> what it means, for docs/manual and the totality test
    return_reasons: tuple[str, ...]
    screen: Screen | None = None
    subject: Subject = Subject.PERSON
    available: Callable[[Context], Refusal | None] | None = None
    prefill: Callable[[Context], Mapping[str, Value]] | None = None
    rows: Callable[[Context], Iterable[Mapping[str, Value]]] | None = None
    counter_lifts: frozenset[str] = frozenset()
    second_review: Callable[[Sequence[Filing], Context], str] | None = None
    compare: Callable[[Filing, Any, Context], Sequence[Change]] | None = None
    template_title: Callable[[Context], str] | None = None
    rows_fixed: bool = False

    @property
    def columns(self) -> tuple[Field, ...]:
        """The fields that are columns of its template."""
        return tuple(f for f in self.fields if f.batch)

    @property
    def slug(self) -> str:
        """The item in an address: enrolment.add_employee -> add-employee."""
        return self.code.rsplit(".", 1)[-1].replace("_", "-")

    def field(self, name: str) -> Field:
        """The field of a name. Raises: KeyError."""
        return {f.name: f for f in self.fields}[name]


CATALOGUE: dict[tuple[str, int], ServiceItem] = {}


FORM_WORDS = frozenset({"action", "key", "version", "csrfmiddlewaretoken"})  # what every form sends beside its fields


def register(items: Sequence[ServiceItem]) -> None:
    """Enter items into the catalogue at start. Raises: ValueError on a clash, which is our own mistake."""
    for item in items:
        known = CATALOGUE.setdefault((item.code, item.version), item)
        if known is not item:
            raise ValueError(f"two items are called {item.code} version {item.version}")
        if any(code != item.code and code.rsplit(".", 1)[-1] == item.code.rsplit(".", 1)[-1] for code, _ in CATALOGUE):
            raise ValueError(f"{item.code} has the address of another item")
        names = [f.name for f in item.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"{item.code} names a field twice")
        if taken := FORM_WORDS & set(names):
            raise ValueError(f"{item.code} names a field as the form names a part of its own: {sorted(taken)}")
        if item.subject is not Subject.PERSON and item.batch_rows_max:
            raise ValueError(f"{item.code} is about a unit and cannot come in a batch")
        if item.subject is Subject.NEW_UNIT and item.audience != {Audience.COUNTER}:
            raise ValueError(f"{item.code} is for units to be and only for the counter")


def item_of(code: str, version: int | None = None) -> ServiceItem:
    """An item by code, the latest version unless one is named. Raises: KeyError."""
    if version is not None:
        return CATALOGUE[code, version]
    return CATALOGUE[code, max(v for c, v in CATALOGUE if c == code)]


def items() -> list[ServiceItem]:
    """The latest version of every item, in the order of the catalogue."""
    return [item_of(code) for code in dict.fromkeys(code for code, _ in CATALOGUE)]


def items_for(audience: Audience) -> list[ServiceItem]:
    """The items that an audience may file."""
    return [item for item in items() if audience in item.audience]


def item_by_slug(slug: str, audience: Audience | None = None) -> ServiceItem | None:
    """The latest version of the item of an address, if the audience (when named) may file it."""
    return next((item for item in items() if item.slug == slug and (audience is None or audience in item.audience)), None)
