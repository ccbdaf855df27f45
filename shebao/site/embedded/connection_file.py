"""connection.json: where the server listens and the passwords of its login roles. Mode 0600, replaced whole."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from shebao.site.trouble import PasswordsLost

LOGIN_ROLES = ("postgres", "shebao_owner", "shebao_app", "shebao_auditor", "shebao_backup")


@dataclass(frozen=True, slots=True)
class Connection:
    """sockets: the socket folder ('' until the server was started once). passwords: by login role."""

    sockets: str
    passwords: dict[str, str]


def read(file: Path) -> Connection | None:
    """None when there is no such file. Raises: PasswordsLost when it is damaged."""
    try:
        held = json.loads(file.read_text())
        found = Connection(str(held["sockets"]), {str(role): str(word) for role, word in held["passwords"].items()})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PasswordsLost(file) from error
    if set(LOGIN_ROLES) - set(found.passwords):
        raise PasswordsLost(file)
    return found


def write(file: Path, connection: Connection) -> None:
    """Replace the file; after a power cut either the old or the new one is there."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        json.dump({"sockets": connection.sockets, "passwords": connection.passwords}, out, indent=2)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)


def fresh_passwords() -> dict[str, str]:
    """New random passwords for the login roles."""
    return {role: secrets.token_urlsafe(24) for role in LOGIN_ROLES}
