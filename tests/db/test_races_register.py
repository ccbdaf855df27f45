"""Races over the register and the month, of real threads with connections of their own: one winner, nobody lost, nobody twice."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections

from shebao.base.errors import ShebaoError
from shebao.casework import operations, review
from shebao.casework.item import CATALOGUE, item_of
from shebao.casework.models import Case, CaseState
from shebao.enrolment import operations as enrolment
from shebao.levy import assessing
from shebao.levy.models import Bill, Line, Run, RunChunk
from shebao.levy.months import hold
from shebao.parties.operations import NewPerson, register_people
from shebao.runs import monthly_assessment
from tests.db import support
from tests.db.support import ADD, CHANGE, ENGINE, PLACE, STOP, acting, ask, context, moment, race

RACERS = 4
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[None]:
    support.make_agency()
    yield


@pytest.mark.parametrize("known", [False, True], ids=["a new person", "one who was insured before"])
def test_one_person_added_by_several_units_in_one_second_is_insured_once_and_the_others_are_told_by_whom(known: bool) -> None:
    rounds = 15
    units = [support.make_unit(f"第{'一二三四'[i]}公司") for i in range(RACERS)]
    numbers = [support.new_id_number() for _ in range(rounds)]
    if known:
        former = support.make_unit("原单位", vip=True)
        numbers = support.hire(former, rounds, month=202601)
        names = dict(ask("select id_number, name from parties_person"))
        for n in numbers:
            support.take_effect(STOP, context(former, moment(202609)), {"id_number": n, "name": names[n], "reason": "6301"})
    called = dict(ask("select id_number, name from parties_person"))
    cases = [[support.file(ADD, context(u), support.addition(n, name=called.get(n, "张三"))) for u in units] for n in numbers]

    def perform(i: int, racer: int) -> review.Outcome | None:
        with acting(ENGINE):
            return review.review_automatically(cases[i][racer], context(units[racer]))

    for i, row in enumerate(race(rounds, RACERS, perform)):
        assert [o for o in row if not isinstance(o, review.Outcome)] == []
        (winner,) = [racer for racer, o in enumerate(row) if o.done]
        with acting(ENGINE):
            told = {Case.objects.get(pk=case).return_reason for racer, case in enumerate(cases[i]) if racer != winner}
        assert told == {f"此人在第{'一二三四'[winner]}公司未停保，请联系原单位办理暂停缴费，停保后再增员"}
    people = support.person_ids(numbers)
    for table in ("enrolment_spell", "enrolment_wage"):
        now_known = f"select count(*) from {table} where person_id = any(%s) and known_to is null and to_month is null"
        assert ask(now_known, [people]) == [(rounds,)]


def test_batches_that_name_the_same_people_in_other_orders_both_end() -> None:
    """Two units file the same twenty people: the constraint may meet a deadlock, which is a race like any other."""
    units = [support.make_unit(f"{'甲乙丙丁'[i]}厂") for i in range(RACERS)]
    numbers = [[support.new_id_number() for _ in range(20)] for _ in range(6)]

    def filed(unit: int, people: list[str]) -> int:
        with acting(support.operator(unit)):
            rows = [support.addition(n) for n in people]
            return operations.file_many(item_of(ADD), context(unit), rows, key=None, channel=operations.Channel.API)

    cases = [[filed(u, people[:: (-1) ** r]) for r, u in enumerate(units)] for people in numbers]

    def perform(i: int, racer: int) -> review.Outcome | None:
        with acting(ENGINE):
            return review.review_automatically(cases[i][racer], context(units[racer]))

    for row in race(len(numbers), RACERS, perform):
        assert [o for o in row if not isinstance(o, review.Outcome)] == []
        assert sorted(o.done for o in row) == [0, 0, 0, 20] and sum(o.returned for o in row) == 60


def test_several_starts_of_one_run_assess_the_month_once() -> None:
    unit = support.make_unit()
    support.hire(unit, 5, month=202610)

    def start(i: int, racer: int) -> int:
        with acting(ENGINE):
            run_id = assessing.begin(PLACE, 202610, at=moment(202610, 25))
        monthly_assessment.run(run_id, clock=lambda: moment(202610, 25))
        return run_id

    (row,) = race(1, RACERS, start)
    assert all(isinstance(o, int | assessing.AlreadyAssessedError) for o in row), row
    with acting(ENGINE):
        run = Run.objects.get(place=PLACE, month=202610)
        assert (run.state, run.rows) == ("done", sum(RunChunk.objects.filter(run=run).values_list("rows", flat=True)))
        assert Bill.objects.filter(unit_id=unit, month=202610).count() == 1


def test_month_close_against_late_enrolment_loses_nobody_and_charges_nobody_twice() -> None:
    """Three units enrol people while a fourth thread assesses the month: each is in the month or owes it as 补缴, never both or neither."""
    units = [support.make_unit() for _ in range(RACERS - 1)]
    for unit in units:
        support.hire(unit, 1, month=202607)
    months = [202607, 202608]
    outside = Counter[int]()
    for month in months:
        at = moment(month, 25)
        wanted = 12
        cases = [[support.file(ADD, context(u, at), support.addition()) for _ in range(wanted)] for u in units]

        def act(i: int, racer: int, month: int = month, at: Any = at, cases: Any = cases) -> Any:
            if racer == RACERS - 1:
                return support.assess(month, at=at)
            for case in cases[racer]:
                _until_free(lambda case=case, racer=racer: _perform(case, units[racer], at))
            return None

        (row,) = race(1, RACERS, act)
        assert not [o for o in row if isinstance(o, Exception)], row
        with acting(ENGINE):
            in_month = set(ask("select person_id from levy_assessment where month = %s and unit_id = any(%s)", [month, units]))
            owed = set(Line.objects.filter(month=month, unit_id__in=units).values_list("person_id"))
        enrolled = set(ask("select person_id from enrolment_spell where unit_id = any(%s) and from_month <= %s", [units, month]))
        assert in_month | owed == enrolled and not in_month & owed
        outside[month] += len(owed)
    assert len(enrolled) == len(units) * (1 + 2 * wanted)


def _perform(case: int, unit: int, at: Any) -> None:
    with acting(ENGINE):
        review.review_automatically(case, context(unit, at))


def _until_free(act: Callable[[], None]) -> None:
    """As the job process does: a month that is being assessed is tried again."""
    for _ in range(200):
        try:
            return act()
        except ShebaoError as error:
            assert error.code == "LVY-01", error.text
    raise AssertionError("the month stayed closed")


def test_a_stop_and_a_wage_change_in_the_same_second_leave_a_register_that_fits_together() -> None:
    unit = support.make_unit()
    numbers = support.hire(unit, 20, month=202601)
    ctx = context(unit)
    stops = [support.file(STOP, ctx, {"id_number": n, "name": f"张三{'甲乙丙丁'[i % 4]}", "reason": "6301"}) for i, n in enumerate(numbers)]
    changes = [
        support.file(CHANGE, ctx, {"id_number": n, "name": f"张三{'甲乙丙丁'[i % 4]}", "declared_wage": "9000"})
        for i, n in enumerate(numbers)
    ]

    def act(i: int, racer: int) -> review.Outcome | None:
        with acting(ENGINE):
            return review.review_automatically((stops, changes)[racer][i], ctx)

    for stopped, changed in race(20, 2, act):
        assert isinstance(stopped, review.Outcome) and stopped.done == 1
        assert isinstance(changed, review.Outcome)
    open_wages = "select count(*) from enrolment_wage where unit_id = %s and known_to is null and (to_month is null or to_month > 202612)"
    assert ask(open_wages, [unit]) == [(0,)]
    assert ask("select count(*) from enrolment_spell where unit_id = %s and known_to is null and to_month is null", [unit]) == [(0,)]
    with acting(ENGINE):
        assert Case.objects.filter(pk__in=stops, state=CaseState.DONE).count() == 20


def test_a_month_does_not_close_while_an_enrolment_in_it_is_under_way() -> None:
    """The same race, step by step: whoever holds the month is waited for, and then counted."""
    unit, month = support.make_unit(), 202609
    at, closing = moment(month, 25), ThreadPoolExecutor(1)
    numbers = [support.new_id_number()]

    def close() -> int:
        try:
            return support.assess(month, at=at)
        finally:
            connections.close_all()

    with acting(ENGINE):
        hold(PLACE, [month])  # the month is on record: from now on only its lock is between the two
    with acting(ENGINE):
        assert hold(PLACE, [month]) == {month: "open"}
        closed = closing.submit(close)
        with pytest.raises(TimeoutError):
            closed.result(0.5)
        people = register_people([NewPerson(numbers[0], "张三")], at=at)
        enrolment.start([enrolment.NewSpell(people[numbers[0]], unit, 1, support.FULL, month, 800_000, None)], at=at)
    closed.result(60)
    closing.shutdown()
    assert ask("select unit_id from levy_assessment where month = %s and person_id = %s", [month, people[numbers[0]]]) == [(unit,)]


def test_an_effect_that_a_deadlock_undid_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    unit, item, calls = support.make_unit(), item_of(ADD), []

    def perform(filings: Any, ctx: Any) -> None:
        item.perform(filings, ctx)
        calls.append(ctx)
        if len(calls) == 1:
            ask("do $$ begin raise exception 'deadlock detected' using errcode = '40P01'; end $$")

    monkeypatch.setitem(CATALOGUE, (ADD, 1), replace(item, perform=perform))
    assert support.take_effect(ADD, context(unit), support.addition()) == review.Outcome(1, 0)
    assert len(calls) == 2 and ask("select count(*) from enrolment_spell where unit_id = %s", [unit]) == [(1,)]
