"""Making the folders of a data folder, without ever changing a folder that is not ours."""

import os
import shutil
import stat
import time
from pathlib import Path

from shebao.site.embedded.account import Account, account_for
from shebao.site.embedded.layout import SYSTEM_HOME, Layout, existing, short_name
from shebao.site.trouble import FolderUnusable

# Files by which a data folder is known as ours.
MARKS = ("postgres.lock", "connection.json", "secret-key")


def open_data_folder(data: Path) -> bool:
    """Make the data folder when it is missing. Gives whether it is ours: new, empty, or with our files in it."""
    ours = not data.exists() or not any(data.iterdir()) or any((data / mark).exists() for mark in MARKS)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return ours


def settle(data: Path, ours: bool) -> tuple[Layout, Account]:
    """Make the folders of the cluster and say who runs the server. Call it inside server.locked.

    As root the cluster goes to /var/lib/shebao when the unprivileged account cannot reach the data folder (a home of mode 0700);
    <data>/postgres is then a link to it.
    Raises: FolderUnusable, NoAccount; OSError of the file system.
    """
    account = account_for(existing(data).pgdata)
    link = data / "postgres"
    if account.foreign:
        if not link.exists():
            _place(data, link, account, ours)
        home = link.resolve()
    else:
        link.mkdir(mode=0o700, exist_ok=True)
        home = link.resolve()
    layout = Layout(data, home)
    _private(layout.log, account)
    _private(layout.sockets(account.uid), account)
    return layout, account


def _place(data: Path, link: Path, account: Account, ours: bool) -> None:
    """As root: make the home of the cluster where the account can reach it."""
    if account.can("x", data.parent) and (ours or account.can("x", data)):
        if not account.can("x", data):
            # Our own folder: its group may pass through, nobody may read it.
            os.chown(data, -1, account.gid)
            data.chmod(stat.S_IMODE(data.stat().st_mode) | 0o010)
        link.mkdir(mode=0o710)
        os.chown(link, -1, account.gid)
        return
    SYSTEM_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    home = SYSTEM_HOME / short_name(data)
    if home.exists():
        # Its data folder was removed: what it held is set aside, not opened and not deleted.
        home.rename(home.with_name(f"{home.name}.left-{time.time_ns()}"))
    home.mkdir(mode=0o710)
    os.chown(home, -1, account.gid)
    if link.is_symlink():
        link.unlink()
    link.symlink_to(home)


def _private(folder: Path, account: Account) -> None:
    """A 0700 folder of the account. A folder of somebody else in its place is refused (the socket folder may be under /tmp)."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid:
            raise FolderUnusable(folder, "它属于另一个用户") from None
        folder.chmod(0o700)
        return
    account.give(folder, 0o700)


def remove_cluster(data: Path) -> None:
    """Delete the (stopped) cluster of a data folder and the folder itself: for tests."""
    layout = existing(data)
    shutil.rmtree(layout.home, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
