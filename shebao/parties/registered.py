"""Questions about 单位登记: certificates, yearly verification, closing, 特殊人群, and the course of corrections."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.parties.models import Certificate, Correction, CorrectionKind, SpecialGroup, Verification


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a 统一社会信用代码."""

    unit_id: int
    number: str
    name: str
    agency: str
    registered_on: date
    closed_on: date | None


def holder_of(uscc: str) -> Holder | None:
    """The unit registered under a 统一社会信用代码, wherever."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select u.id, u.number, u.name, a.name, u.registered_on, u.closed_on from parties_unit u
            join parties_agency a on a.id = u.agency_id where u.uscc = %s
            """,
            [uscc],
        )
        row = cursor.fetchone()
    return Holder(*row) if row else None


def namesakes(name: str, *, but: int = 0, limit: int = 5) -> list[tuple[str, str]]:
    """(单位编号, 统一社会信用代码) of open units of the same name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select number, coalesce(uscc, '') from parties_unit where name = %s and id <> %s and closed_on is null order by id limit %s",
            [name, but, limit],
        )
        return [(number, uscc) for number, uscc in cursor.fetchall()]


def certificate_of(unit_id: int) -> Certificate | None:
    """The live 社会保险登记证 of a unit."""
    return Certificate.objects.filter(unit_id=unit_id, voided_on=None).first()


def certificates_of(unit_id: int) -> list[Certificate]:
    """All certificates of a unit, void ones too, newest first."""
    return list(Certificate.objects.filter(unit_id=unit_id).order_by("-id"))


def verifications_of(unit_id: int) -> list[Verification]:
    """Verified years of a unit, newest first."""
    return list(Verification.objects.filter(unit_id=unit_id).order_by("-year"))


def find_verification(unit_id: int, year: int) -> Verification | None:
    """The verification of a year."""
    return Verification.objects.filter(unit_id=unit_id, year=year).first()


@dataclass(frozen=True, slots=True)
class Unverified:
    """An open unit whose certificate is not verified for a year."""

    unit_id: int
    number: str
    name: str
    contact_phone: str
    registered_on: date
    last_year: int | None


def unverified(year: int, *, agency_id: int | None = None, after: int = 0, limit: int = 200) -> list[Unverified]:
    """Employers not verified for a year, by id from after one on; who was registered in that year or later need not be."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select u.id, u.number, u.name, u.contact_phone, u.registered_on,
                   (select max(v.year) from parties_verification v where v.unit_id = u.id)
            from parties_unit u
            where u.kind = 'employer' and u.closed_on is null and u.registered_on < %s and u.id > %s
              and (%s::int is null or u.agency_id = %s)
              and not exists (select 1 from parties_verification v where v.unit_id = u.id and v.year = %s)
            order by u.id limit %s
            """,
            [date(year, 1, 1), after, agency_id, agency_id, year, limit],
        )
        return [Unverified(*row) for row in cursor.fetchall()]


def special_groups(person_id: int) -> list[SpecialGroup]:
    """特殊人群 findings about a person, as the register holds them now, newest first."""
    return list(SpecialGroup.objects.filter(person_id=person_id, known_to=None).order_by("-from_date", "-id"))


@dataclass(frozen=True, slots=True)
class Corrected:
    """One line of the course of corrections. case_id leads to who entered and who confirmed it (casework.queries)."""

    at: datetime
    kind: str
    label: str
    person_id: int | None
    person_name: str
    unit_id: int
    unit_name: str
    before: str
    after: str
    reason: str
    up_fen: int
    down_fen: int
    case_id: int | None


def corrections(*, unit_id: int | None = None, person_id: int | None = None, limit: int = 100) -> list[Corrected]:
    """The course of corrections within the actor's reach, newest first; of a unit or a person when one is named."""
    found = Correction.objects.select_related("unit", "person").order_by("-at", "-id")
    if unit_id is not None:
        found = found.filter(unit_id=unit_id)
    if person_id is not None:
        found = found.filter(person_id=person_id)
    return [
        Corrected(
            c.at,
            str(CorrectionKind(c.kind).label),
            c.label,
            c.person_id,
            c.person.name if c.person else "",
            c.unit_id,
            c.unit.name,
            c.before,
            c.after,
            c.reason,
            c.up_fen,
            c.down_fen,
            c.case_id,
        )
        for c in found[:limit]
    ]
