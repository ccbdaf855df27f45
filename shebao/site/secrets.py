"""Secrets made on first use and kept beside the data, readable by their owner only."""

import os
import secrets
from pathlib import Path


def secret_key(folder: Path) -> str:
    """The key that signs cookies: SHEBAO_SECRET_KEY, or one made once and kept in the data folder (0600)."""
    if given := os.environ.get("SHEBAO_SECRET_KEY"):
        return given
    path = folder / "secret-key"
    try:
        return path.read_text()
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return path.read_text()
        with os.fdopen(handle, "w") as file:
            file.write(key := secrets.token_urlsafe(48))
        return key
