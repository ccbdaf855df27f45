"""年度申报 in the register: a yearly wage holds from the year's first month, disturbs nothing that begins later, and nobody who left."""

from typing import Any

import pytest

from shebao.enrolment import operations as enrolment
from shebao.enrolment.annual import (
    NewRetiree,
    OtherUnitError,
    YearWage,
    declare_retirees,
    declare_year,
    end_retirees,
)
from shebao.enrolment.annual_queries import retiree_standings, retirees, year_missing, year_staff, year_standings
from shebao.enrolment.operations import NewWage, NothingOpenError, Stop
from shebao.parties.operations import NewPerson, register_people
from tests.db import support
from tests.db.support import ENGINE, acting, ask, hire, make_unit, moment, new_id_number, person_ids

FIRST, YEAR = 202701, 2027
AT = moment(202611)
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()


def declared(unit: int, numbers: list[str], fen: int = 900_000, *, month: int = FIRST, at: Any = AT) -> None:
    with acting(ENGINE):
        declare_year([YearWage(p, unit, 1, YEAR, month, fen, None) for p in person_ids(numbers)], at=at)


def wages(unit: int, number: str) -> list[tuple[int, int | None, int]]:
    """(from, to, fen) as known now, oldest first."""
    rows = ask(
        "select from_month, to_month, wage_fen from enrolment_wage where unit_id = %s and person_id = %s and known_to is null order by 1",
        [unit, person_ids([number])[0]],
    )
    return [(a, b, c) for a, b, c in rows]


def change(unit: int, number: str, month: int, fen: int) -> None:
    with acting(ENGINE):
        enrolment.declare_wages([NewWage(person_ids([number])[0], unit, 1, month, fen, None)], at=AT)


def test_the_yearly_wage_holds_from_the_first_month_and_the_months_before_keep_theirs() -> None:
    unit = make_unit()
    numbers = hire(unit, 3, month=202609)
    declared(unit, numbers)
    assert wages(unit, numbers[1]) == [(202609, 202701, 800_001), (202701, None, 900_000)]
    assert ask("select count(*), min(year) from enrolment_annualwage where unit_id = %s", [unit]) == [(3, YEAR)]


def test_a_wage_that_was_declared_to_begin_later_is_not_disturbed() -> None:
    unit = make_unit()
    (number,) = hire(unit, month=202609)
    change(unit, number, 202703, 1_200_000)
    declared(unit, [number])
    assert wages(unit, number) == [(202609, 202701, 800_000), (202701, 202703, 900_000), (202703, None, 1_200_000)]


def test_a_wage_that_begins_in_the_very_month_gives_way_and_one_a_month_before_ends() -> None:
    unit = make_unit()
    same, before = hire(unit, 2, month=202609)
    change(unit, same, 202701, 700_000)
    change(unit, before, 202612, 710_000)
    declared(unit, [same, before])
    assert wages(unit, same) == [(202609, 202701, 800_000), (202701, None, 900_000)]
    assert wages(unit, before)[-2:] == [(202612, 202701, 710_000), (202701, None, 900_000)]


def test_declaring_again_takes_the_place_of_the_first_and_both_stay_on_record() -> None:
    unit = make_unit()
    (number,) = hire(unit, month=202609)
    declared(unit, [number])
    declared(unit, [number], 950_000, at=moment(202612))
    assert wages(unit, number) == [(202609, 202701, 800_000), (202701, None, 950_000)]
    rows = ask("select wage_fen, known_to is null from enrolment_annualwage where unit_id = %s order by id", [unit])
    assert rows == [(900_000, False), (950_000, True)]
    assert ask("select count(*) from enrolment_wage where unit_id = %s", [unit])[0][0] == 4


def test_of_many_one_who_was_stopped_meanwhile_stops_all_and_nothing_is_changed() -> None:
    unit = make_unit()
    numbers = hire(unit, 2, month=202609)
    with acting(ENGINE):
        enrolment.stop([Stop(person_ids(numbers)[1], unit, 202612, "6301", None)], at=AT)
    with pytest.raises(NothingOpenError):
        declared(unit, numbers)
    assert wages(unit, numbers[0]) == [(202609, None, 800_000)] and wages(unit, numbers[1]) == [(202609, 202612, 800_001)]
    assert ask("select count(*) from enrolment_annualwage where unit_id = %s", [unit]) == [(0,)]


def test_a_stop_and_a_declaration_of_the_same_second_leave_no_open_wage_behind() -> None:
    unit = make_unit()
    numbers = hire(unit, 8, month=202609)
    people = person_ids(numbers)

    def act(i: int, racer: int) -> None:
        with acting(ENGINE):
            if racer:
                enrolment.stop([Stop(people[i], unit, 202612, "6301", None)], at=AT)
            else:
                declare_year([YearWage(people[i], unit, 1, YEAR, FIRST, 900_000, None)], at=AT)

    outcomes = support.race(8, 2, act)
    assert all(isinstance(first, NothingOpenError | None) and second is None for first, second in outcomes), outcomes
    assert ask("select count(*) from enrolment_wage where unit_id = %s and known_to is null and to_month is null", [unit]) == [(0,)]


def test_who_is_to_be_declared_and_who_is_missing() -> None:
    unit = make_unit()
    stays, leaves, late, early = (hire(unit, month=m)[0] for m in (202609, 202609, 202702, 202701))
    with acting(ENGINE):
        enrolment.stop([Stop(person_ids([leaves])[0], unit, 202701, "6301", None)], at=AT)
        staff = list(year_staff(unit, FIRST))
        assert {m.id_number for m in staff} == {stays, early} and {m.wage_fen for m in staff} == {800_000}
        count, missing = year_missing(unit, FIRST, stays)
        assert (count, [m.id_number for m in missing]) == (1, [early])
        assert year_missing(unit, FIRST, ",".join([stays, early, late])) == (0, [])
        assert year_missing(unit, FIRST, "")[0] == 2
    declared(unit, [stays])
    with acting(ENGINE):
        found = year_standings([stays, leaves, late, new_id_number()], unit, YEAR, FIRST)
    assert found[stays].declared_fen == 900_000 and found[stays].open_from == 202609
    assert (found[leaves].open_from, found[leaves].ended) == (None, 202701)
    assert found[late].open_from == 202702 and len(found) == 3


def test_standing_tells_later_and_equal_wages() -> None:
    unit = make_unit()
    later, equal, joined = hire(unit, 2, month=202609) + hire(unit, month=202701)
    change(unit, later, 202702, 910_000)
    change(unit, equal, 202701, 920_000)
    with acting(ENGINE):
        found = year_standings([later, equal, joined], unit, YEAR, FIRST)
    assert (found[later].later_month, found[later].later_fen, found[later].exact) == (202702, 910_000, False)
    assert (found[equal].wage_fen, found[equal].exact, found[equal].later_month) == (920_000, True, None)
    assert found[joined].exact is False and found[joined].wage_fen == 800_000


def person(name: str = "李四甲") -> tuple[str, int]:
    number = new_id_number()
    with acting(ENGINE):
        return number, register_people([NewPerson(number, name)], at=AT)[number]


def retired(unit: int, person_id: int, fen: int = 350_000, month: int = FIRST, kind: str = "outside") -> None:
    with acting(ENGINE):
        declare_retirees([NewRetiree(person_id, unit, 1, kind, fen, month, None)], at=AT)


def test_a_retirees_pension_is_declared_year_after_year_and_ends() -> None:
    unit = make_unit()
    number, who = person()
    retired(unit, who, 300_000, 202601)
    retired(unit, who, 350_000, 202701, "public")
    query = (
        "select from_month, to_month, pension_fen, kind from enrolment_outsideretiree where person_id = %s and known_to is null order by 1"
    )
    assert ask(query, [who]) == [(202601, 202701, 300_000, "outside"), (202701, None, 350_000, "public")]
    with acting(ENGINE):
        assert [(r.id_number, r.pension_fen) for r in retirees(unit, 202701)] == [(number, 350_000)]
        end_retirees([who], unit, 202705, case_id=None, at=AT)
        assert [r.to_month for r in retirees(unit, 202704)] == [202705] and list(retirees(unit, 202705)) == []
        end_retirees([who], unit, 202601, case_id=None, at=AT)
    assert ask(query, [who]) == []


def test_a_retiree_stands_on_one_units_register_even_in_a_race() -> None:
    one, two = make_unit("甲公司"), make_unit("乙公司")
    people = [person()[1] for _ in range(6)]
    outcomes = support.race(6, 2, lambda i, racer: retired((one, two)[racer], people[i]))
    assert all(sorted(type(o) for o in pair if o is not None) == [OtherUnitError] for pair in outcomes), outcomes
    number, who = person("王五乙")
    retired(one, who)
    with acting(ENGINE):
        seen = retiree_standings([number], two, FIRST)[number]
    assert seen.other_unit == "甲公司" and seen.here is None and seen.staff_of == ""
