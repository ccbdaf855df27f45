"""Accounts of people (个人): one live account a person, given by an agency."""

from datetime import date, datetime

from django.db import IntegrityError, transaction

from shebao.access.models import Account, Grant
from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post


class HasAccountError(ShebaoError):
    """Somebody has an account already, or the name is taken."""

    code = "IND-01"


def open_account(person_id: int, name: str, username: str, password: str, *, agency_id: int, on: date, at: datetime) -> Account:
    """Open the account of a person. password: a hash, as django.contrib.auth.hashers makes it. Raises: HasAccountError."""
    try:
        with transaction.atomic():
            account = Account.objects.create(
                username=username,
                password=password,
                name=name,
                post_class=Post.INDIVIDUAL.post_class,
                agency_id=agency_id,
                person_id=person_id,
                created_at=at,
            )
    except IntegrityError as error:
        raise HasAccountError("此人已有个人账号，或用户名已被使用；忘记密码请到窗口补办密码条") from error
    Grant.objects.create(
        account=account, post=Post.INDIVIDUAL.value, post_class=Post.INDIVIDUAL.post_class, from_date=on, granted_by=current().account_id
    )
    record([Trace("access.person_account", username, person_id=person_id)], at=at)
    return account
