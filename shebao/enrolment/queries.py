"""Questions about who is insured where."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db import connection

from shebao.enrolment.roster import Member, headcount, staff

__all__ = ["NOBODY", "Cover", "Member", "Standing", "headcount", "spells_of", "staff", "standings"]


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


def spells_of(person_id: int) -> list[Cover]:
    """All current spells of a person, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select s.unit_id, u.name, s.insurance_mask, s.from_month, s.to_month, null::bigint, u.kind from enrolment_spell s
            join parties_unit u on u.id = s.unit_id where s.person_id = %s and s.known_to is null order by s.from_month
            """,
            [person_id],
        )
        return [Cover(*row) for row in cursor.fetchall()]
