"""A batch too large for one save: decided once, effective piece by piece, killed anywhere and still once (seed 004, 工资申报审核)."""

import os
import subprocess
import sys
import time
from typing import Any

import pytest
from django.db import DatabaseError, connections
from psycopg import conninfo

from shebao.base.actor import ENGINE, Actor, Role
from shebao.casework import batch, operations, review, settling
from shebao.casework.cases import StaleCaseError, WrongStateError
from shebao.casework.item import item_of
from shebao.casework.large import SettlingError, open_settlement
from shebao.casework.models import Case, Filing, FilingState, Settlement
from shebao.casework.review import Decision, Return
from shebao.channels.contexts import of_case
from shebao.enrolment import operations as enrolment
from shebao.enrolment.operations import Stop
from shebao.levy.models import MonthState, PlaceMonth
from shebao.levy.months import MonthBusyError
from shebao.site import jobs
from tests.db import support
from tests.db.support import AT, acting, ask, context, hire, make_unit, operator, person_ids, reviewer

ANNUAL = "enrolment.annual_wages"
HEADS = 2_100
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "PIECE_ROWS", 500)


def submitted(heads: int = HEADS, *, vip: bool = False) -> tuple[int, Case, list[str]]:
    """A unit's batch of yearly wages, submitted. Returns unit, case and the ID numbers."""
    unit = make_unit(vip=vip)
    numbers = hire(unit, heads, month=202609)
    item, ctx = item_of(ANNUAL), context(unit, vip=vip)
    with acting(operator(unit)):
        case = batch.receive(item, ctx, "申报.xlsx", b"x", b"d" * 32, key=None)
    columns: dict[str, list[Any]] = {
        "year": ["2027"] * heads,
        "id_number": list(numbers),
        "name": [f"张三{'甲乙丙丁'[i % 4]}" for i in range(heads)],
        "average_wage": ["9000"] * heads,
    }
    batch.load(case, item, ctx, columns, range(4, heads + 4), [], clock=lambda: AT)
    with acting(operator(unit)):
        operations.submit(case, fresh(case).version, ctx)
    return unit, fresh(case), numbers


def fresh(case_id: int) -> Case:
    with acting(ENGINE):
        return Case.objects.get(pk=case_id)


def decided(case: Case, decision: Decision | None = None) -> review.Outcome:
    with acting(reviewer()):
        return review.decide(case.pk, case.version, decision or Decision(), of_case(case, AT))


def settled(case: Case, pieces_max: int | None = None) -> bool:
    with acting(ENGINE):
        ctx = of_case(case, AT)
    return settling.go_on(case.pk, ctx, clock=lambda: AT, pieces_max=pieces_max)


def states(case: Case) -> dict[str, int]:
    return dict(ask("select state, count(*) from casework_filing where case_id = %s group by 1", [case.pk]))


def effects(unit: int) -> tuple[int, int, int]:
    """Yearly wages known now, wage rows known now that begin with the year, and guards, of a unit."""
    return ask(
        """
        select (select count(*) from enrolment_annualwage where unit_id = %(u)s),
               (select count(*) from enrolment_wage where unit_id = %(u)s and known_to is null and from_month = 202701),
               (select count(*) from casework_effect e join casework_filing f on f.id = e.filing_id where f.unit_id = %(u)s)
        """,
        {"u": unit},
    )[0]  # type: ignore[return-value]


def test_one_save_returns_the_named_and_passes_all_others_piece_by_piece() -> None:
    unit, case, numbers = submitted()
    with acting(reviewer()):
        rows = dict(Filing.objects.filter(case=case, id_number__in=numbers[:3]).values_list("id_number", "pk"))
    outcome = decided(case, Decision({rows[n]: Return(f"第 {i} 位的资料不全", ("average_wage",)) for i, n in enumerate(numbers[:3])}))
    assert (outcome.done, outcome.returned, outcome.pending) == (0, 3, HEADS - 3)
    assert states(case) == {"review": HEADS - 3, "returned": 3} and effects(unit) == (0, 0, 0)
    assert not settled(case, pieces_max=2)
    assert states(case) == {"review": HEADS - 1_003, "done": 1_000, "returned": 3} and effects(unit) == (1_000,) * 3
    assert settled(case) and states(case) == {"done": HEADS - 3, "returned": 3} and effects(unit) == (HEADS - 3,) * 3
    after = fresh(case.pk)
    assert (after.state, after.returned, after.reviewed_by, after.claimed_by) == ("draft", True, 200, None)
    assert after.return_reason == "第 0 位的资料不全（共 3 人被退回）"
    event = ask("select text, account_id from casework_event where case_id = %s order by id desc limit 1", [case.pk])
    assert event == [(f"{HEADS - 3} 人通过，3 人退回：第 0 位的资料不全（共 3 人被退回）", 200)]
    assert settled(case), "a second run finds nothing to do"


def test_all_go_back_for_one_reason_and_nothing_takes_effect() -> None:
    unit, case, _ = submitted()
    outcome = decided(case, Decision(return_all=Return("全部资料不全", ("average_wage",))))
    assert outcome.pending == HEADS
    settled(case)
    assert states(case) == {"returned": HEADS} and effects(unit) == (0, 0, 0)
    reasons = ask("select distinct return_reason, pins::text from casework_filing where case_id = %s", [case.pk])
    assert reasons == [("全部资料不全", '["average_wage"]')]
    assert fresh(case.pk).state == "draft"


def test_who_left_between_decision_and_effect_comes_back_and_the_others_pass() -> None:
    unit, case, numbers = submitted()
    decided(case)
    with acting(ENGINE):
        enrolment.stop([Stop(p, unit, 202612, "6301", None) for p in person_ids([numbers[0], numbers[-1]])], at=AT)
    settled(case)
    assert states(case) == {"done": HEADS - 2, "returned": 2} and effects(unit) == (HEADS - 2,) * 3


def test_while_it_takes_effect_nobody_decides_gives_or_takes_it_back() -> None:
    unit, case, _ = submitted()
    with acting(reviewer()):
        review.claim(case.pk, at=AT)
    decided(fresh(case.pk))
    settled(case, pieces_max=1)
    with pytest.raises(StaleCaseError):
        decided(case)
    now = fresh(case.pk)
    for act in (
        lambda: review.decide(case.pk, now.version, Decision(), of_case(case, AT)),
        lambda: review.release(case.pk, at=AT),
    ):
        with pytest.raises(SettlingError, match=r"正在生效（500 / 2,100 人）"), acting(reviewer()):
            act()
    with pytest.raises(SettlingError), acting(operator(unit)):
        operations.withdraw(case.pk, now.version, at=AT)
    settled(case)
    with pytest.raises(WrongStateError), acting(operator(unit)):
        operations.withdraw(case.pk, fresh(case.pk).version, at=AT)
    assert effects(unit) == (HEADS,) * 3


def test_two_runs_at_once_share_the_pieces_and_do_nothing_twice() -> None:
    unit, case, _ = submitted()
    decided(case)
    outcomes = support.race(1, 3, lambda i, racer: settled(case))
    assert outcomes == [[True, True, True]]
    assert effects(unit) == (HEADS,) * 3 and states(case) == {"done": HEADS}
    assert ask("select rows_done, rows_total from casework_settlement where case_id = %s", [case.pk]) == [(HEADS, HEADS)]


def test_a_large_batch_of_a_vip_unit_passes_by_itself() -> None:
    unit, case, _ = submitted(vip=True)
    jobs.review_automatically.func(case.pk)
    jobs.review_automatically.func(case.pk)  # a job that was taken up again
    assert states(case) == {"review": HEADS}
    settled(case, pieces_max=1)
    jobs.review_automatically.func(case.pk)  # few enough rows for one save by now, but they belong to the settlement
    assert states(case) == {"review": HEADS - 500, "done": 500}
    jobs.settle_case.func(case.pk)
    assert states(case) == {"done": HEADS} and effects(unit) == (HEADS,) * 3
    assert fresh(case.pk).state == "done"
    assert ask("select count(*), min(reviewer) from casework_settlement where case_id = %s", [case.pk]) == [(1, 0)]


def test_a_month_that_is_being_assessed_lets_it_wait_and_it_goes_on_afterwards() -> None:
    unit, case, _ = submitted()
    decided(case)
    settled(case, pieces_max=1)
    with acting(ENGINE):
        PlaceMonth.objects.filter(month=202701).update(state=MonthState.ASSESSING)
    with pytest.raises(MonthBusyError):
        settled(case)
    assert effects(unit) == (500,) * 3
    with acting(ENGINE):
        PlaceMonth.objects.filter(month=202701).update(state=MonthState.OPEN)
    settled(case)
    assert effects(unit) == (HEADS,) * 3


def test_a_settlement_is_moved_on_by_the_engine_alone_and_only_forward() -> None:
    unit, case, _ = submitted()
    decided(case)
    settled(case, pieces_max=1)
    with acting(ENGINE):
        pk = open_settlement(case).pk  # type: ignore[union-attr]
    for actor, denied in ((reviewer(), True), (operator(unit), True), (ENGINE, False)):
        for sql in ("rows_done = rows_done - 1", "reviewer = 999", "rows_done = rows_total + 1"):
            with pytest.raises(DatabaseError), acting(actor), connections["default"].cursor() as cursor:
                cursor.execute(f"update casework_settlement set {sql} where id = %s", [pk])
                assert denied and cursor.rowcount == 0, "unseen rows would be as good"
                raise DatabaseError
    with acting(Actor(Role.AGENCY, 200, "审核乙", 0, 2)):
        assert not Settlement.objects.filter(pk=pk).exists()


def _urls() -> dict[str, str]:
    parts = {alias: connections[alias].settings_dict for alias in ("default", "owner")}
    return {
        f"SHEBAO_{'DATABASE' if alias == 'default' else 'OWNER'}_URL": conninfo.make_conninfo(
            host=p["HOST"], port=p["PORT"] or None, user=p["USER"], password=p["PASSWORD"], dbname=p["NAME"]
        )
        for alias, p in parts.items()
    }


RUN = """
import sys, django
django.setup()
from shebao.casework import settling
from shebao.site import jobs
settling.PIECE_ROWS = 150
jobs.settle_case.func(int(sys.argv[1]))
"""


def test_killed_again_and_again_it_ends_with_every_effect_once() -> None:
    unit, case, _ = submitted()
    decided(case)
    seen = [0]
    for _ in range(30):
        process = subprocess.Popen([sys.executable, "-c", RUN, str(case.pk)], env={**os.environ, **_urls()})
        started, before = time.monotonic(), seen[-1]
        while process.poll() is None and time.monotonic() - started < 60:
            done = ask("select max(rows_done) from casework_settlement where case_id = %s", [case.pk])[0][0]
            if done > before:  # at least one more piece, and in the middle of the next
                time.sleep(0.03)
                process.kill()
                break
            time.sleep(0.005)
        process.wait()
        seen.append(ask("select max(rows_done) from casework_settlement where case_id = %s", [case.pk])[0][0])
        done_rows = states(case).get("done", 0)
        assert effects(unit) == (done_rows,) * 3 and done_rows == seen[-1]
        if process.returncode == 0:
            break
    assert len(seen) > 3, "it was killed several times"
    assert fresh(case.pk).state == "done" and effects(unit) == (HEADS,) * 3
    assert ask("select count(*) from casework_event where case_id = %s and kind = 'reviewed'", [case.pk]) == [(1,)]
    assert FilingState.REVIEW not in states(case)
