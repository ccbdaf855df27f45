"""What people's registers follow when their unit changes: its types, or the agency it belongs to. One statement for all its people."""

from datetime import datetime

from django.db import IntegrityError, connection, transaction

from shebao.enrolment.operations import OverlapError

_COLUMNS = {
    "enrolment_spell": "person_id, unit_id, insurance_mask, from_month, to_month, stop_reason, case_id",
    "enrolment_wage": "person_id, unit_id, wage_fen, from_month, to_month, case_id",
}


def change_types(unit_id: int, insurance_mask: int, from_month: int, *, case_id: int | None, at: datetime) -> int:
    """All who are insured through a unit without an end are insured in its new types from a month on. Returns how many.

    Raises: OverlapError when one of them is insured elsewhere in one of the new types.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """
                with closed as (
                  update enrolment_spell set known_to = %(at)s
                  where unit_id = %(unit)s and known_to is null and to_month is null and insurance_mask <> %(mask)s returning *)
                select person_id, agency_id, insurance_mask, from_month from closed order by person_id
                """,
                {"at": at, "unit": unit_id, "mask": insurance_mask},
            )
            rows = cursor.fetchall()
            cursor.execute(
                """
                insert into enrolment_spell
                  (person_id, unit_id, agency_id, insurance_mask, from_month, to_month, stop_reason, known_from, case_id)
                select n.person_id, %(unit)s, n.agency_id, p.mask, p.first, p.until, '', %(at)s, %(case)s
                from unnest(%(people)s::bigint[], %(agencies)s::int[], %(masks)s::int[], %(firsts)s::int[])
                     as n (person_id, agency_id, mask, first)
                cross join lateral (values (n.mask, n.first, %(month)s), (%(mask)s, greatest(n.first, %(month)s), null))
                  as p (mask, first, until)
                where p.until is null or p.first < p.until
                """,
                {
                    "unit": unit_id,
                    "at": at,
                    "case": case_id,
                    "month": from_month,
                    "mask": insurance_mask,
                    "people": [row[0] for row in rows],
                    "agencies": [row[1] for row in rows],
                    "masks": [row[2] for row in rows],
                    "firsts": [row[3] for row in rows],
                },
            )
    except IntegrityError as error:
        raise OverlapError("单位有职工在其他单位参加了新增的险种，请先核对这些职工的参保关系") from error
    return len({row[0] for row in rows})


def move_agency(unit_id: int, agency_id: int, *, at: datetime) -> int:
    """经办机构变更: what the register holds of a unit's people belongs to another agency from this instant on; the former rows stay
    readable to the former agency as what was known. Returns how many spells moved."""
    moved = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for table, columns in _COLUMNS.items():
            cursor.execute(
                f"""
                with closed as (
                  update {table} set known_to = %s where unit_id = %s and known_to is null and agency_id <> %s returning *)
                select array_agg(id) from closed
                """,
                [at, unit_id, agency_id],
            )
            ids = cursor.fetchone()[0] or []
            cursor.execute(
                f"insert into {table} (agency_id, known_from, {columns})"
                f" select %s, %s, {columns} from {table} where id = any(%s) order by id",
                [agency_id, at, ids],
            )
            moved = moved or len(ids)
    return moved
