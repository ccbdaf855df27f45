"""What is registered of a person and of a unit as pages tell it, for the day asked for: used by the portal, the desk and the API."""

from typing import Any

from shebao.base.terms import insurances_in
from shebao.channels.as_of import AsOf, held
from shebao.parties.as_of import Known, person_as_of, unit_as_of
from shebao.parties.facts import PERSON_FIELDS, UNIT_FIELDS
from shebao.parties.models import UnitTerms

# What pages tell of a person beside the name and the number, in this order.
PERSON_TOLD = ("sex", "birth_date", "ethnicity", "education", "marriage", "mobile", "phone", "household_address", "home_address")
UNIT_TOLD = tuple(field for field in UNIT_FIELDS if field not in ("name", "vip"))

ALWAYS_TOLD = frozenset(
    {"uscc", "kind", "industry", "legal_representative", "contact_name", "contact_phone", "phone", "fax", "email", "postcode", "address"}
)


def person_at(person_id: int, asked: AsOf) -> Known | None:
    """A person as the register held it; None before it knew of one."""
    return person_as_of([person_id], asked.known_at, asked.day).get(person_id)


def unit_at(unit_id: int, asked: AsOf) -> Known | None:
    """A unit as the register held it; None before it knew of one."""
    return unit_as_of([unit_id], asked.known_at, asked.day).get(unit_id)


def person_told(known: Known) -> list[tuple[str, str]]:
    """What is registered of a person, as label and text."""
    return [(PERSON_FIELDS[field], known.shown(field)) for field in PERSON_TOLD]


def unit_told(known: Known) -> list[tuple[str, str]]:
    """What is registered of a unit, as label and text; what only some units have is left out where there is none."""
    return [(UNIT_FIELDS[field], known.shown(field)) for field in UNIT_TOLD if known[field] or field in ALWAYS_TOLD]


def terms_at(unit_id: int, asked: AsOf) -> list[dict[str, Any]]:
    """参保险种与工伤费率类别 of a unit as the register held them, newest first."""
    rows = held(UnitTerms.objects.filter(unit_id=unit_id), asked).order_by("-from_month")
    return [{"terms": terms, "insurances": insurances_in(terms.insurance_mask)} for terms in rows]
