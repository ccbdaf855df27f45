"""Before anything is served: the schema brought up to date, a demo city where nothing is. One process at a time does it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connections

from shebao.base.errors import ShebaoError
from shebao.site.console_site import migrate_all
from shebao.site.database import create_database, database_name, drop_database, known
from shebao.site.demo.accounts import standing
from shebao.site.demo.build import build, is_empty
from shebao.site.demo.scale import Scale
from shebao.site.trouble import BadAddress, Unreachable, plain_reason


class UnfinishedCity(ShebaoError):
    """A demo city on somebody else's server whose making was cut off."""

    code = "DEM-03"

    def __init__(self) -> None:
        super().__init__("上次建演示城市没有建完，数据不完整。请换一个空的数据库，或请数据库管理员清空后再运行。")


_LOCK = 7_315_002  # 7_315_001 guards the roles


@contextmanager
def alone() -> Iterator[None]:
    """Two starts in the same moment prepare one after the other. Raises: BadAddress, Unreachable."""
    owner = known().owner
    if owner is None:
        raise BadAddress("SHEBAO_OWNER_URL", "没有设置，建立或升级数据库结构需要它")
    try:
        link = psycopg.connect(owner, autocommit=True)
    except psycopg.Error as error:
        raise Unreachable("数据库", plain_reason(error)) from error
    with link:
        link.execute("set lock_timeout = 0")
        link.execute("select pg_advisory_lock(%s)", [_LOCK])
        yield


def ready(scale: Scale | None) -> bool:
    """Bring the schema up to date, and build the demo city unless somebody is registered already (scale None: never).

    A city whose making was cut off is thrown away and made again: its accounts were never opened, so nobody can miss it.
    Returns whether a city was built. Raises: DatabaseTrouble, UnfinishedCity.
    """
    with alone():
        migrate_all()
        if scale is None:
            return False
        if not (unfinished := standing() == "unfinished"):
            return _build(scale)
    if unfinished:
        _start_over()
    with alone():
        migrate_all()
        return _build(scale)


def _build(scale: Scale) -> bool:
    if not is_empty():
        return False
    print("数据库是空的，正在建演示城市（约一分钟，只做一次）…", flush=True)
    built = build(scale, say=lambda line: print(f"  {line}", flush=True))
    print(f"演示城市建好了，用时 {built.seconds:.0f} 秒。", flush=True)
    return True


def _start_over() -> None:
    """An empty database instead of an unfinished city. Only on our own server: of another one we do not drop anything."""
    if os.environ.get("SHEBAO_DATABASE_URL"):
        raise UnfinishedCity
    print("上次建演示城市没有建完，现在重新建。", flush=True)
    connections.close_all()
    drop_database(database_name())
    create_database(database_name())
