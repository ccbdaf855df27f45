"""Accounts of an agency, and a browser's way to the desk without a browser."""

import re
from html import unescape
from typing import Any

from django.contrib.auth.hashers import make_password
from django.test import Client

from shebao.access.acting import acting
from shebao.access.models import Account, Grant
from shebao.base.actor import ENGINE
from shebao.base.terms import Post
from tests.db.support import moment
from tests.make import accepted

PASSWORD = "a-long-enough-demo-pass"
NOW = "2026-11-10T09:00:00"


def make_account(username: str, post: Post, *, agency: int | None = None, unit: int | None = None) -> int:
    """An account with one post. Returns its id."""
    with acting(ENGINE):
        account = Account.objects.create(
            username=username,
            password=make_password(PASSWORD),
            name=f"{username}示例",
            post_class=post.post_class,
            unit_id=unit,
            agency_id=agency,
            must_change_password=False,
            created_at=moment(202501, 1),
        )
        Grant.objects.create(account=account, post=post, post_class=post.post_class, from_date=moment(202501, 1).date(), granted_by=0)
        if unit:
            accepted(account)
    return account.pk


class Desk:
    """A signed-in account: opens pages and posts forms as they come."""

    def __init__(self, username: str) -> None:
        self.client = Client()
        answer = self.client.post("/sign-in", {"username": username, "password": PASSWORD})
        assert answer.status_code == 302, answer.content.decode()

    def get(self, path: str, status: int = 200) -> str:
        """The words of a page."""
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, words(answer.content))
        return words(answer.content)

    def post(self, path: str, form: dict[str, Any] | None = None, status: int = 302) -> str:
        """The words of the answer, or the address it leads to."""
        answer = self.client.post(path, form or {})
        assert answer.status_code == status, (path, answer.status_code, words(answer.content))
        return str(answer["Location"]) if status == 302 else words(answer.content)


def words(content: bytes) -> str:
    """What a page says, in one line, without its markup; what stands in text areas included."""
    text = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))
