"""The account under which the server runs: our own user, or an unprivileged one when we are root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from shebao.site.trouble import NoAccount

NAME = "shebao"


class RunAs(TypedDict, total=False):
    """Arguments of subprocess that change the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int

    @property
    def foreign(self) -> bool:
        """True when we are root and the server must not be."""
        return self.uid != os.geteuid()

    def run_as(self) -> RunAs:
        return RunAs(user=self.uid, group=self.gid, extra_groups=[]) if self.foreign else RunAs()

    def give(self, path: Path, mode: int) -> None:
        """Hand one of our own files or folders to the account."""
        if self.foreign:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)

    def can(self, flag: str, path: Path) -> bool:
        """Ask the kernel, as that account: flag 'x' may enter, 'r' may read."""
        if not self.foreign:
            return os.access(path, os.X_OK if flag == "x" else os.R_OK)
        asked = subprocess.run(["test", f"-{flag}", str(path)], cwd="/", check=False, **self.run_as())
        return asked.returncode == 0


def account_for(pgdata: Path) -> Account:
    """Who runs the server of this folder. An existing cluster keeps its owner; root never runs it.

    Raises: NoAccount when root can make no account.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if pgdata.exists() and (owner := pgdata.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    return _system_account()


def _system_account() -> Account:
    for attempt in ("find", "make"):
        if attempt == "make":
            _create()
        try:
            entry = pwd.getpwnam(NAME)
        except KeyError:
            continue
        if entry.pw_uid == 0:
            raise NoAccount(NAME, "该账户是 root 的别名")
        return Account(entry.pw_uid, entry.pw_gid)
    raise NoAccount(NAME, "建立后仍找不到")


def _create() -> None:
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoAccount(NAME, error.strerror or "useradd 不可用") from error
    if done.returncode not in (0, 9):  # 9: another process made it meanwhile
        raise NoAccount(NAME, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "useradd 失败")
