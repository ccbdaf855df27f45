"""Questions about accounts."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db import connection

from shebao.access import rights
from shebao.access.models import Account, Grant, Operator, Qualification
from shebao.base.actor import Actor, Role, current
from shebao.base.terms import Post

ROLE_OF_CLASS = {
    "unit": Role.UNIT,
    "business": Role.AGENCY,
    "finance": Role.AGENCY,
    "data": Role.ADMIN,
    "audit": Role.AUDITOR,
    "person": Role.PERSON,
}


def admitted(account: Account, on: date) -> bool:
    """Whether an account may sign in at all: not disabled, its unit's 网上办事资格 not stopped, the operator within term, not revoked."""
    if account.disabled_at is not None:
        return False
    if account.unit_id is None:
        return True
    if Qualification.objects.filter(unit_id=account.unit_id, stopped_at__isnull=False).exists():
        return False
    term = Operator.objects.filter(account=account).values_list("valid_from", "valid_until", "revoked_at").first()
    return term is None or (term[2] is None and term[0] <= on and (term[1] is None or on <= term[1]))


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
        person_id=account.person_id or 0,
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
    rights: tuple[tuple[str, int], ...] | None = None  # of a unit's operator; None: all
    accepted: frozenset[str] = frozenset()  # 'code:version' of agreements


# What only a unit's account has: its operator's rights, the agreements it accepted, and three ways to be out at once.
_OF_UNIT = """
  , case when o.account_id is null then null else
      (select coalesce(string_agg(r.item_code || ':' || r.level, ' '), '') from access_operatorright r where r.account_id = a.id) end,
    (select string_agg(t.code || ':' || t.version, ' ') from access_acceptance t where t.account_id = a.id), coalesce(o.lead, false)
"""
_JOIN_OPERATOR = "left join access_operator o on o.account_id = a.id"
_OPERATOR_IN = """
  and (o.account_id is null or (o.revoked_at is null and o.valid_from <= %s::date and (o.valid_until is null or o.valid_until >= %s::date)))
  and not exists (select 1 from access_qualification q where q.unit_id = a.unit_id and q.stopped_at is not null)
"""


def find_live(signin_id: int, token_sha256: bytes, *, at: datetime, idle_minutes: int) -> Live | None:
    """The sign-in of the acting account, unless it ended, timed out, or the account was disabled: one query for every request.

    The acting account is what the cookie claims. Where the account belongs elsewhere by now, the claim is worth nothing.
    """
    actor = current()
    classes = [name for name, role in ROLE_OF_CLASS.items() if role is actor.role]
    of_unit = actor.role is Role.UNIT
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select a.must_change_password, s.seen_at, coalesce(u.name, ''), coalesce(u.number, ''), coalesce(u.vip, false),
                   g.id, g.name, g.place,
                   (select string_agg(post, ',') from access_grant t where t.account_id = a.id and t.from_date <= %s::date
                      and (t.to_date is null or t.to_date > %s::date)) {_OF_UNIT if of_unit else ""}
            from access_signin s join access_account a on a.id = s.account_id {_JOIN_OPERATOR if of_unit else ""}
            left join parties_unit u on u.id = a.unit_id join parties_agency g on g.id = coalesce(a.agency_id, u.agency_id)
            where s.id = %s and s.token_sha256 = %s and s.ended_at is null and s.seen_at > %s and a.disabled_at is null
              and a.id = %s and a.post_class = any(%s) and coalesce(a.unit_id, 0) = %s and coalesce(a.agency_id, 0) = %s
              and coalesce(a.person_id, 0) = %s
              {_OPERATOR_IN if of_unit else ""}
            """,
            [
                *(at.date(), at.date()),  # the day here, not in the database's time zone
                *(signin_id, token_sha256, at - timedelta(minutes=idle_minutes)),
                *(actor.account_id, classes, actor.unit_id, actor.agency_id, actor.person_id),
                *((at.date(), at.date()) if of_unit else ()),
            ],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    posts = frozenset(Post(post) for post in (row[8] or "").split(",") if post)
    found = Live(posts, *row[:8])
    if not of_unit:
        return found
    held, accepted, lead = row[9:]
    return replace(
        found,
        posts=posts | ({Post.UNIT_LEAD} if lead else set()),
        rights=rights.read(held) if held is not None else None,
        accepted=frozenset((accepted or "").split()),
    )
