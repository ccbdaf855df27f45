"""月度核定: what everybody owes equals the policy person by person; a killed run ends as an undisturbed one; nobody is charged twice."""

from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.db.models import F, Sum

from shebao.base.errors import ShebaoError
from shebao.base.months import shift
from shebao.base.terms import INSURANCES, Insurance, Payer, mask_of
from shebao.ledger.queries import trial_balance
from shebao.levy import assessing, bulk
from shebao.levy.arrears import overdue, people_in_arrears
from shebao.levy.models import Bill, BillLine, Line, PlaceMonth, Run, RunChunk
from shebao.levy.months import MonthBusyError, hold, state_of
from shebao.levy.queries import bill_people, declared_for, find_due
from shebao.policy.levy import assess_one, month_rates
from shebao.policy.rulebook import standard
from shebao.runs import monthly_assessment
from tests.db import support
from tests.db.support import ADD, CHANGE, ENGINE, PLACE, STOP, acting, as_owner, ask, assess, context, hire, moment, take_effect

OTHER_PLACE, THIRD_PLACE = "421100", "421200"
FLOOR_FEN, CAP_FEN = 449_800, 2_248_800
pytestmark = pytest.mark.usefixtures("agencies")


@pytest.fixture(scope="module")
def agencies(database: str) -> None:
    support.make_agency(1), support.make_agency(2, OTHER_PLACE), support.make_agency(3, THIRD_PLACE)


@pytest.fixture(scope="module")
def town(agencies: None) -> dict[int, tuple[int, int]]:
    """Four units, by id with mask and injury class, with wages below, at, between, at and above floor and cap."""
    no_injury = mask_of([i for i in INSURANCES if i not in (Insurance.MATERNITY, Insurance.INJURY)])
    made = {}
    for mask, injury_class in ((support.FULL, 1), (support.FULL, 8), (no_injury, 3), (Insurance.PENSION.flag, 2)):
        unit = support.make_unit(mask=mask, injury_class=injury_class)
        made[unit] = (mask, injury_class)
        for wage_fen in (100, FLOOR_FEN - 1, FLOOR_FEN, 777_777, CAP_FEN, CAP_FEN + 1, 99_999_999):
            hire(unit, wage_fen=wage_fen, mask=mask, month=202509)
    assess(202509)
    return made


def rows(month: int, units: Any) -> list[tuple[Any, ...]]:
    return ask("select * from levy_assessment where month = %s and unit_id = any(%s) order by unit_id, person_id", [month, list(units)])


def test_everybody_owes_what_the_policy_says_for_one_person(town: dict[int, tuple[int, int]]) -> None:
    rates = month_rates(standard(), 202509, PLACE)
    wages = {(u, p): w for u, p, w in ask("select unit_id, person_id, wage_fen from enrolment_wage where unit_id = any(%s)", [list(town)])}
    seen = 0
    with acting(ENGINE):
        for unit, (mask, injury_class) in town.items():
            for due in bill_people(unit, 202509):
                expected = assess_one(wages[unit, due.person_id], mask, injury_class, rates)
                assert all(fen == expected[key] for key, fen in due.amounts_fen.items())
                assert sum(expected.values()) == due.unit_fen + due.person_fen
                assert due.pension_base_fen == min(max(wages[unit, due.person_id], FLOOR_FEN), CAP_FEN)
                assert (due.mask, due.injury_class) == (mask, injury_class)
                seen += 1
    assert seen == 28


def test_a_bill_is_the_sum_of_its_people_by_type_and_the_books_hold_what_is_open(town: dict[int, tuple[int, int]]) -> None:
    with acting(ENGINE):
        for unit in town:
            bill = Bill.objects.get(unit_id=unit, month=202509)
            people = bill_people(unit, 202509)
            lines = {line.insurance: line for line in bill.lines.all()}
            for insurance in INSURANCES:
                owing = [due for due in people if insurance in due.insurances]
                sums = [sum(due.amounts_fen.get((insurance, payer), 0) for due in owing) for payer in (Payer.UNIT, Payer.PERSON)]
                line = lines.pop(insurance.value, None)
                found = [line.unit_fen, line.person_fen, line.headcount] if line else [0, 0, 0]
                assert found == [*sums, len(owing)]
            assert lines == {} and bill.headcount == len(people) == 7
            assert (bill.unit_fen, bill.person_fen) == (sum(d.unit_fen for d in people), sum(d.person_fen for d in people))
            assert (bill.issued_on, bill.due_date) == (date(2025, 9, 25), date(2025, 10, 15))  # ten working days over the October holiday
        open_fen = {
            row["insurance"]: row["open"]
            for row in BillLine.objects.values("insurance").annotate(open=Sum(F("unit_fen") + F("person_fen") - F("paid_fen")))
        }
        receivable = {b.fund: b.balance_fen for b in trial_balance(PLACE, date(2026, 12, 31)) if b.kind.value == "receivable"}
        assert receivable == {fund: fen for fund, fen in open_fen.items() if fen}
        run = Run.objects.get(place=PLACE, month=202509)
        assert run.total_fen == sum(Bill.objects.filter(month=202509).values_list(F("unit_fen") + F("person_fen"), flat=True))
        assert (run.state, run.rows, run.bills) == ("done", 28, 4)


def test_a_month_is_assessed_once_not_before_it_begins_and_a_late_start_finds_nothing_to_do(town: dict[int, tuple[int, int]]) -> None:
    before = as_owner("select * from levy_bill order by id")
    with pytest.raises(assessing.AlreadyAssessedError, match="2025 年 9 月已经核定过，不会重复核定"):
        assess(202509)
    with pytest.raises(assessing.FutureMonthError, match="2026 年 12 月还没有开始"):
        assess(202612, at=moment(202611, 30))
    with pytest.raises(assessing.EarlyMonthError, match="2019 年 12 月生育保险仍单独计征"):
        assess(201912)
    with acting(ENGINE):
        run = Run.objects.get(place=PLACE, month=202509)
    monthly_assessment.run(run.pk, clock=lambda: moment(202509, 26))
    assert as_owner("select * from levy_bill order by id") == before
    with acting(ENGINE):
        assert Run.objects.get(pk=run.pk).finished_at == run.finished_at


def test_a_run_killed_between_chunks_goes_on_and_ends_as_an_undisturbed_one(
    town: dict[int, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Next month nothing has changed, so a run cut into a chunk a unit, killed twice, must give the rows of September again."""
    monkeypatch.setattr(bulk, "chunks", lambda heads: [(unit, unit) for unit, _ in heads])
    month, at = 202510, moment(202510, 25)
    support.declare_all(month)
    with acting(ENGINE):
        run_id = assessing.begin(PLACE, month, at=at)
        work = assessing.plan(run_id)
    assert len(work.chunks) == 4
    with acting(ENGINE):
        assessing.do_chunk(work, work.chunks[2], standard())
    with pytest.raises(KeyboardInterrupt), acting(ENGINE):  # killed inside a chunk: neither its guard nor its rows stay
        assessing.do_chunk(work, work.chunks[0], standard())
        raise KeyboardInterrupt
    with pytest.raises(MonthBusyError, match="2025 年 10 月正在核定"), acting(ENGINE):
        hold(PLACE, [month])
    assert rows(month, town) == [] and not as_owner("select 1 from levy_bill where month = %s", [month])
    hire(support.make_unit(place=OTHER_PLACE, agency=2), 3, month=202501, agency=2)  # elsewhere life goes on
    with acting(ENGINE):
        assert assessing.begin(PLACE, month, at=at) == run_id
        assert [number for number, _, _ in assessing.plan(run_id).chunks] == [0, 1, 3]
    monthly_assessment.run(run_id, clock=lambda: at)
    as_september = [tuple(202509 if value == month else value for value in row) for row in rows(month, town)]
    assert as_september == rows(202509, town) and len(as_september) == 28
    with acting(ENGINE):
        first, second = (Run.objects.get(place=PLACE, month=m) for m in (202509, month))
        assert (second.rows, second.total_fen, second.bills, second.state) == (first.rows, first.total_fen, first.bills, "done")
        assert RunChunk.objects.filter(run=second).count() == 4
        sums = [
            Counter(BillLine.objects.filter(bill__month=m).values_list("bill__unit", "insurance", "unit_fen", "person_fen"))
            for m in (202509, month)
        ]
        assert sums[0] == sums[1]


def test_a_guard_that_does_not_fit_the_rows_stops_publication(town: dict[int, tuple[int, int]]) -> None:
    with acting(ENGINE):
        run_id = assessing.begin(PLACE, 202511, at=moment(202511, 25))
        work = assessing.plan(run_id)
        assessing.do_chunk(work, work.chunks[0], standard())
    as_owner(f"delete from {work.table} where person_id = (select min(person_id) from {work.table})")
    with pytest.raises(Exception, match="holds 27 rows, its guards say 28"), acting(ENGINE):
        assessing.publish(run_id, standard(), on=date(2025, 11, 25), at=moment(202511, 25))
    assert rows(202511, town) == []
    with acting(ENGINE):
        assessing.fail(run_id, "行数不符", at=moment(202511, 25))
        assert state_of(PLACE, 202511) == "open"


def test_a_missing_rule_fails_the_run_with_its_sentence_and_opens_the_month_again() -> None:
    unit = support.make_unit()
    hire(unit, 2, month=202412, at=moment(202412))
    books = as_owner("select count(*) from ledger_posting")
    for _ in range(2):  # and it may be tried again
        run_id = assess(202412)
        with acting(ENGINE):
            run = Run.objects.get(pk=run_id)
            told = "武汉市（420100）2024 年 12 月 1 日的“企业职工基本养老、失业、工伤保险缴费基数”的下限（pension.base）尚未确定"
            assert (run.state, run.rows, run.bills) == ("failed", 0, 0) and run.note.startswith(told)
            assert state_of(PLACE, 202412) == "open"
            hold(PLACE, [202412])
    assert rows(202412, [unit]) == [] and as_owner("select count(*) from ledger_posting") == books
    assert not as_owner("select 1 from levy_bill where month = 202412")
    take_effect(STOP, context(unit, moment(202412, 26)), {"id_number": hired(unit)[0], "name": "张三甲", "reason": "6301"})


def hired(unit: int) -> list[str]:
    people = "select id_number from parties_person p join enrolment_spell s on s.person_id = p.id and s.known_to is null"
    return [number for (number,) in ask(f"{people} where s.unit_id = %s order by p.id", [unit])]


def test_a_unit_without_terms_fails_the_run_instead_of_being_left_out() -> None:
    place, month = OTHER_PLACE, 202502
    unit = support.make_unit(place=place, agency=2, since=202506)
    hire(unit, 1, month=202501, agency=2)
    run_id = assess(month, place=place)
    with acting(ENGINE):
        run = Run.objects.get(pk=run_id)
        assert run.state == "failed" and f"（内部编号 {unit}）" in run.note and "请先补登单位参保险种" in run.note
        assert state_of(place, month) == "open"


def test_two_places_do_not_mix() -> None:
    pension = Insurance.PENSION.flag  # the other place has no published rate for medical insurance
    here, there = support.make_unit(), support.make_unit(place=THIRD_PLACE, agency=3, mask=pension)
    hire(here, 2, month=202601), hire(there, 3, month=202601, agency=3, mask=pension)
    window = support.make_unit("个人流动窗口", kind="window")
    hire(window, 1, month=202601)
    assess(202601)
    assert {unit for (unit,) in ask("select distinct unit_id from levy_assessment where month = 202601")} >= {here}
    assert rows(202601, [there, window]) == []
    run_id = assess(202601, place=THIRD_PLACE)
    assert ask("select state, note from levy_run where id = %s", [run_id]) == [("done", "")]
    assert len(rows(202601, [there])) == 3 and len(rows(202601, [here])) == 2
    with acting(ENGINE):
        runs = Run.objects.filter(month=202601)
        assert runs.count() == 2 and PlaceMonth.objects.filter(month=202601, state="assessed").count() == 2
        ours, theirs = (
            sum(b.balance_fen for b in trial_balance(p, date(2026, 1, 31)) if b.kind.value == "income") for p in (PLACE, THIRD_PLACE)
        )
        assert -theirs == Bill.objects.get(unit_id=there).total_fen and ours != theirs


def test_a_backdated_addition_is_charged_once_on_the_next_bill_a_leaver_no_more_and_a_new_wage_from_next_month() -> None:
    unit = support.make_unit()
    stays, leaves = hire(unit, 2, month=202601, wage_fen=800_000, at=moment(202601))
    ids = support.person_ids([stays, leaves])
    assess(202603)
    at = moment(202603, 26)
    ctx = context(unit, at)
    late = support.new_id_number()
    assert take_effect(ADD, ctx, support.addition(late, backdated_from="202602")) is not None
    take_effect(STOP, ctx, {"id_number": leaves, "name": "张三乙", "reason": "6301"})
    take_effect(CHANGE, ctx, {"id_number": stays, "name": "张三甲", "declared_wage": "9000"})
    with acting(ENGINE):
        owed = list(Line.objects.filter(unit_id=unit))
        assert {line.month for line in owed} == {202603}  # February was never assessed here: nothing is owed for it twice
        assert all(line.bill_id is None for line in owed)
        bill = Bill.objects.get(unit_id=unit, month=202603)
    assert {row[0] for row in rows(202603, [unit])} == set(ids)
    assess(202604), assess(202605)
    (late_id,) = support.person_ids([late])
    with acting(ENGINE):
        march, april, may = Bill.objects.filter(unit_id=unit).order_by("month")
        assert march.pk == bill.pk and march.total_fen == bill.total_fen
        back = list(april.lines.filter(origin="back"))
        expected = assess_one(800_000, support.FULL, 1, month_rates(standard(), 202603, PLACE))
        assert {line.insurance: (line.unit_fen, line.person_fen) for line in back} == {
            i.value: (expected[i, Payer.UNIT], expected[i, Payer.PERSON]) for i in INSURANCES if any(expected[i, p] for p in Payer)
        }
        assert {line.headcount for line in back} == {1} and not may.lines.filter(origin="back").exists()
        assert {line.bill_id for line in Line.objects.filter(unit_id=unit)} == {april.pk}
        assert [d.person_id for d in bill_people(unit, 202604)] == sorted([ids[0], late_id])
        bases = [find_due(unit, ids[0], m).pension_base_fen for m in (202603, 202604)]  # type: ignore[union-attr]
        assert bases == [800_000, 900_000]
    with acting(support.operator(unit)):
        told = [declared_for(unit, ids[0], m) for m in (202603, 202604)]
        assert [d and d.wage_fen for d in told] == [800_000, 900_000]


def test_back_lines_are_billed_even_when_nobody_is_left() -> None:
    unit, month = support.make_unit(), 202605
    ctx = context(unit, moment(month, 26))
    number = support.new_id_number()
    take_effect(ADD, ctx, support.addition(number))
    take_effect(STOP, ctx, {"id_number": number, "name": "张三", "reason": "6301"})
    assess(shift(month, 1))
    with acting(ENGINE):
        (bill,) = Bill.objects.filter(unit_id=unit)
        assert (
            bill.headcount == 0 and bill.total_fen == sum(line.unit_fen + line.person_fen for line in Line.objects.filter(unit_id=unit)) > 0
        )
        assert {line.origin for line in bill.lines.all()} == {"back"}


def test_overdue_bills_are_arrears_of_the_unit_and_of_its_people_until_paid() -> None:
    unit = support.make_unit()
    numbers = hire(unit, 2, month=202607)
    people = support.person_ids(numbers)
    assess(202607)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit)
        assert people_in_arrears(unit, people, bill.due_date) == {} and overdue(bill.due_date, unit_id=unit) == []
    after = date.fromordinal(bill.due_date.toordinal() + 1)
    support.pay(bill, bill.total_fen - 1)
    with acting(ENGINE):
        assert people_in_arrears(unit, people, after) == {p: [202607] for p in people}
        assert [(a.bill_number, a.open_fen, a.headcount) for a in overdue(after, unit_id=unit)] == [(bill.number, 1, 2)]
    support.pay(bill, 1)
    with acting(ENGINE):
        assert people_in_arrears(unit, people, after) == {} and overdue(after, unit_id=unit) == []


def test_an_effect_in_a_month_under_assessment_is_put_off_with_a_sentence_and_changes_nothing() -> None:
    unit, month = support.make_unit(), 202608
    at = moment(month, 25)
    ctx = context(unit, at)
    case = support.file(ADD, ctx, support.addition())
    with acting(ENGINE):
        run_id = assessing.begin(PLACE, month, at=at)
    with pytest.raises(ShebaoError, match="2026 年 8 月正在核定，通常不到一分钟；请稍后再试"), acting(ENGINE):
        support.review.review_automatically(case, ctx)
    assert ask("select state from casework_case where id = %s", [case]) == [("review",)]
    assert ask("select count(*) from enrolment_spell where unit_id = %s", [unit]) == [(0,)]
    monthly_assessment.run(run_id, clock=lambda: at)
    with acting(ENGINE):
        assert support.review.review_automatically(case, ctx) is not None
        assert {line.month for line in Line.objects.filter(unit_id=unit)} == {month}
