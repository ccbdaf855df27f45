"""Questions about one number of the rows of a case: how many lie below or above a bound, and who they are. Pages by row, nothing whole."""

from dataclasses import dataclass

from django.db import connection

from shebao.casework.models import Case


@dataclass(frozen=True, slots=True)
class NumberCounts:
    """Readable rows that are not taken out, and those below and above two bounds (0 where a bound is not known)."""

    rows: int
    below: int
    above: int
    total: int


_ROWS = "from casework_filing f where f.case_id = %(case)s and f.state <> 'withdrawn' and f.values is not null"


def number_counts(case: Case, field: str, low: int | None, high: int | None) -> NumberCounts:
    """How many rows have a number below `low` or above `high`, and the sum of all."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select count(*), count(*) filter (where v < %(low)s), count(*) filter (where v > %(high)s), coalesce(sum(v), 0)::bigint
            from (select (f.values ->> %(field)s)::bigint as v {_ROWS}) n
            """,
            {"case": case.pk, "field": field, "low": low, "high": high},
        )
        return NumberCounts(*cursor.fetchone())


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One row: where it stands, who it is about, the number."""

    row: int
    id_number: str
    name: str
    number: int


def rows_by_number(
    case: Case, field: str, *, low: int | None = None, high: int | None = None, after: int = 0, limit: int = 50
) -> list[NumberRow]:
    """Rows whose number is below `low` (when given) or above `high` (when given), or all of them, from after a row on."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select f.row, f.id_number, f.name, (f.values ->> %(field)s)::bigint {_ROWS} and f.row > %(after)s
              and (%(low)s::bigint is null or (f.values ->> %(field)s)::bigint < %(low)s)
              and (%(high)s::bigint is null or (f.values ->> %(field)s)::bigint > %(high)s)
            order by f.row limit %(limit)s
            """,
            {"case": case.pk, "field": field, "low": low, "high": high, "after": after, "limit": limit},
        )
        return [NumberRow(*row) for row in cursor.fetchall()]


def first_value(case: Case, field: str) -> str:
    """A value of the first readable row; empty when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(f"select f.values ->> %(field)s {_ROWS} order by f.row limit 1", {"case": case.pk, "field": field})
        found = cursor.fetchone()
    return str(found[0] or "") if found else ""


def people_filed(case: Case, field: str, value: str) -> str:
    """The ID numbers, joined by commas, of all rows with a value that the unit filed for the case's item: those of this case and of its
    split-off rest, and those of cases that were submitted. What else lies about as a draft is not filed."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select coalesce(string_agg(f.id_number, ','), '')
            from casework_case c join casework_filing f on f.case_id = c.id
            where c.unit_id = %s and c.item_code = %s and f.state <> 'withdrawn'
              and (c.id = %s or c.parent_id = %s or c.state in ('review', 'done') or (c.state = 'draft' and c.returned))
              and coalesce(f.values ->> %s, f.typed ->> %s) = %s
            """,
            [case.unit_id, case.item_code, case.pk, case.pk, field, field, value],
        )
        return str(cursor.fetchone()[0])
