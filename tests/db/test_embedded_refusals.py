"""What cannot work is refused in one plain sentence and a non-zero exit, and nothing is changed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shebao.site import trouble
from shebao.site.embedded.account import account_for
from shebao.site.embedded.layout import existing
from tests.db.embedded_support import COMMAND, data_folder, db, environment, hall, in_one_sentence, kill_server, postmaster, run

MB = 1024 * 1024


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder with a stopped cluster; each test puts back what it changed."""
    with data_folder() as folder:
        assert run("from shebao.site import database; database.ensure()", data=folder).returncode == 0
        yield folder


def test_a_folder_of_another_major_version_is_named_and_not_touched(data: Path) -> None:
    version = existing(data).pgdata / "PG_VERSION"
    held = version.read_text()
    before = sorted(file.name for file in version.parent.iterdir())
    version.write_text("16\n")
    try:
        done = run(COMMAND, "db", "start", data=data)
        assert in_one_sentence(done, "DBS-05") and "PostgreSQL 16" in done.stderr and "PostgreSQL 18" in done.stderr
        assert sorted(file.name for file in version.parent.iterdir()) == before
    finally:
        version.write_text(held)


def start_with_files_of_at_most(size_bytes: int, data: Path) -> "subprocess.CompletedProcess[str]":
    """`shebao db start` where no file may grow beyond a size: the kernel answers writes as it does on a full disk."""
    program = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size_bytes}, {size_bytes}))\n{COMMAND}"
    return run(program, "db", "start", data=data)


def test_a_full_disk_is_named_when_the_cluster_is_made() -> None:
    with data_folder() as data:
        assert in_one_sentence(start_with_files_of_at_most(4 * MB, data), "DBS-06")
        assert not existing(data).pgdata.exists()
        # With room again, the same folder works.
        assert db("start", data=data).returncode == 0


def test_a_full_disk_is_named_when_the_server_starts(data: Path) -> None:
    """After a crash: recovery ends with a checkpoint, which needs room. PostgreSQL then crashes over and over; that must end."""
    with hall(data) as program:
        program.kill()
        program.wait(30)
        kill_server(data)
    assert in_one_sentence(start_with_files_of_at_most(MB, data), "DBS-06")
    assert postmaster(data) is None
    assert db("start", data=data).returncode == 0
    assert db("stop", data=data).returncode == 0


def test_a_really_full_file_system_is_named() -> None:
    """A tmpfs of 20 MB in a mount namespace of its own; where the kernel grants us none, the limit on files stands in for it."""
    with data_folder() as data:
        data.mkdir()
        mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=20m,mode=0755 none "$SHEBAO_DATA" && exec "$@"', "sh"]
        command = [sys.executable, "-c", COMMAND, "db", "start"]
        granted = subprocess.run([*mount, "true"], env=environment(data), capture_output=True, check=False).returncode == 0
        if granted:
            done = subprocess.run([*mount, *command], env=environment(data), capture_output=True, text=True, check=False)
        else:
            done = start_with_files_of_at_most(10 * MB, data)
        assert in_one_sentence(done, "DBS-06")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("postgresql://shebao_app:x@127.0.0.1:1/shebao", "DBS-01"),
        ("postgresql://shebao_app:x@/shebao?host=/nonexistent", "DBS-01"),
        ("mysql://root@localhost/shebao", "DBS-16"),
        ("postgresql://shebao_app:x@127.0.0.1", "DBS-16"),
    ],
)
def test_an_address_that_leads_nowhere_is_named(data: Path, address: str, code: str) -> None:
    done = db("start", data=data, SHEBAO_DATABASE_URL=address)
    assert in_one_sentence(done, code)
    assert ":x@" not in done.stderr
    assert postmaster(data) is None


@pytest.mark.parametrize("damage", ["", "{", '{"sockets": "", "passwords": {}}'])
def test_a_lost_password_file_is_named(data: Path, damage: str) -> None:
    file = data / "connection.json"
    held = file.read_text()
    file.unlink()
    if damage:
        file.write_text(damage)
    try:
        assert in_one_sentence(db("start", data=data), "DBS-10")
    finally:
        file.write_text(held)
        file.chmod(0o600)


def test_a_password_that_the_server_does_not_know_is_named(data: Path) -> None:
    file = data / "connection.json"
    held = file.read_text()
    file.write_text(held.replace('"postgres": "', '"postgres": "x'))
    try:
        assert in_one_sentence(db("start", data=data), "DBS-10")
    finally:
        file.write_text(held)
        db("stop", data=data)


def test_a_data_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for impossible in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        assert in_one_sentence(db("start", data=impossible), "DBS-04")


def test_a_socket_folder_taken_by_somebody_else_is_refused() -> None:
    """Under /tmp anybody could have put a folder of that name there first."""
    with data_folder("x" * 120) as data:
        layout = existing(data)
        sockets = layout.sockets(account_for(layout.pgdata).uid)
        sockets.symlink_to(data.parent)
        try:
            assert in_one_sentence(db("start", data=data), "DBS-04")
        finally:
            sockets.unlink()


def test_without_an_account_for_the_server_root_is_told_how_to_make_one(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shebao.site.embedded import account

    monkeypatch.setattr(account, "NAME", "shebao-none")
    monkeypatch.setattr(shutil, "which", lambda _: "/nonexistent/useradd")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(trouble.NoAccount, match="useradd --system shebao-none"):
        account.account_for(data / "no cluster here")


def test_every_trouble_has_a_code_of_its_own_and_says_it_in_chinese() -> None:
    kinds = trouble.DatabaseTrouble.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds) == 17
