"""业务顺序号: the day and one sequence for all, so that a number read out on the telephone names one case."""

from datetime import date

from django.db import connection


def next_numbers(prefix: str, day: date, count: int = 1) -> list[str]:
    """Fresh numbers like ZY20261121-000317."""
    with connection.cursor() as cursor:
        cursor.execute("select nextval('casework_number') from generate_series(1, %s)", [count])
        return [f"{prefix}{day:%Y%m%d}-{row[0]:06d}" for row in cursor.fetchall()]
