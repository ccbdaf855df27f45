"""What must hold before the hall opens. Each guard refuses with one plain sentence."""

from collections.abc import Callable

import psycopg
from psycopg import Connection

from shebao.site.database import known
from shebao.site.roles import ACTING_ROLES, SERVER_VERSION_MIN
from shebao.site.trouble import MigrationsPending, RolesMissing, RoleTooPowerful, ServerTooOld, Unreachable, plain_reason

Row = tuple[object, ...]


def check_start(pending: Callable[[], list[str]] | None = None) -> None:
    """Refuse to start on a database where row-level security would not hold, or whose schema is not ours.

    pending: gives the names of unapplied migrations; Django's own list when None.
    Raises: DatabaseTrouble (Unreachable, ServerTooOld, RoleTooPowerful, RolesMissing, MigrationsPending).
    """
    check_role(known().app)
    if missing := (pending or pending_migrations)():
        raise MigrationsPending(missing)


def check_role(address: str) -> None:
    """Look at the role of the application's address: it must be weak, and it must have the acting roles.

    Raises: Unreachable, ServerTooOld, RoleTooPowerful, RolesMissing.
    """
    try:
        with psycopg.connect(address, connect_timeout=10) as link:
            if link.info.server_version < SERVER_VERSION_MIN:
                raise ServerTooOld(str(link.info.server_version // 10_000))
            _weak(link)
            _owns_nothing(link)
            _can_act(link)
    except psycopg.Error as error:
        raise Unreachable("应用地址", plain_reason(error)) from error


def pending_migrations() -> list[str]:
    """Names of migrations not yet applied, read with the owner's address where it is known."""
    from django.db import DatabaseError, connections
    from django.db.migrations.executor import MigrationExecutor

    connection = connections["owner" if "owner" in connections else "default"]
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise Unreachable("迁移记录表", plain_reason(error)) from error
    finally:
        connection.close()
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _weak(link: Connection[Row]) -> None:
    row = link.execute(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolreplication from pg_roles where rolname = session_user"
    ).fetchone()
    assert row is not None, "the role we are signed in with exists"
    role, *powers = row
    for held, why in zip(powers, ("是超级用户", "可以绕过行级权限", "可以建立角色", "可以复制整个数据库"), strict=True):
        if held:
            raise RoleTooPowerful(str(role), why)


def _owns_nothing(link: Connection[Row]) -> None:
    """The owner of a table, or a member of its owner, can switch its row security off."""
    row = link.execute(
        "select session_user, n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
        " and pg_has_role(session_user, c.relowner, 'MEMBER') limit 1"
    ).fetchone()
    if row is not None:
        raise RoleTooPowerful(str(row[0]), f"是数据表 {row[1]} 的所有者")
    strong = link.execute(
        "select session_user, rolname from pg_roles"
        " where (rolsuper or rolbypassrls or rolname in ('pg_read_all_data', 'pg_write_all_data'))"
        " and pg_has_role(session_user, oid, 'MEMBER') limit 1"
    ).fetchone()
    if strong is not None:
        raise RoleTooPowerful(str(strong[0]), f"是 {strong[1]} 的成员")


def _can_act(link: Connection[Row]) -> None:
    """Every acting role can be taken, and none is held without being taken: without an actor there are no rights."""
    right = "SET" if link.info.server_version >= 16_00_00 else "MEMBER"
    known = {
        str(name): (may_set, inherits)
        for name, may_set, inherits in link.execute(
            "select rolname, pg_has_role(session_user, oid, %s), pg_has_role(session_user, oid, 'USAGE') from pg_roles"
            " where rolname = any(%s)",
            [right, list(ACTING_ROLES)],
        )
    }
    for role in ACTING_ROLES:
        may_set, inherits = known.get(role, (False, False))
        if not may_set:
            raise RolesMissing(link.info.user, role)
        if inherits:
            raise RoleTooPowerful(link.info.user, f"不经切换就拥有 {role} 的权限")
