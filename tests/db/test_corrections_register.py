"""信息订正 of what took effect: a new fact beside the old one, wages follow their spells, and months assessed before are settled to the fen."""

from datetime import datetime

import pytest

from shebao.base.terms import INSURANCES, Insurance
from shebao.enrolment.corrections import (
    OPEN,
    NotCoveredError,
    Period,
    SpellCorrection,
    SpellGoneError,
    WageCorrection,
    correct_spells,
    correct_wages,
    covering,
    find_spell,
    overlaid,
)
from shebao.enrolment.following import change_types, move_agency
from shebao.enrolment.operations import OverlapError
from shebao.levy.differences import Difference, Share, between, by_register, charged, left_out, refund_total, refunds_due, settle
from shebao.levy.models import Line
from tests.db import support
from tests.db.support import ENGINE, FULL, acting, as_owner, ask, assess, attempt, moment

DENIED, RESTRICT = "42501", "23001"
UNITS: list[int] = []
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()
    support.make_agency(2)
    UNITS[:] = [support.make_unit("甲"), support.make_unit("乙")]
    PEOPLE["late"] = hired(202603)  # register before the months are assessed
    PEOPLE["wage"] = hired(202601, 900_000)
    PEOPLE["gone"] = hired(202601)
    for month in (202601, 202602, 202603, 202604):
        assess(month)


PEOPLE: dict[str, int] = {}
AT = moment(202605, 12)


def hired(month: int, wage_fen: int = 800_000, unit: int = 0) -> int:
    (number,) = support.hire(UNITS[unit], wage_fen=wage_fen, month=month, at=moment(month))
    return support.person_ids([number])[0]


def spells(person: int) -> list[tuple[object, ...]]:
    return ask(
        "select from_month, to_month, insurance_mask from enrolment_spell where person_id = %s and known_to is null order by 1", [person]
    )


def wages(person: int) -> list[tuple[object, ...]]:
    return ask("select from_month, to_month, wage_fen from enrolment_wage where person_id = %s and known_to is null order by 1", [person])


def correct(person: int, first: int, to_month: int | None = None, *, old: int, cancelled: bool = False, case: int = 1) -> list[Difference]:
    """Correct a spell of the first unit, and settle what it means."""
    with acting(ENGINE):
        spell = find_spell(person, UNITS[0], old)
        assert spell is not None
        before = by_register([person])
        correct_spells(
            [SpellCorrection(spell.pk, spell.insurance_mask, first, to_month, "6301" if to_month else "", case, cancelled)], at=AT
        )
        found = between(before, by_register([person]), charged([person]))
        settle(found, {UNITS[0]: 1}, reason="参保起始月录错", case_id=case, at=AT)
        return found


def test_a_wage_is_overlaid_month_by_month_and_neighbours_stay() -> None:
    old = [Period(202601, 202607, 100), Period(202607, OPEN, 200)]
    assert overlaid(old, Period(202603, 202605, 9)) == [
        Period(202601, 202603, 100),
        Period(202603, 202605, 9),
        Period(202605, 202607, 100),
        Period(202607, OPEN, 200),
    ]
    assert overlaid(old, Period(202601, OPEN, 9)) == [Period(202601, OPEN, 9)]
    assert overlaid(old, Period(202606, 202608, 9))[1:] == [Period(202606, 202608, 9), Period(202608, OPEN, 200)]


def test_wages_are_cut_and_stretched_to_their_spells() -> None:
    old = [Period(202603, 202605, 100), Period(202605, OPEN, 200)]
    assert covering([(202601, OPEN)], old) == [Period(202601, 202605, 100), Period(202605, OPEN, 200)]
    assert covering([(202604, 202606)], old) == [Period(202604, 202605, 100), Period(202605, 202606, 200)]
    assert covering([(202512, 202601), (202605, OPEN)], old) == [Period(202512, 202601, 100), Period(202605, OPEN, 200)]
    assert covering([(202601, 202603), (202603, OPEN)], old) == [Period(202601, 202605, 100), Period(202605, OPEN, 200)]
    assert covering([], old) == [] and covering([(202601, OPEN)], []) == []


def test_an_earlier_first_month_is_charged_for_every_assessed_month_to_the_fen() -> None:
    person = PEOPLE["late"]
    found = correct(person, 202601, old=202603)
    # 8,000.00 at the rates of 2026: pension 1280+640, unemployment 56+24, injury class 1 16, medical 696+160, large 7 = 2,879 a month
    assert {d.month for d in found} == {202601, 202602}
    assert sum(d.up_fen for d in found) == 2 * 287_900 and not any(d.down_fen for d in found)
    with acting(ENGINE):
        lines = Line.objects.filter(person_id=person)
        assert sum(line.unit_fen + line.person_fen for line in lines) == 575_800
        assert {line.base_fen for line in lines if line.insurance == Insurance.PENSION} == {800_000}
    assert spells(person) == [(202601, None, FULL)] and wages(person) == [(202601, None, 800_000)]
    # The old fact stays beside the new one
    assert ask("select from_month from enrolment_spell where person_id = %s and known_to = %s", [person, AT]) == [(202603,)]


def test_correcting_it_back_makes_what_was_charged_too_much_a_refund_due_and_again_a_charge() -> None:
    person = PEOPLE["late"]
    found = correct(person, 202603, old=202601, case=2)
    assert sum(d.down_fen for d in found) == 575_800 and not any(d.up_fen for d in found)
    with acting(ENGINE):
        assert sum(r.unit_fen + r.person_fen for r in refunds_due(person_id=person)) == 575_800 == refund_total(UNITS[0])
        assert charged([person]).get((UNITS[0], person, 202601, Insurance.PENSION)) is not None
        assert charged([person])[UNITS[0], person, 202601, Insurance.PENSION].total_fen == 0
    again = correct(person, 202602, old=202603, case=3)
    assert {d.month for d in again} == {202602} and sum(d.up_fen for d in again) == 287_900


def test_an_earlier_end_gives_back_exactly_the_months_after_it() -> None:
    person = PEOPLE["gone"]
    found = correct(person, 202601, 202603, old=202601, case=4)
    assert {d.month for d in found} == {202603, 202604}
    assert sum(d.down_fen for d in found) == 2 * 287_900
    assert spells(person) == [(202601, 202603, FULL)] and wages(person) == [(202601, 202603, 800_000)]


def test_a_spell_that_should_never_have_been_is_cancelled_and_all_its_months_are_due_back() -> None:
    person = PEOPLE["gone"]
    found = correct(person, 202601, old=202601, cancelled=True, case=5)
    assert {d.month for d in found} == {202601, 202602} and sum(d.down_fen for d in found) == 2 * 287_900
    assert spells(person) == [] and wages(person) == []


def test_a_wage_of_past_months_moves_the_due_by_the_difference_of_the_clamped_bases() -> None:
    person = PEOPLE["wage"]
    with acting(ENGINE):
        before = by_register([person])
        correct_wages([WageCorrection(person, UNITS[0], 202602, 202604, 1_000_000, 6)], at=AT)
        found = between(before, by_register([person]), charged([person]))
        settle(found, {UNITS[0]: 1}, reason="工资录错", case_id=6, at=AT)
    assert wages(person) == [(202601, 202602, 900_000), (202602, 202604, 1_000_000), (202604, None, 900_000)]
    assert {d.month for d in found} == {202602, 202603}
    # 1,000.00 more: pension 24 %, unemployment 1 %, injury 0.2 %, medical 10.7 % = 35.9 %; the flat 7 yuan do not move
    assert sum(d.up_fen for d in found) == 2 * 35_900
    assert Insurance.LARGE_MEDICAL not in {d.insurance for d in found}
    assert {d.due.base_fen - d.charged.base_fen for d in found} == {100_000}
    with acting(ENGINE):
        before = by_register([person])
        correct_wages([WageCorrection(person, UNITS[0], 202602, 202603, 100_000, 7)], at=AT)  # below the floor of 4,498.00
        down = between(before, by_register([person]), charged([person]))
        settle(down, {UNITS[0]: 1}, reason="工资录错", case_id=7, at=AT)
    fund = next(d for d in down if d.insurance is Insurance.PENSION)
    assert (fund.due.base_fen, fund.charged.base_fen) == (449_800, 1_000_000)
    assert fund.down_fen == 132_048  # 24 % of 5,502.00


def test_what_was_written_off_stays_closed_to_corrections() -> None:
    key, other = (1, 2, 202601, Insurance.PENSION), (1, 2, 202602, Insurance.PENSION)
    before, after = {key: Share(1, 10, 5), other: Share(1, 10, 5)}, {key: Share(2, 20, 10), other: Share(2, 20, 10)}
    found = between(before, after, before, frozenset({key}))
    assert [(d.month, d.up_fen) for d in found] == [(202602, 15)]


def test_the_next_bill_takes_the_charges_of_corrections() -> None:
    assess(202605)
    with acting(ENGINE):
        lines = Line.objects.filter(unit_id=UNITS[0])
        assert lines and all(line.bill_id is not None for line in lines)
        (bill,) = support.Bill.objects.filter(unit_id=UNITS[0], month=202605)
        sums = (
            "select origin, sum(unit_fen + person_fen) from levy_billline where bill_id = %s and origin <> 'normal' group by 1 order by 1"
        )
        assert as_owner(sums, [bill.pk]) == [("back", 575_800 + 287_900), ("diff", 71_800)], "补缴 of uncovered months, 补差 of a wage"


def test_a_month_before_the_first_assessed_one_is_known_to_be_left_out() -> None:
    with acting(ENGINE):
        assert left_out(support.PLACE, [202511, 202512, 202601, 202604, 202606]) == [202511, 202512]


def test_a_corrected_spell_may_not_overlap_another_unit_nor_be_corrected_twice_at_once() -> None:
    person = hired(202607, unit=0)
    with acting(ENGINE):
        spell = find_spell(person, UNITS[0], 202607)
        assert spell is not None
        correct_spells([SpellCorrection(spell.pk, FULL, 202607, 202609, "6301", None)], at=AT)
        with pytest.raises(SpellGoneError):
            correct_spells([SpellCorrection(spell.pk, FULL, 202608, None, "", None)], at=AT)
        from shebao.enrolment import operations as enrolment

        enrolment.start([enrolment.NewSpell(person, UNITS[1], 1, FULL, 202609, 800_000, None)], at=AT)
        mine = find_spell(person, UNITS[0], 202607)
        assert mine is not None
    for end in (None, 202610):
        with pytest.raises(OverlapError), acting(ENGINE):
            correct_spells([SpellCorrection(mine.pk, FULL, 202607, end, "6301" if end else "", None)], at=AT)
    assert spells(person) == [(202607, 202609, FULL), (202609, None, FULL)]


@pytest.mark.parametrize(
    ("first", "end", "ok"), [(202603, 202605, True), (202602, 202605, False), (202604, 202606, False), (202603, None, False)]
)
def test_a_wage_is_corrected_within_the_covered_months_only(first: int, end: int | None, ok: bool) -> None:
    person = hired(202603)
    with acting(ENGINE):
        spell = find_spell(person, UNITS[0], 202603)
        assert spell is not None
        correct_spells([SpellCorrection(spell.pk, FULL, 202603, 202605, "6301", None)], at=AT)
    try:
        with acting(ENGINE):
            correct_wages([WageCorrection(person, UNITS[0], first, end, 700_000, None)], at=AT)
        assert ok
    except NotCoveredError as error:
        assert not ok and "不在本单位参保" in error.text


def test_two_corrections_of_one_spell_in_the_same_second_leave_one() -> None:
    people = [hired(202607) for _ in range(6)]
    with acting(ENGINE):
        found = [find_spell(person, UNITS[0], 202607) for person in people]

    def act(i: int, racer: int) -> str:
        spell = found[i]
        assert spell is not None
        with acting(ENGINE):
            correct_spells([SpellCorrection(spell.pk, FULL, 202608 + racer, None, "", racer)], at=datetime.now(AT.tzinfo))
        return "done"

    for i, outcome in enumerate(support.race(6, 3, act)):
        assert outcome.count("done") == 1 and sum(isinstance(o, SpellGoneError) for o in outcome) == 2
        assert len(spells(people[i])) == 1


def test_refunds_due_are_written_by_the_engine_and_never_change() -> None:
    columns = "unit_id, person_id, agency_id, month, insurance, base_fen, unit_fen, person_fen, reason, recorded_at"
    insert = f"insert into levy_refunddue ({columns}) select {columns} from levy_refunddue limit 1"
    for actor in (support.operator(UNITS[0]), support.reviewer()):
        assert attempt(actor, insert) == DENIED
    assert attempt(None, "update levy_refunddue set unit_fen = 1", alias="owner") == RESTRICT
    assert attempt(ENGINE, "delete from levy_refunddue") == DENIED
    assert attempt(support.operator(UNITS[1]), "select 1 from levy_refunddue") == 0
    assert attempt(support.operator(UNITS[0]), "select 1 from levy_refunddue") > 0  # type: ignore[operator]


def test_staff_follow_their_units_types_from_a_month_on() -> None:
    unit, few = support.make_unit("改险种"), FULL & ~Insurance.MEDICAL.flag
    (number,) = support.hire(unit, month=202606, mask=few, at=moment(202606))
    with acting(ENGINE):
        assert change_types(unit, FULL, 202608, case_id=9, at=moment(202607)) == 1
        assert change_types(unit, FULL, 202609, case_id=9, at=moment(202607)) == 0
    (person,) = support.person_ids([number])
    assert spells(person) == [(202606, 202608, few), (202608, None, FULL)]
    assert len(INSURANCES) == 6


def test_a_unit_that_moves_to_another_agency_takes_its_people_along() -> None:
    unit = support.make_unit("迁移")
    (number,) = support.hire(unit, month=202606, at=moment(202606))
    (person,) = support.person_ids([number])
    assert ask("select 1 from parties_person where id = %s", [person], actor=support.reviewer(agency=2)) == []
    with acting(ENGINE):
        assert move_agency(unit, 2, at=moment(202607)) == 1
        assert move_agency(unit, 2, at=moment(202607)) == 0
    assert ask("select 1 from parties_person where id = %s", [person], actor=support.reviewer(agency=2)) == [(1,)]
    assert spells(person) == [(202606, None, FULL)] and len(wages(person)) == 1
