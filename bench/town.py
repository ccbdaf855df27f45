"""A small made-up town in the bench's database: an agency, two units, people in the register, an operator with an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import now
from shebao.base.identifiers import make_id_number
from shebao.base.months import month_of, shift
from shebao.base.terms import INSURANCES, Insurance, Post, mask_of

if TYPE_CHECKING:
    from shebao.casework.item import Context

PLACE, AGENCY = "420100", 1
TYPES = mask_of([i for i in INSURANCES if i is not Insurance.MATERNITY])


@dataclass(frozen=True, slots=True)
class Town:
    """The filing unit, the unit that people come from, and who acts."""

    unit_id: int
    other_unit_id: int
    operator: Actor
    at: datetime

    @property
    def context(self) -> "Context":
        from shebao.casework.item import Context

        return Context(self.unit_id, AGENCY, PLACE, True, self.at.date(), self.at)


def person_number(n: int) -> str:
    """A 公民身份号码 right in form, of a district that does not exist: the n-th (n below 1,000,000)."""
    birth = date(1988 + n % 15, 1 + n // 15 % 12, 1 + n // 180 % 28)
    return make_id_number(f"4201{90 + n // 100_000:02d}", birth, n // 5_040 % 1000)


def person_name(n: int) -> str:
    """Names of three characters, many of them more than once."""
    return "赵钱孙李周吴郑王冯陈"[n % 10] + "伟芳娜敏静丽强磊"[n // 10 % 8] + "军洋勇艳杰娟涛明"[n // 80 % 8]


def found_town() -> Town:
    """The agency, two VIP units and the operator of the first; nobody is insured yet."""
    from django.db import connections

    from shebao.access.acting import acting
    from shebao.access.models import Account, Grant
    from shebao.parties.models import Agency
    from shebao.parties.operations import NewUnit, register_units

    at = now()
    Agency.objects.using("owner").create(id=AGENCY, name="示例经办机构", place=PLACE, district="420199")
    since, month = date(at.year - 3, 1, 1), shift(month_of(at.date()), -30)
    with acting(ENGINE):
        names = ("示例甲公司", "示例乙公司")
        units = [NewUnit(name, None, AGENCY, PLACE, TYPES, 1, month, since, vip=True) for name in names]
        unit, other = register_units(units, at=at)
    account = Account.objects.using("owner").create(
        username="bench", name="经办甲", password="!", post_class="unit", unit_id=unit, created_at=at, must_change_password=False
    )
    Grant.objects.using("owner").create(account=account, post=Post.UNIT_OPERATOR.value, post_class="unit", from_date=since, granted_by=0)
    connections["owner"].close()
    actor = Actor(Role.UNIT, account.pk, account.name, unit, AGENCY, frozenset({Post.UNIT_OPERATOR}), True)
    return Town(unit, other, actor, at)


def insure(town: Town, unit_id: int, people: Sequence[int], *, ended: bool) -> None:
    """Enter people into the register as effects do; `ended` ones stopped paying half a year ago."""
    from shebao.access.acting import acting
    from shebao.enrolment import operations as enrolment
    from shebao.parties.operations import NewPerson, register_people

    month = month_of(town.at.date())
    with acting(ENGINE):
        ids = register_people([NewPerson(person_number(n), person_name(n)) for n in people], at=town.at)
        numbers = [ids[person_number(n)] for n in people]
        spells = [enrolment.NewSpell(p, unit_id, AGENCY, TYPES, shift(month, -20), 800_000, None) for p in numbers]
        enrolment.start(spells, at=town.at)
        if ended:
            enrolment.stop([enrolment.Stop(p, unit_id, shift(month, -6), "10", None) for p in numbers], at=town.at)
