"""Questions about who is insured where."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db import connection


@dataclass(frozen=True, slots=True)
class Cover:
    """One current spell of a person, with the unit it runs through and the declared wage there."""

    unit_id: int
    unit_name: str
    insurance_mask: int
    from_month: int
    to_month: int | None
    wage_fen: int | None
    unit_kind: str = "employer"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the register knows of a 公民身份号码: who that is, and what runs or ran."""

    person_id: int | None = None
    number: str = ""
    name: str = ""
    ethnicity: str = "01"
    mobile: str = ""
    birth_date: date | None = None
    ever_insured: bool = False
    covers: tuple[Cover, ...] = field(default_factory=tuple)


NOBODY = Standing()


def standings(id_numbers: Sequence[str]) -> dict[str, Standing]:
    """The standing of many people in one query. Who is unknown is absent from the answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select p.id_number, p.id, p.number, p.name, p.ethnicity, p.mobile, p.birth_date,
                   s.unit_id, u.name, s.insurance_mask, s.from_month, s.to_month,
                   (select w.wage_fen from enrolment_wage w where w.person_id = p.id and w.unit_id = s.unit_id and w.known_to is null
                    order by w.from_month desc limit 1), u.kind
            from parties_person p
            left join enrolment_spell s on s.person_id = p.id and s.known_to is null
            left join parties_unit u on u.id = s.unit_id
            where p.id_number = any(string_to_array(%s, ',')) order by p.id, s.from_month
            """,
            [",".join(id_numbers)],
        )
        rows = cursor.fetchall()
    found: dict[str, Standing] = {}
    for id_number, person_id, number, name, ethnicity, mobile, birth, unit_id, unit_name, mask, first, end, wage, kind in rows:
        former = found.get(id_number)
        covers = former.covers if former else ()
        if unit_id is not None:
            covers = (*covers, Cover(unit_id, unit_name, mask, first, end, wage, kind))
        found[id_number] = Standing(person_id, number, name, ethnicity, mobile, birth, bool(covers), covers)
    return found


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a unit's 花名册."""

    person_id: int
    number: str
    id_number: str
    name: str
    sex: str
    insurance_mask: int
    from_month: int
    to_month: int | None
    wage_fen: int | None


def staff(unit_id: int, month: int, *, search: str = "", after: int = 0, limit: int = 20) -> list[Member]:
    """Staff of a unit in a month, in the order of their ids, from after one id (paging without counting)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select p.id, p.number, p.id_number, p.name, p.sex, s.insurance_mask, s.from_month, s.to_month,
                   (select w.wage_fen from enrolment_wage w where w.unit_id = s.unit_id and w.person_id = s.person_id and w.known_to is null
                      and w.from_month <= %s and (w.to_month is null or w.to_month > %s))
            from enrolment_spell s join parties_person p on p.id = s.person_id
            where s.unit_id = %s and s.known_to is null and s.from_month <= %s and (s.to_month is null or s.to_month > %s)
              and s.person_id > %s
              and (%s = '' or p.name like %s or p.id_number like %s)
            order by s.person_id limit %s
            """,
            [month, month, unit_id, month, month, after, search, f"%{search}%", f"{search}%", limit],
        )
        return [Member(*row) for row in cursor.fetchall()]


def headcount(unit_id: int, month: int) -> int:
    """How many people a unit insures in a month."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(distinct person_id) from enrolment_spell
            where unit_id = %s and known_to is null and from_month <= %s and (to_month is null or to_month > %s)
            """,
            [unit_id, month, month],
        )
        return int(cursor.fetchone()[0])


def spells_of(person_id: int) -> list[Cover]:
    """All current spells of a person, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select s.unit_id, u.name, s.insurance_mask, s.from_month, s.to_month, null::bigint from enrolment_spell s
            join parties_unit u on u.id = s.unit_id where s.person_id = %s and s.known_to is null order by s.from_month
            """,
            [person_id],
        )
        return [Cover(*row) for row in cursor.fetchall()]
