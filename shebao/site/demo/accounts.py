"""The agencies and the sign-ins of the demo city. One password for all, told to everybody: it protects invented data only."""

from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth.hashers import make_password
from django.db import connections

from shebao.access.acting import acting
from shebao.access.models import Account, Grant
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.terms import Post
from shebao.site.demo.names import DEMO_MARK
from shebao.site.demo.scale import PLACE
from shebao.site.demo.town import DISTRICTS, Employer, Town

PASSWORD = "wuhan-demo-2026"  # noqa: S105 - printed by `shebao run`, for invented data only


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One sign-in: who it is for, and the words beside it in the table that `shebao run` prints."""

    username: str
    name: str
    post: Post
    told: str


ACCOUNTS = (
    DemoAccount("vip", "李敏", Post.UNIT_OPERATOR, "VIP 单位经办人（约 1,500 人，系统自动审核）"),
    DemoAccount("vip2", "周凯", Post.UNIT_OPERATOR, "同一 VIP 单位的第二名经办人"),
    DemoAccount("unit", "陈静", Post.UNIT_OPERATOR, "普通单位经办人（约 40 人，增减员等窗口审核）"),
    DemoAccount("unit2", "吴磊", Post.UNIT_OPERATOR, "另一经办机构的普通单位经办人（有欠费）"),
    DemoAccount("clerk", "赵颖", Post.CLERK, "受理经办"),
    DemoAccount("reviewer", "郑涛", Post.REVIEWER, "审核"),
    DemoAccount("reviewer2", "冯雪", Post.REVIEWER, "审核（第二人）"),
    DemoAccount("finance", "何平", Post.FINANCE, "基金财务"),
    DemoAccount("finance2", "罗洁", Post.FINANCE, "基金财务（复核）"),
    DemoAccount("admin", "许诚", Post.ADMINISTRATOR, "系统管理员"),
    DemoAccount("auditor", "韩明", Post.AUDITOR, "稽核审计"),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """The demo accounts as actors, by username."""

    actors: dict[str, Actor]

    def __getitem__(self, username: str) -> Actor:
        return self.actors[username]


def found_agencies() -> None:
    """The offices of the districts. The schema's owner enters them: no acting role may."""
    with connections["owner"].cursor() as cursor:
        cursor.executemany(
            "insert into parties_agency (id, name, place, district) values (%s, %s, %s, %s)",
            [(i, f"武汉市{name}社会保险管理处{DEMO_MARK}", PLACE, code) for i, (code, name) in enumerate(DISTRICTS, start=1)],
        )


def open_accounts(town: Town, *, on: date, at: datetime) -> Cast:
    """Open every demo account with its post. The password is hashed once: one argon2 for eleven sign-ins."""
    unit_of = {"vip": town.vip, "vip2": town.vip, "unit": town.ordinary, "unit2": town.neighbour}
    hashed = make_password(PASSWORD)
    with acting(ENGINE):
        accounts = Account.objects.bulk_create([_account(demo, unit_of.get(demo.username), hashed, at) for demo in ACCOUNTS])
        by_name = {account.username: account for account in accounts}
        Grant.objects.bulk_create([_grant(demo, by_name, on) for demo in ACCOUNTS])
    actors = {demo.username: _actor(demo, by_name[demo.username], unit_of.get(demo.username)) for demo in ACCOUNTS}
    return Cast(actors)


def has_demo_accounts() -> bool:
    """Whether the sign-ins of the demo city are there, so that nobody is told a password that opens nothing."""
    with acting(ENGINE):
        return Account.objects.filter(username__in=[demo.username for demo in ACCOUNTS], disabled_at=None).count() == len(ACCOUNTS)


def _account(demo: DemoAccount, unit: Employer | None, hashed: str, at: datetime) -> Account:
    return Account(
        username=demo.username,
        password=hashed,
        name=demo.name,
        post_class=demo.post.post_class,
        unit_id=unit.unit_id if unit else None,
        agency_id=None if unit else 1,
        must_change_password=False,
        created_at=at,
    )


def _grant(demo: DemoAccount, accounts: dict[str, Account], on: date) -> Grant:
    """Posts are granted by the administrator, whose own was granted at installation (0)."""
    granted_by = 0 if demo.post is Post.ADMINISTRATOR else accounts["admin"].pk
    return Grant(
        account=accounts[demo.username], post=demo.post.value, post_class=demo.post.post_class, from_date=on, granted_by=granted_by
    )


def _actor(demo: DemoAccount, account: Account, unit: Employer | None) -> Actor:
    roles = {"unit": Role.UNIT, "business": Role.AGENCY, "finance": Role.AGENCY, "data": Role.ADMIN, "audit": Role.AUDITOR}
    return Actor(
        role=roles[demo.post.post_class],
        account_id=account.pk,
        name=demo.name,
        unit_id=unit.unit_id if unit else 0,
        agency_id=unit.agency_id if unit else 1,
        posts=frozenset({demo.post}),
        vip=bool(unit and unit.vip),
    )
