"""Signing in and out, passwords. The same answer and the same effort for a wrong name and a wrong password."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import F

from shebao.access.acting import acting
from shebao.access.models import Account, SignIn
from shebao.access.queries import actor_of
from shebao.audit.operations import Trace, record
from shebao.base.actor import PUBLIC, Actor, current
from shebao.base.errors import ShebaoError

FAILURES_MAX = 5
LOCKED_MINUTES = 15
_NO_ACCOUNT_HASH = ""


class SignInRefused(ShebaoError):
    """Wrong name or password, locked or disabled: one sentence for all of them but the lock."""

    code = "ACC-01"
    status = 422


class PasswordRefused(ShebaoError):
    """A new password that is too short, too common, or the old one."""

    code = "ACC-02"
    status = 422


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh sign-in: the token goes into the signed cookie, only its digest is stored."""

    actor: Actor
    signin_id: int
    token: str
    must_change_password: bool


def sign_in(username: str, password: str, *, at: datetime, address: str, agent: str) -> SignedIn:
    """Check name and password and start a sign-in.

    Raises: SignInRefused. Five failures lock the account for a quarter of an hour.
    """
    with acting(PUBLIC):
        account = Account.objects.filter(username=username).first()
        if account is None:
            _spend_the_same_time(password)
        elif account.locked_until is None or account.locked_until <= at:
            if check_password(password, account.password) and account.disabled_at is None:
                return _start(account, at=at, address=address, agent=agent)
            Account.objects.filter(pk=account.pk).update(failures=F("failures") + 1)
            if account.failures + 1 >= FAILURES_MAX:
                Account.objects.filter(pk=account.pk).update(locked_until=at + timedelta(minutes=LOCKED_MINUTES), failures=0)
        locked = account is not None and account.locked_until is not None and account.locked_until > at
    if locked:
        raise SignInRefused(f"连续 {FAILURES_MAX} 次密码错误，账号已锁定 {LOCKED_MINUTES} 分钟，请稍后再试")
    raise SignInRefused("用户名或密码不正确，请核对后重新输入")


def _start(account: Account, *, at: datetime, address: str, agent: str) -> SignedIn:
    token = secrets.token_urlsafe(32)
    Account.objects.filter(pk=account.pk).update(failures=0, locked_until=None, signed_in_at=at)
    signin = SignIn.objects.create(
        token_sha256=digest(token), account=account, started_at=at, seen_at=at, address=address[:45], agent=agent[:120]
    )
    actor = actor_of(account, on=at.date())
    return SignedIn(actor, signin.pk, token, account.must_change_password)


def _spend_the_same_time(password: str) -> None:
    global _NO_ACCOUNT_HASH
    _NO_ACCOUNT_HASH = _NO_ACCOUNT_HASH or make_password(secrets.token_urlsafe(16))
    check_password(password, _NO_ACCOUNT_HASH)


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def sign_out(signin_id: int, *, at: datetime) -> None:
    """End a sign-in of the acting account; it is refused from the next request on, in every process."""
    SignIn.objects.filter(pk=signin_id, ended_at=None).update(ended_at=at)


def change_password(old: str, new: str, *, at: datetime) -> None:
    """Set a new password for the acting account; `end_sign_ins` ends its other sign-ins.

    Raises: PasswordRefused with what to do.
    """
    account = Account.objects.get(pk=current().account_id)
    if not check_password(old, account.password):
        raise PasswordRefused("原密码不正确，请核对后重新输入")
    if old == new:
        raise PasswordRefused("新密码不能与原密码相同，请另设一个")
    try:
        validate_password(new)
    except ValidationError as error:
        sentences = {"password_too_short": "新密码至少 10 位，请加长", "password_too_common": "新密码太常见，容易被猜到，请换一个"}
        codes = [item.code or "" for item in error.error_list]
        raise PasswordRefused("；".join(sentences.get(code, "新密码不合要求，请换一个") for code in codes)) from None
    Account.objects.filter(pk=account.pk).update(password=make_password(new), must_change_password=False)
    record([Trace("access.password_changed", account.username)], at=at)


def end_sign_ins(account_id: int, *, at: datetime, but: int = 0) -> int:
    """End the live sign-ins of an account, but one."""
    return SignIn.objects.filter(account_id=account_id, ended_at=None).exclude(pk=but).update(ended_at=at)
