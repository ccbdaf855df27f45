"""Registering people and units. Called by the engine when an approved filing takes effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.base.identifiers import birth_date_of, sex_of


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What a filing tells of a person. Sex and birth date follow from the 公民身份号码."""

    id_number: str
    name: str
    ethnicity: str = "01"
    mobile: str = ""


def register_people(people: Sequence[NewPerson], *, at: datetime) -> dict[str, int]:
    """Register whoever is not yet known and return the id of every one by 公民身份号码. Known people are left as they are."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into parties_person (number, id_number, name, sex, birth_date, ethnicity, mobile, registered_at)
            select '42' || lpad(nextval('parties_person_number')::text, 10, '0'), n.id_number, n.name, n.sex, n.birth_date,
                   n.ethnicity, n.mobile, %s
            from unnest(%s::text[], %s::text[], %s::text[], %s::date[], %s::text[], %s::text[])
                 as n (id_number, name, sex, birth_date, ethnicity, mobile)
            where not exists (select 1 from parties_person p where p.id_number = n.id_number)
            order by n.id_number
            on conflict (id_number) do nothing
            """,
            [
                at,
                [p.id_number for p in people],
                [p.name for p in people],
                [sex_of(p.id_number).value for p in people],
                [birth_date_of(p.id_number) for p in people],
                [p.ethnicity for p in people],
                [p.mobile for p in people],
            ],
        )
        cursor.execute("select id_number, id from parties_person where id_number = any(%s)", [[p.id_number for p in people]])
        return dict(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class NewUnit:
    """单位参保登记: the unit, its types and its 工伤费率类别."""

    name: str
    uscc: str | None
    agency_id: int
    place: str
    insurance_mask: int
    injury_class: int
    from_month: int
    registered_on: date
    kind: str = "employer"
    vip: bool = False
    industry: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    address: str = ""
    phone: str = ""
    fax: str = ""
    email: str = ""
    postcode: str = ""
    legal_representative: str = ""
    founded_on: date | None = None
    unit_type: str = ""
    economic_type: str = ""
    industry_code: str = ""
    legal_id_number: str = ""
    special_reason: str = ""


def register_units(units: Sequence[NewUnit], *, at: datetime) -> list[int]:
    """Register units with their terms and return their ids, in order."""
    if not units:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into parties_unit (number, name, uscc, agency_id, place, kind, vip, industry, contact_name,
                                      contact_phone, address, registered_on, phone, fax, email, postcode,
                                      legal_representative, founded_on, unit_type, economic_type, industry_code,
                                      legal_id_number, special_reason)
            select n.place || lpad(nextval('parties_unit_number')::text, 7, '0'), n.name, n.uscc, n.agency_id, n.place, n.kind,
                   n.vip, n.industry, n.contact_name, n.contact_phone, n.address, n.registered_on,
                   n.phone, n.fax, n.email, n.postcode, n.legal_representative, n.founded_on, n.unit_type, n.economic_type,
                   n.industry_code, n.legal_id_number, n.special_reason
            from unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::bool[],
                        %s::text[], %s::text[], %s::text[], %s::text[], %s::date[],
                        %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                        %s::date[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
                 with ordinality
                 as n (name, uscc, agency_id, place, kind, vip, industry, contact_name, contact_phone, address, registered_on,
                       phone, fax, email, postcode, legal_representative, founded_on, unit_type, economic_type, industry_code,
                       legal_id_number, special_reason, i)
            order by n.i returning id
            """,
            [
                [u.name for u in units],
                [u.uscc for u in units],
                [u.agency_id for u in units],
                [u.place for u in units],
                [u.kind for u in units],
                [u.vip for u in units],
                [u.industry for u in units],
                [u.contact_name for u in units],
                [u.contact_phone for u in units],
                [u.address for u in units],
                [u.registered_on for u in units],
                [u.phone for u in units],
                [u.fax for u in units],
                [u.email for u in units],
                [u.postcode for u in units],
                [u.legal_representative for u in units],
                [u.founded_on for u in units],
                [u.unit_type for u in units],
                [u.economic_type for u in units],
                [u.industry_code for u in units],
                [u.legal_id_number for u in units],
                [u.special_reason for u in units],
            ],
        )
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            """
            insert into parties_unitterms (unit_id, insurance_mask, injury_class, from_month, known_from)
            select n.unit_id, n.mask, n.class, n.from_month, %s
            from unnest(%s::int[], %s::int[], %s::int[], %s::int[]) as n (unit_id, mask, class, from_month)
            """,
            [at, ids, [u.insurance_mask for u in units], [u.injury_class for u in units], [u.from_month for u in units]],
        )
    return ids
