"""Finding people and units by a part of their name among a million, without an extension of PostgreSQL.

An inverted index (GIN) holds every pair of neighbouring characters of a name; two pairs in common leave few rows to read. Row-level
security would keep the planner from it (LIKE and array operators are not leakproof), so the engine finds numbers of rows within the
reach that is named here, and the actor reads those rows under its own policies: what it may not see does not come back.
"""

from collections.abc import Sequence

from django.db import connection

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.parties.models import Person, Unit

LETTERS_MIN = 2  # one character alone would browse
LIMIT = 8
# The policies in words of a query: who was ever insured through the unit, or through a unit of the agency.
OF_AGENCY = "exists (select 1 from enrolment_spell s where s.person_id = p.id and s.agency_id = %(agency)s)"
# Staff of one unit are few: from the unit to its people. Of an agency: from the name to the people.
STAFF = """
select p.id from (select distinct person_id from enrolment_spell where unit_id = %(unit)s) s join parties_person p on p.id = s.person_id
where p.id_number = %(number)s or p.number = %(text)s or p.name like %(part)s order by p.id limit %(limit)s
"""
NUMBERED = f"select p.id from parties_person p where (p.id_number = %(number)s or p.number = %(text)s) and {OF_AGENCY}"
NAMED = f"""
select p.id from parties_person p where contact_pairs(p.name::text) @> contact_pairs(%(text)s) and p.name like %(part)s and {OF_AGENCY}
limit %(limit)s
"""
UNITS = """
select u.id from parties_unit u where u.agency_id = %(agency)s
  and contact_pairs(u.name::text) @> contact_pairs(%(text)s) and u.name like %(part)s limit %(limit)s
"""


def _ids(query: str, values: dict[str, str | int]) -> list[int]:
    with acting(ENGINE), connection.cursor() as cursor:
        cursor.execute(query, values)
        return [row[0] for row in cursor.fetchall()]


def _values(text: str, limit: int) -> dict[str, str | int]:
    part = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"text": text, "number": text.upper(), "part": f"%{part}%", "limit": limit}


def _people(ids: Sequence[int]) -> list[Person]:
    """Read by the actor, under its own policies."""
    return list(Person.objects.filter(pk__in=ids).order_by("pk")) if ids else []


def staff_named(unit_id: int, text: str, limit: int = LIMIT) -> list[Person]:
    """People of a unit by a part of the name (two characters or more), or by 公民身份号码 or 个人编号 (whole)."""
    if len(text) < LETTERS_MIN:
        return []
    return _people(_ids(STAFF, _values(text, limit) | {"unit": unit_id}))


def people_named(agency_id: int, text: str, limit: int = LIMIT) -> list[Person]:
    """The same for all who were insured through an agency's units."""
    if len(text) < LETTERS_MIN:
        return []
    numbered = text.isascii() and any(c.isdigit() for c in text)
    return _people(_ids(NUMBERED if numbered else NAMED, _values(text, limit) | {"agency": agency_id}))


def units_named(agency_id: int, text: str, limit: int = LIMIT) -> list[Unit]:
    """Units of an agency by a part of the name, 单位编号 or 统一社会信用代码 (whole)."""
    if len(text) < LETTERS_MIN:
        return []
    exact = Unit.objects.filter(number=text) | Unit.objects.filter(uscc=text.upper())
    ids = _ids(UNITS, _values(text, limit) | {"agency": agency_id})
    return list(exact) or list(Unit.objects.filter(pk__in=ids).order_by("name"))
