"""Roles and start-up guards, on every PostgreSQL that is here: the embedded one and, where installed, Debian's 15."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from shebao.site import database, guards, trouble
from shebao.site.embedded import binaries
from shebao.site.embedded.account import account_for
from shebao.site.roles import ACTING_ROLES
from tests.db.embedded_support import DEBIAN_15, data_folder, db, in_one_sentence, private_cluster


def installations() -> list[str]:
    return ["wheel", *(["debian"] if (DEBIAN_15 / "postgres").exists() else [])]


@pytest.fixture(scope="module", params=installations())
def superuser(request: pytest.FixtureRequest) -> Iterator[str]:
    with data_folder() as folder:
        wheel = binaries.wheel_installation(account_for(folder)).folder
        with private_cluster(wheel if request.param == "wheel" else DEBIAN_15, folder) as address:
            yield address


@pytest.fixture(scope="module")
def made(superuser: str) -> database.Databases:
    return database.prepare_roles(superuser, "shebao")


@pytest.fixture
def spoilt(superuser: str, made: database.Databases) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """The superuser's connection; the roles are put right again afterwards."""
    with psycopg.connect(superuser, dbname="shebao", autocommit=True) as link:
        yield link
        link.execute("drop table if exists loose")
        link.execute("grant shebao_app to postgres")
        for role in ("shebao_owner", "pg_read_all_data", "shebao_engine"):
            link.execute(f"revoke {role} from shebao_app")
    database.prepare_roles(superuser, "shebao", {role: password(made, role) for role in ROLES})


ROLES = {"shebao_owner": "owner", "shebao_app": "app", "shebao_auditor": "auditor", "shebao_backup": "backup"}


def password(made: database.Databases, role: str) -> str:
    return str(conninfo.conninfo_to_dict(getattr(made, ROLES[role]))["password"])


def test_prepared_roles_pass_the_guard_however_often_they_are_prepared(superuser: str, made: database.Databases) -> None:
    guards.check_role(made.app)
    again = database.prepare_roles(superuser, "shebao", {role: password(made, role) for role in ROLES})
    assert again == made
    guards.check_role(again.app)


def test_without_a_role_the_application_may_do_nothing_and_with_each_role_only_that(made: database.Databases) -> None:
    with psycopg.connect(made.owner or "") as link:
        link.execute("create table if not exists guarded (n int)")
        for role in ACTING_ROLES:
            link.execute(f"grant select on guarded to {role}")
    with psycopg.connect(made.app) as link:
        for forbidden in ("select * from guarded", "create table own (n int)", "set role shebao_owner", "set role postgres"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                link.execute(forbidden)
            link.rollback()
        for role in ACTING_ROLES:
            link.execute("select set_config('role', %s, true)", [role])
            link.execute("select * from guarded")
            link.rollback()


def test_the_auditor_reads_and_never_writes_and_the_backup_reads_all(made: database.Databases) -> None:
    with psycopg.connect(made.owner or "") as link:
        link.execute("create table if not exists hidden (n int)")
        link.execute("alter table hidden enable row level security, force row level security")
        link.execute("grant select, insert on hidden to shebao_reader")
    with psycopg.connect(made.auditor or "") as link:
        link.execute("select * from hidden")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            link.execute("insert into hidden values (1)")
    with psycopg.connect(made.backup or "") as link:
        link.execute("set row_security = off")
        link.execute("select * from hidden")


def test_another_database_of_the_server_is_closed_to_nobody_but_our_roles(made: database.Databases, superuser: str) -> None:
    with psycopg.connect(superuser, autocommit=True) as link:
        link.execute("drop role if exists passer_by")
        link.execute("create role passer_by login password 'passing'")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(superuser, dbname="shebao", user="passer_by", password="passing")


@pytest.mark.parametrize(
    ("spoiling", "expected", "word"),
    [
        ("alter role shebao_app superuser", trouble.RoleTooPowerful, "超级用户"),
        ("alter role shebao_app bypassrls", trouble.RoleTooPowerful, "绕过"),
        ("alter role shebao_app createrole", trouble.RoleTooPowerful, "建立角色"),
        ("alter role shebao_app replication", trouble.RoleTooPowerful, "复制"),
        ("create table loose (n int); alter table loose owner to shebao_app", trouble.RoleTooPowerful, "所有者"),
        ("create table loose (n int); alter table loose owner to shebao_owner; grant shebao_owner to shebao_app",
         trouble.RoleTooPowerful, "所有者"),
        ("grant pg_read_all_data to shebao_app", trouble.RoleTooPowerful, "成员"),
        ("alter role shebao_app inherit; revoke shebao_engine from shebao_app; grant shebao_engine to shebao_app",
         trouble.RoleTooPowerful, "不经切换"),
        ("revoke shebao_engine from shebao_app", trouble.RolesMissing, "shebao_engine"),
    ],
)  # fmt: skip
def test_an_application_role_that_row_security_would_not_hold_is_refused(
    spoilt: "psycopg.Connection[tuple[object, ...]]", made: database.Databases, spoiling: str, expected: type[Exception], word: str
) -> None:
    guards.check_role(made.app)
    for line in spoiling.split("; "):
        spoilt.execute(line)
    with pytest.raises(expected, match=word):
        guards.check_role(made.app)


def test_the_superuser_itself_is_refused_as_the_application(superuser: str, made: database.Databases) -> None:
    with pytest.raises(trouble.RoleTooPowerful, match="超级用户"):
        guards.check_role(superuser)
    with pytest.raises(trouble.RoleTooPowerful, match="所有者"):
        guards.check_role(made.owner or "")


def test_the_start_is_refused_while_migrations_are_pending(made: database.Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_DATABASE_URL", made.app)
    guards.check_start(pending=list)
    with pytest.raises(trouble.MigrationsPending, match="levy"):
        guards.check_start(pending=lambda: ["levy.0002_dues"])


def test_db_prepare_gives_the_same_working_addresses_each_time(superuser: str, tmp_path: Path) -> None:
    first, second = (db("prepare", "--superuser-url", superuser, "--database", "prepared", data=tmp_path) for _ in range(2))
    assert first.returncode == 0 and first.stdout == second.stdout
    exported = dict(line.removeprefix("export ").split("=", 1) for line in first.stdout.splitlines())
    guards.check_role(exported["SHEBAO_DATABASE_URL"].strip("'"))
    assert in_one_sentence(db("prepare", data=tmp_path), "DBS-16")
    weak = exported["SHEBAO_OWNER_URL"].strip("'")
    assert in_one_sentence(db("prepare", "--superuser-url", weak, data=tmp_path), "DBS-17")
