"""重新核定 after a rule has changed: a trial owes nothing, another person releases it, differences are charged or kept as 待退差额 with
their reason; whatever was paid, deferred, determined at 110 % or written off is told apart."""

from datetime import date

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.months import shift
from shebao.base.terms import Insurance
from shebao.levy import recalculating, write_off
from shebao.levy.differences import charged
from shebao.levy.models import Bill, Line, MonthRules, Recalculation, RecalculationLine, RefundDue
from shebao.levy.recalculating import NothingChangedError, NotReleasableError, OpenTrialError, Piece, SamePersonError
from shebao.policy.rulebook import Rulebook, standard
from shebao.runs import recalculate
from tests.changed_rules import with_changed
from tests.db.support import AT, PLACE, ask, assess, attempt, declare, hire, make_agency, make_unit, moment, pay, person_ids

ONE, TWO = Actor(Role.ENGINE, 301, "财务甲"), Actor(Role.ENGINE, 302, "财务乙")
FIRST = 202501
# The floor of 2025, published later than assessed by: 4,498 becomes 4,600. Unemployment: the unit's 0.7 % becomes 0.5 %.
BASE = {"average_fen": 749_600, "floor_fen": 460_000, "cap_fen": 2_248_800}


def higher_floor() -> Rulebook:
    return with_changed("pension.base", date(2025, 1, 1), PLACE, BASE)


def lower_unemployment() -> Rulebook:
    return with_changed("unemployment.rate", date(2025, 1, 1), PLACE, {"unit_ppm": 5_000, "person_ppm": 3_000})


@pytest.fixture(scope="module")
def town(database: str) -> dict[str, int]:
    """Two units; in each one person at the floor and one well above it. Months 2025-01 to 2025-06 assessed by the standard rules."""
    make_agency(1)
    units = {}
    for name in ("甲示例公司", "乙示例公司"):
        unit = make_unit(name, vip=False, since=202401)
        hire(unit, 1, month=202401, wage_fen=300_000, at=moment(202401, 2))
        hire(unit, 1, month=202401, wage_fen=900_000, at=moment(202401, 2))
        units[name[0]] = unit
    for month in range(FIRST, FIRST + 6):
        assess(month, at=moment(month, 5))
    return units


def people(unit: int) -> list[int]:
    return [p for (p,) in ask("select person_id from enrolment_spell where unit_id = %s order by 1", [unit])]


def trial(first: int, last: int, rules: Rulebook, by: Actor = ONE) -> Recalculation:
    made = recalculate.trial(PLACE, first, last, by=by, clock=lambda: AT, rulebook=rules)
    return found(made)


def found(recalculation_id: int) -> Recalculation:
    with acting(ENGINE):
        return Recalculation.objects.get(pk=recalculation_id)


def lines(made: Recalculation) -> list[RecalculationLine]:
    with acting(ENGINE):
        return list(RecalculationLine.objects.filter(recalculation=made).order_by("month", "unit_id", "person_id", "insurance"))


def release(made: Recalculation, rules: Rulebook, by: Actor = TWO) -> recalculating.Released:
    with acting(by):
        return recalculating.release(made.pk, rules, at=AT)


def discard(made: Recalculation) -> None:
    with acting(ONE):
        recalculating.discard(made.pk, at=AT)


@pytest.fixture(autouse=True)
def no_trial_is_left_open(database: str):  # type: ignore[no-untyped-def]
    yield
    with acting(ENGINE):
        for left in Recalculation.objects.filter(state__in=("computing", "trial")):
            recalculating.discard(left.pk, at=AT)


def test_every_assessed_month_keeps_the_rules_it_was_assessed_by(town: dict[str, int]) -> None:
    with acting(ENGINE):
        kept = MonthRules.objects.get(place=PLACE, month=FIRST)
    ids = {rule["id"]: rule for rule in kept.rules}
    assert {"pension.base", "pension.rate", "medical.rate", "large_medical.amount"} <= set(ids)
    assert ids["pension.base"]["value"]["floor_fen"] == 449_800 and ids["pension.base"]["source"]


def test_with_the_same_rules_there_is_nothing_to_recalculate(town: dict[str, int]) -> None:
    with pytest.raises(NothingChangedError, match="与核定时相同"):
        trial(FIRST, FIRST + 1, standard())
    with pytest.raises(NothingChangedError, match="没有已核定的月份"):
        trial(202401, 202402, standard())


def test_a_trial_lists_who_differs_with_old_and_new_and_owes_nothing(town: dict[str, int]) -> None:
    made = trial(FIRST, FIRST, higher_floor())
    assert (made.state, made.people, made.computed_by, made.released_by) == ("trial", 2, 301, None)
    change = made.changes[str(FIRST)][0]
    assert change["id"] == "pension.base" and "4,498.00" in change["old"]["shown"] and "4,600.00" in change["new"]["shown"]
    told = {(x.unit_id, Insurance(x.insurance)): x for x in lines(made)}
    assert {insurance for _, insurance in told} == {Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY}, (
        "医疗 has a base of its own"
    )
    line = told[town["甲"], Insurance.PENSION]
    assert (line.base_fen, line.due_base_fen) == (449_800, 460_000)
    assert (line.unit_fen, line.person_fen, line.due_unit_fen, line.due_person_fen) == (71_968, 35_984, 73_600, 36_800)
    assert line.reason.startswith("养老：") and "示例文号〔2025〕1号" in line.reason
    with acting(ENGINE):
        assert not Line.objects.filter(origin="diff").exists() and not RefundDue.objects.exists()


def test_one_trial_at_a_time_and_nobody_releases_his_own(town: dict[str, int]) -> None:
    made = trial(FIRST, FIRST, higher_floor())
    with pytest.raises(OpenTrialError):
        trial(FIRST, FIRST, higher_floor())
    with pytest.raises(SamePersonError):
        release(made, higher_floor(), by=ONE)
    update = "update levy_recalculation set state = 'released', released_by = computed_by, released_at = now() where id = %s"
    assert attempt(ENGINE, update, [made.pk]) == "23514", "the database holds it too"


def test_a_trial_overtaken_by_another_change_of_rules_is_not_released(town: dict[str, int]) -> None:
    made = trial(FIRST, FIRST, higher_floor())
    with pytest.raises(NotReleasableError, match="参数又有变动"):
        release(made, lower_unemployment())


def test_released_the_differences_come_onto_the_next_bill_with_their_reason_and_not_twice(town: dict[str, int]) -> None:
    rules = higher_floor()
    made = trial(FIRST, FIRST + 1, rules)
    done = release(made, rules)
    assert (done.lines, done.up, done.down) == (12, 12, 0)
    with pytest.raises(NothingChangedError):
        trial(FIRST, FIRST + 1, rules)
    with pytest.raises(NotReleasableError):
        release(made, rules)
    low = people(town["甲"])[0]
    with acting(ENGINE):
        diffs = list(Line.objects.filter(person_id=low, month=FIRST, origin="diff").order_by("insurance"))
        so_far = charged([low], FIRST)
    assert [(x.insurance, x.unit_fen, x.person_fen, x.base_fen) for x in diffs] == [
        (110, 1_632, 816, 10_200),
        (210, 71, 31, 10_200),
        (410, 20, 0, 10_200),
    ]
    assert all("示例文号" in x.reason for x in diffs)
    assert so_far[town["甲"], low, FIRST, Insurance.PENSION].unit_fen == 73_600
    month = FIRST + 6
    assess(month, at=moment(month, 5))
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=town["甲"], month=month, kind="monthly")
        line = bill.lines.get(insurance=110, origin="diff")
    assert (line.unit_fen, line.person_fen, line.headcount) == (2 * 1_632, 2 * 816, 1)
    pay(bill, bill.total_fen, at=moment(month, 6))
    with acting(ENGINE):
        assert Bill.objects.get(pk=bill.pk).state == "paid"


def test_downwards_it_becomes_refundable_with_its_reason(town: dict[str, int]) -> None:
    rules, month = lower_unemployment(), FIRST + 2
    made = trial(month, month, rules)
    assert release(made, rules).down == 4
    with acting(ENGINE):
        rows = list(RefundDue.objects.filter(recalculation=made).order_by("id"))
    assert {(r.insurance, r.person_fen) for r in rows} == {(210, 0)} and all(r.unit_fen > 0 for r in rows)
    assert rows[0].reason == "失业：失业保险费率由“单位 0.7%，个人 0.3%”改为“单位 0.5%，个人 0.3%”（示例文号〔2025〕1号）"


def test_back_and_forth_ends_where_it_began(town: dict[str, int]) -> None:
    month = FIRST + 3
    one = people(town["甲"])
    with acting(ENGINE):
        before = charged(one, month)
    for rules in (lower_unemployment(), standard()):
        release(trial(month, month, rules), rules)
    with acting(ENGINE):
        assert charged(one, month) == before


def test_what_was_written_off_stays_so_and_says_why(town: dict[str, int]) -> None:
    other = make_unit("注销欠费公司", vip=False, since=202401)
    (person,) = person_ids(hire(other, 1, month=202501, wage_fen=300_000, at=moment(202501, 2)))
    month = FIRST + 7
    assess(month, at=moment(month, 5))
    with acting(ENGINE):
        write_off.write_off(
            [write_off.WriteOff(person, 1)], unit_id=other, agency_id=1, place=PLACE, on=moment(month, 6).date(), at=moment(month, 6)
        )
    rules = higher_floor()
    made = trial(month, month, rules)
    mine = [x for x in lines(made) if x.unit_id == other]
    assert {x.state for x in mine} == {"closed"} and {x.note for x in mine} == {recalculating.WRITTEN_OFF}
    release(made, rules)
    with acting(ENGINE):
        assert not Line.objects.filter(unit_id=other, origin="diff").exists()


def test_a_month_at_110_percent_waits_for_its_declaration_and_is_then_charged_by_each_recalculation_in_turn(town: dict[str, int]) -> None:
    other = make_unit("未申报公司", vip=False, since=202401)
    hire(other, 1, month=202501, wage_fen=300_000, at=moment(202501, 2))
    month = FIRST + 8
    assess(month, at=moment(month, 5))
    late = shift(month, 1)
    assess(late, at=moment(late, 5), declared=False)
    rules = higher_floor()
    made = trial(late, late, rules)
    mine = [x for x in lines(made) if x.unit_id == other]
    assert {x.state for x in mine} == {"held"} and {x.note for x in mine} == {recalculating.UNDECLARED}
    release(made, rules)
    with acting(ENGINE):
        assert not Line.objects.filter(unit_id=other, origin="diff").exists()
    again = with_changed("pension.base", date(2025, 1, 1), PLACE, BASE | {"floor_fen": 470_000})
    second = trial(late, late, again)
    release(second, again)
    declare(other, late, at=moment(late, 20))
    with acting(ENGINE):
        charged_now = {x.insurance: (x.unit_fen, x.person_fen) for x in Line.objects.filter(unit_id=other, origin="diff", month=late)}
    assert charged_now[110] == (1_632 + 1_600, 816 + 800), "from 4,498 to 4,600, and from there to 4,700"
    assert {x.state for made_ in (made, second) for x in lines(made_) if x.unit_id == other} == {"charged"}


def test_part_paid_and_deferred_months_are_told_apart(town: dict[str, int]) -> None:
    month = FIRST + 10
    assess(month, at=moment(month, 5))
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=town["甲"], month=month, kind="monthly")
    pay(bill, bill.total_fen // 2, at=moment(month, 6))
    made = trial(month, month, higher_floor())
    assert {x.note for x in lines(made) if x.unit_id == town["甲"]} == {"该月核定单尚未缴清，原欠费仍按原单缴纳"}


def test_a_charge_made_meanwhile_stops_the_release(town: dict[str, int]) -> None:
    month, rules = FIRST + 11, higher_floor()
    assess(month, at=moment(month, 5))
    made = trial(month, month, rules)
    low = people(town["乙"])[0]
    with acting(ENGINE):
        Line.objects.create(
            person_id=low, unit_id=town["乙"], agency_id=1, month=month, insurance=110, origin="back", base_fen=1, unit_fen=1, person_fen=1,
            recorded_at=AT,
        )  # fmt: skip
    with pytest.raises(NotReleasableError, match="1 笔应缴额因其他办件发生变动"):
        release(made, rules)


def test_a_piece_done_again_changes_nothing(town: dict[str, int]) -> None:
    made = trial(FIRST + 4, FIRST + 4, higher_floor())
    before = len(lines(made))
    with acting(ENGINE):
        assert recalculating.do_piece(made.pk, Piece(FIRST + 4, 0, 0, 2**31 - 1), higher_floor()) == 0
    assert len(lines(made)) == before > 0


def test_a_rule_without_a_value_ends_the_trial_with_a_sentence(town: dict[str, int]) -> None:
    broken = with_changed("pension.base", date(2025, 1, 1), PLACE, {"average_fen": 749_600, "floor_fen": None, "cap_fen": 2_248_800})
    made = trial(FIRST + 4, FIRST + 4, broken)
    assert made.state == "failed" and "下限" in made.note and "尚未确定" in made.note
