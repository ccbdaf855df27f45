"""Building the demo city: found it, live its months in order, pay its bills, file its cases."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from django.db import connections

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import today as today_here
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day, month_of, month_shown
from shebao.enrolment.models import Spell
from shebao.levy import declaring
from shebao.parties.models import Unit
from shebao.policy.rulebook import Rulebook, standard
from shebao.runs import monthly_assessment
from shebao.site.demo import closings, declared, personal_accounts, reconciled, refunds, register
from shebao.site.demo.accounts import Cast, found_agencies
from shebao.site.demo.debits import Debits, debited_person
from shebao.site.demo.filings import Casework
from shebao.site.demo.flexible import FlexiblePeople
from shebao.site.demo.money import Treasury
from shebao.site.demo.scale import ISSUE_DAY, PLACE, Scale, lived_months
from shebao.site.demo.service import Halls
from shebao.site.demo.town import Employer, Town

FILED_MONTHS = 6  # in the last months the units of the demo accounts change through 办件 only


class CityExists(ShebaoError):
    """There is something in the database already; a demo city is only ever built into an empty one."""

    code = "DEM-01"

    def __init__(self) -> None:
        super().__init__("数据库里已经有单位，演示城市只建在空的数据库里；没有改动任何数据")


@dataclass(frozen=True, slots=True)
class Built:
    """What was built, and how long it took."""

    months: list[Month]
    seconds: float


def is_empty() -> bool:
    """Whether nobody is registered yet."""
    with acting(ENGINE):
        return not Unit.objects.exists()


def build(scale: Scale, *, today: date | None = None, say: Callable[[str], object] = str, rulebook: Rulebook | None = None) -> Built:
    """Build a city into an empty, migrated database.

    Args:  today: the day the city has come to; the real one when not given.  say: told what is going on, in Chinese.
    Raises: CityExists, ScaleRefused.
    """
    began = time.monotonic()
    rulebook, today = rulebook or standard(), today or today_here()
    if not is_empty():
        raise CityExists
    months = lived_months(scale.months, today, rulebook)
    say(f"正在登记 {scale.units} 个单位、{scale.people:,} 人…")
    town = Town(scale, months[0])
    opened = register.instant(months[0], 2)
    cast = Cast(on=opened.date(), at=opened)
    found_agencies()
    cast.open_staff()
    cast.open_districts()
    register.found(town, months[0])
    cast.open_operators(town)
    personal_accounts.bring_forward(months[0], today)
    tidy()
    flexible = FlexiblePeople(town, scale, months, rulebook)
    debits = Debits(flexible, scale, months, rulebook, sender=cast["finance2"].account_id)
    casework, treasury = Casework(town, cast, scale), Treasury(town, cast, scale, months, today)
    for number, month in enumerate(months, start=1):
        say(f"{month_shown(month)}：变动、核定、到账（{number}/{len(months)}）")
        filed = len(months) - number < FILED_MONTHS
        _live(town, month, casework.quiet if filed else [], today)
        if filed:
            casework.past_month(month)
        with acting(ENGINE):
            late = declared.forgetful(town, month, months)
            declaring.declare_all(PLACE, month, at=register.instant(month, ISSUE_DAY, 7), rulebook=rulebook, but=late)
        monthly_assessment.assess(PLACE, month, clock=partial(register.instant, month, ISSUE_DAY, 8), rulebook=rulebook)
        treasury.collect(month)
        flexible.live(month)
        debits.live(month)
    say("本月的变动和正在办理的业务…")
    _live(town, month_of(today), casework.quiet, today)
    casework.these_days(today)
    declared.so_far(town, today, rulebook)
    flexible.so_far(today)
    treasury.enter_one_by_hand()
    say("结算个人账户…")
    personal_accounts.settle_past_years(today, rulebook)
    refunds.ask_back(cast["finance"], cast["finance2"], today)
    reconciled.reconcile(cast["finance"], today)
    say("日结、月结…")
    closings.close_books(cast["finance"], cast["finance2"], today)
    Halls(cast, today).open()
    cast.open_people(_people(town, flexible))
    cast.admit()
    tidy()
    return Built(months, time.monotonic() - began)


def _live(town: Town, month: Month, quiet: list[Employer], today: date) -> None:
    """The moves of a month, as far as it has come."""
    for day, moves in zip(register.MOVE_DAYS, town.moves(month, quiet), strict=True):
        if first_day(month).replace(day=day) >= today:
            return
        register.follow(month, day, moves)


def _people(town: Town, flexible: FlexiblePeople) -> dict[str, int]:
    """Whose the accounts of 个人 are: somebody of the ordinary unit, a flexible worker, and one whose months a bank debits."""
    with acting(ENGINE):
        staff = Spell.objects.filter(unit_id=town.ordinary.unit_id, known_to=None, to_month=None).order_by("person_id")
        found = dict(zip(("person", "person2", "person3"), staff.values_list("person_id", flat=True), strict=False))
    debited = debited_person()
    return found | ({"person2": flexible.shown.person_id} if flexible.shown else {}) | ({"person3": debited} if debited else {})


def tidy() -> None:
    """Let the planner know what is in the tables now; autovacuum would get round to it later."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("analyze")
