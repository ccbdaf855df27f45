"""Where the database is. With SHEBAO_DATABASE_URL unset our own server runs under the data folder; with it set, that one is used.

SHEBAO_DATABASE_URL  the application's address (role shebao_app)
SHEBAO_OWNER_URL     the schema owner's address (role shebao_owner), needed for migrations only
SHEBAO_AUDITOR_URL   the auditor's address (role shebao_auditor), needed for `shebao audit` only
SHEBAO_ADMIN_URL     a superuser's address, needed only to create databases (tests) and roles (shebao db prepare)
SHEBAO_DATABASE_NAME another database on the embedded server (tests)

Importing this module starts nothing.
"""

import os
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import conninfo, sql

from shebao.site.embedded import connection_file
from shebao.site.embedded.layout import data_folder, existing
from shebao.site.embedded.server import login_url, superuser_url
from shebao.site.embedded.use import has_crashed, running, use_server
from shebao.site.roles import is_prepared, make_database, make_roles, mark_prepared
from shebao.site.trouble import BadAddress, PrepareRefused, Unreachable, plain_reason

__all__ = [
    "Databases",
    "bring_back",
    "create_database",
    "data_folder",
    "django_databases",
    "drop_database",
    "ensure",
    "keep_running",
    "known",
    "prepare_roles",
]

NAME = "shebao"
CONNECT_SECONDS_MAX = 10
CONNECTION_AGE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Databases:
    """Addresses by login role; None where an external server's address was not given."""

    app: str
    owner: str | None
    auditor: str | None = None
    backup: str | None = None
    superuser: str | None = None


def ensure(*, stop_at_exit: bool = True) -> Databases:
    """A database that answers: the one of SHEBAO_DATABASE_URL, or our own server, started when it does not run.

    Roles and database exist afterwards (our own server). stop_at_exit: the last process that called this stops the server when it
    ends, by exit or SIGTERM; `shebao db start` keeps it.
    Raises: DatabaseTrouble.
    """
    if app := os.environ.get("SHEBAO_DATABASE_URL"):
        _parsed("SHEBAO_DATABASE_URL", app)
        if owner := os.environ.get("SHEBAO_OWNER_URL"):
            _parsed("SHEBAO_OWNER_URL", owner)
        for address in filter(None, (app, owner)):
            _try(address)
        return known()
    connection = use_server(data_folder(), prepare=_prepare_embedded, stop_at_exit=stop_at_exit)
    return _embedded(connection, database_name())


def keep_running() -> Databases:
    """Start our own server and leave it running until `shebao db stop`. Raises: DatabaseTrouble."""
    return _embedded(use_server(data_folder(), prepare=_prepare_embedded, keep=True), database_name())


def bring_back() -> bool:
    """Start our own server again when it has crashed; what was committed is there. Returns whether that was so. Raises: DatabaseTrouble."""
    if os.environ.get("SHEBAO_DATABASE_URL") or not has_crashed(data_folder()):
        return False
    ensure()
    return True


def own_server() -> int | None:
    """The process of our own server, whoever started it; None while it is gone, or when the database is somebody else's."""
    return None if os.environ.get("SHEBAO_DATABASE_URL") else running(data_folder())


def known() -> Databases:
    """The addresses as they are known, connecting to nothing. Raises: Unreachable when our own server was never started."""
    if app := os.environ.get("SHEBAO_DATABASE_URL"):
        owner, auditor, admin = (os.environ.get(f"SHEBAO_{who}_URL") or None for who in ("OWNER", "AUDITOR", "ADMIN"))
        return Databases(app, owner, auditor, superuser=admin)
    connection = connection_file.read(data_folder() / "connection.json")
    if connection is None:
        raise Unreachable("自带的数据库", "尚未启动过")
    return _embedded(connection, database_name())


def prepare_roles(superuser_dsn: str, database_name: str, passwords: dict[str, str] | None = None) -> Databases:
    """Create the roles and the database on any server, or correct them. Repeating it changes nothing but the passwords.

    passwords: by login role; fresh ones when None. They are in the addresses that come back: keep them.
    Raises: PrepareRefused, ServerTooOld.
    """
    passwords = passwords or connection_file.fresh_passwords()
    make_roles(superuser_dsn, passwords)
    make_database(superuser_dsn, database_name)
    addresses = {role: address_for(superuser_dsn, role, passwords[role], database_name) for role in passwords if role != "postgres"}
    return Databases(
        app=addresses["shebao_app"],
        owner=addresses["shebao_owner"],
        auditor=addresses["shebao_auditor"],
        backup=addresses["shebao_backup"],
        superuser=superuser_dsn,
    )


def create_database(name: str, template: str | None = None) -> None:
    """A new database for tests, on the running server; template: a migrated database that nobody is connected to.

    Raises: PrepareRefused.
    """
    make_database(_administrator(), name, template)


def drop_database(name: str) -> None:
    """Remove a database, whoever is connected to it. Raises: PrepareRefused."""
    try:
        with psycopg.connect(_administrator(), autocommit=True) as link:
            link.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise PrepareRefused(plain_reason(error)) from error


def django_databases(name: str | None = None) -> dict[str, Any]:
    """Django's DATABASES: `default` (the application, carrying the actor) and, where its address is known, `owner` (migrations).

    name: another database of the same server. Reads the environment and one small file; connects to nothing.
    Raises: BadAddress, PasswordsLost.
    """
    if app := os.environ.get("SHEBAO_DATABASE_URL"):
        found = {"default": _parsed("SHEBAO_DATABASE_URL", app)}
        if owner := os.environ.get("SHEBAO_OWNER_URL"):
            found["owner"] = _parsed("SHEBAO_OWNER_URL", owner)
    else:
        connection = connection_file.read(data_folder() / "connection.json")
        host = connection.sockets if connection else str(existing(data_folder()).home / "run")
        words = connection.passwords if connection else {}
        found = {
            alias: {"host": host, "user": role, "password": words.get(role, ""), "dbname": database_name()}
            for alias, role in (("default", "shebao_app"), ("owner", "shebao_owner"))
        }
    if name:
        found = {alias: parts | {"dbname": name} for alias, parts in found.items()}
    return {alias: _django(alias, parts) for alias, parts in found.items()}


def database_name() -> str:
    """The database on the embedded server."""
    return os.environ.get("SHEBAO_DATABASE_NAME") or NAME


def address_for(superuser_dsn: str, role: str, password: str, name: str) -> str:
    """The same server's address for another role and database."""
    return conninfo.make_conninfo(superuser_dsn, user=role, password=password, dbname=name)


def _embedded(connection: connection_file.Connection, name: str) -> Databases:
    return Databases(
        app=login_url(connection, "shebao_app", name),
        owner=login_url(connection, "shebao_owner", name),
        auditor=login_url(connection, "shebao_auditor", name),
        backup=login_url(connection, "shebao_backup", name),
        superuser=superuser_url(connection),
    )


def _prepare_embedded(connection: connection_file.Connection) -> None:
    """Roles and database of our own server; again after a half-done preparation or a change of the plan."""
    address = superuser_url(connection)
    if not is_prepared(address, database_name()):
        make_roles(address, connection.passwords)
        make_database(address, database_name())
        mark_prepared(address, database_name())


def _administrator() -> str:
    """The address that may create databases. Raises: BadAddress when none is known."""
    if os.environ.get("SHEBAO_DATABASE_URL"):
        address = os.environ.get("SHEBAO_ADMIN_URL")
        if not address:
            raise BadAddress("SHEBAO_ADMIN_URL", "没有设置")
        parts = _parsed("SHEBAO_ADMIN_URL", address)
        return conninfo.make_conninfo(**{**parts, "dbname": parts.get("dbname") or "postgres"})
    return str(known().superuser)


def _parsed(variable: str, address: str) -> dict[str, Any]:
    try:
        parts = conninfo.conninfo_to_dict(address)
    except psycopg.Error as error:
        raise BadAddress(variable, "格式不对") from error
    if not parts.get("dbname") and variable != "SHEBAO_ADMIN_URL":
        raise BadAddress(variable, "没有写明数据库名")
    return dict(parts)


def _try(address: str) -> None:
    parts = conninfo.conninfo_to_dict(address)
    try:
        with psycopg.connect(address, connect_timeout=CONNECT_SECONDS_MAX) as link:
            link.execute("select 1")
    except psycopg.Error as error:
        raise Unreachable(f"{parts.get('host') or '本机'}/{parts.get('dbname')}", plain_reason(error)) from error


def _django(alias: str, parts: dict[str, Any]) -> dict[str, Any]:
    options = {key: value for key, value in parts.items() if key not in ("dbname", "user", "password", "host", "port")}
    return {
        "ENGINE": "shebao.site.actordb" if alias == "default" else "django.db.backends.postgresql",
        "NAME": parts["dbname"],
        "USER": parts.get("user") or "",
        "PASSWORD": parts.get("password") or "",
        "HOST": parts.get("host") or "",
        "PORT": str(parts.get("port") or ""),
        "CONN_MAX_AGE": CONNECTION_AGE_SECONDS if alias == "default" else 0,
        "CONN_HEALTH_CHECKS": alias == "default",
        "OPTIONS": {"connect_timeout": CONNECT_SECONDS_MAX} | options,
    }
