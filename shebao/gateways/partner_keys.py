"""Keys of partners: our own private one, and the public ones of those we talk to, as files in a folder `partners`.

A public key is one line `ed25519 <key id> <base64 of 32 bytes>`; the id follows from the key. `<name>.pub` may hold several lines, the
old and the new one, while a partner changes its key.
"""

import base64
import binascii
import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shebao.base.errors import ShebaoError

OWN = "own.key"
KEYS_MAX = 4
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}\Z", re.ASCII)


class KeyRefused(ShebaoError):
    """A key, or the name of its owner, cannot be read."""

    code = "TAX-30"
    status = 422


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public key of somebody."""

    key_id: str
    raw: bytes

    @property
    def line(self) -> str:
        return f"ed25519 {self.key_id} {base64.b64encode(self.raw).decode()}"

    def verifies(self, signature: bytes, content: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except Exception:  # noqa: BLE001 the library has several; all of them mean no
            return False
        return True


@dataclass(frozen=True, slots=True)
class OwnKey:
    """Our private key, with its public half."""

    private: Ed25519PrivateKey
    public: PublicKey

    def sign(self, content: bytes) -> bytes:
        return self.private.sign(content)


def public_key(line: str) -> PublicKey:
    """Read one line. Raises: KeyRefused."""
    parts = line.split()
    try:
        raw = base64.b64decode(parts[2], validate=True) if len(parts) == 3 and parts[0] == "ed25519" else b""
    except binascii.Error:
        raw = b""
    if len(raw) != 32 or parts[1] != key_id_of(raw):
        raise KeyRefused("这不是合作方的公钥，应为一行：ed25519 密钥编号 公钥；请对方用 key --show 重新给出")
    return PublicKey(parts[1], raw)


def key_id_of(raw: bytes) -> str:
    """The first 16 hex digits of the digest of a public key."""
    return hashlib.sha256(raw).hexdigest()[:16]


def own_key(folder: Path) -> OwnKey:
    """Our private key, made once and kept readable by its owner only (0600)."""
    path = folder / OWN
    folder.mkdir(parents=True, exist_ok=True)
    try:
        raw = base64.b64decode(path.read_text())
    except FileNotFoundError:
        raw = Ed25519PrivateKey.generate().private_bytes_raw()
        # Written whole beside it and then linked: a process killed meanwhile leaves no half key, and of two one wins.
        fresh = folder / f".{OWN}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(base64.b64encode(raw).decode())
        try:
            os.link(fresh, path)
        except FileExistsError:
            raw = base64.b64decode(path.read_text())
        finally:
            fresh.unlink()
    private = Ed25519PrivateKey.from_private_bytes(raw)
    public = private.public_key().public_bytes_raw()
    return OwnKey(private, PublicKey(key_id_of(public), public))


def keys_of(folder: Path, name: str) -> tuple[PublicKey, ...]:
    """The public keys of a partner; none when it gave none. Raises: KeyRefused."""
    try:
        text = _path(folder, name).read_text()
    except FileNotFoundError:
        return ()
    return tuple(public_key(line) for line in text.splitlines() if line.strip())


def add_key(folder: Path, name: str, line: str) -> PublicKey:
    """Keep a partner's public key, beside the ones it has. Adding it again changes nothing. Raises: KeyRefused."""
    key = public_key(line)
    known = [k for k in keys_of(folder, name) if k != key]
    if len(known) >= KEYS_MAX:
        raise KeyRefused(f"合作方 {name} 已有 {KEYS_MAX} 把公钥，请先删去不用的")
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, name)
    fresh = path.with_suffix(f".{secrets.token_hex(8)}")
    fresh.write_text("".join(f"{k.line}\n" for k in [*known, key]))
    fresh.replace(path)
    return key


def _path(folder: Path, name: str) -> Path:
    if not _NAME.match(name):
        raise KeyRefused("合作方的名称只能用小写字母、数字和短横线，例如 tax")
    return folder / f"{name}.pub"
