"""Questions about accounts."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from shebao.access.models import Account, Grant
from shebao.base.actor import Actor, Role, current
from shebao.base.terms import Post

ROLE_OF_CLASS = {
    "unit": Role.UNIT,
    "business": Role.AGENCY,
    "finance": Role.AGENCY,
    "data": Role.ADMIN,
    "audit": Role.AUDITOR,
}


def actor_of(account: Account, *, on: date) -> Actor:
    """The actor of an account with the posts granted on a day."""
    grants = Grant.objects.filter(account=account, from_date__lte=on).values_list("post", "to_date")
    posts = frozenset(Post(post) for post, end in grants if end is None or end > on)
    return Actor(
        role=ROLE_OF_CLASS[account.post_class],
        account_id=account.pk,
        name=account.name,
        unit_id=account.unit_id or 0,
        agency_id=account.agency_id or 0,
        posts=posts,
    )


@dataclass(frozen=True, slots=True)
class Live:
    """What a live sign-in is worth right now."""

    posts: frozenset[Post]
    must_change_password: bool
    seen_at: datetime
    unit_name: str
    unit_number: str
    vip: bool
    agency_id: int
    agency_name: str
    place: str
    previous_at: datetime | None


def find_live(signin_id: int, token_sha256: bytes, *, at: datetime, idle_minutes: int) -> Live | None:
    """The sign-in of the acting account, unless it ended, timed out, or the account was disabled: one query for every request.

    The acting account is what the cookie claims. Where the account has another class, unit or agency by now, the claim is worth nothing.
    """
    actor = current()
    classes = [name for name, role in ROLE_OF_CLASS.items() if role is actor.role]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select a.must_change_password, s.seen_at, coalesce(u.name, ''), coalesce(u.number, ''), coalesce(u.vip, false),
                   g.id, g.name, g.place,
                   (select string_agg(post, ',') from access_grant t where t.account_id = a.id and t.from_date <= %s::date
                      and (t.to_date is null or t.to_date > %s::date))
            from access_signin s join access_account a on a.id = s.account_id
            left join parties_unit u on u.id = a.unit_id join parties_agency g on g.id = coalesce(a.agency_id, u.agency_id)
            where s.id = %s and s.token_sha256 = %s and s.ended_at is null and s.seen_at > %s and a.disabled_at is null
              and a.id = %s and a.post_class = any(%s) and coalesce(a.unit_id, 0) = %s and coalesce(a.agency_id, 0) = %s
            """,
            [
                *(at.date(), at.date()),  # the day here, not in the database's time zone
                *(signin_id, token_sha256, at - timedelta(minutes=idle_minutes)),
                *(actor.account_id, classes, actor.unit_id, actor.agency_id),
            ],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    posts = frozenset(Post(post) for post in (row[8] or "").split(",") if post)
    return Live(posts, row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], None)
