"""How a table is protected, said once: row-level security from its first migration, one policy per role, rights per verb.

The roles are those of shebao.base.actor.Role. The owner passes (migrations, publishing functions); nobody else does without a policy.
"""

from collections.abc import Mapping

from django.db import migrations

from shebao.base.actor import Role

ALL = "true"
OWN_UNIT = "unit_id = app_unit()"
OWN_AGENCY = "agency_id = app_agency()"
OWN_PERSON = "person_id = app_person()"

Rights = Mapping[Role, tuple[str, str]]


def protect(table: str, rights: Rights, *, reader: bool = True) -> migrations.RunSQL:
    """Force row-level security on a table and give each role its verbs on the rows of its expression.

    Args: rights: role -> ("select, insert", "expression over the row"). reader: auditors may read all of it.
    """
    lines = [f"alter table {table} enable row level security", f"alter table {table} force row level security"]
    lines.append(f"create policy owner on {table} to shebao_owner using (true) with check (true)")
    given = dict(rights)
    if reader and Role.AUDITOR not in given:
        given[Role.AUDITOR] = ("select", ALL)
    for role, (verbs, rows) in given.items():
        lines.append(f"grant {verbs} on {table} to {role.value}")
        lines.append(f"create policy {role.value} on {table} to {role.value} using ({rows}) with check ({rows})")
    undo = [f"drop policy if exists {role.value} on {table}" for role in given] + [f"drop policy if exists owner on {table}"]
    return migrations.RunSQL(";\n".join(lines), ";\n".join(undo))


def admit(table: str, role: Role, verbs: str, rows: str) -> migrations.RunSQL:
    """Give one more role its verbs on rows of a table that is protected already."""
    name = role.value
    return migrations.RunSQL(
        f"grant {verbs} on {table} to {name}; create policy {name} on {table} to {name} using ({rows}) with check ({rows})",
        f"drop policy {name} on {table}; revoke all on {table} from {name}",
    )


def append_only(table: str) -> migrations.RunSQL:
    """Refuse UPDATE, DELETE and TRUNCATE for everyone, replication role and superuser included (trigger ENABLE ALWAYS)."""
    return migrations.RunSQL(
        f"""
        create trigger {table}_no_change before update or delete on {table} for each row execute function app_refuse_change();
        create trigger {table}_no_truncate before truncate on {table} for each statement execute function app_refuse_change();
        alter table {table} enable always trigger {table}_no_change;
        alter table {table} enable always trigger {table}_no_truncate
        """,
        f"drop trigger {table}_no_change on {table}; drop trigger {table}_no_truncate on {table}",
    )
