"""Signing in and out, passwords. The same answer and the same effort for a wrong name and a wrong password."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from shebao.access import limits
from shebao.access.acting import acting
from shebao.access.limits import Kind
from shebao.access.models import Account, SignIn
from shebao.access.queries import actor_of, admitted
from shebao.audit.operations import Trace, record
from shebao.base.actor import PUBLIC, Actor, current
from shebao.base.errors import ShebaoError

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

    Raises: SignInRefused. Five failures lock a name for a quarter of an hour, whether anybody bears it or not. Where very many failures
    come from one address, only who signed in from there before gets in for a while: a guesser is shut out, an office is not.
    """
    with acting(PUBLIC):
        locked = limits.closed_until(Kind.NAME, username, at=at, hold=True)
        one_place = limits.is_one_place(address)
        crowded = limits.closed_until(Kind.ADDRESS, address, at=at) if one_place else None
        account = Account.objects.filter(username=username).first()
        known_here = account is not None and SignIn.objects.filter(account=account, address=address[:45]).exists()
        if (
            not locked
            and _right(account, password)
            and account is not None
            and admitted(account, at.date())
            and (known_here or not crowded)
        ):
            limits.forget(Kind.NAME, username)
            return _start(account, at=at, address=address, agent=agent)
        if not locked:
            limits.count(Kind.NAME, username, at=at, most=limits.FAILURES_MAX, minutes=limits.LOCKED_MINUTES)
        if not locked and one_place:
            minutes = limits.ADDRESS_MINUTES
            limits.count(Kind.ADDRESS, address, at=at, most=limits.ADDRESS_FAILURES_MAX, minutes=minutes, within=minutes)
    if locked:
        raise SignInRefused(f"连续 {limits.FAILURES_MAX} 次密码错误，账号已锁定 {limits.LOCKED_MINUTES} 分钟，请稍后再试")
    if crowded:
        raise SignInRefused(f"从您的网络登录失败的次数太多，请 {limits.ADDRESS_MINUTES} 分钟后再试，或换一个网络登录")
    raise SignInRefused("用户名或密码不正确，请核对后重新输入")


def _right(account: Account | None, password: str) -> bool:
    """Whether the password is the account's. Without an account, or before its slip was printed, the same effort is spent."""
    if account is None or not account.password.startswith("argon2"):
        _spend_the_same_time(password)
        return False
    return check_password(password, account.password)


def _start(account: Account, *, at: datetime, address: str, agent: str) -> SignedIn:
    token = secrets.token_urlsafe(32)
    Account.objects.filter(pk=account.pk).update(signed_in_at=at)
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
