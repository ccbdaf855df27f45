"""One private server a session, one migrated template, one clone a test module. SHEBAO_TEST_SERVER=system takes Debian's PostgreSQL 15.

Nothing here starts before the first test that asks for a database.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Settings are read at import, so the folder of this session has to be known before anything of Django is.
FOLDER = Path(tempfile.mkdtemp(prefix="shebao-suite-"))
FOLDER.chmod(0o711)
for variable in [name for name in os.environ if name.startswith("SHEBAO_") and not name.startswith("SHEBAO_TEST_")]:
    del os.environ[variable]
os.environ["SHEBAO_DATA"] = str(FOLDER / "data")
# Playwright keeps an event loop in the main thread for the whole session; our database calls beside it are still one at a time.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
os.environ["DJANGO_SETTINGS_MODULE"] = "shebao.site.settings"
os.environ["SHEBAO_SECRET_KEY"] = "only-for-tests-" + "0" * 40
os.environ["SHEBAO_HOSTS"] = "localhost,127.0.0.1,[::1],testserver"  # the last is the host of Django's test client

# No example has a time limit: a busy machine is no fault of the code.
hypothesis.settings.register_profile("shebao", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("shebao")

TEMPLATE = "shebao_template"
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--lang=zh-CN",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
SYSTEM_BINARIES = Path("/usr/lib/postgresql/15/bin")

# Begun first, the longest first: no process waits at the end for one file of the other. Those of one folder with a hall share the hall.
LONG = (
    "tests/journeys",
    "tests/city/test_kills.py",
    "tests/city/test_money_city.py",
    "tests/db/test_accounts_kills.py",
    "tests/db/test_withholding_kills.py",
    "tests/db/test_demo_serve.py",
    "tests/db/test_arrears_stateful.py",
    "tests/sandbox/test_bank.py",
)
JOURNEYS = "tests/journeys"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((i for i, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """A file is done by one process, in the order above; the journeys all by one, which builds one city for them."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return JOURNEYS if nodeid.startswith(JOURNEYS) else super()._split_scope(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """The server of this session, roles made, with a migrated template."""
    from shebao.site import database

    with ExitStack() as stack:
        if os.environ.get("SHEBAO_TEST_SERVER") == "system":
            from tests.db.embedded_support import private_cluster

            admin = stack.enter_context(private_cluster(SYSTEM_BINARIES, FOLDER / "system"))
            made = database.prepare_roles(admin, TEMPLATE)
            os.environ |= {"SHEBAO_ADMIN_URL": admin, "SHEBAO_DATABASE_URL": made.app, "SHEBAO_OWNER_URL": str(made.owner)}
            os.environ["SHEBAO_AUDITOR_URL"] = str(made.auditor)
        else:
            database.ensure(stop_at_exit=True)
            database.create_database(TEMPLATE)
        _never_mind_the_disk()
        _set_up()
        from shebao.site.console_site import migrate_all

        _point_at(TEMPLATE)
        migrate_all()
        _close()
        yield
        _close()


@pytest.fixture(scope="module")
def database(server: None, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of this test module alone, with everything migrated and nothing in it."""
    yield from _own(request.module.__name__.rsplit(".", 1)[-1])


@pytest.fixture
def own_database(server: None, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of one test alone: for tests that need a whole city's months for themselves."""
    yield from _own(f"{request.node.name[5:45]}_{id(request):x}")


def _own(title: str) -> Iterator[str]:
    from shebao.site import database as site_database

    name = "t_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in title)[-50:].lower()
    site_database.create_database(name, TEMPLATE)
    _point_at(name)
    yield name
    _close()
    site_database.drop_database(name)


def _never_mind_the_disk() -> None:
    """What a killed process leaves is in the kernel's hands all the same; only a machine that falls would miss the flushing."""
    import psycopg

    from shebao.site import database

    with psycopg.connect(database.known().superuser or "", autocommit=True) as link:
        link.execute("alter system set fsync = off")
        link.execute("select pg_reload_conf()")


def _set_up() -> None:
    from shebao.site.console_site import set_up

    set_up()


def _point_at(name: str) -> None:
    from django.db import connections

    from shebao.site.database import django_databases

    _close()
    for alias, settings in django_databases(name).items():
        connections[alias].settings_dict.update(settings)


def _close() -> None:
    from django.db import connections

    connections.close_all()


def pytest_sessionfinish() -> None:
    """Stop our server and remove the session's folder."""
    from shebao.site.embedded.folders import remove_cluster
    from shebao.site.embedded.use import stop_server

    stop_server(FOLDER / "data")
    remove_cluster(FOLDER / "data")
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Debian's Chromium, one for a whole process: two Playwrights in one thread refuse each other."""
    from playwright.sync_api import sync_playwright

    path = next((path for path in CHROMIUM if Path(path).exists()), None)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()
