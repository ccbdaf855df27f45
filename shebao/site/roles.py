"""The database roles, made on any PostgreSQL 15 or later: embedded, installed, or of a cloud.

Login roles: shebao_owner owns the schema and runs migrations; shebao_app is what the application connects as, with no rights on
rows of its own; shebao_auditor reads; shebao_backup dumps. The application takes one of the ACTING roles in every transaction.
"""

import hashlib

import psycopg
from psycopg import Connection, sql

from shebao.site.trouble import PrepareRefused, ServerTooOld, plain_reason

SERVER_VERSION_MIN = 15_00_00
ACTING_ROLES = ("shebao_public", "shebao_unit", "shebao_agency", "shebao_person", "shebao_engine", "shebao_admin", "shebao_reader")

_LOGIN = "login nosuperuser nocreatedb nocreaterole"
# NOINHERIT: without an actor the application must have no rights at all, not all of them together.
# A backup is only whole when row security does not filter it.
LOGIN_ROLES = {
    "shebao_owner": f"{_LOGIN} noinherit nobypassrls noreplication",
    "shebao_app": f"{_LOGIN} noinherit nobypassrls noreplication",
    "shebao_auditor": f"{_LOGIN} inherit nobypassrls noreplication",
    "shebao_backup": f"{_LOGIN} inherit bypassrls replication",
}
LIMITS = {
    "shebao_owner": {"lock_timeout": "10s"},
    "shebao_app": {"statement_timeout": "60s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"},
    "shebao_auditor": {
        "statement_timeout": "5min",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "5min",
        "default_transaction_read_only": "on",
    },
    "shebao_backup": {"default_transaction_read_only": "on"},
}
PLAN = hashlib.sha256(repr((ACTING_ROLES, LOGIN_ROLES, LIMITS, "1")).encode()).hexdigest()[:16]  # raise the last with the code below
_LOCK = 7_315_001  # one preparation at a time; roles belong to the whole server


def make_roles(superuser_url: str, passwords: dict[str, str]) -> None:
    """Create or correct the roles, their memberships and limits. Repeating it changes nothing.

    passwords: by login role; hashed here, so that no log ever sees one.
    Raises: PrepareRefused, ServerTooOld.
    """
    try:
        with psycopg.connect(superuser_url) as link:
            if link.info.server_version < SERVER_VERSION_MIN:
                raise ServerTooOld(link.execute("show server_version").fetchone()[0])  # type: ignore[index]
            link.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
            known = {row[0] for row in link.execute("select rolname from pg_roles")}
            for role in ACTING_ROLES:
                attributes = "nologin nosuperuser nobypassrls nocreatedb nocreaterole noreplication"
                _role(link, role, attributes, known)
            for role, attributes in LOGIN_ROLES.items():
                _role(link, role, attributes, known)
                _password(link, role, passwords[role])
                for name, value in LIMITS[role].items():
                    link.execute(
                        sql.SQL("alter role {} set {} = {}").format(sql.Identifier(role), sql.Identifier(name), sql.Literal(value))
                    )
            for role in ACTING_ROLES:
                _member(link, role, "shebao_app", inherit=False)
            _member(link, "shebao_reader", "shebao_auditor", inherit=True)
            _member(link, "pg_read_all_data", "shebao_backup", inherit=True)
    except psycopg.Error as error:
        raise PrepareRefused(plain_reason(error)) from error


def make_database(superuser_url: str, name: str, template: str | None = None) -> None:
    """Create the database when it is missing, owned by shebao_owner, closed to everybody but our roles.

    template: a database to copy, nobody connected to it. Raises: PrepareRefused.
    """
    try:
        with psycopg.connect(superuser_url, autocommit=True) as link:
            if not link.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                # A copy by files takes half the time of one through the log, and the copies of tests are made by the hundred.
                how = "strategy file_copy" if template else ""
                command = sql.SQL(f"create database {{}} owner shebao_owner encoding 'UTF8' template {{}} {how}")
                link.execute(command.format(sql.Identifier(name), sql.Identifier(template or "template0")))
            for line in (
                "alter database {} owner to shebao_owner",
                "revoke all on database {} from public",
                "grant connect on database {} to shebao_app, shebao_auditor, shebao_backup",
                "grant temporary on database {} to shebao_engine",
            ):
                link.execute(sql.SQL(line).format(sql.Identifier(name)))
        if template is None:
            _make_schema(superuser_url, name)
        else:
            _log_sequences(superuser_url, name)
    except psycopg.Error as error:
        raise PrepareRefused(plain_reason(error)) from error


def _log_sequences(superuser_url: str, name: str) -> None:
    """A copied sequence believes that its next numbers are in the log, but those are in its template's: after a crash it would give
    them out again. Setting it to where it stands logs it anew."""
    with psycopg.connect(superuser_url, dbname=name, autocommit=True) as link:
        link.execute(
            "select setval(format('%I.%I', schemaname, sequencename)::regclass, last_value) from pg_sequences where last_value is not null"
        )


def is_prepared(superuser_url: str, name: str) -> bool:
    """Whether roles and database are as this version makes them. Raises: PrepareRefused."""
    try:
        with psycopg.connect(superuser_url) as link:
            query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
            return link.execute(query, [name]).fetchone() == (f"shebao {PLAN}",)
    except psycopg.Error as error:
        raise PrepareRefused(plain_reason(error)) from error


def mark_prepared(superuser_url: str, name: str) -> None:
    """Remember it in the database itself. Raises: PrepareRefused."""
    try:
        with psycopg.connect(superuser_url) as link:
            link.execute(sql.SQL("comment on database {} is {}").format(sql.Identifier(name), sql.Literal(f"shebao {PLAN}")))
    except psycopg.Error as error:
        raise PrepareRefused(plain_reason(error)) from error


def _make_schema(superuser_url: str, name: str) -> None:
    with psycopg.connect(superuser_url, dbname=name) as link:
        link.execute("alter schema public owner to shebao_owner")
        link.execute("revoke all on schema public from public")
        link.execute(sql.SQL("grant usage on schema public to shebao_app, shebao_auditor, {}").format(_names(ACTING_ROLES)))


def _role(link: Connection[tuple[object, ...]], role: str, attributes: str, known: set[object]) -> None:
    verb = "alter" if role in known else "create"
    link.execute(sql.SQL("{} role {} {}").format(sql.SQL(verb), sql.Identifier(role), sql.SQL(attributes)))


def _password(link: Connection[tuple[object, ...]], role: str, password: str) -> None:
    hashed = link.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    link.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(hashed)))


def _member(link: Connection[tuple[object, ...]], role: str, member: str, *, inherit: bool) -> None:
    """Membership. PostgreSQL 15 knows inheritance only as an attribute of the member, which is set above as well."""
    options = sql.SQL(" with inherit {}, set true").format(sql.Literal(inherit)) if link.info.server_version >= 16_00_00 else sql.SQL("")
    link.execute(sql.SQL("grant {} to {}{}").format(sql.Identifier(role), sql.Identifier(member), options))


def _names(roles: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(role) for role in roles)
