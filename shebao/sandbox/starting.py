"""Starting both partners beside a hall: their commands, and the exchange of keys that goes before."""

import json
import os
import sys
import time
from pathlib import Path

from shebao.base.errors import ShebaoError
from shebao.gateways.partner_keys import add_key, own_key
from shebao.sandbox.bank_link import Peer
from shebao.sandbox.process import ADDRESS

PARTNERS = ("bank", "tax")
LABELS = {"bank": "银行沙箱", "tax": "税务沙箱"}
KEYS = "partners"
HALL = "shebao"
CLOCK = "days-ahead"
READY_SECONDS_MAX = 60.0


class NotStarted(ShebaoError):
    """A partner did not come up; it has said why."""

    code = "SBX-04"

    def __init__(self, label: str) -> None:
        super().__init__(f"{label}没有启动起来，原因见上面的提示")


def exchange_keys(folder: Path, hall_keys: Path) -> None:
    """The hall gets the partners' public keys and they get the hall's; again, nothing changes.  hall_keys: the hall's folder of keys."""
    for name in PARTNERS:
        theirs = folder / name / KEYS
        add_key(theirs, HALL, own_key(hall_keys).public.line)
        add_key(hall_keys, name, own_key(theirs).public.line)


def command(name: str, folder: Path, port: int, *, hall_url: str = "", fund: str = "", opening_fen: int = 0, parent: int = 0) -> list[str]:
    """The command line of one partner's process."""
    words = [sys.executable, "-m", "shebao.sandbox", name, "--folder", str(folder), "--port", str(port)]
    words += ["--hall", hall_url] if hall_url else []
    words += ["--fund", fund] if fund else []
    words += ["--opening-fen", str(opening_fen)] if opening_fen else []
    return words + (["--parent", str(parent)] if parent else [])


def is_up(folder: Path, name: str, pid: int) -> bool:
    """Whether this process has said where it listens."""
    try:
        return bool(json.loads((folder / name / ADDRESS).read_text())["pid"] == pid)
    except (OSError, ValueError, KeyError):
        return False


def await_up(folder: Path, name: str, pid: int) -> None:
    """Wait until a partner listens.  Raises: NotStarted, when it ends instead or is not up in time."""
    until = time.monotonic() + READY_SECONDS_MAX
    while not is_up(folder, name, pid):
        if time.monotonic() > until or _ended(pid):
            raise NotStarted(LABELS[name])
        time.sleep(0.05)


def peer(folder: Path, name: str) -> Peer:
    """A running partner, for the command line."""
    return Peer(folder / name, LABELS[name])


def _ended(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True
