"""参保登记 on two time axes: what was known at an instant can be read back, nothing is edited, and nobody is insured twice in a type."""

from datetime import datetime

import pytest
from django.db import IntegrityError

from shebao.base.terms import Insurance
from shebao.enrolment import operations as enrolment
from shebao.enrolment.operations import NewSpell, NewWage, NothingOpenError, OverlapError, Stop
from shebao.enrolment.queries import headcount, staff, standings
from shebao.parties.operations import NewPerson, register_people
from tests.db import support
from tests.db.support import ENGINE, FULL, acting, as_owner, ask, attempt, moment

DENIED, RESTRICT, EXCLUDED, CHECK = "42501", "23001", "23P01", "23514"
PENSION, MEDICAL = Insurance.PENSION.flag, Insurance.MEDICAL.flag
pytestmark = pytest.mark.usefixtures("units")
UNITS: list[int] = []


@pytest.fixture(scope="module")
def units(database: str) -> None:
    support.make_agency()
    UNITS[:] = [support.make_unit("甲"), support.make_unit("乙")]


def person() -> tuple[int, str]:
    number = support.new_id_number()
    with acting(ENGINE):
        return register_people([NewPerson(number, "张三")], at=moment(202501))[number], number


def start(who: int, unit: int, mask: int, month: int, *, at: datetime, wage_fen: int = 600_000) -> None:
    with acting(ENGINE):
        enrolment.start([NewSpell(who, unit, 1, mask, month, wage_fen, None)], at=at)


def stop(who: int, unit: int, month: int, *, at: datetime) -> None:
    with acting(ENGINE):
        enrolment.stop([Stop(who, unit, month, "6301", None)], at=at)


def change(who: int, unit: int, month: int, wage_fen: int, *, at: datetime) -> None:
    with acting(ENGINE):
        enrolment.declare_wages([NewWage(who, unit, 1, month, wage_fen, None)], at=at)


def known(table: str, columns: str, who: int, at: datetime) -> list[tuple[object, ...]]:
    """What the register held true at an instant."""
    return ask(
        f"select {columns} from {table} where person_id = %s and known_from <= %s and (known_to is null or known_to > %s)"
        " order by from_month",
        [who, at, at],
    )


def test_what_was_known_at_any_instant_can_be_read_back() -> None:
    (who, _), unit = person(), UNITS[0]
    start(who, unit, FULL, 202501, at=moment(202501))
    change(who, unit, 202504, 700_000, at=moment(202503))
    stop(who, unit, 202507, at=moment(202506))
    start(who, unit, FULL, 202510, at=moment(202510), wage_fen=900_000)
    change(who, unit, 202511, 950_000, at=moment(202510, 20))
    spell, wage = ("enrolment_spell", "from_month, to_month, stop_reason"), ("enrolment_wage", "from_month, to_month, wage_fen")
    history = {
        moment(202501, 9): ([], []),
        moment(202502): ([(202501, None, "")], [(202501, None, 600_000)]),
        moment(202503, 11): ([(202501, None, "")], [(202501, 202504, 600_000), (202504, None, 700_000)]),
        moment(202506, 11): ([(202501, 202507, "6301")], [(202501, 202504, 600_000), (202504, 202507, 700_000)]),
        moment(202510, 11): (
            [(202501, 202507, "6301"), (202510, None, "")],
            [(202501, 202504, 600_000), (202504, 202507, 700_000), (202510, None, 900_000)],
        ),
        moment(202612): (
            [(202501, 202507, "6301"), (202510, None, "")],
            [(202501, 202504, 600_000), (202504, 202507, 700_000), (202510, 202511, 900_000), (202511, None, 950_000)],
        ),
    }
    for at, (spells, wages) in history.items():
        assert known(*spell, who, at) == spells, at
        assert known(*wage, who, at) == wages, at


def test_a_wage_declared_twice_for_the_same_month_replaces_the_first_and_keeps_its_trace() -> None:
    (who, _), unit = person(), UNITS[0]
    start(who, unit, FULL, 202501, at=moment(202501))
    change(who, unit, 202503, 700_000, at=moment(202502))
    change(who, unit, 202503, 710_000, at=moment(202502, 20))
    columns = ("enrolment_wage", "from_month, to_month, wage_fen")
    assert known(*columns, who, moment(202502, 15)) == [(202501, 202503, 600_000), (202503, None, 700_000)]
    assert known(*columns, who, moment(202512)) == [(202501, 202503, 600_000), (202503, None, 710_000)]


def test_a_stop_before_cover_began_leaves_no_cover() -> None:
    (who, number), unit = person(), UNITS[0]
    start(who, unit, FULL, 202512, at=moment(202511))
    stop(who, unit, 202512, at=moment(202511, 20))
    with acting(ENGINE):
        assert standings([number])[number].covers == ()
    assert known("enrolment_spell", "from_month", who, moment(202511, 15)) == [(202512,)]


def test_a_row_is_closed_once_and_never_edited() -> None:
    who, _ = person()
    start(who, UNITS[0], FULL, 202501, at=moment(202501))
    for table, column in (("enrolment_spell", "insurance_mask"), ("enrolment_wage", "wage_fen")):
        for actor, alias in ((ENGINE, "default"), (None, "owner")):
            change_it = f"update {table} set {{}} where person_id = {who}"
            assert attempt(actor, change_it.format(f"{column} = 1"), alias=alias) == RESTRICT
            assert attempt(actor, change_it.format(f"known_to = now(), {column} = 1"), alias=alias) == RESTRICT
            assert attempt(actor, change_it.format("to_month = 202512"), alias=alias) == RESTRICT
            assert attempt(actor, change_it.format("known_to = null"), alias=alias) == RESTRICT
            assert attempt(actor, change_it.format("known_to = now()"), alias=alias) == 1
        assert attempt(ENGINE, f"delete from {table} where person_id = {who}") == DENIED
    stop(who, UNITS[0], 202503, at=moment(202502))
    assert (
        attempt(None, f"update enrolment_spell set known_to = now() where person_id = {who} and known_to is not null", alias="owner")
        == RESTRICT
    )


@pytest.mark.parametrize(
    ("mask", "first", "overlaps"),
    [
        (FULL, 202503, True),
        (PENSION, 202501, True),  # one type in common is enough
        (PENSION | Insurance.MATERNITY.flag, 202506, True),  # the last month
        (FULL, 202507, False),  # the next one
        (MEDICAL, 202503, False),  # nothing in common
        (Insurance.MATERNITY.flag, 202501, False),
    ],
)
def test_overlaps_are_refused_per_person_type_and_month_across_units(mask: int, first: int, overlaps: bool) -> None:
    held = FULL & ~MEDICAL
    for unit in UNITS:
        who, _ = person()
        start(who, UNITS[0], held, 202501, at=moment(202501))
        stop(who, UNITS[0], 202507, at=moment(202506))
        if overlaps:
            with pytest.raises(OverlapError, match="此人在同一时间被另一单位办理了参保"):
                start(who, unit, mask, first, at=moment(202506, 20))
            assert ask("select count(*) from enrolment_spell where person_id = %s and known_to is null", [who]) == [(1,)]
            assert ask("select count(*) from enrolment_wage where person_id = %s and known_to is null", [who]) == [(1,)]
        else:
            start(who, unit, mask, first, at=moment(202506, 20))


def test_the_database_itself_refuses_overlaps_and_nonsense() -> None:
    who, _ = person()
    start(who, UNITS[0], PENSION, 202501, at=moment(202501))
    insert = """insert into enrolment_spell
                (person_id, unit_id, agency_id, insurance_mask, from_month, to_month, stop_reason, known_from, known_to)
                values (%s, %s, 1, %s, %s, %s, '', now(), %s)"""
    given = {
        (PENSION, 202601, None, None): EXCLUDED,
        (63, 202412, 202502, None): EXCLUDED,
        (PENSION, 202401, 202501, None): 1,  # ends where the other begins
        (MEDICAL, 202501, None, None): 1,
        (PENSION, 202501, None, moment(202501)): 1,  # no longer held true
        (0, 202501, None, None): CHECK,
        (64, 202501, None, None): CHECK,
        (MEDICAL, 202502, 202502, None): CHECK,
        (MEDICAL, 202513, None, None): CHECK,
        (MEDICAL, 202500, None, None): CHECK,
    }
    for (mask, first, end, known_to), answer in given.items():
        for actor, alias in ((ENGINE, "default"), (None, "owner")):
            assert attempt(actor, insert, [who, UNITS[1], mask, first, end, known_to], alias=alias) == answer, (mask, first, end)
    wage = "insert into enrolment_wage (person_id, unit_id, agency_id, wage_fen, from_month, known_from) values (%s, %s, 1, %s, %s, now())"
    assert attempt(ENGINE, wage, [who, UNITS[0], 1, 202601]) == EXCLUDED
    assert attempt(ENGINE, wage, [who, UNITS[1], 1, 202601]) == 1
    assert attempt(ENGINE, wage, [who, UNITS[1], 0, 202601]) == CHECK


def test_stopping_or_changing_somebody_who_is_not_here_changes_nothing() -> None:
    (here, _), (away, _) = person(), person()
    start(here, UNITS[0], FULL, 202501, at=moment(202501))
    start(away, UNITS[1], FULL, 202501, at=moment(202501))
    before = as_owner("select * from enrolment_spell order by id"), as_owner("select * from enrolment_wage order by id")
    with pytest.raises(NothingOpenError, match="此人已不在本单位参保，请刷新后核对"), acting(ENGINE):
        enrolment.stop([Stop(p, UNITS[0], 202507, "6301", None) for p in (here, away)], at=moment(202506))
    with pytest.raises(NothingOpenError, match="此人已不在本单位参保，请刷新后核对"), acting(ENGINE):
        enrolment.declare_wages([NewWage(p, UNITS[0], 1, 202507, 1, None) for p in (here, away)], at=moment(202506))
    assert (as_owner("select * from enrolment_spell order by id"), as_owner("select * from enrolment_wage order by id")) == before


def test_one_person_in_two_units_with_different_types_has_two_covers_and_two_wages() -> None:
    who, number = person()
    start(who, UNITS[0], FULL & ~Insurance.INJURY.flag, 202501, at=moment(202501), wage_fen=500_000)
    start(who, UNITS[1], Insurance.INJURY.flag, 202501, at=moment(202501), wage_fen=300_000)
    with acting(ENGINE):
        covers = standings([number])[number].covers
    assert {(c.unit_id, c.wage_fen, bool(c.insurance_mask & Insurance.INJURY.flag)) for c in covers} == {
        (UNITS[0], 500_000, False),
        (UNITS[1], 300_000, True),
    }
    change(who, UNITS[1], 202502, 310_000, at=moment(202501, 20))
    stop(who, UNITS[0], 202502, at=moment(202501, 21))
    with acting(ENGINE):
        after = {c.unit_id: (c.to_month, c.wage_fen) for c in standings([number])[number].covers}
    assert after == {UNITS[0]: (202502, 500_000), UNITS[1]: (None, 310_000)}


def test_people_are_registered_once_and_the_roster_of_a_month_counts_who_was_there() -> None:
    unit = support.make_unit("花名册")
    numbers = support.hire(unit, 4, month=202501, at=moment(202501))
    with acting(ENGINE):
        first = register_people([NewPerson(numbers[0], "另一个名字")], at=moment(202502))
    assert ask("select name from parties_person where id = %s", [first[numbers[0]]]) == [("张三甲",)]
    stop(support.person_ids(numbers)[3], unit, 202503, at=moment(202502))
    with acting(support.operator(unit)):
        assert [headcount(unit, m) for m in (202412, 202501, 202502, 202503)] == [0, 4, 4, 3]
        page = staff(unit, 202502, limit=3)
        assert [m.id_number for m in page + staff(unit, 202502, after=page[-1].person_id, limit=3)] == numbers
        assert [m.name for m in staff(unit, 202502, search="乙")] == ["张三乙"]
        assert [m.id_number for m in staff(unit, 202502, search=numbers[2])] == [numbers[2]]
        assert staff(UNITS[0], 202502) == [] and headcount(UNITS[0], 202502) == 0


@pytest.mark.parametrize(
    ("column", "value"), [("id_number", "42010219950304901x"), ("id_number", "４２"), ("sex", "3"), ("name", ""), ("name", "张\n三")]
)
def test_the_register_of_people_refuses_what_no_document_says(column: str, value: str) -> None:
    words = {"number": "420000000099", "id_number": support.new_id_number(), "name": "张三", "sex": "1"} | {column: value}
    with pytest.raises(IntegrityError), acting(ENGINE):
        ask_insert = "insert into parties_person (number, id_number, name, sex, birth_date, ethnicity, mobile, registered_at)"
        ask(f"{ask_insert} values (%(number)s, %(id_number)s, %(name)s, %(sex)s, '1995-03-04', '01', '', now()) returning 1", words)
