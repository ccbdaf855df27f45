"""Questions about parties."""

from dataclasses import dataclass

from django.db import connection

from shebao.parties.models import Unit


@dataclass(frozen=True, slots=True)
class UnitTerms:
    """A unit in a month: its types (mask) and 工伤费率类别."""

    unit_id: int
    insurance_mask: int
    injury_class: int


def get_unit(unit_id: int) -> Unit:
    """The unit with its agency. Raises: Unit.DoesNotExist when absent or not the actor's to see."""
    return Unit.objects.select_related("agency").get(pk=unit_id)


def find_terms(unit_id: int, month: int) -> UnitTerms | None:
    """What the register holds of a unit's types and injury class for a month."""
    return terms_in(month, [unit_id]).get(unit_id)


def terms_in(month: int, unit_ids: list[int] | None = None) -> dict[int, UnitTerms]:
    """Types and injury class of units in a month; of all units when none are named."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select unit_id, insurance_mask, injury_class from parties_unitterms
            where known_to is null and from_month <= %s and (to_month is null or to_month > %s) and (%s::int[] is null or unit_id = any(%s))
            """,
            [month, month, unit_ids, unit_ids],
        )
        return {row[0]: UnitTerms(*row) for row in cursor.fetchall()}


def classes_between(unit_id: int, from_month: int, to_month: int | None) -> list[tuple[int, int | None, int]]:
    """工伤费率类别 of a unit in months from one on until before another one, as they are held now: (from, until before, class)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select greatest(from_month, %(first)s), case when %(end)s::int is null then to_month else least(to_month, %(end)s) end,
                   injury_class
            from parties_unitterms where unit_id = %(unit)s and known_to is null and (to_month is null or to_month > %(first)s)
              and (%(end)s::int is null or from_month < %(end)s) order by from_month
            """,
            {"unit": unit_id, "first": from_month, "end": to_month},
        )
        return list(cursor.fetchall())


def insured_since(unit_id: int) -> int | None:
    """The first month for which the register holds types of a unit."""
    with connection.cursor() as cursor:
        cursor.execute("select min(from_month) from parties_unitterms where unit_id = %s and known_to is null", [unit_id])
        row = cursor.fetchone()
    return row[0] if row else None
