"""What is known of people and units, on two time axes: changed, corrected, read back for any instant, and never edited."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shebao.audit.models import Event
from shebao.base.clock import ZONE
from shebao.parties.as_of import history_of_person, history_of_unit, known_since, person_as_of, unit_as_of
from shebao.parties.changes import Change, IdentityTakenError, NotYetTrueError, UnknownPartyError, change_people, change_units
from shebao.parties.facts import PERSON_FIELDS, UNIT_FIELDS, shown
from shebao.parties.models import Person, PersonFact, Unit, UnitFact, UnitKind
from shebao.parties.operations import NewPerson, register_people
from tests.db import support
from tests.db.support import ENGINE, acting, as_owner, attempt, moment, operator, race

RESTRICT, EXCLUDED, UNIQUE, CHECK, DENIED = "23001", "23P01", "23505", "23514", "42501"
pytestmark = pytest.mark.usefixtures("town")
UNIT: list[int] = []


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency(1), support.make_agency(2)
    UNIT[:] = [support.make_unit("甲"), support.make_unit("乙", agency=2)]


def person(at: datetime | None = None) -> int:
    number = support.new_id_number()
    with acting(ENGINE):
        return register_people([NewPerson(number, "张三", mobile="13900000001")], at=at or moment(202501))[number]


def change(who: int, day: date, at: datetime, *, correction: bool = False, case: int | None = None, **values: str) -> int:
    with acting(ENGINE):
        return change_people([Change(who, values, day, case, correction)], at=at)


def known(who: int, field: str, known_at: datetime, on: date | None = None) -> str | None:
    with acting(ENGINE):
        found = person_as_of([who], known_at, on).get(who)
    return found[field] if found else None


def test_a_change_is_true_from_its_day_and_known_from_its_instant() -> None:
    who = person()
    assert change(who, date(2026, 3, 10), moment(202603, 20), education="21", case=77) == 1
    assert known(who, "education", moment(202603, 19)) == ""  # not known yet
    assert known(who, "education", moment(202603, 20)) == "21"
    assert known(who, "education", moment(202603, 25), date(2026, 3, 9)) == ""  # known, and not yet true
    assert known(who, "education", moment(202603, 25), date(2026, 3, 10)) == "21"
    with acting(ENGINE):
        assert Person.objects.get(pk=who).education == "21"
        new, *_ = history_of_person(who)
    assert (new.label, new.value, new.case_id, new.account_name, new.correction) == ("文化程度", "大学本科", 77, "系统", False)
    assert known(who, "mobile", moment(202603, 25)) == "13900000001"  # never changed: the register row is the answer


def test_who_was_not_registered_yet_is_absent() -> None:
    who = person(moment(202503))
    assert known(who, "name", moment(202503, 10) - timedelta(seconds=1)) is None and known(who, "name", moment(202503, 10)) == "张三"


def test_a_correction_says_that_the_old_value_was_never_true() -> None:
    who = person()
    change(who, date(2026, 5, 1), moment(202605), name="张叁", correction=True)
    assert known(who, "name", moment(202605, 11), date(2025, 1, 1)) == "张叁"
    assert known(who, "name", moment(202604), date(2026, 4, 1)) == "张三"  # what was known then stays as it was known
    with acting(ENGINE):
        assert [(v.value, v.correction, v.true_from, v.known_to) for v in history_of_person(who)] == [
            ("张叁", True, None, None),
            ("张三", False, None, moment(202605)),
        ]


def test_many_are_changed_in_one_call_with_a_trace_that_names_fields_and_no_values() -> None:
    first, second = person(), person()
    with acting(ENGINE):
        changes = [
            Change(first, {"marriage": "2", "phone": "027-88880000"}, date(2026, 4, 1), 5),
            Change(second, {"home_address": "武汉市示例路 1 号", "birth_date": date(1990, 2, 3)}, date(2026, 4, 2), 6),
        ]
        assert change_people(changes, at=moment(202604)) == 2
        rows = {p.pk: p for p in Person.objects.filter(pk__in=[first, second])}
        events = list(Event.objects.filter(person_id__in=[first, second], action="person.changed").order_by("person_id"))
    assert (rows[first].marriage, rows[first].phone, rows[first].home_address) == ("2", "027-88880000", "")
    assert (rows[second].home_address, rows[second].birth_date, rows[second].marriage) == ("武汉市示例路 1 号", date(1990, 2, 3), "")
    assert [e.after["fields"] for e in events] == [["婚姻状况", "参保人联系电话"], ["居住地地址", "出生日期"]]
    assert "88880000" not in str([e.after for e in events])


def test_nothing_is_written_when_nothing_changes() -> None:
    who = person()
    assert change(who, date(2026, 4, 1), moment(202604), name="张三", mobile="13900000001") == 0
    with acting(ENGINE):
        assert history_of_person(who) == [] and not Event.objects.filter(person_id=who).exists()


def test_refused_with_a_sentence_unknown_people_days_to_come_and_numbers_of_others() -> None:
    who, other = person(), person()
    with acting(ENGINE):
        taken = Person.objects.get(pk=other).id_number
    with pytest.raises(UnknownPartyError):
        change(10**9, date(2026, 4, 1), moment(202604), name="李四")
    change(who, date(2026, 4, 10), moment(202604, 10), name="李四")  # today is no day to come
    with pytest.raises(NotYetTrueError):
        change(who, date(2026, 4, 11), moment(202604, 10), name="王五")
    with pytest.raises(IdentityTakenError):
        change(who, date(2026, 4, 10), moment(202604, 10), id_number=taken)
    with pytest.raises(ValueError, match="number"):
        change(who, date(2026, 4, 10), moment(202604, 10), number="1")
    assert known(who, "name", moment(202605)) == "李四"


def test_units_change_the_same_way_vip_and_empty_credit_codes_included() -> None:
    unit = UNIT[0]
    with acting(ENGINE):
        change_units([Change(unit, {"vip": False, "address": "武汉市示例路 2 号", "uscc": None}, date(2026, 2, 1), 9)], at=moment(202602))
        assert (Unit.objects.get(pk=unit).vip, Unit.objects.get(pk=unit).address) == (False, "武汉市示例路 2 号")
        before, after = (unit_as_of([unit], at)[unit] for at in (moment(202601), moment(202602, 11)))
        assert (before["vip"], before["address"]) == ("true", "") and (after["vip"], after["address"]) == ("false", "武汉市示例路 2 号")
        assert after.shown("vip") == "否" and after.values["uscc"] is None
        assert {v.field for v in history_of_unit(unit)} == {"vip", "address"}
        assert unit_as_of([unit], moment(202312)) == {}
        assert known_since() == date(2024, 1, 1)


def test_the_register_row_changes_with_its_fact_only() -> None:
    who = person()
    for actor, alias in ((ENGINE, "default"), (None, "owner")):
        assert attempt(actor, f"update parties_person set mobile = '13911112222' where id = {who}", alias=alias) == RESTRICT
        assert attempt(actor, f"update parties_unit set vip = not vip where id = {UNIT[0]}", alias=alias) == RESTRICT
        assert attempt(actor, f"update parties_unit set closed_on = '2026-01-01' where id = {UNIT[0]}", alias=alias) == 1


def test_facts_are_closed_and_never_edited_doubled_or_overlapped() -> None:
    who = person()
    change(who, date(2026, 4, 1), moment(202604), marriage="2")
    where = f"where person_id = {who} and known_to is null and true_to is null"
    for actor, alias in ((ENGINE, "default"), (None, "owner")):
        for sets in ("value = '1'", "true_from = '2025-01-01'", "case_id = 1", "known_to = now(), value = '1'", "known_to = null"):
            assert attempt(actor, f"update parties_personfact set {sets} {where}", alias=alias) == RESTRICT, sets
        assert attempt(actor, f"update parties_personfact set known_to = '2027-01-01' {where}", alias=alias) == 1
        closed = f"update parties_personfact set known_to = now() where person_id = {who} and known_to is not null"
        assert attempt(actor, closed, alias=alias) == RESTRICT
        insert = (
            "insert into parties_personfact (person_id, field, value, true_from, true_to, known_from, known_to, correction, account_name)"
        )
        row = "values ({}, 'marriage', '3', {}, {}, {}, {}, false, '')"
        for start, end, since, until in (
            ("'2026-05-01'", "null", "'2026-06-01'", "null"),  # two current versions
            ("'2026-05-01'", "'2026-06-01'", "'2026-06-01'", "null"),  # a stretch that another one holds
            ("null", "null", "'2026-04-10 09:00+08'", "'2026-04-11'"),  # a past instant that is told already
        ):
            assert attempt(actor, f"{insert} {row.format(who, start, end, since, until)}", alias=alias) in (EXCLUDED, UNIQUE)
        never = "'2020-01-01'"
        assert attempt(actor, f"{insert} {row.format(who, 'null', 'null', never, never)}", alias=alias) == CHECK
    assert attempt(ENGINE, f"delete from parties_personfact {where}") == DENIED


def test_a_unit_sees_the_facts_of_its_own_people_and_of_itself() -> None:
    (mine,), (theirs,) = support.hire(UNIT[0]), support.hire(UNIT[1], agency=2)
    a, b = support.person_ids([mine, theirs])
    with acting(ENGINE):
        change_people([Change(i, {"marriage": "1"}, date(2026, 11, 10)) for i in (a, b)], at=support.AT)
        change_units([Change(i, {"fax": "027-1"}, date(2026, 11, 10)) for i in UNIT], at=support.AT)
    for actor in (operator(UNIT[0]), support.reviewer(agency=1)):
        with acting(actor):
            assert set(PersonFact.objects.values_list("person_id", flat=True)) == {a}
            assert set(UnitFact.objects.values_list("unit_id", flat=True)) == {UNIT[0]}
            assert set(person_as_of([a, b], support.AT)) == {a}


def test_of_two_changes_in_the_same_instant_one_comes_after_the_other_and_none_is_lost() -> None:
    people = [person() for _ in range(12)]
    outcomes = race(12, 2, lambda i, racer: change(people[i], date(2026, 4, 1), moment(202604), mobile=f"1390000000{racer + 2}"))
    assert outcomes == [[1, 1]] * 12
    with acting(ENGINE):
        for who in people:
            told = history_of_person(who)
            assert len(told) == 4 or len(told) == 3, told
            assert Person.objects.get(pk=who).mobile == told[0].value == person_as_of([who], moment(202605))[who]["mobile"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["name", "mobile", "marriage"]), st.sampled_from("12345"), st.integers(0, 40), st.integers(0, 9), st.booleans()
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_row_is_always_the_newest_version_and_what_was_answered_for_a_past_instant_never_changes(
    steps: list[tuple[str, str, int, int, bool]],
) -> None:
    who, at = person(), moment(202601)
    asked: dict[tuple[datetime, date], dict[str, str | None]] = {}
    for field, value, days_back, hours, correction in steps:
        at += timedelta(hours=hours, minutes=1)
        day = at.astimezone(ZONE).date() - timedelta(days=days_back)
        change(who, day, at, correction=correction, **{field: value})
        with acting(ENGINE):
            row, now = Person.objects.get(pk=who), person_as_of([who], at)[who].values
            assert {f: now[f] for f in ("name", "mobile", "marriage")} == {"name": row.name, "mobile": row.mobile, "marriage": row.marriage}
            assert now[field] == value or correction
            for (instant, on), answer in asked.items():
                assert person_as_of([who], instant, on)[who].values == answer
            for on in (day - timedelta(days=1), day, at.date()):
                asked[(at, on)] = person_as_of([who], at, on)[who].values
            assert asked[(at, day)][field] == value


def test_the_fields_and_words_are_those_of_the_tables() -> None:
    for fields, model in ((PERSON_FIELDS, Person), (UNIT_FIELDS, Unit)):
        assert set(fields) <= {f.name for f in model._meta.get_fields()}
        (source,) = as_owner("select prosrc from pg_proc where proname = %s", [f"parties_{model.__name__.lower()}_by_facts"])[0]
        assert all(f"'{field}'" in source for field in fields), "the trigger guards every field that has facts"
    assert {kind.value: shown("kind", kind.value) for kind in UnitKind} == {kind.value: kind.label for kind in UnitKind}


def test_every_current_fact_is_what_the_register_row_says() -> None:
    for of in ("person", "unit"):
        wrong = as_owner(
            f"select f.{of}_id, f.field from parties_{of}fact f join parties_{of} r on r.id = f.{of}_id"
            " where f.known_to is null and f.true_to is null and f.value is distinct from to_jsonb(r) ->> f.field"
        )
        assert wrong == []
        assert as_owner(f"select count(*) > 0 from parties_{of}fact") == [(True,)]
