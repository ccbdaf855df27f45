"""Before anything is served: the schema brought up to date, a demo city where nothing is. One process at a time does it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from shebao.site.console_site import migrate_all
from shebao.site.database import known
from shebao.site.demo.build import build, is_empty
from shebao.site.demo.scale import Scale
from shebao.site.trouble import BadAddress, Unreachable, plain_reason

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


def migrate() -> None:
    """Apply what is missing of the schema."""
    migrate_all()


def build_demo(scale: Scale) -> bool:
    """Build the demo city unless somebody is registered already. Returns whether it was built."""
    if not is_empty():
        return False
    print("数据库是空的，正在建演示城市（约一分钟，只做一次）…", flush=True)
    built = build(scale, say=lambda line: print(f"  {line}", flush=True))
    print(f"演示城市建好了，用时 {built.seconds:.0f} 秒。", flush=True)
    return True
