"""A month assessed and published, beside raw binary COPY + primary key of the same bytes, and beside Django's bulk_create."""

import tempfile
import time
from datetime import date, datetime
from typing import Any

import psycopg

from bench.harness import Row, Spent, open_city, peak_mb, spending
from shebao.base.clock import ZONE

PLACE, MONTH = "420100", 202611
AT = datetime(2026, 11, 10, 9, tzinfo=ZONE)
ORM_ROWS = 20_000
PAGE = 1 << 20


def load(address: str, people: int) -> None:
    """A synthetic city in the register, by SQL and without the constraints that make real enrolment safe (not what is measured)."""
    with psycopg.connect(address, autocommit=True) as link:
        link.execute("set session_replication_role = replica")
        for table in ("enrolment_spell", "enrolment_wage"):
            link.execute(f"alter table {table} drop constraint {table}_no_overlap")
            for (index,) in link.execute(
                "select indexname from pg_indexes where tablename = %s and indexname not like '%%pkey'", [table]
            ).fetchall():
                link.execute(f'drop index "{index}"')
        link.execute("insert into parties_agency (id, name, place, district) values (1, '示例机构', '420100', '420102')")
        link.execute(
            """
            insert into parties_unit
              (id, number, name, agency_id, place, kind, vip, industry, contact_name, contact_phone, address, registered_on)
            select u, '420100' || lpad(u::text, 7, '0'), '示例单位' || u, 1, '420100', 'employer', false, '', '', '', '', '2020-01-01'
            from generate_series(1, %s) u
            """,
            [people // 44 + 1],
        )
        link.execute(
            """
            insert into parties_unitterms (unit_id, insurance_mask, injury_class, from_month, known_from)
            select id, 31, 1 + id % 8, 202001, '2020-01-01' from parties_unit
            """
        )
        link.execute(
            """
            insert into enrolment_spell (person_id, unit_id, agency_id, insurance_mask, from_month, stop_reason, known_from)
            select p, 1 + p / 44, 1, 31, 202401, '', '2024-01-01' from generate_series(1, %s::bigint) p
            """,
            [people],
        )
        link.execute("select setseed(0.5)")
        link.execute(
            """
            insert into enrolment_wage (person_id, unit_id, agency_id, wage_fen, from_month, known_from)
            select p, 1 + p / 44, 1, (exp(random_normal(8.85, 0.5)) * 100)::bigint, 202401, '2024-01-01'
            from generate_series(1, %s::bigint) p
            """,
            [people],
        )
        for table in ("enrolment_spell", "enrolment_wage"):
            link.execute(f"create index {table}_unit on {table} (unit_id, person_id) where known_to is null")
            link.execute(f"vacuum analyze {table}")
        link.execute("analyze parties_unit")
        link.execute("checkpoint")


def assess() -> tuple[Spent, Spent, int]:
    """The run as it is run, in its parts: rows into the published partition, then the bills. Returns both and the rows."""
    from django.db import connection

    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.levy import assessing
    from shebao.levy.billing import bill_month
    from shebao.levy.models import Run
    from shebao.policy.rulebook import standard
    from shebao.runs.monthly_assessment import do_chunks

    rulebook = standard()
    with spending() as rows_spent:
        with acting(ENGINE):
            run_id = assessing.begin(PLACE, MONTH, at=AT)
        with acting(ENGINE):
            work = assessing.plan(run_id)
        do_chunks(work, rulebook)
        with acting(ENGINE), connection.cursor() as cursor:
            assessing.take_time()
            cursor.execute("select levy_build_publish(%s, %s)", [MONTH, run_id])
            rows = int(cursor.fetchone()[0])
    with spending() as bills_spent, acting(ENGINE):
        assessing.take_time()
        bill_month(Run.objects.get(pk=run_id), rulebook, on=AT.date(), at=AT)
    return rows_spent, bills_spent, rows


def raw_copy(address: str) -> Spent:
    """The limit: the same bytes by binary COPY into a table of the same columns, then the same primary key."""
    with tempfile.TemporaryFile() as file, psycopg.connect(address, autocommit=True) as link:
        with link.cursor().copy(f"copy (select * from levy_assessment where month = {MONTH}) to stdout (format binary)") as out:
            for part in out:
                file.write(part)
        file.seek(0)
        link.execute("drop table if exists bench_raw")
        link.execute("create table bench_raw (like levy_assessment)")
        link.execute("checkpoint")
        with spending() as spent:
            with link.cursor().copy("copy bench_raw from stdin (format binary)") as into:
                while part := file.read(PAGE):
                    into.write(part)
            link.execute("alter table bench_raw add primary key (unit_id, person_id)")
        link.execute("drop table bench_raw")
    return spent


def orm(address: str) -> float:
    """CPU seconds a row of Django's bulk_create of the same columns."""
    from django.db import connection, models, transaction

    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.levy.models import Assessment

    columns = [f for f in Assessment._meta.concrete_fields if f.name not in ("person", "unit")]
    body: dict[str, Any] = {f.name: f.clone() for f in columns}
    body |= {
        "person_id": models.BigIntegerField(),
        "unit_id": models.IntegerField(),
        "__module__": __name__,
        "Meta": type("Meta", (), {"managed": False, "db_table": "bench_orm", "app_label": "levy"}),
    }
    made = type("OrmRow", (models.Model,), body)
    with psycopg.connect(address, autocommit=True) as link:
        link.execute("create table bench_orm (id bigint generated by default as identity primary key, like levy_assessment)")
        link.execute("grant select, insert on bench_orm to shebao_engine")
    names = [f.name for f in columns]
    values = dict.fromkeys(names, 64_000) | {"month": MONTH, "profile": 31, "large_medical_person_fen": 700}
    with acting(ENGINE), spending() as spent, transaction.atomic():
        made.objects.bulk_create(  # type: ignore[attr-defined]
            [made(person_id=i, unit_id=1 + i // 44, **values) for i in range(ORM_ROWS)], batch_size=1000
        )
    connection.close()
    return spent.all_cpu / ORM_ROWS


def size_of(address: str, rows: int) -> float:
    """Bytes a person-month on disk, table and key."""
    with psycopg.connect(address) as link:
        found = link.execute(
            "select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = 'levy_assessment'::regclass"
        ).fetchone()
    return float(found[0]) / rows if found else 0.0


def run(people: int = 1_000_000) -> list[dict[str, Any]]:
    """The rows of the report."""
    address = open_city()
    began = time.perf_counter()
    load(address, people)
    print(f"  loaded {people:,} people in {time.perf_counter() - began:.0f} s", flush=True)
    rows_spent, bills_spent, rows = assess()
    limit = raw_copy(address)
    bytes_each = size_of(address, rows)
    orm_cpu = orm(address) * rows
    ratio, orm_ratio, memory = rows_spent.wall / limit.wall, orm_cpu / rows_spent.all_cpu, peak_mb()
    cpu = f"CPU {rows_spent.cpu:.1f} s here + {rows_spent.server_cpu:.1f} s PostgreSQL, {rows / rows_spent.wall:,.0f} people/s"
    label = f"{rows:,} people"
    found = [
        Row(
            f"month assessed and published, {label}",
            rows_spent.wall,
            None,
            limit.wall,
            ratio,
            "≤ 1.3 × raw COPY + key",
            ratio <= 1.3,
            "s",
            cpu,
        ),
        Row(f"its CPU beside bulk_create, {label}", rows_spent.all_cpu, orm_cpu, None, orm_ratio, "≥ 30 × less", orm_ratio >= 30, "CPU s"),
        Row(f"bytes a person-month, {label}", bytes_each, None, 120, bytes_each / 120, "≤ 120", bytes_each <= 120, "B"),
        Row(f"bills of the month, {label}", bills_spent.wall, None, None, None, "shown", True, "s"),
    ]
    if people >= 13_000_000:
        whole = rows_spent.wall
        found.append(Row("13 million people, wall", whole, None, 60, whole / 60, "< 60 s", whole < 60, "s"))
        found.append(Row("13 million people, memory of the run", memory, None, 2048, memory / 2048, "< 2 GB", memory < 2048, "MB"))
    return [row.to_dict() for row in found]


__all__ = ["date", "run"]
