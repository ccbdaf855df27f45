"""How batch files travel: a folder both sides share, or HTTP. Neither believes a file; gateways.bank reads it."""

import http.client
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shebao.base.errors import ShebaoError

TIMEOUT_SECONDS = 60
BYTES_MAX = 256 * 1024 * 1024
_NAME = re.compile(r"[A-Z]{2}_[0-9A-Za-z-]{1,24}_[0-9]{2}\.txt\Z", re.ASCII)


class BankUnreachable(ShebaoError):
    """The bank did not answer, or not as agreed. Sending again is harmless."""

    code = "BNK-51"
    status = 503


@dataclass(frozen=True, slots=True)
class Folder:
    """outbox/ and inbox/ under one directory. A file is complete once it has its name: it is written beside and renamed."""

    root: Path

    def put(self, name: str, content: bytes) -> Path:
        """Write a file into the outbox; durable when this returns. Putting the same again changes nothing."""
        return put_file(self.root / "outbox", name, content)

    def waiting(self) -> Iterator[Path]:
        """Files of the inbox by name; names that are not agreed, folders and links to elsewhere are left alone."""
        inbox = self.root / "inbox"
        if not inbox.is_dir():
            return iter(())
        return iter(sorted(p for p in inbox.iterdir() if _NAME.match(p.name) and p.is_file() and not p.is_symlink()))

    def done(self, path: Path) -> None:
        """A file was applied, or had been before."""
        _move(path, path.parent / "done")

    def reject(self, path: Path, code: str, text: str) -> None:
        """A file was refused: it lies apart, with the reason beside it."""
        put_file(path.parent / "rejected", f"{path.name}.why.txt", f"{code}\n{text}\n".encode())
        _move(path, path.parent / "rejected")


def put_file(folder: Path, name: str, content: bytes) -> Path:
    """Write a file whole: nobody sees a part of it, and it is on the disk when this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    beside, target = folder / f".{name}.{os.getpid()}", folder / name
    with beside.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(target)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return target


def _move(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path.replace(folder / path.name)


@dataclass(frozen=True, slots=True)
class Http:
    """The bank's address, as http://127.0.0.1:8401."""

    address: str
    timeout: float = TIMEOUT_SECONDS

    def send(self, name: str, content: bytes, *, path: str = "debits") -> None:
        """Post a file. Raises: BankUnreachable."""
        headers = {"Content-Type": "application/octet-stream", "X-Shebao-File": name}
        self._ask(urllib.request.Request(f"{self.address}/{path}", content, headers, method="POST"))  # noqa: S310 our own setting

    def fetch(self, batch: str, part: int, *, path: str = "results") -> bytes | None:
        """The answer to a batch; None while there is none. Raises: BankUnreachable."""
        address = f"{self.address}/{path}/{urllib.parse.quote(batch, safe='')}/{part:02d}"
        return self._ask(urllib.request.Request(address))  # noqa: S310 our own setting

    def _ask(self, request: urllib.request.Request) -> bytes | None:
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                content = bytes(answer.read(BYTES_MAX + 1))
                if len(content) > BYTES_MAX:
                    raise BankUnreachable("银行返回的文件过大，没有处理，请与银行核对")
                return content if answer.status == 200 else None
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise BankUnreachable(f"银行系统没有受理（HTTP {error.code}），稍后会再试；再次发送不会重复扣款") from error
        except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
            raise BankUnreachable("银行系统暂时连接不上，稍后会再试；再次发送不会重复扣款") from error
