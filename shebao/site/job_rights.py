"""Rights on the job queue's own tables, which its migrations create without knowing our roles. Jobs hold ids only, no data."""

from django.db import connections

ROLES = "shebao_app, shebao_unit, shebao_agency, shebao_engine, shebao_admin"


def give_job_rights(alias: str) -> None:
    """Let every acting role queue jobs and the job process run them. Repeating it changes nothing."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "select c.relname, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = current_schema() and c.relname like 'procrastinate%%' and c.relkind in ('r', 'S', 'v')"
        )
        for name, kind in cursor.fetchall():
            rights = "usage, select" if kind == "S" else "select, insert, update, delete"
            cursor.execute(f'grant {rights} on "{name}" to {ROLES}')
        cursor.execute("grant select on django_migrations to shebao_app")  # the start-up guard compares
