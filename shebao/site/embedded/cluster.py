"""Making the cluster of a data folder, once, and looking at it before it is opened."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from shebao.site.embedded import connection_file
from shebao.site.embedded.account import Account
from shebao.site.embedded.binaries import Installation
from shebao.site.embedded.connection_file import Connection
from shebao.site.embedded.diagnosis import disk_is_full, refusal_of
from shebao.site.embedded.layout import Layout
from shebao.site.trouble import OtherVersion, PasswordsLost

INITDB_OPTIONS = ("--data-checksums", "--encoding=UTF8", "--locale=C", "--no-instructions")


def credentials(layout: Layout, account: Account) -> Connection:
    """Passwords are written before the cluster exists, so that no cluster is ever without them."""
    held = connection_file.read(layout.connection)
    if held is None and (layout.pgdata / "PG_VERSION").exists():
        raise PasswordsLost(layout.connection)
    sockets = str(layout.sockets(account.uid))
    connection = Connection(sockets, held.passwords if held else connection_file.fresh_passwords())
    if held != connection:
        connection_file.write(layout.connection, connection)
    return connection


def check_version(layout: Layout, installation: Installation) -> None:
    try:
        found = (layout.pgdata / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return
    if found != str(installation.major):
        raise OtherVersion(layout.data, found or "（未知版本）", installation.major)


def initialise(layout: Layout, account: Account, installation: Installation, connection: Connection) -> None:
    """initdb into a draft folder that is renamed when it is whole."""
    draft = layout.home / "pgdata.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    account.give(draft, 0o700)
    with _password_in_memory(connection.passwords["postgres"]) as (descriptor, path):
        done = subprocess.run(
            [
                str(installation.folder / "initdb"),
                "-D",
                str(draft),
                "-U",
                "postgres",
                "--auth=scram-sha-256",
                f"--pwfile={path}",
                *INITDB_OPTIONS,
            ],
            pass_fds=(descriptor,),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env=server_environment(),
            check=False,
            **account.run_as(),
        )
    if done.returncode != 0:
        # Asked before the draft is removed, which may free the very space that was missing.
        full = disk_is_full(layout.home)
        shutil.rmtree(draft, ignore_errors=True)
        raise refusal_of(done.stderr.decode(errors="replace"), layout, full)
    if layout.pgdata.exists():
        layout.pgdata.rmdir()
    draft.rename(layout.pgdata)


@contextmanager
def _password_in_memory(password: str) -> Iterator[tuple[int, str]]:
    """A pipe that initdb reads the password from: it is never on a disk or in a command line."""
    reader, writer = os.pipe()
    try:
        os.write(writer, password.encode() + b"\n")
        os.close(writer)
        os.fchmod(reader, 0o444)
        yield reader, f"/dev/fd/{reader}"
    finally:
        os.close(reader)


def server_environment() -> dict[str, str]:
    """A bare environment: PGDATA, PGPORT and the like of the user must not reach the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "Asia/Shanghai"}
