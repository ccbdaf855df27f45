"""The agencies and the sign-ins of the demo city. One password for all, told to everybody: it protects invented data only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth.hashers import make_password
from django.db import connections

from shebao.access.acceptance import OF_UNITS
from shebao.access.acting import acting
from shebao.access.individuals import open_account
from shebao.access.models import Acceptance, Account, Grant, Operator, OperatorRight, Qualification
from shebao.access.queries import ROLE_OF_CLASS
from shebao.access.rights import EVERYTHING, Level
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.terms import Post, Sex
from shebao.parties.models import Person, Unit
from shebao.policy.agreed import in_force
from shebao.site.demo.identities import Identities
from shebao.site.demo.names import DEMO_MARK
from shebao.site.demo.scale import PLACE
from shebao.site.demo.town import DISTRICTS, Employer, Town

OPERATOR_BIRTH = date(1931, 1, 1)  # nobody in the city is so old, so no number is given twice
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
    DemoAccount("person", "本人", Post.INDIVIDUAL, "个人（由单位参保，查询缴费与个人账户）"),
    DemoAccount("person2", "本人", Post.INDIVIDUAL, "个人（灵活就业，自己核定缴费）"),
    DemoAccount("person3", "本人", Post.INDIVIDUAL, "个人（灵活就业，签约银行批扣）"),
    DemoAccount("clerk", "赵颖", Post.CLERK, "受理经办"),
    DemoAccount("reviewer", "郑涛", Post.REVIEWER, "审核"),
    DemoAccount("reviewer2", "冯雪", Post.REVIEWER, "审核（第二人）"),
    DemoAccount("finance", "何平", Post.FINANCE, "基金财务"),
    DemoAccount("finance2", "罗洁", Post.FINANCE, "基金财务（复核）"),
    DemoAccount("admin", "许诚", Post.ADMINISTRATOR, "系统管理员"),
    DemoAccount("auditor", "韩明", Post.AUDITOR, "稽核审计"),
)

# The other agencies: told in one line, `<word>_<number of the agency>`.
DISTRICT_STAFF = (
    ("clerk", Post.CLERK),
    ("reviewer", Post.REVIEWER),
    ("finance", Post.FINANCE),
    ("admin", Post.ADMINISTRATOR),
    ("auditor", Post.AUDITOR),
)


class Cast:
    """Opens the demo accounts, and gives them as actors by username. They cannot be used before `admit`: the city is not finished."""

    def __init__(self, *, on: date, at: datetime) -> None:
        self._on, self._at = on, at
        self._hashed = make_password(PASSWORD)  # argon2 once for all
        self._actors: dict[str, Actor] = {}
        self._districts: list[int] = []
        self._identities = Identities()  # numbers of operators: born on a day on which nobody else of the city was

    def __getitem__(self, username: str) -> Actor:
        return self._actors[username]

    def open_staff(self) -> None:
        """The people of the first agency. Theirs is the first row of a city, so that an unfinished one can be told from any other."""
        self._open([demo for demo in ACCOUNTS if demo.post not in (Post.UNIT_OPERATOR, Post.INDIVIDUAL)], {})

    def open_districts(self) -> None:
        """One of each post in every other agency: clerk_2, reviewer_2, finance_2, admin_2, auditor_2, and so on."""
        with acting(ENGINE):
            rows = Account.objects.bulk_create(
                Account(
                    username=f"{word}_{agency_id}",
                    password=self._hashed,
                    name=f"{post.label}{agency_id}",
                    post_class=post.post_class,
                    agency_id=agency_id,
                    must_change_password=False,
                    created_at=self._at,
                    disabled_at=self._at,
                )
                for agency_id in range(2, len(DISTRICTS) + 1)
                for word, post in DISTRICT_STAFF
            )
            administrator, posts = self._actors["admin"].account_id, dict(DISTRICT_STAFF)
            Grant.objects.bulk_create(
                Grant(
                    account=row,
                    post=posts[row.username.partition("_")[0]].value,
                    post_class=row.post_class,
                    from_date=self._on,
                    granted_by=administrator,
                )
                for row in rows
            )
            self._districts = [row.pk for row in rows]

    def open_operators(self, town: Town) -> None:
        """The people of the units."""
        unit_of = {"vip": town.vip, "vip2": town.vip, "unit": town.ordinary, "unit2": town.neighbour}
        self._open([demo for demo in ACCOUNTS if demo.username in unit_of], unit_of)

    def open_people(self, people: Mapping[str, int]) -> None:
        """Accounts of 个人: person by username."""
        with acting(self._actors["admin"]), acting(ENGINE):
            for username, person_id in people.items():
                name = Person.objects.values_list("name", flat=True).get(pk=person_id)
                account = open_account(person_id, name, username, self._hashed, agency_id=1, on=self._on, at=self._at)
                Account.objects.filter(pk=account.pk).update(must_change_password=False, disabled_at=self._at)
                self._actors[username] = Actor(Role.PERSON, account.pk, name, 0, 1, frozenset({Post.INDIVIDUAL}), person_id=person_id)

    def admit(self) -> None:
        """The city is finished: everybody may sign in."""
        with acting(ENGINE):
            Account.objects.filter(pk__in=[actor.account_id for actor in self._actors.values()]).update(disabled_at=None)
            Account.objects.filter(pk__in=self._districts).update(disabled_at=None)

    def _open(self, demos: Sequence[DemoAccount], unit_of: Mapping[str, Employer]) -> None:
        with acting(ENGINE):
            rows = Account.objects.bulk_create([self._account(demo, unit_of.get(demo.username)) for demo in demos])
            self._know_operators([(row, row.unit_id) for row in rows if row.unit_id])
            for demo, account in zip(demos, rows, strict=True):
                self._actors[demo.username] = _actor(demo, account, unit_of.get(demo.username))
            # Posts are granted by the administrator, whose own was granted at installation (0).
            administrator = self._actors["admin"].account_id
            Grant.objects.bulk_create(
                Grant(
                    account=account,
                    post=demo.post.value,
                    post_class=demo.post.post_class,
                    from_date=self._on,
                    granted_by=0 if account.pk == administrator else administrator,
                )
                for demo, account in zip(demos, rows, strict=True)
            )

    def _know_operators(self, rows: Sequence[tuple[Account, int]]) -> None:
        """网上办事资格, 经办人信息 and what was accepted at the first sign-in. The first operator of a unit leads."""
        leads = {unit_id: row.pk for row, unit_id in reversed(rows)}
        agreements = [in_force(code, self._on) for code in OF_UNITS]
        version = in_force("online_service", self._on).version
        Qualification.objects.bulk_create(
            Qualification(unit_id=unit_id, agreement_code="online_service", agreement_version=version, granted_at=self._at)
            for unit_id in sorted(leads)
        )
        Operator.objects.bulk_create(
            Operator(
                account=row,
                unit_id=unit_id,
                capacity="operator",
                id_number=self._identities.person(OPERATOR_BIRTH, Sex.FEMALE),
                mobile="",
                lead=leads[unit_id] == row.pk,
                valid_from=self._on,
                added_at=self._at,
                added_by=0,
            )
            for row, unit_id in rows
        )
        OperatorRight.objects.bulk_create(
            OperatorRight(account=row, unit_id=unit_id, item_code=EVERYTHING, level=int(Level.SUBMIT)) for row, unit_id in rows
        )
        Acceptance.objects.bulk_create(
            Acceptance(account=row, unit_id=unit_id, code=each.code, version=each.version, at=self._at, address="")
            for row, unit_id in rows
            for each in agreements
        )

    def _account(self, demo: DemoAccount, unit: Employer | None) -> Account:
        return Account(
            username=demo.username,
            password=self._hashed,
            name=demo.name,
            post_class=demo.post.post_class,
            unit_id=unit.unit_id if unit else None,
            agency_id=None if unit else 1,
            must_change_password=False,
            created_at=self._at,
            disabled_at=self._at,
        )


def found_agencies() -> None:
    """The offices of the districts. The schema's owner enters them: no acting role may."""
    with connections["owner"].cursor() as cursor:
        cursor.executemany(
            "insert into parties_agency (id, name, place, district) values (%s, %s, %s, %s) on conflict do nothing",
            [(i, f"武汉市{name}社会保险管理处{DEMO_MARK}", PLACE, code) for i, (code, name) in enumerate(DISTRICTS, start=1)],
        )


def standing() -> str:
    """What there is of a demo city: 'none', 'unfinished' (its making was cut off, nobody ever signed in) or 'finished'."""
    with acting(ENGINE):
        found = list(Account.objects.filter(username__in=[demo.username for demo in ACCOUNTS]).values_list("disabled_at", flat=True))
        mine = Unit.objects.filter(name__endswith=DEMO_MARK).exists() or not Unit.objects.exists()
    if not found or not mine:
        return "none"
    return "finished" if len(found) == len(ACCOUNTS) and None in found else "unfinished"


def _actor(demo: DemoAccount, account: Account, unit: Employer | None) -> Actor:
    return Actor(
        role=ROLE_OF_CLASS[demo.post.post_class],
        account_id=account.pk,
        name=demo.name,
        unit_id=unit.unit_id if unit else 0,
        agency_id=unit.agency_id if unit else 1,
        posts=frozenset({demo.post}),
        vip=bool(unit and unit.vip),
    )
