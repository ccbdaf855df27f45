"""全站搜索: what one box finds, in groups. People are masked and every search for them is on record; rows of others stay with them."""

from dataclasses import dataclass, field
from datetime import date, datetime

from shebao.audit.operations import Trace, record
from shebao.base.identifiers import id_number_problem, mask_id_number
from shebao.casework.item import ServiceItem
from shebao.contact import notices
from shebao.contact.answers import Answered, answers_about
from shebao.contact.finding import people_named, staff_named, units_named
from shebao.contact.models import Notice, Question
from shebao.contact.queries import find_questions
from shebao.levy.models import Bill
from shebao.levy.queries import bills_found
from shebao.parties.models import Person, Unit
from shebao.surfaces.guide import matching

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a text, by group."""

    items: list[ServiceItem] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    notices: list[dict[str, object]] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    @property
    def any_open(self) -> bool:
        """Whether anything was found that everybody may read."""
        return bool(self.items or self.answers or self.notices)

    @property
    def any(self) -> bool:
        return self.any_open or bool(self.people or self.units or self.bills or self.questions)


def news_line(notice: Notice) -> dict[str, object]:
    """A notice as a line of news."""
    return {"title": notice.title, "url": f"/notices/{notice.pk}", "on": notice.from_date}


def found_by_all(text: str, on: date) -> Found:
    """For everybody."""
    if not text:
        return Found()
    told = [news_line(n) for n in notices.find_notices(on, text, SHOWN)]
    return Found(items=list(matching(text))[:SHOWN], answers=answers_about(text)[:SHOWN], notices=told)


def found_by_unit(text: str, unit_id: int, at: datetime) -> Found:
    """For an operator: beside it the own staff, bills and questions."""
    found = found_by_all(text, at.date())
    if not text:
        return found
    people = staff_named(unit_id, text, SHOWN)
    if people:
        _recorded(text, len(people), at)
    return _more(found, people=people, bills=bills_found(text, unit_id, SHOWN), questions=find_questions(unit_id, text, SHOWN))


def found_by_agency(text: str, agency_id: int, at: datetime) -> Found:
    """For the desk: people and units of the agency, bills by number, questions."""
    found = found_by_all(text, at.date())
    if not text:
        return found
    people, units = people_named(agency_id, text, SHOWN), units_named(agency_id, text, SHOWN)
    _recorded(text, len(people), at)
    return _more(found, people=people, units=units, bills=bills_found(text, None, SHOWN), questions=find_questions(None, text, SHOWN))


def _more(found: Found, **own: object) -> Found:
    return Found(**{"items": found.items, "answers": found.answers, "notices": found.notices, **own})  # type: ignore[arg-type]


def _recorded(text: str, count: int, at: datetime) -> None:
    shown = mask_id_number(text) if id_number_problem(text.upper()) is None else text
    record([Trace("person.searched", shown, after={"found": count})], at=at)
