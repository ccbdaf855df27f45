"""What 系统管理员 does with accounts. Every act is traced; nobody does it to the own account."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db.models import Q

from shebao.access import limits
from shebao.access.limits import Kind
from shebao.access.models import Account
from shebao.access.operations import end_sign_ins
from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError

PAGE = 50
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"  # no look-alikes: it is read off paper
SLIP_LENGTH = 12


class NoSuchAccountError(ShebaoError):
    """Absent, or of another agency."""

    code = "ACC-10"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这个账号，或者不属于您所在的经办机构")


class OwnAccountError(ShebaoError):
    """Administrators do not administer themselves."""

    code = "ACC-11"
    status = 403

    def __init__(self) -> None:
        super().__init__("不能对自己的账号做这项操作，请由另一位系统管理员办理")


@dataclass(frozen=True, slots=True)
class Slip:
    """密码条: shown once, never stored in readable form."""

    username: str
    password: str


def accounts(search: str, *, after: int = 0) -> list[Account]:
    """Accounts within the administrator's reach, by id from after one on."""
    found = Account.objects.select_related("unit", "agency").filter(pk__gt=after)
    if search:
        found = found.filter(Q(username__icontains=search) | Q(name__icontains=search))
    return list(found.order_by("pk")[:PAGE])


def get_account(account_id: int) -> Account:
    """One account. Raises: NoSuchAccountError."""
    found = Account.objects.select_related("unit", "agency").filter(pk=account_id).first()
    if found is None:
        raise NoSuchAccountError
    return found


def _other(account_id: int) -> Account:
    if account_id == current().account_id:
        raise OwnAccountError
    return get_account(account_id)


def reset_password(account_id: int, *, at: datetime) -> Slip:
    """重置密码: a fresh one for a 密码条; it has to be changed at the next sign-in, and live sign-ins end.

    Raises: NoSuchAccountError, OwnAccountError.
    """
    account = _other(account_id)
    password = "".join(secrets.choice(_LETTERS) for _ in range(SLIP_LENGTH))
    Account.objects.filter(pk=account.pk).update(password=make_password(password), must_change_password=True)
    limits.forget(Kind.NAME, account.username)
    end_sign_ins(account.pk, at=at)
    record([Trace("access.password_reset", account.username)], at=at)
    return Slip(account.username, password)


def set_disabled(account_id: int, disabled: bool, *, at: datetime) -> None:
    """停用 or 启用. A disabled account's live sign-ins end at once, in every process.

    Raises: NoSuchAccountError, OwnAccountError.
    """
    account = _other(account_id)
    Account.objects.filter(pk=account.pk).update(disabled_at=at if disabled else None)
    if disabled:
        end_sign_ins(account.pk, at=at)
    record([Trace("access.disabled" if disabled else "access.enabled", account.username)], at=at)


def end_unit_accounts(unit_id: int, *, at: datetime) -> int:
    """A unit was closed: its accounts are disabled, and thereby every live sign-in of theirs from the next request on. As the engine.

    Returns how many accounts ended."""
    ending = list(Account.objects.filter(unit_id=unit_id, disabled_at=None).order_by("pk"))
    Account.objects.filter(pk__in=[account.pk for account in ending]).update(disabled_at=at)
    record([Trace("access.disabled", account.username, unit_id=unit_id) for account in ending], at=at)
    return len(ending)
