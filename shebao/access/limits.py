"""How often one may guess. Counted in the database, so it holds across processes; the same for names that exist and names that do not.

A name, an address or a unit number goes into one of 2^20 buckets by a keyed digest. Nothing typed is stored (people type passwords into
the box of the name), the table stays small whoever tries, and nobody without the key can find two names of one bucket.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from enum import IntEnum
from ipaddress import ip_address

from django.conf import settings
from django.db import connection

FAILURES_MAX = 5  # wrong passwords of one name in a row
LOCKED_MINUTES = 15
# An office behind one address is many people: only then, and never for who signed in from there before (operations.sign_in).
ADDRESS_FAILURES_MAX = 60
ADDRESS_MINUTES = 15
BUCKETS = 2**20


class Kind(IntEnum):
    """What is counted."""

    NAME = 0
    ADDRESS = 1
    REGISTRATION_ADDRESS = 2
    REGISTRATION_UNIT = 3


def bucket(kind: Kind, text: str) -> int:
    """The number under which a name or an address is counted."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"{kind}:{text}".encode("utf-8", "replace"), hashlib.sha256).digest()
    return kind * BUCKETS + int.from_bytes(digest[:4], "big") % BUCKETS


def closed_until(kind: Kind, text: str, *, at: datetime, hold: bool = False) -> datetime | None:
    """Until when nothing more is tried for it, or None. hold: keep the bucket to the end of the transaction, so guesses come one by one."""
    with connection.cursor() as cursor:
        if hold:
            cursor.execute(
                """
                insert into access_guess (id, count, since) values (%s, 0, %s)
                on conflict (id) do update set count = access_guess.count returning closed_until
                """,
                [bucket(kind, text), at],
            )
        else:
            cursor.execute("select closed_until from access_guess where id = %s", [bucket(kind, text)])
        row = cursor.fetchone()
    until: datetime | None = row[0] if row else None
    return until if until is not None and until > at else None


def is_one_place(address: str) -> bool:
    """Whether an address tells where somebody is. The machine's own does not: a proxy there stands for everybody."""
    try:
        return not ip_address(address).is_loopback
    except ValueError:
        return False


def count(kind: Kind, text: str, *, at: datetime, most: int, minutes: int, within: int | None = None) -> None:
    """One more of it. The most-th closes it for so many minutes. within: minutes after which counting starts afresh (None: never)."""
    afresh = at - timedelta(minutes=within) if within is not None else datetime(1970, 1, 1, tzinfo=at.tzinfo)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into access_guess as g (id, count, since) values (%(id)s, 1, %(at)s)
            on conflict (id) do update set
              count = case when g.since < %(afresh)s then 1 when g.count + 1 >= %(most)s then 0 else g.count + 1 end,
              since = case when g.since < %(afresh)s or g.count = 0 then %(at)s else g.since end,
              closed_until = case when g.since >= %(afresh)s and g.count + 1 >= %(most)s then %(until)s else g.closed_until end
            """,
            {"id": bucket(kind, text), "at": at, "afresh": afresh, "most": most, "until": at + timedelta(minutes=minutes)},
        )


def forget(kind: Kind, text: str) -> None:
    """The right password came, or an administrator gave a new one: count from nothing again."""
    with connection.cursor() as cursor:
        cursor.execute("update access_guess set count = 0, closed_until = null where id = %s", [bucket(kind, text)])
