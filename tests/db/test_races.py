"""Races of real threads with connections of their own. Beside each stands the naive code that loses the same race: a test that can fail."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from shebao.base.errors import RefusedError, ShebaoError
from shebao.casework import operations, review
from shebao.casework.cases import KeyReusedError, StaleCaseError
from shebao.casework.item import item_of
from shebao.casework.models import Case, CaseState, Effect, Filing
from shebao.levy import assessing, receiving
from shebao.levy.models import Allocation, Bill, Line, Receipt, ReceiptFile, Run, RunChunk
from shebao.policy.rulebook import standard
from shebao.runs import monthly_assessment
from tests.db import support
from tests.db.support import ADD, CHANGE, ENGINE, PLACE, acting, as_owner, ask, context, moment, race, reviewer

ROUNDS, RACERS = 40, 4
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[None]:
    support.make_agency()
    as_owner(
        """
        create table naive (k bigint, who int, state text not null default 'open', month_people int[]);
        grant select, insert, update on naive to shebao_engine
        """
    )
    yield


def naive(act: Callable[[Any, int, int], None], violated: str) -> int:
    """How many rounds of check-then-write code break the rule that the mechanism holds."""
    as_owner("truncate naive")

    def body(i: int, racer: int) -> None:
        with acting(ENGINE), connection.cursor() as cursor:
            act(cursor, i, racer)

    race(ROUNDS, RACERS, body)
    return int(as_owner(f"select count(*) from ({violated}) x")[0][0])


def write_if_absent(cursor: Any, i: int, racer: int) -> None:
    """What every race below would be without its constraint, key or lock."""
    cursor.execute("select 1 from naive where k = %s", [i])
    if cursor.fetchone() is None:
        cursor.execute("select pg_sleep(0.001)")
        cursor.execute("insert into naive (k, who) values (%s, %s)", [i, racer])


def test_check_then_insert_loses_the_races_that_keys_and_constraints_win() -> None:
    """The control of: one decision, one submission, one file, one person. Each is an insert after a look."""
    assert naive(write_if_absent, "select k from naive group by k having count(*) > 1") > ROUNDS // 2


def test_two_reviewers_decide_one_case_once() -> None:
    unit = support.make_unit(vip=False)
    ctx = context(unit, vip=False)
    numbers = [support.new_id_number() for _ in range(ROUNDS)]
    cases = [support.file(ADD, ctx, support.addition(n)) for n in numbers]
    with acting(ENGINE):
        versions = dict(Case.objects.filter(pk__in=cases).values_list("pk", "version"))

    def decide(i: int, racer: int) -> review.Outcome:
        decision = review.Decision() if racer % 2 else review.Decision(return_all=review.Return("请补充"))
        with acting(reviewer(200 + racer)):
            return review.decide(cases[i], versions[cases[i]], decision, ctx)

    outcomes = race(ROUNDS, RACERS, decide)
    for row in outcomes:
        assert Counter(type(o) for o in row) == {review.Outcome: 1, StaleCaseError: RACERS - 1}
        assert all("您的页面是旧内容" in o.text for o in row if isinstance(o, ShebaoError))
    passed = sum(o.done for row in outcomes for o in row if isinstance(o, review.Outcome))
    assert ask("select count(*) from enrolment_spell where unit_id = %s", [unit]) == [(passed,)]
    with acting(ENGINE):
        assert Effect.objects.filter(filing__case__in=cases).count() == passed


def test_a_double_click_saves_and_submits_once_and_answers_the_same() -> None:
    unit = support.make_unit()
    ctx, actor = context(unit), support.operator(unit)
    typed = [support.addition() for _ in range(ROUNDS)]

    def click(i: int, racer: int) -> tuple[int, int]:
        with acting(actor):
            saved = operations.save_new(item_of(ADD), ctx, dict(typed[i]), key=UUID(int=unit * 1000 + i)).case_id
        with acting(actor):
            return saved, operations.submit(saved, 1, ctx, key=UUID(int=unit * 1000 + 500 + i))

    for row in race(ROUNDS, RACERS, click):
        assert len(set(row)) == 1 and isinstance(row[0], tuple), row
    with acting(ENGINE):
        assert Case.objects.filter(unit_id=unit).count() == Filing.objects.filter(unit_id=unit, round=1).count() == ROUNDS


def test_a_key_with_another_content_or_from_another_account_is_refused() -> None:
    unit = support.make_unit()
    ctx, key = context(unit), UUID(int=77)

    def save(i: int, racer: int) -> int:
        with acting(support.operator(unit, 100 + racer)):
            return operations.save_new(item_of(ADD), ctx, support.addition(), key=key).case_id

    (row,) = race(1, RACERS, save)
    assert Counter(type(o) for o in row) == {int: 1, KeyReusedError: RACERS - 1}
    assert {o.text for o in row if isinstance(o, KeyReusedError)} == {"这个提交编号已经用于另一项内容，请刷新页面后重新提交"}
    with acting(ENGINE):
        assert Case.objects.filter(unit_id=unit).count() == 1


def test_one_person_added_by_several_units_in_one_second_is_insured_once_and_the_others_are_told_by_whom() -> None:
    units = [support.make_unit(f"第{'一二三四'[i]}公司") for i in range(RACERS)]
    numbers = [support.new_id_number() for _ in range(ROUNDS)]
    cases = [[support.file(ADD, context(u), support.addition(n)) for u in units] for n in numbers]

    def perform(i: int, racer: int) -> review.Outcome | None:
        with acting(ENGINE):
            return review.review_automatically(cases[i][racer], context(units[racer]))

    for i, row in enumerate(race(ROUNDS, RACERS, perform)):
        assert [o for o in row if not isinstance(o, review.Outcome)] == []
        (winner,) = [racer for racer, o in enumerate(row) if o.done]
        with acting(ENGINE):
            told = {Case.objects.get(pk=case).return_reason for racer, case in enumerate(cases[i]) if racer != winner}
        assert told == {f"此人在第{'一二三四'[winner]}公司未停保，请联系原单位办理暂停缴费，停保后再增员"}
    people = support.person_ids(numbers)
    assert ask("select count(*) from enrolment_spell where person_id = any(%s)", [people]) == [(ROUNDS,)]
    assert ask("select count(*) from enrolment_wage where person_id = any(%s)", [people]) == [(ROUNDS,)]


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


def test_the_same_receipt_file_counts_once_whoever_brings_it() -> None:
    unit = support.make_unit()
    support.hire(unit, 1, month=202609)
    support.assess(202609)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit)

    def bring(i: int, racer: int) -> receiving.Received:
        payment = receiving.Payment(f"R{i}", bill.number, "甲", 100, date(2026, 10, 8), 3)
        sha256 = i.to_bytes(31, "big") + bytes([racer % 2])  # the same bytes twice, and other bytes of the same batch
        with acting(support.finance(300 + racer)):
            return receiving.receive_file(
                sha256, f"批{i}", "a.csv", [payment], place=PLACE, agency_id=1, on=date(2026, 10, 8), at=moment(202610)
            )

    for row in race(ROUNDS, RACERS, bring):
        assert Counter(type(o) for o in row) == {receiving.Received: 1, receiving.FileKnownError: RACERS - 1}, row
    with acting(ENGINE):
        assert ReceiptFile.objects.count() == Receipt.objects.filter(bill=bill).count() == ROUNDS
        assert Bill.objects.get(pk=bill.pk).paid_fen == sum(Allocation.objects.values_list("amount_fen", flat=True)) == ROUNDS * 100


def test_two_files_that_share_a_payment_count_it_once() -> None:
    def bring(i: int, racer: int) -> receiving.Received:
        serials = [f"S{i}-{n}" for n in range(3)][:: (-1) ** racer]
        payments = [receiving.Payment(s, "HD-unknown", "甲", 100, date(2026, 10, 8), 3) for s in serials]
        with acting(support.finance(300 + racer)):
            return receiving.receive_file(
                bytes([racer]) + i.to_bytes(31, "big"), f"另{i}-{racer}", "a.csv", payments, place=PLACE, agency_id=1, on=date(2026, 10, 8),
                at=moment(202610),
            )  # fmt: skip

    outcomes = race(20, RACERS, bring)
    assert [sum(r.suspended for r in row) for row in outcomes] == [3] * 20
    assert [sum(r.known for r in row) for row in outcomes] == [3 * (RACERS - 1)] * 20


def test_two_people_of_finance_confirm_one_receipt_once() -> None:
    def enter(i: int) -> int:
        payment = receiving.Payment(f"手{i}", "HD-none", "甲", 500, date(2026, 10, 8))
        with acting(support.finance(300)):
            return receiving.enter_by_hand(payment, agency_id=1, place=PLACE, on=date(2026, 10, 8), at=moment(202610))

    receipts = [enter(i) for i in range(20)]

    def decide(i: int, racer: int) -> Any:
        with acting(support.finance(301 + racer)):
            if racer == RACERS - 1:
                return receiving.void(receipts[i], place=PLACE, on=date(2026, 10, 9), at=moment(202610, 9)) or "void"
            return receiving.confirm(receipts[i], place=PLACE, on=date(2026, 10, 9), at=moment(202610, 9))

    for row in race(20, RACERS, decide):
        assert sum(not isinstance(o, Exception) for o in row) == 1
        assert {o.text for o in row if isinstance(o, ShebaoError)} == {"这笔到账已由他人处理，请刷新页面查看结果"}
    assert ask("select count(*) from ledger_posting where reference = any(%s) or key = any(%s)", [
        [f"receipt:手{i}" for i in range(20)], [f"void:{r}" for r in receipts]]) == [(20,)]  # fmt: skip


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
        wanted = 15
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


def test_without_the_lock_month_close_loses_people() -> None:
    def act(cursor: Any, i: int, racer: int) -> None:
        if racer == 0:
            cursor.execute("insert into naive (k, who, state) select k, who, 'charged' from naive where k = %s and state = 'enrolled'", [i])
            cursor.execute("select pg_sleep(0.001)")
            cursor.execute("insert into naive (k, who, state) values (%s, 0, 'closed')", [i])
        else:
            cursor.execute("select 1 from naive where k = %s and state = 'closed'", [i])
            if cursor.fetchone() is None:
                cursor.execute("insert into naive (k, who, state) values (%s, %s, 'enrolled')", [i, racer])

    lost = """select k, who from naive e where state = 'enrolled'
              and not exists (select 1 from naive c where c.k = e.k and c.who = e.who and c.state = 'charged')"""
    assert naive(act, lost) > ROUNDS // 2


def test_a_stop_and_a_wage_change_in_the_same_second_leave_a_register_that_fits_together() -> None:
    unit = support.make_unit()
    numbers = support.hire(unit, 20, month=202601)
    ctx = context(unit)
    stops = [support.file(support.STOP, ctx, {"id_number": n, "name": f"张三{'甲乙丙丁'[i % 4]}", "reason": "6301"}) for i, n in enumerate(numbers)]
    changes = [
        support.file(CHANGE, ctx, {"id_number": n, "name": f"张三{'甲乙丙丁'[i % 4]}", "declared_wage": "9000"}) for i, n in enumerate(numbers)
    ]

    def act(i: int, racer: int) -> review.Outcome | None:
        with acting(ENGINE):
            return review.review_automatically((stops, changes)[racer][i], ctx)

    for stopped, changed in race(20, 2, act):
        assert isinstance(stopped, review.Outcome) and stopped.done == 1
        assert isinstance(changed, review.Outcome | RefusedError)
    open_wages = "select count(*) from enrolment_wage where unit_id = %s and known_to is null and (to_month is null or to_month > 202612)"
    assert ask(open_wages, [unit]) == [(0,)]
    assert ask("select count(*) from enrolment_spell where unit_id = %s and known_to is null and to_month is null", [unit]) == [(0,)]
    with acting(ENGINE):
        assert Case.objects.filter(pk__in=stops, state=CaseState.DONE).count() == 20
