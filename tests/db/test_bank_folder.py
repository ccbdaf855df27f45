"""What lies in the folder that we share with the bank is not believed: not its name, not its size, not where it points."""

from datetime import datetime
from pathlib import Path

import pytest

from shebao.base.clock import ZONE
from shebao.gateways.bank_client import BYTES_MAX, Folder
from shebao.runs import bank_exchange

NAME = "DR_PK420100202612403C1_01.txt"


def clock() -> datetime:
    return datetime(2026, 12, 20, 9, tzinfo=ZONE)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "inbox").mkdir()
    return Folder(tmp_path)


@pytest.mark.parametrize(
    "name", [f".{NAME}", "DR_PK 1_01.txt", "DR_PK1_01.txt.part", "dr_PK1_01.txt", "DR_PK1_1.txt", f"DR_{'9' * 25}_01.txt"]
)
def test_a_name_that_was_not_agreed_is_left_alone(folder: Folder, name: str) -> None:
    (folder.root / "inbox" / name).write_bytes(b"x")
    assert list(folder.waiting()) == []


def test_a_link_to_elsewhere_and_a_folder_are_no_files_of_the_bank(folder: Folder, tmp_path: Path) -> None:
    secret = tmp_path / "own.key"
    secret.write_text("secret")
    (folder.root / "inbox" / NAME).symlink_to(secret)
    (folder.root / "inbox" / NAME.replace("_01", "_02")).mkdir()
    assert list(folder.waiting()) == []
    assert secret.read_text() == "secret"


def test_a_file_larger_than_any_is_set_apart_unread(folder: Folder) -> None:
    with (folder.root / "inbox" / NAME).open("wb") as huge:
        huge.truncate(BYTES_MAX + 1)
    assert bank_exchange._take_results(folder, {}, clock) == (0, 1)
    why = folder.root / "inbox" / "rejected" / f"{NAME}.why.txt"
    assert why.read_text().startswith("BNK-13\n") and list(folder.waiting()) == []


def test_a_statement_larger_than_any_or_a_link_is_not_read_either(tmp_path: Path) -> None:
    (tmp_path / "statements").mkdir()
    with (tmp_path / "statements" / "2026-12-19.txt").open("wb") as huge:
        huge.truncate(BYTES_MAX + 1)
    (tmp_path / "statements" / "other.txt").symlink_to("/etc/passwd")
    assert bank_exchange._take_statements(tmp_path / "statements", clock) == (0, 1)
    assert (tmp_path / "statements" / "other.txt").is_symlink()
