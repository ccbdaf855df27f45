"""Builders: the least a test has to say to get an agency, a unit, people, accounts, a month, a case. They call our own operations.

They assume a migrated database (the fixture `database`) and Django set up, nothing else. What they give is as the register has it;
numbers are right in form and unissued. Two calls never give the same number, name of a unit, or account.

    agency = make.agency()
    unit = make.unit(vip=True, people=3)
    clerk = make.operator(unit)
    make.month_assessed(202610)
    case_id = make.case(unit, "enrolment.add_employee", make.addition(unit), by=clerk, submit=True)
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Any

from django.contrib.auth.hashers import make_password

from shebao.access.acceptance import OF_UNITS
from shebao.access.acting import acting
from shebao.access.individuals import open_account
from shebao.access.models import Acceptance, Account, Grant
from shebao.access.queries import ROLE_OF_CLASS
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day
from shebao.base.terms import INSURANCES, Insurance, Post, Sex, insurances_in, mask_of
from shebao.casework import operations, review
from shebao.casework.item import Context, item_of
from shebao.enrolment import operations as enrolment
from shebao.enrolment import tiers
from shebao.gateways import receipt_file
from shebao.levy import declaring, receiving
from shebao.levy import flexible as flexible_dues
from shebao.levy.models import Bill
from shebao.parties.models import Agency, Person
from shebao.parties.operations import NewPerson, NewUnit, register_people, register_units
from shebao.parties.windows import ensure_window
from shebao.policy.agreed import in_force
from shebao.policy.rulebook import standard
from shebao.runs import monthly_assessment
from shebao.site.demo.identities import Identities

PLACE = "420100"
FULL_MASK = mask_of([i for i in INSURANCES if i is not Insurance.MATERNITY])
SINCE: Month = 202501
AT = datetime(2026, 11, 10, 9, tzinfo=ZONE)
BIRTH = date(1995, 3, 4)
PASSWORD = "only-for-tests-1"

_turn = count(1)
_numbers = Identities()
_hashed = ""


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody in the register."""

    person_id: int
    id_number: str
    name: str


@dataclass(frozen=True, slots=True)
class MadeUnit:
    """A unit in the register, with the staff it was made with."""

    id: int
    name: str
    agency_id: int
    mask: int
    vip: bool
    place: str
    staff: list[Employee] = field(default_factory=list)

    def context(self, at: datetime = AT) -> Context:
        """The context of its filings at an instant."""
        return Context(self.id, self.agency_id, self.place, self.vip, at.date(), at)


def instant(month: Month, day: int = 10, hour: int = 9) -> datetime:
    """An instant of a month."""
    return datetime.combine(first_day(month).replace(day=day), time(hour), ZONE)


def agency(number: int = 1, *, place: str = PLACE) -> int:
    """An agency; the same number again gives the same one."""
    Agency.objects.using("owner").get_or_create(id=number, defaults={"name": f"示例经办机构{number}", "place": place, "district": "420199"})
    return number


def unit(
    name: str = "",
    *,
    vip: bool = False,
    people: int = 0,
    agency_id: int = 1,
    place: str = PLACE,
    mask: int = FULL_MASK,
    injury_class: int = 1,
    kind: str = "employer",
    since: Month = SINCE,
    wage_fen: int = 800_000,
) -> MadeUnit:
    """A registered unit with so many people insured since its first month, their wages 1 yuan apart."""
    agency(agency_id, place=place)
    name = name or f"示例单位{next(_turn)}"
    new = NewUnit(name, _numbers.unit(), agency_id, place, mask, injury_class, since, first_day(since), kind=kind, vip=vip)
    with acting(ENGINE):
        (unit_id,) = register_units([new], at=instant(since, 1))
    made = MadeUnit(unit_id, name, agency_id, mask, vip, place)
    made.staff.extend(_insure(made, [person() for _ in range(people)], since, [wage_fen + 100 * i for i in range(people)]))
    return made


def person(name: str = "", *, birth: date = BIRTH, sex: Sex = Sex.MALE) -> NewPerson:
    """Somebody the register does not know yet."""
    return NewPerson(_number(birth, sex), name or f"张示{'一二三四五六七八九十'[next(_turn) % 10]}")


def _number(birth: date, sex: Sex) -> str:
    """A number of somebody born on that day, or on the next one that still has numbers: a whole suite takes more than a day has."""
    while True:
        try:
            return _numbers.person(birth, sex)
        except ValueError:
            birth += timedelta(days=1)


def employee(at: MadeUnit, *, wage_fen: int = 800_000, since: Month = SINCE, new: NewPerson | None = None) -> Employee:
    """Somebody insured through a unit since a month, entered as an effect would."""
    (made,) = _insure(at, [new or person()], since, [wage_fen])
    at.staff.append(made)
    return made


@dataclass(frozen=True, slots=True)
class Flexible:
    """A flexible worker in the register: insured through the 个人流动窗口 (unit_id) of an agency."""

    person_id: int
    id_number: str
    name: str
    unit_id: int
    agency_id: int
    place: str


def flexible(
    *,
    tier: int = 60,
    since: Month = 202601,
    dues: Sequence[Month] = (),
    agency_id: int = 1,
    place: str = PLACE,
    new: NewPerson | None = None,
    at: datetime | None = None,
) -> Flexible:
    """Somebody with an open spell through the window and a tier since a month, who owes the months of `dues` (open)."""
    agency(agency_id, place=place)
    Agency.objects.using("owner").filter(pk=agency_id, district="420199").update(district="420106")
    somebody, moment = new or person(), at or instant(since, 1)
    with acting(ENGINE):
        person_id = register_people([somebody], at=moment)[somebody.id_number]
        window = ensure_window(agency_id, at=moment)
        tiers.start([tiers.NewFlexible(person_id, window.pk, agency_id, tier, since, None)], at=moment)
    made = Flexible(person_id, somebody.id_number, somebody.name, window.pk, agency_id, place)
    if dues:
        owe(made, dues)
    return made


def owe(who: Flexible, months: Sequence[Month]) -> None:
    """Months that a flexible worker owes from now on, at the registered tier."""
    with acting(ENGINE):
        moment = instant(max(months), 2)
        flexible_dues.assess([who.person_id], list(months), place=who.place, rulebook=standard(), on=moment.date(), at=moment)


def account(post: Post, *, at: MadeUnit | None = None, agency_id: int = 1, username: str = "", name: str = "") -> Actor:
    """A real account with one post, its password PASSWORD, as the actor that signing in gives."""
    global _hashed
    _hashed = _hashed or make_password(PASSWORD)
    number = next(_turn)
    with acting(ENGINE):
        row = Account.objects.create(
            username=username or f"{post.value}-{number}",
            password=_hashed,
            name=name or f"{post.label}{number}",
            post_class=post.post_class,
            unit_id=at.id if at else None,
            agency_id=None if at else agency(agency_id),
            must_change_password=False,
            created_at=instant(SINCE, 2),
        )
        Grant.objects.create(account=row, post=post.value, post_class=post.post_class, from_date=first_day(SINCE), granted_by=0)
        if at:
            accepted(row)
    return Actor(
        role=ROLE_OF_CLASS[post.post_class],
        account_id=row.pk,
        name=row.name,
        unit_id=at.id if at else 0,
        agency_id=at.agency_id if at else agency_id,
        posts=frozenset({post}),
        vip=bool(at and at.vip),
    )


def accepted(row: Account) -> None:
    """Somebody who accepted what is in force now, as everybody does at the first sign-in. Call as the engine."""
    Acceptance.objects.bulk_create(
        Acceptance(account=row, unit_id=row.unit_id, code=code, version=in_force(code, AT.date()).version, at=AT, address="")
        for code in OF_UNITS
    )


def operator(at: MadeUnit, username: str = "") -> Actor:
    """单位经办人."""
    return account(Post.UNIT_OPERATOR, at=at, username=username)


def reviewer(agency_id: int = 1, username: str = "") -> Actor:
    """审核."""
    return account(Post.REVIEWER, agency_id=agency_id, username=username)


def finance(agency_id: int = 1, username: str = "") -> Actor:
    """基金财务."""
    return account(Post.FINANCE, agency_id=agency_id, username=username)


def individual(person_id: int, username: str = "", *, agency_id: int = 1) -> Actor:
    """An account of 个人, ready to sign in."""
    global _hashed
    _hashed = _hashed or make_password(PASSWORD)
    with acting(ENGINE):
        name = Person.objects.values_list("name", flat=True).get(pk=person_id)
        made = open_account(person_id, name, username or f"self{next(_turn)}", _hashed, agency_id=agency_id, on=first_day(SINCE), at=AT)
        Account.objects.filter(pk=made.pk).update(must_change_password=False)
    return Actor(Role.PERSON, made.pk, name, 0, agency_id, frozenset({Post.INDIVIDUAL}), person_id=person_id)


def month_assessed(month: Month, *, place: str = PLACE, at: datetime | None = None) -> int:
    """核定 a month. Returns the run. Raises: AlreadyAssessedError."""
    moment = at or instant(month, 25)
    with suppress(ShebaoError), acting(ENGINE):  # every unit declares, where months are declared; what cannot be is left to the run
        declaring.declare_all(place, month, at=moment, rulebook=standard())
    return monthly_assessment.assess(place, month, clock=lambda: moment)


def month_paid(month: Month, *, place: str = PLACE) -> list[str]:
    """核定 a month and pay all its bills by file, one an agency, on the last day. Returns the numbers of the bills."""
    month_assessed(month, place=place)
    with acting(ENGINE):
        bills = list(Bill.objects.filter(month=month, paid_fen=0).order_by("id"))
    for agency_id in sorted({bill.agency_id for bill in bills}):
        pay([(bill.number, bill.open_fen) for bill in bills if bill.agency_id == agency_id], agency_id=agency_id, at=instant(month, 28))
    return [bill.number for bill in bills]


def pay(bills: Sequence[tuple[str, int]], *, agency_id: int = 1, at: datetime = AT) -> receiving.Received:
    """A file of payments (bill number, fen), written as a bank would and read as we do."""
    batch = f"TEST-{next(_turn)}"
    reported = [(f"TEST{next(_turn):08d}", bill, "示例单位", amount_fen, at.date()) for bill, amount_fen in bills]
    file = receipt_file.read(receipt_file.write(batch, at.date(), reported), today=at.date())
    payments = [receiving.Payment(p.serial, p.bill_number, p.payer, p.amount_fen, p.paid_on, p.line) for p in file.payments]
    with acting(Actor(Role.ENGINE, name="基金财务")):
        return receiving.receive_file(file.sha256, batch, f"{batch}.csv", payments, place=PLACE, agency_id=agency_id, on=at.date(), at=at)


def addition(at: MadeUnit, new: NewPerson | None = None, **changed: Any) -> dict[str, Any]:
    """增员 of somebody new as typed into the form."""
    somebody = new or person()
    typed = {
        "id_number": somebody.id_number,
        "name": somebody.name,
        "ethnicity": "01",
        "mobile": "",
        "declared_wage": "8000",
        "insurances": [str(i.value) for i in insurances_in(at.mask)],
        "backdated_from": "",
    }
    return typed | changed


def case(at: MadeUnit, code: str, typed: Mapping[str, Any], *, by: Actor | None = None, submit: bool = False, when: datetime = AT) -> int:
    """A single filing, saved or submitted. Returns the case. Raises: RefusedError."""
    with acting(by or operator(at)):
        saved = operations.save_new(item_of(code), at.context(when), dict(typed), key=None)
        if submit:
            operations.submit(saved.case_id, 1, at.context(when))
        return saved.case_id


def reviewed(case_id: int, at: MadeUnit, *, when: datetime = AT) -> review.Outcome | None:
    """系统自动审核 of a submitted case, as the job process does it."""
    with acting(ENGINE):
        return review.review_automatically(case_id, at.context(when))


def _insure(at: MadeUnit, people: Sequence[NewPerson], since: Month, wages_fen: Sequence[int]) -> list[Employee]:
    if not people:
        return []
    with acting(ENGINE):
        ids = register_people(people, at=instant(since, 1))
        enrolment.start(
            [
                enrolment.NewSpell(ids[p.id_number], at.id, at.agency_id, at.mask, since, wage_fen, None)
                for p, wage_fen in zip(people, wages_fen, strict=True)
            ],
            at=instant(since, 1),
        )
    return [Employee(ids[p.id_number], p.id_number, p.name) for p in people]
