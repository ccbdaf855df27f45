"""The demo city: true to its own register, the same for the same seed, and made of numbers that nobody has."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connection, connections

from shebao.access.acting import acting
from shebao.access.operations import SignInRefused, sign_in
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import now
from shebao.base.identifiers import id_number_problem, uscc_problem
from shebao.casework.models import Case, CaseState, Channel, Filing, FilingState, Upload
from shebao.ledger.queries import trial_balance
from shebao.levy.models import ENDED_STATES, Bill, FlexDue, Receipt, ReceiptState, Run
from shebao.parties.models import Person, Unit
from shebao.site import database as site_database
from shebao.site.demo import build as building
from shebao.site.demo.accounts import ACCOUNTS, PASSWORD, standing
from shebao.site.demo.build import Built, CityExists, build
from shebao.site.demo.digest import digest
from shebao.site.demo.identities import UNISSUED_AREA
from shebao.site.demo.scale import PLACE, Scale

TODAY = date(2026, 11, 21)
SMALL = Scale(units=40, people=600, months=3, seed=7)
TEMPLATE = "shebao_template"


@pytest.fixture(scope="module")
def city(database: str) -> Built:
    return build(SMALL, today=TODAY)


@pytest.fixture
def fresh(city: Built, database: str) -> Iterator[None]:
    """Another empty database for one test; the city's is back afterwards."""
    name = f"{database}_fresh"
    site_database.create_database(name, TEMPLATE)
    _point_at(name)
    yield
    _point_at(database)
    site_database.drop_database(name)


def _point_at(name: str) -> None:
    connections.close_all()
    for alias, settings in site_database.django_databases(name).items():
        connections[alias].settings_dict.update(settings)


def rows(sql: str, *values: object) -> list[tuple[object, ...]]:
    with acting(ENGINE), connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        return list(cursor.fetchall())


def test_every_month_is_assessed_up_to_the_last_full_one(city: Built) -> None:
    assert city.months == [202608, 202609, 202610]
    with acting(ENGINE):
        assert list(Run.objects.filter(kind="monthly_assessment").order_by("month").values_list("month", "state")) == [
            (m, "done") for m in city.months
        ]


def test_the_city_has_as_many_units_and_people_as_asked_for_or_a_few_more(city: Built) -> None:
    with acting(ENGINE):
        assert Unit.objects.count() == SMALL.units
        assert SMALL.people <= Person.objects.count() <= SMALL.people * 1.3
        assert set(Unit.objects.values_list("kind", flat=True)) == {"employer", "window", "residents", "students"}


def test_no_number_in_the_city_can_have_been_issued_and_all_are_right_in_form(city: Built) -> None:
    with acting(ENGINE):
        people = list(Person.objects.values_list("id_number", flat=True))
        units = [code for code in Unit.objects.values_list("uscc", flat=True) if code]
    assert [n for n in people if id_number_problem(n, TODAY)] == []
    assert [n for n in units if uscc_problem(n)] == []
    assert {n[:6] for n in people} | {n[2:8] for n in units} == {UNISSUED_AREA}


def test_rare_glyphs_are_among_the_names(city: Built) -> None:
    with acting(ENGINE):
        names = set(Person.objects.values_list("name", flat=True))
    assert {"张䶮", "李㛃", "王𬭎", "刘𫘧", "陈𠅤", "买买提·阿卜杜拉"} <= names


def test_what_is_receivable_is_what_the_bills_leave_open_and_the_books_balance(city: Built) -> None:
    with acting(ENGINE):
        balances = trial_balance(PLACE, TODAY)
        # What bills of units ask for, late fees with it, and what flexible workers owe, on bills or not.
        owed = sum(bill.open_fen for bill in Bill.objects.exclude(kind="person").exclude(state__in=ENDED_STATES))
        owed += sum(due.total_fen for due in FlexDue.objects.filter(state__in=["open", "billed", "sent"]))
    assert sum(row.balance_fen for row in balances) == 0
    assert sum(row.balance_fen for row in balances if row.kind in ("receivable", "late_fee_due")) == owed > 0


def test_nobody_is_known_before_it_happened_and_every_effect_lies_in_the_past(city: Built) -> None:
    (late,) = rows("select count(*) from enrolment_spell where known_from::date >= %s", TODAY)
    (early,) = rows("select count(*) from enrolment_spell where to_month is null and known_from > to_date(from_month::text, 'YYYYMM') + 31")
    assert (late, early) == ((0,), (0,))
    assert rows("select count(*) from casework_case where changed_at::date > %s", TODAY) == [(0,)]


def test_hires_leavers_and_raises_are_in_the_register_of_every_month(city: Built) -> None:
    for month in city.months[1:]:
        day = date(month // 100, month % 100, 1)
        joined, left, raised = rows(
            """
            select (select count(*) from enrolment_spell where from_month = %s),
                   (select count(*) from enrolment_spell where to_month is not null and known_from between %s and %s),
                   (select count(*) from enrolment_wage where from_month = %s)
            """,
            month,
            day,
            day + timedelta(days=30),
            month,
        )[0]
        assert joined
        assert left
        assert raised


def test_money_arrived_late_twice_unknown_in_part_and_once_by_hand(city: Built) -> None:
    with acting(ENGINE):
        reasons = {reason[:6] for reason in Receipt.objects.filter(state=ReceiptState.SUSPENSE).values_list("reason", flat=True)}
        assert reasons == {"核定单已全部", "没有这个核定"}
        assert Receipt.objects.filter(state=ReceiptState.PENDING, file=None).count() == 1
        assert {"paid", "issued"} <= set(Bill.objects.values_list("state", flat=True))


def test_the_desks_are_alive(city: Built) -> None:
    with acting(ENGINE):
        assert Case.objects.filter(state=CaseState.REVIEW, channel=Channel.COUNTER).exists()
        assert Case.objects.filter(claimed_by__isnull=False).count() == 1
        returned = Case.objects.get(returned=True)
        assert Filing.objects.get(case=returned).pins == ["declared_wage"]
        batches = Upload.objects.filter(case__state=CaseState.DRAFT, finished_at__isnull=False)
        mistakes = Filing.objects.filter(case__in=[upload.case_id for upload in batches], refusals__isnull=False)
        assert mistakes.count() >= 10
        assert Filing.objects.filter(case__channel=Channel.WORKBOOK, state=FilingState.DONE).count() == 20
        assert set(Case.objects.values_list("state", flat=True)) == {"draft", "review", "done", "withdrawn"}


def test_who_entered_never_reviewed(city: Built) -> None:
    assert rows("select count(*) from casework_case where reviewed_by in (submitted_by, created_by)") == [(0,)]


@pytest.mark.parametrize("username", [account.username for account in ACCOUNTS])
def test_every_demo_account_signs_in_with_the_printed_password(city: Built, username: str) -> None:
    signed_in = sign_in(username, PASSWORD, at=now(), address="", agent="")
    assert not signed_in.must_change_password
    assert signed_in.actor.posts == {next(a.post for a in ACCOUNTS if a.username == username)}


def test_the_unit_of_each_clerk_is_not_the_other_clerks(city: Built) -> None:
    with acting(ENGINE):
        units = dict(rows("select username, unit_id from access_account where unit_id is not null"))
    assert units["vip"] == units["vip2"]
    assert len(set(units.values())) == 3
    actor = Actor(Role.UNIT, 1, "", int(str(units["unit"])), 1)
    with acting(actor):
        assert list(Unit.objects.values_list("pk", flat=True)) == [units["unit"]]


def test_a_city_is_only_built_where_nobody_is_registered(city: Built) -> None:
    before = digest()
    with pytest.raises(CityExists, match="没有改动任何数据"):
        build(SMALL, today=TODAY)
    assert digest() == before
    assert standing() == "finished"


@pytest.mark.usefixtures("fresh")
def test_the_same_seed_and_day_give_the_same_city(city: Built, database: str) -> None:
    build(SMALL, today=TODAY)
    again = digest()
    _point_at(database)
    assert digest() == again


@pytest.mark.usefixtures("fresh")
def test_another_seed_gives_another_city(city: Built, database: str) -> None:
    build(replace(SMALL, seed=8), today=TODAY)
    other = digest()
    _point_at(database)
    assert digest() != other


@pytest.mark.usefixtures("fresh")
def test_a_city_that_was_cut_off_can_be_told_and_lets_nobody_in(city: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    class CutOff(Exception):
        pass

    def cut_off(*_: object, **__: object) -> None:
        raise CutOff

    assert standing() == "none"
    monkeypatch.setattr(building.monthly_assessment, "assess", cut_off)
    with pytest.raises(CutOff):
        build(SMALL, today=TODAY)
    assert standing() == "unfinished"
    with pytest.raises(SignInRefused):
        sign_in("vip", PASSWORD, at=now(), address="", agent="")
